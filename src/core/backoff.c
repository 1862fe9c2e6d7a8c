#include "core/backoff.h"

enum { DOUBLINGS_MAX = 20 };

/* xorshift64 (Marsaglia 2003): good enough for jitter. */
static uint64_t next_random(uint64_t *seed)
{
    uint64_t x = *seed ? *seed : 0x9E3779B97F4A7C15;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    *seed = x;
    return x;
}

void bkt_backoff_fail(struct bkt_backoff *backoff, int64_t base_ms, int64_t max_ms)
{
    if (backoff->is_waiting)
        return;
    unsigned doublings = backoff->failures < DOUBLINGS_MAX ? backoff->failures : DOUBLINGS_MAX;
    backoff->failures++;
    int64_t low_ms = base_ms << doublings;
    int64_t high_ms = low_ms * 2;
    if (high_ms > max_ms) {
        high_ms = max_ms;
        low_ms = low_ms < max_ms / 2 ? low_ms : max_ms / 2; /* jitter at the ceiling too */
    }
    uint64_t room = (uint64_t)(high_ms - low_ms) + 1;
    bkt_backoff_pause(backoff, low_ms + (int64_t)(next_random(&backoff->seed) % room));
}

void bkt_backoff_pause(struct bkt_backoff *backoff, int64_t delay_ms)
{
    backoff->is_waiting = true;
    backoff->delay_ms = delay_ms;
}

void bkt_backoff_reset(struct bkt_backoff *backoff)
{
    *backoff = (struct bkt_backoff){.seed = backoff->seed};
}

bool bkt_backoff_is_over(struct bkt_backoff *backoff, int64_t now_ms)
{
    if (!backoff->is_waiting)
        return true;
    if (backoff->delay_ms > 0) {
        backoff->until_ms = now_ms + backoff->delay_ms;
        backoff->delay_ms = 0;
    }
    backoff->is_waiting = now_ms < backoff->until_ms;
    return !backoff->is_waiting;
}

int bkt_backoff_wait_ms(const struct bkt_backoff *backoff, int64_t now_ms)
{
    if (!backoff->is_waiting)
        return -1;
    return backoff->delay_ms > 0 ? 0 : bkt_wait_until(backoff->until_ms, now_ms);
}

int bkt_wait_min(int a_ms, int b_ms)
{
    if (a_ms < 0)
        return b_ms;
    return b_ms >= 0 && b_ms < a_ms ? b_ms : a_ms;
}

int bkt_wait_until(int64_t at_ms, int64_t now_ms)
{
    if (at_ms == INT64_MAX)
        return -1;
    if (at_ms <= now_ms)
        return 0;
    return at_ms - now_ms > INT32_MAX ? INT32_MAX : (int)(at_ms - now_ms);
}
