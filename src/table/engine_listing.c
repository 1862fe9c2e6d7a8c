/* A listing from its floor to its record, phase by phase. */
#include "table/engine_int.h"

#include "core/time.h"

/* NULL when memory is out. */
static struct bkt_job *queue_new_job(struct bkt_engine *engine, enum bkt_job_kind kind)
{
    struct bkt_job *job = bkt_job_new(kind, 0);
    if (!job)
        return NULL;
    job->listing = engine->listing.number;
    bkt_engine_queue_job(engine, job);
    return job;
}

static int take_floor(struct bkt_engine *engine)
{
    engine->listing.phase = LISTING_BEGINS;
    return queue_new_job(engine, BKT_JOB_BEGIN_LISTING) ? BKT_OK : BKT_ENOMEM;
}

/* The floor is taken: state may be looked at from here on. */
static int begin(struct bkt_engine *engine, struct bkt_error *err)
{
    int rc = bkt_engine_pages_begin(engine, err);
    if (rc)
        return rc;
    engine->listing.before = engine->counts;
    engine->listing.phase = LISTING_RUNS;
    bkt_engine_tell(engine, BKT_EVENT_LISTING, BKT_STR(""), BKT_STR(""));
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
    bkt_engine_pages_stage(engine);
    struct bkt_job *job = queue_new_job(engine, BKT_JOB_SWEEP);
    if (!job)
        return BKT_ENOMEM;
    set_limit(engine, &job->sweep);
    job->sweep.refused = on_refused;
    job->sweep.deleted = engine->options.on_event ? on_deleted : on_deleted_untold;
    job->sweep.ctx = job;
    engine->listing.phase = LISTING_SWEEPS;
    return BKT_OK;
}

static int end(struct bkt_engine *engine)
{
    struct bkt_job *job = queue_new_job(engine, BKT_JOB_END_LISTING);
    if (!job)
        return BKT_ENOMEM;
    job->record = (struct bkt_listing_record){
        .ended_wall_ms = bkt_time_wall_ms(),
        .listed = engine->counts.listed - engine->listing.before.listed,
        .matched = engine->counts.matched - engine->listing.before.matched,
    };
    /* Without them the next listing is slower, and that is all. */
    (void)!bkt_boundaries_write(&engine->listing.boundaries, &job->boundaries);
    bkt_boundaries_clear(&engine->listing.boundaries);
    engine->listing.phase = LISTING_ENDS;
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
            engine->listing.hold_is_out = false;
        bkt_job_free(job);
    }
}

/* Questions that are out still look at what the lister holds. */
void bkt_engine_listing_end_failed(struct bkt_engine *engine)
{
    if (engine->listing.pages_out > 0)
        return;
    bkt_engine_pages_clear(engine);
    engine->listing.phase = LISTING_NONE;
}

/* A listing cannot go on.  Nothing was removed; when it lives, another begins later. */
void bkt_engine_listing_fail(struct bkt_engine *engine, int rc, const struct bkt_error *err)
{
    bool is_first_guard = rc == BKT_EGUARD && engine->listing.ended == 0;
    bool is_final = rc == BKT_ENOMEM || rc == BKT_EFOREIGN || is_first_guard;
    bool is_overtaken = rc == BKT_EBUSY && engine->listing.failures < OVERTAKEN_MAX;
    if ((!engine->options.is_live && !is_overtaken) || is_final) {
        (void)bkt_engine_fail(engine, rc, err);
        return;
    }
    const char *text = err ? err->message : bkt_error_text(rc);
    bkt_engine_tell_trouble(engine, text);
    drop_jobs(engine);
    engine->listing.number++;
    engine->listing.phase = LISTING_FAILED;
    bkt_engine_listing_end_failed(engine);
    engine->listing.failures++;
    engine->listing.after_ms = engine->now_ms + bkt_engine_retry_delay_ms(engine->listing.failures);
    engine->listing.is_asked = true;
}

static int hold(struct bkt_engine *engine)
{
    engine->listing.hold_at_ms = engine->now_ms + HOLD_LISTING_MS;
    engine->listing.hold_is_out = true;
    return queue_new_job(engine, BKT_JOB_HOLD_LISTING) ? BKT_OK : BKT_ENOMEM;
}

/* Within the listing: another process took ours for dead. */
static void held(struct bkt_engine *engine, const struct bkt_job *job)
{
    if (job->rc == BKT_EBUSY && engine->listing.phase == LISTING_RUNS)
        bkt_engine_listing_fail(engine, job->rc, &job->err);
    /* Other failures are for those to meet who have something to write. */
}

/* Before the listing: wait while another process has its own. */
static void asked(struct bkt_engine *engine, const struct bkt_job *job)
{
    if (job->rc == BKT_EBUSY && !job->err.retriable) {
        engine->listing.phase = LISTING_NONE;
        engine->listing.is_asked = true;
        engine->listing.after_ms = engine->now_ms + WAIT_FOR_LISTER_MS;
        /* Who follows events has something to do meanwhile. */
        if (!engine->options.is_live && !engine->listing.was_told_to_wait)
            bkt_engine_tell_trouble(engine, job->err.message);
        engine->listing.was_told_to_wait = true;
        return;
    }
    int rc = job->rc ? job->rc : take_floor(engine);
    if (rc)
        bkt_engine_listing_fail(engine, rc, job->rc ? &job->err : NULL);
}

bool bkt_engine_listing_is_held(const struct bkt_engine *engine)
{
    return engine->options.target->ops->hold_listing && !engine->listing.hold_is_out &&
           (engine->listing.phase == LISTING_RUNS || engine->listing.phase == LISTING_DRAINS);
}

int bkt_engine_listing_step(struct bkt_engine *engine, struct bkt_error *err)
{
    int rc = BKT_OK;
    if (engine->is_stopping)
        return BKT_OK;
    if (bkt_engine_listing_is_held(engine) && engine->now_ms >= engine->listing.hold_at_ms) {
        rc = hold(engine);
        if (rc)
            return rc;
    }
    switch (engine->listing.phase) {
    case LISTING_NONE:
        if (!engine->listing.is_asked || engine->now_ms < engine->listing.after_ms)
            return BKT_OK;
        engine->listing.is_asked = false;
        if (engine->options.target->ops->hold_listing) {
            engine->listing.phase = LISTING_ASKS;
            return hold(engine);
        }
        return take_floor(engine);
    case LISTING_RUNS:
        rc = bkt_engine_pages_merge(engine, err);
        if (rc && engine->options.is_live && err->retriable) {
            bkt_engine_listing_fail(engine, rc, err);
            return BKT_OK;
        }
        if (rc == BKT_OK && bkt_engine_pages_are_done(engine))
            rc = sweep(engine);
        return rc;
    case LISTING_DRAINS:
        return engine->listing.work_count == 0 ? end(engine) : BKT_OK;
    case LISTING_ASKS:
    case LISTING_BEGINS:
    case LISTING_SWEEPS:
    case LISTING_ENDS:
    case LISTING_FAILED:
        return BKT_OK; /* until their job, or the last page, is done */
    }
    return BKT_OK;
}

/* Also of one that failed midway: what it had committed by then is done. */
static void count_swept(struct bkt_engine *engine, struct bkt_job *job)
{
    engine->counts.deleted += job->removed;
    engine->row_count -= job->removed;
    if (engine->listing.ended > 0)
        engine->counts.missed += job->removed;
    int rc = BKT_OK;
    struct bkt_str key;
    bool is_deleted;
    size_t at = 0;
    while (rc == BKT_OK && bkt_job_next_key(job, &at, &key, &is_deleted)) {
        if (is_deleted)
            bkt_engine_tell(engine, BKT_EVENT_DELETE, key, BKT_STR(""));
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
        engine->listing.hold_is_out = false;
        if (engine->listing.phase == LISTING_ASKS)
            asked(engine, job);
        else
            held(engine, job);
        return;
    }
    if (job->kind == BKT_JOB_SWEEP)
        count_swept(engine, job);
    if (job->listing != engine->listing.number)
        return; /* that one was given up */
    if (rc == BKT_OK) {
        switch (job->kind) {
        case BKT_JOB_BEGIN_LISTING:
            rc = begin(engine, &err);
            break;
        case BKT_JOB_SWEEP:
            bkt_engine_pages_clear(engine);
            engine->listing.phase = LISTING_DRAINS;
            break;
        case BKT_JOB_END_LISTING:
            engine->listing.phase = LISTING_NONE;
            engine->listing.rows_lack_columns = false;
            engine->listing.ended++;
            engine->listing.failures = 0;
            engine->listing.failed_count = job->record.failed;
            bkt_engine_tell(engine, BKT_EVENT_LISTED, BKT_STR(""), BKT_STR(""));
            break;
        case BKT_JOB_HOLD_LISTING:
        case BKT_JOB_STAGE:
        case BKT_JOB_APPLY:
            break;
        }
    }
    if (rc)
        bkt_engine_listing_fail(engine, rc, err.code ? &err : NULL);
}
