#include "events/sqs_channel_int.h"

#include "core/time.h"

enum {
    LINGER_MS = 5,
    REQUEST_BYTES_MAX = 64 << 10, /* ten receipts of a kilobyte, and room */
    EXTEND_AGAIN_MS = 1000,
};

/* Batches. */

static struct sqs_batch *batch_begin(struct sqs_channel *channel, struct sqs_lane *lane)
{
    struct sqs_batch *batch = lane->batches;
    while (batch->count > 0)
        batch++;
    batch->channel = channel;
    lane->under_way++;
    return batch;
}

static void batch_end(struct sqs_batch *batch, struct sqs_lane *lane)
{
    batch->count = 0;
    lane->under_way--;
}

/* Deletions. */

static void after_delete(struct sqs_channel *channel,
                         uint64_t token,
                         enum bkt_sqs_entry_status status)
{
    struct bkt_held_message *message = bkt_held_get(&channel->held, token);
    if (!message)
        return;
    if (status == BKT_SQS_ENTRY_DONE && !message->came_again)
        channel->stats.acknowledged++;
    if (status == BKT_SQS_ENTRY_RETRY || message->came_again) {
        message->came_again = false;
        bkt_held_move(&channel->held, message, BKT_HELD_SETTLED, true);
        return;
    }
    /* A receipt that is refused is too old: the message has come again, or will. */
    bkt_held_drop(&channel->held, message);
}

static void delete_failed(struct sqs_channel *channel, const struct bkt_sqs_failure *failure)
{
    if (failure->err.code == BKT_EBUSY) {
        bkt_backoff_pause(&channel->deletions.backoff, SQS_CREDS_PAUSE_MS);
        return;
    }
    bkt_backoff_fail(&channel->deletions.backoff, SQS_BACKOFF_MS, SQS_BACKOFF_MAX_MS);
    bkt_trouble_on(&channel->trouble, &channel->owner, SQS_DELETING, failure->cause, &failure->err);
}

static void on_deleted(void *ctx,
                       const struct bkt_str *answer,
                       const struct bkt_sqs_failure *failure)
{
    struct sqs_batch *batch = ctx;
    struct sqs_channel *channel = batch->channel;
    struct bkt_sqs_batch_result result = {0}; /* all BKT_SQS_ENTRY_RETRY */
    struct bkt_sqs_failure garbled;
    if (answer && bkt_sqs_read_batch(*answer, batch->count, &result, &garbled.err) != BKT_OK) {
        bkt_sqs_client_garbled(channel->client, BKT_SQS_DELETE_BATCH, &garbled);
        failure = &garbled;
    }
    bool is_whole = true;
    for (size_t i = 0; i < batch->count; i++) {
        is_whole = is_whole && result.entries[i] != BKT_SQS_ENTRY_RETRY;
        after_delete(channel, batch->tokens[i], result.entries[i]);
    }
    batch_end(batch, &channel->deletions);
    if (failure) {
        delete_failed(channel, failure);
        return;
    }
    bkt_trouble_off(&channel->trouble, &channel->owner, SQS_DELETING);
    if (is_whole)
        bkt_backoff_reset(&channel->deletions.backoff);
    else
        bkt_backoff_fail(&channel->deletions.backoff, SQS_BACKOFF_MS, SQS_BACKOFF_MAX_MS);
}

static void start_delete(struct sqs_channel *channel)
{
    struct sqs_batch *batch = batch_begin(channel, &channel->deletions);
    struct bkt_str receipts[BKT_SQS_BATCH_MAX];
    struct bkt_held_message *message;
    while (batch->count < BKT_SQS_BATCH_MAX &&
           (message = channel->held.oldest[BKT_HELD_SETTLED]) != NULL) {
        receipts[batch->count] = (struct bkt_str){message->receipt, message->receipt_len};
        batch->tokens[batch->count++] = message->token;
        bkt_held_move(&channel->held, message, BKT_HELD_DELETING, false);
    }
    struct bkt_sqs_call call = {
        .action = BKT_SQS_DELETE_BATCH,
        .body = BKT_BUF_INIT(REQUEST_BYTES_MAX),
        .on_done = on_deleted,
        .ctx = batch,
    };
    struct bkt_sqs_failure failure;
    int rc = bkt_sqs_write_delete(&call.body, bkt_sqs_client_queue_url(channel->client), receipts,
                                  batch->count);
    if (sqs_start(channel, &call, rc, NULL, &failure) != BKT_OK)
        on_deleted(batch, NULL, &failure);
}

/*
 * What is settled in one commit goes together and at once.  While deletions are under way, a few
 * messages wait a little for company: the queue is busy, and ten cost no more than one.
 */
static bool may_delete(const struct sqs_channel *channel)
{
    size_t settled = channel->held.counts[BKT_HELD_SETTLED];
    unsigned under_way = channel->deletions.under_way;
    if (settled == 0 || under_way == SQS_BATCHES_MAX)
        return false;
    return under_way == 0 || settled >= BKT_SQS_BATCH_MAX;
}

static void tick_delete(struct sqs_channel *channel, int64_t now_ms)
{
    if (!bkt_backoff_is_over(&channel->deletions.backoff, now_ms))
        return;
    while (may_delete(channel) && !channel->deletions.backoff.is_waiting)
        start_delete(channel);

    if (channel->held.counts[BKT_HELD_SETTLED] == 0 ||
        channel->deletions.under_way == SQS_BATCHES_MAX) {
        channel->linger_until_ms = INT64_MAX;
    } else if (channel->linger_until_ms == INT64_MAX) {
        channel->linger_until_ms = now_ms + LINGER_MS;
    } else if (channel->linger_until_ms <= now_ms) {
        channel->linger_until_ms = INT64_MAX;
        start_delete(channel);
    }
}

static int delete_wait_ms(const struct sqs_channel *channel, int64_t now_ms)
{
    if (channel->held.counts[BKT_HELD_SETTLED] == 0)
        return -1;
    if (channel->deletions.backoff.is_waiting)
        return bkt_backoff_wait_ms(&channel->deletions.backoff, now_ms);
    if (channel->deletions.under_way == SQS_BATCHES_MAX)
        return -1;
    bool is_timed = channel->linger_until_ms != INT64_MAX;
    if (may_delete(channel) || !is_timed)
        return 0;
    return bkt_wait_until(channel->linger_until_ms, now_ms);
}

/* Visibility. */

static int64_t half_ms(const struct sqs_channel *channel)
{
    return channel->visibility_s * 1000 / 2;
}

/* Messages that came since the last tick: the time of their receive is about now. */
static void stamp_new(struct sqs_channel *channel, int64_t now_ms)
{
    struct bkt_held_message *message = channel->held.newest[BKT_HELD_UNSETTLED];
    for (; message && message->received_ms == BKT_TIME_NONE; message = message->older) {
        message->received_ms = now_ms;
        message->extend_ms = now_ms + half_ms(channel);
    }
}

static void after_extend(struct sqs_channel *channel,
                         uint64_t token,
                         enum bkt_sqs_entry_status status)
{
    struct bkt_held_message *message = bkt_held_get(&channel->held, token);
    if (!message || message->stage != BKT_HELD_UNSETTLED || status != BKT_SQS_ENTRY_RETRY)
        return;
    /* Before its time: half of the visibility is left for further attempts. */
    message->extend_ms = INT64_MIN;
    bkt_held_move(&channel->held, message, BKT_HELD_UNSETTLED, true);
}

static void on_extended(void *ctx,
                        const struct bkt_str *answer,
                        const struct bkt_sqs_failure *failure)
{
    struct sqs_batch *batch = ctx;
    struct sqs_channel *channel = batch->channel;
    struct bkt_sqs_batch_result result = {0};
    bool is_whole = answer && bkt_sqs_read_batch(*answer, batch->count, &result, NULL) == BKT_OK;
    if (failure && failure->fault == BKT_SQS_FAULT_DENIED && failure->err.code == BKT_ES3) {
        channel->cannot_extend = true;
        bkt_warn_once(&channel->warned, &channel->owner, "extend",
                      "%s (messages that take longer than %d s will come again)",
                      failure->err.message, (int)channel->visibility_s);
    }
    for (size_t i = 0; i < batch->count && !channel->cannot_extend; i++) {
        is_whole = is_whole && result.entries[i] != BKT_SQS_ENTRY_RETRY;
        after_extend(channel, batch->tokens[i], result.entries[i]);
    }
    batch_end(batch, &channel->extensions);
    if (is_whole)
        bkt_backoff_reset(&channel->extensions.backoff);
    else
        bkt_backoff_fail(&channel->extensions.backoff, EXTEND_AGAIN_MS, half_ms(channel) / 4 + 1);
}

/* Seconds from now for which SQS may still be asked; 0: its twelve hours are over. */
static unsigned extension_s(const struct sqs_channel *channel,
                            const struct bkt_held_message *message,
                            int64_t now_ms)
{
    int64_t left_s = BKT_SQS_VISIBILITY_S_MAX - (now_ms - message->received_ms) / 1000 - 1;
    if (left_s > channel->visibility_s)
        left_s = channel->visibility_s;
    return left_s > 0 ? (unsigned)left_s : 0;
}

static bool extension_is_due(const struct sqs_channel *channel, int64_t now_ms)
{
    const struct bkt_held_message *message = channel->held.oldest[BKT_HELD_UNSETTLED];
    return !channel->cannot_extend && message && message->extend_ms <= now_ms &&
           channel->extensions.under_way < SQS_BATCHES_MAX;
}

static void start_extend(struct sqs_channel *channel, int64_t now_ms)
{
    struct sqs_batch *batch = batch_begin(channel, &channel->extensions);
    struct bkt_held *held = &channel->held;
    struct bkt_str receipts[BKT_SQS_BATCH_MAX];
    unsigned least_s = (unsigned)channel->visibility_s;
    struct bkt_held_message *message;
    while (batch->count < BKT_SQS_BATCH_MAX && (message = held->oldest[BKT_HELD_UNSETTLED]) &&
           message->extend_ms <= now_ms) {
        unsigned seconds = extension_s(channel, message, now_ms);
        if (seconds == 0) {
            bkt_held_move(held, message, BKT_HELD_OVERDUE, false);
            continue;
        }
        least_s = seconds < least_s ? seconds : least_s;
        message->extend_ms = now_ms + half_ms(channel);
        receipts[batch->count] = (struct bkt_str){message->receipt, message->receipt_len};
        batch->tokens[batch->count++] = message->token;
        bkt_held_move(held, message, BKT_HELD_UNSETTLED, false);
    }
    if (batch->count == 0) {
        batch_end(batch, &channel->extensions);
        return;
    }
    struct bkt_sqs_call call = {
        .action = BKT_SQS_VISIBILITY_BATCH,
        .body = BKT_BUF_INIT(REQUEST_BYTES_MAX),
        .on_done = on_extended,
        .ctx = batch,
    };
    struct bkt_sqs_failure failure;
    int rc = bkt_sqs_write_visibility(&call.body, bkt_sqs_client_queue_url(channel->client),
                                      receipts, batch->count, least_s);
    if (sqs_start(channel, &call, rc, NULL, &failure) != BKT_OK)
        on_extended(batch, NULL, &failure);
}

static void tick_extend(struct sqs_channel *channel, int64_t now_ms)
{
    stamp_new(channel, now_ms);
    if (!bkt_backoff_is_over(&channel->extensions.backoff, now_ms))
        return;
    while (extension_is_due(channel, now_ms) && !channel->extensions.backoff.is_waiting)
        start_extend(channel, now_ms);
}

static int extend_wait_ms(const struct sqs_channel *channel, int64_t now_ms)
{
    const struct bkt_held_message *newest = channel->held.newest[BKT_HELD_UNSETTLED];
    if (newest && newest->received_ms == BKT_TIME_NONE)
        return 0;
    if (!newest || channel->cannot_extend || channel->extensions.under_way == SQS_BATCHES_MAX)
        return -1;
    if (channel->extensions.backoff.is_waiting)
        return bkt_backoff_wait_ms(&channel->extensions.backoff, now_ms);
    return bkt_wait_until(channel->held.oldest[BKT_HELD_UNSETTLED]->extend_ms, now_ms);
}

void sqs_settle_tick(struct sqs_channel *channel, int64_t now_ms)
{
    if (!channel->is_stopped)
        tick_extend(channel, now_ms);
    tick_delete(channel, now_ms);
}

int sqs_settle_wait_ms(const struct sqs_channel *channel, int64_t now_ms)
{
    int delete_ms = delete_wait_ms(channel, now_ms);
    return channel->is_stopped ? delete_ms
                               : bkt_wait_min(delete_ms, extend_wait_ms(channel, now_ms));
}
