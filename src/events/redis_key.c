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

void redis_key_reset(struct redis_channel *channel)
{
    channel->mode = REDIS_UNKNOWN;
    channel->is_asking_type = false;
}

static void on_depth(void *ctx, uint64_t tag, const struct redisReply *reply)
{
    (void)tag;
    struct redis_role_link *link = ctx;
    if (reply && reply->type == REDIS_REPLY_INTEGER)
        link->channel->stats.depth = reply->integer;
}

static void on_type(void *ctx, uint64_t tag, const struct redisReply *reply)
{
    (void)tag;
    struct redis_channel *channel = ((struct redis_role_link *)ctx)->channel;
    channel->is_asking_type = false;
    channel->type_is_due = false;
    if (!reply)
        return;
    if (bkt_redis_is_error(reply, "NOPERM")) {
        channel->mode = REDIS_NEITHER;
        channel->is_secret = true;
        bkt_warn_once(&channel->warned, &channel->owner, "secret",
                      "Redis at %s does not tell what the key %s is (%s); only "
                      "pub/sub is followed",
                      channel->url.place, channel->name, reply->str);
    } else if (reply->type != REDIS_REPLY_STATUS) {
        redis_refused(channel, "ask for the type of the key", reply);
        return;
    } else if (strcmp(reply->str, "hash") == 0) {
        /* One that was not there before: all that is in it has come since. */
        channel->has_baseline = channel->has_baseline || channel->mode == REDIS_LIST;
        channel->mode = REDIS_HASH;
    } else if (strcmp(reply->str, "list") == 0) {
        channel->mode = REDIS_LIST;
    } else if (strcmp(reply->str, "none") != 0) {
        channel->mode = REDIS_NEITHER;
        bkt_warn_once(&channel->warned, &channel->owner, reply->str,
                      "the key %s of Redis at %s is a %s, neither list nor hash; "
                      "only pub/sub is followed",
                      channel->name, channel->url.place, reply->str);
    } else if (channel->mode != REDIS_HASH) {
        channel->mode = REDIS_LIST; /* an emptied hash is still one, for what has gone from it */
    }
    redis_check_ready(channel);
}

static void ask_type(struct redis_channel *channel)
{
    if (channel->is_asking_type)
        return;
    channel->is_asking_type = true;
    struct bkt_str key = bkt_str_from(channel->name);
    struct bkt_str type[2] = {BKT_STR("TYPE"), key};
    redis_send(channel, REDIS_CONTROL, type, 2, on_type, 0);
    if (channel->mode == REDIS_LIST) {
        struct bkt_str depth[2] = {BKT_STR("LLEN"), key};
        redis_send(channel, REDIS_CONTROL, depth, 2, on_depth, 0);
    }
}

/* K with h, or with all: then each change of the hash is published. */
static void on_notify_flags(void *ctx, uint64_t tag, const struct redisReply *reply)
{
    (void)tag;
    struct redis_channel *channel = ((struct redis_role_link *)ctx)->channel;
    if (!reply || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        reply->element[1]->type != REDIS_REPLY_STRING)
        return; /* not allowed to know: polling does */
    const char *flags = reply->element[1]->str;
    channel->is_notified = strchr(flags, 'K') && (strchr(flags, 'h') || strchr(flags, 'A'));
}

void redis_key_ask(struct redis_channel *channel)
{
    struct bkt_str words[3] = {BKT_STR("CONFIG"), BKT_STR("GET"),
                               BKT_STR("notify-keyspace-events")};
    channel->is_notified = false;
    redis_send(channel, REDIS_CONTROL, words, 3, on_notify_flags, 0);
    ask_type(channel);
}

static bool may_ask(const struct redis_channel *channel)
{
    return channel->links[REDIS_CONTROL].is_up && !channel->is_asking_type && !channel->is_secret;
}

void redis_key_tick(struct redis_channel *channel, int64_t now_ms)
{
    if (!may_ask(channel) || (channel->type_at_ms > now_ms && !channel->type_is_due))
        return;
    channel->type_at_ms = now_ms + (channel->mode == REDIS_HASH ? TYPE_KNOWN_MS : TYPE_MS);
    ask_type(channel);
}

int redis_key_wait_ms(const struct redis_channel *channel, int64_t now_ms)
{
    if (!may_ask(channel))
        return -1;
    return channel->type_is_due ? 0 : bkt_wait_until(channel->type_at_ms, now_ms);
}
