/*
 * A set answers as its patterns do one by one: any of them, and the first of them.
 */
#include <bucketable/glob.h>

#include "glob_data.h"

static struct bkt_glob_set *set_of(const char *const *patterns, size_t count)
{
    struct bkt_glob_set *set = NULL;
    assert_int_equal(bkt_glob_set_new(&set, NULL), BKT_OK);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(bkt_glob_set_add(set, patterns[i], strlen(patterns[i]), NULL), BKT_OK);
    assert_int_equal(bkt_glob_set_count(set), count);
    return set;
}

static void the_first_pattern_that_matches_is_found(void **state)
{
    (void)state;
    static const char *const patterns[] = {"**/*.md", "docs/**", "*.{txt,html}", "data/[0-9]*/**",
                                           "!x",      "",        "*/?",          "data/**"};
    static const struct {
        const char *path;
        int index; /* -1: none */
    } cases[] = {
        {"a.md", 0},        {"docs/a.md", 0}, {"docs/a.txt", 1}, {"docs/", 1}, {"docs", -1},
        {"a.html", 2},      {"x/y.txt", 2},   {"txt", -1},       {"!x", 4},    {"!xy", -1},
        {"data/1/a", 3},    {"data/a/1", 6},  {"data/1a/", 3},   {"", 5},      {"a/b", 6},
        {"data/longer", 7}, {".md", 0},       {"md", -1},        {"/", -1},
    };

    struct bkt_glob_set *set = set_of(patterns, T_COUNT(patterns));
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        const char *path = cases[i].path;
        size_t index = 99;
        bool found = bkt_glob_set_find(set, path, strlen(path), &index);
        if (found != (cases[i].index >= 0) || index != (found ? (size_t)cases[i].index : 99))
            fail_msg("%s: %d, %zu", path, found, index);
        assert_int_equal(bkt_glob_set_matches(set, path, strlen(path)), found);
    }
    bkt_glob_set_free(set);
}

static void an_empty_set_matches_nothing(void **state)
{
    (void)state;
    struct bkt_glob_set *set = set_of(NULL, 0);
    assert_false(bkt_glob_set_matches(set, "", 0));
    assert_false(bkt_glob_set_matches(set, "a", 1));
    bkt_glob_set_free(set);
    bkt_glob_set_free(NULL);
}

static void a_rejected_pattern_leaves_the_set_as_it_was(void **state)
{
    (void)state;
    static const char *const patterns[] = {"a"};
    struct bkt_glob_set *set = set_of(patterns, 1);
    struct bkt_error err;
    assert_int_equal(bkt_glob_set_add(set, "b[", 2, &err), BKT_ECONFIG);
    assert_non_null(strstr(err.message, "byte 1"));
    assert_int_equal(bkt_glob_set_count(set), 1);
    assert_int_equal(bkt_glob_set_add(set, "b", 1, &err), BKT_OK);
    size_t index = 0;
    assert_true(bkt_glob_set_find(set, "b", 1, &index));
    assert_int_equal(index, 1);
    bkt_glob_set_free(set);
}

static void agrees_with_its_patterns(void **state)
{
    (void)state;
    enum { PATTERNS = 40 };
    uint64_t seed = 7;
    size_t found_count = 0;
    for (int round = 0; round < 50; round++) {
        struct bkt_glob_set *set = set_of(NULL, 0);
        struct bkt_glob *globs[PATTERNS];
        for (size_t i = 0; i < PATTERNS; i++) {
            char pattern[256];
            t_random_pattern(&seed, pattern, sizeof(pattern));
            assert_int_equal(bkt_glob_set_add(set, pattern, strlen(pattern), NULL), BKT_OK);
            assert_int_equal(bkt_glob_new(pattern, strlen(pattern), &globs[i], NULL), BKT_OK);
        }
        for (int k = 0; k < 40; k++) {
            char path[32];
            t_random_path(&seed, path);
            t_random_path(&seed, path + strlen(path));
            size_t want = 0;
            while (want < PATTERNS && !bkt_glob_matches(globs[want], path, strlen(path)))
                want++;
            size_t index = PATTERNS;
            assert_int_equal(bkt_glob_set_find(set, path, strlen(path), &index), want < PATTERNS);
            assert_int_equal(index, want);
            assert_int_equal(bkt_glob_set_matches(set, path, strlen(path)), want < PATTERNS);
            found_count += want < PATTERNS;
        }
        for (size_t i = 0; i < PATTERNS; i++)
            bkt_glob_free(globs[i]);
        bkt_glob_set_free(set);
    }
    assert_true(found_count > 500);
}

static int add_twenty(void)
{
    struct bkt_glob_set *set = NULL;
    int rc = bkt_glob_set_new(&set, NULL);
    for (int i = 0; i < 20 && rc == BKT_OK; i++)
        rc = bkt_glob_set_add(set, "{a,b}/[cd]/*.{x,y}", 18, NULL);
    bkt_glob_set_free(set);
    return rc;
}

static void add_survives_oom(void **state)
{
    (void)state;
    T_TORTURE(add_twenty());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_pattern_that_matches_is_found),
        cmocka_unit_test(an_empty_set_matches_nothing),
        cmocka_unit_test(a_rejected_pattern_leaves_the_set_as_it_was),
        cmocka_unit_test(agrees_with_its_patterns),
        cmocka_unit_test(add_survives_oom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
