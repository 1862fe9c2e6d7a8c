/*
 * A channel that tells which keys of the bucket may have changed: the socket that SQS, Redis and
 * MinIO's listen call implement.
 *
 * A channel receives messages, takes out the keys, hands them to its owner and keeps the message
 * until the owner settles it: all that it led to is durable.  Only then is it acknowledged.  An
 * event is a hint, never more: the owner reads each key.
 *
 * Threads: one, that of the loop (aws/http.h); callbacks run inside bkt_http_run_once() or tick().
 */
#ifndef EVENTS_CHANNEL_H
#define EVENTS_CHANNEL_H

#include "core/str.h"

#include <bucketable/error.h>

/* What the owner is told.  Views are valid until the callback returns. */
struct bkt_channel_owner {
    void *ctx;

    /* Messages are being received: what happens from now on will be told.  Also after trouble. */
    void (*ready)(void *ctx);

    /*
     * Keys of the bucket that one message names, each once; all of them are to be settled together
     * by `token`, which is never 0.
     */
    void (*changed)(void *ctx, uint64_t token, const struct bkt_str *keys, size_t count);

    /* Messages may have been lost: the bucket is to be listed. */
    void (*gap)(void *ctx);

    /*
     * It does not work (any more), or for another reason; NULL: it does again.  Once for each
     * change of state.  The channel goes on trying by itself, with back-off.  Before the first
     * ready() an error that is not `retriable` ends the program: it names what is missing.
     */
    void (*trouble)(void *ctx, const struct bkt_error *err);

    /* Something to know that is no trouble, each kind once: one printable line.  May be NULL. */
    void (*warn)(void *ctx, const char *line);
};

/* Counts of messages since the start. */
struct bkt_channel_stats {
    uint64_t received;
    uint64_t acknowledged;
    uint64_t irrelevant; /* test events, other buckets, nothing to do: acknowledged at once */
    uint64_t poison;     /* not understood, left to the queue's dead-letter policy */
    uint64_t unsettled;  /* now */
    int64_t depth;       /* messages that wait on the server, as it says; -1: not known */
};

/* Keys that may be unsettled at once; a channel receives no more beyond. */
enum { BKT_CHANNEL_UNSETTLED_MAX = 4000 };

struct bkt_channel_ops {
    const char *name; /* "sqs", "redis", "minio" */
    void (*tick)(void *self, int64_t now_ms);
    int (*wait_ms)(const void *self, int64_t now_ms); /* until the next tick is due; -1: none */

    /* All that the message led to is durable: acknowledge it. */
    void (*settle)(void *self, uint64_t token);

    /*
     * A listing has ended and took so long; `found`: rows changed of which no event had told.  A
     * channel that looks at a state now and then, rather than hearing of changes, asks for another
     * listing when it has looked once more: what came before this one and went after it would be
     * seen by neither look.  May be NULL.
     */
    void (*listed)(void *self, bool found, int64_t took_ms, int64_t now_ms);

    /* Receive no more; acknowledge what is settled. */
    void (*stop)(void *self);

    /* Nothing that was settled still waits for its acknowledgment. */
    bool (*is_drained)(const void *self);

    struct bkt_channel_stats (*stats)(const void *self);
    void (*free)(void *self);
};

struct bkt_channel {
    const struct bkt_channel_ops *ops;
    void *self;
};

#endif
