#include "targets/sqlite_target.h"

#include "core/mem.h"
#include "core/time.h"
#include "targets/sqlite_apply.h"
#include "targets/sqlite_boundaries.h"
#include "targets/sqlite_lease.h"
#include "targets/sqlite_listing.h"
#include "targets/sqlite_schema.h"
#include "targets/sqlite_state.h"
#include "targets/sqlite_writer.h"

#include <stdio.h>

struct sqlite_target {
    struct bkt_sqlite_writer writer; /* the writer thread's */
    struct bkt_sqlite reader;        /* the loop's, and so are its statements */
    struct bkt_sqlite_state_scan scan;
    sqlite3_stmt *read_clock;
    char holder[BKT_HOLDER_BYTES]; /* who we are to those that list, too */
    bool holds_listing;
};

static int read_failed(const struct sqlite_target *target, int status, struct bkt_error *err)
{
    char doing[BKT_SQLITE_NAME_BYTES + 40];
    (void)snprintf(doing, sizeof(doing), "read the state of table %s in", target->reader.table);
    return bkt_sqlite_fail(&target->reader, status, doing, err);
}

static void forget_reads(struct sqlite_target *target)
{
    bkt_sqlite_state_scan_clear(&target->scan);
    (void)sqlite3_finalize(target->read_clock);
    target->read_clock = NULL;
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
    int rc = bkt_sqlite_schema_attach(&target->writer.conn, target->writer.outside, spec, &attached,
                                      err);
    if (rc)
        return rc;
    if (target->writer.outside)
        attached.batch_changes = target->writer.outside->batch_changes;
    target->writer.epoch = attached.clock.epoch;
    target->writer.columns = spec->columns;
    target->writer.binary = spec->binary;
    *out = attached;
    return BKT_OK;
}

static int read_clock(void *self, struct bkt_clock *out, struct bkt_error *err)
{
    struct sqlite_target *target = self;
    if (!target->read_clock) {
        int rc = bkt_sqlite_prepare(
            &target->reader,
            "SELECT clock, floor, epoch FROM bucketable_tables WHERE table_name = ?1",
            &target->read_clock, err);
        if (rc)
            return rc;
    }
    sqlite3_stmt *stmt = target->read_clock;
    int rc = BKT_OK;
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

static int scan(void *self,
                const struct bkt_scan *range,
                bkt_state_fn *fn,
                void *ctx,
                size_t *out_count,
                struct bkt_error *err)
{
    struct sqlite_target *target = self;
    return bkt_sqlite_state_scan(&target->scan, &target->reader, range, fn, ctx, out_count, err);
}

static int apply(void *self,
                 struct bkt_change *changes,
                 size_t count,
                 bool durable,
                 struct bkt_clock *out_clock,
                 struct bkt_error *err)
{
    struct sqlite_target *target = self;
    return bkt_sqlite_apply(&target->writer, changes, count, durable, out_clock, err);
}

static int begin_listing(void *self, struct bkt_clock *out_clock, struct bkt_error *err)
{
    struct sqlite_target *target = self;
    return bkt_sqlite_listing_begin(&target->writer, out_clock, err);
}

static int stage(void *self,
                 const struct bkt_absence *absences,
                 size_t count,
                 struct bkt_error *err)
{
    struct sqlite_target *target = self;
    return bkt_sqlite_listing_stage(&target->writer, absences, count, err);
}

static int sweep(void *self,
                 struct bkt_sweep *sweep,
                 struct bkt_clock *out_clock,
                 struct bkt_error *err)
{
    struct sqlite_target *target = self;
    return bkt_sqlite_listing_sweep(&target->writer, sweep, out_clock, err);
}

static int end_listing(void *self, const struct bkt_listing_record *record, struct bkt_error *err)
{
    struct sqlite_target *target = self;
    int rc = bkt_sqlite_listing_end(&target->writer, record, err);
    if (rc == BKT_OK && target->holds_listing)
        bkt_sqlite_lease_release(&target->writer.conn, target->holder);
    target->holds_listing = false;
    return rc;
}

static int hold_listing(void *self, struct bkt_error *err)
{
    struct sqlite_target *target = self;
    int rc = bkt_sqlite_lease_hold(&target->writer.conn, target->holder, bkt_time_wall_ms(), err);
    target->holds_listing = rc == BKT_OK;
    return rc;
}

static int count_failed(void *self, uint64_t *out_count, struct bkt_error *err)
{
    struct sqlite_target *target = self;
    return bkt_sqlite_count_failed(&target->writer, out_count, err);
}

static int save_boundaries(void *self, struct bkt_str boundaries, struct bkt_error *err)
{
    struct sqlite_target *target = self;
    return bkt_sqlite_boundaries_save(&target->writer.conn, boundaries, err);
}

static int load_boundaries(void *self, struct bkt_buf *out, struct bkt_error *err)
{
    struct sqlite_target *target = self;
    return bkt_sqlite_boundaries_load(&target->reader, out, err);
}

static void target_free(void *self)
{
    struct sqlite_target *target = self;
    if (!target)
        return;
    if (target->holds_listing) /* of a listing that did not come to its end */
        bkt_sqlite_lease_release(&target->writer.conn, target->holder);
    forget_reads(target);
    bkt_sqlite_close(&target->reader);
    const struct bkt_sqlite_outside *outside = target->writer.outside;
    bkt_sqlite_writer_clear(&target->writer);
    if (outside)
        outside->free(outside->self);
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
    .save_boundaries = save_boundaries,
    .load_boundaries = load_boundaries,
    .hold_listing = hold_listing,
};

int bkt_sqlite_target_new(const char *path,
                          struct bkt_str table,
                          struct bkt_table_target *out_target,
                          struct bkt_error *err)
{
    return bkt_sqlite_target_new_outside(path, table, NULL, out_target, err);
}

int bkt_sqlite_target_new_outside(const char *path,
                                  struct bkt_str table,
                                  const struct bkt_sqlite_outside *outside,
                                  struct bkt_table_target *out_target,
                                  struct bkt_error *err)
{
    struct sqlite_target *target = bkt_mem_calloc(1, sizeof(*target));
    if (!target)
        return bkt_error_set(err, BKT_ENOMEM, "open %s: out of memory", path);
    int rc = bkt_sqlite_writer_open(&target->writer, path, table, err);
    if (rc == BKT_OK)
        rc = bkt_sqlite_open(&target->reader, path, table, BKT_SQLITE_SCAN, err);
    if (rc == BKT_OK && outside && outside->is_temporary)
        rc = bkt_sqlite_exec(&target->writer.conn, "PRAGMA synchronous = OFF", err);
    if (rc) {
        target_free(target);
        return rc;
    }
    target->writer.outside = outside;
    bkt_holder_name(target->holder);
    *out_target = (struct bkt_table_target){.ops = &ops, .self = target};
    return BKT_OK;
}
