/* The SQS channel's own state, shared by its files and nobody else. */
#ifndef EVENTS_SQS_CHANNEL_INT_H
#define EVENTS_SQS_CHANNEL_INT_H

#include "core/backoff.h"
#include "events/envelope.h"
#include "events/held.h"
#include "events/sqs_answer.h"
#include "events/sqs_channel.h"
#include "events/trouble.h"

enum {
    SQS_BACKOFF_MS = 1000,
    SQS_BACKOFF_MAX_MS = 30000,
    SQS_CREDS_PAUSE_MS = 100, /* they are being fetched */
    SQS_RECEIVERS_MAX = 10,
    SQS_BATCHES_MAX = 8, /* of deletions, and of extensions, under way at once */
};

enum sqs_source { SQS_RECEIVING, SQS_DELETING };

struct sqs_channel;

/* A batch: what its answer will be about. */
struct sqs_batch {
    struct sqs_channel *channel;
    uint64_t tokens[BKT_SQS_BATCH_MAX];
    size_t count; /* 0: not under way */
};

/* Batches of one kind. */
struct sqs_lane {
    struct sqs_batch batches[SQS_BATCHES_MAX];
    unsigned under_way;
    struct bkt_backoff backoff;
};

struct sqs_channel {
    struct bkt_event_scope scope;
    bool keep_foreign_messages;
    struct bkt_channel_owner owner;
    struct bkt_sqs_client *client;
    struct bkt_channel_stats stats;
    struct bkt_trouble trouble;
    struct bkt_warned warned;
    bool is_stopped;

    /* The queue. */
    bool is_described; /* its attributes are known, or known to be secret */
    bool is_secret;
    uint64_t attributes_id;
    int64_t describe_at_ms; /* again, for its depth */
    int64_t visibility_s;
    bool tell_visibility; /* the queue's own is not known or no good */
    bool lacks_redrive;

    /* Receiving. */
    struct bkt_backoff receive_backoff;
    struct sqs_poll {
        struct sqs_channel *channel;
        uint64_t id; /* of the request under way, or 0 */
        bool is_long;
    } polls[SQS_RECEIVERS_MAX];
    unsigned poll_count;
    unsigned polls_wanted;
    bool is_proven; /* a receive was answered since the start or the last failure */
    struct bkt_sqs_messages messages;
    struct bkt_envelope envelope;
    struct bkt_event_keys keys;

    /* What is held, and the batches about it. */
    struct bkt_held held;
    struct sqs_lane deletions;
    struct sqs_lane extensions;
    bool cannot_extend;
    int64_t linger_until_ms; /* INT64_MAX: nothing waits for company */
};

/* sqs_channel.c: bkt_sqs_client_start(), where writing the body has returned `rc`. */
BKT_MUST_CHECK int sqs_start(struct sqs_channel *channel,
                             struct bkt_sqs_call *call,
                             int rc,
                             uint64_t *out_id,
                             struct bkt_sqs_failure *failure);

/* sqs_receive.c */
void sqs_receive_tick(struct sqs_channel *channel, int64_t now_ms);
int sqs_receive_wait_ms(const struct sqs_channel *channel, int64_t now_ms);
void sqs_receive_stop(struct sqs_channel *channel);

/* sqs_settle.c */
void sqs_settle_tick(struct sqs_channel *channel, int64_t now_ms);
int sqs_settle_wait_ms(const struct sqs_channel *channel, int64_t now_ms);

#endif
