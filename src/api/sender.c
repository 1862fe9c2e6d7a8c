#include "api/sender.h"

#include "core/backoff.h"
#include "core/mem.h"
#include "core/time.h"
#include "events/sqs_answer.h"

#include <stdio.h>
#include <sys/random.h>

enum { LANES = 16, BACKOFF_MS = 200, BACKOFF_MAX_MS = 5000, PAUSE_MAX_MS = 100 };

enum lane_state { LANE_OPEN, LANE_READY, LANE_FLYING };

/* A batch, from its first message to the answer that has all of it. */
struct lane {
    struct bkt_sender *sender;
    enum lane_state state;
    struct bkt_buf bodies[BKT_SQS_BATCH_MAX];
    size_t count;
    uint64_t call;
    struct bkt_backoff backoff;
    int64_t first_failed_ms; /* BKT_TIME_NONE: it has not */
};

struct bkt_sender {
    struct bkt_asker *asker;
    struct bkt_queue queue;
    struct lane lanes[LANES];
    struct bkt_sender_counts counts;
    char refusal[400];
    bool has_news; /* an answer has come */
    int rc;        /* the failure that ends it */
    struct bkt_error err;
};

int bkt_sender_new(struct bkt_asker *asker, struct bkt_sender **out_sender, struct bkt_error *err)
{
    struct bkt_sender *sender = bkt_mem_calloc(1, sizeof(*sender));
    if (!sender)
        return bkt_error_set(err, BKT_ENOMEM, "reach the queue: out of memory");
    sender->asker = asker;
    for (size_t i = 0; i < LANES; i++) {
        struct lane *lane = &sender->lanes[i];
        lane->sender = sender;
        lane->first_failed_ms = BKT_TIME_NONE;
        (void)!getrandom(&lane->backoff.seed, sizeof(lane->backoff.seed), 0);
    }
    int rc = bkt_queue_open(&sender->queue, asker, err);
    if (rc) {
        bkt_sender_free(sender);
        return rc;
    }
    *out_sender = sender;
    return BKT_OK;
}

static void empty(struct lane *lane)
{
    for (size_t i = 0; i < lane->count; i++)
        bkt_buf_clear(&lane->bodies[i]);
    lane->count = 0;
    lane->state = LANE_OPEN;
    lane->first_failed_ms = BKT_TIME_NONE;
    bkt_backoff_reset(&lane->backoff);
}

void bkt_sender_free(struct bkt_sender *sender)
{
    if (!sender)
        return;
    bkt_queue_close(&sender->queue);
    for (size_t i = 0; i < LANES; i++)
        empty(&sender->lanes[i]);
    bkt_mem_free(sender);
}

static void give_up(struct bkt_sender *sender, int rc, const struct bkt_error *err)
{
    if (sender->rc)
        return;
    sender->rc = rc;
    sender->err = *err;
}

/* Once more, unless it has been tried for long enough. */
static void try_later(struct lane *lane, const struct bkt_error *err)
{
    struct bkt_sender *sender = lane->sender;
    int64_t now_ms = bkt_time_monotonic_ms();
    if (lane->first_failed_ms == BKT_TIME_NONE)
        lane->first_failed_ms = now_ms;
    lane->state = LANE_READY;
    bkt_backoff_fail(&lane->backoff, BACKOFF_MS, BACKOFF_MAX_MS);
    if (now_ms - lane->first_failed_ms >= sender->asker->bucket.settings->retry_time)
        give_up(sender, err->code ? err->code : BKT_ENET, err);
}

/* Keep the messages that the queue has not got, and may still take. */
static void settle(struct lane *lane, const struct bkt_sqs_batch_result *result)
{
    struct bkt_sender *sender = lane->sender;
    size_t kept = 0;
    for (size_t i = 0; i < lane->count; i++) {
        struct bkt_buf body = lane->bodies[i];
        lane->bodies[i] = (struct bkt_buf){0};
        if (result->entries[i] == BKT_SQS_ENTRY_RETRY) {
            lane->bodies[kept++] = body;
            continue;
        }
        bool is_done = result->entries[i] == BKT_SQS_ENTRY_DONE;
        sender->counts.sent += is_done;
        sender->counts.failed += !is_done;
        if (!is_done && !sender->refusal[0]) {
            (void)snprintf(sender->refusal, sizeof(sender->refusal), "%s: %s", result->code,
                           result->message);
        }
        bkt_buf_clear(&body);
    }
    lane->count = kept;
    if (kept == 0) {
        empty(lane);
        return;
    }
    struct bkt_error err;
    (void)bkt_error_set(&err, BKT_ENET, "send to the queue: %s: %s", result->code, result->message);
    try_later(lane, &err);
}

static void on_done(void *ctx, const struct bkt_str *answer, const struct bkt_sqs_failure *failure)
{
    struct lane *lane = ctx;
    struct bkt_sender *sender = lane->sender;
    struct bkt_error err = {.code = BKT_OK};
    sender->has_news = true;
    lane->state = LANE_READY;
    if (failure && !failure->err.retriable) {
        give_up(sender, failure->err.code, &failure->err);
        return;
    }
    if (failure) {
        try_later(lane, &failure->err);
        return;
    }
    struct bkt_sqs_batch_result result;
    if (bkt_sqs_read_batch(*answer, lane->count, &result, &err)) {
        try_later(lane, &err);
    } else {
        settle(lane, &result);
    }
}

static int start(struct lane *lane, struct bkt_error *err)
{
    struct bkt_sender *sender = lane->sender;
    struct bkt_sqs_call call = {
        .action = BKT_SQS_SEND_BATCH,
        .body = BKT_BUF_INIT((size_t)4 * BKT_SQS_BODY_BYTES_MAX),
        .on_done = on_done,
        .ctx = lane,
    };
    struct bkt_str bodies[BKT_SQS_BATCH_MAX];
    for (size_t i = 0; i < lane->count; i++)
        bodies[i] = bkt_buf_str(&lane->bodies[i]);
    int rc = bkt_sqs_write_send(&call.body, bkt_sqs_client_queue_url(sender->queue.client), bodies,
                                lane->count);
    if (rc) {
        bkt_buf_clear(&call.body);
        return bkt_error_set(err, rc, "send to the queue: %s", bkt_error_text(rc));
    }
    struct bkt_sqs_failure failure;
    lane->state = LANE_FLYING;
    sender->counts.requests++;
    if (bkt_sqs_client_start(sender->queue.client, &call, &lane->call, &failure))
        on_done(lane, NULL, &failure);
    return BKT_OK;
}

static int start_ready(struct bkt_sender *sender, struct bkt_error *err)
{
    int64_t now_ms = bkt_time_monotonic_ms();
    for (size_t i = 0; i < LANES && sender->rc == BKT_OK; i++) {
        struct lane *lane = &sender->lanes[i];
        if (lane->state != LANE_READY || !bkt_backoff_is_over(&lane->backoff, now_ms))
            continue;
        int rc = start(lane, err);
        if (rc)
            return rc;
    }
    return BKT_OK;
}

/* Start what may be started, and let the loop turn until something is new. */
static int turn(struct bkt_sender *sender, struct bkt_error *err)
{
    int rc = start_ready(sender, err);
    if (rc == BKT_OK && sender->rc) {
        if (err)
            *err = sender->err;
        return sender->rc;
    }
    if (rc)
        return rc;
    for (size_t i = 0; i < LANES; i++) {
        if (sender->lanes[i].state == LANE_READY)
            return bkt_asker_pause(sender->asker, PAUSE_MAX_MS, err);
    }
    sender->has_news = false;
    return bkt_asker_wait(sender->asker, &sender->has_news, err);
}

/* The batch that is being filled; NULL when all are under way. */
static struct lane *open_lane(struct bkt_sender *sender)
{
    struct lane *open = NULL;
    for (size_t i = 0; i < LANES; i++) {
        struct lane *lane = &sender->lanes[i];
        if (lane->state == LANE_OPEN && (!open || lane->count > open->count))
            open = lane;
    }
    return open;
}

int bkt_sender_add(struct bkt_sender *sender, struct bkt_buf *body, struct bkt_error *err)
{
    struct lane *lane = open_lane(sender);
    while (!lane) {
        int rc = turn(sender, err);
        if (rc)
            return rc;
        lane = open_lane(sender);
    }
    lane->bodies[lane->count++] = *body;
    *body = BKT_BUF_INIT(body->max);
    if (lane->count < BKT_SQS_BATCH_MAX)
        return BKT_OK;
    lane->state = LANE_READY;
    return start_ready(sender, err);
}

static bool is_idle(const struct bkt_sender *sender)
{
    for (size_t i = 0; i < LANES; i++) {
        if (sender->lanes[i].count > 0)
            return false;
    }
    return true;
}

int bkt_sender_flush(struct bkt_sender *sender, struct bkt_error *err)
{
    struct lane *lane = open_lane(sender);
    if (lane && lane->count > 0)
        lane->state = LANE_READY;
    int rc = BKT_OK;
    while (rc == BKT_OK && !is_idle(sender))
        rc = turn(sender, err);
    return rc;
}

struct bkt_sender_counts bkt_sender_counts(const struct bkt_sender *sender)
{
    return sender->counts;
}

const char *bkt_sender_refusal(const struct bkt_sender *sender)
{
    return sender->refusal;
}
