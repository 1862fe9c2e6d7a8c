#include "targets/sqlite_target.h"

#include "core/arena.h"
#include "core/mem.h"
#include "core/time.h"
#include "targets/sqlite_schema.h"
#include "targets/sqlite_writer.h"

#include <stdio.h>

/* Rows that a sweep removes in one transaction. */
enum { SWEEP_ROWS = 5000 };

enum read_statement { READ_CLOCK, READ_RANGE, READ_REST, READ_STATEMENT_COUNT };

#define STATE_SQL                                                                           \
    "SELECT filename, etag, failed_etag, revision, size, last_modified, decode, flags FROM" \
    " @S WHERE filename > ?1"

static const char *const read_sql[READ_STATEMENT_COUNT] = {
    [READ_CLOCK] = "SELECT clock, floor, epoch FROM bucketable_tables WHERE table_name = ?1",
    [READ_RANGE] = (STATE_SQL " AND filename <= ?3 ORDER BY filename LIMIT ?2"),
    [READ_REST] = (STATE_SQL " ORDER BY filename LIMIT ?2"),
};

struct sqlite_target {
    struct bkt_sqlite_writer writer; /* the writer thread's */
    struct bkt_sqlite reader;        /* the loop's, and so are its statements */
    sqlite3_stmt *reads[READ_STATEMENT_COUNT];
};

static int read_failed(const struct sqlite_target *target, int status, struct bkt_error *err)
{
    char doing[BKT_SQLITE_NAME_BYTES + 40];
    (void)snprintf(doing, sizeof(doing), "read the state of table %s in", target->reader.table);
    return bkt_sqlite_fail(&target->reader, status, doing, err);
}

static int read_statement(struct sqlite_target *target,
                          enum read_statement which,
                          sqlite3_stmt **out_stmt,
                          struct bkt_error *err)
{
    int rc = BKT_OK;
    if (!target->reads[which])
        rc = bkt_sqlite_prepare(&target->reader, read_sql[which], &target->reads[which], err);
    if (rc == BKT_OK)
        *out_stmt = target->reads[which];
    return rc;
}

static void forget_reads(struct sqlite_target *target)
{
    for (size_t i = 0; i < READ_STATEMENT_COUNT; i++) {
        (void)sqlite3_finalize(target->reads[i]);
        target->reads[i] = NULL;
    }
}

static int attach(void *self,
                  const struct bkt_table_spec *spec,
                  struct bkt_attached *out,
                  struct bkt_error *err)
{
    struct sqlite_target *target = self;
    struct bkt_attached attached = {0};
    forget_reads(target);
    bkt_sqlite_writer_reset(&target->writer);
    int rc = bkt_sqlite_schema_attach(&target->writer.conn, spec, &attached, err);
    if (rc)
        return rc;
    target->writer.epoch = attached.clock.epoch;
    target->writer.columns = spec->columns;
    target->writer.binary = spec->binary;
    *out = attached;
    return BKT_OK;
}

static int read_clock(void *self, struct bkt_clock *out, struct bkt_error *err)
{
    struct sqlite_target *target = self;
    sqlite3_stmt *stmt = NULL;
    int rc = read_statement(target, READ_CLOCK, &stmt, err);
    if (rc)
        return rc;
    struct bkt_clock clock = {0};
    (void)bkt_sqlite_bind_text(stmt, 1, bkt_str_from(target->reader.table));
    int status = sqlite3_step(stmt);
    if (status == SQLITE_ROW) {
        clock.clock = (uint64_t)sqlite3_column_int64(stmt, 0);
        clock.floor = (uint64_t)sqlite3_column_int64(stmt, 1);
        clock.epoch = (uint64_t)sqlite3_column_int64(stmt, 2);
    } else if (status == SQLITE_DONE) {
        rc = bkt_error_set(err, BKT_EFOREIGN, "table %s in %s: its record is gone",
                           target->reader.table, target->reader.path);
    } else {
        rc = read_failed(target, status, err);
    }
    (void)sqlite3_reset(stmt);
    if (rc == BKT_OK)
        *out = clock;
    return rc;
}

static struct bkt_state_row state_row(sqlite3_stmt *stmt)
{
    return (struct bkt_state_row){
        .key = bkt_sqlite_column(stmt, 0),
        .etag = bkt_sqlite_column(stmt, 1),
        .failed_etag = bkt_sqlite_column(stmt, 2),
        .revision = (uint64_t)sqlite3_column_int64(stmt, 3),
        .size = (uint64_t)sqlite3_column_int64(stmt, 4),
        .last_modified_ms = sqlite3_column_type(stmt, 5) == SQLITE_NULL
                                ? BKT_TIME_NONE
                                : sqlite3_column_int64(stmt, 5),
        .decode = (uint32_t)sqlite3_column_int64(stmt, 6),
        .flags = (unsigned)sqlite3_column_int(stmt, 7),
    };
}

static int scan(void *self,
                const struct bkt_scan *range,
                bkt_state_fn *fn,
                void *ctx,
                size_t *out_count,
                struct bkt_error *err)
{
    struct sqlite_target *target = self;
    sqlite3_stmt *stmt = NULL;
    int rc = read_statement(target, range->has_up_to ? READ_RANGE : READ_REST, &stmt, err);
    if (rc)
        return rc;
    int64_t limit = range->limit > INT64_MAX ? INT64_MAX : (int64_t)range->limit;
    int status = bkt_sqlite_bind_blob(stmt, 1, range->after);
    if (status == SQLITE_OK)
        status = sqlite3_bind_int64(stmt, 2, limit);
    if (status == SQLITE_OK && range->has_up_to)
        status = bkt_sqlite_bind_blob(stmt, 3, range->up_to);

    size_t count = 0;
    while (status == SQLITE_OK && rc == BKT_OK) {
        status = sqlite3_step(stmt);
        if (status != SQLITE_ROW)
            break;
        struct bkt_state_row row = state_row(stmt);
        rc = fn(ctx, &row, err);
        count++;
        status = SQLITE_OK;
    }
    if (rc == BKT_OK && status != SQLITE_DONE)
        rc = read_failed(target, status, err);
    (void)sqlite3_reset(stmt);
    if (rc == BKT_OK)
        *out_count = count;
    return rc;
}

static int apply(void *self,
                 struct bkt_change *changes,
                 size_t count,
                 bool durable,
                 struct bkt_clock *out_clock,
                 struct bkt_error *err)
{
    struct sqlite_target *target = self;
    return bkt_sqlite_writer_apply(&target->writer, changes, count, durable, out_clock, err);
}

static int begin_listing(void *self, struct bkt_clock *out_clock, struct bkt_error *err)
{
    struct sqlite_target *target = self;
    return bkt_sqlite_writer_begin_listing(&target->writer, out_clock, err);
}

static int stage(void *self,
                 const struct bkt_absence *absences,
                 size_t count,
                 struct bkt_error *err)
{
    struct sqlite_target *target = self;
    return bkt_sqlite_writer_stage(&target->writer, absences, count, err);
}

/* The keys of one transaction of a sweep, and the arena that they live in. */
struct chunk {
    struct bkt_change *changes;
    size_t count;
    struct bkt_arena arena;
};

static int chunk_add(struct chunk *chunk, sqlite3_stmt *stmt)
{
    struct bkt_str key;
    int rc = bkt_arena_dup(&chunk->arena, bkt_sqlite_column(stmt, 0), &key);
    if (rc)
        return rc;
    chunk->changes[chunk->count++] = (struct bkt_change){
        .op = BKT_CHANGE_DELETE,
        .object = {.key = key, .last_modified_ms = BKT_TIME_NONE},
        .read_at = (uint64_t)sqlite3_column_int64(stmt, 1),
    };
    return BKT_OK;
}

/* Staged keys after `after` that have a row or a failure to lose. */
static int chunk_read(struct bkt_sqlite_writer *writer,
                      struct bkt_str after,
                      struct chunk *chunk,
                      struct bkt_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = bkt_sqlite_writer_statement(writer, BKT_SQLITE_STAGED_NEXT, &stmt, err);
    if (rc)
        return rc;
    int status = bkt_sqlite_bind_blob(stmt, 1, after);
    if (status == SQLITE_OK)
        status = sqlite3_bind_int(stmt, 2, SWEEP_ROWS);
    while (status == SQLITE_OK && rc == BKT_OK) {
        status = sqlite3_step(stmt);
        if (status != SQLITE_ROW)
            break;
        rc = chunk_add(chunk, stmt);
        status = SQLITE_OK;
    }
    if (rc) {
        rc = bkt_error_set(err, rc, "sweep table %s: %s", writer->conn.table, bkt_error_text(rc));
    } else if (status != SQLITE_DONE) {
        rc = bkt_sqlite_fail(&writer->conn, status, "sweep", err);
    }
    (void)sqlite3_reset(stmt);
    return rc;
}

/*
 * What the table will not let go, a trigger forbids it say, is a failure of that key like any
 * other: recorded, counted, tried again when the next listing lacks it.
 */
static int chunk_fail_rejected(struct bkt_sqlite_writer *writer,
                               struct chunk *chunk,
                               struct bkt_clock *clock,
                               struct bkt_error *err)
{
    size_t count = 0;
    for (size_t i = 0; i < chunk->count; i++) {
        if (chunk->changes[i].outcome != BKT_OUTCOME_REJECTED)
            continue;
        struct bkt_change *change = &chunk->changes[count++];
        *change = chunk->changes[i];
        struct bkt_str reason = bkt_str_from(chunk->changes[i].reject_reason);
        if (bkt_arena_dup(&chunk->arena, reason, &change->reason) != BKT_OK) {
            return bkt_error_set(err, BKT_ENOMEM, "sweep table %s: out of memory",
                                 writer->conn.table);
        }
        change->op = BKT_CHANGE_FAIL;
    }
    return count == 0 ? BKT_OK
                      : bkt_sqlite_writer_apply(writer, chunk->changes, count, false, clock, err);
}

static void chunk_tell(const struct chunk *chunk, const struct bkt_sweep *sweep)
{
    for (size_t i = 0; i < chunk->count; i++) {
        const struct bkt_change *change = &chunk->changes[i];
        if (change->outcome == BKT_OUTCOME_REFUSED && sweep->refused) {
            sweep->refused(sweep->ctx, change->object.key);
        } else if (change->outcome == BKT_OUTCOME_APPLIED && change->had_row && sweep->deleted) {
            sweep->deleted(sweep->ctx, change->object.key);
        }
    }
}

static int sweep_chunks(struct bkt_sqlite_writer *writer,
                        const struct bkt_sweep *sweep,
                        struct bkt_clock *clock,
                        struct bkt_error *err)
{
    /* Two arenas, by turns: the next chunk is read after the last key of the one before. */
    struct chunk chunk = {0};
    struct chunk before = {0};
    struct bkt_str after = {0};
    int rc = BKT_OK;
    struct bkt_change *changes = bkt_mem_alloc(SWEEP_ROWS * sizeof(*changes));
    if (!changes)
        return bkt_error_set(err, BKT_ENOMEM, "sweep table %s: out of memory", writer->conn.table);
    do {
        bkt_arena_reset(&before.arena);
        struct bkt_arena arena = before.arena;
        before.arena = chunk.arena;
        chunk = (struct chunk){.changes = changes, .arena = arena};
        rc = chunk_read(writer, after, &chunk, err);
        if (rc == BKT_OK)
            rc = bkt_sqlite_writer_apply(writer, changes, chunk.count, false, clock, err);
        if (rc)
            break;
        chunk_tell(&chunk, sweep);
        if (chunk.count > 0)
            after = changes[chunk.count - 1].object.key;
        size_t read = chunk.count;
        rc = chunk_fail_rejected(writer, &chunk, clock, err);
        chunk.count = read;
    } while (rc == BKT_OK && chunk.count == SWEEP_ROWS);
    bkt_arena_clear(&chunk.arena);
    bkt_arena_clear(&before.arena);
    bkt_mem_free(changes);
    return rc;
}

static int count_staged(struct bkt_sqlite_writer *writer,
                        uint64_t *out_count,
                        struct bkt_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = bkt_sqlite_writer_statement(writer, BKT_SQLITE_STAGED_COUNT, &stmt, err);
    if (rc)
        return rc;
    (void)bkt_sqlite_bind_text(stmt, 1, bkt_str_from(writer->conn.table));
    int status = sqlite3_step(stmt);
    uint64_t count = status == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(stmt, 0) : 0;
    if (status != SQLITE_ROW)
        rc = bkt_sqlite_fail(&writer->conn, status, "sweep", err);
    (void)sqlite3_reset(stmt);
    if (rc == BKT_OK)
        *out_count = count;
    return rc;
}

/*
 * The number can be checked before the first row goes, since it cannot grow: whatever others commit
 * meanwhile takes a newer revision, which the read clock refuses to delete.
 */
static int sweep(void *self,
                 struct bkt_sweep *sweep,
                 struct bkt_clock *out_clock,
                 struct bkt_error *err)
{
    struct sqlite_target *target = self;
    struct bkt_clock clock = {0};
    sweep->row_count = 0;
    int rc = count_staged(&target->writer, &sweep->row_count, err);
    if (rc)
        return rc;
    if (sweep->is_limited && sweep->row_count > sweep->limit) {
        return bkt_error_set(err, BKT_EGUARD,
                             "table %s in %s: %llu rows are to be removed, more than the %llu that "
                             "max_deletes allows: none was",
                             target->writer.conn.table, target->writer.conn.path,
                             (unsigned long long)sweep->row_count,
                             (unsigned long long)sweep->limit);
    }
    rc = sweep_chunks(&target->writer, sweep, &clock, err);
    if (rc == BKT_OK)
        *out_clock = clock;
    return rc;
}

static int end_listing(void *self, const struct bkt_listing_record *record, struct bkt_error *err)
{
    struct sqlite_target *target = self;
    return bkt_sqlite_writer_end_listing(&target->writer, record, err);
}

static int count_failed(void *self, uint64_t *out_count, struct bkt_error *err)
{
    struct sqlite_target *target = self;
    return bkt_sqlite_writer_count_failed(&target->writer, out_count, err);
}

static void target_free(void *self)
{
    struct sqlite_target *target = self;
    if (!target)
        return;
    forget_reads(target);
    bkt_sqlite_close(&target->reader);
    bkt_sqlite_writer_clear(&target->writer);
    bkt_mem_free(target);
}

static const struct bkt_table_target_ops ops = {
    .name = "sqlite",
    .attach = attach,
    .read_clock = read_clock,
    .scan = scan,
    .apply = apply,
    .begin_listing = begin_listing,
    .stage = stage,
    .sweep = sweep,
    .end_listing = end_listing,
    .count_failed = count_failed,
    .free = target_free,
};

int bkt_sqlite_target_new(const char *path,
                          struct bkt_str table,
                          struct bkt_table_target *out_target,
                          struct bkt_error *err)
{
    struct sqlite_target *target = bkt_mem_calloc(1, sizeof(*target));
    if (!target)
        return bkt_error_set(err, BKT_ENOMEM, "open %s: out of memory", path);
    int rc = bkt_sqlite_open(&target->writer.conn, path, table, BKT_SQLITE_WRITE, err);
    if (rc == BKT_OK)
        rc = bkt_sqlite_open(&target->reader, path, table, BKT_SQLITE_SCAN, err);
    if (rc) {
        target_free(target);
        return rc;
    }
    *out_target = (struct bkt_table_target){.ops = &ops, .self = target};
    return BKT_OK;
}
