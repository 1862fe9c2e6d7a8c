/*
 * Keys that are kept until later, in a file that nobody sees and that goes with the process: first
 * written, then read.  All-zero is empty.
 */
#ifndef API_SPOOL_H
#define API_SPOOL_H

#include "core/buf.h"

#include <bucketable/error.h>

#include <stdio.h>

struct bkt_spool {
    FILE *file; /* NULL: nothing was kept */
    struct bkt_buf key;
};

void bkt_spool_clear(struct bkt_spool *spool);

BKT_MUST_CHECK int bkt_spool_add(struct bkt_spool *spool,
                                 struct bkt_str key,
                                 struct bkt_error *err);

/* From the first one; no more are added. */
BKT_MUST_CHECK int bkt_spool_rewind(struct bkt_spool *spool, struct bkt_error *err);

/* Valid until the next; *out_has_key is false past the last. */
BKT_MUST_CHECK int bkt_spool_next(struct bkt_spool *spool,
                                  struct bkt_str *out_key,
                                  bool *out_has_key,
                                  struct bkt_error *err);

#endif
