/*
 * bucketable/plan.h - what a sync would do, without doing it.
 *
 * The bucket is listed and held against the table's state; nothing is read but the listing, and
 * nothing is written or made.  A sync right after does just that, but for what only an object's
 * content can tell: one that turns out not to be text under text_errors=strict, or too large for
 * the target, is a failure rather than a row.
 *
 * Threads:  one struct bkt_plan is used by one thread at a time, but for bkt_plan_stop().
 * Memory:   what a callback receives is valid until it returns.
 * Blocking: all but new and free wait for the network.
 */
#ifndef BKT_PLAN_H
#define BKT_PLAN_H

#include <bucketable/config.h>

BKT_BEGIN_DECLS

struct bkt_plan;

enum bkt_step_op {
    BKT_STEP_ADD,    /* a row is missing */
    BKT_STEP_UPDATE, /* a row is another than the object's */
    BKT_STEP_DELETE, /* a row that should not be */
};

/* What it takes to make one row right. */
struct bkt_step {
    enum bkt_step_op op;
    const char *key; /* any bytes */
    size_t key_len;
};

/* Non-zero ends the run, which returns it. */
typedef int bkt_step_fn(void *ctx, const struct bkt_step *step);

/* Counts of objects or rows.  New members go last. */
struct bkt_plan_counts {
    uint64_t listed;
    uint64_t matched;
    uint64_t added;
    uint64_t updated;
    uint64_t deleted;
    uint64_t unchanged;
    uint64_t failed; /* as is known, no (newer) row can be made of them */
    uint64_t rows;   /* of the table now */
    /* More would be deleted than max_deletes allows: a sync deletes none and stops. */
    bool is_guarded;
    uint64_t deletes_max; /* what it allows; UINT64_MAX: any number */
};

/* Checks the configuration and finds credentials.  `config` is borrowed and must outlive it. */
BKT_API BKT_MUST_CHECK int bkt_plan_new(const struct bkt_config *config,
                                        struct bkt_plan **out_plan,
                                        struct bkt_error *err);

/* NULL is fine. */
BKT_API void bkt_plan_free(struct bkt_plan *plan);

/* Tell each step in the order of the keys' bytes; may be called again.  A table that is not there
 * is empty; one of another source is refused, as a sync would (BKT_EFOREIGN). */
BKT_API BKT_MUST_CHECK int bkt_plan_run(struct bkt_plan *plan,
                                        bkt_step_fn *fn,
                                        void *ctx,
                                        struct bkt_plan_counts *out_counts,
                                        struct bkt_error *err);

/* End it soon, with BKT_ECANCELED.  From any thread, also from a signal handler. */
BKT_API void bkt_plan_stop(struct bkt_plan *plan);

BKT_END_DECLS

#endif
