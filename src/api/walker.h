/*
 * The whole key space of a bucket in the order of the keys, held against the state of a table:
 * pages of the bucket's listing, one after the other, and the gaps between them in which no row can
 * lie.
 */
#ifndef API_WALKER_H
#define API_WALKER_H

#include "api/asker.h"
#include "table/merge.h"

/*
 * Tell of every object that is a row, and of every state row without one.  State of any revision
 * counts as older than the listing: of `target`, scan() is all that is used.
 */
BKT_MUST_CHECK int bkt_walk(struct bkt_asker *asker,
                            const struct bkt_merge_rules *rules,
                            const struct bkt_table_target *target,
                            struct bkt_merge_counts *counts,
                            bkt_difference_fn *fn,
                            void *ctx,
                            struct bkt_error *err);

/* The same beside a table that is empty: every object that is a row is told as to be READ. */
BKT_MUST_CHECK int bkt_walk_bucket(struct bkt_asker *asker,
                                   struct bkt_merge_counts *counts,
                                   bkt_difference_fn *fn,
                                   void *ctx,
                                   struct bkt_error *err);

/* And for one key; `object` is what the bucket has, NULL for nothing. */
BKT_MUST_CHECK int bkt_walk_key(struct bkt_str key,
                                const struct bkt_object *object,
                                const struct bkt_merge_rules *rules,
                                const struct bkt_table_target *target,
                                bkt_difference_fn *fn,
                                void *ctx,
                                struct bkt_error *err);

#endif
