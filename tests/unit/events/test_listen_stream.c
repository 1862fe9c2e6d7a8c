/*
 * The stream is fed whole, byte by byte and cut at every place: what comes out is the same.
 */
#include "events/listen_stream.h"

#include "t_events.h"

#define LINE(key)                                                                 \
    "{\"Records\":[{\"eventVersion\":\"2.0\",\"eventSource\":\"minio:s3\","       \
    "\"eventName\":\"s3:ObjectCreated:Put\",\"s3\":{\"bucket\":{\"name\":\"b\"}," \
    "\"object\":{\"key\":\"" key "\"}}}]}\n"

static int collect(void *ctx, const struct bkt_event *events, size_t count)
{
    t_line_add_events(ctx, events, count);
    return BKT_OK;
}

/* Feed `text` in pieces of `piece` bytes. */
static void feed(struct bkt_listen_stream *stream,
                 struct bkt_str text,
                 size_t piece,
                 struct t_line *line)
{
    for (size_t i = 0; i < text.len; i += piece) {
        struct bkt_str part = {text.ptr + i, text.len - i < piece ? text.len - i : piece};
        /* A copy of its own size, so that the sanitizer sees a read past the end. */
        char *copy = malloc(part.len);
        assert_non_null(copy);
        memcpy(copy, part.ptr, part.len);
        part.ptr = copy;
        assert_int_equal(bkt_listen_stream_feed(stream, part, collect, line), BKT_OK);
        free(copy);
    }
}

static void events_come_out_however_it_is_cut(void **state)
{
    (void)state;
    static const char text[] =
        "   {\"Records\":null}\n" LINE("a+b%41/\xC3\xBC\xF0\x9F\x98\x80") "  \n\n\r\n \t" LINE(
            "two\\u0026") "{\"Records\":null}\r\n    " LINE("three");
    for (size_t piece = 1; piece < sizeof(text); piece++) {
        struct bkt_listen_stream stream;
        bkt_listen_stream_init(&stream);
        struct t_line line = {0};
        feed(&stream, (struct bkt_str){text, sizeof(text) - 1}, piece, &line);
        assert_string_equal(line.text, "changed b a+b%41/\xC3\xBC\xF0\x9F\x98\x80; changed b two&; "
                                       "changed b three");
        assert_int_equal(stream.lost_count, 0);
        bkt_listen_stream_clear(&stream);
        assert_int_equal(bkt_mem_live(), 0);
    }
}

static void a_line_without_end_says_nothing(void **state)
{
    (void)state;
    struct bkt_listen_stream stream;
    bkt_listen_stream_init(&stream);
    struct t_line line = {0};
    static const char text[] = LINE("cut");
    feed(&stream, (struct bkt_str){text, sizeof(text) - 2}, 7, &line);
    assert_string_equal(line.text, "");

    /* The connection ends here; what the next one brings has nothing to do with it. */
    bkt_listen_stream_reset(&stream);
    feed(&stream, BKT_STR(LINE("next")), 1000, &line);
    assert_string_equal(line.text, "changed b next");
    assert_int_equal(stream.lost_count, 0);
    bkt_listen_stream_clear(&stream);
}

static void what_is_not_understood_is_counted(void **state)
{
    (void)state;
    struct bkt_listen_stream stream;
    bkt_listen_stream_init(&stream);
    struct t_line line = {0};
    feed(&stream, BKT_STR("<Error/>\n" LINE("a") "{\"x\":1}\n" LINE("") LINE("b")), 5, &line);
    assert_string_equal(line.text, "changed b a; changed b b");
    assert_int_equal(stream.lost_count, 3);
    assert_string_equal(stream.lost_reason, "a record has no s3.object.key");
    bkt_listen_stream_clear(&stream);
}

static void spaces_are_not_kept(void **state)
{
    (void)state;
    struct bkt_listen_stream stream;
    bkt_listen_stream_init(&stream);
    struct t_line line = {0};
    for (int i = 0; i < 10000; i++)
        feed(&stream, BKT_STR("   "), 3, &line);
    assert_int_equal(stream.line.len, 0);
    assert_int_equal(bkt_mem_live(), 0);
    feed(&stream, BKT_STR(LINE("a")), 9, &line);
    assert_string_equal(line.text, "changed b a");
    bkt_listen_stream_clear(&stream);
}

static void a_line_over_the_limit_is_skipped(void **state)
{
    (void)state;
    enum { PIECE = 1 << 16 };
    static char filler[PIECE];
    memset(filler, 'x', sizeof(filler));

    struct bkt_listen_stream stream;
    bkt_listen_stream_init(&stream);
    struct t_line line = {0};
    for (size_t fed = 0; fed <= (size_t)2 * BKT_LISTEN_LINE_BYTES_MAX; fed += PIECE)
        feed(&stream, (struct bkt_str){filler, PIECE}, PIECE, &line);
    assert_int_equal(stream.lost_count, 1);
    assert_string_equal(stream.lost_reason, "a line longer than 4 MiB");
    assert_int_equal(bkt_mem_live(), 0);

    feed(&stream, BKT_STR(LINE("its end") LINE("next")), 11, &line);
    assert_string_equal(line.text, "changed b next");
    assert_int_equal(stream.lost_count, 1);
    bkt_listen_stream_clear(&stream);
}

static int refuse(void *ctx, const struct bkt_event *events, size_t count)
{
    (void)events;
    *(size_t *)ctx += count;
    return BKT_ECANCELED;
}

static void a_callback_can_end_it(void **state)
{
    (void)state;
    struct bkt_listen_stream stream;
    bkt_listen_stream_init(&stream);
    size_t seen = 0;
    assert_int_equal(bkt_listen_stream_feed(&stream, BKT_STR(LINE("a") LINE("b")), refuse, &seen),
                     BKT_ECANCELED);
    assert_int_equal(seen, 1);
    bkt_listen_stream_clear(&stream);
    bkt_listen_stream_clear(NULL);
    assert_int_equal(bkt_mem_live(), 0);
}

static int feed_and_drop(void)
{
    struct bkt_listen_stream stream;
    bkt_listen_stream_init(&stream);
    struct t_line line = {0};
    int rc = bkt_listen_stream_feed(&stream, BKT_STR(LINE("a") LINE("b")), collect, &line);
    bkt_listen_stream_clear(&stream);
    return rc;
}

static void out_of_memory_is_an_error(void **state)
{
    (void)state;
    T_TORTURE(feed_and_drop());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_out_however_it_is_cut),
        cmocka_unit_test(a_line_without_end_says_nothing),
        cmocka_unit_test(what_is_not_understood_is_counted),
        cmocka_unit_test(spaces_are_not_kept),
        cmocka_unit_test(a_line_over_the_limit_is_skipped),
        cmocka_unit_test(a_callback_can_end_it),
        cmocka_unit_test(out_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
