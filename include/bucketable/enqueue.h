/*
 * bucketable/enqueue.h - put an event for every object that is a row on the queue, so that many
 * watchers fill a table together.
 *
 * The events are native S3 notification records (ObjectCreated:Put), which any consumer of the
 * queue understands.  Each key is sent once, but for a request whose answer was lost, which is made
 * again.
 *
 * Threads:  one struct bkt_enqueue is used by one thread at a time, but for bkt_enqueue_stop().
 * Blocking: bkt_enqueue_run() waits until the queue has all of them.
 */
#ifndef BKT_ENQUEUE_H
#define BKT_ENQUEUE_H

#include <bucketable/config.h>

BKT_BEGIN_DECLS

struct bkt_enqueue;

/* New members go last. */
struct bkt_enqueue_options {
    size_t size; /* sizeof(struct bkt_enqueue_options) */
    /* Only objects whose rows are missing or other, by the state of the configuration's target. */
    bool only_changed;
};

/* Counts of objects.  New members go last. */
struct bkt_enqueue_counts {
    uint64_t listed;
    uint64_t matched; /* are rows */
    uint64_t sent;
    uint64_t failed; /* refused by the queue, each for itself */
    double seconds;
    char refusal[400]; /* why the first one was; "": none */
};

/*
 * Checks the configuration, which names a queue ("sqs_queue_url"), and finds credentials.  `config`
 * is borrowed and must outlive it; `options` may be NULL.
 */
BKT_API BKT_MUST_CHECK int bkt_enqueue_new(const struct bkt_config *config,
                                           const struct bkt_enqueue_options *options,
                                           struct bkt_enqueue **out_enqueue,
                                           struct bkt_error *err);

/* NULL is fine. */
BKT_API void bkt_enqueue_free(struct bkt_enqueue *enqueue);

/* `out_counts` is filled in also on failure. */
BKT_API BKT_MUST_CHECK int bkt_enqueue_run(struct bkt_enqueue *enqueue,
                                           struct bkt_enqueue_counts *out_counts,
                                           struct bkt_error *err);

/* End it soon, with BKT_ECANCELED.  From any thread, also from a signal handler. */
BKT_API void bkt_enqueue_stop(struct bkt_enqueue *enqueue);

BKT_END_DECLS

#endif
