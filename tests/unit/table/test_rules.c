/* Each rule's answer, and that all of them together are the filter's. */
#include "table/rules.h"

#include "t.h"

static const struct bkt_str included[] = {{"**/*.md", 7}, {"docs/**", 7}};
static const struct bkt_str excluded[] = {{"**/.git", 7}, {"docs/old", 8}};
static const struct bkt_filter_spec spec = {
    .prefix = {"docs/", 5},
    .included = included,
    .included_count = 2,
    .excluded = excluded,
    .excluded_count = 2,
    .max_file_size = 100,
};

enum { PREFIX, MARKER, SIZE, INCLUDED, EXCLUDED = INCLUDED + 2, COUNT = EXCLUDED + 2 };

static void ask(struct bkt_str key, const uint64_t *size, struct bkt_rule_answer *answers)
{
    enum bkt_rule verdict;
    assert_int_equal(bkt_rules_count(&spec), COUNT);
    assert_int_equal(bkt_rules_ask(&spec, key, size, answers, &verdict, NULL), BKT_OK);

    struct bkt_filter *filter;
    struct bkt_verdict expected;
    assert_int_equal(bkt_filter_new(&spec, &filter, NULL), BKT_OK);
    (void)bkt_filter_matches(filter, key, size ? *size : 0, &expected);
    bkt_filter_free(filter);
    assert_int_equal(verdict, expected.rule);
    if (verdict == BKT_RULE_EXCLUDED) {
        const struct bkt_rule_answer *answer = &answers[EXCLUDED + expected.pattern];
        assert_true(answer->decides);
        assert_int_equal(answer->matched_len, expected.matched_len);
    }
}

static void the_first_to_stop_decides(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        uint64_t size;
        int decides; /* which answer; -1: none */
    } cases[] = {
        {"docs/a.md", 100, INCLUDED},    {"docs/a.txt", 1, INCLUDED + 1},
        {"other/a.md", 1, PREFIX},       {"docs/a/", 1, MARKER},
        {"docs/a.md", 101, SIZE},        {"docs/.git/a.md", 1, EXCLUDED},
        {"docs/.git", 1, EXCLUDED},      {"docs/old/x/y", 1, EXCLUDED + 1},
        {"docs/older", 1, INCLUDED + 1}, {"docs/old/", 101, MARKER},
    };
    for (size_t i = 0; i < T_COUNT(cases); i++) {
        struct bkt_rule_answer answers[COUNT];
        ask(bkt_str_from(cases[i].key), &cases[i].size, answers);
        for (int j = 0; j < COUNT; j++)
            assert_int_equal(answers[j].decides, j == cases[i].decides);
    }
}

static void every_rule_answers_whatever_decided(void **state)
{
    (void)state;
    struct bkt_rule_answer answers[COUNT];
    uint64_t size = 101;
    ask(bkt_str_from("docs/old/.git/a.md"), &size, answers);
    assert_int_equal(answers[PREFIX].answer, BKT_ANSWER_PASSES);
    assert_int_equal(answers[SIZE].answer, BKT_ANSWER_STOPS);
    assert_int_equal(answers[INCLUDED].answer, BKT_ANSWER_PASSES);
    assert_int_equal(answers[EXCLUDED].answer, BKT_ANSWER_STOPS);
    assert_int_equal(answers[EXCLUDED].matched_len, strlen("docs/old/.git"));
    assert_int_equal(answers[EXCLUDED + 1].answer, BKT_ANSWER_STOPS);
    assert_int_equal(answers[EXCLUDED + 1].matched_len, strlen("docs/old"));
    ask(bkt_str_from("docs/a.md"), &size, answers);
    assert_int_equal(answers[EXCLUDED].answer, BKT_ANSWER_NO_MATCH);
}

static void an_unknown_size_stops_nothing(void **state)
{
    (void)state;
    struct bkt_rule_answer answers[COUNT];
    ask(bkt_str_from("docs/a.md"), NULL, answers);
    assert_int_equal(answers[SIZE].answer, BKT_ANSWER_UNKNOWN);
}

static void no_included_pattern_matches(void **state)
{
    (void)state;
    struct bkt_filter_spec only = {
        .included = included, .included_count = 1, .max_file_size = UINT64_MAX};
    struct bkt_rule_answer answers[4];
    enum bkt_rule verdict;
    assert_int_equal(bkt_rules_ask(&only, BKT_STR("a.txt"), NULL, answers, &verdict, NULL), BKT_OK);
    assert_int_equal(verdict, BKT_RULE_NOT_INCLUDED);
    assert_int_equal(answers[INCLUDED].answer, BKT_ANSWER_NO_MATCH);
    assert_int_equal(answers[SIZE].answer, BKT_ANSWER_PASSES);
}

static int ask_once(void)
{
    struct bkt_rule_answer answers[COUNT];
    enum bkt_rule verdict;
    return bkt_rules_ask(&spec, BKT_STR("docs/.git/a.md"), NULL, answers, &verdict, NULL);
}

static void memory_runs_out(void **state)
{
    (void)state;
    T_TORTURE(ask_once());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_to_stop_decides),
        cmocka_unit_test(every_rule_answers_whatever_decided),
        cmocka_unit_test(an_unknown_size_stops_nothing),
        cmocka_unit_test(no_included_pattern_matches),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
