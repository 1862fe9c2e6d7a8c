#include "errand.h"

#include <signal.h>
#include <time.h>

static void *run(void *ctx)
{
    struct bkt_errand *errand = ctx;
    int rc = errand->run(errand->ctx, &errand->err);
    (void)pthread_mutex_lock(&errand->mutex);
    errand->rc = rc;
    errand->is_over = true;
    (void)pthread_cond_broadcast(&errand->changed);
    (void)pthread_mutex_unlock(&errand->mutex);
    return NULL;
}

int bkt_errand_start(struct bkt_errand *errand,
                     int (*work)(void *ctx, struct bkt_error *err),
                     void *ctx)
{
    *errand = (struct bkt_errand){.run = work, .ctx = ctx};
    pthread_condattr_t by_clock;
    (void)pthread_condattr_init(&by_clock);
    (void)pthread_condattr_setclock(&by_clock, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&errand->changed, &by_clock);
    (void)pthread_condattr_destroy(&by_clock);
    (void)pthread_mutex_init(&errand->mutex, NULL);
    /* Signals are the program's: none comes here. */
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&errand->thread, NULL, run, errand);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        (void)pthread_cond_destroy(&errand->changed);
        (void)pthread_mutex_destroy(&errand->mutex);
        return bkt_error_set(&errand->err, BKT_EIO, "start a thread: errno %d", failed);
    }
    errand->is_running = true;
    return BKT_OK;
}

int bkt_errand_give(struct bkt_errand *errand, const void *item)
{
    int rc = bkt_errand_settle(errand);
    (void)pthread_mutex_lock(&errand->mutex);
    errand->item = item;
    (void)pthread_cond_broadcast(&errand->changed);
    (void)pthread_mutex_unlock(&errand->mutex);
    return rc;
}

int bkt_errand_settle(struct bkt_errand *errand)
{
    (void)pthread_mutex_lock(&errand->mutex);
    while (errand->item && !errand->is_given_up)
        (void)pthread_cond_wait(&errand->changed, &errand->mutex);
    int rc = errand->is_given_up ? -1 : 0;
    (void)pthread_mutex_unlock(&errand->mutex);
    return rc;
}

const void *bkt_errand_wait(struct bkt_errand *errand, int timeout_ms, bool *out_is_over)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += timeout_ms % 1000 * 1000000L;
    until.tv_sec += timeout_ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    int rc = 0;
    (void)pthread_mutex_lock(&errand->mutex);
    while (!errand->item && !errand->is_over && rc == 0)
        rc = pthread_cond_timedwait(&errand->changed, &errand->mutex, &until);
    const void *item = errand->item;
    *out_is_over = !item && errand->is_over;
    (void)pthread_mutex_unlock(&errand->mutex);
    return item;
}

void bkt_errand_take(struct bkt_errand *errand)
{
    (void)pthread_mutex_lock(&errand->mutex);
    errand->item = NULL;
    (void)pthread_cond_broadcast(&errand->changed);
    (void)pthread_mutex_unlock(&errand->mutex);
}

void bkt_errand_end(struct bkt_errand *errand)
{
    if (!errand->is_running)
        return;
    (void)pthread_mutex_lock(&errand->mutex);
    errand->is_given_up = true;
    (void)pthread_cond_broadcast(&errand->changed);
    (void)pthread_mutex_unlock(&errand->mutex);
    (void)pthread_join(errand->thread, NULL);
    (void)pthread_cond_destroy(&errand->changed);
    (void)pthread_mutex_destroy(&errand->mutex);
    errand->is_running = false;
}
