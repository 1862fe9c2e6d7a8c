/*
 * bucketable/check.h - try everything that a sync or a watch will need, and tell what is wrong and
 * what mends it.
 *
 * Nothing is changed: messages that are looked at go back to the queue, no table and no file is
 * made.  Only `write_test` writes, and removes, an object of its own.
 *
 * Threads:  one struct bkt_check is used by one thread at a time, but for bkt_check_stop().
 * Memory:   what a callback receives is valid until it returns.
 * Blocking: bkt_check_run() waits for the network.
 */
#ifndef BKT_CHECK_H
#define BKT_CHECK_H

#include <bucketable/config.h>

BKT_BEGIN_DECLS

struct bkt_check;

enum bkt_check_result {
    BKT_CHECK_OK,
    BKT_CHECK_WARNING, /* it works, but perhaps not as is meant, or it could not be found out */
    BKT_CHECK_WRONG,
};

/* One thing that was tried.  New members go last. */
struct bkt_finding {
    const char *check; /* "list", "queue-policy": a name that programs may rely on */
    enum bkt_check_result result;
    const char *detail; /* one line: what was tried, and what came back */
    const char *fix;    /* the command or policy statement that mends it; NULL: none is known */
};

typedef void bkt_finding_fn(void *ctx, const struct bkt_finding *finding);

/* New members go last; `size` says which ones the caller knows. */
struct bkt_check_options {
    size_t size;          /* sizeof(struct bkt_check_options) */
    bool write_test;      /* put an object, read it, delete it */
    bkt_finding_fn *told; /* in the order of trying */
    void *ctx;
};

struct bkt_check_counts {
    uint64_t ok;
    uint64_t warnings;
    uint64_t wrong;
};

/*
 * Checks the configuration (BKT_ECONFIG); the target too where one is named.  `config` is borrowed
 * and must outlive it, `options` is copied.
 */
BKT_API BKT_MUST_CHECK int bkt_check_new(const struct bkt_config *config,
                                         const struct bkt_check_options *options,
                                         struct bkt_check **out_check,
                                         struct bkt_error *err);

/* NULL is fine. */
BKT_API void bkt_check_free(struct bkt_check *check);

/*
 * Try everything.  What is found wrong is told and counted, and no failure of this call: that is
 * BKT_ECONFIG (AWS files that cannot be read), BKT_ECANCELED or BKT_ENOMEM.
 */
BKT_API BKT_MUST_CHECK int bkt_check_run(struct bkt_check *check,
                                         struct bkt_check_counts *out_counts,
                                         struct bkt_error *err);

/* End it soon, with BKT_ECANCELED.  From any thread, also from a signal handler. */
BKT_API void bkt_check_stop(struct bkt_check *check);

BKT_END_DECLS

#endif
