#include <bucketable/changes.h>

#include "api/config_int.h"
#include "api/feed.h"
#include "api/guard.h"
#include "api/into.h"
#include "core/mem.h"
#include "core/thread.h"

#include <string.h>

struct bkt_changes {
    struct bkt_guard guard;
    struct bkt_changes_options options;
    const struct bkt_log *log; /* for what no callback takes */
    struct bkt_target_ops ops;
    struct bkt_feed *feed;
    struct bkt_watch *watch;
    struct bkt_thread thread;
};

/* The watch's callbacks, on its thread: passed on to the caller's. */

static void on_warning(void *ctx, const char *message)
{
    struct bkt_changes *changes = ctx;
    bkt_feed_note(changes->feed, &(struct bkt_note){.kind = BKT_NOTE_WARNING, .message = message});
}

static void on_error(void *ctx, const char *message, const char *key, size_t key_len)
{
    struct bkt_changes *changes = ctx;
    struct bkt_note note = {
        .kind = BKT_NOTE_ERROR, .message = message, .key = key, .key_len = key_len};
    bkt_feed_note(changes->feed, &note);
}

static void on_ready(void *ctx)
{
    struct bkt_changes *changes = ctx;
    bkt_feed_note(changes->feed, &(struct bkt_note){.kind = BKT_NOTE_READY});
}

static void on_synced(void *ctx, const struct bkt_counts *counts)
{
    struct bkt_changes *changes = ctx;
    bkt_feed_note(changes->feed, &(struct bkt_note){.kind = BKT_NOTE_SYNCED, .counts = *counts});
}

static void on_progress(void *ctx, const struct bkt_counts *counts)
{
    struct bkt_changes *changes = ctx;
    bkt_feed_note(changes->feed, &(struct bkt_note){.kind = BKT_NOTE_PROGRESS, .counts = *counts});
}

static void tell(void *ctx, const struct bkt_note *note)
{
    const struct bkt_changes *changes = ctx;
    const struct bkt_changes_options *options = &changes->options;
    switch (note->kind) {
    case BKT_NOTE_WARNING:
        if (options->warning)
            options->warning(options->ctx, note->message);
        else
            bkt_log(changes->log, BKT_LOG_WARNING, "%s", note->message);
        break;
    case BKT_NOTE_ERROR:
        if (options->error)
            options->error(options->ctx, note->message, note->key, note->key_len);
        else
            bkt_log_of_key(changes->log, note->key ? BKT_LOG_WARNING : BKT_LOG_ERROR,
                           (struct bkt_str){note->key, note->key_len}, note->message);
        break;
    case BKT_NOTE_READY:
        if (options->ready)
            options->ready(options->ctx);
        break;
    case BKT_NOTE_SYNCED:
        if (options->synced)
            options->synced(options->ctx, &note->counts);
        break;
    case BKT_NOTE_PROGRESS:
        if (options->progress)
            options->progress(options->ctx, &note->counts);
        break;
    }
}

static void *run(void *ctx)
{
    struct bkt_changes *changes = ctx;
    struct bkt_error err = {0};
    int rc = bkt_watch_run(changes->watch, &err);
    bkt_feed_end(changes->feed, rc, &err);
    return NULL;
}

static int check(const struct bkt_config *config,
                 const struct bkt_changes_options *options,
                 struct bkt_error *err)
{
    const struct bkt_settings *settings = bkt_config_settings(config);
    bool has_events = settings->sqs_queue_url || settings->redis_url || settings->minio_listen;
    if (options->skips_first_listing && !has_events) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "follow changes without a first listing: nothing would ever come; set "
                             "sqs_queue_url, redis_url or minio_listen");
    }
    return BKT_OK;
}

static int start(struct bkt_changes *changes,
                 const struct bkt_config *config,
                 struct bkt_error *err)
{
    struct bkt_watch_callbacks callbacks = {
        .size = sizeof(callbacks),
        .ctx = changes,
        .warning = on_warning,
        .progress = changes->options.progress ? on_progress : NULL,
        .ready = on_ready,
        .synced = on_synced,
        .error = on_error,
    };
    struct bkt_into into = {
        .ops = &changes->ops,
        .state = bkt_config_settings(config)->state,
        .skips_listing = changes->options.skips_first_listing,
    };
    int rc = check(config, &changes->options, err);
    if (rc == BKT_OK)
        rc = bkt_feed_new(tell, changes, &changes->feed, err);
    if (rc)
        return rc;
    into.self = changes->feed;
    rc = bkt_watch_new_into(config, &callbacks, &into, &changes->watch, err);
    return rc ? rc : bkt_thread_start(&changes->thread, run, changes, "the changes", err);
}

int bkt_changes_open(const struct bkt_config *config,
                     const struct bkt_changes_options *options,
                     struct bkt_changes **out_changes,
                     struct bkt_error *err)
{
    struct bkt_changes *changes = bkt_mem_calloc(1, sizeof(*changes));
    if (!changes)
        return bkt_error_set(err, BKT_ENOMEM, "follow changes: out of memory");
    changes->log = &bkt_config_settings(config)->log;
    if (options) {
        size_t size = sizeof(changes->options);
        memcpy(&changes->options, options, options->size < size ? options->size : size);
    }
    changes->ops = bkt_feed_ops("changes", changes->options.group_max);
    int rc = start(changes, config, err);
    if (rc) {
        bkt_changes_close(changes);
        return rc;
    }
    *out_changes = changes;
    return BKT_OK;
}

static int take_change(struct bkt_changes *changes,
                       int timeout_ms,
                       const struct bkt_row **out_row,
                       uint64_t *out_id,
                       struct bkt_error *err)
{
    enum bkt_taken taken;
    const struct bkt_row *row = NULL;
    uint64_t id = 0;
    int rc = bkt_feed_take(changes->feed, timeout_ms, &taken, &row, &id, err);
    if (rc)
        return rc;
    if (taken == BKT_TAKEN_END)
        return bkt_error_set(err, BKT_ECANCELED, "stopped");
    *out_row = row;
    *out_id = id;
    return BKT_OK;
}

int bkt_changes_next(struct bkt_changes *changes,
                     int timeout_ms,
                     const struct bkt_row **out_row,
                     uint64_t *out_id,
                     struct bkt_error *err)
{
    int rc = bkt_guard_enter(&changes->guard, "bkt_changes_next()", err);
    if (rc)
        return rc;
    rc = take_change(changes, timeout_ms, out_row, out_id, err);
    bkt_guard_leave(&changes->guard);
    return rc;
}

int bkt_changes_ack(struct bkt_changes *changes, uint64_t id, struct bkt_error *err)
{
    return bkt_feed_ack(changes->feed, id, err);
}

void bkt_changes_stop(struct bkt_changes *changes)
{
    bkt_watch_stop(changes->watch);
    bkt_feed_cancel(changes->feed);
}

void bkt_changes_close(struct bkt_changes *changes)
{
    if (!changes)
        return;
    if (changes->watch) {
        bkt_changes_stop(changes);
        bkt_feed_leave(changes->feed);
    }
    bkt_thread_join(&changes->thread);
    bkt_watch_free(changes->watch);
    bkt_feed_free(changes->feed);
    bkt_mem_free(changes);
}
