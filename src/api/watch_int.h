/* A watch's own state, shared by its files and nobody else. */
#ifndef API_WATCH_INT_H
#define API_WATCH_INT_H

#include "api/channels.h"
#include "api/driver.h"
#include "api/guard.h"
#include "api/stats_desk.h"
#include "core/time.h"

#include <bucketable/watch.h>

/* A message whose keys are on their way into the table. */
struct ticket {
    struct listener *listener;
    uint64_t token;
    size_t open; /* keys that are not durable yet */
    int64_t received_ms;
    struct ticket *older, *newer;
    struct ticket *next_unmatched;
};

/* A channel, and what its callbacks need to know. */
struct listener {
    struct bkt_watch *watch;
    struct bkt_channel channel;
    bool was_ready;
    struct bkt_stats_trouble trouble;
};

struct bkt_watch {
    struct bkt_guard guard;
    struct bkt_watch_callbacks callbacks;
    const struct bkt_log *log; /* for what no callback takes */
    struct bkt_driver driver;
    struct listener listeners[BKT_CHANNELS_MAX];
    size_t listener_count;
    struct ticket *oldest, *newest;
    struct ticket *unmatched;   /* messages without a key of ours, to be settled */
    int64_t unmatched_after_ms; /* not before: the target could not be asked */
    bool skips_listing;         /* the first one */
    bool has_listed;
    bool was_told_ready;
    int64_t refresh_at_ms; /* INT64_MAX: never */
    int64_t now_ms;
    int64_t drain_until_ms; /* 0: it was not stopped */
    int rc;                 /* what a channel cannot do without */
    struct bkt_error err;

    struct bkt_stats_desk desk;
    int64_t started_wall_ms;
    int64_t listed_wall_ms; /* 0: none is complete */
    double listing_s;
    struct bkt_stats_trouble trouble; /* of bucket or target */
};

/* watch_stats.c: what bkt_watch_stats() tells. */
void bkt_watch_stats_begin(struct bkt_watch *watch);
void bkt_watch_stats_listed(struct bkt_watch *watch, double seconds);
void bkt_watch_stats_trouble(struct bkt_stats_trouble *trouble, const char *message);
void bkt_watch_stats_tick(struct bkt_watch *watch);

#endif
