/*
 * Encoding is checked byte by byte against the rule in words, decoding against a table, and each
 * against the other.
 */
#include "core/percent.h"

#include <bucketable/error.h>

#include "t.h"

#include <stdio.h>

static void every_byte_is_encoded_by_the_rule(void **state)
{
    (void)state;
    static const char unreserved[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
    for (int byte = 0; byte < 256; byte++) {
        char raw = (char)byte;
        char wanted[4];
        (void)snprintf(wanted, sizeof(wanted), "%%%02X", (unsigned)byte);
        if (memchr(unreserved, byte, sizeof(unreserved) - 1))
            (void)snprintf(wanted, sizeof(wanted), "%c", raw);

        struct bkt_buf buf = BKT_BUF_INIT(8);
        assert_int_equal(
            bkt_percent_encode(&buf, (struct bkt_str){&raw, 1}, BKT_PERCENT_ENCODE_SLASH), BKT_OK);
        assert_string_equal(buf.ptr, wanted);
        bkt_buf_reset(&buf);
        assert_int_equal(
            bkt_percent_encode(&buf, (struct bkt_str){&raw, 1}, BKT_PERCENT_KEEP_SLASH), BKT_OK);
        assert_string_equal(buf.ptr, raw == '/' ? "/" : wanted);

        char decoded;
        assert_int_equal(bkt_percent_decode_form(&decoded, bkt_buf_str(&buf)), 1);
        assert_int_equal(decoded, raw);
        bkt_buf_clear(&buf);
    }
}

static void decoding_is_forgiving_and_happens_once(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *decoded;
    } cases[] = {
        {"", ""},
        {"plain/key-_.~*", "plain/key-_.~*"},
        {"a+b%20c", "a b c"},
        {"%2B%2b%25%2F", "++%/"},
        {"%c3%A9", "\xc3\xa9"},
        {"%2541", "%41"},
        {"%", "%"},
        {"%4", "%4"},
        {"%4g%g4%-1%+1", "%4g%g4%-1% 1"},
        {"100%", "100%"},
        {"%%41", "%A"},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].text);
        struct bkt_str text = bkt_str_from(cases[i].text);
        char out[64];
        size_t len = bkt_percent_decode_form(out, text);
        assert_int_equal(len, strlen(cases[i].decoded));
        assert_memory_equal(out, cases[i].decoded, len);
        if (!bkt_percent_is_encoded(text))
            assert_string_equal(cases[i].text, cases[i].decoded);

        /* In place too. */
        (void)memcpy(out, text.ptr, text.len);
        assert_int_equal(bkt_percent_decode_form(out, (struct bkt_str){out, text.len}), len);
        assert_memory_equal(out, cases[i].decoded, len);
    }
}

static void a_nul_is_a_byte(void **state)
{
    (void)state;
    char out[8];
    assert_int_equal(bkt_percent_decode_form(out, BKT_STR("a%00b")), 3);
    assert_memory_equal(out, "a\0b", 3);
}

static void a_full_buffer_stays_as_it_was(void **state)
{
    (void)state;
    struct bkt_buf buf = BKT_BUF_INIT(5);
    assert_int_equal(bkt_buf_append(&buf, BKT_STR("abc")), BKT_OK);
    assert_int_equal(bkt_percent_encode(&buf, BKT_STR(" "), BKT_PERCENT_KEEP_SLASH), BKT_ELIMIT);
    assert_string_equal(buf.ptr, "abc");
    bkt_buf_clear(&buf);
}

static int encode(void)
{
    struct bkt_buf buf = BKT_BUF_INIT(64);
    int rc = bkt_percent_encode(&buf, BKT_STR("a b"), BKT_PERCENT_KEEP_SLASH);
    bkt_buf_clear(&buf);
    return rc;
}

static void memory_runs_out(void **state)
{
    (void)state;
    T_TORTURE(encode());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_is_encoded_by_the_rule),
        cmocka_unit_test(decoding_is_forgiving_and_happens_once),
        cmocka_unit_test(a_nul_is_a_byte),
        cmocka_unit_test(a_full_buffer_stays_as_it_was),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
