/*
 * What is at the key of the channel's name: a list, a hash, or something else.  It is asked again
 * now and then, since the key may come, or become another.
 */
#include "events/redis_channel_int.h"

#include "core/time.h"
#include "events/redis_reply.h"

#include <hiredis/hiredis.h>

enum {
    TYPE_MS = 3000,
    TYPE_KNOWN_MS = 9000, /* a hash rarely becomes a list */
};

static void on_depth(void *ctx, uint64_t tag, const struct redisReply *reply)
{
    (void)tag;
    struct redis_channel *channel = ctx;
    if (reply && reply->type == REDIS_REPLY_INTEGER)
        channel->stats.depth = reply->integer;
}

static void on_type(void *ctx, uint64_t tag, const struct redisReply *reply)
{
    (void)tag;
    struct redis_channel *channel = ctx;
    channel->key.is_asked = false;
    channel->key.is_due = false;
    if (!reply)
        return;
    if (bkt_redis_is_error(reply, "NOPERM")) {
        channel->key.mode = REDIS_NEITHER;
        channel->key.is_secret = true;
        bkt_warn_once(&channel->warned, &channel->owner, "secret",
                      "Redis at %s does not tell what the key %s is (%s); only "
                      "pub/sub is followed",
                      channel->url.place, channel->name, reply->str);
    } else if (reply->type != REDIS_REPLY_STATUS) {
        redis_refused(channel, "ask for the type of the key", reply);
        return;
    } else if (strcmp(reply->str, "hash") == 0) {
        /* One that was not there before: all that is in it has come since. */
        channel->hash.has_baseline = channel->hash.has_baseline || channel->key.mode == REDIS_LIST;
        channel->key.mode = REDIS_HASH;
    } else if (strcmp(reply->str, "list") == 0) {
        channel->key.mode = REDIS_LIST;
    } else if (strcmp(reply->str, "none") != 0) {
        channel->key.mode = REDIS_NEITHER;
        bkt_warn_once(&channel->warned, &channel->owner, reply->str,
                      "the key %s of Redis at %s is a %s, neither list nor hash; "
                      "only pub/sub is followed",
                      channel->name, channel->url.place, reply->str);
    } else if (channel->key.mode != REDIS_HASH) {
        channel->key.mode =
            REDIS_LIST; /* an emptied hash is still one, for what has gone from it */
    }
    redis_check_ready(channel);
}

static void ask_type(struct redis_channel *channel)
{
    channel->key.is_asked = true;
    struct bkt_str key = bkt_str_from(channel->name);
    struct bkt_str type[2] = {BKT_STR("TYPE"), key};
    redis_send(channel, REDIS_CONTROL, type, 2, on_type, 0);
    if (channel->key.mode == REDIS_LIST) {
        struct bkt_str depth[2] = {BKT_STR("LLEN"), key};
        redis_send(channel, REDIS_CONTROL, depth, 2, on_depth, 0);
    }
}

/* K with h, or with all: then each change of the hash is published. */
static void on_notify_flags(void *ctx, uint64_t tag, const struct redisReply *reply)
{
    (void)tag;
    struct redis_channel *channel = ctx;
    if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        reply->element[1]->type != REDIS_REPLY_STRING)
        return; /* not allowed to know: polling does */
    const char *flags = reply->element[1]->str;
    channel->hash.is_told = strchr(flags, 'K') && (strchr(flags, 'h') || strchr(flags, 'A'));
}

void redis_key_begin(void *ctx)
{
    struct bkt_str words[3] = {BKT_STR("CONFIG"), BKT_STR("GET"),
                               BKT_STR("notify-keyspace-events")};
    redis_send(ctx, REDIS_CONTROL, words, 3, on_notify_flags, 0);
}

static bool may_ask(const struct redis_channel *channel)
{
    return redis_is_up(channel, REDIS_CONTROL) && !channel->key.is_asked && !channel->key.is_secret;
}

void redis_key_tick(struct redis_channel *channel, int64_t now_ms)
{
    if (!may_ask(channel) || (channel->key.at_ms > now_ms && !channel->key.is_due))
        return;
    channel->key.at_ms = now_ms + (channel->key.mode == REDIS_HASH ? TYPE_KNOWN_MS : TYPE_MS);
    ask_type(channel);
}

int redis_key_wait_ms(const struct redis_channel *channel, int64_t now_ms)
{
    if (!may_ask(channel))
        return -1;
    return channel->key.is_due ? 0 : bkt_wait_until(channel->key.at_ms, now_ms);
}
