/*
 * A channel of change events from an SQS queue.
 *
 * At first the queue's attributes are read, then a receive is made that does not wait: so a missing
 * queue or permission is told at once, and only then is the channel ready.  After that it polls
 * long, with more requests at a time while the queue is deep.
 *
 * A message goes when what it led to is settled, at once when it means nothing for this bucket,
 * and never when a record in it is not understood: the queue's dead-letter policy has it then.
 * Until it is settled it is kept invisible to others, for the twelve hours that SQS allows.
 */
#ifndef EVENTS_SQS_CHANNEL_H
#define EVENTS_SQS_CHANNEL_H

#include "events/channel.h"
#include "events/event_keys.h"
#include "events/sqs_client.h"

struct bkt_sqs_channel_options {
    struct bkt_sqs_client_options client;
    struct bkt_event_scope scope; /* copied */
    bool keep_foreign_messages;   /* events of other buckets are left on the queue */
    uint64_t seed;                /* of the back-off's jitter */
};

/* Fails as bkt_sqs_client_new() does; nothing is sent before the first tick. */
BKT_MUST_CHECK int bkt_sqs_channel_new(const struct bkt_sqs_channel_options *options,
                                       const struct bkt_channel_owner *owner,
                                       struct bkt_channel *out_channel,
                                       struct bkt_error *err);

#endif
