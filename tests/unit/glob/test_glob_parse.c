/*
 * What is no pattern: the rejections of the globset crate, in its order of precedence, each with
 * the byte that the message names; then the limits and running out of memory.
 */
#include "glob/glob_parse.h"

#include "glob_data.h"

static enum bkt_glob_fault fault_of(struct bkt_str pattern, struct bkt_error *err)
{
    struct bkt_glob_tokens tokens;
    enum bkt_glob_fault fault = BKT_GLOB_FAULT_NONE;
    int rc = bkt_glob_parse(pattern, &tokens, &fault, err);
    assert_int_equal(rc, fault == BKT_GLOB_FAULT_NONE ? BKT_OK : BKT_ECONFIG);
    if (rc == BKT_OK)
        bkt_glob_tokens_clear(&tokens);
    assert_int_equal(bkt_mem_live(), 0);
    return fault;
}

static const char *crate_name(enum bkt_glob_fault fault)
{
    static const char *const names[] = {
        [BKT_GLOB_FAULT_UNCLOSED_CLASS] = "UnclosedClass",
        [BKT_GLOB_FAULT_INVALID_RANGE] = "InvalidRange",
        [BKT_GLOB_FAULT_UNOPENED_ALTERNATES] = "UnopenedAlternates",
        [BKT_GLOB_FAULT_UNCLOSED_ALTERNATES] = "UnclosedAlternates",
        [BKT_GLOB_FAULT_DANGLING_ESCAPE] = "DanglingEscape",
    };
    return fault < T_COUNT(names) && names[fault] ? names[fault] : "none";
}

static void check_rejection(const struct vector *vector)
{
    struct bkt_error err;
    struct bkt_str want = vector->fields[1];
    const char *name = crate_name(fault_of(vector->fields[0], &err));
    if (!bkt_str_eq(want, bkt_str_from(name)))
        fail_msg("%.*s: %s instead of %.*s", BKT_STR_ARG(vector->fields[0]), name,
                 BKT_STR_ARG(want));
}

static void rejects_what_the_crate_rejects(void **state)
{
    (void)state;
    assert_int_equal(t_each_vector("errors.tsv", check_rejection), 300);
}

static void message_names_the_byte(void **state)
{
    (void)state;
    static const struct {
        struct bkt_str pattern;
        const char *message;
    } cases[] = {
        {{"ab[c", 4}, "byte 2: this '[' is never closed"},
        {{"a[z-b]", 6}, "byte 4: a range of this class ends before it begins"},
        {{"a}b", 3}, "byte 1: this '}' closes nothing"},
        {{"{a,{b", 5}, "byte 3: this '{' is never closed"},
        {{"{a,b", 4}, "byte 0: this '{' is never closed"},
        {{"abc\\", 4}, "byte 3: a '\\' at the end escapes nothing"},
        {{"ab\xff", 3}, "byte 2: not UTF-8"},
        {{"\xed\xa0\x80", 3}, "byte 0: not UTF-8"},
        {{"a\xc0\x80", 3}, "byte 1: not UTF-8"},
        {{"\xe2\x82", 2}, "byte 0: not UTF-8"},
    };

    for (size_t i = 0; i < T_COUNT(cases); i++) {
        struct bkt_error err = {0};
        assert_int_not_equal(fault_of(cases[i].pattern, &err), BKT_GLOB_FAULT_NONE);
        assert_int_equal(err.code, BKT_ECONFIG);
        if (!strstr(err.message, cases[i].message))
            fail_msg("\"%s\" does not say \"%s\"", err.message, cases[i].message);
    }
}

/* `before` x count, `middle`, `after` x count. */
static struct bkt_str nested(char *room, char before, size_t count, char after)
{
    memset(room, before, count);
    room[count] = 'a';
    memset(room + count + 1, after, count);
    return (struct bkt_str){room, 2 * count + 1};
}

static void limits(void **state)
{
    (void)state;
    static char room[BKT_GLOB_PATTERN_BYTES_MAX + 1];
    struct bkt_error err;

    assert_int_equal(fault_of(nested(room, '{', 249, '}'), &err), BKT_GLOB_FAULT_NONE);
    assert_int_equal(fault_of(nested(room, '{', 250, '}'), &err), BKT_GLOB_FAULT_TOO_DEEP);
    assert_int_equal(fault_of(nested(room, '{', 30000, '}'), &err), BKT_GLOB_FAULT_TOO_DEEP);

    static const char fills[] = {'a', '*', '?', ','};
    for (size_t i = 0; i < T_COUNT(fills); i++) {
        memset(room, fills[i], sizeof(room));
        struct bkt_str pattern = {room, BKT_GLOB_PATTERN_BYTES_MAX};
        assert_int_equal(fault_of(pattern, &err), BKT_GLOB_FAULT_NONE);
        pattern.len++;
        assert_int_equal(fault_of(pattern, &err), BKT_GLOB_FAULT_TOO_LONG);
    }
}

static void branches_that_are_empty_are_left_out(void **state)
{
    (void)state;
    static const struct {
        struct bkt_str pattern;
        enum bkt_glob_token_kind kinds[8];
        size_t count;
    } cases[] = {
        {{"{}", 2}, {BKT_GLOB_TOKEN_EMPTY}, 1},
        {{"{{},,{,}}", 9}, {BKT_GLOB_TOKEN_EMPTY}, 1},
        {{"{,a,}", 5}, {BKT_GLOB_TOKEN_OPEN, BKT_GLOB_TOKEN_BYTE, BKT_GLOB_TOKEN_CLOSE}, 3},
        {{"{a,{},?}", 8},
         {BKT_GLOB_TOKEN_OPEN, BKT_GLOB_TOKEN_BYTE, BKT_GLOB_TOKEN_BRANCH, BKT_GLOB_TOKEN_ANY,
          BKT_GLOB_TOKEN_CLOSE},
         5},
    };

    for (size_t i = 0; i < T_COUNT(cases); i++) {
        struct bkt_glob_tokens tokens;
        assert_int_equal(bkt_glob_parse(cases[i].pattern, &tokens, NULL, NULL), BKT_OK);
        assert_int_equal(tokens.count, cases[i].count);
        for (size_t k = 0; k < tokens.count; k++)
            assert_int_equal(tokens.items[k].kind, cases[i].kinds[k]);
        bkt_glob_tokens_clear(&tokens);
    }
}

static int parse_and_clear(void)
{
    struct bkt_glob_tokens tokens = {0};
    int rc = bkt_glob_parse(BKT_STR("{a,[b-d]}/**"), &tokens, NULL, NULL);
    bkt_glob_tokens_clear(&tokens);
    return rc;
}

static void parse_survives_oom(void **state)
{
    (void)state;
    T_TORTURE(parse_and_clear());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rejects_what_the_crate_rejects),
        cmocka_unit_test(message_names_the_byte),
        cmocka_unit_test(limits),
        cmocka_unit_test(branches_that_are_empty_are_left_out),
        cmocka_unit_test(parse_survives_oom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
