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

enum { REDIS_NAME_BYTES_MAX = 1024 };

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

struct redis_channel;

struct redis_role_link {
    struct redis_channel *channel;
    struct bkt_redis_link *link;
    bool is_up;
};

struct redis_channel {
    struct bkt_redis_channel_options options;
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

    struct redis_role_link links[REDIS_ROLES];
    bool is_broken; /* a link went down: all are to be closed, outside its callback */
    bool was_up;    /* once: what fails now may pass */
    bool is_ready;
    bool had_gap;
    bool is_stopped;
    struct bkt_backoff backoff;

    /* The subscription; answers come in the order of the two requests. */
    unsigned subscribe_answers;
    bool is_subscribed;
    bool is_deaf; /* not allowed to */

    /* The key. */
    enum redis_mode mode;
    bool is_secret;
    bool is_asking_type;
    bool type_is_due;
    int64_t type_at_ms;

    struct bkt_envelope envelope;
    struct bkt_event_keys keys;
    struct bkt_held held;

    /* The list: redis_list.c. */
    bool has_old_commands; /* Redis before 6.2 */
    unsigned moves;        /* under way */
    unsigned moves_next;   /* how many to ask for together; 0: one that waits for an entry */
    bool moves_brought_all;
    bool may_take;        /* Redis has let us, so far */
    unsigned wrong_types; /* in a row */
    bool is_scanning_list;
    size_t list_scan_at;
    bool list_scan_goes_on;
    int64_t list_scan_at_ms;

    /* The hash: redis_hash.c. */
    struct bkt_redis_fields fields;
    bool has_baseline;
    bool is_scanning_hash; /* a look is under way */
    bool is_hash_asked;    /* for its next page */
    char cursor[32];
    bool is_hash_due; /* a notification has come */
    bool is_notified; /* they come at all */
    int64_t hash_scan_at_ms;
    int64_t hash_earliest_ms;
    bool wants_listing;       /* after a look that begins not before: */
    bool lists_after_look;    /* after the one under way */
    int64_t listing_after_ms; /* so that listings do not follow each other without a pause */
};

/* redis_channel.c */

/* Queue a command on the link of that role.  Its reply is not told when the link is lost. */
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

/* redis_key.c: what is at the key */
void redis_key_reset(struct redis_channel *channel);
void redis_key_ask(struct redis_channel *channel);
void redis_key_tick(struct redis_channel *channel, int64_t now_ms);
int redis_key_wait_ms(const struct redis_channel *channel, int64_t now_ms);

/* redis_pubsub.c */
void redis_pubsub_reset(struct redis_channel *channel);
void redis_pubsub_begin(struct redis_channel *channel);
void redis_pubsub_take(void *ctx, const struct redisReply *reply);

/* redis_list.c */
void redis_list_reset(struct redis_channel *channel);
void redis_list_tick(struct redis_channel *channel, int64_t now_ms);
int redis_list_wait_ms(const struct redis_channel *channel, int64_t now_ms);
void redis_list_settle_tick(struct redis_channel *channel);

/* redis_hash.c */
void redis_hash_reset(struct redis_channel *channel);
void redis_hash_tick(struct redis_channel *channel, int64_t now_ms);
void redis_hash_listed(void *self, bool found, int64_t took_ms, int64_t now_ms);
int redis_hash_wait_ms(const struct redis_channel *channel, int64_t now_ms);

#endif
