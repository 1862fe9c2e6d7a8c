#include "targets/sqlite_listing.h"

#include "targets/sqlite_apply.h"
#include "targets/sweep.h"

/*
 * Begin a transaction for a listing's work: nobody else writes until it ends.  BKT_EBUSY when
 * another process has begun to list.
 */
static int begin_work(struct bkt_sqlite_writer *writer, struct bkt_error *err)
{
    struct bkt_clock clock = {0};
    int rc = bkt_sqlite_writer_run(writer, BKT_SQLITE_BEGIN, err);
    if (rc == BKT_OK)
        rc = bkt_sqlite_writer_clock(writer, BKT_SQLITE_EPOCH, &clock, err);
    if (rc == BKT_OK && clock.floor != writer->floor) {
        rc = bkt_error_set(err, BKT_EBUSY,
                           "list into table %s in %s: another process has begun to list into it",
                           writer->conn.table, writer->conn.path);
    }
    if (rc)
        bkt_sqlite_rollback(&writer->conn);
    return rc;
}

/* Commit it, or roll back when `rc` says that it failed; the result is what holds then. */
static int end_work(struct bkt_sqlite_writer *writer, int rc, struct bkt_error *err)
{
    if (rc == BKT_OK)
        rc = bkt_sqlite_writer_run(writer, BKT_SQLITE_COMMIT, err);
    if (rc)
        bkt_sqlite_rollback(&writer->conn);
    return rc;
}

static int begin_listing_locked(struct bkt_sqlite_writer *writer,
                                struct bkt_clock *clock,
                                struct bkt_error *err)
{
    int rc = bkt_sqlite_writer_clock(writer, BKT_SQLITE_FLOOR, clock, err);
    if (rc == BKT_OK)
        rc = bkt_sqlite_writer_run(writer, BKT_SQLITE_UNSTAGE_ALL, err);
    sqlite3_stmt *stmt = NULL;
    if (rc == BKT_OK)
        rc = bkt_sqlite_writer_statement(writer, BKT_SQLITE_PURGE, &stmt, err);
    if (rc)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)clock->floor);
    return bkt_sqlite_writer_finish(writer, stmt, err);
}

int bkt_sqlite_listing_begin(struct bkt_sqlite_writer *writer,
                             struct bkt_clock *out_clock,
                             struct bkt_error *err)
{
    struct bkt_clock clock = {0};
    int rc = bkt_sqlite_writer_run(writer, BKT_SQLITE_BEGIN, err);
    if (rc == BKT_OK)
        rc = begin_listing_locked(writer, &clock, err);
    rc = end_work(writer, rc, err);
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
        return bkt_sqlite_writer_fail(writer, sqlite3_errcode(writer->conn.db), err);
    }
    return bkt_sqlite_writer_finish(writer, stmt, err);
}

int bkt_sqlite_listing_stage(struct bkt_sqlite_writer *writer,
                             const struct bkt_absence *absences,
                             size_t count,
                             struct bkt_error *err)
{
    int rc = begin_work(writer, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < count && rc == BKT_OK; i++)
        rc = stage_one(writer, &absences[i], err);
    return end_work(writer, rc, err);
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
        return bkt_sqlite_writer_fail(writer, sqlite3_errcode(writer->conn.db), err);
    }
    return bkt_sqlite_writer_finish(writer, stmt, err);
}

int bkt_sqlite_listing_end(struct bkt_sqlite_writer *writer,
                           const struct bkt_listing_record *record,
                           struct bkt_error *err)
{
    int rc = begin_work(writer, err);
    if (rc)
        return rc;
    return end_work(writer, write_listing(writer, record, err), err);
}

int bkt_sqlite_count_failed(struct bkt_sqlite_writer *writer,
                            uint64_t *out_count,
                            struct bkt_error *err)
{
    return bkt_sqlite_writer_number(writer, BKT_SQLITE_FAILED, out_count, err);
}

static int count_staged(void *self, uint64_t *out_count, struct bkt_error *err)
{
    struct bkt_sqlite_writer *writer = self;
    int rc = begin_work(writer, err);
    if (rc)
        return rc;
    uint64_t count = 0;
    rc = bkt_sqlite_writer_number(writer, BKT_SQLITE_STAGED_COUNT, &count, err);
    rc = end_work(writer, rc, err);
    if (rc == BKT_OK)
        *out_count = count;
    return rc;
}

static int read_staged(struct bkt_sqlite_writer *writer,
                       struct bkt_str after,
                       size_t limit,
                       bkt_staged_fn *fn,
                       void *ctx,
                       struct bkt_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = bkt_sqlite_writer_statement(writer, BKT_SQLITE_STAGED_NEXT, &stmt, err);
    if (rc)
        return rc;
    int status = bkt_sqlite_bind_blob(stmt, 1, after);
    if (status == SQLITE_OK)
        status = sqlite3_bind_int64(stmt, 2, (sqlite3_int64)limit);
    while (status == SQLITE_OK && rc == BKT_OK) {
        status = sqlite3_step(stmt);
        if (status != SQLITE_ROW)
            break;
        struct bkt_absence absence = {bkt_sqlite_column(stmt, 0),
                                      (uint64_t)sqlite3_column_int64(stmt, 1)};
        rc = fn(ctx, &absence, err);
        status = SQLITE_OK;
    }
    if (rc == BKT_OK && status != SQLITE_DONE)
        rc = bkt_sqlite_fail(&writer->conn, status, "sweep", err);
    (void)sqlite3_reset(stmt);
    return rc;
}

static int next_staged(void *self,
                       struct bkt_str after,
                       size_t limit,
                       bkt_staged_fn *fn,
                       void *ctx,
                       struct bkt_error *err)
{
    struct bkt_sqlite_writer *writer = self;
    int rc = begin_work(writer, err);
    if (rc)
        return rc;
    rc = read_staged(writer, after, limit, fn, ctx, err);
    return end_work(writer, rc, err);
}

static int apply_swept(void *self,
                       struct bkt_change *changes,
                       size_t count,
                       struct bkt_clock *out_clock,
                       struct bkt_error *err)
{
    return bkt_sqlite_apply(self, changes, count, false, out_clock, err);
}

int bkt_sqlite_listing_sweep(struct bkt_sqlite_writer *writer,
                             struct bkt_sweep *sweep,
                             struct bkt_clock *out_clock,
                             struct bkt_error *err)
{
    static const struct bkt_sweep_ops ops = {
        .count = count_staged,
        .next = next_staged,
        .apply = apply_swept,
    };
    return bkt_sweep_run(&ops, writer, writer->conn.table, sweep, out_clock, err);
}
