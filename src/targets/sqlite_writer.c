#include "targets/sqlite_writer.h"

#include "core/mem.h"
#include "core/time.h"
#include "targets/change.h"
#include "targets/sqlite_notes.h"
#include "targets/sqlite_rows.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>

/* Those of the user's rows depend on the columns asked for and are made by sqlite_rows.c. */
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
    [BKT_SQLITE_STATE_GET] = "SELECT revision, flags, etag FROM @S WHERE filename = ?1",
    [BKT_SQLITE_STATE_WALK] = "SELECT revision, flags, etag, filename FROM @S WHERE filename >= ?1"
                              " ORDER BY filename",
    [BKT_SQLITE_STATE_PUT] = "REPLACE INTO @S (filename, revision, flags, etag, size,"
                             " last_modified, version_id, decode)"
                             " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [BKT_SQLITE_STATE_TOUCH] = "UPDATE @S SET revision = ?2, flags = ?3,"
                               " last_modified = coalesce(?4, last_modified),"
                               " version_id = coalesce(?5, version_id),"
                               " failed_etag = NULL, error = NULL WHERE filename = ?1",
    [BKT_SQLITE_STATE_FAIL] = "INSERT INTO @S (filename, revision, flags, failed_etag, error, size,"
                              " last_modified, decode)"
                              " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, coalesce(?8, 0))"
                              " ON CONFLICT (filename) DO UPDATE SET revision = ?2, flags = ?3,"
                              " failed_etag = ?4, error = ?5, decode = coalesce(?8, decode)",
    [BKT_SQLITE_ROW_DELETE] = "DELETE FROM @T WHERE filename = ?1",
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

static bool row_op_of(enum bkt_sqlite_statement which, enum bkt_sqlite_row_op *out_op)
{
    if (which == BKT_SQLITE_ROW_INSERT) {
        *out_op = BKT_SQLITE_INSERT;
    } else if (which == BKT_SQLITE_ROW_UPDATE) {
        *out_op = BKT_SQLITE_UPDATE;
    } else if (which == BKT_SQLITE_ROW_TOUCH) {
        *out_op = BKT_SQLITE_TOUCH;
    } else {
        return false;
    }
    return true;
}

static int prepare(struct bkt_sqlite_writer *writer,
                   enum bkt_sqlite_statement which,
                   struct bkt_error *err)
{
    enum bkt_sqlite_row_op op;
    if (!row_op_of(which, &op)) {
        return bkt_sqlite_prepare(&writer->conn, statement_sql[which], &writer->stmts[which], err);
    }
    struct bkt_buf sql = BKT_BUF_INIT(BKT_SQLITE_SQL_BYTES);
    unsigned columns = writer->columns & (op == BKT_SQLITE_TOUCH ? BKT_COLUMNS_TOUCHED : UINT_MAX);
    int rc = bkt_sqlite_rows_sql(op, columns, &sql);
    if (rc) {
        rc = bkt_error_set(err, rc, "write table %s: %s", writer->conn.table, bkt_error_text(rc));
    } else {
        rc = bkt_sqlite_prepare(&writer->conn, sql.ptr, &writer->stmts[which], err);
    }
    bkt_buf_clear(&sql);
    return rc;
}

int bkt_sqlite_writer_statement(struct bkt_sqlite_writer *writer,
                                enum bkt_sqlite_statement which,
                                sqlite3_stmt **out_stmt,
                                struct bkt_error *err)
{
    int rc = writer->stmts[which] ? BKT_OK : prepare(writer, which, err);
    if (rc == BKT_OK)
        *out_stmt = writer->stmts[which];
    return rc;
}

static int fail(const struct bkt_sqlite_writer *writer, int status, struct bkt_error *err)
{
    char doing[BKT_SQLITE_NAME_BYTES + 32];
    (void)snprintf(doing, sizeof(doing), "write table %s in", writer->conn.table);
    return bkt_sqlite_fail(&writer->conn, status, doing, err);
}

static int finish(const struct bkt_sqlite_writer *writer, sqlite3_stmt *stmt, struct bkt_error *err)
{
    int status = sqlite3_step(stmt);
    int rc = status == SQLITE_DONE || status == SQLITE_ROW ? BKT_OK : fail(writer, status, err);
    (void)sqlite3_reset(stmt);
    return rc;
}

/* Run a statement that has no parameter, or the table's name as its first. */
static int run(struct bkt_sqlite_writer *writer,
               enum bkt_sqlite_statement which,
               struct bkt_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = bkt_sqlite_writer_statement(writer, which, &stmt, err);
    return rc ? rc : finish(writer, stmt, err);
}

/* Run CLOCK, FLOOR or EPOCH, and hold its answer against the epoch that was attached. */
static int take_clock(struct bkt_sqlite_writer *writer,
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
        rc = fail(writer, status, err);
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
static int set_durable(struct bkt_sqlite_writer *writer, bool durable, struct bkt_error *err)
{
    if (writer->is_full == durable || (writer->outside && writer->outside->is_temporary))
        return BKT_OK;
    int rc = bkt_sqlite_exec(
        &writer->conn, durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", err);
    if (rc == BKT_OK)
        writer->is_full = durable;
    return rc;
}

struct known {
    unsigned flags;
    bool is_refused; /* by the read clock */
};

/* `stmt` is on the key's state row, or NULL: there is none. */
static struct known known_by(const struct bkt_change *change, uint64_t floor, sqlite3_stmt *stmt)
{
    struct known known = {0};
    if (!stmt) {
        known.is_refused = bkt_change_is_refused(change, floor, 0, 0, BKT_STR(""));
        return known;
    }
    known.flags = (unsigned)sqlite3_column_int(stmt, 1);
    known.is_refused = bkt_change_is_refused(change, floor, (uint64_t)sqlite3_column_int64(stmt, 0),
                                             known.flags, bkt_sqlite_column(stmt, 2));
    return known;
}

static int state_get(struct bkt_sqlite_writer *writer,
                     const struct bkt_change *change,
                     uint64_t floor,
                     struct known *out,
                     struct bkt_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = bkt_sqlite_writer_statement(writer, BKT_SQLITE_STATE_GET, &stmt, err);
    if (rc)
        return rc;
    int status = bkt_sqlite_bind_blob(stmt, 1, change->object.key);
    if (status == SQLITE_OK)
        status = sqlite3_step(stmt);
    if (status == SQLITE_ROW)
        *out = known_by(change, floor, stmt);
    else if (status == SQLITE_DONE)
        *out = known_by(change, floor, NULL);
    else
        rc = fail(writer, status, err);
    (void)sqlite3_reset(stmt);
    return rc;
}

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

static int state_write(struct bkt_sqlite_writer *writer,
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
        return fail(writer, sqlite3_errcode(writer->conn.db), err);
    }
    return finish(writer, stmt, err);
}

/* A statement over the user's rows: SQLite's code, which may well be the row's own fault. */
static int row_step(struct bkt_sqlite_writer *writer,
                    enum bkt_sqlite_statement which,
                    const struct bkt_change *change,
                    int *out_status,
                    struct bkt_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = bkt_sqlite_writer_statement(writer, which, &stmt, err);
    if (rc)
        return rc;
    enum bkt_sqlite_row_op op;
    int status;
    if (row_op_of(which, &op)) {
        unsigned columns =
            writer->columns & (op == BKT_SQLITE_TOUCH ? BKT_COLUMNS_TOUCHED : UINT_MAX);
        status = bkt_sqlite_rows_bind(stmt, op, columns, change,
                                      change->content_is_bytes || writer->binary);
    } else {
        status = bkt_sqlite_bind_text(stmt, 1, change->object.key);
    }
    if (status == SQLITE_OK)
        status = sqlite3_step(stmt);
    *out_status = status == SQLITE_DONE ? SQLITE_OK : status;
    (void)sqlite3_reset(stmt);
    return BKT_OK;
}

static int row_write(struct bkt_sqlite_writer *writer,
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
            rc = row_step(writer, BKT_SQLITE_ROW_UPDATE, change, out_status, err);
            if (rc || *out_status || sqlite3_changes(writer->conn.db) > 0)
                return rc;
        }
        return row_step(writer, BKT_SQLITE_ROW_INSERT, change, out_status, err);
    case BKT_CHANGE_DELETE:
        return row_step(writer, BKT_SQLITE_ROW_DELETE, change, out_status, err);
    case BKT_CHANGE_TOUCH:
        if (writer->columns & BKT_COLUMNS_TOUCHED)
            rc = row_step(writer, BKT_SQLITE_ROW_TOUCH, change, out_status, err);
        return rc;
    case BKT_CHANGE_FAIL:
        break;
    }
    return rc;
}

/* The row's fault: a constraint, a trigger that raises, an index's expression, SQLite's limits. */
static bool is_rejection(const struct bkt_sqlite_writer *writer, int status)
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
    for (int i = BKT_SQLITE_ROW_INSERT; i <= BKT_SQLITE_ROW_DELETE; i++) {
        sqlite3_stmt *probe = NULL;
        const char *sql = writer->stmts[i] ? sqlite3_sql(writer->stmts[i]) : "";
        int rc = sqlite3_prepare_v2(writer->conn.db, sql, -1, &probe, NULL);
        (void)sqlite3_finalize(probe);
        if (rc)
            return false;
    }
    return true;
}

static void note_reason(const struct bkt_sqlite_writer *writer,
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

/* One try at a batch. */
struct attempt {
    struct bkt_clock clock;
    /*
     * Each row has a savepoint.  A batch is tried without, and only when a row was at fault again
     * with: RAISE(FAIL) in a trigger leaves half of a row behind.
     */
    bool is_careful;
    bool again; /* the transaction is to be rolled back and the batch tried again, carefully */
    int64_t row_delta;
    int64_t failed_delta;
};

static int write_careful(struct bkt_sqlite_writer *writer,
                         struct bkt_change *change,
                         struct attempt *attempt,
                         struct bkt_error *err)
{
    int status = SQLITE_OK;
    int rc = run(writer, BKT_SQLITE_SAVEPOINT, err);
    if (rc == BKT_OK)
        rc = row_write(writer, change, &status, err);
    if (rc)
        return rc;
    if (status) {
        note_reason(writer, change, status);
        if (!is_rejection(writer, status))
            return fail(writer, status, err);
        change->outcome = BKT_OUTCOME_REJECTED;
        /* RAISE(ROLLBACK) has taken the neighbors along: once more, without this one. */
        attempt->again = sqlite3_get_autocommit(writer->conn.db);
        if (attempt->again)
            return BKT_OK;
        rc = run(writer, BKT_SQLITE_ROLLBACK_TO, err);
    }
    return rc ? rc : run(writer, BKT_SQLITE_RELEASE, err);
}

static int write_row(struct bkt_sqlite_writer *writer,
                     struct bkt_change *change,
                     struct attempt *attempt,
                     struct bkt_error *err)
{
    if (change->op == BKT_CHANGE_FAIL || (writer->outside && change->op == BKT_CHANGE_TOUCH))
        return BKT_OK;
    if (writer->outside)
        return writer->outside->write(writer->outside->self, change, err);
    if (attempt->is_careful)
        return write_careful(writer, change, attempt, err);
    int status;
    int rc = row_write(writer, change, &status, err);
    if (rc || !status)
        return rc;
    attempt->again = is_rejection(writer, status);
    return attempt->again ? BKT_OK : fail(writer, status, err);
}

/* Answer the change, and write its row. */
static int write_known(struct bkt_sqlite_writer *writer,
                       struct bkt_change *change,
                       const struct known *known,
                       struct attempt *attempt,
                       struct bkt_error *err)
{
    change->had_row = (known->flags & BKT_STATE_ROW) != 0;
    change->outcome = known->is_refused ? BKT_OUTCOME_REFUSED : BKT_OUTCOME_APPLIED;
    change->revision = attempt->clock.clock;
    return known->is_refused ? BKT_OK : write_row(writer, change, attempt, err);
}

static int keep_state(struct bkt_sqlite_writer *writer,
                      const struct bkt_change *change,
                      struct attempt *attempt,
                      unsigned flags_before,
                      struct bkt_error *err)
{
    if (change->outcome != BKT_OUTCOME_APPLIED)
        return BKT_OK;
    unsigned flags = bkt_change_flags(change, flags_before);
    int rc = state_write(writer, change, attempt->clock.clock, flags, err);
    attempt->row_delta += (int)(flags & BKT_STATE_ROW) - (int)(flags_before & BKT_STATE_ROW);
    attempt->failed_delta += (flags & BKT_STATE_FAILED) != 0;
    attempt->failed_delta -= (flags_before & BKT_STATE_FAILED) != 0;
    return rc;
}

static int apply_here(struct bkt_sqlite_writer *writer,
                      struct bkt_change *changes,
                      size_t count,
                      struct attempt *attempt,
                      struct bkt_error *err)
{
    int rc = BKT_OK;
    for (size_t i = 0; i < count && rc == BKT_OK && !attempt->again; i++) {
        struct known known = {0};
        if (changes[i].outcome == BKT_OUTCOME_REJECTED)
            continue;
        rc = state_get(writer, &changes[i], attempt->clock.floor, &known, err);
        if (rc == BKT_OK)
            rc = write_known(writer, &changes[i], &known, attempt, err);
        if (rc == BKT_OK && !attempt->again)
            rc = keep_state(writer, &changes[i], attempt, known.flags, err);
    }
    return rc;
}

/*
 * The state rows of ascending keys: a statement that stands on the first row at or after the last
 * key asked for.  Keys side by side, and all those past the table's last, cost no search.
 */
struct walk {
    sqlite3_stmt *stmt;
    bool is_begun;
    bool is_at_end;
};

enum { WALK_STEPS = 4 }; /* further away than so many rows, a search is cheaper */

static int walk_search(struct walk *walk, struct bkt_str key)
{
    (void)sqlite3_reset(walk->stmt);
    walk->is_begun = true;
    int status = bkt_sqlite_bind_blob(walk->stmt, 1, key);
    return status == SQLITE_OK ? sqlite3_step(walk->stmt) : status;
}

/* SQLITE_ROW: the statement is on the key's row; SQLITE_DONE: it has none. */
static int walk_to(struct walk *walk, struct bkt_str key)
{
    int status = walk->is_begun ? SQLITE_ROW : walk_search(walk, key);
    for (int steps = 0; status == SQLITE_ROW && !walk->is_at_end; steps++) {
        int order = bkt_str_cmp(bkt_sqlite_column(walk->stmt, 3), key);
        if (order >= 0)
            return order == 0 ? SQLITE_ROW : SQLITE_DONE;
        status = steps < WALK_STEPS ? sqlite3_step(walk->stmt) : walk_search(walk, key);
    }
    walk->is_at_end = walk->is_at_end || status == SQLITE_DONE;
    return walk->is_at_end ? SQLITE_DONE : status;
}

static int write_rows(struct bkt_sqlite_writer *writer,
                      struct bkt_change *changes,
                      size_t count,
                      struct attempt *attempt,
                      unsigned *flags,
                      struct bkt_error *err)
{
    struct walk walk = {0};
    int rc = bkt_sqlite_writer_statement(writer, BKT_SQLITE_STATE_WALK, &walk.stmt, err);
    for (size_t i = 0; i < count && rc == BKT_OK; i++) {
        int status = walk_to(&walk, changes[i].object.key);
        if (status != SQLITE_ROW && status != SQLITE_DONE) {
            rc = fail(writer, status, err);
            break;
        }
        struct known known =
            known_by(&changes[i], attempt->clock.floor, status == SQLITE_ROW ? walk.stmt : NULL);
        flags[i] = known.flags;
        rc = write_known(writer, &changes[i], &known, attempt, err);
    }
    (void)sqlite3_reset(walk.stmt);
    return rc;
}

/* All rows first: they travel while their state is written. */
static int apply_outside(struct bkt_sqlite_writer *writer,
                         struct bkt_change *changes,
                         size_t count,
                         struct attempt *attempt,
                         struct bkt_error *err)
{
    if (count == 0)
        return BKT_OK;
    unsigned *flags = bkt_mem_calloc(count, sizeof(*flags));
    if (!flags)
        return bkt_error_set(err, BKT_ENOMEM, "write table %s: out of memory", writer->conn.table);
    int rc = write_rows(writer, changes, count, attempt, flags, err);
    for (size_t i = 0; i < count && rc == BKT_OK; i++)
        rc = keep_state(writer, &changes[i], attempt, flags[i], err);
    if (rc == BKT_OK)
        rc = bkt_sqlite_notes_remove(writer, changes, count, err);
    bkt_mem_free(flags);
    return rc;
}

/* The first transaction of a batch whose rows are elsewhere: see sqlite_outside.h. */
static int note_all(struct bkt_sqlite_writer *writer,
                    const struct bkt_change *changes,
                    size_t count,
                    struct bkt_error *err)
{
    struct bkt_clock clock;
    if (bkt_sqlite_notes_count(writer, changes, count) == 0)
        return BKT_OK;
    int rc = set_durable(writer, true, err);
    if (rc == BKT_OK)
        rc = run(writer, BKT_SQLITE_BEGIN, err);
    if (rc == BKT_OK)
        rc = take_clock(writer, BKT_SQLITE_EPOCH, &clock, err);
    if (rc == BKT_OK)
        rc = bkt_sqlite_notes_write(writer, changes, count, err);
    if (rc == BKT_OK)
        rc = run(writer, BKT_SQLITE_COMMIT, err);
    bkt_sqlite_rollback(&writer->conn);
    return rc;
}

static int write_counts(struct bkt_sqlite_writer *writer,
                        const struct attempt *attempt,
                        struct bkt_error *err)
{
    if (attempt->row_delta == 0 && attempt->failed_delta == 0)
        return BKT_OK;
    sqlite3_stmt *stmt = NULL;
    int rc = bkt_sqlite_writer_statement(writer, BKT_SQLITE_COUNTS, &stmt, err);
    if (rc)
        return rc;
    if (bkt_sqlite_bind_text(stmt, 1, bkt_str_from(writer->conn.table)) ||
        sqlite3_bind_int64(stmt, 2, attempt->row_delta) ||
        sqlite3_bind_int64(stmt, 3, attempt->failed_delta)) {
        return fail(writer, sqlite3_errcode(writer->conn.db), err);
    }
    return finish(writer, stmt, err);
}

static int apply_once(struct bkt_sqlite_writer *writer,
                      struct bkt_change *changes,
                      size_t count,
                      struct attempt *attempt,
                      struct bkt_error *err)
{
    const struct bkt_sqlite_outside *outside = writer->outside;
    int rc = run(writer, BKT_SQLITE_BEGIN, err);
    if (rc == BKT_OK)
        rc = take_clock(writer, BKT_SQLITE_CLOCK, &attempt->clock, err);
    if (rc == BKT_OK) {
        rc = outside ? apply_outside(writer, changes, count, attempt, err)
                     : apply_here(writer, changes, count, attempt, err);
    }
    if (rc == BKT_OK && !attempt->again)
        rc = write_counts(writer, attempt, err);
    if (rc == BKT_OK && outside)
        rc = outside->confirm(outside->self, err);
    if (rc == BKT_OK && !attempt->again)
        rc = run(writer, BKT_SQLITE_COMMIT, err);
    if (rc || attempt->again)
        bkt_sqlite_rollback(&writer->conn);
    if (rc && outside)
        outside->abandon(outside->self);
    return rc;
}

int bkt_sqlite_writer_apply(struct bkt_sqlite_writer *writer,
                            struct bkt_change *changes,
                            size_t count,
                            bool durable,
                            struct bkt_clock *out_clock,
                            struct bkt_error *err)
{
    for (size_t i = 0; i < count; i++) {
        assert(i == 0 || bkt_str_cmp(changes[i - 1].object.key, changes[i].object.key) < 0);
        changes[i].outcome = BKT_OUTCOME_APPLIED;
        changes[i].reject_reason[0] = '\0';
    }
    int rc = note_all(writer, changes, count, err);
    if (rc == BKT_OK)
        rc = set_durable(writer, durable, err);
    if (rc)
        return rc;
    struct attempt attempt = {0};
    do {
        attempt = (struct attempt){.is_careful = attempt.again};
        rc = apply_once(writer, changes, count, &attempt, err);
    } while (rc == BKT_OK && attempt.again);
    if (rc == BKT_OK)
        *out_clock = attempt.clock;
    return rc;
}

int bkt_sqlite_writer_begin_work(struct bkt_sqlite_writer *writer, struct bkt_error *err)
{
    struct bkt_clock clock = {0};
    int rc = run(writer, BKT_SQLITE_BEGIN, err);
    if (rc == BKT_OK)
        rc = take_clock(writer, BKT_SQLITE_EPOCH, &clock, err);
    if (rc == BKT_OK && clock.floor != writer->floor) {
        rc = bkt_error_set(err, BKT_EBUSY,
                           "list into table %s in %s: another process has begun to list into it",
                           writer->conn.table, writer->conn.path);
    }
    if (rc)
        bkt_sqlite_rollback(&writer->conn);
    return rc;
}

int bkt_sqlite_writer_end_work(struct bkt_sqlite_writer *writer, int rc, struct bkt_error *err)
{
    if (rc == BKT_OK)
        rc = run(writer, BKT_SQLITE_COMMIT, err);
    if (rc)
        bkt_sqlite_rollback(&writer->conn);
    return rc;
}

static int begin_listing_locked(struct bkt_sqlite_writer *writer,
                                struct bkt_clock *clock,
                                struct bkt_error *err)
{
    int rc = take_clock(writer, BKT_SQLITE_FLOOR, clock, err);
    if (rc == BKT_OK)
        rc = run(writer, BKT_SQLITE_UNSTAGE_ALL, err);
    sqlite3_stmt *stmt = NULL;
    if (rc == BKT_OK)
        rc = bkt_sqlite_writer_statement(writer, BKT_SQLITE_PURGE, &stmt, err);
    if (rc)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)clock->floor);
    return finish(writer, stmt, err);
}

int bkt_sqlite_writer_begin_listing(struct bkt_sqlite_writer *writer,
                                    struct bkt_clock *out_clock,
                                    struct bkt_error *err)
{
    struct bkt_clock clock = {0};
    int rc = run(writer, BKT_SQLITE_BEGIN, err);
    if (rc == BKT_OK)
        rc = begin_listing_locked(writer, &clock, err);
    rc = bkt_sqlite_writer_end_work(writer, rc, err);
    if (rc == BKT_OK) {
        writer->floor = clock.floor;
        *out_clock = clock;
    }
    return rc;
}

static int stage_one(struct bkt_sqlite_writer *writer,
                     const struct bkt_absence *absence,
                     struct bkt_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = bkt_sqlite_writer_statement(writer, BKT_SQLITE_STAGE, &stmt, err);
    if (rc)
        return rc;
    if (bkt_sqlite_bind_blob(stmt, 1, absence->key) ||
        sqlite3_bind_int64(stmt, 2, (sqlite3_int64)absence->read_at)) {
        return fail(writer, sqlite3_errcode(writer->conn.db), err);
    }
    return finish(writer, stmt, err);
}

int bkt_sqlite_writer_stage(struct bkt_sqlite_writer *writer,
                            const struct bkt_absence *absences,
                            size_t count,
                            struct bkt_error *err)
{
    int rc = bkt_sqlite_writer_begin_work(writer, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < count && rc == BKT_OK; i++)
        rc = stage_one(writer, &absences[i], err);
    return bkt_sqlite_writer_end_work(writer, rc, err);
}

static int write_listing(struct bkt_sqlite_writer *writer,
                         const struct bkt_listing_record *record,
                         struct bkt_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = bkt_sqlite_writer_statement(writer, BKT_SQLITE_LISTED, &stmt, err);
    if (rc)
        return rc;
    if (bkt_sqlite_bind_text(stmt, 1, bkt_str_from(writer->conn.table)) ||
        bkt_sqlite_bind_time(stmt, 2, record->ended_wall_ms) ||
        sqlite3_bind_int64(stmt, 3, (sqlite3_int64)record->listed) ||
        sqlite3_bind_int64(stmt, 4, (sqlite3_int64)record->matched) ||
        sqlite3_bind_int64(stmt, 5, (sqlite3_int64)record->failed)) {
        return fail(writer, sqlite3_errcode(writer->conn.db), err);
    }
    return finish(writer, stmt, err);
}

int bkt_sqlite_writer_end_listing(struct bkt_sqlite_writer *writer,
                                  const struct bkt_listing_record *record,
                                  struct bkt_error *err)
{
    int rc = bkt_sqlite_writer_begin_work(writer, err);
    if (rc)
        return rc;
    return bkt_sqlite_writer_end_work(writer, write_listing(writer, record, err), err);
}

int bkt_sqlite_writer_count_failed(struct bkt_sqlite_writer *writer,
                                   uint64_t *out_count,
                                   struct bkt_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = bkt_sqlite_writer_statement(writer, BKT_SQLITE_FAILED, &stmt, err);
    if (rc)
        return rc;
    (void)bkt_sqlite_bind_text(stmt, 1, bkt_str_from(writer->conn.table));
    int status = sqlite3_step(stmt);
    uint64_t count = status == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(stmt, 0) : 0;
    if (status != SQLITE_ROW && status != SQLITE_DONE)
        rc = fail(writer, status, err);
    (void)sqlite3_reset(stmt);
    if (rc == BKT_OK)
        *out_count = count;
    return rc;
}

void bkt_sqlite_writer_reset(struct bkt_sqlite_writer *writer)
{
    for (size_t i = 0; i < BKT_SQLITE_STATEMENT_COUNT; i++) {
        (void)sqlite3_finalize(writer->stmts[i]);
        writer->stmts[i] = NULL;
    }
}

void bkt_sqlite_writer_clear(struct bkt_sqlite_writer *writer)
{
    bkt_sqlite_writer_reset(writer);
    bkt_sqlite_close(&writer->conn);
}
