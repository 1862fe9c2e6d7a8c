/*
 * bucketable/stats.h - how a watch is doing, in numbers.
 *
 * Counts are since bkt_watch_run() began, times of day are milliseconds since 1970 (UTC).
 */
#ifndef BKT_STATS_H
#define BKT_STATS_H

#include <bucketable/sync.h>

BKT_BEGIN_DECLS

enum {
    BKT_STATS_TEXT_BYTES = 512,
    BKT_STATS_CHANNELS_MAX = 2,
    BKT_STATS_COMMIT_BOUNDS = 12,
};

/* Where requests go, and how they were answered. */
enum bkt_stats_operation {
    BKT_STATS_LIST,
    BKT_STATS_GET,
    BKT_STATS_OTHER,
    BKT_STATS_OPERATIONS,
};
enum bkt_stats_answer {
    BKT_STATS_NO_ANSWER, /* the connection failed, or time was up */
    BKT_STATS_1XX,
    BKT_STATS_2XX,
    BKT_STATS_3XX,
    BKT_STATS_4XX,
    BKT_STATS_5XX,
    BKT_STATS_ANSWERS,
};

/* Something does not work.  since_ms 0: it does. */
struct bkt_stats_trouble {
    int64_t since_ms;
    char text[BKT_STATS_TEXT_BYTES];
};

/* A way that events come. */
struct bkt_stats_channel {
    const char *name;      /* "sqs", "redis", "minio" */
    uint64_t received;     /* messages */
    uint64_t acknowledged; /* all that they led to is durable */
    uint64_t irrelevant;   /* of them: test events, other buckets, nothing to do */
    uint64_t poison;       /* not understood, left to the queue's dead-letter policy */
    uint64_t unsettled;    /* now: received, and not durable yet */
    int64_t depth;         /* messages that wait on the server, as it says; -1: not known */
    struct bkt_stats_trouble trouble;
};

/* How long transactions took.  counts[i]: up to bkt_stats_commit_bound_s(i); the last: longer. */
struct bkt_stats_commits {
    uint64_t counts[BKT_STATS_COMMIT_BOUNDS + 1];
    double sum_s;
};

/* New members go last; `size` says which ones the caller knows. */
struct bkt_stats {
    size_t size; /* sizeof(struct bkt_stats), set by the caller */
    int64_t now_ms;
    int64_t started_ms;
    bool is_ready;   /* events are being received and the first listing is in the table */
    bool is_listing; /* one is under way */
    struct bkt_counts counts;
    uint64_t rows;        /* of the table, as far as this process knows */
    uint64_t working_on;  /* keys that are being read or committed */
    int64_t listed_at_ms; /* the end of the newest listing; 0: none yet */
    double listing_s;     /* and how long it took */
    uint64_t failed_now;  /* objects that could not be made rows, counted at its end */
    double lag_s;         /* age of the oldest change that was heard of and is not durable yet */
    uint64_t requests[BKT_STATS_OPERATIONS][BKT_STATS_ANSWERS];
    uint64_t throttled; /* answers that asked to slow down */
    struct bkt_stats_commits commits;
    struct bkt_stats_trouble table; /* the bucket cannot be listed, or the target written to */
    size_t channel_count;
    struct bkt_stats_channel channels[BKT_STATS_CHANNELS_MAX];
};

/* Seconds; rising. */
BKT_API double bkt_stats_commit_bound_s(size_t i);

/*
 * Why a watch is not healthy, or NULL when it is: its events or its table have been in trouble for
 * longer than `limit_ms`.  Points into `stats`.
 */
BKT_API const char *bkt_stats_illness(const struct bkt_stats *stats, int64_t limit_ms);

BKT_END_DECLS

#endif
