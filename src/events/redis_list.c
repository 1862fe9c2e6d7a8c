/*
 * Entries go from the list NAME to the list NAME:bucketable and, when they are settled, from there.
 * So at every moment each is in one of them: what a worker that died held is found by looking
 * through the second.
 */
#include "events/redis_channel_int.h"
#include "events/redis_reply.h"

#include <hiredis/hiredis.h>
#include <stdio.h>

enum {
    MOVES_FIRST = 4,
    MOVES_MAX = 64,
    WRONG_TYPES_MAX = 3,
    SCAN_PAGE = 100,
    SCAN_MS = 60000,
    SCAN_SOON_MS = 1000, /* after an entry that could not be taken in */
    REMOVALS_MAX = 1000, /* under way at once */
};
#define MOVE_WAIT_S "5"

void redis_list_reset(struct redis_channel *channel)
{
    /* One move that does not wait, to see whether it is allowed. */
    channel->list = (struct redis_list){.moves_next = 1};
}

/* Taking. */

static void end_of_moves(struct redis_channel *channel)
{
    unsigned asked = channel->list.moves_next;
    if (!channel->list.moves_brought_all)
        channel->list.moves_next = 0;
    else
        channel->list.moves_next = asked ? asked * 2 : MOVES_FIRST;
    if (channel->list.moves_next > MOVES_MAX)
        channel->list.moves_next = MOVES_MAX;
}

static void move_failed(struct redis_channel *channel, const struct redisReply *reply)
{
    if (bkt_redis_is_error(reply, "ERR unknown command") && !channel->list.has_old_commands) {
        channel->list.has_old_commands = true;
    } else if (bkt_redis_is_error(reply, "WRONGTYPE") &&
               ++channel->list.wrong_types < WRONG_TYPES_MAX) {
        channel->key.is_due = true;
    } else {
        redis_refused(channel, "take entries from the list", reply);
    }
}

static void on_moved(void *ctx, uint64_t tag, const struct redisReply *reply)
{
    (void)tag;
    struct redis_channel *channel = ctx;
    if (!reply)
        return;
    if (channel->list.moves > 0)
        channel->list.moves--;
    if (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_NIL) {
        channel->list.may_take = true;
        redis_check_ready(channel);
    }
    if (reply->type == REDIS_REPLY_STRING) {
        channel->list.wrong_types = 0;
        redis_take(channel, REDIS_FROM_LIST, (struct bkt_str){reply->str, (size_t)reply->len});
    } else {
        channel->list.moves_brought_all = false;
        if (reply->type != REDIS_REPLY_NIL)
            move_failed(channel, reply);
    }
    if (channel->list.moves == 0)
        end_of_moves(channel);
}

/* Before Redis 6.2 there were only commands that take the newest first, which is as good. */
static void send_move(struct redis_channel *channel, bool waits)
{
    struct bkt_str words[6] = {
        {NULL, 0}, bkt_str_from(channel->name), bkt_str_from(channel->processing)};
    size_t count = 3;
    if (channel->list.has_old_commands) {
        words[0] = waits ? BKT_STR("BRPOPLPUSH") : BKT_STR("RPOPLPUSH");
    } else {
        words[0] = waits ? BKT_STR("BLMOVE") : BKT_STR("LMOVE");
        words[count++] = BKT_STR("LEFT");
        words[count++] = BKT_STR("RIGHT");
    }
    if (waits)
        words[count++] = BKT_STR(MOVE_WAIT_S);
    channel->list.moves++;
    redis_send(channel, REDIS_TAKER, words, count, on_moved, 0);
}

static bool may_move(const struct redis_channel *channel)
{
    return channel->key.mode == REDIS_LIST && redis_is_up(channel, REDIS_TAKER) &&
           channel->list.moves == 0 && !channel->key.is_asked && !channel->key.is_due &&
           bkt_held_has_room(&channel->held);
}

static void move_some(struct redis_channel *channel)
{
    channel->list.moves_brought_all = true;
    if (channel->list.moves_next == 0)
        send_move(channel, true);
    for (unsigned i = 0; i < channel->list.moves_next; i++)
        send_move(channel, false);
}

/* Taking up again. */

static void on_page(void *ctx, uint64_t tag, const struct redisReply *reply)
{
    (void)tag;
    struct redis_channel *channel = ctx;
    channel->list.is_page_asked = false;
    if (!reply)
        return;
    if (reply->type != REDIS_REPLY_ARRAY) {
        redis_refused(channel, "read the list of entries in work", reply);
        return;
    }
    for (size_t i = 0; i < reply->elements; i++) {
        const struct redisReply *entry = reply->element[i];
        struct bkt_str payload = {entry->str, (size_t)entry->len};
        if (entry->type == REDIS_REPLY_STRING && !bkt_held_find(&channel->held, payload))
            redis_take(channel, REDIS_FROM_LIST, payload);
    }
    channel->list.has_more_pages = reply->elements == SCAN_PAGE;
    channel->list.page_at += reply->elements;
}

static void scan_page(struct redis_channel *channel)
{
    char first[24];
    char last[24];
    (void)snprintf(first, sizeof(first), "%zu", channel->list.page_at);
    (void)snprintf(last, sizeof(last), "%zu", channel->list.page_at + SCAN_PAGE - 1);
    struct bkt_str words[4] = {BKT_STR("LRANGE"), bkt_str_from(channel->processing),
                               bkt_str_from(first), bkt_str_from(last)};
    channel->list.is_page_asked = true;
    redis_send(channel, REDIS_CONTROL, words, 4, on_page, 0);
}

static bool may_scan(const struct redis_channel *channel)
{
    return channel->key.mode == REDIS_LIST && redis_is_up(channel, REDIS_CONTROL) &&
           !channel->list.is_page_asked && bkt_held_has_room(&channel->held);
}

void redis_list_tick(struct redis_channel *channel, int64_t now_ms)
{
    if (may_move(channel))
        move_some(channel);
    if (channel->list.left_one) {
        channel->list.left_one = false;
        if (channel->list.scan_at_ms > now_ms + SCAN_SOON_MS)
            channel->list.scan_at_ms = now_ms + SCAN_SOON_MS;
    }
    if (!may_scan(channel))
        return;
    if (!channel->list.has_more_pages) {
        if (channel->list.scan_at_ms > now_ms)
            return;
        channel->list.scan_at_ms = now_ms + SCAN_MS;
        channel->list.page_at = 0;
    }
    scan_page(channel);
}

int redis_list_wait_ms(const struct redis_channel *channel, int64_t now_ms)
{
    if (may_move(channel))
        return 0;
    if (!may_scan(channel))
        return -1;
    return channel->list.has_more_pages ? 0 : bkt_wait_until(channel->list.scan_at_ms, now_ms);
}

/* Removing. */

static void on_removed(void *ctx, uint64_t token, const struct redisReply *reply)
{
    struct redis_channel *channel = ctx;
    if (!reply)
        return;
    if (reply->type != REDIS_REPLY_INTEGER) {
        redis_refused(channel, "remove an entry in work", reply);
        return;
    }
    struct bkt_held_message *message = bkt_held_get(&channel->held, token);
    if (!message)
        return;
    channel->stats.acknowledged += !message->is_poison;
    bkt_held_drop(&channel->held, message);
}

static void on_kept(void *ctx, uint64_t tag, const struct redisReply *reply)
{
    (void)tag;
    if (reply && reply->type == REDIS_REPLY_ERROR) {
        redis_refused(ctx, "keep an entry that is not understood", reply);
    }
}

/* It is in both lists for a moment rather than in none. */
static void keep_poison(struct redis_channel *channel, struct bkt_str payload)
{
    struct bkt_str list = bkt_str_from(channel->poison);
    struct bkt_str push[3] = {BKT_STR("RPUSH"), list, payload};
    struct bkt_str trim[4] = {BKT_STR("LTRIM"), list, BKT_STR("-1000"), BKT_STR("-1")};
    redis_send(channel, REDIS_CONTROL, push, 3, on_kept, 0);
    redis_send(channel, REDIS_CONTROL, trim, 4, on_kept, 0);
}

void redis_list_settle_tick(struct redis_channel *channel)
{
    struct bkt_held *held = &channel->held;
    struct bkt_held_message *message;
    while (redis_is_up(channel, REDIS_CONTROL) && held->counts[BKT_HELD_DELETING] < REMOVALS_MAX &&
           (message = held->oldest[BKT_HELD_SETTLED]) != NULL) {
        struct bkt_str payload = {message->id, message->id_len};
        struct bkt_str words[4] = {BKT_STR("LREM"), bkt_str_from(channel->processing), BKT_STR("1"),
                                   payload};
        bkt_held_move(held, message, BKT_HELD_DELETING, false);
        if (message->is_poison)
            keep_poison(channel, payload);
        redis_send(channel, REDIS_CONTROL, words, 4, on_removed, message->token);
    }
}
