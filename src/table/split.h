/*
 * Where to cut a range of keys in two, so that both halves can be listed at once.
 *
 * All that is known of the keys still to come is the page before them.  Keys are read as fractions
 * whose digits are the bytes seen in keys so far, and one digit for each gap between these.  How
 * much of that space the last page took says how many pages the rest would fill, were they all
 * alike.  They hardly ever are, so the guess is only as good as the scale it is made at: where the
 * rest looks immensely larger than the page, the cut goes to a scale between the two instead of
 * into the middle, or a long prefix that all keys share would cost one request per bit.
 *
 * Pure arithmetic: a bad cut costs time, never a key.  One thread.
 */
#ifndef TABLE_SPLIT_H
#define TABLE_SPLIT_H

#include "core/buf.h"

/* Which bytes keys are made of.  All-zero: none has been seen. */
struct bkt_alphabet {
    uint64_t seen[4];
};

void bkt_alphabet_see(struct bkt_alphabet *alphabet, struct bkt_str text);

/* A range that is being listed: `first` <= `last` < `up_to`. */
struct bkt_split_range {
    struct bkt_str first; /* key of the newest page */
    struct bkt_str last;
    struct bkt_str up_to; /* empty: to the last key */
};

/*
 * How many pages follow the newest one, were they as wide as that.  From 0 to infinity, never NaN.
 */
double bkt_split_pages(const struct bkt_alphabet *alphabet, const struct bkt_split_range *range);

/*
 * A key above `last` and below `up_to` that cuts off the upper part; false when none was found.
 * `lean` is where the cut goes when the scales differ too much for the middle: 0, as far behind
 * `last` as the page is wide, to 1, at `up_to`; 0.5 is the scale between.  The key is UTF-8 if
 * `last` and `up_to` are; BKT_ENOMEM and BKT_ELIMIT are those of `out_key`.
 */
BKT_MUST_CHECK int bkt_split_cut(const struct bkt_alphabet *alphabet,
                                 const struct bkt_split_range *range,
                                 double lean,
                                 struct bkt_buf *out_key,
                                 bool *out_found);

#endif
