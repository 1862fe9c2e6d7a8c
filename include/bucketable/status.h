/*
 * bucketable/status.h - how the tables of a target fare, from their state alone: no bucket, no
 * network but the database's, and nothing is changed.
 *
 * Memory:  what a callback receives is valid until it returns.
 */
#ifndef BKT_STATUS_H
#define BKT_STATUS_H

#include <bucketable/config.h>

BKT_BEGIN_DECLS

/* New members go last.  Times are milliseconds since 1970; INT64_MIN: never. */
struct bkt_table_status {
    const char *table;
    const char *source; /* "s3://bucket" */
    uint64_t rows;
    uint64_t failed;        /* keys whose newest try failed */
    int64_t last_change_ms; /* the newest commit */
    /* The last complete listing. */
    int64_t listing_ended_ms;
    uint64_t listing_listed;
    uint64_t listing_matched;
    uint64_t listing_failed;
    int64_t now_ms; /* when it was asked */
    /* The same in ISO 8601; "": never. */
    const char *last_change;
    const char *listing_ended;
    /* Several processes may work on the table, and worker() tells of each that does. */
    bool keeps_workers;
};

/* A sync or watch that works on the table, by what it last told.  New members go last. */
struct bkt_worker_status {
    const char *host;
    int64_t pid;
    bool is_lister;    /* it lists the bucket now; otherwise it follows events */
    bool has_old_spec; /* another process has changed the spec: this one is about to end */
    uint64_t changes;  /* that it committed */
    int64_t started_ms;
    int64_t seen_ms;
    int64_t silent_ms; /* since then, by the database's clock; a living one tells every 10 s */
    /* The same in ISO 8601. */
    const char *started;
    const char *seen;
};

/* Non-zero ends the reading, which returns it.  New members go last. */
struct bkt_status_callbacks {
    size_t size; /* sizeof(struct bkt_status_callbacks) */
    void *ctx;
    /* For each table, by name. */
    int (*table)(void *ctx, const struct bkt_table_status *status);
    /* For each failed key of the table before, in the order of the keys' bytes.  May be NULL. */
    int (*failure)(void *ctx, const char *key, size_t key_len, const char *reason);
    /* For each worker of the table before, before its failed keys.  May be NULL. */
    int (*worker)(void *ctx, const struct bkt_worker_status *worker);
};

/*
 * Read the state that lies beside the configuration's target.  BKT_ETARGET: there is none, or it
 * cannot be read.
 */
BKT_API BKT_MUST_CHECK int bkt_status_read(const struct bkt_config *config,
                                           const struct bkt_status_callbacks *callbacks,
                                           struct bkt_error *err);

BKT_END_DECLS

#endif
