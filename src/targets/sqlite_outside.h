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

/* A row that the target turned out to hold, or the end of one.  Valid until the callback returns.
 */
struct bkt_outside_found {
    struct bkt_str key;
    bool has_row; /* false: it was deleted */
    /* Of one key in one part the last that is told holds; in several, nobody knows which does. */
    int64_t part;
    /* The row is the bytes of the object that had this ETag; else it is to be read again. */
    bool is_known;
    struct bkt_str etag;
    uint64_t size;
    int64_t last_modified_ms; /* BKT_TIME_NONE: not known */
};
typedef int bkt_outside_found_fn(void *ctx,
                                 const struct bkt_outside_found *found,
                                 struct bkt_error *err);

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
    /* When the state is new, after attach(): tell of the rows that are there.  NULL: of none. */
    int (*recover)(void *self, bkt_outside_found_fn *fn, void *ctx, struct bkt_error *err);
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
