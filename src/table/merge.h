/*
 * Two streams in key order, the objects of a listed page and the state rows of the stretch that the
 * page covers, walked side by side: what is new, other, gone.
 *
 * A merge goes on in pieces, so that a stretch with millions of state rows and no object costs no
 * more memory than any other.  One thread (the one that may scan the target).
 */
#ifndef TABLE_MERGE_H
#define TABLE_MERGE_H

#include "table/filter.h"
#include "table/lister.h"
#include "table/table_source.h"
#include "table/table_target.h"

enum bkt_difference {
    BKT_DIFFERENCE_NONE,      /* the row is the object's */
    BKT_DIFFERENCE_FAILED,    /* no (newer) row can be made of this content, as is known */
    BKT_DIFFERENCE_READ,      /* the object is to be read; `row` NULL: never seen before */
    BKT_DIFFERENCE_ABSENT,    /* state that the listing proves absent, or no row by the spec */
    BKT_DIFFERENCE_UNCERTAIN, /* the state changed after the page was asked for: read the key */
};

/* `object` is NULL for ABSENT and UNCERTAIN.  Valid until the callback returns. */
typedef int bkt_difference_fn(void *ctx,
                              enum bkt_difference difference,
                              const struct bkt_object *object,
                              const struct bkt_state_row *row,
                              struct bkt_error *err);

/* What decides whether a row is still its object's. */
struct bkt_merge_rules {
    const struct bkt_filter *filter;
    unsigned columns; /* of enum bkt_column: some make a change of metadata count */
    bool rows_lack_columns;
    /* Would the content of such a row come out the same today? */
    bool (*decode_is_current)(const void *ctx, const struct bkt_state_row *row);
    const void *ctx;
};

struct bkt_merge_counts {
    uint64_t listed; /* objects */
    uint64_t matched;
};

/* Fill with bkt_merge_begin(), run until done, then clear. */
struct bkt_merge {
    struct bkt_arena arena; /* the covered span's keys lie here */
    struct bkt_covered covered;
    struct bkt_page page; /* owned; all-zero for a gap */
    size_t next_object;
    struct bkt_buf after; /* state up to here is merged; empty: none of it yet */
    struct bkt_buf last;  /* what `after` will be when this run ends */
    bool is_done;
    struct bkt_merge *next; /* for the owner's queue */
};

/* `merge->arena` and `covered` were filled by the lister. */
void bkt_merge_begin(struct bkt_merge *merge, const struct bkt_page *page);

/* Walk on, over at most `limit` state rows; sets merge->is_done at the end of the stretch. */
BKT_MUST_CHECK int bkt_merge_run(struct bkt_merge *merge,
                                 const struct bkt_merge_rules *rules,
                                 const struct bkt_table_target *target,
                                 size_t limit,
                                 struct bkt_merge_counts *counts,
                                 bkt_difference_fn *fn,
                                 void *ctx,
                                 struct bkt_error *err);

void bkt_merge_clear(struct bkt_merge *merge);

#endif
