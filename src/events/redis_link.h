/*
 * One connection to Redis: TCP, TLS or a unix socket; login and database; commands and their
 * replies, in pipelines.
 *
 * Debian's hiredis knows no TLS, and none knows our loop: so hiredis only reads replies here, and
 * the bytes go through a socket of ours and, for rediss://, OpenSSL between two memory buffers.
 *
 * A link that has gone down stays down; its owner frees it and makes another.  It may be freed in
 * no callback of its own.
 *
 * Threads: one, that of the loop.
 */
#ifndef EVENTS_REDIS_LINK_H
#define EVENTS_REDIS_LINK_H

#include "aws/http.h"
#include "events/redis_url.h"

struct redisReply;
struct bkt_redis_link;

/* A command's reply; NULL when the link went down before.  Errors are replies too. */
typedef void bkt_redis_reply_fn(void *ctx, uint64_t tag, const struct redisReply *reply);

struct bkt_redis_link_options {
    struct bkt_http *http;           /* borrowed */
    const struct bkt_redis_url *url; /* borrowed, as long as the link lives */
    const char *ca_bundle;           /* for TLS; NULL: the system's */
    void *ctx;

    /* Logged in, and the database chosen.  May be NULL. */
    void (*on_up)(void *ctx);

    /* A reply that no command waits for: messages of a subscription.  May be NULL. */
    void (*on_push)(void *ctx, const struct redisReply *reply);

    /* Not (any more); commands have been told.  `retriable`: it may pass by itself. */
    void (*on_down)(void *ctx, const char *cause, const struct bkt_error *err);
};

BKT_MUST_CHECK int bkt_redis_link_new(const struct bkt_redis_link_options *options,
                                      struct bkt_redis_link **out_link,
                                      struct bkt_error *err);

/* NULL is fine.  Nothing is called back. */
void bkt_redis_link_free(struct bkt_redis_link *link);

/* Send what has been queued; notice silence.  The first tick connects. */
void bkt_redis_link_tick(struct bkt_redis_link *link, int64_t now_ms);
int bkt_redis_link_wait_ms(const struct bkt_redis_link *link, int64_t now_ms);

/* Commands may be sent: from on_up() to on_down(). */
bool bkt_redis_link_is_up(const struct bkt_redis_link *link);

/*
 * Queue a command on a link that is up, or has been (then nothing is sent).  `fn` NULL: it
 * subscribes, its reply is a push.  The link goes down when memory is out, so that only replies
 * need to be looked at.
 */
void bkt_redis_link_send(struct bkt_redis_link *link,
                         const struct bkt_str *words,
                         size_t count,
                         bkt_redis_reply_fn *fn,
                         uint64_t tag);

/* Read no more from the socket for now: the peer waits, or loses patience. */
void bkt_redis_link_pause(struct bkt_redis_link *link, bool is_paused);

#endif
