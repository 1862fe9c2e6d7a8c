/*
 * A target in memory that keeps the rules of table_target.h, loses what was not synced in a power
 * cut, fails before or after a commit, and lets others in between any two transactions.
 */
#include "sim.h"

#include "core/time.h"

#include <stdio.h>

enum { SWEEP_KEYS = 2 };

static int broken(struct bkt_error *err, bool retriable, const char *what)
{
    int rc = bkt_error_set(err, BKT_ETARGET, "simulated failure: %s", what);
    err->retriable = retriable;
    return rc;
}

/* Something goes wrong before the commit. */
static int fault_before(struct sim_process *process, struct bkt_error *err)
{
    struct sim_world *world = process->world;
    if (process->is_dying)
        return broken(err, false, "dead");
    sim_yield(process);
    if (sim_chance(&world->rng, world->faults.crash_in_call)) {
        process->is_dying = true;
        return broken(err, false, "crashed before the commit");
    }
    if (sim_chance(&world->rng, world->faults.final_failure))
        return broken(err, false, "disk full");
    if (sim_chance(&world->rng, world->faults.commit_fails))
        return broken(err, true, "locked");
    return BKT_OK;
}

/* The commit; what goes wrong after it is lost on the caller. */
static int commit(struct sim_process *process,
                  const struct sim_db *db,
                  bool durable,
                  struct bkt_error *err)
{
    struct sim_world *world = process->world;
    world->db = *db;
    world->stats->commits++;
    /* The disk may be faster than it was asked to be. */
    if (durable || sim_chance(&world->rng, 200))
        world->durable = *db;
    if (sim_chance(&world->rng, world->faults.crash_in_call)) {
        process->is_dying = true;
        return broken(err, false, "crashed after the commit");
    }
    if (sim_chance(&world->rng, world->faults.answer_lost)) {
        process->has_lost_answers = true;
        return broken(err, true, "connection lost after the commit");
    }
    return BKT_OK;
}

static int check_epoch(const struct sim_process *process,
                       const struct sim_db *db,
                       struct bkt_error *err)
{
    if (db->clock.epoch == process->epoch)
        return BKT_OK;
    return bkt_error_set(err, BKT_EFOREIGN, "the spec was changed by another process");
}

static int take_clock(const struct sim_process *process, struct sim_db *db, struct bkt_error *err)
{
    db->clock.clock++;
    return check_epoch(process, db, err);
}

static int attach(void *self,
                  const struct bkt_table_spec *spec,
                  struct bkt_attached *out,
                  struct bkt_error *err)
{
    struct sim_process *process = self;
    struct sim_world *world = process->world;
    (void)spec;
    (void)err;
    struct sim_db db = world->db;
    out->is_new = db.clock.epoch == 0;
    out->spec_changed = db.spec != process->spec;
    if (out->is_new || out->spec_changed) {
        out->columns_changed = out->spec_changed;
        db.spec = process->spec;
        db.clock.epoch++;
        db.clock.clock++;
        world->durable = db;
    }
    world->db = db;
    process->epoch = db.clock.epoch;
    out->clock = db.clock;
    out->row_count = 0;
    for (unsigned key = 0; key < SIM_KEYS; key++)
        out->row_count += db.rows[key].flags & BKT_STATE_ROW;
    return BKT_OK;
}

static int read_clock(void *self, struct bkt_clock *out, struct bkt_error *err)
{
    struct sim_process *process = self;
    (void)err;
    *out = process->world->db.clock;
    return BKT_OK;
}

static struct bkt_state_row state_row(unsigned key, const struct sim_row *row)
{
    struct bkt_str none = {"", 0};
    const struct sim_content *content = &sim_contents[row->content];
    bool has_row = row->flags & BKT_STATE_ROW;
    return (struct bkt_state_row){
        .key = sim_keys[key],
        .etag = has_row ? content->etag : none,
        .failed_etag =
            row->flags & BKT_STATE_FAILED_CONTENT ? sim_contents[row->failed_content].etag : none,
        .revision = row->revision,
        .size = has_row ? content->bytes.len : 0,
        .last_modified_ms = has_row ? 1700000000000 : BKT_TIME_NONE,
        .decode = row->decode,
        .flags = row->flags,
    };
}

static int scan(void *self,
                const struct bkt_scan *scan,
                bkt_state_fn *fn,
                void *ctx,
                size_t *out_count,
                struct bkt_error *err)
{
    struct sim_process *process = self;
    struct sim_world *world = process->world;
    struct bkt_error ignored = {0};
    size_t count = 0;
    for (unsigned key = 0; key < SIM_KEYS && count < scan->limit; key++) {
        if (!world->db.rows[key].is_known || bkt_str_cmp(sim_keys[key], scan->after) <= 0 ||
            (scan->has_up_to && bkt_str_cmp(sim_keys[key], scan->up_to) > 0))
            continue;
        if (sim_chance(&world->rng, world->faults.scan_fails))
            return broken(err ? err : &ignored, true, "the scan's connection was lost");
        struct bkt_state_row row = state_row(key, &world->db.rows[key]);
        int rc = fn(ctx, &row, err);
        if (rc)
            return rc;
        count++;
    }
    *out_count = count;
    return BKT_OK;
}

static unsigned flags_after(const struct bkt_change *change, unsigned flags)
{
    switch (change->op) {
    case BKT_CHANGE_UPSERT:
        return BKT_STATE_ROW | (change->replaced ? BKT_STATE_REPLACED : 0u);
    case BKT_CHANGE_TOUCH:
        return flags & (BKT_STATE_ROW | BKT_STATE_REPLACED);
    case BKT_CHANGE_FAIL:
        return (flags & (BKT_STATE_ROW | BKT_STATE_REPLACED)) | BKT_STATE_FAILED |
               (change->failed_by_content ? BKT_STATE_FAILED_CONTENT : 0u);
    case BKT_CHANGE_DELETE:
        break;
    }
    return 0;
}

static bool is_refused(const struct sim_db *db,
                       const struct sim_row *row,
                       const struct bkt_change *change)
{
    if (row->revision > change->read_at)
        return true;
    if (db->clock.floor > change->read_at)
        return true;
    return change->op == BKT_CHANGE_TOUCH &&
           !(change->had_row && bkt_str_eq(sim_contents[row->content].etag, change->object.etag));
}

static void apply_one(struct sim_process *process, struct sim_db *db, struct bkt_change *change)
{
    unsigned key = sim_key_index(change->object.key);
    struct sim_row *row = &db->rows[key];
    change->had_row = (row->flags & BKT_STATE_ROW) != 0;
    change->outcome = BKT_OUTCOME_APPLIED;
    if (is_refused(db, row, change)) {
        process->world->stats->refused++;
        change->outcome = BKT_OUTCOME_REFUSED;
        return;
    }
    if (change->op == BKT_CHANGE_UPSERT && change->content.len > 0 &&
        change->content.ptr[0] == '!') {
        change->outcome = BKT_OUTCOME_REJECTED;
        (void)snprintf(change->reject_reason, sizeof(change->reject_reason), "begins with !");
        return;
    }
    sim_check_change(process, key, row, change);
    row->is_known = true;
    row->flags = flags_after(change, row->flags);
    row->revision = db->clock.clock;
    if (change->op == BKT_CHANGE_UPSERT) {
        row->content = process->read[key].content;
        row->decode = change->decode;
    }
    if (change->op == BKT_CHANGE_FAIL)
        row->failed_content = process->read[key].content;
    if (change->op == BKT_CHANGE_FAIL && change->failed_by_content)
        row->decode = change->decode;
}

static const char *op_name(enum bkt_change_op op)
{
    static const char *const names[] = {"upsert", "delete", "touch", "fail"};
    return names[op];
}

static int apply(void *self,
                 struct bkt_change *changes,
                 size_t count,
                 bool durable,
                 struct bkt_clock *out_clock,
                 struct bkt_error *err)
{
    struct sim_process *process = self;
    int rc = fault_before(process, err);
    if (rc)
        return rc;
    struct sim_db db = process->world->db;
    rc = take_clock(process, &db, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < count; i++) {
        changes[i].reject_reason[0] = '\0';
        apply_one(process, &db, &changes[i]);
        sim_trace(process->world, "P%u %s %.*s read_at %llu: %s, clock %llu%s", process->name,
                  op_name(changes[i].op), BKT_STR_ARG(changes[i].object.key),
                  (unsigned long long)changes[i].read_at,
                  changes[i].outcome == BKT_OUTCOME_APPLIED   ? "applied"
                  : changes[i].outcome == BKT_OUTCOME_REFUSED ? "refused"
                                                              : "rejected",
                  (unsigned long long)db.clock.clock, durable ? ", durable" : "");
    }
    rc = commit(process, &db, durable, err);
    if (rc == BKT_OK)
        *out_clock = db.clock;
    return rc;
}

/* What is staged belongs to the newest listing: one that was overtaken may neither add nor sweep.
 */
static int check_listing(const struct sim_process *process,
                         const struct sim_db *db,
                         struct bkt_error *err)
{
    int rc = check_epoch(process, db, err);
    if (rc == BKT_OK && db->listings != process->listing_number)
        rc = bkt_error_set(err, BKT_EBUSY, "another listing of this table has begun meanwhile");
    return rc;
}

static int begin_listing(void *self, struct bkt_clock *out_clock, struct bkt_error *err)
{
    struct sim_process *process = self;
    struct sim_world *world = process->world;
    int rc = fault_before(process, err);
    if (rc)
        return rc;
    struct sim_db db = world->db;
    rc = take_clock(process, &db, err);
    if (rc)
        return rc;
    db.clock.floor = db.clock.clock;
    db.listings++;
    for (unsigned key = 0; key < SIM_KEYS; key++) {
        struct sim_row *row = &db.rows[key];
        db.absent[key].is_staged = false;
        if (row->is_known && row->flags == 0 && row->revision <= db.clock.floor)
            *row = (struct sim_row){.version = row->version, .accounted = row->accounted};
        process->listed[key].is_valid = false;
        process->listed_from[key] = 0;
    }
    process->listing_writes = world->bucket.writes;
    process->listing_number = db.listings;
    process->listing_rows = 0;
    sim_trace(world, "P%u begins a listing, floor %llu", process->name,
              (unsigned long long)db.clock.floor);
    rc = commit(process, &db, false, err);
    if (rc == BKT_OK)
        *out_clock = db.clock;
    return rc;
}

static int stage(void *self,
                 const struct bkt_absence *absences,
                 size_t count,
                 struct bkt_error *err)
{
    struct sim_process *process = self;
    int rc = fault_before(process, err);
    if (rc)
        return rc;
    struct sim_db db = process->world->db;
    rc = check_listing(process, &db, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < count; i++) {
        unsigned key = sim_key_index(absences[i].key);
        struct sim_absent *absent = &db.absent[key];
        sim_trace(process->world, "P%u stages %.*s read_at %llu", process->name,
                  BKT_STR_ARG(absences[i].key), (unsigned long long)absences[i].read_at);
        if (absent->is_staged && absent->read_at > absences[i].read_at)
            continue;
        const struct sim_seen *seen = &process->listed[key];
        *absent = (struct sim_absent){
            .is_staged = true,
            .read_at = absences[i].read_at,
            .is_proved = seen->is_valid && !sim_is_row(&sim_specs()[process->spec], key, seen),
            .version = seen->version,
        };
    }
    return commit(process, &db, false, err);
}

static bool may_go(const struct sim_db *db, unsigned key)
{
    const struct sim_absent *absent = &db->absent[key];
    const struct sim_row *row = &db->rows[key];
    if (row->revision > absent->read_at)
        return false;
    return db->clock.floor <= absent->read_at;
}

/* One transaction of a sweep, over the staged keys from `*key` on. */
static int sweep_some(struct sim_process *process,
                      unsigned *key,
                      const struct bkt_sweep *sweep,
                      struct bkt_clock *clock,
                      struct bkt_error *err)
{
    bool is_gone[SIM_KEYS] = {false};
    bool is_refused_key[SIM_KEYS] = {false};
    int rc = fault_before(process, err);
    if (rc)
        return rc;
    struct sim_db db = process->world->db;
    rc = check_listing(process, &db, err);
    if (rc == BKT_OK)
        rc = take_clock(process, &db, err);
    if (rc)
        return rc;
    unsigned end = *key;
    for (size_t left = SWEEP_KEYS; end < SIM_KEYS && left > 0; end++) {
        struct sim_row *row = &db.rows[end];
        if (!db.absent[end].is_staged || !row->is_known || row->flags == 0)
            continue;
        left--;
        if (!may_go(&db, end)) {
            is_refused_key[end] = true;
            continue;
        }
        is_gone[end] = row->flags & BKT_STATE_ROW;
        sim_check_sweep(process, end, row, &db.absent[end]);
        row->flags = 0;
        row->revision = db.clock.clock;
    }
    rc = commit(process, &db, false, err);
    for (unsigned i = *key; i < end; i++)
        process->listing_rows += is_gone[i];
    if (rc)
        return rc;
    for (unsigned i = *key; i < end; i++) {
        if (is_gone[i])
            sweep->deleted(sweep->ctx, sim_keys[i]);
        if (is_refused_key[i])
            sweep->refused(sweep->ctx, sim_keys[i]);
        if (is_gone[i] || is_refused_key[i])
            sim_trace(process->world, "P%u sweeps %.*s: %s", process->name,
                      BKT_STR_ARG(sim_keys[i]), is_gone[i] ? "gone" : "refused");
    }
    *key = end;
    *clock = db.clock;
    return BKT_OK;
}

static int sweep(void *self,
                 struct bkt_sweep *sweep,
                 struct bkt_clock *out_clock,
                 struct bkt_error *err)
{
    struct sim_process *process = self;
    struct sim_world *world = process->world;
    sweep->row_count = 0;
    for (unsigned key = 0; key < SIM_KEYS; key++) {
        if (world->db.absent[key].is_staged && (world->db.rows[key].flags & BKT_STATE_ROW) &&
            may_go(&world->db, key))
            sweep->row_count++;
    }
    if (sweep->is_limited && sweep->row_count > sweep->limit) {
        world->stats->guards++;
        return bkt_error_set(err, BKT_EGUARD,
                             "more rows than max_deletes allows: none was removed");
    }
    world->stats->sweeps++;
    unsigned key = 0;
    struct bkt_clock clock = {0};
    int rc = BKT_OK;
    while (rc == BKT_OK && key < SIM_KEYS)
        rc = sweep_some(process, &key, sweep, &clock, err);
    sim_check_removed(process, process->listing_rows);
    if (rc == BKT_OK)
        *out_clock = clock;
    return rc;
}

static int end_listing(void *self, const struct bkt_listing_record *record, struct bkt_error *err)
{
    struct sim_process *process = self;
    (void)record;
    int rc = fault_before(process, err);
    if (rc)
        return rc;
    struct sim_db db = process->world->db;
    rc = check_listing(process, &db, err);
    if (rc)
        return rc;
    return commit(process, &db, false, err);
}

static int count_failed(void *self, uint64_t *out_count, struct bkt_error *err)
{
    struct sim_process *process = self;
    (void)err;
    *out_count = 0;
    for (unsigned key = 0; key < SIM_KEYS; key++)
        *out_count += (process->world->db.rows[key].flags & BKT_STATE_FAILED) != 0;
    return BKT_OK;
}

static void target_free(void *self)
{
    (void)self;
}

struct bkt_table_target sim_target(struct sim_process *process)
{
    static const struct bkt_table_target_ops ops = {
        .name = "sim",
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
    return (struct bkt_table_target){.ops = &ops, .self = process};
}
