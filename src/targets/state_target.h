/*
 * A table whose rows are in a target of bucketable/target.h and whose state is in an SQLite file.
 *
 * What a batch changes is confirmed by the target before the state is committed: sqlite_outside.h
 * has the order of things.
 */
#ifndef TARGETS_STATE_TARGET_H
#define TARGETS_STATE_TARGET_H

#include "table/table_target.h"
#include "targets/sqlite_outside.h"

#include <bucketable/target.h>

/*
 * `state_path` NULL: the state is a temporary file and every run begins anew.  `ops` and `self` are
 * used until the target is freed, which calls ops->free(); on failure here it does not.
 */
BKT_MUST_CHECK int bkt_state_target_new(const struct bkt_target_ops *ops,
                                        void *self,
                                        const char *state_path,
                                        struct bkt_table_target *out_target,
                                        struct bkt_error *err);

/* recover() of sqlite_outside.h, for rows of these columns; `self` is the target's. */
typedef int bkt_state_recover_fn(void *self,
                                 unsigned columns,
                                 bool binary,
                                 bkt_outside_found_fn *fn,
                                 void *ctx,
                                 struct bkt_error *err);

/* The same, over a target that may hold rows when the state is new. */
BKT_MUST_CHECK int bkt_state_target_new_over(const struct bkt_target_ops *ops,
                                             void *self,
                                             bkt_state_recover_fn *recover,
                                             const char *state_path,
                                             struct bkt_table_target *out_target,
                                             struct bkt_error *err);

#endif
