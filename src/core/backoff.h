/*
 * Waiting longer after each failure, with jitter so that many who failed together do not come back
 * together.
 *
 * A failure may be told where the time is not known (in a callback); the wait then begins when the
 * time is next told.
 */
#ifndef CORE_BACKOFF_H
#define CORE_BACKOFF_H

#include <bucketable/base.h>

/* All-zero waits for nothing; `seed` makes one's jitter differ from another's. */
struct bkt_backoff {
    uint64_t seed;
    unsigned failures; /* in a row */
    int64_t delay_ms;  /* of a wait that has not begun; 0: none */
    int64_t until_ms;  /* of one that has */
    bool is_waiting;
};

/*
 * Wait: `base_ms` to twice that at first, doubled each time, up to `max_ms`.  While a wait is on,
 * further failures are the same one.
 */
void bkt_backoff_fail(struct bkt_backoff *backoff, int64_t base_ms, int64_t max_ms);

/* Wait so long, without counting a failure. */
void bkt_backoff_pause(struct bkt_backoff *backoff, int64_t delay_ms);

/* It works: the next failure begins anew. */
void bkt_backoff_reset(struct bkt_backoff *backoff);

/* May the next attempt be made?  A wait that has not begun begins now. */
bool bkt_backoff_is_over(struct bkt_backoff *backoff, int64_t now_ms);

/* Until it may; 0 too when a wait has yet to begin; -1: it may already. */
int bkt_backoff_wait_ms(const struct bkt_backoff *backoff, int64_t now_ms);

/* The nearer of two waits, where -1 is none; and the wait until a time, INT64_MAX for none. */
int bkt_wait_min(int a_ms, int b_ms);
int bkt_wait_until(int64_t at_ms, int64_t now_ms);

#endif
