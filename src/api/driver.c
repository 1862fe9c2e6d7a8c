#include "api/driver.h"

#include "api/target.h"
#include "core/backoff.h"
#include "core/escape.h"
#include "core/time.h"
#include "targets/state_target.h"

#include <inttypes.h>
#include <sys/random.h>

enum { PROGRESS_MS = 100 };

static int open_target(struct bkt_driver *driver, struct bkt_error *err)
{
    const struct bkt_driver_options *options = &driver->options;
    if (!options->target_ops)
        return bkt_target_open(driver->settings, &driver->target, err);
    return bkt_state_target_new(options->target_ops, options->target_self, options->target_state,
                                &driver->target, err);
}

int bkt_driver_open(struct bkt_driver *driver,
                    const struct bkt_config *config,
                    struct bkt_error *err)
{
    driver->settings = bkt_config_settings(config);
    atomic_init(&driver->is_stopped, false);
    atomic_init(&driver->is_list_asked, false);
    int rc = bkt_bucket_open(&driver->bucket, config, err);
    if (rc == BKT_OK)
        rc = open_target(driver, err);
    return rc;
}

void bkt_driver_close(struct bkt_driver *driver)
{
    if (driver->target.ops)
        driver->target.ops->free(driver->target.self);
    bkt_bucket_close(&driver->bucket);
}

void bkt_driver_stop(struct bkt_driver *driver)
{
    atomic_store(&driver->is_stopped, true);
    if (driver->bucket.http)
        bkt_http_wakeup(driver->bucket.http);
}

void bkt_driver_list(struct bkt_driver *driver)
{
    atomic_store(&driver->is_list_asked, true);
    if (driver->bucket.http)
        bkt_http_wakeup(driver->bucket.http);
}

/* What the bucket answers, handed to the engine. */

static void on_page(void *ctx, uint64_t id, struct bkt_s3_page *answer, const struct bkt_error *err)
{
    struct bkt_driver *driver = ctx;
    bkt_engine_listed(driver->engine, id, answer ? &answer->page : NULL, err);
}

static bool on_size(void *ctx, uint64_t id, uint64_t size)
{
    struct bkt_driver *driver = ctx;
    return bkt_engine_admit(driver->engine, id, size);
}

static void on_object(void *ctx, uint64_t id, struct bkt_s3_object *answer)
{
    struct bkt_driver *driver = ctx;
    struct bkt_read read = {
        .object = answer->object,
        .extra = answer->extra,
        .body = answer->body,
        .checksum = answer->checksum,
    };
    switch (answer->answer) {
    case BKT_S3_OBJECT:
        read.kind = BKT_READ_OBJECT;
        break;
    case BKT_S3_NOT_MODIFIED:
        read.kind = BKT_READ_NOT_MODIFIED;
        break;
    case BKT_S3_NO_SUCH_KEY:
        read.kind = BKT_READ_ABSENT;
        break;
    case BKT_S3_STOPPED:
        read.kind = BKT_READ_STOPPED;
        break;
    case BKT_S3_FAILED:
        read.kind = BKT_READ_FAILED;
        read.reason = bkt_str_from(answer->err->message);
        break;
    }
    bkt_engine_read(driver->engine, id, &read);
}

static void on_bucket(void *ctx, const struct bkt_error *err)
{
    struct bkt_driver *driver = ctx;
    bkt_engine_bucket_exists(driver->engine, err);
}

/* What the engine wants, done. */

static int start_read(struct bkt_driver *driver, const struct bkt_want *want, struct bkt_error *err)
{
    struct bkt_s3_get get = {
        .key = want->read.key,
        .if_none_match = want->read.if_none_match,
        .size_hint = want->read.size_hint,
        .id = want->id,
        .on_size = on_size,
        .on_object = on_object,
        .ctx = driver,
    };
    return bkt_s3_get(driver->bucket.s3, &get, err);
}

static int start_list(struct bkt_driver *driver, const struct bkt_want *want, struct bkt_error *err)
{
    struct bkt_s3_list list = {
        .prefix = want->list.prefix,
        .start_after = want->list.start_after,
        .token = want->list.token,
        .id = want->id,
        .on_page = on_page,
        .ctx = driver,
    };
    return bkt_s3_list(driver->bucket.s3, &list, err);
}

/* Until nothing more is wanted for now. */
static int serve(struct bkt_driver *driver, int64_t now_ms, struct bkt_error *err)
{
    for (;;) {
        struct bkt_want want;
        int rc = bkt_engine_next(driver->engine, now_ms, &want, err);
        if (rc)
            return rc;
        switch (want.kind) {
        case BKT_WANT_NOTHING:
            return BKT_OK;
        case BKT_WANT_LIST:
            rc = start_list(driver, &want, err);
            break;
        case BKT_WANT_READ:
            rc = start_read(driver, &want, err);
            break;
        case BKT_WANT_BUCKET:
            rc = bkt_s3_bucket(driver->bucket.s3, on_bucket, driver, err);
            break;
        case BKT_WANT_JOB:
            bkt_writer_give(driver->writer, want.job);
            break;
        }
        if (rc)
            return rc;
    }
}

struct bkt_counts bkt_driver_counts(const struct bkt_driver *driver)
{
    struct bkt_counts counts = {
        .seconds = (double)(bkt_time_monotonic_ms() - driver->started_ms) / 1000,
    };
    if (driver->engine) {
        struct bkt_engine_counts engine = bkt_engine_counts(driver->engine);
        counts.listed = engine.listed;
        counts.matched = engine.matched;
        counts.added = engine.added;
        counts.updated = engine.updated;
        counts.deleted = engine.deleted;
        counts.unchanged = engine.unchanged;
        counts.failed = engine.failed;
        counts.bytes = engine.bytes;
        counts.events_missed = engine.missed;
    }
    struct bkt_s3_stats stats = bkt_s3_stats(driver->bucket.s3);
    counts.list_requests = stats.list_requests - driver->stats_before.list_requests;
    counts.get_requests = stats.get_requests - driver->stats_before.get_requests;
    counts.retries = stats.retries - driver->stats_before.retries;
    return counts;
}

struct bkt_counts bkt_driver_listing_counts(const struct bkt_driver *driver)
{
    struct bkt_counts now = bkt_driver_counts(driver);
    const struct bkt_counts *before = &driver->listing_before;
    return (struct bkt_counts){
        .listed = now.listed - before->listed,
        .matched = now.matched - before->matched,
        .added = now.added - before->added,
        .updated = now.updated - before->updated,
        .deleted = now.deleted - before->deleted,
        .unchanged = now.unchanged - before->unchanged,
        .failed = now.failed - before->failed,
        .bytes = now.bytes - before->bytes,
        .list_requests = now.list_requests - before->list_requests,
        .get_requests = now.get_requests - before->get_requests,
        .retries = now.retries - before->retries,
        .seconds = now.seconds - before->seconds,
        .events_missed = now.events_missed - before->events_missed,
    };
}

static void log_listing(const struct bkt_driver *driver, bool is_complete)
{
    const struct bkt_settings *settings = driver->settings;
    if (!bkt_log_wants(&settings->log, BKT_LOG_INFO))
        return;
    char prefix[256];
    bkt_escape(bkt_str_from(settings->prefix), prefix, sizeof(prefix));
    if (!is_complete) {
        bkt_log(&settings->log, BKT_LOG_INFO, "list s3://%s/%s: begun", settings->bucket_name,
                prefix);
        return;
    }
    struct bkt_counts counts = bkt_driver_listing_counts(driver);
    bkt_log(&settings->log, BKT_LOG_INFO,
            "list s3://%s/%s: complete after %.1f s, and in the table: %" PRIu64 " listed, %" PRIu64
            " rows, %" PRIu64 " added, %" PRIu64 " updated, %" PRIu64 " deleted, %" PRIu64
            " failed",
            settings->bucket_name, prefix, counts.seconds, counts.listed, counts.matched,
            counts.added, counts.updated, counts.deleted, counts.failed);
}

/* What the engine tells: noted for the log, then passed on. */
static void on_event(void *ctx,
                     enum bkt_engine_event event,
                     struct bkt_str key,
                     struct bkt_str text)
{
    struct bkt_driver *driver = ctx;
    const struct bkt_log *log = &driver->settings->log;
    switch (event) {
    case BKT_EVENT_LISTING:
        driver->listing_before = bkt_driver_counts(driver);
        log_listing(driver, false);
        break;
    case BKT_EVENT_LISTED:
        log_listing(driver, true);
        break;
    case BKT_EVENT_UPSERT:
        bkt_log_of_key(log, BKT_LOG_DEBUG, key, "row committed");
        break;
    case BKT_EVENT_DELETE:
        bkt_log_of_key(log, BKT_LOG_DEBUG, key, "row deleted");
        break;
    case BKT_EVENT_FAILED:
    case BKT_EVENT_TROUBLE:
        break; /* who gets it logs it where no callback takes it */
    }
    if (driver->options.on_event)
        driver->options.on_event(driver->options.ctx, event, key, text);
}

static void on_settled(void *ctx, void *ticket)
{
    const struct bkt_driver *driver = ctx;
    driver->options.on_settled(driver->options.ctx, ticket);
}

static void show_progress(struct bkt_driver *driver, int64_t now_ms)
{
    if (!driver->options.on_progress || now_ms < driver->progress_at_ms)
        return;
    struct bkt_counts counts = bkt_driver_counts(driver);
    driver->options.on_progress(driver->options.ctx, &counts);
    driver->progress_at_ms = now_ms + PROGRESS_MS;
}

static int how_long(struct bkt_driver *driver, int64_t now_ms)
{
    int wait_ms = bkt_wait_min(bkt_engine_wait_ms(driver->engine, now_ms),
                               bkt_s3_wait_ms(driver->bucket.s3, now_ms));
    if (driver->options.part.wait_ms)
        wait_ms =
            bkt_wait_min(wait_ms, driver->options.part.wait_ms(driver->options.part.ctx, now_ms));
    if (driver->options.on_progress)
        wait_ms = bkt_wait_min(wait_ms, PROGRESS_MS);
    return wait_ms;
}

/* Fewer pages are asked for while the server complains. */
static void pass_on_throttling(struct bkt_driver *driver)
{
    uint64_t throttled = bkt_s3_stats(driver->bucket.s3).throttled;
    if (throttled != driver->throttled)
        bkt_engine_throttled(driver->engine);
    driver->throttled = throttled;
}

/* What was committed before the target gave up is to be acknowledged all the same. */
static void drain(struct bkt_driver *driver)
{
    const struct bkt_driver_part *part = &driver->options.part;
    bkt_s3_cancel_all(driver->bucket.s3);
    for (int rc = BKT_OK; rc == BKT_OK && part->is_drained;) {
        int64_t now_ms = bkt_time_monotonic_ms();
        rc = part->tick(part->ctx, now_ms, NULL);
        if (rc || part->is_drained(part->ctx))
            break;
        rc = bkt_http_run_once(driver->bucket.http, part->wait_ms(part->ctx, now_ms), NULL);
    }
}

/* What other threads have asked for.  True: to stop, which from now on is so. */
static bool take_orders(struct bkt_driver *driver)
{
    bool is_stopped = atomic_load(&driver->is_stopped);
    if (is_stopped)
        bkt_engine_stop(driver->engine);
    if (atomic_exchange(&driver->is_list_asked, false))
        bkt_engine_list(driver->engine);
    return is_stopped;
}

/* What has come in since the last turn: from the target, the bucket, the channels. */
static int take_answers(struct bkt_driver *driver, int64_t now_ms, struct bkt_error *err)
{
    const struct bkt_driver_part *part = &driver->options.part;
    struct bkt_job *job;
    while ((job = bkt_writer_fetch(driver->writer)) != NULL)
        bkt_engine_job_done(driver->engine, job);
    bkt_s3_tick(driver->bucket.s3, now_ms);
    pass_on_throttling(driver);
    return part->tick ? part->tick(part->ctx, now_ms, err) : BKT_OK;
}

static bool is_over(const struct bkt_driver *driver, bool is_stopped)
{
    const struct bkt_driver_part *part = &driver->options.part;
    return (is_stopped || !driver->options.is_live) && bkt_engine_is_idle(driver->engine) &&
           (!part->is_drained || part->is_drained(part->ctx));
}

int bkt_driver_loop(struct bkt_driver *driver, struct bkt_error *err)
{
    for (;;) {
        int64_t now_ms = bkt_time_monotonic_ms();
        bool is_stopped = take_orders(driver);
        int rc = take_answers(driver, now_ms, err);
        if (rc == BKT_OK)
            rc = serve(driver, now_ms, err);
        if (rc == BKT_ECANCELED && atomic_load(&driver->is_stopped))
            drain(driver);
        if (rc)
            return rc;
        bkt_writer_go_on(driver->writer);
        show_progress(driver, now_ms);
        if (is_over(driver, is_stopped))
            return BKT_OK;
        rc = bkt_http_run_once(driver->bucket.http, how_long(driver, now_ms), err);
        if (rc)
            return rc;
    }
}

int bkt_driver_start(struct bkt_driver *driver, struct bkt_error *err)
{
    const struct bkt_settings *settings = driver->settings;
    driver->started_ms = bkt_time_monotonic_ms();
    driver->progress_at_ms = 0;
    driver->stats_before = bkt_s3_stats(driver->bucket.s3);
    driver->throttled = driver->stats_before.throttled;
    struct bkt_engine_options options = {
        .filter = driver->bucket.filter,
        .bucket = settings->bucket_name,
        .target = &driver->target,
        .policy = {settings->binary, (enum bkt_text_errors)settings->text_errors},
        .columns = settings->columns,
        .list_concurrency = settings->list_concurrency,
        .get_concurrency = settings->get_concurrency,
        .memory_limit = settings->memory_limit,
        .max_deletes = {settings->max_deletes.is_percent, settings->max_deletes.number},
        .is_live = driver->options.is_live,
        .on_event = on_event,
        .on_settled = on_settled,
        .ctx = driver,
    };
    (void)!getrandom(&options.seed, sizeof(options.seed), 0);
    int rc = bkt_target_attach(settings, &driver->target, &options.attached, err);
    driver->epoch = options.attached.clock.epoch;
    if (rc == BKT_OK)
        rc = bkt_engine_new(&options, &driver->engine, err);
    if (rc == BKT_OK)
        rc = bkt_writer_new(&driver->target, driver->bucket.http, &driver->writer, err);
    return rc;
}

void bkt_driver_end(struct bkt_driver *driver)
{
    bkt_writer_free(driver->writer);
    driver->writer = NULL;
    /* What is still under way would answer an engine that is gone. */
    bkt_s3_cancel_all(driver->bucket.s3);
    bkt_engine_free(driver->engine);
    driver->engine = NULL;
}
