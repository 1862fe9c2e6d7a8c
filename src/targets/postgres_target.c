#include "targets/postgres_target.h"

#include "core/mem.h"
#include "core/time.h"
#include "targets/libpq_load.h"
#include "targets/postgres_apply.h"
#include "targets/postgres_boundaries.h"
#include "targets/postgres_lease.h"
#include "targets/postgres_listing.h"
#include "targets/postgres_run.h"
#include "targets/postgres_schema.h"
#include "targets/postgres_state.h"
#include "targets/postgres_workers.h"
#include "targets/postgres_writer.h"

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
    struct bkt_postgres_params params = bkt_postgres_table_param(&target->reader);
    PGresult *result = NULL;
    uint64_t seen = atomic_load(&target->writer.seen);
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
    return bkt_postgres_apply(&target->writer, changes, count, durable, out_clock, err);
}

static int begin_listing(void *self, struct bkt_clock *out_clock, struct bkt_error *err)
{
    struct postgres_target *target = self;
    return bkt_postgres_listing_begin(&target->writer, out_clock, err);
}

static int stage(void *self,
                 const struct bkt_absence *absences,
                 size_t count,
                 struct bkt_error *err)
{
    struct postgres_target *target = self;
    return bkt_postgres_listing_stage(&target->writer, absences, count, err);
}

static int sweep(void *self,
                 struct bkt_sweep *request,
                 struct bkt_clock *out_clock,
                 struct bkt_error *err)
{
    struct postgres_target *target = self;
    return bkt_postgres_listing_sweep(&target->writer, request, out_clock, err);
}

static int end_listing(void *self, const struct bkt_listing_record *record, struct bkt_error *err)
{
    struct postgres_target *target = self;
    int rc = bkt_postgres_listing_end(&target->writer, record, err);
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
    return bkt_postgres_count_failed(&target->writer, out_count, err);
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
