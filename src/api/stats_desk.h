/*
 * Where other threads ask the loop how it is doing.  The loop is asked, rather than telling all the
 * time: numbers that nobody wants cost nothing, and those that somebody gets are of now.
 *
 * Threads: ask() from any; the rest from the loop's.
 */
#ifndef API_STATS_DESK_H
#define API_STATS_DESK_H

#include "aws/http.h"

#include <bucketable/stats.h>

#include <pthread.h>
#include <stdatomic.h>

struct bkt_stats_desk {
    pthread_mutex_t mutex; /* guards what follows, but for is_asked */
    pthread_cond_t answered;
    uint64_t answers;
    bool is_open; /* the loop runs, and will answer */
    struct bkt_stats stats;
    atomic_bool is_asked;
};

void bkt_stats_desk_init(struct bkt_stats_desk *desk);
void bkt_stats_desk_clear(struct bkt_stats_desk *desk);

/* While it is not open the last answer stands. */
void bkt_stats_desk_open(struct bkt_stats_desk *desk, bool is_open);

/* Whether somebody waits for answer(); asked in each turn of the loop. */
bool bkt_stats_desk_is_asked(struct bkt_stats_desk *desk);
void bkt_stats_desk_answer(struct bkt_stats_desk *desk, const struct bkt_stats *stats);

/* BKT_EBUSY when no answer came in time; `out_stats` has the last one then. */
BKT_MUST_CHECK int bkt_stats_desk_ask(struct bkt_stats_desk *desk,
                                      struct bkt_http *http,
                                      int timeout_ms,
                                      struct bkt_stats *out_stats);

#endif
