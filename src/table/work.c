#include "table/work.h"

#include "core/hash.h"
#include "core/mem.h"

#include <assert.h>

enum { SLOTS_MIN = 64 };

void bkt_work_init(struct bkt_work *work, uint64_t seed)
{
    *work = (struct bkt_work){.seed = seed};
}

static void enqueue(struct bkt_work *work, struct bkt_work_item *item, enum bkt_work_stage stage)
{
    struct bkt_work_queue *queue = &work->queues[stage];
    item->stage = stage;
    item->newer = NULL;
    item->older = queue->newest;
    if (queue->newest)
        queue->newest->newer = item;
    else
        queue->oldest = item;
    queue->newest = item;
    queue->count++;
}

static void dequeue(struct bkt_work *work, struct bkt_work_item *item)
{
    struct bkt_work_queue *queue = &work->queues[item->stage];
    if (item->older)
        item->older->newer = item->newer;
    else
        queue->oldest = item->newer;
    if (item->newer)
        item->newer->older = item->older;
    else
        queue->newest = item->older;
    queue->count--;
}

static size_t home_of(const struct bkt_work *work, struct bkt_str key)
{
    return (size_t)bkt_hash(key, work->seed) & (work->slot_count - 1);
}

/* The slot that holds the key, or the free one where it would go. */
static size_t slot_of(const struct bkt_work *work, struct bkt_str key)
{
    size_t slot = home_of(work, key);
    while (work->slots[slot] && !bkt_str_eq(work->slots[slot]->key, key))
        slot = (slot + 1) & (work->slot_count - 1);
    return slot;
}

struct bkt_work_item *bkt_work_find(const struct bkt_work *work, struct bkt_str key)
{
    return work->slot_count > 0 ? work->slots[slot_of(work, key)] : NULL;
}

static int grow(struct bkt_work *work)
{
    if (work->count * 2 < work->slot_count)
        return BKT_OK;
    struct bkt_work_item **old = work->slots;
    size_t old_count = work->slot_count;
    size_t count = old_count > 0 ? old_count * 2 : SLOTS_MIN;
    struct bkt_work_item **slots = bkt_mem_calloc(count, sizeof(struct bkt_work_item *));
    if (!slots)
        return BKT_ENOMEM;
    work->slots = slots;
    work->slot_count = count;
    for (size_t i = 0; i < old_count; i++) {
        if (old[i])
            slots[slot_of(work, old[i]->key)] = old[i];
    }
    bkt_mem_free(old);
    return BKT_OK;
}

int bkt_work_add(struct bkt_work *work, struct bkt_str key, struct bkt_work_item **out_item)
{
    int rc = grow(work);
    if (rc)
        return rc;
    struct bkt_work_item *item = bkt_mem_calloc(1, sizeof(*item));
    char *copy = bkt_mem_strdup(key.ptr, key.len);
    if (!item || !copy) {
        bkt_mem_free(item);
        bkt_mem_free(copy);
        return BKT_ENOMEM;
    }
    item->key = (struct bkt_str){copy, key.len};
    size_t slot = slot_of(work, item->key);
    assert(!work->slots[slot]);
    work->slots[slot] = item;
    work->count++;
    enqueue(work, item, BKT_WORK_QUEUED);
    *out_item = item;
    return BKT_OK;
}

void bkt_work_move(struct bkt_work *work, struct bkt_work_item *item, enum bkt_work_stage stage)
{
    dequeue(work, item);
    enqueue(work, item, stage);
}

void bkt_work_move_first(struct bkt_work *work,
                         struct bkt_work_item *item,
                         enum bkt_work_stage stage)
{
    struct bkt_work_queue *queue = &work->queues[stage];
    dequeue(work, item);
    item->stage = stage;
    item->older = NULL;
    item->newer = queue->oldest;
    if (queue->oldest)
        queue->oldest->older = item;
    else
        queue->newest = item;
    queue->oldest = item;
    queue->count++;
}

void bkt_work_drop_change(struct bkt_work_item *item)
{
    item->has_change = false;
    item->change = (struct bkt_change){0};
    bkt_mem_free(item->strings);
    item->strings = NULL;
    bkt_buf_clear(&item->body);
}

static void free_str(struct bkt_str *str)
{
    bkt_mem_free((void *)(uintptr_t)str->ptr);
    *str = (struct bkt_str){0};
}

int bkt_work_set_etag(struct bkt_work_item *item, struct bkt_str etag)
{
    if (etag.len == 0) {
        bkt_work_forget_etag(item);
        return BKT_OK;
    }
    char *copy = bkt_mem_strdup(etag.ptr, etag.len);
    if (!copy)
        return BKT_ENOMEM;
    free_str(&item->known_etag);
    item->known_etag = (struct bkt_str){copy, etag.len};
    return BKT_OK;
}

void bkt_work_forget_etag(struct bkt_work_item *item)
{
    free_str(&item->known_etag);
}

int bkt_work_add_ticket(struct bkt_tickets *tickets, void *ticket)
{
    if (tickets->count == tickets->cap) {
        size_t cap = tickets->cap > 0 ? tickets->cap * 2 : 2;
        void **moved = bkt_mem_realloc(tickets->items, cap * sizeof(void *));
        if (!moved)
            return BKT_ENOMEM;
        tickets->items = moved;
        tickets->cap = cap;
    }
    tickets->items[tickets->count++] = ticket;
    return BKT_OK;
}

static void free_item(struct bkt_work_item *item)
{
    bkt_mem_free(item->tickets.items);
    bkt_work_drop_change(item);
    free_str(&item->key);
    free_str(&item->known_etag);
    bkt_mem_free(item);
}

void bkt_work_remove(struct bkt_work *work, struct bkt_work_item *item)
{
    dequeue(work, item);
    size_t mask = work->slot_count - 1;
    size_t hole = slot_of(work, item->key);
    work->slots[hole] = NULL;
    work->count--;

    /* Close the gap: whoever was pushed past it moves back, so that searches end at a free slot. */
    for (size_t slot = (hole + 1) & mask; work->slots[slot]; slot = (slot + 1) & mask) {
        size_t home = home_of(work, work->slots[slot]->key);
        if (((slot - home) & mask) >= ((slot - hole) & mask)) {
            work->slots[hole] = work->slots[slot];
            work->slots[slot] = NULL;
            hole = slot;
        }
    }
    free_item(item);
}

void bkt_work_clear(struct bkt_work *work)
{
    for (size_t i = 0; i < BKT_WORK_STAGE_COUNT; i++) {
        struct bkt_work_item *item = work->queues[i].oldest;
        while (item) {
            struct bkt_work_item *newer = item->newer;
            free_item(item);
            item = newer;
        }
    }
    bkt_mem_free(work->slots);
    bkt_work_init(work, work->seed);
}
