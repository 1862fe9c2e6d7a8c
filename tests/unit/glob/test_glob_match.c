/*
 * What a pattern matches: the answers of the globset crate, a second opinion from a matcher that
 * is slow and obvious, and that no pattern is slow: each of the three ways to match is made to
 * answer for every pattern that it can take.
 */
#include "glob/glob_match.h"

#include "glob_data.h"

static struct bkt_glob *glob_of(struct bkt_str pattern)
{
    struct bkt_glob *glob = NULL;
    struct bkt_error err;
    if (bkt_glob_new(pattern.ptr, pattern.len, &glob, &err))
        fail_msg("%.*s: %s", BKT_STR_ARG(pattern), err.message);
    return glob;
}

/* The answer, which must be the same without the shortcut for literals and without the tables. */
static bool answer(const struct bkt_glob *glob, struct bkt_str path)
{
    bool matches = bkt_glob_matches(glob, path.ptr, path.len);
    struct bkt_glob plain = {.program = glob->program};
    assert_int_equal(bkt_glob_matches(&plain, path.ptr, path.len), matches);
    assert_int_equal(bkt_glob_nfa_make(&glob->program, &plain.nfa, NULL), BKT_OK);
    assert_int_equal(bkt_glob_matches(&plain, path.ptr, path.len), matches);
    bkt_mem_free(plain.nfa);
    return matches;
}

static void check_answer(const struct vector *vector)
{
    struct bkt_glob *glob = glob_of(vector->fields[0]);
    bool want = bkt_str_eq(vector->fields[2], BKT_STR("1"));
    if (answer(glob, vector->fields[1]) != want)
        fail_msg("%.*s %s %.*s", BKT_STR_ARG(vector->fields[0]), want ? "misses" : "matches",
                 BKT_STR_ARG(vector->fields[1]));
    bkt_glob_free(glob);
}

static void answers_as_the_crate_does(void **state)
{
    (void)state;
    assert_int_equal(t_each_vector("match.tsv", check_answer), 6000);
    assert_int_equal(bkt_mem_live(), 0);
}

/* A pattern without braces against a path, by trying everything. */
static bool obvious_match(const char *pattern, const char *path, bool first)
{
    bool leads = first && strncmp(pattern, "**/", 3) == 0;
    bool between = strncmp(pattern, "/**/", 4) == 0;
    if (leads && pattern[3] == '\0')
        return true;
    if (leads || between) {
        if (between && *path != '/')
            return false;
        const char *rest = pattern + (leads ? 3 : 4);
        const char *from = path + between;
        if (obvious_match(rest, from, false))
            return true;
        for (; *from; from++) {
            if (*from == '/' && obvious_match(rest, from + 1, false))
                return true;
        }
        return false;
    }
    if (strcmp(pattern, "/**") == 0)
        return *path == '/';
    if (*pattern == '*') {
        return obvious_match(pattern + 1, path, false) ||
               (*path && obvious_match(pattern, path + 1, false));
    }
    if (*pattern == '\0' || *path == '\0')
        return *pattern == *path;
    const char *next = *pattern == '[' ? strchr(pattern, ']') + 1 : pattern + 1;
    bool taken = *pattern == '?' || *pattern == *path;
    if (*pattern == '[' && pattern[1] == '!')
        taken = *path != pattern[2];
    else if (*pattern == '[' && pattern[2] == '-')
        taken = *path >= pattern[1] && *path <= pattern[3];
    else if (*pattern == '[')
        taken = *path == pattern[1] || *path == pattern[2];
    return taken && obvious_match(next, path + 1, false);
}

/* The first group is replaced by each of its branches in turn. */
static bool obvious_match_braces(const char *pattern, const char *path)
{
    const char *open = strchr(pattern, '{');
    if (!open)
        return obvious_match(pattern, path, true);
    const char *close = open;
    for (int depth = 1; depth > 0;) {
        close++;
        depth += (*close == '{') - (*close == '}');
    }
    for (const char *from = open + 1, *to = from; from <= close; from = ++to) {
        for (int depth = 0; to < close && (depth > 0 || *to != ','); to++)
            depth += (*to == '{') - (*to == '}');
        char branch[256];
        (void)snprintf(branch, sizeof(branch), "%.*s%.*s%s", (int)(open - pattern), pattern,
                       (int)(to - from), from, close + 1);
        if (obvious_match_braces(branch, path))
            return true;
    }
    return false;
}

static void agrees_with_the_obvious_matcher(void **state)
{
    (void)state;
    uint64_t seed = 20240229;
    size_t matches = 0;
    for (int round = 0; round < 4000; round++) {
        char pattern[256];
        t_random_pattern(&seed, pattern, sizeof(pattern));
        struct bkt_glob *glob = glob_of(bkt_str_from(pattern));
        for (int i = 0; i < 12; i++) {
            char path[16];
            t_random_path(&seed, path);
            if (strstr(path, ".."))
                continue; /* the crate's exception, which the vectors cover */
            bool want = obvious_match_braces(pattern, path);
            matches += want;
            if (answer(glob, bkt_str_from(path)) != want)
                fail_msg("%s %s %s", pattern, want ? "misses" : "matches", path);
        }
        bkt_glob_free(glob);
    }
    assert_true(matches > 2000);
}

static void literals_are_recognized(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        size_t simples; /* 0: a machine is needed */
    } cases[] = {
        {"", 1},          {"a/b.txt", 1},      {"**", 1},          {"a/**", 1},
        {"*.md", 1},      {"**/*.md", 1},      {"**/a", 2},        {"a/**/b", 2},
        {"a*b", 1},       {"*.{txt,html}", 2}, {"{a,b}/{c,d}", 4}, {"{a,b}{a,b}{a,b}{a,b}", 16},
        {"[a]b", 1},      {"[ab]", 0},         {"a*b*c", 0},       {"{a,b}{a,b}{a,b}{a,b}{a,b}", 0},
        {"data/?/**", 0},
    };

    for (size_t i = 0; i < T_COUNT(cases); i++) {
        struct bkt_glob *glob = glob_of(bkt_str_from(cases[i].pattern));
        if (glob->simples.count != cases[i].simples)
            fail_msg("%s: %zu", cases[i].pattern, glob->simples.count);
        bkt_glob_free(glob);
    }
}

/*
 * One `unit` after the other, up to what a pattern or the path has room for, with an end that only
 * a full walk can rule out. Were anything tried again, these would not end within a lifetime.
 */
static void long_patterns_end(void **state)
{
    (void)state;
    static const struct {
        const char *unit;
        size_t count; /* so that the shortest match is no longer than the path */
    } cases[] = {
        {"*a", 1000},        {"{a,aa}", 500},     {"{*a,a*}", 1000}, {"[ab]*", 1000},
        {"?*", 1000},        {"{{a,a},*}", 6000}, {"{*a,*}", 10000}, {"{a/**/,*}", 6000},
        {"{a,[ab]}*?", 400}, {"{*,}{a,*}", 7000},
    };
    static char pattern[BKT_GLOB_PATTERN_BYTES_MAX];
    static char path[1024];
    memset(path, 'a', sizeof(path));

    for (size_t i = 0; i < T_COUNT(cases); i++) {
        size_t unit_len = strlen(cases[i].unit);
        size_t len = 0;
        for (size_t k = 0; k < cases[i].count; k++, len += unit_len)
            memcpy(pattern + len, cases[i].unit, unit_len);
        memcpy(pattern + len, "[bc]", 4);
        struct bkt_glob *glob = glob_of((struct bkt_str){pattern, len + 4});
        assert_true(glob->program.bytes_min <= sizeof(path));
        assert_false(bkt_glob_matches(glob, path, sizeof(path)));
        bkt_glob_free(glob);
    }
}

static int compile_each_kind(void)
{
    static const char *const patterns[] = {"a/**", "[ab]*c?", "{[ab],?}**/[!c]", "x[é-ê]"};
    int rc = BKT_OK;
    for (size_t i = 0; i < T_COUNT(patterns) && rc == BKT_OK; i++) {
        struct bkt_glob *glob = NULL;
        rc = bkt_glob_new(patterns[i], strlen(patterns[i]), &glob, NULL);
        bkt_glob_free(glob);
    }
    return rc;
}

static void compile_survives_oom(void **state)
{
    (void)state;
    T_TORTURE(compile_each_kind());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_as_the_crate_does),
        cmocka_unit_test(agrees_with_the_obvious_matcher),
        cmocka_unit_test(literals_are_recognized),
        cmocka_unit_test(long_patterns_end),
        cmocka_unit_test(compile_survives_oom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
