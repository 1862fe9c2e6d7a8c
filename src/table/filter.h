/*
 * Which objects are rows: the one predicate that listing, events, plan and explain share.
 *
 * In this order: the prefix on the decoded key, no directory marker (a key that ends in `/`), the
 * size limit, some included pattern (if there are any), no excluded pattern.  An excluded pattern
 * that matches an ancestor directory of the key, tried as `a/b` and as `a/b/`, excludes it too.
 *
 * Threads: immutable once made.
 */
#ifndef TABLE_FILTER_H
#define TABLE_FILTER_H

#include "core/arena.h"

#include <bucketable/error.h>

struct bkt_filter;

struct bkt_filter_spec {
    struct bkt_str prefix;
    const struct bkt_str *included;
    size_t included_count;
    const struct bkt_str *excluded;
    size_t excluded_count;
    uint64_t max_file_size; /* UINT64_MAX: none */
};

enum bkt_rule {
    BKT_RULE_ROW, /* all rules let it through */
    BKT_RULE_PREFIX,
    BKT_RULE_DIRECTORY_MARKER,
    BKT_RULE_SIZE,
    BKT_RULE_NOT_INCLUDED,
    BKT_RULE_EXCLUDED,
};

/* Why. */
struct bkt_verdict {
    enum bkt_rule rule;
    size_t pattern;     /* index of the pattern that included (ROW) or excluded it */
    size_t matched_len; /* EXCLUDED: how much of the key it matched: all, or a directory */
};

/* Copies the spec.  BKT_ECONFIG for a pattern that is rejected. */
BKT_MUST_CHECK int bkt_filter_new(const struct bkt_filter_spec *spec,
                                  struct bkt_filter **out_filter,
                                  struct bkt_error *err);
void bkt_filter_free(struct bkt_filter *filter);

/* Is an object with that key and size a row?  `out_verdict` may be NULL. */
bool bkt_filter_matches(const struct bkt_filter *filter,
                        struct bkt_str key,
                        uint64_t size,
                        struct bkt_verdict *out_verdict);

/* The same for the key alone, as if its size were within the limit. */
bool bkt_filter_matches_key(const struct bkt_filter *filter, struct bkt_str key);

/*
 * The prefixes below which every row's key lies: sorted, none the beginning of another.  Memory
 * from `arena`.  No prefix at all means that nothing can match.
 */
BKT_MUST_CHECK int bkt_filter_prefixes(const struct bkt_filter *filter,
                                       struct bkt_arena *arena,
                                       const struct bkt_str **out_prefixes,
                                       size_t *out_count,
                                       struct bkt_error *err);

/*
 * A prefix that `key` begins with and is longer than, and below which everything is sure to be
 * excluded; false when none is known.  A view into the filter.
 */
bool bkt_filter_excluded_prefix(const struct bkt_filter *filter,
                                struct bkt_str key,
                                struct bkt_str *out_prefix);

#endif
