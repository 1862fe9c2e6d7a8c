/*
 * What a file's tables are and how they fare, from their state alone: the file is only read.
 */
#ifndef TARGETS_SQLITE_STATUS_H
#define TARGETS_SQLITE_STATUS_H

#include "core/str.h"

#include <bucketable/error.h>

/* One table.  Views are valid until the callback returns; times are BKT_TIME_NONE when never. */
struct bkt_sqlite_table_status {
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
};

/* Callbacks; what they return other than BKT_OK ends the reading and is returned. */
struct bkt_sqlite_status {
    int (*table)(void *ctx, const struct bkt_sqlite_table_status *status, struct bkt_error *err);
    /* Failed keys of the table before, in the order of their bytes. */
    int (*failed)(void *ctx, struct bkt_str key, struct bkt_str reason, struct bkt_error *err);
    void *ctx;
};

/*
 * Tell of each table in the file, by name, in one snapshot.  BKT_ETARGET: no such file, no
 * database, none of ours in it, or one made by a newer version.
 */
BKT_MUST_CHECK int bkt_sqlite_status_read(const char *path,
                                          const struct bkt_sqlite_status *status,
                                          struct bkt_error *err);

#endif
