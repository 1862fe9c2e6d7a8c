/*
 * Appends are checked against a table of sizes around the ceiling, then with every allocation
 * failing in turn.
 */
#include "core/buf.h"

#include <bucketable/error.h>

#include "t.h"

static void append_stops_at_the_ceiling(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t max;
        struct bkt_str bytes;
        int rc;
    } cases[] = {
        {"nothing into nothing", 0, {"", 0}, BKT_OK},
        {"exactly full", 4, {"abcd", 4}, BKT_OK},
        {"one too many", 4, {"abcde", 5}, BKT_ELIMIT},
        {"a NUL is a byte", 8, {"a\0b", 3}, BKT_OK},
    };

    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# %s\n", cases[i].name);
        struct bkt_buf buf = BKT_BUF_INIT(cases[i].max);
        assert_int_equal(bkt_buf_append(&buf, cases[i].bytes), cases[i].rc);
        if (cases[i].rc == BKT_OK) {
            assert_int_equal(buf.len, cases[i].bytes.len);
            assert_memory_equal(buf.ptr, cases[i].bytes.ptr, cases[i].bytes.len);
            assert_int_equal(buf.ptr[buf.len], '\0');
        }
        bkt_buf_clear(&buf);
        assert_int_equal(bkt_mem_live(), 0);
    }
}

static void assert_ended(const struct bkt_buf *buf, const char *text)
{
    assert_int_equal(buf->len, strlen(text));
    assert_string_equal(buf->ptr, text);
}

/* Whoever takes `ptr` for a text reads what is in the buffer, and nothing older. */
static void what_is_there_ends_in_a_nul_after_every_call(void **state)
{
    (void)state;
    struct bkt_buf buf = BKT_BUF_INIT(200);
    assert_null(buf.ptr);
    assert_string_equal(bkt_buf_str(&buf).ptr, "");
    assert_int_equal(bkt_buf_reserve(&buf, 10), BKT_OK);
    assert_ended(&buf, "");
    assert_int_equal(bkt_buf_printf(&buf, "%s-%d", "old", 1), BKT_OK);
    assert_ended(&buf, "old-1");
    assert_int_equal(bkt_buf_reserve(&buf, 100), BKT_OK);
    assert_ended(&buf, "old-1");
    bkt_buf_reset(&buf);
    assert_ended(&buf, "");
    assert_int_equal(bkt_buf_set(&buf, BKT_STR("new")), BKT_OK);
    assert_int_equal(bkt_buf_append_char(&buf, '!'), BKT_OK);
    assert_ended(&buf, "new!");
    assert_int_equal(bkt_buf_set(&buf, (struct bkt_str){buf.ptr + 1, 2}), BKT_OK);
    assert_ended(&buf, "ew");

    size_t len = 0;
    char *taken = bkt_buf_take(&buf, &len);
    assert_string_equal(taken, "ew");
    assert_int_equal(len, 2);
    bkt_mem_free(taken);
    assert_null(buf.ptr);
    bkt_buf_reset(&buf);
    assert_null(buf.ptr);
}

static int append_forty_times(void)
{
    struct bkt_buf buf = BKT_BUF_INIT(1000);
    int rc = BKT_OK;
    for (int i = 0; i < 40 && rc == BKT_OK; i++)
        rc = bkt_buf_append(&buf, BKT_STR("0123456789"));
    bkt_buf_clear(&buf);
    return rc;
}

static void append_survives_oom(void **state)
{
    (void)state;
    T_TORTURE(append_forty_times());
}

static void wrap_puts_context_in_front(void **state)
{
    (void)state;
    struct bkt_error err;
    int rc = bkt_error_set(&err, BKT_ES3, "HTTP %d SlowDown", 503);
    rc = bkt_error_wrap(&err, rc, "list page %u of s3://%s/", 3u, "b");
    assert_int_equal(rc, BKT_ES3);
    assert_string_equal(err.message, "list page 3 of s3://b/: HTTP 503 SlowDown");
    assert_string_equal(bkt_error_name(rc), "ES3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(append_stops_at_the_ceiling),
        cmocka_unit_test(what_is_there_ends_in_a_nul_after_every_call),
        cmocka_unit_test(append_survives_oom),
        cmocka_unit_test(wrap_puts_context_in_front),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
