#include "targets/sqlite_notes.h"

static int fail(const struct bkt_sqlite_writer *writer, struct bkt_error *err)
{
    return bkt_sqlite_fail(&writer->conn, sqlite3_errcode(writer->conn.db), "write the state in",
                           err);
}

static bool is_noted(const struct bkt_sqlite_writer *writer, const struct bkt_change *change)
{
    return writer->outside && !writer->outside->is_temporary &&
           (change->op == BKT_CHANGE_UPSERT || change->op == BKT_CHANGE_DELETE);
}

size_t bkt_sqlite_notes_count(const struct bkt_sqlite_writer *writer,
                              const struct bkt_change *changes,
                              size_t count)
{
    size_t noted = 0;
    for (size_t i = 0; i < count; i++)
        noted += is_noted(writer, &changes[i]);
    return noted;
}

static int run_each(struct bkt_sqlite_writer *writer,
                    enum bkt_sqlite_statement which,
                    const struct bkt_change *changes,
                    size_t count,
                    struct bkt_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = bkt_sqlite_writer_statement(writer, which, &stmt, err);
    for (size_t i = 0; i < count && rc == BKT_OK; i++) {
        if (!is_noted(writer, &changes[i]))
            continue;
        if (bkt_sqlite_bind_blob(stmt, 1, changes[i].object.key) ||
            sqlite3_step(stmt) != SQLITE_DONE)
            rc = fail(writer, err);
        (void)sqlite3_reset(stmt);
    }
    return rc;
}

int bkt_sqlite_notes_write(struct bkt_sqlite_writer *writer,
                           const struct bkt_change *changes,
                           size_t count,
                           struct bkt_error *err)
{
    return run_each(writer, BKT_SQLITE_NOTE, changes, count, err);
}

/*
 * All of the changes' notes are there: as many as there are means that there are no others, and
 * SQLite empties a table faster than it deletes rows.  Others are of a batch that failed, or of
 * another process; theirs stay.
 */
int bkt_sqlite_notes_remove(struct bkt_sqlite_writer *writer,
                            const struct bkt_change *changes,
                            size_t count,
                            struct bkt_error *err)
{
    uint64_t ours = bkt_sqlite_notes_count(writer, changes, count);
    uint64_t all = 0;
    int rc = ours > 0 ? bkt_sqlite_writer_number(writer, BKT_SQLITE_NOTED, &all, err) : BKT_OK;
    if (rc || ours == 0)
        return rc;
    return ours == all ? bkt_sqlite_writer_run(writer, BKT_SQLITE_UNNOTE_ALL, err)
                       : run_each(writer, BKT_SQLITE_UNNOTE, changes, count, err);
}
