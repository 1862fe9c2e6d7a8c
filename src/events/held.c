#include "events/held.h"

#include "core/hash.h"
#include "core/mem.h"
#include "core/time.h"
#include "events/channel.h"

enum { SLOTS_MORE = 256 };

bool bkt_held_has_room(const struct bkt_held *held)
{
    return held->unsettled_key_count + held->counts[BKT_HELD_SETTLED] +
               held->counts[BKT_HELD_DELETING] <
           BKT_CHANNEL_UNSETTLED_MAX;
}

size_t bkt_held_unsettled(const struct bkt_held *held)
{
    return held->counts[BKT_HELD_UNSETTLED] + held->counts[BKT_HELD_OVERDUE];
}

bool bkt_held_is_drained(const struct bkt_held *held)
{
    return held->counts[BKT_HELD_SETTLED] == 0 && held->counts[BKT_HELD_DELETING] == 0;
}

static bool is_unsettled(enum bkt_held_stage stage)
{
    return stage == BKT_HELD_UNSETTLED || stage == BKT_HELD_OVERDUE;
}

static void unlink_message(struct bkt_held *held, struct bkt_held_message *message)
{
    enum bkt_held_stage stage = message->stage;
    if (message->older)
        message->older->newer = message->newer;
    else
        held->oldest[stage] = message->newer;
    if (message->newer)
        message->newer->older = message->older;
    else
        held->newest[stage] = message->older;
    held->counts[stage]--;
    if (is_unsettled(stage))
        held->unsettled_key_count -= message->key_count;
}

static void link_message(struct bkt_held *held,
                         struct bkt_held_message *message,
                         enum bkt_held_stage stage,
                         bool first)
{
    message->stage = stage;
    message->older = first ? NULL : held->newest[stage];
    message->newer = first ? held->oldest[stage] : NULL;
    if (message->older)
        message->older->newer = message;
    else
        held->oldest[stage] = message;
    if (message->newer)
        message->newer->older = message;
    else
        held->newest[stage] = message;
    held->counts[stage]++;
    if (is_unsettled(stage))
        held->unsettled_key_count += message->key_count;
}

static int grow(struct bkt_held *held)
{
    size_t count = held->slot_count + SLOTS_MORE;
    struct bkt_held_message **slots = bkt_mem_realloc(held->slots, count * sizeof(*slots));
    if (!slots)
        return BKT_ENOMEM;
    held->slots = slots;
    uint32_t *free_slots = bkt_mem_realloc(held->free_slots, count * sizeof(*free_slots));
    if (!free_slots)
        return BKT_ENOMEM;
    held->free_slots = free_slots;
    for (size_t i = count; i > held->slot_count; i--) {
        slots[i - 1] = NULL;
        free_slots[held->free_count++] = (uint32_t)(i - 1);
    }
    held->slot_count = count;
    return BKT_OK;
}

int bkt_held_add(struct bkt_held *held,
                 struct bkt_str id,
                 struct bkt_str receipt,
                 size_t key_count,
                 struct bkt_held_message **out_message)
{
    if (held->free_count == 0) {
        int rc = grow(held);
        if (rc)
            return rc;
    }
    struct bkt_held_message *message = bkt_mem_calloc(1, sizeof(*message) + id.len + 1);
    if (!message)
        return BKT_ENOMEM;
    int rc = bkt_held_renew(message, receipt);
    if (rc) {
        bkt_mem_free(message);
        return rc;
    }
    uint32_t slot = held->free_slots[--held->free_count];
    held->slots[slot] = message;
    message->token = ((uint64_t)++held->generation << 32) | (slot + 1);
    message->key_count = key_count;
    message->received_ms = BKT_TIME_NONE;
    message->extend_ms = BKT_TIME_NONE;
    message->id_hash = bkt_hash(id, 0);
    message->id_len = id.len;
    if (id.len > 0)
        memcpy(message->id, id.ptr, id.len);

    struct bkt_held_message **chain = &held->by_id[message->id_hash % BKT_HELD_CHAINS];
    message->next_by_id = *chain;
    *chain = message;
    link_message(held, message, BKT_HELD_UNSETTLED, false);
    *out_message = message;
    return BKT_OK;
}

struct bkt_held_message *bkt_held_find(const struct bkt_held *held, struct bkt_str id)
{
    if (id.len == 0)
        return NULL;
    struct bkt_held_message *message = held->by_id[bkt_hash(id, 0) % BKT_HELD_CHAINS];
    while (message && !bkt_str_eq((struct bkt_str){message->id, message->id_len}, id))
        message = message->next_by_id;
    return message;
}

struct bkt_held_message *bkt_held_get(const struct bkt_held *held, uint64_t token)
{
    size_t slot = (size_t)(token & UINT32_MAX) - 1;
    if (slot >= held->slot_count || !held->slots[slot] || held->slots[slot]->token != token)
        return NULL;
    return held->slots[slot];
}

int bkt_held_renew(struct bkt_held_message *message, struct bkt_str receipt)
{
    char *copy = bkt_mem_strdup(receipt.ptr, receipt.len);
    if (!copy)
        return BKT_ENOMEM;
    bkt_mem_free(message->receipt);
    message->receipt = copy;
    message->receipt_len = receipt.len;
    return BKT_OK;
}

void bkt_held_move(struct bkt_held *held,
                   struct bkt_held_message *message,
                   enum bkt_held_stage stage,
                   bool first)
{
    unlink_message(held, message);
    link_message(held, message, stage, first);
}

void bkt_held_drop(struct bkt_held *held, struct bkt_held_message *message)
{
    unlink_message(held, message);
    struct bkt_held_message **chain = &held->by_id[message->id_hash % BKT_HELD_CHAINS];
    while (*chain != message)
        chain = &(*chain)->next_by_id;
    *chain = message->next_by_id;
    uint32_t slot = (uint32_t)(message->token & UINT32_MAX) - 1;
    held->slots[slot] = NULL;
    held->free_slots[held->free_count++] = slot;
    bkt_mem_free(message->receipt);
    bkt_mem_free(message);
}

bool bkt_held_settle(struct bkt_held *held, uint64_t token)
{
    struct bkt_held_message *message = bkt_held_get(held, token);
    if (!message || !is_unsettled(message->stage))
        return false;
    if (!message->is_kept) {
        bkt_held_move(held, message, BKT_HELD_SETTLED, false);
        return false;
    }
    bkt_held_drop(held, message);
    return true;
}

void bkt_held_clear(struct bkt_held *held)
{
    for (size_t i = 0; i < held->slot_count; i++) {
        if (held->slots[i])
            bkt_held_drop(held, held->slots[i]);
    }
    bkt_mem_free(held->slots);
    bkt_mem_free(held->free_slots);
    *held = (struct bkt_held){0};
}
