#include <bucketable/sync.h>

#include "api/bucket.h"
#include "api/target.h"
#include "api/writer.h"
#include "core/mem.h"
#include "core/time.h"
#include "table/engine.h"

#include <stdatomic.h>
#include <stdio.h>
#include <sys/random.h>

enum { PROGRESS_MS = 100 };

struct bkt_sync {
    const struct bkt_config *config;
    const struct bkt_settings *settings;
    struct bkt_sync_callbacks callbacks;
    struct bkt_bucket bucket;
    struct bkt_table_target target;
    struct bkt_engine *engine;
    struct bkt_writer *writer;
    int64_t started_ms;
    int64_t progress_at_ms;
    struct bkt_s3_stats stats_before;
    atomic_bool is_stopped;
};

static void warn(void *ctx, const char *message)
{
    struct bkt_sync *sync = ctx;
    if (sync->callbacks.warning)
        sync->callbacks.warning(sync->callbacks.ctx, message);
}

static void take_callbacks(struct bkt_sync *sync, const struct bkt_sync_callbacks *callbacks)
{
    if (!callbacks)
        return;
    size_t size =
        callbacks->size < sizeof(sync->callbacks) ? callbacks->size : sizeof(sync->callbacks);
    memcpy(&sync->callbacks, callbacks, size);
}

int bkt_sync_new(const struct bkt_config *config,
                 const struct bkt_sync_callbacks *callbacks,
                 struct bkt_sync **out_sync,
                 struct bkt_error *err)
{
    struct bkt_sync *sync = bkt_mem_calloc(1, sizeof(*sync));
    if (!sync)
        return bkt_error_set(err, BKT_ENOMEM, "prepare a sync: out of memory");
    take_callbacks(sync, callbacks);
    sync->config = config;
    sync->settings = bkt_config_settings(config);
    atomic_init(&sync->is_stopped, false);
    int rc = bkt_config_check(config, BKT_CONFIG_SOURCE | BKT_CONFIG_TARGET, warn, sync, err);
    if (rc == BKT_OK)
        rc = bkt_bucket_open(&sync->bucket, config, err);
    if (rc == BKT_OK)
        rc = bkt_target_open(sync->settings, &sync->target, err);
    if (rc) {
        bkt_sync_free(sync);
        return rc;
    }
    *out_sync = sync;
    return BKT_OK;
}

void bkt_sync_free(struct bkt_sync *sync)
{
    if (!sync)
        return;
    if (sync->target.ops)
        sync->target.ops->free(sync->target.self);
    bkt_bucket_close(&sync->bucket);
    bkt_mem_free(sync);
}

void bkt_sync_stop(struct bkt_sync *sync)
{
    atomic_store(&sync->is_stopped, true);
    if (sync->bucket.http)
        bkt_http_wakeup(sync->bucket.http);
}

/* What the bucket answers, handed to the engine. */

static void free_page(void *owner)
{
    bkt_s3_page_free(owner);
}

static void on_page(void *ctx, uint64_t id, struct bkt_s3_page *answer, const struct bkt_error *err)
{
    struct bkt_sync *sync = ctx;
    if (!answer) {
        bkt_engine_listed(sync->engine, id, NULL, err);
        return;
    }
    struct bkt_page page = {
        .objects = answer->page.objects,
        .object_count = answer->page.object_count,
        .is_truncated = answer->page.is_truncated,
        .next_token = answer->page.next_token,
        .owner = answer,
        .free = free_page,
    };
    bkt_engine_listed(sync->engine, id, &page, NULL);
}

static bool on_size(void *ctx, uint64_t id, uint64_t size)
{
    struct bkt_sync *sync = ctx;
    return bkt_engine_admit(sync->engine, id, size);
}

static void on_object(void *ctx, uint64_t id, struct bkt_s3_object *answer)
{
    struct bkt_sync *sync = ctx;
    struct bkt_read read = {
        .object = answer->object,
        .extra = answer->extra,
        .body = answer->body,
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
    bkt_engine_read(sync->engine, id, &read);
}

static void on_bucket(void *ctx, const struct bkt_error *err)
{
    struct bkt_sync *sync = ctx;
    bkt_engine_bucket_exists(sync->engine, err);
}

static void on_event(void *ctx,
                     enum bkt_engine_event event,
                     struct bkt_str key,
                     struct bkt_str text)
{
    struct bkt_sync *sync = ctx;
    if (event != BKT_EVENT_FAILED || !sync->callbacks.failed)
        return;
    char reason[512];
    (void)snprintf(reason, sizeof(reason), "%.*s", BKT_STR_ARG(text));
    sync->callbacks.failed(sync->callbacks.ctx, key.ptr, key.len, reason);
}

/* What the engine wants, done. */

static int start_read(struct bkt_sync *sync, const struct bkt_want *want, struct bkt_error *err)
{
    struct bkt_s3_get get = {
        .key = want->read.key,
        .if_none_match = want->read.if_none_match,
        .size_hint = want->read.size_hint,
        .id = want->id,
        .on_size = on_size,
        .on_object = on_object,
        .ctx = sync,
    };
    return bkt_s3_get(sync->bucket.s3, &get, err);
}

static int start_list(struct bkt_sync *sync, const struct bkt_want *want, struct bkt_error *err)
{
    struct bkt_s3_list list = {
        .prefix = want->list.prefix,
        .start_after = want->list.start_after,
        .token = want->list.token,
        .id = want->id,
        .on_page = on_page,
        .ctx = sync,
    };
    return bkt_s3_list(sync->bucket.s3, &list, err);
}

/* Until nothing more is wanted for now. */
static int serve(struct bkt_sync *sync, int64_t now_ms, struct bkt_error *err)
{
    for (;;) {
        struct bkt_want want;
        int rc = bkt_engine_next(sync->engine, now_ms, &want, err);
        if (rc)
            return rc;
        switch (want.kind) {
        case BKT_WANT_NOTHING:
            return BKT_OK;
        case BKT_WANT_LIST:
            rc = start_list(sync, &want, err);
            break;
        case BKT_WANT_READ:
            rc = start_read(sync, &want, err);
            break;
        case BKT_WANT_BUCKET:
            rc = bkt_s3_bucket(sync->bucket.s3, on_bucket, sync, err);
            break;
        case BKT_WANT_JOB:
            bkt_writer_give(sync->writer, want.job);
            break;
        }
        if (rc)
            return rc;
    }
}

static int sooner(int a, int b)
{
    if (a < 0)
        return b;
    return b < 0 || a < b ? a : b;
}

static struct bkt_counts counts_of(const struct bkt_sync *sync)
{
    struct bkt_counts counts = {
        .seconds = (double)(bkt_time_monotonic_ms() - sync->started_ms) / 1000,
    };
    if (sync->engine) {
        struct bkt_engine_counts engine = bkt_engine_counts(sync->engine);
        counts.listed = engine.listed;
        counts.matched = engine.matched;
        counts.added = engine.added;
        counts.updated = engine.updated;
        counts.deleted = engine.deleted;
        counts.unchanged = engine.unchanged;
        counts.failed = engine.failed;
        counts.bytes = engine.bytes;
    }
    struct bkt_s3_stats stats = bkt_s3_stats(sync->bucket.s3);
    counts.list_requests = stats.list_requests - sync->stats_before.list_requests;
    counts.get_requests = stats.get_requests - sync->stats_before.get_requests;
    counts.retries = stats.retries - sync->stats_before.retries;
    return counts;
}

static void show_progress(struct bkt_sync *sync, int64_t now_ms)
{
    if (!sync->callbacks.progress || now_ms < sync->progress_at_ms)
        return;
    struct bkt_counts counts = counts_of(sync);
    sync->callbacks.progress(sync->callbacks.ctx, &counts);
    sync->progress_at_ms = now_ms + PROGRESS_MS;
}

static int loop(struct bkt_sync *sync, struct bkt_error *err)
{
    for (;;) {
        int64_t now_ms = bkt_time_monotonic_ms();
        if (atomic_load(&sync->is_stopped))
            bkt_engine_stop(sync->engine);
        struct bkt_job *job;
        while ((job = bkt_writer_fetch(sync->writer)) != NULL)
            bkt_engine_job_done(sync->engine, job);
        bkt_s3_tick(sync->bucket.s3, now_ms);
        int rc = serve(sync, now_ms, err);
        if (rc)
            return rc;
        show_progress(sync, now_ms);
        if (bkt_engine_is_idle(sync->engine))
            return BKT_OK;
        int wait_ms = sooner(bkt_engine_wait_ms(sync->engine, now_ms),
                             bkt_s3_wait_ms(sync->bucket.s3, now_ms));
        if (sync->callbacks.progress)
            wait_ms = sooner(wait_ms, PROGRESS_MS);
        rc = bkt_http_run_once(sync->bucket.http, wait_ms, err);
        if (rc)
            return rc;
    }
}

static int start(struct bkt_sync *sync, struct bkt_error *err)
{
    const struct bkt_settings *settings = sync->settings;
    struct bkt_engine_options options = {
        .filter = sync->bucket.filter,
        .target = &sync->target,
        .policy = {.binary = settings->binary, .text_errors = settings->text_errors},
        .columns = settings->columns,
        .list_concurrency = settings->list_concurrency,
        .get_concurrency = settings->get_concurrency,
        .memory_limit = settings->memory_limit,
        .max_deletes = {settings->max_deletes.is_percent, settings->max_deletes.number},
        .on_event = on_event,
        .ctx = sync,
    };
    (void)!getrandom(&options.seed, sizeof(options.seed), 0);
    int rc = bkt_target_attach(settings, &sync->target, &options.attached, err);
    if (rc == BKT_OK)
        rc = bkt_engine_new(&options, &sync->engine, err);
    if (rc == BKT_OK)
        rc = bkt_writer_new(&sync->target, sync->bucket.http, &sync->writer, err);
    return rc;
}

int bkt_sync_run(struct bkt_sync *sync, struct bkt_counts *out_counts, struct bkt_error *err)
{
    sync->started_ms = bkt_time_monotonic_ms();
    sync->progress_at_ms = 0;
    sync->stats_before = bkt_s3_stats(sync->bucket.s3);
    int rc = start(sync, err);
    if (rc == BKT_OK) {
        bkt_engine_list(sync->engine);
        rc = loop(sync, err);
    }
    if (rc == BKT_OK && atomic_load(&sync->is_stopped))
        rc = bkt_error_set(err, BKT_ECANCELED, "stopped; what was committed is whole");
    *out_counts = counts_of(sync);
    bkt_writer_free(sync->writer);
    bkt_engine_free(sync->engine);
    sync->writer = NULL;
    sync->engine = NULL;
    return rc;
}
