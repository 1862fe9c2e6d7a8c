/* The lister's own state, shared by its files and nobody else. */
#ifndef TABLE_LISTER_INT_H
#define TABLE_LISTER_INT_H

#include "table/chain.h"
#include "table/lister.h"
#include "table/split.h"

struct bkt_lister {
    const struct bkt_filter *filter;
    const char *bucket;
    struct bkt_arena arena;
    struct bkt_chain *chains;
    size_t chain_count;
    size_t chain_room;
    size_t done_count;
    struct bkt_span *gaps;
    size_t gap_count;
    size_t gap_next;
    bool ignores_start_after;
    bool has_jumped; /* over an excluded directory */

    /* For splitting. */
    size_t slots;
    struct bkt_alphabet alphabet;
    uint64_t page_count; /* with keys */
    size_t probe_count;  /* under way */
    uint64_t miss_count; /* probes that found nothing */
    uint64_t last_name;
};

/* lister.c: a place for one more chain, not yet filled.  It may move the others.  BKT_ENOMEM. */
int bkt_lister_find_place(struct bkt_lister *lister, size_t *out_index);

/* lister_split.c */
void bkt_lister_enroll(struct bkt_lister *lister, struct bkt_chain *chain); /* a new one */
void bkt_lister_estimate(const struct bkt_lister *lister, struct bkt_chain *chain);
void bkt_lister_judge_probe(struct bkt_lister *lister, struct bkt_chain *chain, bool has_keys);

/*
 * Split the chain that has the longest way to go.  False when none is worth it.  Without memory
 * there is one range less, and no other harm.
 */
bool bkt_lister_split(struct bkt_lister *lister, size_t *out_index);

#endif
