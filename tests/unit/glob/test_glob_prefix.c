/*
 * What a lister may rely on: a match begins with one of the prefixes, and what begins with an
 * excluded one is excluded when its ancestors are tried one by one.
 */
#include "glob/glob_prefix.h"

#include "glob_data.h"

typedef int find_fn(const struct bkt_glob *glob,
                    struct bkt_arena *arena,
                    struct bkt_glob_prefixes *out_prefixes);

struct prefix_case {
    const char *pattern;
    const char *prefixes; /* each followed by a space */
};

static void check_cases(find_fn *find, const struct prefix_case *cases, size_t count)
{
    struct bkt_arena arena = {0};
    for (size_t i = 0; i < count; i++) {
        struct bkt_glob *glob = NULL;
        const char *pattern = cases[i].pattern;
        assert_int_equal(bkt_glob_new(pattern, strlen(pattern), &glob, NULL), BKT_OK);
        struct bkt_glob_prefixes found;
        assert_int_equal(find(glob, &arena, &found), BKT_OK);
        char text[1024] = "";
        for (size_t k = 0; k < found.count; k++) {
            size_t len = strlen(text);
            (void)snprintf(text + len, sizeof(text) - len, "%.*s ", BKT_STR_ARG(found.items[k]));
        }
        if (strcmp(text, cases[i].prefixes) != 0)
            fail_msg("%s: \"%s\"", pattern, text);
        bkt_glob_free(glob);
        bkt_arena_reset(&arena);
    }
    bkt_arena_clear(&arena);
}

/* Eight times eight are kept apart; with two in front there would be too many. */
#define EIGHT "{a,b,c,d,e,f,g,h}"

static void prefixes_are_literal_beginnings(void **state)
{
    (void)state;
    static const struct prefix_case cases[] = {
        {"{a,b}/x/**", "a/x/ b/x/ "},
        {"docs/2024/**/*.md", "docs/2024/ "},
        {"*.md", " "},
        {"**/a", " "},
        {"", " "},
        {"a/b", "a/b "},
        {"a\\*[b]c[de]", "a*bc "},
        {"{b,a}c", "ac bc "},
        {"{a,ab,abc}*", "a "},
        {"{a,*}b", " "},
        {"x/{a,b{1,2}}?", "x/a x/b1 x/b2 "},
        {"{a,{b,[c]}}/é", "a/é b/é c/é "},
        {"{x,y}/" EIGHT EIGHT, "x/a x/b x/c x/d x/e x/f x/g x/h y/a y/b y/c y/d y/e y/f y/g y/h "},
    };
    check_cases(bkt_glob_find_prefixes, cases, T_COUNT(cases));
}

static void excluded_are_whole_directories(void **state)
{
    (void)state;
    static const struct prefix_case cases[] = {
        {"a/b/**", "a/b/ "},
        {"a/b", "a/b/ "},
        {"a/b/", "a/b/ "},
        {"a/b/*", "a/b/ "},
        {"tmp*", "tmp "},
        {"*", " "},
        {"**", " "},
        {"{x,y/z}/**", "x/ y/z/ "},
        {"*.md", ""},
        {"a/*.md", ""},
        {"a/*/b/**", ""},
        {"**/node_modules/**", ""},
        {"", ""},
        {"/", ""},
        {"/a", ""},
        {"a//b", ""},
        {"a//", ""},
        {"[ab]/**", ""},
        {"a/..", "a/../ "},
        {"{.,a}.", ""},
        {"{a,a/b}", "a/ "},
    };
    check_cases(bkt_glob_find_excluded, cases, T_COUNT(cases));
}

static bool begins_with_one(struct bkt_str path, const struct bkt_glob_prefixes *prefixes)
{
    for (size_t i = 0; i < prefixes->count; i++) {
        if (bkt_str_has_prefix(path, prefixes->items[i]))
            return true;
    }
    return false;
}

static bool excludes(const struct bkt_glob *glob, struct bkt_str key)
{
    for (size_t i = 0; i < key.len; i++) {
        if (key.ptr[i] == '/' &&
            (bkt_glob_matches(glob, key.ptr, i) || bkt_glob_matches(glob, key.ptr, i + 1)))
            return true;
    }
    return bkt_glob_matches(glob, key.ptr, key.len);
}

static void hold_for_random_patterns(void **state)
{
    (void)state;
    uint64_t seed = 99;
    size_t matches = 0;
    size_t excluded = 0;
    struct bkt_arena arena = {0};
    for (int round = 0; round < 5000; round++) {
        char pattern[256];
        struct bkt_glob *glob = NULL;
        struct bkt_glob_prefixes prefixes;
        struct bkt_glob_prefixes excluded_prefixes;
        t_random_pattern(&seed, pattern, sizeof(pattern));
        assert_int_equal(bkt_glob_new(pattern, strlen(pattern), &glob, NULL), BKT_OK);
        assert_int_equal(bkt_glob_find_prefixes(glob, &arena, &prefixes), BKT_OK);
        assert_int_equal(bkt_glob_find_excluded(glob, &arena, &excluded_prefixes), BKT_OK);
        assert_in_range(prefixes.count, 1, BKT_GLOB_PREFIXES_MAX);
        for (int i = 0; i < 12; i++) {
            char key[64] = "";
            if (i % 2 == 1 && excluded_prefixes.count > 0) {
                struct bkt_str prefix = excluded_prefixes.items[0];
                (void)snprintf(key, sizeof(key), "%.*s", BKT_STR_ARG(prefix));
            }
            t_random_path(&seed, key + strlen(key));
            struct bkt_str path = bkt_str_from(key);
            if (bkt_glob_matches(glob, key, path.len)) {
                matches++;
                if (!begins_with_one(path, &prefixes))
                    fail_msg("%s matches %s", pattern, key);
            }
            if (begins_with_one(path, &excluded_prefixes)) {
                excluded++;
                if (!excludes(glob, path))
                    fail_msg("%s does not exclude %s", pattern, key);
            }
        }
        bkt_glob_free(glob);
        bkt_arena_reset(&arena);
    }
    bkt_arena_clear(&arena);
    assert_true(matches > 2000 && excluded > 2000);
}

static int find_both(void)
{
    struct bkt_arena arena = {0};
    struct bkt_glob *glob = NULL;
    struct bkt_glob_prefixes found;
    int rc = bkt_glob_new("{a,b}/**", 8, &glob, NULL);
    if (rc == BKT_OK)
        rc = bkt_glob_find_prefixes(glob, &arena, &found);
    bkt_arena_clear(&arena);
    if (rc == BKT_OK)
        rc = bkt_glob_find_excluded(glob, &arena, &found);
    bkt_arena_clear(&arena);
    bkt_glob_free(glob);
    return rc;
}

static void finding_survives_oom(void **state)
{
    (void)state;
    T_TORTURE(find_both());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefixes_are_literal_beginnings),
        cmocka_unit_test(excluded_are_whole_directories),
        cmocka_unit_test(hold_for_random_patterns),
        cmocka_unit_test(finding_survives_oom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
