/* Bounds against the definition, over every key of up to four bytes from the awkward ends. */
#include "table/span.h"

#include "t.h"

#include <bucketable/error.h>

enum { LETTERS = 5, LEN_MAX = 4, KEYS = 1 + 5 + 25 + 125 + 625 };

static const char letters[LETTERS + 1] = {'\0', '\1', 'a', '\xfe', '\xff', '\0'};
static char texts[KEYS][LEN_MAX];
static struct bkt_str keys[KEYS];

static int make_keys(void **state)
{
    (void)state;
    size_t count = 0;
    for (size_t len = 0, of_len = 1; len <= LEN_MAX; len++, of_len *= LETTERS) {
        for (size_t n = 0; n < of_len; n++, count++) {
            size_t rest = n;
            for (size_t i = 0; i < len; i++, rest /= LETTERS)
                texts[count][i] = letters[rest % LETTERS];
            keys[count] = (struct bkt_str){texts[count], len};
        }
    }
    return count == KEYS ? 0 : -1;
}

static void nothing_lies_between_a_key_and_what_is_before_it(void **state)
{
    (void)state;
    for (size_t i = 1; i < KEYS; i++) {
        struct bkt_arena arena = {0};
        struct bkt_str before;
        assert_int_equal(bkt_span_before(&arena, keys[i], &before), BKT_OK);
        for (size_t k = 0; k < KEYS; k++) {
            bool is_less = bkt_str_cmp(keys[k], keys[i]) < 0;
            assert_int_equal(bkt_str_cmp(keys[k], before) <= 0, is_less);
        }
        bkt_arena_clear(&arena);
    }
}

static void a_prefix_is_a_range(void **state)
{
    (void)state;
    for (size_t i = 1; i < KEYS; i++) {
        struct bkt_arena arena = {0};
        struct bkt_str before;
        struct bkt_str last;
        assert_int_equal(bkt_span_before(&arena, keys[i], &before), BKT_OK);
        assert_int_equal(bkt_span_last_of_prefix(&arena, keys[i], &last), BKT_OK);
        for (size_t k = 0; k < KEYS; k++) {
            bool is_inside = bkt_str_cmp(keys[k], before) > 0 && bkt_str_cmp(keys[k], last) <= 0;
            assert_int_equal(bkt_str_has_prefix(keys[k], keys[i]), is_inside);
        }
        bkt_arena_clear(&arena);
    }
}

static void the_longest_key_is_inside(void **state)
{
    (void)state;
    static char longest[BKT_KEY_BYTES_MAX];
    memset(longest, 0xff, sizeof(longest));
    longest[0] = 'p';
    struct bkt_arena arena = {0};
    struct bkt_str last;
    assert_int_equal(bkt_span_last_of_prefix(&arena, BKT_STR("p"), &last), BKT_OK);
    assert_true(bkt_str_cmp((struct bkt_str){longest, sizeof(longest)}, last) <= 0);
    bkt_arena_clear(&arena);
}

static int make_both(void)
{
    struct bkt_arena arena = {0};
    struct bkt_str out;
    int rc = bkt_span_before(&arena, BKT_STR("a"), &out);
    if (rc == BKT_OK)
        rc = bkt_span_last_of_prefix(&arena, BKT_STR("a"), &out);
    bkt_arena_clear(&arena);
    return rc;
}

static void out_of_memory_leaves_nothing(void **state)
{
    (void)state;
    T_TORTURE(make_both());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_lies_between_a_key_and_what_is_before_it),
        cmocka_unit_test(a_prefix_is_a_range),
        cmocka_unit_test(the_longest_key_is_inside),
        cmocka_unit_test(out_of_memory_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, make_keys, NULL);
}
