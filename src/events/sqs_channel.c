#include "events/sqs_channel_int.h"

#include "core/mem.h"

#include <stdio.h>

int sqs_start(struct sqs_channel *channel,
              struct bkt_sqs_call *call,
              int rc,
              uint64_t *out_id,
              struct bkt_sqs_failure *failure)
{
    if (rc == BKT_OK)
        return bkt_sqs_client_start(channel->client, call, out_id, failure);
    bkt_buf_clear(&call->body);
    *failure = (struct bkt_sqs_failure){.fault = BKT_SQS_FAULT_TRANSIENT};
    (void)snprintf(failure->cause, sizeof(failure->cause), "%s", bkt_error_name(rc));
    (void)bkt_error_set(&failure->err, rc, "build a request: %s", bkt_error_text(rc));
    failure->err.retriable = true;
    return rc;
}

static void tick(void *self, int64_t now_ms)
{
    struct sqs_channel *channel = self;
    if (!channel->is_stopped)
        sqs_receive_tick(channel, now_ms);
    sqs_settle_tick(channel, now_ms);
}

static int wait_ms(const void *self, int64_t now_ms)
{
    const struct sqs_channel *channel = self;
    int receive_ms = channel->is_stopped ? -1 : sqs_receive_wait_ms(channel, now_ms);
    return bkt_wait_min(receive_ms, sqs_settle_wait_ms(channel, now_ms));
}

static void settle(void *self, uint64_t token)
{
    struct sqs_channel *channel = self;
    (void)bkt_held_settle(&channel->held, token);
}

static void stop(void *self)
{
    struct sqs_channel *channel = self;
    channel->is_stopped = true;
    sqs_receive_stop(channel);
}

static bool is_drained(const void *self)
{
    const struct sqs_channel *channel = self;
    return bkt_held_is_drained(&channel->held);
}

static struct bkt_channel_stats stats(const void *self)
{
    const struct sqs_channel *channel = self;
    struct bkt_channel_stats stats = channel->stats;
    stats.unsettled = bkt_held_unsettled(&channel->held);
    return stats;
}

static void channel_free(void *self)
{
    struct sqs_channel *channel = self;
    if (!channel)
        return;
    bkt_sqs_client_free(channel->client);
    bkt_held_clear(&channel->held);
    bkt_sqs_messages_clear(&channel->messages);
    bkt_envelope_clear(&channel->envelope);
    bkt_event_keys_clear(&channel->keys);
    bkt_event_scope_clear(&channel->scope);
    bkt_mem_free(channel);
}

int bkt_sqs_channel_new(const struct bkt_sqs_channel_options *options,
                        const struct bkt_channel_owner *owner,
                        struct bkt_channel *out_channel,
                        struct bkt_error *err)
{
    static const struct bkt_channel_ops ops = {
        .name = "sqs",
        .tick = tick,
        .wait_ms = wait_ms,
        .settle = settle,
        .stop = stop,
        .is_drained = is_drained,
        .stats = stats,
        .free = channel_free,
    };
    struct sqs_channel *channel = bkt_mem_calloc(1, sizeof(*channel));
    if (!channel)
        return bkt_error_set(err, BKT_ENOMEM, "open the queue: out of memory");
    channel->keep_foreign_messages = options->keep_foreign_messages;
    channel->owner = *owner;
    channel->stats.depth = -1;
    channel->polls_wanted = 1;
    channel->linger_until_ms = INT64_MAX;
    channel->receive_backoff.seed = options->seed;
    channel->deletions.backoff.seed = ~options->seed;
    channel->extensions.backoff.seed = options->seed ^ UINT32_MAX;

    int rc = bkt_event_scope_copy(&options->scope, &channel->scope);
    if (rc)
        (void)bkt_error_set(err, rc, "open the queue: %s", bkt_error_text(rc));
    if (rc == BKT_OK)
        rc = bkt_sqs_client_new(&options->client, &channel->client, err);
    if (rc) {
        channel_free(channel);
        return rc;
    }
    *out_channel = (struct bkt_channel){.ops = &ops, .self = channel};
    return BKT_OK;
}
