#include "timer.h"

#include <stdlib.h>

static void swap(struct stub_timer *a, struct stub_timer *b)
{
    struct stub_timer kept = *a;
    *a = *b;
    *b = kept;
}

void stub_timers_add(struct stub_timers *timers, int64_t due_us, uint64_t id)
{
    if (timers->count == timers->cap) {
        timers->cap = timers->cap == 0 ? 64 : 2 * timers->cap;
        timers->heap = stub_realloc(timers->heap, timers->cap * sizeof(struct stub_timer));
    }
    size_t at = timers->count++;
    timers->heap[at] = (struct stub_timer){due_us, id};
    while (at > 0 && timers->heap[at].due_us < timers->heap[(at - 1) / 2].due_us) {
        swap(&timers->heap[at], &timers->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

bool stub_timers_take(struct stub_timers *timers, int64_t now_us, uint64_t *out_id)
{
    if (timers->count == 0 || timers->heap[0].due_us > now_us)
        return false;
    *out_id = timers->heap[0].id;
    timers->heap[0] = timers->heap[--timers->count];
    for (size_t at = 0, child = 1; child < timers->count; at = child, child = 2 * at + 1) {
        if (child + 1 < timers->count &&
            timers->heap[child + 1].due_us < timers->heap[child].due_us)
            child++;
        if (timers->heap[at].due_us <= timers->heap[child].due_us)
            break;
        swap(&timers->heap[at], &timers->heap[child]);
    }
    return true;
}

int stub_timers_wait_ms(const struct stub_timers *timers, int64_t now_us)
{
    if (timers->count == 0)
        return -1;
    int64_t left = timers->heap[0].due_us - now_us;
    if (left <= 0)
        return 0;
    return left > 3600000000 ? 3600000 : (int)((left + 999) / 1000);
}

void stub_timers_clear(struct stub_timers *timers)
{
    free(timers->heap);
    *timers = (struct stub_timers){0};
}
