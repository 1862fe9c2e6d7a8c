#include "targets/sqlite_writer.h"

#include "core/time.h"

#include <stdio.h>

/* Those over the user's rows are made by sqlite_rows.c. */
static const char *const statement_sql[BKT_SQLITE_STATEMENT_COUNT] = {
    [BKT_SQLITE_BEGIN] = "BEGIN IMMEDIATE",
    [BKT_SQLITE_COMMIT] = "COMMIT",
    [BKT_SQLITE_SAVEPOINT] = "SAVEPOINT bucketable_row",
    [BKT_SQLITE_ROLLBACK_TO] = "ROLLBACK TO bucketable_row",
    [BKT_SQLITE_RELEASE] = "RELEASE bucketable_row",
    [BKT_SQLITE_CLOCK] = "UPDATE bucketable_tables SET clock = clock + 1, updated_at = ?2"
                         " WHERE table_name = ?1 RETURNING clock, floor, epoch",
    [BKT_SQLITE_FLOOR] = "UPDATE bucketable_tables SET clock = clock + 1, floor = clock + 1,"
                         " updated_at = ?2 WHERE table_name = ?1 RETURNING clock, floor, epoch",
    [BKT_SQLITE_EPOCH] = "SELECT clock, floor, epoch FROM bucketable_tables WHERE table_name = ?1",
    [BKT_SQLITE_COUNTS] = "UPDATE bucketable_tables SET row_count = row_count + ?2,"
                          " failed_count = failed_count + ?3 WHERE table_name = ?1",
    /* The batch is the outer loop, whatever SQLite thinks of the sizes. */
    [BKT_SQLITE_STATE_FIND] = "SELECT b.rowid, s.revision, s.flags, s.etag FROM bucketable_batch b"
                              " CROSS JOIN @S s ON s.filename = b.key",
    [BKT_SQLITE_STATE_PUT] = "REPLACE INTO @S (filename, revision, flags, etag, size,"
                             " last_modified, version_id, decode)"
                             " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [BKT_SQLITE_STATE_ADD] = "INSERT OR FAIL INTO @S (filename, revision, flags, etag, size,"
                             " last_modified, version_id, decode) SELECT key, revision, flags,"
                             " etag, size, modified_ms, version_id, decode FROM bucketable_batch",
    [BKT_SQLITE_STATE_TOUCH] = "UPDATE @S SET revision = ?2, flags = ?3,"
                               " last_modified = coalesce(?4, last_modified),"
                               " version_id = coalesce(?5, version_id),"
                               " failed_etag = NULL, error = NULL WHERE filename = ?1",
    [BKT_SQLITE_STATE_FAIL] = "INSERT INTO @S (filename, revision, flags, failed_etag, error, size,"
                              " last_modified, decode)"
                              " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, coalesce(?8, 0))"
                              " ON CONFLICT (filename) DO UPDATE SET revision = ?2, flags = ?3,"
                              " failed_etag = ?4, error = ?5, decode = coalesce(?8, decode)",
    [BKT_SQLITE_TRIGGERS] = "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger'"
                            " AND tbl_name = ?1 COLLATE NOCASE",
    [BKT_SQLITE_UNSTAGE_ALL] = "DELETE FROM @A",
    /* The first term is the index's own, without which it would not be used. */
    [BKT_SQLITE_PURGE] = "DELETE FROM @S WHERE (flags & 5) <> 1 AND flags = 0 AND revision <= ?1",
    [BKT_SQLITE_STAGE] = "INSERT INTO @A (filename, read_at) VALUES (?1, ?2) ON CONFLICT (filename)"
                         " DO UPDATE SET read_at = max(read_at, ?2)",
    [BKT_SQLITE_STAGED_COUNT] = "SELECT count(*) FROM @A a CROSS JOIN @S s USING (filename)"
                                " WHERE (s.flags & 1) AND s.revision <= a.read_at AND a.read_at >="
                                " (SELECT floor FROM bucketable_tables WHERE table_name = ?1)",
    [BKT_SQLITE_STAGED_NEXT] = "SELECT a.filename, a.read_at FROM @A a CROSS JOIN @S s"
                               " USING (filename) WHERE a.filename > ?1 AND s.flags <> 0"
                               " ORDER BY a.filename LIMIT ?2",
    [BKT_SQLITE_LISTED] = "UPDATE bucketable_tables SET listing_ended_at = ?2, listing_listed = ?3,"
                          " listing_matched = ?4, listing_failed = ?5 WHERE table_name = ?1",
    [BKT_SQLITE_FAILED] = "SELECT failed_count FROM bucketable_tables WHERE table_name = ?1",
    [BKT_SQLITE_NOTE] = "INSERT OR IGNORE INTO @P (filename) VALUES (?1)",
    [BKT_SQLITE_UNNOTE] = "DELETE FROM @P WHERE filename = ?1",
    [BKT_SQLITE_NOTED] = "SELECT count(*) FROM @P",
    [BKT_SQLITE_UNNOTE_ALL] = "DELETE FROM @P",
};

int bkt_sqlite_writer_statement(struct bkt_sqlite_writer *writer,
                                enum bkt_sqlite_statement which,
                                sqlite3_stmt **out_stmt,
                                struct bkt_error *err)
{
    sqlite3_stmt **stmt = &writer->stmts[which];
    int rc = *stmt ? BKT_OK : bkt_sqlite_prepare(&writer->conn, statement_sql[which], stmt, err);
    if (rc == BKT_OK)
        *out_stmt = *stmt;
    return rc;
}

static int prepare_row(struct bkt_sqlite_writer *writer,
                       enum bkt_sqlite_row_op op,
                       struct bkt_error *err)
{
    struct bkt_buf sql = BKT_BUF_INIT(BKT_SQLITE_SQL_BYTES);
    int rc = bkt_sqlite_rows_sql(op, writer->columns, &sql);
    if (rc) {
        rc = bkt_error_set(err, rc, "write table %s: %s", writer->conn.table, bkt_error_text(rc));
    } else {
        rc = bkt_sqlite_prepare(&writer->conn, sql.ptr, &writer->row_stmts[op], err);
    }
    bkt_buf_clear(&sql);
    return rc;
}

int bkt_sqlite_writer_row_statement(struct bkt_sqlite_writer *writer,
                                    enum bkt_sqlite_row_op op,
                                    sqlite3_stmt **out_stmt,
                                    struct bkt_error *err)
{
    int rc = writer->row_stmts[op] ? BKT_OK : prepare_row(writer, op, err);
    if (rc == BKT_OK)
        *out_stmt = writer->row_stmts[op];
    return rc;
}

int bkt_sqlite_writer_fail(const struct bkt_sqlite_writer *writer,
                           int status,
                           struct bkt_error *err)
{
    char doing[BKT_SQLITE_NAME_BYTES + 32];
    (void)snprintf(doing, sizeof(doing), "write table %s in", writer->conn.table);
    return bkt_sqlite_fail(&writer->conn, status, doing, err);
}

int bkt_sqlite_writer_finish(const struct bkt_sqlite_writer *writer,
                             sqlite3_stmt *stmt,
                             struct bkt_error *err)
{
    int status = sqlite3_step(stmt);
    int rc = status == SQLITE_DONE || status == SQLITE_ROW
                 ? BKT_OK
                 : bkt_sqlite_writer_fail(writer, status, err);
    (void)sqlite3_reset(stmt);
    return rc;
}

int bkt_sqlite_writer_run(struct bkt_sqlite_writer *writer,
                          enum bkt_sqlite_statement which,
                          struct bkt_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = bkt_sqlite_writer_statement(writer, which, &stmt, err);
    return rc ? rc : bkt_sqlite_writer_finish(writer, stmt, err);
}

int bkt_sqlite_writer_number(struct bkt_sqlite_writer *writer,
                             enum bkt_sqlite_statement which,
                             uint64_t *out_number,
                             struct bkt_error *err)
{
    sqlite3_stmt *stmt = NULL;
    uint64_t number = 0;
    int rc = bkt_sqlite_writer_statement(writer, which, &stmt, err);
    if (rc)
        return rc;
    if (sqlite3_bind_parameter_count(stmt) > 0)
        (void)bkt_sqlite_bind_text(stmt, 1, bkt_str_from(writer->conn.table));
    int status = sqlite3_step(stmt);
    if (status == SQLITE_ROW)
        number = (uint64_t)sqlite3_column_int64(stmt, 0);
    else if (status != SQLITE_DONE)
        rc = bkt_sqlite_writer_fail(writer, status, err);
    (void)sqlite3_reset(stmt);
    if (rc == BKT_OK)
        *out_number = number;
    return rc;
}

int bkt_sqlite_writer_clock(struct bkt_sqlite_writer *writer,
                            enum bkt_sqlite_statement which,
                            struct bkt_clock *out_clock,
                            struct bkt_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = bkt_sqlite_writer_statement(writer, which, &stmt, err);
    if (rc)
        return rc;
    struct bkt_clock clock = {0};
    int status = bkt_sqlite_bind_text(stmt, 1, bkt_str_from(writer->conn.table));
    if (status == SQLITE_OK && which != BKT_SQLITE_EPOCH)
        status = bkt_sqlite_bind_time(stmt, 2, bkt_time_wall_ms());
    if (status == SQLITE_OK)
        status = sqlite3_step(stmt);
    if (status == SQLITE_ROW) {
        clock.clock = (uint64_t)sqlite3_column_int64(stmt, 0);
        clock.floor = (uint64_t)sqlite3_column_int64(stmt, 1);
        clock.epoch = (uint64_t)sqlite3_column_int64(stmt, 2);
    } else if (status != SQLITE_DONE) {
        rc = bkt_sqlite_writer_fail(writer, status, err);
    }
    (void)sqlite3_reset(stmt);
    if (rc)
        return rc;
    if (clock.epoch != writer->epoch) {
        return bkt_error_set(err, BKT_EFOREIGN,
                             "write table %s in %s: the spec of this table was changed by another "
                             "process: run with the new one",
                             writer->conn.table, writer->conn.path);
    }
    *out_clock = clock;
    return BKT_OK;
}

/* SQLite takes another setting between transactions only, and it lasts: it is set when it differs.
 */
int bkt_sqlite_writer_set_durable(struct bkt_sqlite_writer *writer,
                                  bool durable,
                                  struct bkt_error *err)
{
    if (writer->is_full == durable || (writer->outside && writer->outside->is_temporary))
        return BKT_OK;
    int rc = bkt_sqlite_exec(
        &writer->conn, durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", err);
    if (rc == BKT_OK)
        writer->is_full = durable;
    return rc;
}

int bkt_sqlite_writer_open(struct bkt_sqlite_writer *writer,
                           const char *path,
                           struct bkt_str table,
                           struct bkt_error *err)
{
    int rc = bkt_sqlite_open(&writer->conn, path, table, BKT_SQLITE_WRITE, err);
    if (rc)
        return rc;
    int status = bkt_sqlite_batch_register(&writer->batch, writer->conn.db);
    if (status == SQLITE_OK)
        return BKT_OK;
    rc = bkt_sqlite_fail(&writer->conn, status, "open", err);
    bkt_sqlite_close(&writer->conn);
    return rc;
}

void bkt_sqlite_writer_reset(struct bkt_sqlite_writer *writer)
{
    for (size_t i = 0; i < BKT_SQLITE_STATEMENT_COUNT; i++) {
        (void)sqlite3_finalize(writer->stmts[i]);
        writer->stmts[i] = NULL;
    }
    for (size_t i = 0; i < BKT_SQLITE_ROW_OP_COUNT; i++) {
        (void)sqlite3_finalize(writer->row_stmts[i]);
        writer->row_stmts[i] = NULL;
    }
}

void bkt_sqlite_writer_clear(struct bkt_sqlite_writer *writer)
{
    bkt_sqlite_writer_reset(writer);
    bkt_sqlite_close(&writer->conn);
    bkt_sqlite_batch_clear(&writer->batch);
}
