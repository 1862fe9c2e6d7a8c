/*
 * bucketable/watch.h - make a table equal to a bucket and keep it so: events, and listings now and
 * then, until it is told to stop.
 *
 * Threads:  one struct bkt_watch is used by one thread at a time, but for bkt_watch_stop(),
 *           bkt_watch_list() and bkt_watch_stats(); any number may run side by side.
 * Memory:   what a callback receives is valid until it returns.
 * Blocking: bkt_watch_run() returns when it was stopped, or cannot go on.
 */
#ifndef BKT_WATCH_H
#define BKT_WATCH_H

#include <bucketable/stats.h>
#include <bucketable/sync.h>

BKT_BEGIN_DECLS

struct bkt_watch;

/* Each may be NULL.  New members go last; `size` says which ones the caller knows. */
struct bkt_watch_callbacks {
    size_t size; /* sizeof(struct bkt_watch_callbacks) */
    void *ctx;
    /* Something that is allowed but surely not meant: one line. */
    void (*warning)(void *ctx, const char *message);
    /* Some times a second while the first listing runs. */
    void (*progress)(void *ctx, const struct bkt_counts *counts);
    /* Once: events are being received and the first listing is in the table. */
    void (*ready)(void *ctx);
    /* After the commit. */
    void (*upserted)(void *ctx, const char *key, size_t key_len);
    void (*deleted)(void *ctx, const char *key, size_t key_len);
    /* A listing is complete and in the table; the counts are of the time since it began. */
    void (*synced)(void *ctx, const struct bkt_counts *counts);
    /* Trouble that it survives.  `key` is NULL unless it is one object's. */
    void (*error)(void *ctx, const char *message, const char *key, size_t key_len);
};

/* As bkt_sync_new(). */
BKT_API BKT_MUST_CHECK int bkt_watch_new(const struct bkt_config *config,
                                         const struct bkt_watch_callbacks *callbacks,
                                         struct bkt_watch **out_watch,
                                         struct bkt_error *err);

/* NULL is fine. */
BKT_API void bkt_watch_free(struct bkt_watch *watch);

/*
 * Follow the bucket.  BKT_OK when it was stopped: what is whole is committed, and acknowledged.  At
 * the start it fails where nothing would ever come: a missing queue, refused credentials,
 * BKT_EGUARD.
 */
BKT_API BKT_MUST_CHECK int bkt_watch_run(struct bkt_watch *watch, struct bkt_error *err);

/* End soon.  From any thread, also from a signal handler. */
BKT_API void bkt_watch_stop(struct bkt_watch *watch);

/* List the bucket now.  From any thread, also from a signal handler. */
BKT_API void bkt_watch_list(struct bkt_watch *watch);

/*
 * How it is doing, asked of the loop; set out_stats->size before.  From any thread but the one that
 * runs it, until bkt_watch_free().  BKT_EBUSY when no answer came in time; what was told last is in
 * `out_stats` then, and also before and after bkt_watch_run().
 */
BKT_API BKT_MUST_CHECK int bkt_watch_stats(struct bkt_watch *watch,
                                           int timeout_ms,
                                           struct bkt_stats *out_stats);

BKT_END_DECLS

#endif
