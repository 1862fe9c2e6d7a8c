#include "targets/sqlite_apply.h"

#include "targets/change.h"
#include "targets/sqlite_change.h"
#include "targets/sqlite_notes.h"

#include <assert.h>

/* One try at a batch. */
struct attempt {
    struct bkt_clock clock;
    /*
     * Each row has a savepoint.  A batch is tried without, and only when a row was at fault again
     * with: RAISE(FAIL) in a trigger leaves half of a row behind.
     */
    bool is_careful;
    bool inserts_all; /* neighbors that are new go in by one statement */
    bool again; /* the transaction is to be rolled back and the batch tried again, carefully */
    int64_t row_delta;
    int64_t failed_delta;
};

/* Answer a change by its state row; `stmt` is on that, or NULL: there is none. */
static void answer(struct bkt_sqlite_writer *writer,
                   const struct attempt *attempt,
                   size_t place,
                   sqlite3_stmt *stmt)
{
    struct bkt_change *change = &writer->batch.changes[place];
    struct bkt_sqlite_found *found = &writer->batch.found[place];
    uint64_t revision = stmt ? (uint64_t)sqlite3_column_int64(stmt, 1) : 0;
    found->has_state = stmt != NULL;
    found->flags = stmt ? (unsigned)sqlite3_column_int(stmt, 2) : 0;
    bool is_refused = bkt_change_is_refused(change, attempt->clock.floor, revision, found->flags,
                                            stmt ? bkt_sqlite_column(stmt, 3) : BKT_STR(""));
    change->had_row = (found->flags & BKT_STATE_ROW) != 0;
    change->outcome = is_refused ? BKT_OUTCOME_REFUSED : BKT_OUTCOME_APPLIED;
    change->revision = attempt->clock.clock;
}

/* Ask the state about all keys before any is written: none of them is there twice. */
static int find_states(struct bkt_sqlite_writer *writer,
                       const struct attempt *attempt,
                       struct bkt_error *err)
{
    struct bkt_sqlite_batch *batch = &writer->batch;
    sqlite3_stmt *stmt = NULL;
    int rc = bkt_sqlite_writer_statement(writer, BKT_SQLITE_STATE_FIND, &stmt, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < batch->count; i++) {
        if (bkt_sqlite_batch_has(batch, BKT_SQLITE_VIEW_ALL, i))
            answer(writer, attempt, i, NULL);
    }
    bkt_sqlite_batch_show(batch, BKT_SQLITE_VIEW_ALL, 0, batch->count);
    int status;
    while ((status = sqlite3_step(stmt)) == SQLITE_ROW)
        answer(writer, attempt, (size_t)sqlite3_column_int64(stmt, 0), stmt);
    if (status != SQLITE_DONE)
        rc = bkt_sqlite_writer_fail(writer, status, err);
    (void)sqlite3_reset(stmt);
    return rc;
}

/* SQLite's `status` for the rows just written: done, a failure, or to be tried again carefully. */
static int judge(const struct bkt_sqlite_writer *writer,
                 int status,
                 struct attempt *attempt,
                 struct bkt_error *err)
{
    attempt->again = status && bkt_sqlite_is_rejection(writer, status);
    return status && !attempt->again ? bkt_sqlite_writer_fail(writer, status, err) : BKT_OK;
}

static int write_careful(struct bkt_sqlite_writer *writer,
                         struct bkt_change *change,
                         struct attempt *attempt,
                         struct bkt_error *err)
{
    int status = SQLITE_OK;
    int rc = bkt_sqlite_writer_run(writer, BKT_SQLITE_SAVEPOINT, err);
    if (rc == BKT_OK)
        rc = bkt_sqlite_change_row(writer, change, &status, err);
    if (rc)
        return rc;
    if (status) {
        bkt_sqlite_note_reason(writer, change, status);
        if (!bkt_sqlite_is_rejection(writer, status))
            return bkt_sqlite_writer_fail(writer, status, err);
        change->outcome = BKT_OUTCOME_REJECTED;
        /* RAISE(ROLLBACK) has taken the neighbors along: once more, without this one. */
        attempt->again = sqlite3_get_autocommit(writer->conn.db);
        if (attempt->again)
            return BKT_OK;
        rc = bkt_sqlite_writer_run(writer, BKT_SQLITE_ROLLBACK_TO, err);
    }
    return rc ? rc : bkt_sqlite_writer_run(writer, BKT_SQLITE_RELEASE, err);
}

static int write_row(struct bkt_sqlite_writer *writer,
                     struct bkt_change *change,
                     struct attempt *attempt,
                     struct bkt_error *err)
{
    if (change->outcome != BKT_OUTCOME_APPLIED || change->op == BKT_CHANGE_FAIL)
        return BKT_OK;
    if (writer->outside) {
        return change->op == BKT_CHANGE_TOUCH
                   ? BKT_OK
                   : writer->outside->write(writer->outside->self, change, err);
    }
    if (attempt->is_careful)
        return write_careful(writer, change, attempt, err);
    int status;
    int rc = bkt_sqlite_change_row(writer, change, &status, err);
    return rc ? rc : judge(writer, status, attempt, err);
}

/* One past the new rows that begin at `first`; nothing else stands between them. */
static size_t end_of_new(const struct bkt_sqlite_batch *batch, size_t first)
{
    size_t end = first;
    while (end < batch->count && bkt_sqlite_batch_has(batch, BKT_SQLITE_VIEW_NEW_ROWS, end))
        end++;
    return end;
}

static int insert_all(struct bkt_sqlite_writer *writer,
                      size_t first,
                      size_t end,
                      struct attempt *attempt,
                      struct bkt_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = bkt_sqlite_writer_row_statement(writer, BKT_SQLITE_INSERT_ALL, &stmt, err);
    if (rc)
        return rc;
    bkt_sqlite_batch_show(&writer->batch, BKT_SQLITE_VIEW_NEW_ROWS, first, end);
    int status = sqlite3_step(stmt);
    rc = judge(writer, status == SQLITE_DONE ? SQLITE_OK : status, attempt, err);
    (void)sqlite3_reset(stmt);
    return rc;
}

/* In the order of the keys, which is the order that a trigger or a unique index sees. */
static int write_rows(struct bkt_sqlite_writer *writer,
                      struct attempt *attempt,
                      struct bkt_error *err)
{
    struct bkt_sqlite_batch *batch = &writer->batch;
    int rc = BKT_OK;
    for (size_t i = 0; i < batch->count && rc == BKT_OK && !attempt->again;) {
        size_t end = attempt->inserts_all ? end_of_new(batch, i) : i;
        if (end > i) {
            rc = insert_all(writer, i, end, attempt, err);
            i = end;
        } else {
            rc = write_row(writer, &batch->changes[i++], attempt, err);
        }
    }
    return rc;
}

static int add_states(struct bkt_sqlite_writer *writer, struct bkt_error *err)
{
    struct bkt_sqlite_batch *batch = &writer->batch;
    bkt_sqlite_batch_show(batch, BKT_SQLITE_VIEW_NEW_STATE, 0, batch->count);
    return bkt_sqlite_writer_run(writer, BKT_SQLITE_STATE_ADD, err);
}

static void count_row(struct attempt *attempt, unsigned before, unsigned after)
{
    attempt->row_delta += (int)(after & BKT_STATE_ROW) - (int)(before & BKT_STATE_ROW);
    attempt->failed_delta += (after & BKT_STATE_FAILED) != 0;
    attempt->failed_delta -= (before & BKT_STATE_FAILED) != 0;
}

/* New keys by one statement; the state has no trigger, and its order is seen by nobody. */
static int write_states(struct bkt_sqlite_writer *writer,
                        struct attempt *attempt,
                        struct bkt_error *err)
{
    const struct bkt_sqlite_batch *batch = &writer->batch;
    size_t added = 0;
    int rc = BKT_OK;
    for (size_t i = 0; i < batch->count && rc == BKT_OK; i++) {
        const struct bkt_change *change = &batch->changes[i];
        if (change->outcome != BKT_OUTCOME_APPLIED)
            continue;
        unsigned before = batch->found[i].flags;
        unsigned after = bkt_change_flags(change, before);
        count_row(attempt, before, after);
        if (bkt_sqlite_batch_has(batch, BKT_SQLITE_VIEW_NEW_STATE, i))
            added++;
        else
            rc = bkt_sqlite_change_state(writer, change, batch->revision, after, err);
    }
    return rc || added == 0 ? rc : add_states(writer, err);
}

/* Rows first: those that are kept elsewhere travel while their state is written. */
static int apply_changes(struct bkt_sqlite_writer *writer,
                         struct attempt *attempt,
                         struct bkt_error *err)
{
    struct bkt_sqlite_batch *batch = &writer->batch;
    batch->revision = attempt->clock.clock;
    batch->binary = writer->binary;
    int rc = find_states(writer, attempt, err);
    if (rc == BKT_OK && !writer->outside && !attempt->is_careful) {
        /*
         * A trigger takes over the conflict clause of the statement that fires it: under OR FAIL
         * its own OR IGNORE would fail, and the batch would always be written twice.
         */
        uint64_t triggers = 0;
        rc = bkt_sqlite_writer_number(writer, BKT_SQLITE_TRIGGERS, &triggers, err);
        attempt->inserts_all = triggers == 0;
    }
    if (rc == BKT_OK)
        rc = write_rows(writer, attempt, err);
    if (rc == BKT_OK && !attempt->again)
        rc = write_states(writer, attempt, err);
    if (rc == BKT_OK && writer->outside)
        rc = bkt_sqlite_notes_remove(writer, batch->changes, batch->count, err);
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
    int rc = bkt_sqlite_writer_set_durable(writer, true, err);
    if (rc == BKT_OK)
        rc = bkt_sqlite_writer_run(writer, BKT_SQLITE_BEGIN, err);
    if (rc == BKT_OK)
        rc = bkt_sqlite_writer_clock(writer, BKT_SQLITE_EPOCH, &clock, err);
    if (rc == BKT_OK)
        rc = bkt_sqlite_notes_write(writer, changes, count, err);
    if (rc == BKT_OK)
        rc = bkt_sqlite_writer_run(writer, BKT_SQLITE_COMMIT, err);
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
        return bkt_sqlite_writer_fail(writer, sqlite3_errcode(writer->conn.db), err);
    }
    return bkt_sqlite_writer_finish(writer, stmt, err);
}

static int apply_once(struct bkt_sqlite_writer *writer,
                      struct attempt *attempt,
                      struct bkt_error *err)
{
    const struct bkt_sqlite_outside *outside = writer->outside;
    int rc = bkt_sqlite_writer_run(writer, BKT_SQLITE_BEGIN, err);
    if (rc == BKT_OK)
        rc = bkt_sqlite_writer_clock(writer, BKT_SQLITE_CLOCK, &attempt->clock, err);
    if (rc == BKT_OK)
        rc = apply_changes(writer, attempt, err);
    if (rc == BKT_OK && !attempt->again)
        rc = write_counts(writer, attempt, err);
    if (rc == BKT_OK && outside)
        rc = outside->confirm(outside->self, err);
    if (rc == BKT_OK && !attempt->again)
        rc = bkt_sqlite_writer_run(writer, BKT_SQLITE_COMMIT, err);
    if (rc || attempt->again)
        bkt_sqlite_rollback(&writer->conn);
    if (rc && outside)
        outside->abandon(outside->self);
    return rc;
}

int bkt_sqlite_apply(struct bkt_sqlite_writer *writer,
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
    int rc = bkt_sqlite_batch_set(&writer->batch, changes, count);
    if (rc)
        return bkt_error_set(err, rc, "write table %s: out of memory", writer->conn.table);
    rc = note_all(writer, changes, count, err);
    if (rc == BKT_OK)
        rc = bkt_sqlite_writer_set_durable(writer, durable, err);
    if (rc)
        return rc;
    struct attempt attempt = {0};
    do {
        attempt = (struct attempt){.is_careful = attempt.again};
        rc = apply_once(writer, &attempt, err);
    } while (rc == BKT_OK && attempt.again);
    if (rc == BKT_OK)
        *out_clock = attempt.clock;
    return rc;
}
