#include "events/sqs_channel_int.h"

#include "core/time.h"

enum {
    VISIBILITY_S = 30, /* SQS's own default */
    DESCRIBE_MS = 60000,
    REQUEST_BYTES_MAX = 16 << 10,
};

/* An attempt to receive, or to learn about the queue before, has failed. */
static void failed(struct sqs_channel *channel, const struct bkt_sqs_failure *failure)
{
    if (failure->err.code == BKT_EBUSY) {
        bkt_backoff_pause(&channel->receive_backoff, SQS_CREDS_PAUSE_MS);
        return;
    }
    channel->is_proven = false;
    channel->polls_wanted = 1;
    bkt_backoff_fail(&channel->receive_backoff, SQS_BACKOFF_MS, SQS_BACKOFF_MAX_MS);
    bkt_trouble_on(&channel->trouble, &channel->owner, SQS_RECEIVING, failure->cause,
                   &failure->err);
}

/* The queue's attributes. */

static void take_attributes(struct sqs_channel *channel, const struct bkt_sqs_queue *queue)
{
    bool is_usable = queue->visibility_s > 0;
    channel->visibility_s = is_usable ? queue->visibility_s : VISIBILITY_S;
    channel->tell_visibility = !is_usable;
    channel->lacks_redrive = !queue->has_redrive_policy;
    channel->stats.depth = queue->message_count;
    channel->is_described = true;
}

/* Receiving does not need them. */
static void go_on_without(struct sqs_channel *channel, const struct bkt_error *err)
{
    channel->is_secret = true;
    channel->is_described = true;
    channel->visibility_s = VISIBILITY_S;
    channel->tell_visibility = true;
    bkt_warn_once(&channel->warned, &channel->owner, "secret",
                  "%s (going on with a visibility of %d s)", err->message, VISIBILITY_S);
}

static void on_attributes(void *ctx,
                          const struct bkt_str *answer,
                          const struct bkt_sqs_failure *failure)
{
    struct sqs_channel *channel = ctx;
    struct bkt_sqs_queue queue = {0};
    struct bkt_sqs_failure garbled;
    channel->attributes_id = 0;
    if (answer && bkt_sqs_read_queue(*answer, &queue, &garbled.err) != BKT_OK) {
        bkt_sqs_client_garbled(channel->client, BKT_SQS_QUEUE_ATTRIBUTES, &garbled);
        failure = &garbled;
    }
    bool is_denied =
        failure && failure->fault == BKT_SQS_FAULT_DENIED && failure->err.code == BKT_ES3;
    if (!failure)
        take_attributes(channel, &queue);
    else if (channel->is_described)
        return; /* only the depth is missed */
    else if (is_denied)
        go_on_without(channel, &failure->err);
    else
        failed(channel, failure);
}

static void ask_attributes(struct sqs_channel *channel)
{
    struct bkt_sqs_call call = {
        .action = BKT_SQS_QUEUE_ATTRIBUTES,
        .body = BKT_BUF_INIT(REQUEST_BYTES_MAX),
        .on_done = on_attributes,
        .ctx = channel,
    };
    int rc = bkt_sqs_write_queue_attributes(&call.body, bkt_sqs_client_queue_url(channel->client));
    struct bkt_sqs_failure failure;
    if (sqs_start(channel, &call, rc, &channel->attributes_id, &failure) != BKT_OK)
        failed(channel, &failure);
}

static void tick_attributes(struct sqs_channel *channel, int64_t now_ms)
{
    if (channel->attributes_id || channel->is_secret)
        return;
    bool is_due = channel->is_proven && channel->describe_at_ms <= now_ms;
    if (channel->is_described && !is_due)
        return;
    channel->describe_at_ms = now_ms + DESCRIBE_MS;
    ask_attributes(channel);
}

/* One message. */

static void count_poison(struct sqs_channel *channel, const char *reason)
{
    channel->stats.poison++;
    bkt_warn_once(&channel->warned, &channel->owner, reason,
                  "a message of the queue %s is not understood (%s); it is left to the queue's "
                  "dead-letter policy%s",
                  bkt_sqs_client_queue_url(channel->client).ptr, reason,
                  channel->lacks_redrive ? ", of which the queue has none" : "");
}

/*
 * The same message while it is held: its keys are known, and the newest receipt is the one that
 * counts.  A message that is being deleted with an older one may survive that.
 */
static void take_again(struct sqs_channel *channel,
                       struct bkt_held_message *held,
                       struct bkt_str receipt)
{
    if (bkt_held_renew(held, receipt) != BKT_OK)
        return; /* the old one stays; at worst the message comes again */
    held->came_again = held->stage == BKT_HELD_DELETING;
    if (held->stage == BKT_HELD_UNSETTLED || held->stage == BKT_HELD_OVERDUE) {
        held->received_ms = BKT_TIME_NONE;
        bkt_held_move(&channel->held, held, BKT_HELD_UNSETTLED, false);
    }
}

/* What cannot be held for lack of memory comes again when its visibility has run out. */
static void hold(struct sqs_channel *channel, const struct bkt_sqs_message *message, bool is_kept)
{
    const struct bkt_event_keys *keys = &channel->keys;
    struct bkt_held_message *held;
    if (bkt_held_add(&channel->held, message->id, message->receipt, keys->count, &held) != BKT_OK)
        return;
    held->is_kept = is_kept;
    if (keys->count > 0) {
        channel->owner.changed(channel->owner.ctx, held->token, keys->keys, keys->count);
        return;
    }
    channel->stats.irrelevant++;
    (void)bkt_held_settle(&channel->held, held->token);
}

static void take(struct sqs_channel *channel, const struct bkt_sqs_message *message)
{
    struct bkt_envelope *envelope = &channel->envelope;
    channel->stats.received++;
    struct bkt_held_message *held = bkt_held_find(&channel->held, message->id);
    if (held) {
        take_again(channel, held, message->receipt);
        return;
    }
    if (message->is_damaged) {
        count_poison(channel, "its body does not have the MD5 sum that SQS tells");
        return;
    }
    if (bkt_envelope_read(envelope, message->body, BKT_ENVELOPE_BODY_BYTES_MAX, BKT_KEY_QUEUED) !=
            BKT_OK ||
        bkt_event_keys_read(&channel->keys, envelope->list.events, envelope->list.count,
                            &channel->scope) != BKT_OK)
        return;

    bool is_left = channel->keep_foreign_messages && channel->keys.has_foreign;
    if (envelope->is_poison)
        count_poison(channel, envelope->reason);
    bool is_kept = envelope->is_poison || is_left;
    if (channel->keys.count > 0 || !is_kept)
        hold(channel, message, is_kept);
}

/* Polls. */

static void prove(struct sqs_channel *channel)
{
    bkt_backoff_reset(&channel->receive_backoff);
    if (channel->is_proven)
        return;
    channel->is_proven = true;
    bkt_trouble_off(&channel->trouble, &channel->owner, SQS_RECEIVING);
    channel->owner.ready(channel->owner.ctx);
}

/* Full answers mean that more is there; empty ones that one poll waits as well as many. */
static void adapt(struct sqs_channel *channel, size_t count)
{
    if (count >= BKT_SQS_BATCH_MAX)
        channel->polls_wanted *= 2;
    else if (count == 0)
        channel->polls_wanted = 1;
    if (channel->polls_wanted > SQS_RECEIVERS_MAX)
        channel->polls_wanted = SQS_RECEIVERS_MAX;
}

static void take_answer(struct sqs_channel *channel, struct bkt_str answer)
{
    struct bkt_sqs_failure garbled;
    struct bkt_sqs_messages *messages = &channel->messages;
    if (bkt_sqs_read_messages(answer, messages, &garbled.err) != BKT_OK) {
        bkt_sqs_client_garbled(channel->client, BKT_SQS_RECEIVE, &garbled);
        failed(channel, &garbled);
        return;
    }
    prove(channel);
    adapt(channel, messages->count);
    for (size_t i = 0; i < messages->bad_count; i++) {
        channel->stats.received++;
        count_poison(channel, "it came without body or receipt");
    }
    for (size_t i = 0; i < messages->count; i++)
        take(channel, &messages->messages[i]);
}

static void on_poll(void *ctx, const struct bkt_str *answer, const struct bkt_sqs_failure *failure)
{
    struct sqs_poll *poll = ctx;
    struct sqs_channel *channel = poll->channel;
    poll->id = 0;
    channel->poll_count--;
    if (answer)
        take_answer(channel, *answer);
    else
        failed(channel, failure);
}

/*
 * One poll at a time waits.  The others are for a deep queue, and find at once that it no longer
 * is: when we end while a server still thinks about a poll, it may give messages to nobody.
 */
static bool should_wait(const struct sqs_channel *channel)
{
    for (size_t i = 0; i < SQS_RECEIVERS_MAX; i++) {
        if (channel->polls[i].id && channel->polls[i].is_long)
            return false;
    }
    return channel->is_proven;
}

static void start_poll(struct sqs_channel *channel, struct sqs_poll *poll)
{
    poll->channel = channel;
    poll->is_long = should_wait(channel);
    struct bkt_sqs_receive receive = {
        .messages_max = BKT_SQS_BATCH_MAX,
        .wait_s = poll->is_long ? BKT_SQS_WAIT_S_MAX : 0,
        .visibility_s = channel->tell_visibility ? (int)channel->visibility_s : -1,
    };
    struct bkt_sqs_call call = {
        .action = BKT_SQS_RECEIVE,
        .body = BKT_BUF_INIT(REQUEST_BYTES_MAX),
        .wait_s = receive.wait_s,
        .on_done = on_poll,
        .ctx = poll,
    };
    int rc = bkt_sqs_write_receive(&call.body, bkt_sqs_client_queue_url(channel->client), &receive);
    struct bkt_sqs_failure failure;
    if (sqs_start(channel, &call, rc, &poll->id, &failure) == BKT_OK)
        channel->poll_count++;
    else
        failed(channel, &failure);
}

/* There is room for what one more poll may bring, when messages name a key each. */
static bool wants_poll(const struct sqs_channel *channel)
{
    return channel->is_described && channel->poll_count < channel->polls_wanted &&
           bkt_held_has_room(&channel->held);
}

void sqs_receive_tick(struct sqs_channel *channel, int64_t now_ms)
{
    if (!bkt_backoff_is_over(&channel->receive_backoff, now_ms))
        return;
    tick_attributes(channel, now_ms);
    for (size_t i = 0; i < SQS_RECEIVERS_MAX && wants_poll(channel); i++) {
        if (!channel->polls[i].id && !channel->receive_backoff.is_waiting)
            start_poll(channel, &channel->polls[i]);
    }
}

int sqs_receive_wait_ms(const struct sqs_channel *channel, int64_t now_ms)
{
    if (channel->receive_backoff.is_waiting)
        return bkt_backoff_wait_ms(&channel->receive_backoff, now_ms);
    if (wants_poll(channel) || (!channel->is_described && !channel->attributes_id))
        return 0;
    if (channel->is_secret || channel->attributes_id || !channel->is_proven)
        return -1;
    return bkt_wait_until(channel->describe_at_ms, now_ms);
}

void sqs_receive_stop(struct sqs_channel *channel)
{
    for (size_t i = 0; i < SQS_RECEIVERS_MAX; i++) {
        if (channel->polls[i].id)
            bkt_sqs_client_cancel(channel->client, channel->polls[i].id);
        channel->polls[i].id = 0;
    }
    channel->poll_count = 0;
    if (channel->attributes_id)
        bkt_sqs_client_cancel(channel->client, channel->attributes_id);
    channel->attributes_id = 0;
}
