/*
 * The whole key space of a bucket, stretch after stretch in the order of the keys: pages of its
 * listing, and the gaps between them in which no row can lie.
 */
#ifndef API_WALKER_H
#define API_WALKER_H

#include "api/asker.h"
#include "table/merge.h"

struct bkt_walker {
    struct bkt_asker *asker;
    struct bkt_lister *lister;
    struct bkt_merge *page; /* at hand, waiting for a gap before it */
    struct bkt_covered gap;
    bool has_gap;
};

BKT_MUST_CHECK int bkt_walker_begin(struct bkt_walker *walker,
                                    struct bkt_asker *asker,
                                    struct bkt_error *err);
/* All-zero and half-begun ones are fine. */
void bkt_walker_end(struct bkt_walker *walker);

/*
 * The next stretch, begun and ready to be run, to be freed with bkt_walker_free(); NULL past the
 * last one.  State of any revision counts as older than the page.
 */
BKT_MUST_CHECK int bkt_walker_next(struct bkt_walker *walker,
                                   struct bkt_merge **out_merge,
                                   struct bkt_error *err);
void bkt_walker_free(struct bkt_merge *merge);

#endif
