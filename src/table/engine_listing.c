/* A listing from its floor to its record: pages asked for, merged with the state, absences swept.
 */
#include "table/engine_int.h"

#include "core/mem.h"
#include "core/time.h"

#include <assert.h>

static int queue_new_job(struct bkt_engine *engine, enum bkt_job_kind kind, struct bkt_job **out)
{
    struct bkt_job *job = bkt_job_new(kind, 0);
    if (!job)
        return BKT_ENOMEM;
    job->listing = engine->listing;
    bkt_engine_queue_job(engine, job);
    *out = job;
    return BKT_OK;
}

static void push_merge(struct bkt_engine *engine, struct bkt_merge *merge)
{
    if (engine->merge_last)
        engine->merge_last->next = merge;
    else
        engine->merge_first = merge;
    engine->merge_last = merge;
    engine->merge_count++;
}

static void pop_merge(struct bkt_engine *engine)
{
    struct bkt_merge *merge = engine->merge_first;
    engine->merge_first = merge->next;
    if (!engine->merge_first)
        engine->merge_last = NULL;
    engine->merge_count--;
    bkt_merge_clear(merge);
    bkt_mem_free(merge);
}

void bkt_engine_listing_clear(struct bkt_engine *engine)
{
    while (engine->merge_first)
        pop_merge(engine);
    bkt_lister_free(engine->lister);
    engine->lister = NULL;
    bkt_job_free(engine->stage);
    engine->stage = NULL;
}

/* Absences go to the target in batches; they are only counted when the listing is complete. */
static int stage(struct bkt_engine *engine, const struct bkt_state_row *row, uint64_t read_at)
{
    if (!engine->stage) {
        engine->stage = bkt_job_new(BKT_JOB_STAGE, BATCH_CHANGES_MAX);
        if (!engine->stage)
            return BKT_ENOMEM;
        engine->stage->listing = engine->listing;
    }
    struct bkt_job *job = engine->stage;
    struct bkt_absence *absence = &job->absences[job->count];
    absence->read_at = read_at;
    int rc = bkt_arena_dup(&job->arena, row->key, &absence->key);
    if (rc)
        return rc;
    if (++job->count == BATCH_CHANGES_MAX) {
        bkt_engine_queue_job(engine, job);
        engine->stage = NULL;
    }
    return BKT_OK;
}

static int on_difference(void *ctx,
                         enum bkt_difference difference,
                         const struct bkt_object *object,
                         const struct bkt_state_row *row,
                         struct bkt_error *err)
{
    (void)err;
    struct bkt_engine *engine = ctx;
    switch (difference) {
    case BKT_DIFFERENCE_NONE:
        engine->counts.unchanged++;
        return BKT_OK;
    case BKT_DIFFERENCE_FAILED:
        engine->counts.failed++;
        return BKT_OK;
    case BKT_DIFFERENCE_READ:
        return bkt_engine_work_add(engine, object->key, row, object);
    case BKT_DIFFERENCE_ABSENT:
        return stage(engine, row, engine->merge_first->covered.read_at);
    case BKT_DIFFERENCE_UNCERTAIN:
        return bkt_engine_work_add(engine, row->key, row, NULL);
    }
    return BKT_OK;
}

static bool decode_is_current(const void *ctx, const struct bkt_state_row *row)
{
    const struct bkt_engine *engine = ctx;
    return bkt_decode_is_current(row->decode, row->flags & BKT_STATE_REPLACED,
                                 row->flags & BKT_STATE_FAILED_CONTENT, engine->options.policy);
}

static int run_merges(struct bkt_engine *engine, struct bkt_error *err)
{
    struct bkt_merge_rules rules = {
        .filter = engine->options.filter,
        .columns = engine->options.columns,
        .rows_lack_columns = engine->rows_lack_columns,
        .decode_is_current = decode_is_current,
        .ctx = engine,
    };
    while (engine->merge_first && bkt_engine_backlog(engine) < WORK_MAX &&
           engine->job_ready < JOBS_READY_MAX) {
        struct bkt_merge *merge = engine->merge_first;
        struct bkt_merge_counts counts = {0};
        int rc = bkt_merge_run(merge, &rules, engine->options.target, MERGE_ROWS, &counts,
                               on_difference, engine, err);
        engine->counts.listed += counts.listed;
        engine->counts.matched += counts.matched;
        if (rc)
            return rc;
        if (merge->is_done)
            pop_merge(engine);
    }
    return BKT_OK;
}

/*
 * Cut the listing by what the last one saw.  Boundaries save time and nothing else: where they
 * cannot be had, the listing finds its own.
 */
static void cut_listing(struct bkt_engine *engine)
{
    const struct bkt_table_target *target = engine->options.target;
    bkt_lister_set_slots(engine->lister, engine->options.list_concurrency);
    if (!target->ops->load_boundaries || engine->options.list_concurrency < 2)
        return;
    struct bkt_buf bytes = BKT_BUF_INIT(BKT_BOUNDARIES_BYTES_MAX);
    struct bkt_arena arena = {0};
    const struct bkt_str *keys;
    size_t count;
    if (target->ops->load_boundaries(target->self, &bytes, NULL) == BKT_OK &&
        bkt_boundaries_read(bkt_buf_str(&bytes), &arena, &keys, &count) == BKT_OK)
        (void)!bkt_lister_cut(engine->lister, keys, count);
    bkt_arena_clear(&arena);
    bkt_buf_clear(&bytes);
}

/* The floor is taken: state may be looked at from here on. */
static int begin(struct bkt_engine *engine, struct bkt_error *err)
{
    int rc = bkt_lister_new(engine->options.filter, &engine->lister, err);
    if (rc)
        return rc;
    bkt_lister_set_bucket(engine->lister, engine->options.bucket);
    bkt_boundaries_clear(&engine->boundaries); /* of one that failed */
    cut_listing(engine);
    struct bkt_covered gap;
    while (bkt_lister_next_gap(engine->lister, engine->clock.clock, &gap)) {
        struct bkt_merge *merge = bkt_mem_calloc(1, sizeof(*merge));
        if (!merge)
            return BKT_ENOMEM;
        merge->covered = gap;
        bkt_merge_begin(merge, NULL);
        push_merge(engine, merge);
    }
    engine->record = (struct bkt_listing_record){
        .listed = engine->counts.listed,
        .matched = engine->counts.matched,
    };
    engine->phase = LISTING_RUNS;
    bkt_engine_tell(engine, BKT_EVENT_LISTING, (struct bkt_str){"", 0}, (struct bkt_str){"", 0});
    return BKT_OK;
}

static void set_limit(const struct bkt_engine *engine, struct bkt_sweep *sweep)
{
    const struct bkt_delete_limit *limit = &engine->options.max_deletes;
    sweep->is_limited = !limit->is_percent || engine->row_count >= SMALL_TABLE_ROWS;
    /* The percentage of a billion rows times a hundred still fits. */
    sweep->limit = limit->is_percent ? engine->row_count * limit->value / 100 : limit->value;
}

/* The callbacks run where the job runs: they may touch nothing but the job. */
static void on_refused(void *ctx, struct bkt_str key)
{
    bkt_job_note_key(ctx, key, false);
}

static void on_deleted(void *ctx, struct bkt_str key)
{
    struct bkt_job *job = ctx;
    job->removed++;
    bkt_job_note_key(job, key, true);
}

static void on_deleted_untold(void *ctx, struct bkt_str key)
{
    struct bkt_job *job = ctx;
    (void)key;
    job->removed++;
}

static int sweep(struct bkt_engine *engine)
{
    if (engine->stage) {
        bkt_engine_queue_job(engine, engine->stage);
        engine->stage = NULL;
    }
    struct bkt_job *job;
    int rc = queue_new_job(engine, BKT_JOB_SWEEP, &job);
    if (rc)
        return rc;
    set_limit(engine, &job->sweep);
    job->sweep.refused = on_refused;
    job->sweep.deleted = engine->options.on_event ? on_deleted : on_deleted_untold;
    job->sweep.ctx = job;
    engine->phase = LISTING_SWEEPS;
    return BKT_OK;
}

static int end(struct bkt_engine *engine)
{
    struct bkt_job *job;
    int rc = queue_new_job(engine, BKT_JOB_END_LISTING, &job);
    if (rc)
        return rc;
    job->record = (struct bkt_listing_record){
        .ended_wall_ms = bkt_time_wall_ms(),
        .listed = engine->counts.listed - engine->record.listed,
        .matched = engine->counts.matched - engine->record.matched,
    };
    /* Without them the next listing is slower, and that is all. */
    (void)!bkt_boundaries_write(&engine->boundaries, &job->boundaries);
    bkt_boundaries_clear(&engine->boundaries);
    engine->phase = LISTING_ENDS;
    return BKT_OK;
}

/* What was staged stays where it is; the next listing clears it away. */
static void drop_jobs(struct bkt_engine *engine)
{
    struct bkt_job **at = &engine->job_first;
    engine->job_last = NULL;
    while (*at) {
        struct bkt_job *job = *at;
        if (job->kind == BKT_JOB_APPLY) {
            engine->job_last = job;
            at = &job->next;
            continue;
        }
        *at = job->next;
        engine->job_ready--;
        if (job->kind == BKT_JOB_HOLD_LISTING)
            engine->hold_is_out = false;
        bkt_job_free(job);
    }
}

/* Questions that are out still look at what the lister holds. */
static void end_failed(struct bkt_engine *engine)
{
    if (engine->flight_count > 0)
        return;
    bkt_engine_listing_clear(engine);
    engine->phase = LISTING_NONE;
}

/* A listing cannot go on.  Nothing was removed; when it lives, another begins later. */
static void give_up(struct bkt_engine *engine, int rc, const struct bkt_error *err)
{
    bool is_first_guard = rc == BKT_EGUARD && engine->listings_ended == 0;
    bool is_final = rc == BKT_ENOMEM || rc == BKT_EFOREIGN || is_first_guard;
    bool is_overtaken = rc == BKT_EBUSY && engine->list_failures < OVERTAKEN_MAX;
    if ((!engine->options.is_live && !is_overtaken) || is_final) {
        (void)bkt_engine_fail(engine, rc, err);
        return;
    }
    const char *text = err ? err->message : bkt_error_text(rc);
    bkt_engine_tell(engine, BKT_EVENT_TROUBLE, (struct bkt_str){"", 0}, bkt_str_from(text));
    drop_jobs(engine);
    engine->listing++;
    engine->phase = LISTING_FAILED;
    end_failed(engine);
    engine->list_failures++;
    engine->list_after_ms = engine->now_ms + bkt_engine_retry_delay_ms(engine->list_failures);
    engine->list_asked = true;
}

static int hold(struct bkt_engine *engine)
{
    struct bkt_job *job;
    engine->hold_at_ms = engine->now_ms + HOLD_LISTING_MS;
    engine->hold_is_out = true;
    return queue_new_job(engine, BKT_JOB_HOLD_LISTING, &job);
}

/* Before the listing: wait while another process has its own.  Within: it took ours for dead. */
static void held(struct bkt_engine *engine, const struct bkt_job *job)
{
    int rc = job->rc;
    engine->hold_is_out = false;
    if (engine->phase != LISTING_ASKS) {
        if (rc == BKT_EBUSY && engine->phase == LISTING_RUNS)
            give_up(engine, rc, &job->err);
        return; /* other failures are for those to meet who have something to write */
    }
    if (rc == BKT_EBUSY && !job->err.retriable) {
        engine->phase = LISTING_NONE;
        engine->list_asked = true;
        engine->list_after_ms = engine->now_ms + WAIT_FOR_LISTER_MS;
        /* Who follows events has something to do meanwhile. */
        if (!engine->options.is_live && !engine->was_told_to_wait)
            bkt_engine_tell(engine, BKT_EVENT_TROUBLE, (struct bkt_str){"", 0},
                            bkt_str_from(job->err.message));
        engine->was_told_to_wait = true;
        return;
    }
    struct bkt_job *begins;
    engine->phase = LISTING_BEGINS;
    if (rc == BKT_OK)
        rc = queue_new_job(engine, BKT_JOB_BEGIN_LISTING, &begins);
    if (rc)
        give_up(engine, rc, job->rc ? &job->err : NULL);
}

bool bkt_engine_listing_is_held(const struct bkt_engine *engine)
{
    return engine->options.target->ops->hold_listing && !engine->hold_is_out &&
           (engine->phase == LISTING_RUNS || engine->phase == LISTING_DRAINS);
}

int bkt_engine_listing_step(struct bkt_engine *engine, struct bkt_error *err)
{
    struct bkt_job *job;
    int rc = BKT_OK;
    if (engine->is_stopping)
        return BKT_OK;
    if (bkt_engine_listing_is_held(engine) && engine->now_ms >= engine->hold_at_ms) {
        rc = hold(engine);
        if (rc)
            return rc;
    }
    switch (engine->phase) {
    case LISTING_NONE:
        if (!engine->list_asked || engine->now_ms < engine->list_after_ms)
            return BKT_OK;
        engine->list_asked = false;
        if (engine->options.target->ops->hold_listing) {
            engine->phase = LISTING_ASKS;
            return hold(engine);
        }
        engine->phase = LISTING_BEGINS;
        return queue_new_job(engine, BKT_JOB_BEGIN_LISTING, &job);
    case LISTING_RUNS:
        rc = run_merges(engine, err);
        if (rc && engine->options.is_live && err->retriable) {
            give_up(engine, rc, err);
            return BKT_OK;
        }
        if (rc == BKT_OK && bkt_lister_is_done(engine->lister) && engine->flight_count == 0 &&
            engine->merge_count == 0)
            rc = sweep(engine);
        return rc;
    case LISTING_DRAINS:
        return engine->listed_work == 0 ? end(engine) : BKT_OK;
    case LISTING_ASKS:
    case LISTING_BEGINS:
    case LISTING_SWEEPS:
    case LISTING_ENDS:
    case LISTING_FAILED:
        return BKT_OK; /* until their job, or the last page, is done */
    }
    return BKT_OK;
}

bool bkt_engine_listing_want(struct bkt_engine *engine, struct bkt_want *out_want)
{
    uint32_t slots = bkt_slots_now(&engine->slots, engine->now_ms);
    if (engine->phase != LISTING_RUNS || bkt_engine_backlog(engine) >= WORK_MAX ||
        engine->flight_count + engine->merge_count >= slots)
        return false;
    struct bkt_want want = {.kind = BKT_WANT_LIST};
    if (!bkt_lister_next(engine->lister, engine->clock.clock, &want.list))
        return false;
    while (engine->flights[want.id].is_used)
        want.id++;
    engine->flights[want.id] = (struct list_flight){.is_used = true, .chain = want.list.chain};
    engine->flight_count++;
    *out_want = want;
    return true;
}

void bkt_engine_throttled(struct bkt_engine *engine)
{
    bkt_slots_throttled(&engine->slots, engine->now_ms);
}

static int note_boundary(struct bkt_engine *engine,
                         const struct bkt_page *page,
                         const struct bkt_covered *covered)
{
    size_t end = page->object_count - covered->drop;
    if (covered->skip == end)
        return BKT_OK;
    return bkt_boundaries_add(&engine->boundaries, page->objects[end - 1].key, end - covered->skip);
}

void bkt_engine_listed(struct bkt_engine *engine,
                       uint64_t id,
                       const struct bkt_page *page,
                       const struct bkt_error *why)
{
    struct list_flight flight = engine->flights[id];
    assert(flight.is_used);
    engine->flights[id].is_used = false;
    engine->flight_count--;
    if (engine->phase == LISTING_FAILED) {
        if (page)
            page->free(page->owner);
        end_failed(engine);
        return;
    }
    if (!page) {
        give_up(engine, why->code, why);
        return;
    }

    struct bkt_error err = {.code = BKT_OK};
    struct bkt_merge *merge = bkt_mem_calloc(1, sizeof(*merge));
    int rc = BKT_ENOMEM;
    if (merge)
        rc = bkt_lister_page(engine->lister, flight.chain, page, &merge->arena, &merge->covered,
                             &err);
    if (rc == BKT_OK)
        rc = note_boundary(engine, page, &merge->covered);
    if (rc) {
        page->free(page->owner);
        if (merge)
            bkt_merge_clear(merge);
        bkt_mem_free(merge);
        give_up(engine, rc, err.code ? &err : NULL);
        return;
    }
    bkt_merge_begin(merge, page);
    push_merge(engine, merge);
}

/* Also of one that failed midway: what it had committed by then is done. */
static void count_swept(struct bkt_engine *engine, struct bkt_job *job)
{
    engine->counts.deleted += job->removed;
    engine->row_count -= job->removed;
    if (engine->listings_ended > 0)
        engine->counts.missed += job->removed;
    int rc = BKT_OK;
    struct bkt_str key;
    bool is_deleted;
    size_t at = 0;
    while (rc == BKT_OK && bkt_job_next_key(job, &at, &key, &is_deleted)) {
        if (is_deleted)
            bkt_engine_tell(engine, BKT_EVENT_DELETE, key, (struct bkt_str){"", 0});
        else
            rc = bkt_engine_work_add(engine, key, NULL, NULL);
    }
    if (rc)
        (void)bkt_engine_fail(engine, rc, NULL);
}

void bkt_engine_listing_job_done(struct bkt_engine *engine, struct bkt_job *job)
{
    int rc = job->rc;
    struct bkt_error err = job->err;
    if (job->kind == BKT_JOB_HOLD_LISTING) {
        held(engine, job);
        return;
    }
    if (job->kind == BKT_JOB_SWEEP)
        count_swept(engine, job);
    if (job->listing != engine->listing)
        return; /* that one was given up */
    if (rc == BKT_OK) {
        switch (job->kind) {
        case BKT_JOB_BEGIN_LISTING:
            rc = begin(engine, &err);
            break;
        case BKT_JOB_SWEEP:
            bkt_engine_listing_clear(engine);
            engine->phase = LISTING_DRAINS;
            break;
        case BKT_JOB_END_LISTING:
            engine->phase = LISTING_NONE;
            engine->rows_lack_columns = false;
            engine->listings_ended++;
            engine->list_failures = 0;
            engine->failed_count = job->record.failed;
            bkt_engine_tell(engine, BKT_EVENT_LISTED, (struct bkt_str){"", 0},
                            (struct bkt_str){"", 0});
            break;
        case BKT_JOB_HOLD_LISTING:
        case BKT_JOB_STAGE:
        case BKT_JOB_APPLY:
            break;
        }
    }
    if (rc)
        give_up(engine, rc, err.code ? &err : NULL);
}
