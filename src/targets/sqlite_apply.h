/*
 * apply() of table_target.h: a batch of changes in one transaction.
 *
 * All changes of a transaction take the new clock as their revision.  That suffices, since it is
 * larger than every `read_at` that anybody can have noted before the commit, and no two changes of
 * a transaction have the same key.
 */
#ifndef TARGETS_SQLITE_APPLY_H
#define TARGETS_SQLITE_APPLY_H

#include "targets/sqlite_writer.h"

BKT_MUST_CHECK int bkt_sqlite_apply(struct bkt_sqlite_writer *writer,
                                    struct bkt_change *changes,
                                    size_t count,
                                    bool durable,
                                    struct bkt_clock *out_clock,
                                    struct bkt_error *err);

#endif
