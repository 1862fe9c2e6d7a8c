/* What a page of a listing cannot be: what is left out of one is removed from a table. */
#include "core/page.h"

#include "t.h"

enum { KEYS_MAX = 4 };

static int check(const char *const *keys, const char *prefix, struct bkt_error *err)
{
    struct bkt_object objects[KEYS_MAX] = {0};
    struct bkt_page page = {.objects = objects};
    for (; keys[page.object_count]; page.object_count++)
        objects[page.object_count].key = bkt_str_from(keys[page.object_count]);
    return bkt_page_check_keys(&page, bkt_str_from(prefix), err);
}

static void keys_ascend_by_their_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *keys[KEYS_MAX];
        int rc;
    } cases[] = {
        {{0}, BKT_OK},
        {{"a"}, BKT_OK},
        {{"a", "a/", "ab"}, BKT_OK},
        /* Bytes order keys, not UTF-16 units: U+FF5E before U+1F600. */
        {{"\xef\xbd\x9e", "\xf0\x9f\x98\x80"}, BKT_OK},
        {{"b", "a"}, BKT_EUNSUPPORTED},
        {{"a", "a"}, BKT_EUNSUPPORTED},
        {{"ab", "a"}, BKT_EUNSUPPORTED},
        {{"\xc3\xa9", "z"}, BKT_EUNSUPPORTED},
        {{"a", "b", "B"}, BKT_EUNSUPPORTED},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        print_message("# case %zu\n", i);
        assert_int_equal(check(cases[i].keys, "", NULL), cases[i].rc);
    }
}

static void disorder_is_told_with_its_keys_and_is_final(void **state)
{
    (void)state;
    static const char *const keys[KEYS_MAX] = {"a", "c\n", "b"};
    struct bkt_error err = {0};
    assert_int_equal(check(keys, "", &err), BKT_EUNSUPPORTED);
    assert_false(err.retriable);
    assert_string_equal(err.message,
                        "the listing is not in the order of the keys: \"b\" comes behind \"c\\n\" "
                        "(directory buckets and some servers do so; they cannot be followed)");
}

static void keys_of_another_question_may_be_a_passing_failure(void **state)
{
    (void)state;
    static const char *const keys[KEYS_MAX] = {"a/1", "b"};
    struct bkt_error err = {0};
    assert_int_equal(check(keys, "a/", &err), BKT_EPARSE);
    assert_true(err.retriable);
    assert_int_equal(check(keys, "a/", NULL), BKT_EPARSE);
}

static void a_key_has_the_length_that_s3_allows(void **state)
{
    (void)state;
    static char key[BKT_KEY_BYTES_MAX + 2];
    const char *const keys[KEYS_MAX] = {key};
    struct bkt_error err = {0};
    assert_int_equal(check(keys, "", &err), BKT_EPARSE);
    assert_false(err.retriable);
    memset(key, 'k', BKT_KEY_BYTES_MAX);
    assert_int_equal(check(keys, "", NULL), BKT_OK);
    key[BKT_KEY_BYTES_MAX] = 'k';
    assert_int_equal(check(keys, "", NULL), BKT_EPARSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_ascend_by_their_bytes),
        cmocka_unit_test(disorder_is_told_with_its_keys_and_is_final),
        cmocka_unit_test(keys_of_another_question_may_be_a_passing_failure),
        cmocka_unit_test(a_key_has_the_length_that_s3_allows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
