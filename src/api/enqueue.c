#include <bucketable/enqueue.h>

#include "api/look.h"
#include "api/sender.h"
#include "core/mem.h"
#include "core/time.h"
#include "events/notification.h"

#include <stdio.h>

enum { EVENT_BYTES_MAX = 64 << 10 };

struct bkt_enqueue {
    struct bkt_enqueue_options options;
    struct bkt_look look;
};

struct run {
    struct bkt_enqueue *enqueue;
    struct bkt_sender *sender;
};

static int check(const struct bkt_config *config, bool needs_target, struct bkt_error *err)
{
    unsigned parts = BKT_CONFIG_SOURCE | (needs_target ? BKT_CONFIG_TARGET : 0);
    int rc = bkt_config_check(config, parts, NULL, NULL, err);
    if (rc)
        return rc;
    if (!bkt_config_settings(config)->sqs_queue_url) {
        return bkt_error_set(err, BKT_ECONFIG,
                             "enqueue: no queue: name it with --sqs-queue-url URL, or "
                             "sqs_queue_url in the spec file");
    }
    return BKT_OK;
}

int bkt_enqueue_new(const struct bkt_config *config,
                    const struct bkt_enqueue_options *options,
                    struct bkt_enqueue **out_enqueue,
                    struct bkt_error *err)
{
    struct bkt_enqueue *enqueue = bkt_mem_calloc(1, sizeof(*enqueue));
    if (!enqueue)
        return bkt_error_set(err, BKT_ENOMEM, "prepare to enqueue: out of memory");
    if (options) {
        size_t size = sizeof(enqueue->options);
        memcpy(&enqueue->options, options, options->size < size ? options->size : size);
    }
    int rc = check(config, enqueue->options.only_changed, err);
    if (rc == BKT_OK)
        rc = bkt_look_open(&enqueue->look, config, err);
    if (rc) {
        bkt_enqueue_free(enqueue);
        return rc;
    }
    *out_enqueue = enqueue;
    return BKT_OK;
}

void bkt_enqueue_free(struct bkt_enqueue *enqueue)
{
    if (!enqueue)
        return;
    bkt_look_close(&enqueue->look);
    bkt_mem_free(enqueue);
}

void bkt_enqueue_stop(struct bkt_enqueue *enqueue)
{
    bkt_asker_stop(&enqueue->look.asker);
}

/* What is gone is left to the listing of whoever watches, and its guard. */
static int on_difference(void *ctx,
                         enum bkt_difference difference,
                         const struct bkt_object *object,
                         const struct bkt_state_row *row,
                         struct bkt_error *err)
{
    (void)row;
    const struct run *run = ctx;
    if (difference != BKT_DIFFERENCE_READ)
        return BKT_OK;
    const struct bkt_look *look = &run->enqueue->look;
    struct bkt_notification event = {
        .bucket = bkt_str_from(look->settings->bucket_name),
        .key = object->key,
        .region = bkt_str_from(bkt_s3_region(look->asker.bucket.s3)),
        .etag = object->etag,
        .size = object->size,
        .time_ms = bkt_time_wall_ms(),
    };
    struct bkt_buf body = BKT_BUF_INIT(EVENT_BYTES_MAX);
    int rc = bkt_notification_write(&body, &event);
    if (rc) {
        (void)bkt_error_set(err, rc, "write an event: %s", bkt_error_text(rc));
    } else {
        rc = bkt_sender_add(run->sender, &body, err);
    }
    bkt_buf_clear(&body);
    return rc;
}

/* Without a state every object that is a row counts as changed. */
static int walk(struct run *run, struct bkt_merge_counts *counts, struct bkt_error *err)
{
    struct bkt_look *look = &run->enqueue->look;
    if (!run->enqueue->options.only_changed)
        return bkt_walk_bucket(&look->asker, counts, on_difference, run, err);
    int rc = bkt_look_begin(look, err);
    if (rc == BKT_OK)
        rc = bkt_walk(&look->asker, &look->rules, &look->target, counts, on_difference, run, err);
    bkt_look_end(look);
    return rc;
}

static int run_enqueue(struct bkt_enqueue *enqueue,
                       struct bkt_enqueue_counts *out_counts,
                       struct bkt_error *err)
{
    struct run run = {.enqueue = enqueue};
    struct bkt_merge_counts counts = {0};
    struct bkt_enqueue_counts done = {0};
    int64_t started_ms = bkt_time_monotonic_ms();
    int rc = bkt_sender_new(&enqueue->look.asker, &run.sender, err);
    if (rc == BKT_OK)
        rc = walk(&run, &counts, err);
    if (rc == BKT_OK)
        rc = bkt_sender_flush(run.sender, err);
    done.listed = counts.listed;
    done.matched = counts.matched;
    if (run.sender) {
        struct bkt_sender_counts sent = bkt_sender_counts(run.sender);
        done.sent = sent.sent;
        done.failed = sent.failed;
        (void)snprintf(done.refusal, sizeof(done.refusal), "%s", bkt_sender_refusal(run.sender));
    }
    bkt_sender_free(run.sender);
    done.seconds = (double)(bkt_time_monotonic_ms() - started_ms) / 1000;
    *out_counts = done;
    return rc;
}

int bkt_enqueue_run(struct bkt_enqueue *enqueue,
                    struct bkt_enqueue_counts *out_counts,
                    struct bkt_error *err)
{
    int rc = bkt_guard_enter(&enqueue->look.asker.guard, "bkt_enqueue_run()", err);
    if (rc)
        return rc;
    rc = run_enqueue(enqueue, out_counts, err);
    bkt_guard_leave(&enqueue->look.asker.guard);
    return rc;
}
