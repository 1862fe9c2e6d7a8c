/*
 * bucketable/verify.h - does the table equal the bucket?  And if it does not, mend it.
 *
 * Three things are held against each other, key by key: the bucket's listing, the table's state,
 * and the rows themselves, which somebody may have changed, removed or added by hand.  A row's
 * content is compared by its length; where text has another length than its object (a byte-order
 * mark, UTF-16, U+FFFD) the object is read.  `is_deep` reads every object.  Metadata columns are
 * not compared.  The table is looked at as it is when the run begins; what a watch changes
 * meanwhile shows as a difference.
 *
 * Threads:  one struct bkt_verify is used by one thread at a time, but for bkt_verify_stop().
 * Memory:   what a callback receives is valid until it returns.  The use of memory does not grow
 *           with the number of objects.
 * Blocking: run and repair wait for the network.
 */
#ifndef BKT_VERIFY_H
#define BKT_VERIFY_H

#include <bucketable/plan.h>
#include <bucketable/sync.h>

BKT_BEGIN_DECLS

struct bkt_verify;

/* New members go last. */
struct bkt_verify_options {
    size_t size;      /* sizeof(struct bkt_verify_options) */
    bool is_deep;     /* read every object and compare it with its row */
    bool will_repair; /* keep, in a temporary file, what bkt_verify_repair() needs to know */
    void *ctx;
    /* An object that could not be compared: one line.  May be NULL. */
    void (*failed)(void *ctx, const char *key, size_t key_len, const char *reason);
};

/* Counts of objects or rows.  New members go last. */
struct bkt_verify_counts {
    uint64_t listed;
    uint64_t matched;
    uint64_t missing;   /* BKT_STEP_ADD */
    uint64_t different; /* BKT_STEP_UPDATE */
    uint64_t extra;     /* BKT_STEP_DELETE */
    uint64_t same;
    uint64_t failed;    /* could not be read or made rows: no difference that a repair would mend */
    bool has_seen_rows; /* false: the target's rows cannot be read back, their state was compared */
};

/* Checks the configuration and finds credentials.  `config` is borrowed and must outlive it. */
BKT_API BKT_MUST_CHECK int bkt_verify_new(const struct bkt_config *config,
                                          const struct bkt_verify_options *options,
                                          struct bkt_verify **out_verify,
                                          struct bkt_error *err);

/* NULL is fine. */
BKT_API void bkt_verify_free(struct bkt_verify *verify);

/*
 * Tell what it would take to make the table right, in the order of the keys' bytes.
 * BKT_EUNSUPPORTED: is_deep, and the target's rows cannot be read back.
 */
BKT_API BKT_MUST_CHECK int bkt_verify_run(struct bkt_verify *verify,
                                          bkt_step_fn *fn,
                                          void *ctx,
                                          struct bkt_verify_counts *out_counts,
                                          struct bkt_error *err);

/*
 * Mend what the last run found: rows that are not what their state says are made anew from their
 * objects, then the table is synced; max_deletes holds.  `out_counts` are the sync's.
 */
BKT_API BKT_MUST_CHECK int bkt_verify_repair(struct bkt_verify *verify,
                                             struct bkt_counts *out_counts,
                                             struct bkt_error *err);

/* End it soon, with BKT_ECANCELED.  From any thread, also from a signal handler. */
BKT_API void bkt_verify_stop(struct bkt_verify *verify);

BKT_END_DECLS

#endif
