#include "targets/sqlite_change.h"

#include "core/time.h"
#include "targets/change.h"

#include <stdio.h>

static int bind_last_modified(sqlite3_stmt *stmt, int i, int64_t ms)
{
    return ms == BKT_TIME_NONE ? sqlite3_bind_null(stmt, i) : sqlite3_bind_int64(stmt, i, ms);
}

static int bind_state_put(sqlite3_stmt *stmt, const struct bkt_change *change)
{
    static const struct bkt_change tombstone = {.object.last_modified_ms = BKT_TIME_NONE};
    const struct bkt_change *kept = change->op == BKT_CHANGE_DELETE ? &tombstone : change;
    return bkt_sqlite_bind_text_or_null(stmt, 4, kept->object.etag) ||
           sqlite3_bind_int64(stmt, 5, (sqlite3_int64)kept->object.size) ||
           bind_last_modified(stmt, 6, kept->object.last_modified_ms) ||
           bkt_sqlite_bind_text_or_null(stmt, 7, kept->extra.version_id) ||
           sqlite3_bind_int64(stmt, 8, kept->decode);
}

static int bind_state_touch(sqlite3_stmt *stmt, const struct bkt_change *change)
{
    return bind_last_modified(stmt, 4, change->object.last_modified_ms) ||
           bkt_sqlite_bind_text_or_null(stmt, 5, change->extra.version_id);
}

static int bind_state_fail(sqlite3_stmt *stmt, const struct bkt_change *change)
{
    struct bkt_str none = {0};
    return bkt_sqlite_bind_text_or_null(stmt, 4,
                                        change->failed_by_content ? change->object.etag : none) ||
           bkt_sqlite_bind_text(stmt, 5, bkt_change_error(change)) ||
           sqlite3_bind_int64(stmt, 6, (sqlite3_int64)change->object.size) ||
           bind_last_modified(stmt, 7, change->object.last_modified_ms) ||
           (change->failed_by_content ? sqlite3_bind_int64(stmt, 8, change->decode)
                                      : sqlite3_bind_null(stmt, 8));
}

int bkt_sqlite_change_state(struct bkt_sqlite_writer *writer,
                            const struct bkt_change *change,
                            uint64_t revision,
                            unsigned flags,
                            struct bkt_error *err)
{
    static const struct {
        enum bkt_sqlite_statement statement;
        int (*bind)(sqlite3_stmt *stmt, const struct bkt_change *change);
    } writes[] = {
        [BKT_CHANGE_UPSERT] = {BKT_SQLITE_STATE_PUT, bind_state_put},
        [BKT_CHANGE_DELETE] = {BKT_SQLITE_STATE_PUT, bind_state_put},
        [BKT_CHANGE_TOUCH] = {BKT_SQLITE_STATE_TOUCH, bind_state_touch},
        [BKT_CHANGE_FAIL] = {BKT_SQLITE_STATE_FAIL, bind_state_fail},
    };
    sqlite3_stmt *stmt = NULL;
    int rc = bkt_sqlite_writer_statement(writer, writes[change->op].statement, &stmt, err);
    if (rc)
        return rc;
    if (bkt_sqlite_bind_blob(stmt, 1, change->object.key) ||
        sqlite3_bind_int64(stmt, 2, (sqlite3_int64)revision) ||
        sqlite3_bind_int(stmt, 3, (int)flags) || writes[change->op].bind(stmt, change)) {
        return bkt_sqlite_writer_fail(writer, sqlite3_errcode(writer->conn.db), err);
    }
    return bkt_sqlite_writer_finish(writer, stmt, err);
}

static int row_step(struct bkt_sqlite_writer *writer,
                    enum bkt_sqlite_row_op op,
                    const struct bkt_change *change,
                    int *out_status,
                    struct bkt_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = bkt_sqlite_writer_row_statement(writer, op, &stmt, err);
    if (rc)
        return rc;
    int status = bkt_sqlite_rows_bind(stmt, op, writer->columns, change, writer->binary);
    if (status == SQLITE_OK)
        status = sqlite3_step(stmt);
    *out_status = status == SQLITE_DONE ? SQLITE_OK : status;
    (void)sqlite3_reset(stmt);
    return BKT_OK;
}

int bkt_sqlite_change_row(struct bkt_sqlite_writer *writer,
                          const struct bkt_change *change,
                          int *out_status,
                          struct bkt_error *err)
{
    int rc = BKT_OK;
    *out_status = SQLITE_OK;
    switch (change->op) {
    case BKT_CHANGE_UPSERT:
        /* An update where there is a row, so that BEFORE INSERT triggers fire for new ones only. */
        if (change->had_row) {
            rc = row_step(writer, BKT_SQLITE_UPDATE, change, out_status, err);
            if (rc || *out_status || sqlite3_changes(writer->conn.db) > 0)
                return rc;
        }
        return row_step(writer, BKT_SQLITE_INSERT, change, out_status, err);
    case BKT_CHANGE_DELETE:
        return row_step(writer, BKT_SQLITE_DELETE, change, out_status, err);
    case BKT_CHANGE_TOUCH:
        if (writer->columns & BKT_COLUMNS_TOUCHED)
            rc = row_step(writer, BKT_SQLITE_TOUCH, change, out_status, err);
        return rc;
    case BKT_CHANGE_FAIL:
        break;
    }
    return rc;
}

bool bkt_sqlite_is_rejection(const struct bkt_sqlite_writer *writer, int status)
{
    switch (status & 0xff) {
    case SQLITE_CONSTRAINT:
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
        return true;
    case SQLITE_ERROR:
        break;
    default:
        return false;
    }
    /* "no such column" is everybody's; "malformed JSON" in an index of the user's is not. */
    for (int op = 0; op < BKT_SQLITE_ROW_OP_COUNT; op++) {
        sqlite3_stmt *probe = NULL;
        const char *sql = writer->row_stmts[op] ? sqlite3_sql(writer->row_stmts[op]) : "";
        int rc = sqlite3_prepare_v2(writer->conn.db, sql, -1, &probe, NULL);
        (void)sqlite3_finalize(probe);
        if (rc)
            return false;
    }
    return true;
}

void bkt_sqlite_note_reason(const struct bkt_sqlite_writer *writer,
                            struct bkt_change *change,
                            int status)
{
    if ((status & 0xff) == SQLITE_TOOBIG) {
        (void)snprintf(change->reject_reason, sizeof(change->reject_reason),
                       "its %zu bytes are more than SQLite's %d for a row", change->content.len,
                       sqlite3_limit(writer->conn.db, SQLITE_LIMIT_LENGTH, -1));
    } else {
        (void)snprintf(change->reject_reason, sizeof(change->reject_reason), "table %s: %s",
                       writer->conn.table, sqlite3_errmsg(writer->conn.db));
    }
}
