#include "targets/sqlite_recover.h"

#include "core/time.h"

enum { ROW_IS_KNOWN = BKT_STATE_ROW, ROW_IS_NOT_KNOWN = BKT_STATE_ROW | BKT_STATE_FAILED };

struct recovery {
    const struct bkt_sqlite *conn;
    sqlite3_stmt *put;
    bool found_any;
};

static int note(void *ctx, const struct bkt_outside_found *found, struct bkt_error *err)
{
    struct recovery *recovery = ctx;
    sqlite3_stmt *put = recovery->put;
    int flags = !found->has_row ? 0 : found->is_known ? ROW_IS_KNOWN : ROW_IS_NOT_KNOWN;
    recovery->found_any = true;
    int status = bkt_sqlite_bind_blob(put, 1, found->key) ||
                 sqlite3_bind_int64(put, 2, found->part) || sqlite3_bind_int(put, 3, flags) ||
                 bkt_sqlite_bind_text_or_null(put, 4, found->etag) ||
                 sqlite3_bind_int64(put, 5, (sqlite3_int64)found->size) ||
                 (found->last_modified_ms == BKT_TIME_NONE
                      ? sqlite3_bind_null(put, 6)
                      : sqlite3_bind_int64(put, 6, found->last_modified_ms));
    if (status == SQLITE_OK)
        status = sqlite3_step(put);
    (void)sqlite3_reset(put);
    return status == SQLITE_DONE
               ? BKT_OK
               : bkt_sqlite_fail(recovery->conn, status, "write the state in", err);
}

static int tell_all(struct recovery *recovery,
                    const struct bkt_sqlite_outside *outside,
                    struct bkt_error *err)
{
    /* Part -1 is none that is ever told: a key that was seen in two stays unknown. */
    static const char sql[] =
        "INSERT INTO bucketable_found (filename, part, flags, etag, size, last_modified)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (filename) DO UPDATE SET"
        " part = iif(part = ?2, ?2, -1), flags = iif(part = ?2, ?3, 5), etag = ?4, size = ?5,"
        " last_modified = ?6";
    int rc = bkt_sqlite_prepare(recovery->conn, sql, &recovery->put, err);
    if (rc == BKT_OK)
        rc = outside->recover(outside->self, note, recovery, err);
    (void)sqlite3_finalize(recovery->put);
    return rc;
}

static int write_state(const struct bkt_sqlite *conn, uint32_t decode, struct bkt_error *err)
{
    static const char sql[] =
        "INSERT INTO @S (filename, revision, flags, etag, size, last_modified, decode, error)"
        " SELECT filename, (SELECT clock + 1 FROM bucketable_tables WHERE table_name = ?1), flags,"
        " iif(flags & 4, NULL, etag), size, last_modified, iif(flags & 4, 0, ?2),"
        " iif(flags & 4, 'it was found when the state was rebuilt; the next listing reads it', "
        "NULL)"
        " FROM bucketable_found WHERE flags & 1 ORDER BY filename";
    sqlite3_stmt *stmt = NULL;
    int rc = bkt_sqlite_prepare(conn, sql, &stmt, err);
    if (rc)
        return rc;
    (void)(bkt_sqlite_bind_text(stmt, 1, bkt_str_from(conn->table)) ||
           sqlite3_bind_int64(stmt, 2, decode));
    (void)sqlite3_step(stmt);
    int status = sqlite3_finalize(stmt);
    return status ? bkt_sqlite_fail(conn, status, "write the state in", err) : BKT_OK;
}

int bkt_sqlite_recover(const struct bkt_sqlite *conn,
                       const struct bkt_sqlite_outside *outside,
                       uint32_t decode,
                       bool *out_found_any,
                       struct bkt_error *err)
{
    struct recovery recovery = {.conn = conn};
    int rc = bkt_sqlite_exec(conn,
                             "CREATE TABLE bucketable_found (filename BLOB PRIMARY KEY NOT NULL,"
                             " part INTEGER NOT NULL, flags INTEGER NOT NULL, etag TEXT,"
                             " size INTEGER NOT NULL, last_modified INTEGER) WITHOUT ROWID",
                             err);
    if (rc == BKT_OK)
        rc = tell_all(&recovery, outside, err);
    if (rc == BKT_OK && recovery.found_any)
        rc = write_state(conn, decode, err);
    if (rc == BKT_OK)
        rc = bkt_sqlite_exec(conn, "DROP TABLE bucketable_found", err);
    if (rc == BKT_OK)
        *out_found_any = recovery.found_any;
    return rc;
}
