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
        cmocka_unit_test(append_survives_oom),
        cmocka_unit_test(wrap_puts_context_in_front),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
