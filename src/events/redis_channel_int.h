/* The Redis channel's own state, shared by its files and nobody else. */
#ifndef EVENTS_REDIS_CHANNEL_INT_H
#define EVENTS_REDIS_CHANNEL_INT_H

#include "core/backoff.h"
#include "events/envelope.h"
#include "events/held.h"
#include "events/redis_channel.h"
#include "events/redis_fields.h"
#include "events/redis_link.h"
#include "events/trouble.h"

/* A connection each: a subscribed one takes no commands, a blocked one none in time. */
enum redis_role { REDIS_CONTROL, REDIS_LISTENER, REDIS_TAKER };
enum { REDIS_ROLES = 3 };

/* What is at the key. */
enum redis_mode {
    REDIS_UNKNOWN, /* not yet asked */
    REDIS_LIST,    /* or nothing, and then a list may come any time */
    REDIS_HASH,
    REDIS_NEITHER, /* something else, or a secret */
};

/* The subscriptions, two: answers come in the order of the requests. */
struct redis_pubsub {
    unsigned answers;
    bool is_subscribed; /* to the channel; else not allowed to be */
    bool hears_key;     /* what happens to the key, where Redis tells that */
};

/* The key: redis_key.c. */
struct redis_key {
    enum redis_mode mode;
    bool is_secret;
    bool is_asked;
    bool is_due; /* before its time */
    int64_t at_ms;
};

/* Entries to take, and entries that were left in work: redis_list.c. */
struct redis_list {
    bool has_old_commands; /* Redis before 6.2 */
    unsigned moves;        /* under way */
    unsigned moves_next;   /* how many to ask for together; 0: one that waits for an entry */
    bool moves_brought_all;
    bool may_take;        /* Redis has let us, so far */
    unsigned wrong_types; /* in a row */
    bool is_page_asked;
    size_t page_at;
    bool has_more_pages;
    bool left_one; /* in work, for want of memory */
    int64_t scan_at_ms;
};

/* Looks at all fields, compared with the one before: redis_hash.c. */
struct redis_hash {
    struct bkt_redis_fields fields;
    bool has_baseline;
    bool is_looking;
    bool is_page_asked;
    char cursor[32];
    bool is_due;              /* a notification has come */
    bool is_told;             /* Redis tells what happens to hashes */
    int64_t began_ms;         /* the look under way, or the last; BKT_TIME_NONE: there was none */
    bool wants_listing;       /* after a look that begins not before: */
    bool lists_after_look;    /* after the one under way */
    int64_t listing_after_ms; /* so that listings do not follow each other without a pause */
};

struct redis_channel {
    struct bkt_http *http;
    struct bkt_event_scope scope;
    struct bkt_channel_owner owner;
    struct bkt_channel_stats stats;
    struct bkt_trouble trouble;
    struct bkt_warned warned;
    struct bkt_redis_url url;
    char *ca_bundle;   /* or NULL */
    char *name;        /* the channel and the key */
    char *processing;  /* NAME:bucketable */
    char *poison;      /* NAME:bucketable:poison */
    char *notified_by; /* __keyspace@DB__:NAME */

    struct bkt_redis_link *links[REDIS_ROLES];
    bool is_broken; /* a link went down: all are to be closed, outside its callback */
    bool was_up;    /* once: what fails now may pass */
    bool is_ready;
    bool had_gap;
    bool is_stopped;
    struct bkt_backoff backoff;

    struct redis_pubsub pubsub;
    struct redis_key key;
    struct redis_list list;
    struct redis_hash hash;

    struct bkt_envelope envelope;
    struct bkt_event_keys keys;
    struct bkt_held held;
};

/* redis_channel.c */
bool redis_is_up(const struct redis_channel *channel, enum redis_role role);

/* Queue a command on a link that is up.  Its reply is not told when the link is lost. */
void redis_send(struct redis_channel *channel,
                enum redis_role role,
                const struct bkt_str *words,
                size_t count,
                bkt_redis_reply_fn *fn,
                uint64_t tag);

/* A refusal that leaves nothing to go on with: told, and all is tried again later. */
void redis_refused(struct redis_channel *channel, const char *what, const struct redisReply *reply);

enum redis_source { REDIS_FROM_PUBSUB, REDIS_FROM_LIST };

/* One message: what it leads to. */
void redis_take(struct redis_channel *channel, enum redis_source source, struct bkt_str payload);

/* Ready, once all that is to be followed is. */
void redis_check_ready(struct redis_channel *channel);

/* The parts.  `reset`: the links are closed; `begin`: its link is up, whose context is the channel.
 */
void redis_key_begin(void *ctx);
void redis_key_tick(struct redis_channel *channel, int64_t now_ms);
int redis_key_wait_ms(const struct redis_channel *channel, int64_t now_ms);

void redis_pubsub_begin(void *ctx);
void redis_pubsub_take(void *ctx, const struct redisReply *reply);

void redis_list_reset(struct redis_channel *channel);
void redis_list_tick(struct redis_channel *channel, int64_t now_ms);
int redis_list_wait_ms(const struct redis_channel *channel, int64_t now_ms);
void redis_list_settle_tick(struct redis_channel *channel);

void redis_hash_reset(struct redis_channel *channel);
void redis_hash_tick(struct redis_channel *channel, int64_t now_ms);
void redis_hash_listed(void *self, bool found, int64_t took_ms, int64_t now_ms);
int redis_hash_wait_ms(const struct redis_channel *channel, int64_t now_ms);

#endif
