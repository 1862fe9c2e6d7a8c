/*
 * A thread of the library's own.  All signals are blocked there: they are for the program's.
 */
#ifndef CORE_THREAD_H
#define CORE_THREAD_H

#include <bucketable/error.h>

#include <pthread.h>

/* All-zero: nothing runs. */
struct bkt_thread {
    pthread_t id;
    bool is_running; /* or has ended, and was not joined */
};

/* `purpose` is for the message: "the writer".  BKT_EIO: the system gives no more threads. */
BKT_MUST_CHECK int bkt_thread_start(struct bkt_thread *thread,
                                    void *(*run)(void *ctx),
                                    void *ctx,
                                    const char *purpose,
                                    struct bkt_error *err);

/* Wait for its end.  Nothing, when nothing runs. */
void bkt_thread_join(struct bkt_thread *thread);

#endif
