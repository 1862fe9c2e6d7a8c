/* A heap of times at which something is due; an entry cannot be removed, only not be meant. */
#ifndef STUB_TIMER_H
#define STUB_TIMER_H

#include "text.h"

struct stub_timer {
    int64_t due_us;
    uint64_t id;
};

struct stub_timers {
    struct stub_timer *heap;
    size_t count;
    size_t cap;
};

void stub_timers_add(struct stub_timers *timers, int64_t due_us, uint64_t id);
/* Take one that is due; false when there is none. */
bool stub_timers_take(struct stub_timers *timers, int64_t now_us, uint64_t *out_id);
/* For epoll_wait(): rounded up, -1 when nothing is waited for. */
int stub_timers_wait_ms(const struct stub_timers *timers, int64_t now_us);
void stub_timers_clear(struct stub_timers *timers);

#endif
