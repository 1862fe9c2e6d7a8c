#include "core/cond.h"

void bkt_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(cond, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

struct timespec bkt_cond_deadline(int64_t timeout_ms)
{
    enum { NS_OF_MS = 1000000, NS_OF_S = 1000000000 };
    struct timespec at;
    int64_t ms = timeout_ms > 0 ? timeout_ms : 0;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += ms % 1000 * NS_OF_MS;
    if (at.tv_nsec >= NS_OF_S) {
        at.tv_sec++;
        at.tv_nsec -= NS_OF_S;
    }
    return at;
}
