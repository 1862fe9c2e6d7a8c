/*
 * A hash is state without a feed of changes: it is looked through, page by page, and compared with
 * what it was.  What is told of it needs no acknowledgment, since the bucket is listed whenever
 * this memory begins anew.
 */
#include "events/redis_channel_int.h"
#include "events/redis_reply.h"

#include "core/mem.h"
#include "core/time.h"
#include "events/redis_event.h"

#include <hiredis/hiredis.h>
#include <stdio.h>

enum {
    LOOK_MS = 3000,
    LOOK_NOTIFIED_MS = 60000, /* a notification may be lost */
    LOOK_AGAIN_MS = 100,
    KEYS_MAX = 256,    /* of one token */
    LISTING_PART = 10, /* at most one part in so many of the time is spent on listing again */
};

void redis_hash_reset(struct redis_channel *channel)
{
    channel->hash = (struct redis_hash){
        .fields = channel->hash.fields,
        .has_baseline = channel->hash.has_baseline,
        .began_ms = BKT_TIME_NONE,
    };
}

static void tell(struct redis_channel *channel, const struct bkt_str *keys, size_t count)
{
    struct bkt_held_message *held;
    if (count == 0)
        return;
    if (bkt_held_add(&channel->held, BKT_STR(""), BKT_STR(""), count, &held) != BKT_OK) {
        channel->had_gap = true;
        return;
    }
    held->is_kept = true;
    channel->stats.received += count;
    channel->owner.changed(channel->owner.ctx, held->token, keys, count);
}

/* The key that a field stands for, when it is one of our buckets'. */
static bool key_of(const struct redis_channel *channel,
                   struct bkt_str field,
                   struct bkt_str *out_key)
{
    struct bkt_event event;
    if (!bkt_redis_read_field(field, &event) || !bkt_event_scope_has(&channel->scope, event.bucket))
        return false;
    *out_key = event.key;
    return true;
}

static void take_page(struct redis_channel *channel, const struct redisReply *pairs)
{
    struct bkt_str keys[KEYS_MAX];
    size_t count = 0;
    for (size_t i = 0; i + 1 < pairs->elements; i += 2) {
        const struct redisReply *name = pairs->element[i];
        const struct redisReply *content = pairs->element[i + 1];
        if (name->type != REDIS_REPLY_STRING || content->type != REDIS_REPLY_STRING)
            continue;
        struct bkt_str field = {name->str, (size_t)name->len};
        struct bkt_str value = {content->str, (size_t)content->len};
        bool is_changed = false;
        if (!key_of(channel, field, &keys[count]))
            continue;
        if (bkt_redis_fields_see(&channel->hash.fields, field, value, &is_changed) != BKT_OK)
            channel->had_gap = true;
        count += is_changed && channel->hash.has_baseline;
        if (count == KEYS_MAX) {
            tell(channel, keys, count);
            count = 0;
        }
    }
    tell(channel, keys, count);
}

static void take_what_is_gone(struct redis_channel *channel)
{
    struct bkt_str fields[KEYS_MAX];
    struct bkt_str keys[KEYS_MAX];
    size_t found;
    do {
        bool is_nameless;
        size_t count = 0;
        found = bkt_redis_fields_sweep(&channel->hash.fields, fields, KEYS_MAX, &is_nameless);
        channel->had_gap = channel->had_gap || is_nameless;
        for (size_t i = 0; i < found; i++)
            count += key_of(channel, fields[i], &keys[count]);
        tell(channel, keys, count);
        for (size_t i = 0; i < found; i++)
            bkt_mem_free((void *)(uintptr_t)fields[i].ptr);
    } while (found == KEYS_MAX);
}

static void on_page(void *ctx, uint64_t tag, const struct redisReply *reply)
{
    (void)tag;
    struct redis_channel *channel = ctx;
    channel->hash.is_page_asked = false;
    if (!reply || !channel->hash.is_looking)
        return;
    if (bkt_redis_is_error(reply, "WRONGTYPE")) {
        channel->hash.is_looking = false;
        channel->key.is_due = true;
        return;
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        reply->element[0]->type != REDIS_REPLY_STRING ||
        (size_t)reply->element[0]->len >= sizeof(channel->hash.cursor) ||
        reply->element[1]->type != REDIS_REPLY_ARRAY) {
        redis_refused(channel, "read the hash", reply);
        return;
    }
    take_page(channel, reply->element[1]);
    (void)snprintf(channel->hash.cursor, sizeof(channel->hash.cursor), "%s",
                   reply->element[0]->str);
    if (strcmp(channel->hash.cursor, "0") != 0)
        return;
    channel->hash.is_looking = false;
    take_what_is_gone(channel);
    channel->hash.has_baseline = true;
    redis_check_ready(channel);
    if (channel->hash.lists_after_look)
        channel->owner.gap(channel->owner.ctx);
    channel->hash.lists_after_look = false;
}

/*
 * What a listing found, and this did not, may go again before the next look: then the hash looks
 * as it did before, and nothing tells.  A listing after that look does, or finds nothing new.
 */
void redis_hash_listed(void *self, bool found, int64_t took_ms, int64_t now_ms)
{
    struct redis_channel *channel = self;
    if (!found || channel->key.mode != REDIS_HASH)
        return;
    channel->hash.wants_listing = true;
    channel->hash.listing_after_ms = now_ms + took_ms * LISTING_PART;
}

static bool may_look(const struct redis_channel *channel)
{
    return channel->key.mode == REDIS_HASH && redis_is_up(channel, REDIS_CONTROL) &&
           !channel->hash.is_page_asked && bkt_held_has_room(&channel->held);
}

static int64_t next_look_ms(const struct redis_channel *channel)
{
    const struct redis_hash *hash = &channel->hash;
    bool is_notified = hash->is_told && channel->pubsub.hears_key;
    if (hash->began_ms == BKT_TIME_NONE)
        return INT64_MIN;
    int64_t after_ms = is_notified ? LOOK_NOTIFIED_MS : LOOK_MS;
    int64_t at_ms = hash->began_ms + (hash->is_due ? LOOK_AGAIN_MS : after_ms);
    return hash->wants_listing && hash->listing_after_ms < at_ms ? hash->listing_after_ms : at_ms;
}

static void begin_look(struct redis_hash *hash, int64_t now_ms)
{
    bkt_redis_fields_begin(&hash->fields);
    hash->is_looking = true;
    hash->is_due = false;
    hash->began_ms = now_ms;
    hash->lists_after_look = hash->wants_listing && hash->listing_after_ms <= now_ms;
    hash->wants_listing = hash->wants_listing && !hash->lists_after_look;
    (void)snprintf(hash->cursor, sizeof(hash->cursor), "0");
}

void redis_hash_tick(struct redis_channel *channel, int64_t now_ms)
{
    if (!may_look(channel))
        return;
    bkt_warn_once(&channel->warned, &channel->owner, "hash",
                  "a hash does not tell of a deleted object that it has no field of: "
                  "where %s at Redis at %s is younger than the bucket's objects, set "
                  "refresh_interval, or let MinIO use the access format",
                  channel->name, channel->url.place);
    if (!channel->hash.is_looking) {
        if (next_look_ms(channel) > now_ms)
            return;
        begin_look(&channel->hash, now_ms);
    }
    struct bkt_str words[5] = {BKT_STR("HSCAN"), bkt_str_from(channel->name),
                               bkt_str_from(channel->hash.cursor), BKT_STR("COUNT"),
                               BKT_STR("1000")};
    channel->hash.is_page_asked = true;
    redis_send(channel, REDIS_CONTROL, words, 5, on_page, 0);
}

int redis_hash_wait_ms(const struct redis_channel *channel, int64_t now_ms)
{
    if (!may_look(channel))
        return -1;
    return channel->hash.is_looking ? 0 : bkt_wait_until(next_look_ms(channel), now_ms);
}
