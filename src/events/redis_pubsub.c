/* The subscription: messages that are published to whoever listens, and kept by nobody. */
#include "events/redis_channel_int.h"
#include "events/redis_reply.h"

#include <hiredis/hiredis.h>
#include <string.h>

void redis_pubsub_begin(void *ctx)
{
    struct redis_channel *channel = ctx;
    struct bkt_str words[2] = {BKT_STR("SUBSCRIBE"), bkt_str_from(channel->name)};
    redis_send(channel, REDIS_LISTENER, words, 2, NULL, 0);
    words[1] = bkt_str_from(channel->notified_by);
    redis_send(channel, REDIS_LISTENER, words, 2, NULL, 0);
}

static bool text_is(const struct redisReply *reply, const char *text)
{
    return (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS) &&
           bkt_str_eq((struct bkt_str){reply->str, (size_t)reply->len}, bkt_str_from(text));
}

static void take_subscribe_answer(struct redis_channel *channel, const struct redisReply *reply)
{
    struct redis_pubsub *pubsub = &channel->pubsub;
    bool is_refused = reply->type == REDIS_REPLY_ERROR;
    if (++pubsub->answers > 1) {
        pubsub->hears_key = !is_refused;
    } else if (!is_refused) {
        pubsub->is_subscribed = true;
    } else if (bkt_redis_is_error(reply, "NOPERM")) {
        bkt_warn_once(&channel->warned, &channel->owner, "deaf",
                      "Redis at %s does not allow SUBSCRIBE %s (%s); only the key of that name is "
                      "followed",
                      channel->url.place, channel->name, reply->str);
    } else {
        redis_refused(channel, "subscribe", reply);
        return;
    }
    redis_check_ready(channel);
}

void redis_pubsub_take(void *ctx, const struct redisReply *reply)
{
    struct redis_channel *channel = ctx;
    if (reply->type == REDIS_REPLY_ERROR ||
        (reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 &&
         text_is(reply->element[0], "subscribe"))) {
        take_subscribe_answer(channel, reply);
        return;
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 ||
        !text_is(reply->element[0], "message") || reply->element[2]->type != REDIS_REPLY_STRING)
        return;
    const struct redisReply *payload = reply->element[2];
    if (text_is(reply->element[1], channel->notified_by)) {
        channel->hash.is_due = true;
        return;
    }
    redis_take(channel, REDIS_FROM_PUBSUB, (struct bkt_str){payload->str, (size_t)payload->len});
}
