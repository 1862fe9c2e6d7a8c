#include "table/rules.h"

#include <bucketable/glob.h>

enum { RULES_WITHOUT_PATTERNS = 3 };

size_t bkt_rules_count(const struct bkt_filter_spec *spec)
{
    return RULES_WITHOUT_PATTERNS + spec->included_count + spec->excluded_count;
}

/* How much of the key an excluded pattern matches: all, or the shortest directory; 0: nothing. */
static size_t excluded_len(const struct bkt_glob *glob, struct bkt_str key)
{
    if (bkt_glob_matches(glob, key.ptr, key.len))
        return key.len;
    for (size_t i = 0; i < key.len; i++) {
        if (key.ptr[i] != '/')
            continue;
        if (bkt_glob_matches(glob, key.ptr, i))
            return i;
        if (bkt_glob_matches(glob, key.ptr, i + 1))
            return i + 1;
    }
    return 0;
}

static int ask_pattern(struct bkt_str pattern,
                       struct bkt_str key,
                       struct bkt_rule_answer *answer,
                       struct bkt_error *err)
{
    struct bkt_glob *glob;
    int rc = bkt_glob_new(pattern.ptr, pattern.len, &glob, err);
    if (rc)
        return rc;
    answer->answer = BKT_ANSWER_NO_MATCH;
    if (answer->rule == BKT_RULE_EXCLUDED) {
        answer->matched_len = excluded_len(glob, key);
        if (answer->matched_len > 0)
            answer->answer = BKT_ANSWER_STOPS;
    } else if (bkt_glob_matches(glob, key.ptr, key.len)) {
        answer->answer = BKT_ANSWER_PASSES;
    }
    bkt_glob_free(glob);
    return BKT_OK;
}

static enum bkt_answer stops_when(bool stops)
{
    return stops ? BKT_ANSWER_STOPS : BKT_ANSWER_PASSES;
}

/* The first to stop it decides; where none does, the first included pattern that matches. */
static enum bkt_rule decide(const struct bkt_filter_spec *spec, struct bkt_rule_answer *answers)
{
    struct bkt_rule_answer *lets_in = NULL;
    size_t excluded_at = RULES_WITHOUT_PATTERNS + spec->included_count;
    for (size_t i = 0; i < bkt_rules_count(spec); i++) {
        struct bkt_rule_answer *answer = &answers[i];
        /* Before the excluded patterns: has any included one matched? */
        if (i == excluded_at && spec->included_count > 0 && !lets_in)
            return BKT_RULE_NOT_INCLUDED;
        if (answer->answer == BKT_ANSWER_STOPS) {
            answer->decides = true;
            return answer->rule;
        }
        if (answer->rule == BKT_RULE_NOT_INCLUDED && answer->answer == BKT_ANSWER_PASSES &&
            !lets_in)
            lets_in = answer;
    }
    if (spec->included_count > 0 && !lets_in)
        return BKT_RULE_NOT_INCLUDED;
    if (lets_in)
        lets_in->decides = true;
    return BKT_RULE_ROW;
}

int bkt_rules_ask(const struct bkt_filter_spec *spec,
                  struct bkt_str key,
                  const uint64_t *size,
                  struct bkt_rule_answer *answers,
                  enum bkt_rule *out_verdict,
                  struct bkt_error *err)
{
    bool is_marker = key.len == 0 || key.ptr[key.len - 1] == '/';
    answers[0] = (struct bkt_rule_answer){
        .rule = BKT_RULE_PREFIX, .answer = stops_when(!bkt_str_has_prefix(key, spec->prefix))};
    answers[1] = (struct bkt_rule_answer){.rule = BKT_RULE_DIRECTORY_MARKER,
                                          .answer = stops_when(is_marker)};
    answers[2] = (struct bkt_rule_answer){.rule = BKT_RULE_SIZE, .answer = BKT_ANSWER_UNKNOWN};
    if (size || spec->max_file_size == UINT64_MAX)
        answers[2].answer = stops_when(size && *size > spec->max_file_size);

    for (size_t i = 0; i < spec->included_count + spec->excluded_count; i++) {
        bool is_excluded = i >= spec->included_count;
        size_t index = is_excluded ? i - spec->included_count : i;
        struct bkt_rule_answer answer = {
            .rule = is_excluded ? BKT_RULE_EXCLUDED : BKT_RULE_NOT_INCLUDED, .pattern = index};
        int rc = ask_pattern(is_excluded ? spec->excluded[index] : spec->included[index], key,
                             &answer, err);
        if (rc)
            return rc;
        answers[RULES_WITHOUT_PATTERNS + i] = answer;
    }
    *out_verdict = decide(spec, answers);
    return BKT_OK;
}
