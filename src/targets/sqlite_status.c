#include "targets/sqlite_status.h"

#include "core/mem.h"
#include "core/time.h"
#include "targets/sqlite_reader.h"
#include "targets/sqlite_record.h"

static int64_t column_time(sqlite3_stmt *stmt, int i)
{
    int64_t ms;
    return bkt_time_parse_iso(bkt_sqlite_column(stmt, i), &ms) ? ms : BKT_TIME_NONE;
}

static struct bkt_status_table table_status(sqlite3_stmt *stmt)
{
    return (struct bkt_status_table){
        .table = bkt_sqlite_column(stmt, 0),
        .source = bkt_sqlite_column(stmt, 2),
        .spec = bkt_sqlite_column(stmt, 3),
        .row_count = (uint64_t)sqlite3_column_int64(stmt, 4),
        .failed_count = (uint64_t)sqlite3_column_int64(stmt, 5),
        .epoch = (uint64_t)sqlite3_column_int64(stmt, 6),
        .clock = (uint64_t)sqlite3_column_int64(stmt, 7),
        .updated_ms = column_time(stmt, 8),
        .listing_ended_ms = column_time(stmt, 9),
        .listing_listed = (uint64_t)sqlite3_column_int64(stmt, 10),
        .listing_matched = (uint64_t)sqlite3_column_int64(stmt, 11),
        .listing_failed = (uint64_t)sqlite3_column_int64(stmt, 12),
    };
}

static int tell_failed(const struct bkt_sqlite *file,
                       struct bkt_str table,
                       const struct bkt_status_told *told,
                       struct bkt_error *err)
{
    /* The same file, with the name of the table that the `@` marks stand for. */
    struct bkt_sqlite conn = *file;
    sqlite3_stmt *stmt = NULL;
    conn.table = bkt_mem_strdup(table.ptr, table.len);
    if (!conn.table)
        return bkt_error_set(err, BKT_ENOMEM, "read %s: out of memory", file->path);
    int rc = bkt_sqlite_prepare(&conn,
                                "SELECT filename, error FROM @S WHERE (flags & 5) <> 1 AND flags"
                                " & 4 ORDER BY filename",
                                &stmt, err);
    int step = SQLITE_DONE;
    while (rc == BKT_OK && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
        rc = told->failed(told->ctx, bkt_sqlite_column(stmt, 0), bkt_sqlite_column(stmt, 1), err);
    }
    if (rc == BKT_OK && step != SQLITE_DONE)
        rc = bkt_sqlite_fail(&conn, step, "read", err);
    (void)sqlite3_finalize(stmt);
    bkt_mem_free(conn.table);
    return rc;
}

static int tell_table(const struct bkt_sqlite *conn,
                      sqlite3_stmt *stmt,
                      const struct bkt_status_told *told,
                      struct bkt_error *err)
{
    struct bkt_status_table table = table_status(stmt);
    if (sqlite3_column_int64(stmt, 1) > BKT_SQLITE_SCHEMA_VERSION) {
        return bkt_error_set(err, BKT_ETARGET,
                             "read %s: table %.*s was made by a newer version: use that one",
                             conn->path, BKT_STR_ARG(table.table));
    }
    int rc = told->table(told->ctx, &table, err);
    if (rc == BKT_OK && told->failed)
        rc = tell_failed(conn, table.table, told, err);
    return rc;
}

static int tell_all(const struct bkt_sqlite *conn,
                    const struct bkt_status_told *told,
                    struct bkt_error *err)
{
    bool is_kept = false;
    int rc = bkt_sqlite_record_is_kept(conn, &is_kept, err);
    if (rc)
        return rc;
    if (!is_kept) {
        return bkt_error_set(err, BKT_ETARGET, "read %s: bucketable has no table in it",
                             conn->path);
    }

    sqlite3_stmt *stmt = NULL;
    rc = bkt_sqlite_prepare(conn,
                            "SELECT table_name, schema_version, source, spec, row_count,"
                            " failed_count, epoch, clock, updated_at, listing_ended_at,"
                            " listing_listed, listing_matched, listing_failed"
                            " FROM bucketable_tables ORDER BY table_name",
                            &stmt, err);
    int step = SQLITE_DONE;
    while (rc == BKT_OK && (step = sqlite3_step(stmt)) == SQLITE_ROW)
        rc = tell_table(conn, stmt, told, err);
    if (rc == BKT_OK && step != SQLITE_DONE)
        rc = bkt_sqlite_fail(conn, step, "read", err);
    (void)sqlite3_finalize(stmt);
    return rc;
}

int bkt_sqlite_status_read(const char *path,
                           const struct bkt_status_told *told,
                           struct bkt_error *err)
{
    static const struct bkt_str any_table = {"objects", 7}; /* each in turn, in tell_failed() */
    struct bkt_sqlite conn;
    int rc = bkt_sqlite_open_to_look(&conn, path, any_table, err);
    if (rc)
        return rc;
    rc = bkt_sqlite_exec(&conn, "BEGIN", err);
    if (rc == BKT_OK)
        rc = tell_all(&conn, told, err);
    bkt_sqlite_rollback(&conn);
    bkt_sqlite_close(&conn);
    return rc;
}
