#include "table/slots.h"

enum { STEP_MS = 1000 };

struct bkt_slots bkt_slots_init(uint32_t max)
{
    return (struct bkt_slots){.max = max, .count = max, .cut_ms = INT64_MIN / 2};
}

void bkt_slots_throttled(struct bkt_slots *slots, int64_t now_ms)
{
    (void)bkt_slots_now(slots, now_ms);
    slots->quiet_ms = now_ms;
    if (now_ms - slots->cut_ms < STEP_MS)
        return;
    slots->count = slots->count > 1 ? slots->count / 2 : 1;
    slots->cut_ms = now_ms;
}

uint32_t bkt_slots_now(struct bkt_slots *slots, int64_t now_ms)
{
    while (slots->count < slots->max && now_ms - slots->quiet_ms >= STEP_MS) {
        slots->count++;
        slots->quiet_ms += STEP_MS;
    }
    return slots->count;
}
