/*
 * bucketable/sync.h - make a table equal to a bucket, once.
 *
 * Threads:  one struct bkt_sync is used by one thread at a time, but for bkt_sync_stop(); any
 * number may run side by side. Memory:   what a callback receives is valid until it returns.
 * Blocking: bkt_sync_run() waits until it is done.
 */
#ifndef BKT_SYNC_H
#define BKT_SYNC_H

#include <bucketable/config.h>

BKT_BEGIN_DECLS

struct bkt_sync;

/* Counts of objects, but for `bytes` of content and those of requests.  New members go last. */
struct bkt_counts {
    uint64_t listed;  /* in the bucket, as far as was asked for */
    uint64_t matched; /* of them: rows that the bucket calls for */
    uint64_t added;
    uint64_t updated;
    uint64_t deleted;
    uint64_t unchanged;
    uint64_t failed; /* could not be made rows: `status` names them */
    uint64_t bytes;
    uint64_t list_requests; /* each try counts */
    uint64_t get_requests;
    uint64_t retries;
    double seconds;
    uint64_t events_missed; /* changes that a later listing found before any event told of them */
};

/* New members go last; `size` says which ones the caller knows. */
struct bkt_sync_callbacks {
    size_t size; /* sizeof(struct bkt_sync_callbacks) */
    void *ctx;
    /* Something that is allowed but surely not meant: one line. */
    void (*warning)(void *ctx, const char *message);
    /* Some times a second while it runs. */
    void (*progress)(void *ctx, const struct bkt_counts *counts);
    /* An object could not be made a row; the reason is recorded. */
    void (*failed)(void *ctx, const char *key, size_t key_len, const char *reason);
};

/*
 * Prepare: checks the configuration (BKT_ECONFIG), finds credentials and region, opens the target.
 * `config` is borrowed and must outlive the sync; `callbacks` may be NULL.
 */
BKT_API BKT_MUST_CHECK int bkt_sync_new(const struct bkt_config *config,
                                        const struct bkt_sync_callbacks *callbacks,
                                        struct bkt_sync **out_sync,
                                        struct bkt_error *err);

/* NULL is fine. */
BKT_API void bkt_sync_free(struct bkt_sync *sync);

/*
 * Do it; may be called again.  `out_counts` is filled in also on failure: what was committed is
 * whole and stays.  BKT_EGUARD: max_deletes stopped it, nothing was removed.  BKT_ECANCELED: it was
 * stopped. Some objects failing is no failure: see counts.failed.
 */
BKT_API BKT_MUST_CHECK int bkt_sync_run(struct bkt_sync *sync,
                                        struct bkt_counts *out_counts,
                                        struct bkt_error *err);

/* Commit what is whole and return soon.  From any thread, also from a signal handler. */
BKT_API void bkt_sync_stop(struct bkt_sync *sync);

BKT_END_DECLS

#endif
