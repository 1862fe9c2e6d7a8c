/*
 * Rows that are kept elsewhere, beside an SQLite file that holds their state alone.
 *
 * Two transactions for a batch.  The first notes, synced to disk, which keys are about to be
 * written; the second checks the read clock, writes the rows and their state, and commits when the
 * rows are confirmed.  A key that is still noted when the table is attached was cut off in between:
 * nobody knows what its row is, so its state forgets the ETag and counts as failed, and the key is
 * read again or found absent and deleted.
 */
#ifndef TARGETS_SQLITE_OUTSIDE_H
#define TARGETS_SQLITE_OUTSIDE_H

#include "table/table_target.h"

struct bkt_sqlite_outside {
    void *self;
    /* Which target it is; kept in the state's record, which belongs to no other. */
    const char *name;
    /* The state ends with the process: nothing is noted, nothing synced. */
    bool is_temporary;
    size_t batch_changes; /* of struct bkt_attached */

    /* Before the state is made or changed. */
    int (*attach)(void *self,
                  const struct bkt_table_spec *spec,
                  bool is_new,
                  struct bkt_error *err);
    /*
     * Write a change that is an UPSERT or a DELETE, or answer REJECTED.  It need not have arrived:
     * its state is written meanwhile, and committed after confirm().
     */
    int (*write)(void *self, struct bkt_change *change, struct bkt_error *err);
    /* All that was written since the last one has arrived, and outlives this process. */
    int (*confirm)(void *self, struct bkt_error *err);
    /* Instead of it, or after it has failed: the batch is given up. */
    void (*abandon)(void *self);
    void (*free)(void *self);
};

#endif
