/*
 * How many pages are asked for at once: as many as allowed, until the server says that it is too
 * much.  Then half of them, and one more after each second without complaint (additive increase,
 * multiplicative decrease, as TCP does).
 *
 * Pure: time is an argument.
 */
#ifndef TABLE_SLOTS_H
#define TABLE_SLOTS_H

#include <bucketable/base.h>

struct bkt_slots {
    uint32_t max;
    uint32_t count;
    int64_t cut_ms;   /* the last time */
    int64_t quiet_ms; /* since then there was no complaint, or the last one more */
};

struct bkt_slots bkt_slots_init(uint32_t max); /* from 1 */

/*
 * A request was refused for its rate.  What was sent before the last cut is refused for the same
 * reason, so that within a second there is one cut.
 */
void bkt_slots_throttled(struct bkt_slots *slots, int64_t now_ms);

/* How many there are now; from 1 to `max`. */
uint32_t bkt_slots_now(struct bkt_slots *slots, int64_t now_ms);

#endif
