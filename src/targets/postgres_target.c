#include "targets/postgres_target.h"

#include "core/mem.h"
#include "core/time.h"
#include "targets/libpq_load.h"
#include "targets/postgres_boundaries.h"
#include "targets/postgres_lease.h"
#include "targets/postgres_schema.h"
#include "targets/postgres_state.h"
#include "targets/postgres_workers.h"
#include "targets/postgres_writer.h"
#include "targets/sweep.h"

struct postgres_target {
    char holder[BKT_HOLDER_BYTES]; /* who we are to those that list, too */
    bool holds_listing;
    struct bkt_postgres_worker worker;
    struct bkt_postgres_writer writer; /* the writer thread's */
    struct bkt_postgres reader;        /* the loop's */
};

static int attach(void *self,
                  const struct bkt_table_spec *spec,
                  struct bkt_attached *out,
                  struct bkt_error *err)
{
    struct postgres_target *target = self;
    struct bkt_attached attached = {0};
    struct bkt_postgres *conn = &target->writer.conn;
    int rc = bkt_postgres_schema_attach(conn, spec, &attached, err);
    if (rc == BKT_OK)
        rc = bkt_postgres_writer_attach(&target->writer, spec, &attached.clock, err);
    if (rc)
        return rc;
    memcpy(target->reader.schema, conn->schema, sizeof(conn->schema));
    conn->is_known = true;
    target->writer.expects_new = attached.is_new;
    target->reader.is_known = true;
    bkt_postgres_worker_begin(&target->worker, target->holder, bkt_time_monotonic_ms());
    *out = attached;
    return BKT_OK;
}

static int read_clock(void *self, struct bkt_clock *out, struct bkt_error *err)
{
    struct postgres_target *target = self;
    struct bkt_postgres_params params = {0};
    PGresult *result = NULL;
    uint64_t seen = atomic_load(&target->writer.seen);
    bkt_postgres_param(&params, BKT_POSTGRES_TEXT, bkt_str_from(target->reader.table));
    int rc = bkt_postgres_exec(&target->reader, "read",
                               "SELECT clock, floor, epoch FROM @R WHERE table_name = $1::text",
                               &params, &result, err);
    if (rc)
        return rc;
    rc = bkt_postgres_clock_read(&target->reader, result, seen, out, err);
    if (rc == BKT_OK)
        bkt_postgres_writer_saw(&target->writer, out->clock);
    PQclear(result);
    return rc;
}

static int scan(void *self,
                const struct bkt_scan *range,
                bkt_state_fn *fn,
                void *ctx,
                size_t *out_count,
                struct bkt_error *err)
{
    struct postgres_target *target = self;
    return bkt_postgres_state_scan(&target->reader, range, fn, ctx, out_count, err);
}

static int apply(void *self,
                 struct bkt_change *changes,
                 size_t count,
                 bool durable,
                 struct bkt_clock *out_clock,
                 struct bkt_error *err)
{
    struct postgres_target *target = self;
    return bkt_postgres_writer_apply(&target->writer, changes, count, durable, out_clock, err);
}

static int begin_listing(void *self, struct bkt_clock *out_clock, struct bkt_error *err)
{
    struct postgres_target *target = self;
    return bkt_postgres_writer_begin_listing(&target->writer, out_clock, err);
}

static int stage(void *self,
                 const struct bkt_absence *absences,
                 size_t count,
                 struct bkt_error *err)
{
    struct postgres_target *target = self;
    return bkt_postgres_writer_stage(&target->writer, absences, count, err);
}

/* The first column of the answer is the table's floor, of the same moment as the rest. */
static int check_floor(const struct bkt_postgres_writer *writer,
                       const PGresult *result,
                       struct bkt_error *err)
{
    if (PQntuples(result) == 0)
        return bkt_postgres_fail(&writer->conn, BKT_EFOREIGN, "sweep", err,
                                 "its record is gone: drop the table to have it built again");
    return bkt_postgres_writer_check_floor(writer, (uint64_t)bkt_postgres_int(result, 0, 0), err);
}

static int count_staged(void *self, uint64_t *out_count, struct bkt_error *err)
{
    struct bkt_postgres_writer *writer = self;
    struct bkt_postgres_params params = {0};
    PGresult *result = NULL;
    bkt_postgres_param(&params, BKT_POSTGRES_TEXT, bkt_str_from(writer->conn.table));
    int rc = bkt_postgres_exec(&writer->conn, "sweep",
                               "SELECT r.floor, (SELECT count(*) FROM @A a JOIN @S s USING"
                               " (filename) WHERE (s.flags & 1) = 1 AND s.revision <= a.read_at"
                               " AND a.read_at >= r.floor) FROM @R r WHERE r.table_name = $1::text",
                               &params, &result, err);
    if (rc == BKT_OK)
        rc = check_floor(writer, result, err);
    if (rc == BKT_OK)
        *out_count = (uint64_t)bkt_postgres_int(result, 0, 1);
    PQclear(result);
    return rc;
}

static int next_staged(void *self,
                       struct bkt_str after,
                       size_t limit,
                       bkt_staged_fn *fn,
                       void *ctx,
                       struct bkt_error *err)
{
    struct bkt_postgres_writer *writer = self;
    struct bkt_postgres_params params = {0};
    PGresult *result = NULL;
    bkt_postgres_param(&params, BKT_POSTGRES_BYTEA, after);
    bkt_postgres_param_int(&params, (int64_t)limit);
    bkt_postgres_param(&params, BKT_POSTGRES_TEXT, bkt_str_from(writer->conn.table));
    int rc = bkt_postgres_exec(&writer->conn, "sweep",
                               "SELECT r.floor, n.filename, n.read_at FROM @R r LEFT JOIN (SELECT"
                               " a.filename, a.read_at FROM @A a JOIN @S s USING (filename)"
                               " WHERE a.filename > $1::bytea AND s.flags <> 0"
                               " ORDER BY a.filename LIMIT $2::int8) n ON true"
                               " WHERE r.table_name = $3::text ORDER BY n.filename",
                               &params, &result, err);
    if (rc == BKT_OK)
        rc = check_floor(writer, result, err);
    for (int i = 0; rc == BKT_OK && i < PQntuples(result) && !PQgetisnull(result, i, 1); i++) {
        struct bkt_absence absence = {bkt_postgres_str(result, i, 1),
                                      (uint64_t)bkt_postgres_int(result, i, 2)};
        rc = fn(ctx, &absence, err);
    }
    PQclear(result);
    return rc;
}

static int apply_swept(void *self,
                       struct bkt_change *changes,
                       size_t count,
                       struct bkt_clock *out_clock,
                       struct bkt_error *err)
{
    return bkt_postgres_writer_apply(self, changes, count, false, out_clock, err);
}

static const struct bkt_sweep_ops sweep_ops = {
    .count = count_staged,
    .next = next_staged,
    .apply = apply_swept,
};

static int sweep(void *self,
                 struct bkt_sweep *request,
                 struct bkt_clock *out_clock,
                 struct bkt_error *err)
{
    struct postgres_target *target = self;
    return bkt_sweep_run(&sweep_ops, &target->writer, target->writer.conn.table, request, out_clock,
                         err);
}

static int end_listing(void *self, const struct bkt_listing_record *record, struct bkt_error *err)
{
    struct postgres_target *target = self;
    int rc = bkt_postgres_writer_end_listing(&target->writer, record, err);
    if (rc == BKT_OK && target->holds_listing)
        bkt_postgres_lease_release(&target->writer.conn, target->holder);
    target->holds_listing = false;
    return rc;
}

static int hold_listing(void *self, struct bkt_error *err)
{
    struct postgres_target *target = self;
    int rc = bkt_postgres_lease_hold(&target->writer.conn, target->holder, err);
    target->holds_listing = rc == BKT_OK;
    return rc;
}

static int64_t beat(void *self, int64_t now_ms)
{
    struct postgres_target *target = self;
    const struct bkt_status_worker seen = {
        .is_lister = target->holds_listing,
        .changes = target->writer.committed,
        .epoch = target->writer.epoch,
    };
    return bkt_postgres_worker_beat(&target->worker, &target->writer.conn, &seen, now_ms);
}

static void leave(void *self)
{
    struct postgres_target *target = self;
    /* Of a listing that did not come to its end; a lost connection is not made again for it. */
    if (target->holds_listing && target->writer.conn.conn)
        bkt_postgres_lease_release(&target->writer.conn, target->holder);
    target->holds_listing = false;
    bkt_postgres_worker_end(&target->worker, &target->writer.conn);
}

static int count_failed(void *self, uint64_t *out_count, struct bkt_error *err)
{
    struct postgres_target *target = self;
    struct bkt_postgres *conn = &target->writer.conn;
    struct bkt_postgres_params params = {0};
    PGresult *result = NULL;
    bkt_postgres_param(&params, BKT_POSTGRES_TEXT, bkt_str_from(conn->table));
    int rc = bkt_postgres_exec(conn, "read",
                               "SELECT coalesce(max(failed_count), 0) FROM @R"
                               " WHERE table_name = $1::text",
                               &params, &result, err);
    if (rc)
        return rc;
    *out_count = (uint64_t)bkt_postgres_int(result, 0, 0);
    PQclear(result);
    return BKT_OK;
}

static int save_boundaries(void *self, struct bkt_str boundaries, struct bkt_error *err)
{
    struct postgres_target *target = self;
    return bkt_postgres_boundaries_save(&target->writer.conn, boundaries, err);
}

static int load_boundaries(void *self, struct bkt_buf *out, struct bkt_error *err)
{
    struct postgres_target *target = self;
    return bkt_postgres_boundaries_load(&target->reader, out, err);
}

static void target_free(void *self)
{
    struct postgres_target *target = self;
    if (!target)
        return;
    bkt_postgres_clear(&target->reader);
    bkt_postgres_writer_clear(&target->writer);
    bkt_mem_free(target);
}

static const struct bkt_table_target_ops ops = {
    .name = "postgres",
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
    .save_boundaries = save_boundaries,
    .load_boundaries = load_boundaries,
    .hold_listing = hold_listing,
    .beat = beat,
    .leave = leave,
};

int bkt_postgres_target_new(struct bkt_str url,
                            struct bkt_str table,
                            struct bkt_table_target *out_target,
                            struct bkt_error *err)
{
    struct postgres_target *target = bkt_mem_calloc(1, sizeof(*target));
    if (!target)
        return bkt_error_set(err, BKT_ENOMEM, "open the target: out of memory");
    bkt_holder_name(target->holder);
    int rc = bkt_postgres_init(&target->writer.conn, url, table, err);
    if (rc == BKT_OK)
        rc = bkt_postgres_init(&target->reader, url, table, err);
    if (rc) {
        target_free(target);
        return rc;
    }
    *out_target = (struct bkt_table_target){.ops = &ops, .self = target};
    return BKT_OK;
}
