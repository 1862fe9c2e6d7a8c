/*
 * The changes of a batch as a table of the writer's connection, so that one statement reads or
 * writes what belongs to many of them: no binding, no step and no cursor for each row.
 *
 * The table is called bucketable_batch.  It has a row for each change that the statement is to
 * see (`view`, `first`, `end`), in the order of the keys; its rowid is the change's place in the
 * batch.  Its columns:
 *
 *   filename       the key as text           key          the key as a blob
 *   content        text or blob              revision     that the change takes
 *   etag ... metadata, of enum bkt_column    flags        of the state row, where there was none
 *                                            modified_ms  NULL when it was not told
 *                                            decode
 *
 * Texts and blobs are not copied: the changes stay as they are until the statement is reset.
 */
#ifndef TARGETS_SQLITE_BATCH_H
#define TARGETS_SQLITE_BATCH_H

#include "table/table_target.h"

#include <sqlite3.h>

/* Which of the changes a statement sees; those that were rejected never. */
enum bkt_sqlite_view {
    BKT_SQLITE_VIEW_ALL,
    BKT_SQLITE_VIEW_NEW_ROWS,  /* applied, and to be inserted into the user's table */
    BKT_SQLITE_VIEW_NEW_STATE, /* applied upserts whose key has no state row */
};

/* The state row that a change found. */
struct bkt_sqlite_found {
    bool has_state;
    unsigned flags; /* 0 when there was none */
};

/* All-zero is valid and empty. */
struct bkt_sqlite_batch {
    struct bkt_change *changes; /* the caller's */
    size_t count;
    struct bkt_sqlite_found *found; /* one for each change */
    size_t capacity;
    uint64_t revision;
    bool binary; /* content is a blob whatever the change says */
    enum bkt_sqlite_view view;
    size_t first; /* the statement sees changes from here ... */
    size_t end;   /* ... to before here */
};

/*
 * Make the table known to the connection, which then keeps `batch`: it stays where it is until the
 * connection is closed.  SQLite's code.
 */
BKT_MUST_CHECK int bkt_sqlite_batch_register(struct bkt_sqlite_batch *batch, sqlite3 *db);

/* Take these changes; `found` is emptied.  BKT_OK or BKT_ENOMEM. */
BKT_MUST_CHECK int bkt_sqlite_batch_set(struct bkt_sqlite_batch *batch,
                                        struct bkt_change *changes,
                                        size_t count);

/* Is the change of this place in the view? */
bool bkt_sqlite_batch_has(const struct bkt_sqlite_batch *batch,
                          enum bkt_sqlite_view view,
                          size_t place);

/* What the next statement sees. */
void bkt_sqlite_batch_show(struct bkt_sqlite_batch *batch,
                           enum bkt_sqlite_view view,
                           size_t first,
                           size_t end);

/* After the connection was closed. */
void bkt_sqlite_batch_clear(struct bkt_sqlite_batch *batch);

#endif
