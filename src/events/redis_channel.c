#include "events/redis_channel_int.h"

#include "core/mem.h"
#include "core/time.h"
#include "events/redis_reply.h"

#include <hiredis/hiredis.h>
#include <stdio.h>

enum {
    BACKOFF_MS = 1000,
    BACKOFF_MAX_MS = 30000,
};

/* Links. */

static void fail(struct redis_channel *channel, const char *cause, const struct bkt_error *why)
{
    channel->is_broken = true;
    struct bkt_error err = *why;
    err.retriable = err.retriable || channel->was_up;
    bkt_backoff_fail(&channel->backoff, BACKOFF_MS, BACKOFF_MAX_MS);
    bkt_trouble_on(&channel->trouble, &channel->owner, 0, cause, &err);
}

static void on_down(void *ctx, const char *cause, const struct bkt_error *err)
{
    struct redis_channel *channel = ctx;
    if (!channel->is_broken)
        fail(channel, cause, err);
}

void redis_refused(struct redis_channel *channel, const char *what, const struct redisReply *reply)
{
    if (channel->is_broken)
        return;
    struct bkt_error err = {0};
    if (reply->type == REDIS_REPLY_ERROR)
        bkt_redis_describe(&channel->url, what, reply, &err);
    else
        (void)bkt_error_set(&err, BKT_EPARSE, "%s: Redis at %s: an answer of another kind", what,
                            channel->url.place);
    if (bkt_redis_is_error(reply, "NOPERM")) {
        struct bkt_error said = err;
        (void)bkt_error_set(&err, said.code,
                            "%s; allow the user ~%s* &%s +ping +select +subscribe +type +llen "
                            "+blmove +lmove +lrange +lrem +rpush +ltrim +hscan",
                            said.message, channel->name, channel->name);
    }
    fail(channel, what, &err);
}

bool redis_is_up(const struct redis_channel *channel, enum redis_role role)
{
    return !channel->is_broken && channel->links[role] &&
           bkt_redis_link_is_up(channel->links[role]);
}

void redis_send(struct redis_channel *channel,
                enum redis_role role,
                const struct bkt_str *words,
                size_t count,
                bkt_redis_reply_fn *fn,
                uint64_t tag)
{
    if (redis_is_up(channel, role))
        bkt_redis_link_send(channel->links[role], words, count, fn, tag);
}

static void open_link(struct redis_channel *channel, enum redis_role role)
{
    static void (*const on_up[REDIS_ROLES])(void *) = {
        [REDIS_CONTROL] = redis_key_begin,
        [REDIS_LISTENER] = redis_pubsub_begin,
    };
    struct bkt_redis_link_options options = {
        .http = channel->http,
        .url = &channel->url,
        .ca_bundle = channel->ca_bundle,
        .ctx = channel,
        .on_up = on_up[role],
        .on_push = role == REDIS_LISTENER ? redis_pubsub_take : NULL,
        .on_down = on_down,
    };
    struct bkt_error err = {0};
    if (bkt_redis_link_new(&options, &channel->links[role], &err) != BKT_OK)
        fail(channel, bkt_error_name(err.code), &err);
}

static void close_link(struct redis_channel *channel, enum redis_role role)
{
    bkt_redis_link_free(channel->links[role]);
    channel->links[role] = NULL;
}

/* What is not known to have been done is done again. */
static void close_all(struct redis_channel *channel)
{
    for (int role = 0; role < REDIS_ROLES; role++)
        close_link(channel, (enum redis_role)role);
    channel->is_broken = false;
    channel->is_ready = false;
    channel->key = (struct redis_key){.mode = REDIS_UNKNOWN};
    channel->pubsub = (struct redis_pubsub){.answers = 0};
    redis_list_reset(channel);
    redis_hash_reset(channel);
    struct bkt_held_message *message;
    while ((message = channel->held.newest[BKT_HELD_DELETING]) != NULL)
        bkt_held_move(&channel->held, message, BKT_HELD_SETTLED, true);
}

/* All that is to be followed is. */
void redis_check_ready(struct redis_channel *channel)
{
    enum redis_mode mode = channel->key.mode;
    bool is_answered = channel->pubsub.answers == 2;
    bool is_followed = mode == REDIS_NEITHER || (mode == REDIS_LIST && channel->list.may_take) ||
                       (mode == REDIS_HASH && channel->hash.has_baseline);
    if (channel->is_ready || channel->is_broken || !is_answered || !is_followed)
        return;
    if (!channel->pubsub.is_subscribed && channel->key.is_secret) {
        struct bkt_error err = {0};
        int rc = bkt_error_set(&err, BKT_EIO,
                               "follow %s: Redis at %s allows neither SUBSCRIBE nor TYPE; allow "
                               "the user ~%s* &%s +@read +@write +@pubsub",
                               channel->name, channel->url.place, channel->name, channel->name);
        fail(channel, bkt_error_name(rc), &err);
        return;
    }
    bool is_again = channel->was_up;
    channel->is_ready = true;
    channel->was_up = true;
    bkt_backoff_reset(&channel->backoff);
    bkt_trouble_off(&channel->trouble, &channel->owner, 0);
    channel->owner.ready(channel->owner.ctx);
    if (is_again)
        channel->owner.gap(channel->owner.ctx);
}

/* Messages. */

static void count_poison(struct redis_channel *channel, enum redis_source source, const char *why)
{
    channel->stats.poison++;
    bkt_warn_once(&channel->warned, &channel->owner, why,
                  "a message of Redis at %s, %s, is not understood (%s); %s%s", channel->url.place,
                  channel->name, why,
                  source == REDIS_FROM_LIST ? "it is kept in the list " : "it is left alone",
                  source == REDIS_FROM_LIST ? channel->poison : "");
}

void redis_take(struct redis_channel *channel, enum redis_source source, struct bkt_str payload)
{
    struct bkt_envelope *envelope = &channel->envelope;
    struct bkt_event_keys *keys = &channel->keys;
    bool is_listed = source == REDIS_FROM_LIST;
    struct bkt_held_message *held = NULL;
    channel->stats.received++;
    int rc = bkt_envelope_read(envelope, payload, BKT_ENVELOPE_BODY_BYTES_MAX, BKT_KEY_QUEUED);
    if (rc == BKT_OK) {
        rc =
            bkt_event_keys_read(keys, envelope->list.events, envelope->list.count, &channel->scope);
    }
    if (rc == BKT_OK && envelope->is_poison)
        count_poison(channel, source, envelope->reason);
    if (rc == BKT_OK && keys->count == 0 && !envelope->is_poison)
        channel->stats.irrelevant++;
    if (rc == BKT_OK && keys->count == 0 && !is_listed)
        return;
    if (rc == BKT_OK) {
        rc = bkt_held_add(&channel->held, is_listed ? payload : BKT_STR(""), BKT_STR(""),
                          keys->count, &held);
    }
    if (rc && is_listed)
        channel->list.left_one = true;
    else if (rc)
        channel->had_gap = true; /* nobody keeps it */
    if (rc)
        return;
    held->is_kept = !is_listed;
    held->is_poison = is_listed && envelope->is_poison;
    if (keys->count > 0)
        channel->owner.changed(channel->owner.ctx, held->token, keys->keys, keys->count);
    else
        (void)bkt_held_settle(&channel->held, held->token);
}

/* The socket of events/channel.h. */

static void tick_links(struct redis_channel *channel, int64_t now_ms)
{
    bool wants_taker = channel->key.mode == REDIS_LIST && !channel->is_stopped;
    if (channel->is_stopped)
        close_link(channel, REDIS_LISTENER);
    if (!wants_taker && channel->links[REDIS_TAKER]) {
        close_link(channel, REDIS_TAKER);
        redis_list_reset(channel);
    }
    if (wants_taker && !channel->links[REDIS_TAKER])
        open_link(channel, REDIS_TAKER);
    if (channel->links[REDIS_LISTENER])
        bkt_redis_link_pause(channel->links[REDIS_LISTENER], !bkt_held_has_room(&channel->held));
    for (int role = 0; role < REDIS_ROLES; role++) {
        if (channel->links[role] && !channel->is_broken)
            bkt_redis_link_tick(channel->links[role], now_ms);
    }
}

static bool is_drained(const void *self)
{
    const struct redis_channel *channel = self;
    return bkt_held_is_drained(&channel->held);
}

static void tick(void *self, int64_t now_ms)
{
    struct redis_channel *channel = self;
    if (channel->is_broken)
        close_all(channel);
    if (!bkt_backoff_is_over(&channel->backoff, now_ms))
        return;
    if (channel->is_stopped && is_drained(channel)) {
        close_all(channel);
        return;
    }
    if (!channel->links[REDIS_CONTROL]) {
        open_link(channel, REDIS_CONTROL);
        if (!channel->is_stopped)
            open_link(channel, REDIS_LISTENER);
    }
    if (channel->had_gap && channel->is_ready) {
        channel->had_gap = false;
        channel->owner.gap(channel->owner.ctx);
    }
    if (!channel->is_stopped) {
        redis_key_tick(channel, now_ms);
        redis_list_tick(channel, now_ms);
        redis_hash_tick(channel, now_ms);
    }
    redis_list_settle_tick(channel);
    tick_links(channel, now_ms);
}

static int wait_ms(const void *self, int64_t now_ms)
{
    const struct redis_channel *channel = self;
    if (channel->is_broken)
        return 0;
    if (channel->backoff.is_waiting)
        return bkt_backoff_wait_ms(&channel->backoff, now_ms);
    if (channel->is_stopped && is_drained(channel))
        return channel->links[REDIS_CONTROL] ? 0 : -1;
    bool may_settle =
        redis_is_up(channel, REDIS_CONTROL) && channel->held.counts[BKT_HELD_SETTLED] > 0;
    if (!channel->links[REDIS_CONTROL] || may_settle)
        return 0;

    int wait = -1;
    for (int role = 0; role < REDIS_ROLES; role++) {
        if (channel->links[role])
            wait = bkt_wait_min(wait, bkt_redis_link_wait_ms(channel->links[role], now_ms));
    }
    if (channel->is_stopped)
        return wait;
    bool wants_taker = channel->key.mode == REDIS_LIST;
    if (wants_taker != (channel->links[REDIS_TAKER] != NULL))
        return 0;
    wait = bkt_wait_min(wait, redis_key_wait_ms(channel, now_ms));
    wait = bkt_wait_min(wait, redis_list_wait_ms(channel, now_ms));
    return bkt_wait_min(wait, redis_hash_wait_ms(channel, now_ms));
}

static void settle(void *self, uint64_t token)
{
    struct redis_channel *channel = self;
    channel->stats.acknowledged += bkt_held_settle(&channel->held, token);
}

static void stop(void *self)
{
    struct redis_channel *channel = self;
    channel->is_stopped = true;
}

static struct bkt_channel_stats stats(const void *self)
{
    const struct redis_channel *channel = self;
    struct bkt_channel_stats stats = channel->stats;
    stats.unsettled = bkt_held_unsettled(&channel->held);
    return stats;
}

static void channel_free(void *self)
{
    struct redis_channel *channel = self;
    if (!channel)
        return;
    for (int role = 0; role < REDIS_ROLES; role++)
        close_link(channel, (enum redis_role)role);
    bkt_held_clear(&channel->held);
    bkt_redis_fields_clear(&channel->hash.fields);
    bkt_envelope_clear(&channel->envelope);
    bkt_event_keys_clear(&channel->keys);
    bkt_event_scope_clear(&channel->scope);
    bkt_mem_free(channel->name);
    bkt_mem_free(channel->processing);
    bkt_mem_free(channel->poison);
    bkt_mem_free(channel->notified_by);
    bkt_mem_free(channel->ca_bundle);
    bkt_mem_wipe(&channel->url, sizeof(channel->url));
    bkt_mem_free(channel);
}

static char *join(const char *before, struct bkt_str name, const char *after)
{
    char text[BKT_REDIS_NAME_BYTES_MAX + 64];
    int len = snprintf(text, sizeof(text), "%s%.*s%s", before, BKT_STR_ARG(name), after);
    return bkt_mem_strdup(text, (size_t)len);
}

static int copy_names(struct redis_channel *channel,
                      const struct bkt_redis_channel_options *options)
{
    char keyspace[32];
    (void)snprintf(keyspace, sizeof(keyspace), "__keyspace@%u__:", channel->url.database);
    channel->name = join("", options->name, "");
    channel->processing = join("", options->name, ":bucketable");
    channel->poison = join("", options->name, ":bucketable:poison");
    channel->notified_by = join(keyspace, options->name, "");
    if (options->ca_bundle.len > 0)
        channel->ca_bundle = bkt_mem_strdup(options->ca_bundle.ptr, options->ca_bundle.len);
    bool is_whole = channel->name && channel->processing && channel->poison &&
                    channel->notified_by && (channel->ca_bundle || options->ca_bundle.len == 0);
    return is_whole ? BKT_OK : BKT_ENOMEM;
}

static int configure(struct redis_channel *channel,
                     const struct bkt_redis_channel_options *options,
                     struct bkt_error *err)
{
    int rc = bkt_redis_url_parse(options->url, options->default_password, &channel->url, err);
    if (rc == BKT_OK)
        rc = bkt_redis_name_check(options->name, err);
    if (rc)
        return rc;
    rc = copy_names(channel, options);
    if (rc == BKT_OK)
        rc = bkt_event_scope_copy(&options->scope, &channel->scope);
    return rc ? bkt_error_set(err, rc, "follow Redis: %s", bkt_error_text(rc)) : BKT_OK;
}

int bkt_redis_channel_new(const struct bkt_redis_channel_options *options,
                          const struct bkt_channel_owner *owner,
                          struct bkt_channel *out_channel,
                          struct bkt_error *err)
{
    static const struct bkt_channel_ops ops = {
        .name = "redis",
        .tick = tick,
        .wait_ms = wait_ms,
        .settle = settle,
        .listed = redis_hash_listed,
        .stop = stop,
        .is_drained = is_drained,
        .stats = stats,
        .free = channel_free,
    };
    struct redis_channel *channel = bkt_mem_calloc(1, sizeof(*channel));
    if (!channel)
        return bkt_error_set(err, BKT_ENOMEM, "follow Redis: out of memory");
    channel->http = options->http;
    channel->owner = *owner;
    channel->stats.depth = -1;
    channel->backoff.seed = options->seed;
    redis_list_reset(channel);
    redis_hash_reset(channel);
    int rc = configure(channel, options, err);
    if (rc) {
        channel_free(channel);
        return rc;
    }
    *out_channel = (struct bkt_channel){.ops = &ops, .self = channel};
    return BKT_OK;
}
