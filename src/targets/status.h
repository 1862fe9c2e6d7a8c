/*
 * How tables fare, from their state alone: what every kind of target tells of them.
 */
#ifndef TARGETS_STATUS_H
#define TARGETS_STATUS_H

#include "core/str.h"

#include <bucketable/error.h>

/* One table.  Views are valid until the callback returns; times are BKT_TIME_NONE when never. */
struct bkt_status_table {
    struct bkt_str table;
    struct bkt_str source;
    struct bkt_str spec; /* canonical JSON */
    uint64_t row_count;
    uint64_t failed_count;
    uint64_t epoch;
    uint64_t clock;
    int64_t updated_ms; /* the newest commit */
    /* The last complete listing. */
    int64_t listing_ended_ms;
    uint64_t listing_listed;
    uint64_t listing_matched;
    uint64_t listing_failed;
    bool keeps_workers; /* worker() is going to tell of each that there is */
};

/* A process on the table, by what it last told. */
struct bkt_status_worker {
    struct bkt_str host;
    int64_t pid;
    bool is_lister;
    int64_t started_ms;
    int64_t seen_ms;
    int64_t silent_ms; /* since then, by the database's clock */
    uint64_t changes;  /* that it committed */
    uint64_t epoch;    /* of its spec */
};

/* Callbacks; what they return other than BKT_OK ends the reading and is returned. */
struct bkt_status_told {
    /* By name. */
    int (*table)(void *ctx, const struct bkt_status_table *table, struct bkt_error *err);
    /* Workers of the table before, and before its failed keys.  May be NULL. */
    int (*worker)(void *ctx, const struct bkt_status_worker *worker, struct bkt_error *err);
    /* Failed keys of the table before, in the order of their bytes.  May be NULL. */
    int (*failed)(void *ctx, struct bkt_str key, struct bkt_str reason, struct bkt_error *err);
    void *ctx;
};

#endif
