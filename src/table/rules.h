/*
 * What each rule of a spec says to one key, for people: the filter's answer (table/filter.h) taken
 * apart.
 *
 * Pure.
 */
#ifndef TABLE_RULES_H
#define TABLE_RULES_H

#include "table/filter.h"

enum bkt_answer {
    BKT_ANSWER_PASSES,   /* of an included pattern: it matches */
    BKT_ANSWER_STOPS,    /* it is no row: of an excluded pattern, it matches */
    BKT_ANSWER_NO_MATCH, /* of a pattern */
    BKT_ANSWER_UNKNOWN,  /* the size is not known */
};

struct bkt_rule_answer {
    enum bkt_rule rule; /* NOT_INCLUDED for an included pattern, EXCLUDED for an excluded one */
    enum bkt_answer answer;
    bool decides;       /* the first to stop it; or the first included pattern that lets it in */
    size_t pattern;     /* index, for the two that have patterns */
    size_t matched_len; /* of a match by an excluded pattern: all of the key, or a directory */
};

/* How many answers there are: prefix, directory marker, size, then each pattern. */
size_t bkt_rules_count(const struct bkt_filter_spec *spec);

/*
 * Fill in bkt_rules_count() answers, in the order in which the filter asks.  `size` NULL: not
 * known. *out_verdict is the filter's.  BKT_ECONFIG for a pattern that is rejected.
 */
BKT_MUST_CHECK int bkt_rules_ask(const struct bkt_filter_spec *spec,
                                 struct bkt_str key,
                                 const uint64_t *size,
                                 struct bkt_rule_answer *answers,
                                 enum bkt_rule *out_verdict,
                                 struct bkt_error *err);

#endif
