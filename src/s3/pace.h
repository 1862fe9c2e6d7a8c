/*
 * How many objects may be read at the same time, as the server lets us: as many as wanted until it
 * asks to slow down, then half of those under way, and one more for each round of answers
 * (additive increase, multiplicative decrease).  And AWS's bucket of retry tokens, as a brake: when
 * most retries fail too, it is empty, and the next ones wait longer.
 *
 * No I/O, no clock.
 */
#ifndef S3_PACE_H
#define S3_PACE_H

#include <bucketable/base.h>

/* Made by bkt_pace_init(). */
struct bkt_pace {
    unsigned under_way;
    bool is_limited;
    unsigned limit_milli; /* thousandths of a request */
    int64_t slowed_ms;    /* when it was last halved */
    unsigned tokens;
};

void bkt_pace_init(struct bkt_pace *pace);

bool bkt_pace_may_start(const struct bkt_pace *pace);
void bkt_pace_start(struct bkt_pace *pace);
void bkt_pace_end(struct bkt_pace *pace);

/* The server said that there are too many.  What it says within a second is one and the same. */
void bkt_pace_slow_down(struct bkt_pace *pace, int64_t now_ms);

/* An answer, the first or that to a retry. */
void bkt_pace_answered(struct bkt_pace *pace, bool was_retried);

/* A retry is due.  False: the tokens are used up, it should wait longer. */
bool bkt_pace_retry(struct bkt_pace *pace);

#endif
