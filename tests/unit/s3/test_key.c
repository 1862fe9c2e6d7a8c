#include "s3/key.h"

#include <bucketable/error.h>

#include "t.h"

/* The key of many traps: what is sent for it, and what a listing shows. */
#define KEY "dir/a+b c%2F/../~*\xc3\xa9//x"

static void keys_are_encoded_once_and_never_normalized(void **state)
{
    (void)state;
    struct bkt_buf buf = BKT_BUF_INIT(256);
    assert_int_equal(bkt_key_encode_path(&buf, BKT_STR(KEY)), BKT_OK);
    assert_string_equal(buf.ptr, "dir/a%2Bb%20c%252F/../~%2A%C3%A9//x");
    bkt_buf_reset(&buf);
    assert_int_equal(bkt_key_encode_query(&buf, BKT_STR(KEY)), BKT_OK);
    assert_string_equal(buf.ptr, "dir%2Fa%2Bb%20c%252F%2F..%2F~%2A%C3%A9%2F%2Fx");
    bkt_buf_clear(&buf);
}

static void listings_are_decoded(void **state)
{
    (void)state;
    struct bkt_arena arena = {0};
    struct bkt_str key;
    assert_int_equal(bkt_key_decode(&arena, BKT_STR("dir/a%2Bb+c%252F/../%7E*%C3%A9//x"), &key),
                     BKT_OK);
    assert_true(bkt_str_eq(key, BKT_STR(KEY)));

    struct bkt_str plain = BKT_STR("nothing/to-do");
    assert_int_equal(bkt_key_decode(&arena, plain, &key), BKT_OK);
    assert_ptr_equal(key.ptr, plain.ptr);
    bkt_arena_clear(&arena);
}

static int decode(void)
{
    struct bkt_arena arena = {0};
    struct bkt_str key;
    int rc = bkt_key_decode(&arena, BKT_STR("a+b"), &key);
    bkt_arena_clear(&arena);
    return rc;
}

static void memory_runs_out(void **state)
{
    (void)state;
    T_TORTURE(decode());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_encoded_once_and_never_normalized),
        cmocka_unit_test(listings_are_decoded),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
