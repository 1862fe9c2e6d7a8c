/*
 * Which page of the listing to ask for next, and what a page that came back covers.
 *
 * The key space is cut into stretches: below each prefix under which rows can lie run one or more
 * chains of ListObjectsV2 pages; what is left between them cannot hold a row and is covered without
 * a request. Together the covered spans are the whole key space, each part once, so that a state
 * row in none of the pages is known to be absent, or no row by the spec.
 *
 * A chain lists a range of keys, and its rest can be split off to be listed by another at the same
 * time: docs/internals/listing.md.
 *
 * Pure: no I/O, no time.  One thread.
 */
#ifndef TABLE_LISTER_H
#define TABLE_LISTER_H

#include "table/filter.h"
#include "table/span.h"
#include "table/table_source.h"

struct bkt_lister;

/* A page to ask for.  Views are valid until that page is handed in. */
struct bkt_list_request {
    size_t chain;
    struct bkt_str prefix;
    struct bkt_str start_after; /* with an empty token only */
    struct bkt_str token;
};

/* What a page, or a gap, covers. */
struct bkt_covered {
    struct bkt_span span;
    size_t skip; /* leading objects of the page that lie before the span: not asked for, but sent */
    size_t drop; /* trailing objects that lie behind it: another chain's */
    bool is_gap; /* no row can lie here: there is no page */
    /*
     * The clock for what is absent here.  Between a page's last key and the next page's first one
     * nobody can tell which of the two looked (a token may lead past keys that were absent when it
     * was made): it is the clock before the earlier one was asked for.
     */
    uint64_t read_at;
};

/* Both are the caller's; `bucket` is what errors call it. */
BKT_MUST_CHECK int bkt_lister_new(const struct bkt_filter *filter,
                                  const char *bucket,
                                  struct bkt_lister **out_lister,
                                  struct bkt_error *err);
void bkt_lister_free(struct bkt_lister *lister);

/*
 * How many pages are asked for at once, at most.  With more than one, ranges are split when there
 * is no other page to ask for; with 1, as at first, they never are.
 */
void bkt_lister_set_slots(struct bkt_lister *lister, size_t slots);

/*
 * Begin with ranges that end at these keys, which ascend; copied.  Before the first request.  Keys
 * that lie where nothing is listed are passed over.  Of BKT_ENOMEM nothing is left but fewer
 * ranges.
 */
BKT_MUST_CHECK int bkt_lister_cut(struct bkt_lister *lister,
                                  const struct bkt_str *keys,
                                  size_t count);

/*
 * List only what lies from `from` (empty: the first key) up to `to` (empty: the last), both
 * included, and little beside it: who needs the bounds exactly looks at the keys.  Before the first
 * request.  The gaps stay as they are; of BKT_ENOMEM nothing but bkt_lister_free() is left.
 */
BKT_MUST_CHECK int bkt_lister_limit(struct bkt_lister *lister,
                                    struct bkt_str from,
                                    struct bkt_str to);

/*
 * The next stretch without a request, as of `clock`; false when all have been given out.  The
 * lister's views.
 */
bool bkt_lister_next_gap(struct bkt_lister *lister, uint64_t clock, struct bkt_covered *out_gap);

/*
 * The next page to ask for now, at `clock`: that of the lowest chain which has none under way;
 * false when every chain has ended or waits.  Who asks for one page at a time gets the keys in
 * order.
 */
bool bkt_lister_next(struct bkt_lister *lister,
                     uint64_t clock,
                     struct bkt_list_request *out_request);

/*
 * The answer to a request; what it covers is written into `arena`.  BKT_EPARSE when it cannot be
 * believed, BKT_EUNSUPPORTED when keys do not ascend (as in directory buckets); both say
 * what was being listed and what is wrong.
 */
BKT_MUST_CHECK int bkt_lister_page(struct bkt_lister *lister,
                                   size_t chain,
                                   const struct bkt_page *page,
                                   struct bkt_arena *arena,
                                   struct bkt_covered *out_covered,
                                   struct bkt_error *err);

/* All chains have come to their ends and all gaps have been given out. */
bool bkt_lister_is_done(const struct bkt_lister *lister);

#endif
