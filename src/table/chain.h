/*
 * A chain of ListObjectsV2 pages: a range of keys below one prefix, how far it has been listed, and
 * which page of it to ask for next.
 *
 * The guard against listings that lie lives here: a page is an error when its keys do not ascend,
 * lie outside the prefix or go back, when more follows without a token, or when the token is the
 * one just used.
 *
 * Pure: no I/O, no time.  One thread.
 */
#ifndef TABLE_CHAIN_H
#define TABLE_CHAIN_H

#include "core/buf.h"
#include "table/filter.h"
#include "table/table_source.h"

enum { BKT_CHAIN_MARK_BYTES_MAX = 4 << 10 }; /* of a place in the key space; keys are shorter */

struct bkt_chain {
    struct bkt_str prefix; /* the filter's */
    struct bkt_str after;  /* where the first range of a prefix begins: just before its keys */
    struct bkt_buf up_to;  /* empty: to the last key */
    struct bkt_buf mark;   /* all keys up to here are covered; empty: none yet */
    struct bkt_buf seen;   /* the last key since the last jump; behind the mark when replayed */
    struct bkt_buf token;
    unsigned empty_pages; /* in a row */
    uint64_t asked_at;    /* the clock before the newest page was asked for */
    uint64_t mark_at;     /* and before the page that moved the mark, or leapt to it */
    bool jump;            /* the next request begins after `mark`, without a token */
    bool in_flight;
    bool is_done;
    bool is_begun; /* a page has been answered */

    /* The lister's, for splitting. */
    struct bkt_buf first; /* of the newest page with keys */
    double pages_left;    /* an estimate; 0: not to be split */
    double lean;
    unsigned misses;
    bool is_probe; /* split off, and not yet known to hold a key */
    uint64_t name; /* no other's, though the place in the array was another's before */
    size_t parent; /* place and name */
    uint64_t parent_name;
};

/* All keys with the prefix, which is viewed. */
struct bkt_chain bkt_chain_new(struct bkt_str prefix);
void bkt_chain_clear(struct bkt_chain *chain);

/* Whether the rest may be cut at `key`: inside, below its prefix, not where all is excluded. */
bool bkt_chain_may_cut(const struct bkt_chain *chain,
                       const struct bkt_filter *filter,
                       struct bkt_str key);

/*
 * Cut in two: `out_upper` is the part above `key`.  BKT_ENOMEM, BKT_ELIMIT: the chain is whole and
 * nothing is left.
 */
BKT_MUST_CHECK int bkt_chain_cut(struct bkt_chain *lower,
                                 struct bkt_str key,
                                 struct bkt_chain *out_upper);

/* Undo a cut: the lower part ends where the upper one did, which is left empty. */
void bkt_chain_join(struct bkt_chain *lower, struct bkt_chain *upper);

/* BKT_EPARSE, BKT_EUNSUPPORTED: the keys of the page cannot be believed. */
BKT_MUST_CHECK int bkt_chain_check_keys(const struct bkt_chain *chain,
                                        const struct bkt_page *page,
                                        struct bkt_error *err);

/* Leading objects at or before the mark: a server that ignores start-after sends them again. */
size_t bkt_chain_count_before(const struct bkt_chain *chain, const struct bkt_page *page);

/* Trailing objects behind the end, of those after the first `skip`. */
size_t bkt_chain_count_behind(const struct bkt_chain *chain,
                              const struct bkt_page *page,
                              size_t skip);

enum bkt_chain_step {
    BKT_CHAIN_STAYED, /* no key, or none that is new */
    BKT_CHAIN_MOVED,
    BKT_CHAIN_JUMPED, /* over an excluded directory */
};

/*
 * Go on after a page that is not the last one.  With a filter, over directories that it excludes:
 * NULL when the server ignores start-after.  BKT_EPARSE, BKT_ENOMEM.
 */
BKT_MUST_CHECK int bkt_chain_advance(struct bkt_chain *chain,
                                     const struct bkt_page *page,
                                     const struct bkt_filter *filter,
                                     enum bkt_chain_step *out_step,
                                     struct bkt_error *err);

#endif
