#include "table/filter.h"

#include "core/buf.h"

#include "t.h"

#define TEXT(literal)                \
    {                                \
        literal, sizeof(literal) - 1 \
    }

static struct bkt_filter *make(const struct bkt_filter_spec *spec)
{
    struct bkt_filter *filter;
    assert_int_equal(bkt_filter_new(spec, &filter, NULL), BKT_OK);
    return filter;
}

/* The rules in their order: the first that objects decides. */
static void the_first_rule_that_objects_decides(void **state)
{
    (void)state;
    static const struct bkt_str included[] = {TEXT("data/*.csv"), TEXT("data/{a,b}/**")};
    static const struct bkt_str excluded[] = {TEXT("data/tmp"), TEXT("data/b/"), TEXT("*.bak"),
                                              TEXT("data/old*/x/**")};
    static const struct bkt_filter_spec spec = {.prefix = TEXT("data/"),
                                                .included = included,
                                                .included_count = 2,
                                                .excluded = excluded,
                                                .excluded_count = 4,
                                                .max_file_size = 10};
    static const struct {
        const char *key;
        uint64_t size;
        enum bkt_rule rule;
        size_t pattern;
        size_t matched_len; /* EXCLUDED */
    } cases[] = {
        {"data/1.csv", 10, BKT_RULE_ROW, 0, 0},
        {"data/a/deep/1", 0, BKT_RULE_ROW, 1, 0},
        {"Data/1.csv", 0, BKT_RULE_PREFIX, 0, 0},
        {"data", 0, BKT_RULE_PREFIX, 0, 0},
        {"other/", 99, BKT_RULE_PREFIX, 0, 0},
        {"data/", 99, BKT_RULE_DIRECTORY_MARKER, 0, 0},
        {"data/a/", 99, BKT_RULE_DIRECTORY_MARKER, 0, 0},
        {"data/1.txt", 11, BKT_RULE_SIZE, 0, 0},
        {"data/1.txt", 10, BKT_RULE_NOT_INCLUDED, 0, 0},
        {"data/tmp/1.txt", 10, BKT_RULE_NOT_INCLUDED, 0, 0},
        {"data/tmp/1.csv", 10, BKT_RULE_EXCLUDED, 0, 8},
        {"data/tmp.csv", 10, BKT_RULE_ROW, 0, 0},
        {"data/b/1", 10, BKT_RULE_EXCLUDED, 1, 7},
        {"data/a/x.bak", 10, BKT_RULE_EXCLUDED, 2, 12},
        {"data/a/x.bak/y", 10, BKT_RULE_EXCLUDED, 2, 12},
        {"data/older/x/1.csv", 10, BKT_RULE_EXCLUDED, 3, 18},
    };
    struct bkt_filter *filter = make(&spec);
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        struct bkt_str key = bkt_str_from(cases[i].key);
        struct bkt_verdict verdict = {0};
        bool is_row = bkt_filter_matches(filter, key, cases[i].size, &verdict);
        if (verdict.rule != cases[i].rule || is_row != (cases[i].rule == BKT_RULE_ROW))
            fail_msg("%s: rule %d", cases[i].key, (int)verdict.rule);
        if (cases[i].rule == BKT_RULE_ROW || cases[i].rule == BKT_RULE_EXCLUDED)
            assert_int_equal(verdict.pattern, cases[i].pattern);
        if (cases[i].rule == BKT_RULE_EXCLUDED)
            assert_int_equal(verdict.matched_len, cases[i].matched_len);
        assert_int_equal(bkt_filter_matches(filter, key, cases[i].size, NULL), is_row);
    }
    assert_true(bkt_filter_matches_key(filter, BKT_STR("data/1.csv")));
    bkt_filter_free(filter);
}

static void without_patterns_all_but_markers_are_rows(void **state)
{
    (void)state;
    struct bkt_filter *filter =
        make(&(struct bkt_filter_spec){.prefix = BKT_STR(""), .max_file_size = UINT64_MAX});
    assert_true(bkt_filter_matches(filter, BKT_STR("\xff\x01"), UINT64_MAX, NULL));
    assert_false(bkt_filter_matches(filter, BKT_STR(""), 0, NULL));
    assert_false(bkt_filter_matches(filter, BKT_STR("/"), 0, NULL));
    bkt_filter_free(filter);
}

static void prefixes_bound_what_can_match(void **state)
{
    (void)state;
    static const struct {
        const char *prefix;
        const char *included[3];
        const char *excluded[2];
        const char *expected; /* in order, each ended by a space; NULL: nothing can match */
    } cases[] = {
        {"", {NULL}, {NULL}, " "},
        {"p/", {NULL}, {NULL}, "p/ "},
        {"", {"b/*", "a/x*", "a/**"}, {NULL}, "a/ b/ "},
        {"", {"*.md", "b/*"}, {NULL}, " "},
        {"a/x", {"a/*"}, {NULL}, "a/x "},
        {"a/", {"a/1*", "b/*"}, {NULL}, "a/1 "},
        {"a/", {"b/*"}, {NULL}, NULL},
        {"", {"a/x*", "b/*"}, {"a"}, "b/ "},
        {"a/b/", {NULL}, {"a"}, NULL},
        {"", {NULL}, {"*"}, NULL},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        struct bkt_str included[3];
        struct bkt_str excluded[2];
        struct bkt_filter_spec spec = {.prefix = bkt_str_from(cases[i].prefix),
                                       .included = included,
                                       .excluded = excluded,
                                       .max_file_size = UINT64_MAX};
        for (size_t n = 0; n < 3 && cases[i].included[n]; n++)
            included[spec.included_count++] = bkt_str_from(cases[i].included[n]);
        for (size_t n = 0; n < 2 && cases[i].excluded[n]; n++)
            excluded[spec.excluded_count++] = bkt_str_from(cases[i].excluded[n]);
        struct bkt_filter *filter = make(&spec);
        struct bkt_arena arena = {0};
        const struct bkt_str *prefixes;
        size_t count;
        assert_int_equal(bkt_filter_prefixes(filter, &arena, &prefixes, &count, NULL), BKT_OK);
        struct bkt_buf told = BKT_BUF_INIT(1000);
        for (size_t n = 0; n < count; n++)
            assert_int_equal(bkt_buf_printf(&told, "%.*s ", BKT_STR_ARG(prefixes[n])), BKT_OK);
        if (cases[i].expected)
            assert_string_equal(told.ptr, cases[i].expected);
        else
            assert_int_equal(count, 0);
        bkt_buf_clear(&told);
        bkt_arena_clear(&arena);
        bkt_filter_free(filter);
    }
}

static void an_excluded_directory_is_known_by_its_prefix(void **state)
{
    (void)state;
    static const struct bkt_str excluded[] = {TEXT("a/tmp"), TEXT("*.bak")};
    struct bkt_filter *filter = make(&(struct bkt_filter_spec){
        .excluded = excluded, .excluded_count = 2, .max_file_size = UINT64_MAX});
    struct bkt_str prefix;
    assert_true(bkt_filter_excluded_prefix(filter, BKT_STR("a/tmp/1"), &prefix));
    assert_true(bkt_str_eq(prefix, BKT_STR("a/tmp/")));
    assert_false(bkt_filter_excluded_prefix(filter, BKT_STR("a/tmp"), &prefix));
    assert_false(bkt_filter_excluded_prefix(filter, BKT_STR("a/tmpx/1"), &prefix));
    assert_false(bkt_filter_excluded_prefix(filter, BKT_STR("x.bak/1"), &prefix));
    bkt_filter_free(filter);
}

static void a_bad_pattern_is_named(void **state)
{
    (void)state;
    static const struct bkt_str bad[] = {TEXT("good"), TEXT("a[b")};
    struct bkt_filter *filter = NULL;
    struct bkt_error err;
    int rc = bkt_filter_new(&(struct bkt_filter_spec){.excluded = bad, .excluded_count = 2},
                            &filter, &err);
    assert_int_equal(rc, BKT_ECONFIG);
    assert_non_null(strstr(err.message, "a[b"));
    assert_null(filter);
}

static int make_and_free(void)
{
    static const struct bkt_str included[] = {TEXT("a/*.csv"), TEXT("{b,c}/**")};
    static const struct bkt_str excluded[] = {TEXT("a/tmp"), TEXT("*.bak")};
    struct bkt_filter *filter;
    struct bkt_arena arena = {0};
    const struct bkt_str *prefixes;
    size_t count;
    int rc = bkt_filter_new(&(struct bkt_filter_spec){.prefix = BKT_STR("a"),
                                                      .included = included,
                                                      .included_count = 2,
                                                      .excluded = excluded,
                                                      .excluded_count = 2},
                            &filter, NULL);
    if (rc)
        return rc;
    rc = bkt_filter_prefixes(filter, &arena, &prefixes, &count, NULL);
    bkt_arena_clear(&arena);
    bkt_filter_free(filter);
    return rc;
}

static void out_of_memory_leaves_nothing(void **state)
{
    (void)state;
    T_TORTURE(make_and_free());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_rule_that_objects_decides),
        cmocka_unit_test(without_patterns_all_but_markers_are_rows),
        cmocka_unit_test(prefixes_bound_what_can_match),
        cmocka_unit_test(an_excluded_directory_is_known_by_its_prefix),
        cmocka_unit_test(a_bad_pattern_is_named),
        cmocka_unit_test(out_of_memory_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
