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

#define CASE(literal)                \
    {                                \
        literal, sizeof(literal) - 1 \
    }

static void a_key_to_start_after_is_below_and_near(void **state)
{
    (void)state;
    static const struct {
        struct bkt_str key, after;
    } cases[] = {
        {CASE(""), CASE("")},
        {CASE("a"), CASE("`\xf4\x8f\xbf\xbf")},
        {CASE("docs/2024/05"), CASE("docs/2024/04\xf4\x8f\xbf\xbf")},
        {CASE("docs/\xc3\xa9"), CASE("docs/\xc3\xa8\xf4\x8f\xbf\xbf")},
        {CASE("docs/\xee\x80\x80"), CASE("docs/\xed\x9f\xbf\xf4\x8f\xbf\xbf")},
        {CASE("x\xf0\x90\x80\x80"), CASE("x\xef\xbf\xbf\xf4\x8f\xbf\xbf")},
        {CASE("x\xe0\xa0\x80"), CASE("x\xdf\xbf\xf4\x8f\xbf\xbf")},
        {CASE("x\xc2\x80"), CASE("x\x7f\xf4\x8f\xbf\xbf")},
        {CASE("docs\0"), CASE("docs")}, /* nothing lies between these two */
        {CASE("docs "), CASE("docs")},
        {CASE("docs\t"), CASE("docs")},
        {CASE("a\xff\xfe"), CASE("a")}, /* no UTF-8: servers refuse it */
        {CASE("a\xc3"), CASE("a")},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        struct bkt_arena arena = {0};
        struct bkt_str after;
        assert_int_equal(bkt_span_start_after(&arena, cases[i].key, &after), BKT_OK);
        assert_int_equal(after.len, cases[i].after.len);
        assert_true(bkt_str_eq(after, cases[i].after));
        assert_true(after.len == 0 || bkt_str_cmp(after, cases[i].key) < 0);
        bkt_arena_clear(&arena);
    }
}

static void what_is_too_long_for_a_key_is_cut(void **state)
{
    (void)state;
    char text[3000];
    memset(text, 'x', sizeof(text));
    for (size_t len = 1018; len < sizeof(text); len += 50) {
        struct bkt_arena arena = {0};
        struct bkt_str key = {text, len};
        struct bkt_str after;
        assert_int_equal(bkt_span_start_after(&arena, key, &after), BKT_OK);
        assert_in_range(after.len, 1, 1024);
        assert_true(bkt_str_cmp(after, key) < 0);
        bkt_arena_clear(&arena);
    }
    struct bkt_str key = {text, sizeof(text)};
    assert_int_equal(bkt_span_shared(key, key).len, 1024);
}

static void a_shared_prefix_ends_with_a_whole_character(void **state)
{
    (void)state;
    struct bkt_str e_acute = BKT_STR("b/\xc3\xa9");
    struct bkt_str e_grave = BKT_STR("b/\xc3\xa8");
    assert_int_equal(bkt_span_shared(e_acute, e_grave).len, 2);
    assert_int_equal(bkt_span_shared(e_acute, e_acute).len, 4);
    assert_int_equal(bkt_span_shared(BKT_STR("a"), BKT_STR("")).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_lies_between_a_key_and_what_is_before_it),
        cmocka_unit_test(a_prefix_is_a_range),
        cmocka_unit_test(a_key_to_start_after_is_below_and_near),
        cmocka_unit_test(what_is_too_long_for_a_key_is_cut),
        cmocka_unit_test(a_shared_prefix_ends_with_a_whole_character),
        cmocka_unit_test(the_longest_key_is_inside),
        cmocka_unit_test(out_of_memory_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, make_keys, NULL);
}
