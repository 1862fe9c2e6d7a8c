/*
 * Waiting for at most so long: condition variables by the monotonic clock, which nobody sets.
 */
#ifndef CORE_COND_H
#define CORE_COND_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

void bkt_cond_init(pthread_cond_t *cond);

/* For pthread_cond_timedwait(); below 0 is now. */
struct timespec bkt_cond_deadline(int64_t timeout_ms);

#endif
