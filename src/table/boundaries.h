/*
 * Keys that cut a bucket into ranges of equal length, found while it is listed and kept for the
 * next time: that one is spread over all slots at once.
 *
 * The ends of pages are gathered as they come, in any order.  When they are many, every other one
 * is dropped, so that memory does not grow with the bucket.  What is kept is a guess about the
 * future: wrong boundaries cost time, never a key.
 *
 * One thread.
 */
#ifndef TABLE_BOUNDARIES_H
#define TABLE_BOUNDARIES_H

#include "core/arena.h"
#include "core/buf.h"

struct bkt_boundary;

/* All-zero is empty. */
struct bkt_boundaries {
    struct bkt_boundary *ends;
    size_t count;
    size_t room;
    uint64_t page_keys; /* of the longest page */
};

/*
 * A page of `keys` keys ended at `last`, which is copied.  BKT_ENOMEM.
 */
BKT_MUST_CHECK int bkt_boundaries_add(struct bkt_boundaries *boundaries,
                                      struct bkt_str last,
                                      uint64_t keys);

/*
 * Write them as bytes for bkt_boundaries_read(): at most 256, at least two pages apart, none for a
 * bucket that is not worth it.  BKT_ENOMEM; BKT_ELIMIT is that of `out`.
 */
BKT_MUST_CHECK int bkt_boundaries_write(struct bkt_boundaries *boundaries, struct bkt_buf *out);

/*
 * The keys that were written, ascending: views of `bytes`, in an array from `arena`.  Bytes that
 * are not what was written give those keys up to the mistake.  BKT_ENOMEM.
 */
BKT_MUST_CHECK int bkt_boundaries_read(struct bkt_str bytes,
                                       struct bkt_arena *arena,
                                       const struct bkt_str **out_keys,
                                       size_t *out_count);

void bkt_boundaries_clear(struct bkt_boundaries *boundaries); /* usable again */

#endif
