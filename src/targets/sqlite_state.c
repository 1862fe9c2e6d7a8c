#include "targets/sqlite_state.h"

#include "core/time.h"

#include <stdio.h>

#define SCAN_SQL                                                                            \
    "SELECT filename, etag, failed_etag, revision, size, last_modified, decode, flags FROM" \
    " @S WHERE filename > ?1"

static struct bkt_state_row state_row(sqlite3_stmt *stmt)
{
    return (struct bkt_state_row){
        .key = bkt_sqlite_column(stmt, 0),
        .etag = bkt_sqlite_column(stmt, 1),
        .failed_etag = bkt_sqlite_column(stmt, 2),
        .revision = (uint64_t)sqlite3_column_int64(stmt, 3),
        .size = (uint64_t)sqlite3_column_int64(stmt, 4),
        .last_modified_ms = sqlite3_column_type(stmt, 5) == SQLITE_NULL
                                ? BKT_TIME_NONE
                                : sqlite3_column_int64(stmt, 5),
        .decode = (uint32_t)sqlite3_column_int64(stmt, 6),
        .flags = (unsigned)sqlite3_column_int(stmt, 7),
    };
}

static int fail(const struct bkt_sqlite *conn, int status, struct bkt_error *err)
{
    char doing[BKT_SQLITE_NAME_BYTES + 40];
    (void)snprintf(doing, sizeof(doing), "read the state of table %s in", conn->table);
    return bkt_sqlite_fail(conn, status, doing, err);
}

static int statement(struct bkt_sqlite_state_scan *scan,
                     const struct bkt_sqlite *conn,
                     bool has_up_to,
                     sqlite3_stmt **out_stmt,
                     struct bkt_error *err)
{
    sqlite3_stmt **stmt = has_up_to ? &scan->range : &scan->rest;
    const char *sql = has_up_to ? SCAN_SQL " AND filename <= ?3 ORDER BY filename LIMIT ?2"
                                : SCAN_SQL " ORDER BY filename LIMIT ?2";
    int rc = *stmt ? BKT_OK : bkt_sqlite_prepare(conn, sql, stmt, err);
    if (rc == BKT_OK)
        *out_stmt = *stmt;
    return rc;
}

int bkt_sqlite_state_scan(struct bkt_sqlite_state_scan *scan,
                          const struct bkt_sqlite *conn,
                          const struct bkt_scan *range,
                          bkt_state_fn *fn,
                          void *ctx,
                          size_t *out_count,
                          struct bkt_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = statement(scan, conn, range->has_up_to, &stmt, err);
    if (rc)
        return rc;
    int64_t limit = range->limit > INT64_MAX ? INT64_MAX : (int64_t)range->limit;
    int status = bkt_sqlite_bind_blob(stmt, 1, range->after);
    if (status == SQLITE_OK)
        status = sqlite3_bind_int64(stmt, 2, limit);
    if (status == SQLITE_OK && range->has_up_to)
        status = bkt_sqlite_bind_blob(stmt, 3, range->up_to);

    size_t count = 0;
    while (status == SQLITE_OK && rc == BKT_OK) {
        status = sqlite3_step(stmt);
        if (status != SQLITE_ROW)
            break;
        struct bkt_state_row row = state_row(stmt);
        rc = fn(ctx, &row, err);
        count++;
        status = SQLITE_OK;
    }
    if (rc == BKT_OK && status != SQLITE_DONE)
        rc = fail(conn, status, err);
    (void)sqlite3_reset(stmt);
    if (rc == BKT_OK)
        *out_count = count;
    return rc;
}

void bkt_sqlite_state_scan_clear(struct bkt_sqlite_state_scan *scan)
{
    (void)sqlite3_finalize(scan->range);
    (void)sqlite3_finalize(scan->rest);
    *scan = (struct bkt_sqlite_state_scan){0};
}
