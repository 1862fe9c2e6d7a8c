#include "api/stats_desk.h"

#include "core/cond.h"

#include <errno.h>
#include <string.h>

void bkt_stats_desk_init(struct bkt_stats_desk *desk)
{
    (void)pthread_mutex_init(&desk->mutex, NULL);
    bkt_cond_init(&desk->answered);
    atomic_init(&desk->is_asked, false);
}

void bkt_stats_desk_clear(struct bkt_stats_desk *desk)
{
    (void)pthread_cond_destroy(&desk->answered);
    (void)pthread_mutex_destroy(&desk->mutex);
}

void bkt_stats_desk_open(struct bkt_stats_desk *desk, bool is_open)
{
    (void)pthread_mutex_lock(&desk->mutex);
    desk->is_open = is_open;
    (void)pthread_cond_broadcast(&desk->answered);
    (void)pthread_mutex_unlock(&desk->mutex);
}

bool bkt_stats_desk_is_asked(struct bkt_stats_desk *desk)
{
    return atomic_exchange(&desk->is_asked, false);
}

void bkt_stats_desk_answer(struct bkt_stats_desk *desk, const struct bkt_stats *stats)
{
    (void)pthread_mutex_lock(&desk->mutex);
    desk->stats = *stats;
    desk->answers++;
    (void)pthread_cond_broadcast(&desk->answered);
    (void)pthread_mutex_unlock(&desk->mutex);
}

int bkt_stats_desk_ask(struct bkt_stats_desk *desk,
                       struct bkt_http *http,
                       int timeout_ms,
                       struct bkt_stats *out_stats)
{
    struct timespec until = bkt_cond_deadline(timeout_ms);
    size_t size = out_stats->size;
    int rc = BKT_OK;
    (void)pthread_mutex_lock(&desk->mutex);
    uint64_t before = desk->answers;
    atomic_store(&desk->is_asked, true);
    if (desk->is_open)
        bkt_http_wakeup(http);
    while (desk->is_open && desk->answers == before && rc == BKT_OK) {
        if (pthread_cond_timedwait(&desk->answered, &desk->mutex, &until) == ETIMEDOUT)
            rc = BKT_EBUSY;
    }
    size_t known = size < sizeof(desk->stats) ? size : sizeof(desk->stats);
    memcpy(out_stats, &desk->stats, known);
    (void)pthread_mutex_unlock(&desk->mutex);
    out_stats->size = size;
    return rc;
}
