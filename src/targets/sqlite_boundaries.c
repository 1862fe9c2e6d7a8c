#include "targets/sqlite_boundaries.h"

static int fail(const struct bkt_sqlite *conn, int status, struct bkt_error *err)
{
    return bkt_sqlite_fail(conn, status, "keep the boundaries of a listing in", err);
}

int bkt_sqlite_boundaries_save(const struct bkt_sqlite *conn,
                               struct bkt_str boundaries,
                               struct bkt_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = bkt_sqlite_exec(conn,
                             "CREATE TABLE IF NOT EXISTS bucketable_boundaries (table_name TEXT"
                             " PRIMARY KEY NOT NULL COLLATE NOCASE, keys BLOB NOT NULL)",
                             err);
    if (rc == BKT_OK)
        rc = bkt_sqlite_prepare(
            conn, "REPLACE INTO bucketable_boundaries (table_name, keys) VALUES (?1, ?2)", &stmt,
            err);
    if (rc)
        return rc;
    int status = bkt_sqlite_bind_text(stmt, 1, bkt_str_from(conn->table));
    if (status == SQLITE_OK)
        status = bkt_sqlite_bind_blob(stmt, 2, boundaries);
    if (status == SQLITE_OK)
        status = sqlite3_step(stmt);
    rc = status == SQLITE_DONE ? BKT_OK : fail(conn, status, err);
    (void)sqlite3_finalize(stmt);
    return rc;
}

int bkt_sqlite_boundaries_load(const struct bkt_sqlite *conn,
                               struct bkt_buf *out,
                               struct bkt_error *err)
{
    int64_t tables = 0;
    int rc = bkt_sqlite_number(conn,
                               "SELECT count(*) FROM sqlite_schema WHERE type = 'table'"
                               " AND name = 'bucketable_boundaries'",
                               &tables, err);
    if (rc || tables == 0)
        return rc;
    sqlite3_stmt *stmt = NULL;
    rc = bkt_sqlite_prepare(conn, "SELECT keys FROM bucketable_boundaries WHERE table_name = ?1",
                            &stmt, err);
    if (rc)
        return rc;
    int status = bkt_sqlite_bind_text(stmt, 1, bkt_str_from(conn->table));
    if (status == SQLITE_OK)
        status = sqlite3_step(stmt);
    bkt_buf_reset(out);
    if (status == SQLITE_ROW) {
        rc = bkt_buf_append(out, bkt_sqlite_column(stmt, 0));
        if (rc)
            (void)bkt_sqlite_refuse(conn, rc, err, bkt_error_text(rc));
    } else if (status != SQLITE_DONE) {
        rc = fail(conn, status, err);
    }
    (void)sqlite3_finalize(stmt);
    return rc;
}
