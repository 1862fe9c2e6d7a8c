#include "targets/sqlite_lease.h"

#include <stdio.h>

enum { LEASE_MS = 15000 };

static int fail(const struct bkt_sqlite *conn, int status, struct bkt_error *err)
{
    return bkt_sqlite_fail(conn, status, "ask who lists into", err);
}

/* Take it where it is free, ours, or of `dead`.  `out_other`: who has it; "" when we have. */
static int take(const struct bkt_sqlite *conn,
                const char *holder,
                const char *dead,
                int64_t now_ms,
                char out_other[BKT_HOLDER_BYTES],
                struct bkt_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = bkt_sqlite_prepare(
        conn,
        "INSERT INTO bucketable_leases AS l (table_name, holder, until) VALUES (?1, ?2, ?3)"
        " ON CONFLICT (table_name) DO UPDATE SET holder = ?2, until = ?3"
        " WHERE l.until < ?4 OR l.until > ?3 OR l.holder IN (?2, ?5) RETURNING 1",
        &stmt, err);
    if (rc)
        return rc;
    int status = bkt_sqlite_bind_text(stmt, 1, bkt_str_from(conn->table)) ||
                 bkt_sqlite_bind_text(stmt, 2, bkt_str_from(holder)) ||
                 sqlite3_bind_int64(stmt, 3, now_ms + LEASE_MS) ||
                 sqlite3_bind_int64(stmt, 4, now_ms) ||
                 bkt_sqlite_bind_text(stmt, 5, bkt_str_from(dead));
    bool is_ours = status == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW;
    status = sqlite3_finalize(stmt);
    out_other[0] = '\0';
    if (status || is_ours)
        return status ? fail(conn, status, err) : BKT_OK;

    rc = bkt_sqlite_prepare(conn, "SELECT holder FROM bucketable_leases WHERE table_name = ?1",
                            &stmt, err);
    if (rc)
        return rc;
    (void)bkt_sqlite_bind_text(stmt, 1, bkt_str_from(conn->table));
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        struct bkt_str other = bkt_sqlite_column(stmt, 0);
        (void)snprintf(out_other, BKT_HOLDER_BYTES, "%.*s", BKT_STR_ARG(other));
    }
    status = sqlite3_finalize(stmt);
    return status ? fail(conn, status, err) : BKT_OK;
}

int bkt_sqlite_lease_hold(const struct bkt_sqlite *conn,
                          const char *holder,
                          int64_t now_ms,
                          struct bkt_error *err)
{
    char other[BKT_HOLDER_BYTES] = "";
    int rc = bkt_sqlite_exec(conn,
                             "CREATE TABLE IF NOT EXISTS bucketable_leases (table_name TEXT"
                             " PRIMARY KEY NOT NULL COLLATE NOCASE, holder TEXT NOT NULL,"
                             " until INTEGER NOT NULL)",
                             err);
    if (rc == BKT_OK)
        rc = take(conn, holder, "", now_ms, other, err);
    if (rc == BKT_OK && other[0] != '\0' && bkt_holder_is_dead(other))
        rc = take(conn, holder, other, now_ms, other, err);
    if (rc == BKT_OK && other[0] != '\0') {
        return bkt_error_set(err, BKT_EBUSY,
                             "list into table %s in %s: another process lists the bucket: %s",
                             conn->table, conn->path, other);
    }
    /* What stands in the way is told by those that have something to write. */
    return rc == BKT_ENOMEM ? rc : BKT_OK;
}

void bkt_sqlite_lease_release(const struct bkt_sqlite *conn, const char *holder)
{
    sqlite3_stmt *stmt = NULL;
    if (bkt_sqlite_prepare(conn,
                           "UPDATE bucketable_leases SET until = 0 WHERE table_name = ?1 AND holder"
                           " = ?2",
                           &stmt, NULL))
        return;
    (void)(bkt_sqlite_bind_text(stmt, 1, bkt_str_from(conn->table)) ||
           bkt_sqlite_bind_text(stmt, 2, bkt_str_from(holder)));
    (void)sqlite3_step(stmt);
    (void)sqlite3_finalize(stmt);
}
