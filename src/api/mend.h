/*
 * Rows made anew, whatever their state says of them, and then a sync: by the engine, like any other
 * change.
 *
 * Threads: one, but for bkt_mend_stop().
 */
#ifndef API_MEND_H
#define API_MEND_H

#include "api/driver.h"
#include "api/spool.h"

/* All-zero is idle. */
struct bkt_mend {
    struct bkt_driver driver;
    struct bkt_spool *keys;
    bool is_fed;     /* every key is with the engine, and the listing is asked for */
    uint64_t mended; /* by then */
    atomic_bool is_stopped;
};

/* `config` was checked; `keys` are read from their first. */
BKT_MUST_CHECK int bkt_mend_run(struct bkt_mend *mend,
                                const struct bkt_config *config,
                                struct bkt_spool *keys,
                                struct bkt_counts *out_counts,
                                struct bkt_error *err);

/* Commit what is whole and end it.  From anywhere, also signal handlers. */
void bkt_mend_stop(struct bkt_mend *mend);

#endif
