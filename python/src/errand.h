/*
 * A call of the library that answers by callbacks, on a thread of its own, so that who waits for it
 * sees Ctrl-C and can give up.
 *
 * What the callback has is given to the waiting thread by a pointer, one at a time.
 *
 * Threads: `run` and what it calls: the errand's; the rest: one other.
 */
#ifndef BKT_PY_ERRAND_H
#define BKT_PY_ERRAND_H

#include <bucketable/error.h>

#include <pthread.h>

/* All-zero is idle. */
struct bkt_errand {
    pthread_t thread;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    int (*run)(void *ctx, struct bkt_error *err);
    void *ctx;
    const void *item; /* given, and not taken yet */
    bool is_running;
    bool is_over; /* run has returned `rc` */
    bool is_given_up;
    int rc;
    struct bkt_error err;
};

/* Fails, and fills in errand->err, when there can be no thread. */
int bkt_errand_start(struct bkt_errand *errand,
                     int (*run)(void *ctx, struct bkt_error *err),
                     void *ctx);

/*
 * In `run`: give `item`, when the one before is taken.  settle: wait until it is.  -1: nobody waits
 * any more.
 */
int bkt_errand_give(struct bkt_errand *errand, const void *item);
int bkt_errand_settle(struct bkt_errand *errand);

/* Wait for an item, `timeout_ms` at most; NULL with *out_is_over: no more will come. */
const void *bkt_errand_wait(struct bkt_errand *errand, int timeout_ms, bool *out_is_over);
void bkt_errand_take(struct bkt_errand *errand);

/* Let `run` end as soon as it gives something, and wait for that.  Nothing, when it is idle. */
void bkt_errand_end(struct bkt_errand *errand);

#endif
