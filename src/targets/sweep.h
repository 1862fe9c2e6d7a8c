/*
 * The end of a listing, whatever the database: staged keys are counted, then deleted chunk by
 * chunk, each chunk one apply().
 */
#ifndef TARGETS_SWEEP_H
#define TARGETS_SWEEP_H

#include "table/table_target.h"

/* A staged key, in the order of keys.  Views are valid until the callback returns. */
typedef int bkt_staged_fn(void *ctx, const struct bkt_absence *absence, struct bkt_error *err);

/*
 * What a database does for it; `self` is its writer.  count() and next() fail with BKT_EBUSY when
 * another listing has begun: what is staged is that one's, and not held against our limit.  One
 * that begins between next() and apply() has a floor by which the read clock refuses what next()
 * gave.
 */
struct bkt_sweep_ops {
    /* Rows that staged keys have and that the read clock lets go. */
    int (*count)(void *self, uint64_t *out_count, struct bkt_error *err);
    /* At most `limit` staged keys after `after` that have a row or a failure to lose. */
    int (*next)(void *self,
                struct bkt_str after,
                size_t limit,
                bkt_staged_fn *fn,
                void *ctx,
                struct bkt_error *err);
    /* table_target.h's, not durable. */
    int (*apply)(void *self,
                 struct bkt_change *changes,
                 size_t count,
                 struct bkt_clock *out_clock,
                 struct bkt_error *err);
};

/* sweep() of table_target.h; `table` is its name for messages. */
BKT_MUST_CHECK int bkt_sweep_run(const struct bkt_sweep_ops *ops,
                                 void *self,
                                 const char *table,
                                 struct bkt_sweep *sweep,
                                 struct bkt_clock *out_clock,
                                 struct bkt_error *err);

#endif
