#include "api/runner.h"

#include <signal.h>

int bkt_runner_start(struct bkt_runner *runner,
                     void *(*run)(void *ctx),
                     void *ctx,
                     struct bkt_error *err)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&runner->thread, NULL, run, ctx);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        return bkt_error_set(err, BKT_EIO, "start a thread: errno %d", failed);
    runner->is_running = true;
    return BKT_OK;
}

void bkt_runner_join(struct bkt_runner *runner)
{
    if (runner->is_running)
        (void)pthread_join(runner->thread, NULL);
    runner->is_running = false;
}
