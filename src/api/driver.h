/*
 * What drives the engine: the loop that serves its wants from the bucket and the writer, for a sync
 * that ends and for a watch that does not.
 *
 * Threads: one, but for bkt_driver_stop() and bkt_driver_list().
 */
#ifndef API_DRIVER_H
#define API_DRIVER_H

#include "api/bucket.h"
#include "api/writer.h"
#include "table/engine.h"

#include <bucketable/sync.h>

#include <stdatomic.h>

/* Takes its turn in the loop. */
struct bkt_driver_part {
    void *ctx;
    int (*tick)(void *ctx, int64_t now_ms, struct bkt_error *err); /* a failure ends the loop */
    int (*wait_ms)(void *ctx, int64_t now_ms);                     /* -1: nothing is due */
    bool (*is_drained)(void *ctx); /* it was stopped: is there nothing left to wait for? */
};

struct bkt_driver_options {
    bool is_live;
    bkt_engine_event_fn *on_event; /* may be NULL, like all that follow */
    void (*on_settled)(void *ctx, void *ticket);
    void (*on_progress)(void *ctx, const struct bkt_counts *counts);
    void *ctx;
    struct bkt_driver_part part; /* tick NULL: none */
    /* Rows go to this target rather than to the configuration's; NULL: they do not. */
    const struct bkt_target_ops *target_ops;
    void *target_self;
    const char *target_state;
};

struct bkt_driver {
    const struct bkt_settings *settings;
    struct bkt_driver_options options;
    struct bkt_bucket bucket;
    struct bkt_table_target target;
    uint64_t epoch;            /* of the table's spec, which is ours */
    struct bkt_engine *engine; /* while it runs, like the writer */
    struct bkt_writer *writer;
    int64_t started_ms;
    int64_t progress_at_ms;
    struct bkt_s3_stats stats_before;
    struct bkt_counts listing_before; /* when the listing under way began */
    uint64_t throttled;               /* answers so far, as was passed on to the engine */
    atomic_bool is_stopped;
    atomic_bool is_list_asked;
};

/* Open bucket and target of a checked configuration; all-zero before. */
BKT_MUST_CHECK int bkt_driver_open(struct bkt_driver *driver,
                                   const struct bkt_config *config,
                                   struct bkt_error *err);
void bkt_driver_close(struct bkt_driver *driver);

/* Attach the table and start engine and writer. */
BKT_MUST_CHECK int bkt_driver_start(struct bkt_driver *driver, struct bkt_error *err);

/* Until the engine is idle; a live one is only when it was stopped.  Ends with what failed. */
BKT_MUST_CHECK int bkt_driver_loop(struct bkt_driver *driver, struct bkt_error *err);

/* End engine and writer; waits for the transaction that runs. */
void bkt_driver_end(struct bkt_driver *driver);

struct bkt_counts bkt_driver_counts(const struct bkt_driver *driver);

/* The same since the newest listing began. */
struct bkt_counts bkt_driver_listing_counts(const struct bkt_driver *driver);

/* Commit what is whole and end the loop; list the bucket now.  From anywhere, also signal handlers.
 */
void bkt_driver_stop(struct bkt_driver *driver);
void bkt_driver_list(struct bkt_driver *driver);

#endif
