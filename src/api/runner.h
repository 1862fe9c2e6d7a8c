/*
 * A call that takes its time, on a thread of its own.  All signals are blocked there.
 */
#ifndef API_RUNNER_H
#define API_RUNNER_H

#include <bucketable/error.h>

#include <pthread.h>

/* All-zero: nothing runs. */
struct bkt_runner {
    pthread_t thread;
    bool is_running;
};

BKT_MUST_CHECK int bkt_runner_start(struct bkt_runner *runner,
                                    void *(*run)(void *ctx),
                                    void *ctx,
                                    struct bkt_error *err);

/* Wait for its end.  Nothing, when nothing runs. */
void bkt_runner_join(struct bkt_runner *runner);

#endif
