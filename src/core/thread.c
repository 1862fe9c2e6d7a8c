#include "core/thread.h"

#include <signal.h>
#include <string.h>

int bkt_thread_start(struct bkt_thread *thread,
                     void *(*run)(void *ctx),
                     void *ctx,
                     const char *purpose,
                     struct bkt_error *err)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int sys_rc = pthread_create(&thread->id, NULL, run, ctx);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (sys_rc)
        return bkt_error_set(err, BKT_EIO, "start a thread for %s: %s", purpose, strerror(sys_rc));
    thread->is_running = true;
    return BKT_OK;
}

void bkt_thread_join(struct bkt_thread *thread)
{
    if (thread->is_running)
        (void)pthread_join(thread->id, NULL);
    thread->is_running = false;
}
