#include <bucketable/rows.h>

#include "api/feed.h"
#include "api/guard.h"
#include "api/into.h"
#include "api/rows_int.h"
#include "core/mem.h"
#include "core/thread.h"

#include <string.h>

struct bkt_rows {
    struct bkt_guard guard;
    struct bkt_rows_options options;
    const struct bkt_log *log; /* for what no callback takes */
    struct bkt_target_ops ops;
    struct bkt_feed *feed;
    struct bkt_sync *sync; /* in any order: a sync into the feed, with a state for the time being */
    struct bkt_asker asker; /* in key order */
    bool is_open;
    struct bkt_thread thread;
    uint64_t id; /* of the row that the caller looks at; 0: none */
};

/* On the library's thread: passed on to the caller's. */

static void on_warning(void *ctx, const char *message)
{
    struct bkt_rows *rows = ctx;
    bkt_feed_note(rows->feed, &(struct bkt_note){.kind = BKT_NOTE_WARNING, .message = message});
}

static void on_failed(void *ctx, const char *key, size_t key_len, const char *reason)
{
    struct bkt_rows *rows = ctx;
    struct bkt_note note = {
        .kind = BKT_NOTE_ERROR, .message = reason, .key = key, .key_len = key_len};
    bkt_feed_note(rows->feed, &note);
}

static void on_progress(void *ctx, const struct bkt_counts *counts)
{
    struct bkt_rows *rows = ctx;
    bkt_feed_note(rows->feed, &(struct bkt_note){.kind = BKT_NOTE_PROGRESS, .counts = *counts});
}

static void tell(void *ctx, const struct bkt_note *note)
{
    const struct bkt_rows *rows = ctx;
    const struct bkt_rows_options *options = &rows->options;
    struct bkt_str key = {note->key, note->key_len};
    if (note->kind == BKT_NOTE_WARNING && options->warning)
        options->warning(options->ctx, note->message);
    else if (note->kind == BKT_NOTE_ERROR && options->failed)
        options->failed(options->ctx, note->key, note->key_len, note->message);
    else if (note->kind != BKT_NOTE_PROGRESS)
        bkt_log_of_key(rows->log, BKT_LOG_WARNING, key, note->message);
    if (note->kind == BKT_NOTE_PROGRESS && options->progress)
        options->progress(options->ctx, &note->counts);
}

static void *run(void *ctx)
{
    struct bkt_rows *rows = ctx;
    struct bkt_error err = {0};
    struct bkt_counts counts;
    int rc = rows->sync ? bkt_sync_run(rows->sync, &counts, &err)
                        : bkt_rows_walk_ordered(&rows->asker, rows->feed, &err);
    bkt_feed_end(rows->feed, rc, &err);
    return NULL;
}

static int open_sync(struct bkt_rows *rows, const struct bkt_config *config, struct bkt_error *err)
{
    struct bkt_sync_callbacks callbacks = {
        .size = sizeof(callbacks),
        .ctx = rows,
        .warning = on_warning,
        .progress = rows->options.progress ? on_progress : NULL,
        .failed = on_failed,
    };
    struct bkt_into into = {.ops = &rows->ops, .self = rows->feed};
    return bkt_sync_new_into(config, &callbacks, &into, &rows->sync, err);
}

static int start(struct bkt_rows *rows, const struct bkt_config *config, struct bkt_error *err)
{
    int rc = bkt_feed_new(tell, rows, &rows->feed, err);
    if (rc)
        return rc;
    if (rows->options.order == BKT_ROWS_KEY_ORDER) {
        rc = bkt_config_check(config, BKT_CONFIG_SOURCE, on_warning, rows, err);
        if (rc == BKT_OK)
            rc = bkt_asker_open(&rows->asker, config, err);
        rows->is_open = rc == BKT_OK;
    } else {
        rc = open_sync(rows, config, err);
    }
    return rc ? rc : bkt_thread_start(&rows->thread, run, rows, "the rows", err);
}

int bkt_rows_open(const struct bkt_config *config,
                  const struct bkt_rows_options *options,
                  struct bkt_rows **out_rows,
                  struct bkt_error *err)
{
    struct bkt_rows *rows = bkt_mem_calloc(1, sizeof(*rows));
    if (!rows)
        return bkt_error_set(err, BKT_ENOMEM, "open the rows: out of memory");
    rows->log = &bkt_config_settings(config)->log;
    if (options) {
        size_t size = sizeof(rows->options);
        memcpy(&rows->options, options, options->size < size ? options->size : size);
    }
    rows->ops = bkt_feed_ops("rows", 0);
    int rc = start(rows, config, err);
    if (rc) {
        bkt_rows_close(rows);
        return rc;
    }
    *out_rows = rows;
    return BKT_OK;
}

int bkt_rows_next(struct bkt_rows *rows, const struct bkt_row **out_row, struct bkt_error *err)
{
    bool is_end;
    return bkt_rows_poll(rows, -1, out_row, &is_end, err);
}

static int poll_rows(struct bkt_rows *rows,
                     int timeout_ms,
                     const struct bkt_row **out_row,
                     bool *out_is_end,
                     struct bkt_error *err)
{
    enum bkt_taken taken;
    const struct bkt_row *row = NULL;
    if (rows->id > 0) {
        int rc = bkt_feed_ack(rows->feed, rows->id, err);
        rows->id = 0;
        if (rc)
            return rc;
    }
    int rc = bkt_feed_take(rows->feed, timeout_ms, &taken, &row, &rows->id, err);
    if (rc)
        return rc;
    *out_row = row;
    *out_is_end = taken == BKT_TAKEN_END;
    return BKT_OK;
}

int bkt_rows_poll(struct bkt_rows *rows,
                  int timeout_ms,
                  const struct bkt_row **out_row,
                  bool *out_is_end,
                  struct bkt_error *err)
{
    int rc = bkt_guard_enter(&rows->guard, "bkt_rows_poll()", err);
    if (rc)
        return rc;
    rc = poll_rows(rows, timeout_ms, out_row, out_is_end, err);
    bkt_guard_leave(&rows->guard);
    return rc;
}

void bkt_rows_stop(struct bkt_rows *rows)
{
    if (rows->sync)
        bkt_sync_stop(rows->sync);
    if (rows->is_open)
        bkt_asker_stop(&rows->asker);
    bkt_feed_cancel(rows->feed);
}

void bkt_rows_close(struct bkt_rows *rows)
{
    if (!rows)
        return;
    if (rows->feed) {
        bkt_rows_stop(rows);
        bkt_feed_leave(rows->feed);
    }
    bkt_thread_join(&rows->thread);
    bkt_sync_free(rows->sync);
    if (rows->is_open)
        bkt_asker_close(&rows->asker);
    bkt_feed_free(rows->feed);
    bkt_mem_free(rows);
}
