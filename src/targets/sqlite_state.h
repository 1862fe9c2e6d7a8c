/*
 * State rows as they are scanned, by whoever syncs and by whoever only looks.
 */
#ifndef TARGETS_SQLITE_STATE_H
#define TARGETS_SQLITE_STATE_H

#include "table/table_target.h"
#include "targets/sqlite_db.h"

/* The statements of a scan, prepared when first used.  All-zero has none. */
struct bkt_sqlite_state_scan {
    sqlite3_stmt *range;
    sqlite3_stmt *rest;
};

/* scan() of table_target.h. */
BKT_MUST_CHECK int bkt_sqlite_state_scan(struct bkt_sqlite_state_scan *scan,
                                         const struct bkt_sqlite *conn,
                                         const struct bkt_scan *range,
                                         bkt_state_fn *fn,
                                         void *ctx,
                                         size_t *out_count,
                                         struct bkt_error *err);

/* Finalize; usable again. */
void bkt_sqlite_state_scan_clear(struct bkt_sqlite_state_scan *scan);

#endif
