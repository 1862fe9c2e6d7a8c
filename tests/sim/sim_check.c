/*
 * What must hold.  The checker knows which version of an object each answer showed, and needs no
 * clock, revision or floor to tell whether a commit moved a row backwards.
 */
#include "sim.h"

#include "table/engine_int.h"

static const struct sim_spec *spec_of(const struct sim_process *process)
{
    return &sim_specs()[process->spec];
}

static void check_upsert(struct sim_process *process,
                         unsigned key,
                         const struct sim_seen *seen,
                         const struct bkt_change *change)
{
    struct bkt_str content = {"", 0};
    if (!sim_is_row(spec_of(process), key, seen)) {
        sim_fail(process->world, "P%u: %.*s becomes a row, and should not", process->name,
                 BKT_STR_ARG(sim_keys[key]));
    } else if (!sim_row_content(spec_of(process), seen->content, &content) ||
               !bkt_str_eq(content, change->content)) {
        sim_fail(process->world, "P%u: %.*s becomes a row with another content than was read",
                 process->name, BKT_STR_ARG(sim_keys[key]));
    }
}

static void move_on(struct sim_process *process,
                    unsigned key,
                    struct sim_row *row,
                    uint32_t version)
{
    if (version < row->version)
        sim_fail(process->world, "P%u: %.*s went backwards, from version %u to %u", process->name,
                 BKT_STR_ARG(sim_keys[key]), row->version, version);
    row->version = version;
    if (version > row->accounted)
        row->accounted = version;
}

void sim_check_change(struct sim_process *process,
                      unsigned key,
                      struct sim_row *row,
                      const struct bkt_change *change)
{
    struct sim_world *world = process->world;
    if (key == SIM_KEYS) {
        sim_fail(world, "P%u writes a key that nobody ever put", process->name);
        return;
    }
    const struct sim_seen *seen = &process->read[key];
    struct bkt_str ignored;
    bool can_be_row = sim_row_content(spec_of(process), seen->content, &ignored);
    if (!seen->is_valid)
        sim_fail(world, "P%u: %.*s is written without a read", process->name,
                 BKT_STR_ARG(sim_keys[key]));
    switch (change->op) {
    case BKT_CHANGE_UPSERT:
        check_upsert(process, key, seen, change);
        break;
    case BKT_CHANGE_TOUCH:
        if (!seen->exists || row->content != seen->content)
            sim_fail(world, "P%u: %.*s is called unchanged, and is not", process->name,
                     BKT_STR_ARG(sim_keys[key]));
        break;
    case BKT_CHANGE_DELETE:
        if (seen->is_lie || seen->is_failed || sim_is_row(spec_of(process), key, seen))
            sim_fail(world, "P%u: %.*s is removed because of a lie", process->name,
                     BKT_STR_ARG(sim_keys[key]));
        break;
    case BKT_CHANGE_FAIL:
        if (!seen->is_failed && can_be_row)
            sim_fail(world, "P%u: %.*s fails without a failure", process->name,
                     BKT_STR_ARG(sim_keys[key]));
        if (change->reason.len == 0 || change->reason.ptr[0] == '\0')
            sim_fail(world, "P%u: %.*s fails without a reason", process->name,
                     BKT_STR_ARG(sim_keys[key]));
        if (seen->version > row->accounted)
            row->accounted = seen->version;
        return;
    }
    move_on(process, key, row, seen->version);
}

void sim_check_sweep(struct sim_process *process,
                     unsigned key,
                     struct sim_row *row,
                     const struct sim_absent *absent)
{
    struct sim_world *world = process->world;
    if (!bkt_filter_matches_key(spec_of(process)->filter, sim_keys[key]))
        return; /* no row by the spec, whatever the bucket has */
    if (!absent->is_proved) {
        sim_fail(world, "P%u: %.*s is swept without proof", process->name,
                 BKT_STR_ARG(sim_keys[key]));
        return;
    }
    move_on(process, key, row, absent->version);
}

void sim_check_removed(struct sim_process *process, uint64_t removed)
{
    struct sim_world *world = process->world;
    if (world->is_guarded && removed > world->max_deletes)
        sim_fail(world, "P%u removed %llu rows, more than max_deletes allows", process->name,
                 (unsigned long long)removed);
}

/* Is the table right for a key?  `why` says what is wrong. */
static bool is_right(const struct sim_world *world,
                     const struct sim_spec *spec,
                     unsigned key,
                     const char **why)
{
    const struct sim_seen *object = &world->bucket.objects[key];
    const struct sim_row *row = &world->db.rows[key];
    bool has_row = row->flags & BKT_STATE_ROW;
    struct bkt_str ignored;
    if (!sim_is_row(spec, key, object)) {
        *why = "has a row, and should not";
        return !has_row && !(row->flags & BKT_STATE_FAILED);
    }
    if (!sim_row_content(spec, object->content, &ignored)) {
        *why = "cannot be a row, and is not recorded as failed";
        return (row->flags & BKT_STATE_FAILED_CONTENT) && row->failed_content == object->content;
    }
    *why = "has no row";
    if (!has_row)
        return false;
    *why = "has the row of another content";
    if (row->content != object->content)
        return false;
    *why = "is recorded as failed, and is fine";
    return !(row->flags & BKT_STATE_FAILED);
}

/* What did not change since a listing began is in the table when it has ended. */
void sim_check_listed(struct sim_process *process)
{
    const struct sim_world *world = process->world;
    if (world->db.listings != process->listing_number)
        return; /* another one began meanwhile */
    for (unsigned key = 0; key < SIM_KEYS; key++) {
        const char *why;
        bool has_failed = (world->db.rows[key].flags & BKT_STATE_FAILED) &&
                          !(world->db.rows[key].flags & BKT_STATE_FAILED_CONTENT);
        if (world->bucket.changed_at[key] > process->listing_writes || has_failed)
            continue;
        if (!is_right(world, spec_of(process), key, &why))
            sim_fail(process->world, "P%u has listed the bucket, but %.*s %s", process->name,
                     BKT_STR_ARG(sim_keys[key]), why);
    }
}

void sim_check_settled(struct sim_process *process, const struct sim_receipt *receipt)
{
    struct sim_world *world = process->world;
    const struct sim_message *message = &world->messages[receipt->message];
    if (receipt->process != process || !receipt->is_out)
        sim_fail(world, "P%u settles message %u twice", process->name, receipt->message);
    if (world->durable.rows[message->key].accounted < message->version)
        sim_fail(world, "P%u settles version %u of %.*s, but %u is durable", process->name,
                 message->version, BKT_STR_ARG(sim_keys[message->key]),
                 world->durable.rows[message->key].accounted);
}

/* When very many keys are to be tried again, further failures are left to a listing. */
void sim_check_failed(struct sim_process *process)
{
    if (process->engine->work.queues[BKT_WORK_WAITING].count >= WORK_MAX)
        process->world->listing_is_owed = true;
}

/* What holds whenever the engine waits. */
void sim_check_engine(struct sim_process *process)
{
    const struct bkt_engine *engine = process->engine;
    struct sim_world *world = process->world;
    uint64_t reserved = 0;
    uint64_t held = 0;
    uint64_t largest = 0;
    size_t listed = 0;
    size_t tickets = 0;
    for (size_t i = 0; i < BKT_WORK_STAGE_COUNT; i++) {
        const struct bkt_work_item *item = engine->work.queues[i].oldest;
        for (; item; item = item->newer) {
            reserved += item->reserved_bytes;
            size_t len = item->change.op == BKT_CHANGE_FAIL ? 0 : item->body.len;
            held += len;
            largest = len > largest ? len : largest;
            listed += item->was_listed;
            tickets += item->tickets.count;
        }
    }
    for (size_t i = 0; i < process->job_count; i++) {
        for (size_t j = 0; process->jobs[i]->bodies && j < process->jobs[i]->count; j++) {
            const struct bkt_job *job = process->jobs[i];
            size_t len = job->changes[j].op == BKT_CHANGE_FAIL ? 0 : job->bodies[j].len;
            held += len;
            largest = len > largest ? len : largest;
        }
    }
    if (reserved != engine->reserved_bytes)
        sim_fail(world, "P%u: reserved bytes do not add up", process->name);
    if (held > world->memory_limit && held > largest)
        sim_fail(world, "P%u holds %llu bytes of objects; the limit is %llu", process->name,
                 (unsigned long long)held, (unsigned long long)world->memory_limit);
    if (listed != engine->listing.work_count)
        sim_fail(world, "P%u: the entries of a listing do not add up", process->name);
    if (tickets != process->receipts_out)
        sim_fail(world, "P%u has %u messages in hand and %zu tickets", process->name,
                 process->receipts_out, tickets);
    if (bkt_engine_backlog(engine) > WORK_MAX + SIM_KEYS)
        sim_fail(world, "P%u works on %zu keys", process->name, engine->work.count);
}

void sim_check_idle(struct sim_process *process)
{
    struct sim_world *world = process->world;
    const struct bkt_engine *engine = process->engine;
    struct bkt_engine_counts counts = bkt_engine_counts(engine);
    if (engine->reserved_bytes > 0 || engine->listing.work_count > 0 || process->receipts_out > 0)
        sim_fail(world, "P%u is idle, and holds something", process->name);
    if (process->told[BKT_EVENT_UPSERT] != counts.added + counts.updated ||
        process->told[BKT_EVENT_DELETE] != counts.deleted)
        sim_fail(world, "P%u counts %llu upserts and %llu deletes; it told of %llu and %llu",
                 process->name, (unsigned long long)(counts.added + counts.updated),
                 (unsigned long long)counts.deleted,
                 (unsigned long long)process->told[BKT_EVENT_UPSERT],
                 (unsigned long long)process->told[BKT_EVENT_DELETE]);
}

/* Nothing happens any more: the table is the bucket. */
void sim_check_rest(struct sim_world *world)
{
    for (unsigned key = 0; key < SIM_KEYS && !world->has_failed; key++) {
        const char *why;
        if (!is_right(world, &sim_specs()[world->db.spec], key, &why))
            sim_fail(world, "at rest, %.*s %s", BKT_STR_ARG(sim_keys[key]), why);
    }
}
