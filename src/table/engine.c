#include "table/engine_int.h"

#include "core/backoff.h"
#include "core/mem.h"

#include <assert.h>

int bkt_engine_new(const struct bkt_engine_options *options,
                   struct bkt_engine **out_engine,
                   struct bkt_error *err)
{
    assert(options->list_concurrency > 0 && options->get_concurrency > 0);
    struct bkt_engine *engine = bkt_mem_calloc(1, sizeof(*engine));
    if (!engine)
        return bkt_error_set(err, BKT_ENOMEM, "start the engine: out of memory");
    engine->options = *options;
    engine->wake_at_ms = INT64_MAX;
    engine->clock = options->attached.clock;
    engine->row_count = options->attached.row_count;
    engine->listing.rows_lack_columns = options->attached.columns_changed;
    engine->listing.slots = bkt_slots_init(options->list_concurrency);
    bkt_work_init(&engine->work, options->seed);
    engine->reading = bkt_mem_calloc(options->get_concurrency, sizeof(struct bkt_work_item *));
    if (!engine->reading) {
        bkt_engine_free(engine);
        return bkt_error_set(err, BKT_ENOMEM, "start the engine: out of memory");
    }
    *out_engine = engine;
    return BKT_OK;
}

void bkt_engine_free(struct bkt_engine *engine)
{
    if (!engine)
        return;
    bkt_engine_pages_clear(engine);
    while (engine->job_first) {
        struct bkt_job *next = engine->job_first->next;
        bkt_job_free(engine->job_first);
        engine->job_first = next;
    }
    bkt_work_clear(&engine->work);
    bkt_boundaries_clear(&engine->listing.boundaries);
    bkt_mem_free(engine->reading);
    bkt_mem_free(engine);
}

int bkt_engine_fail(struct bkt_engine *engine, int rc, const struct bkt_error *err)
{
    if (engine->rc == BKT_OK) {
        engine->rc = rc;
        if (err)
            engine->err = *err;
        else
            (void)bkt_error_set(&engine->err, rc, "%s", bkt_error_text(rc));
    }
    return rc;
}

int64_t bkt_engine_retry_delay_ms(unsigned failures)
{
    int64_t delay_ms = RETRY_LISTING_MS;
    for (unsigned i = 1; i < failures && delay_ms < RETRY_MAX_MS; i++)
        delay_ms *= 2;
    return delay_ms < RETRY_MAX_MS ? delay_ms : RETRY_MAX_MS;
}

void bkt_engine_queue_job(struct bkt_engine *engine, struct bkt_job *job)
{
    job->next = NULL;
    if (engine->job_last)
        engine->job_last->next = job;
    else
        engine->job_first = job;
    engine->job_last = job;
    engine->job_ready++;
}

void bkt_engine_tell(struct bkt_engine *engine,
                     enum bkt_engine_event event,
                     struct bkt_str key,
                     struct bkt_str text)
{
    if (engine->options.on_event)
        engine->options.on_event(engine->options.ctx, event, key, text);
}

void bkt_engine_tell_trouble(struct bkt_engine *engine, const char *text)
{
    bkt_engine_tell(engine, BKT_EVENT_TROUBLE, BKT_STR(""), bkt_str_from(text));
}

void bkt_engine_list(struct bkt_engine *engine)
{
    engine->listing.is_asked = true;
}

void bkt_engine_stop(struct bkt_engine *engine)
{
    engine->is_stopping = true;
}

bool bkt_engine_is_idle(const struct bkt_engine *engine)
{
    bool jobs = engine->job_ready > 0 || engine->job_out > 0;
    if (engine->is_stopping)
        return !jobs && engine->work.queues[BKT_WORK_READ].count == 0;
    return !jobs && engine->listing.phase == LISTING_NONE && !engine->listing.is_asked &&
           engine->work.count == 0;
}

/* A sweep waits until all that was staged is in: one of those may fail, and be tried again. */
static bool may_go_out(const struct bkt_engine *engine, const struct bkt_job *job)
{
    return engine->job_out < (job->kind == BKT_JOB_SWEEP ? 1 : JOBS_OUT_MAX);
}

static bool want_job(struct bkt_engine *engine, struct bkt_want *out_want)
{
    if (!engine->job_first || !may_go_out(engine, engine->job_first) ||
        engine->now_ms < engine->jobs_after_ms)
        return false;
    struct bkt_job *job = engine->job_first;
    engine->job_first = job->next;
    if (!engine->job_first)
        engine->job_last = NULL;
    engine->job_ready--;
    engine->job_out++;
    job->next = NULL;
    *out_want = (struct bkt_want){.kind = BKT_WANT_JOB, .job = job};
    return true;
}

int bkt_engine_next(struct bkt_engine *engine,
                    int64_t now_ms,
                    struct bkt_want *out_want,
                    struct bkt_error *err)
{
    struct bkt_error why = {.code = BKT_OK};
    engine->now_ms = now_ms;
    int rc = engine->rc;
    if (rc == BKT_OK)
        rc = bkt_engine_listing_step(engine, &why);
    if (rc == BKT_OK)
        rc = bkt_engine_commit_step(engine);
    if (rc) {
        (void)bkt_engine_fail(engine, rc, why.code ? &why : NULL);
        if (err)
            *err = engine->err;
        return engine->rc;
    }
    if (want_job(engine, out_want))
        return BKT_OK;
    if (!engine->is_stopping &&
        (bkt_engine_work_want(engine, out_want) || bkt_engine_pages_want(engine, out_want)))
        return BKT_OK;
    *out_want = (struct bkt_want){.kind = BKT_WANT_NOTHING};
    return BKT_OK;
}

static int wait_for_jobs_ms(const struct bkt_engine *engine, int64_t now_ms)
{
    int wait_ms = -1;
    /* While the writer has its hands full there is nothing to do for it. */
    if (engine->work.queues[BKT_WORK_READ].count > 0 &&
        engine->job_ready + engine->job_out < JOBS_OUT_MAX)
        wait_ms = bkt_wait_until(engine->ready_since_ms + BATCH_LINGER_MS, now_ms);
    if (engine->job_first && may_go_out(engine, engine->job_first))
        wait_ms = bkt_wait_min(wait_ms, bkt_wait_until(engine->jobs_after_ms, now_ms));
    return wait_ms;
}

int bkt_engine_wait_ms(const struct bkt_engine *engine, int64_t now_ms)
{
    int wait_ms = wait_for_jobs_ms(engine, now_ms);
    if (engine->is_stopping)
        return wait_ms;
    if (engine->listing.is_asked && engine->listing.phase == LISTING_NONE)
        wait_ms = bkt_wait_min(wait_ms, bkt_wait_until(engine->listing.after_ms, now_ms));
    if (bkt_engine_listing_is_held(engine))
        wait_ms = bkt_wait_min(wait_ms, bkt_wait_until(engine->listing.hold_at_ms, now_ms));
    return bkt_wait_min(wait_ms, bkt_wait_until(engine->wake_at_ms, now_ms));
}

size_t bkt_engine_backlog(const struct bkt_engine *engine)
{
    return engine->work.count - engine->work.queues[BKT_WORK_WAITING].count;
}

/* The target is locked, or its connection was lost: the same job again, before any other. */
static bool try_again(struct bkt_engine *engine, struct bkt_job *job)
{
    if (job->rc == BKT_OK || !engine->options.is_live || !job->err.retriable || engine->is_stopping)
        return false;
    bkt_engine_tell_trouble(engine, job->err.message);
    job->rc = BKT_OK;
    job->next = engine->job_first;
    engine->job_first = job;
    if (!engine->job_last)
        engine->job_last = job;
    engine->job_ready++;
    engine->jobs_after_ms = engine->now_ms + RETRY_JOB_MS;
    engine->target_fails = true;
    return true;
}

void bkt_engine_job_done(struct bkt_engine *engine, struct bkt_job *job)
{
    assert(engine->job_out > 0);
    engine->job_out--;
    if (try_again(engine, job))
        return;
    engine->target_fails = false;
    if (job->clock.clock > engine->clock.clock)
        engine->clock = job->clock;
    if (job->kind == BKT_JOB_APPLY)
        bkt_engine_commit_job_done(engine, job);
    else
        bkt_engine_listing_job_done(engine, job);
    bkt_job_free(job);
}

struct bkt_engine_counts bkt_engine_counts(const struct bkt_engine *engine)
{
    return engine->counts;
}

struct bkt_engine_condition bkt_engine_condition(const struct bkt_engine *engine)
{
    return (struct bkt_engine_condition){
        .is_listing = engine->listing.phase != LISTING_NONE,
        .is_failing = engine->target_fails || engine->bucket_fails || engine->listing.failures > 0,
        .row_count = engine->row_count,
        .failed_count = engine->listing.failed_count,
        .working_on = bkt_engine_backlog(engine),
    };
}
