/*
 * Stretches of the key space, (after, up_to], and how to write "all keys that begin with p" as one.
 *
 * S3 keys have at most 1,024 bytes, so a bound padded to more than that is beyond every key.
 */
#ifndef TABLE_SPAN_H
#define TABLE_SPAN_H

#include "core/arena.h"
#include "core/buf.h"
#include "core/object.h"

/* U+10FFFF comes behind whatever else may follow in a key, since S3 wants UTF-8. */
#define BKT_SPAN_LAST_CHARACTER BKT_STR("\xf4\x8f\xbf\xbf")

struct bkt_span {
    struct bkt_str after; /* empty: from the first key */
    struct bkt_str up_to;
    bool has_up_to; /* false: to the last key */
};

/* No key that begins with `prefix` is greater; every greater key does not begin with it. */
BKT_MUST_CHECK int bkt_span_last_of_prefix(struct bkt_arena *arena,
                                           struct bkt_str prefix,
                                           struct bkt_str *out_key);

/*
 * A key below `key` that a server takes as start-after (UTF-8, no control characters at its end, at
 * most 1,024 bytes), as close to it as can be told; empty when there is none.
 */
BKT_MUST_CHECK int bkt_span_start_after(struct bkt_arena *arena,
                                        struct bkt_str key,
                                        struct bkt_str *out_key);

/* How many bytes both begin with; and that, cut so that a server takes it as a prefix: of `a`. */
size_t bkt_span_shared_len(struct bkt_str a, struct bkt_str b);
struct bkt_str bkt_span_shared(struct bkt_str a, struct bkt_str b);

/* The greatest possible key below `key`, which is not empty. */
BKT_MUST_CHECK int bkt_span_before(struct bkt_arena *arena,
                                   struct bkt_str key,
                                   struct bkt_str *out_key);

/*
 * A mark behind every key that begins with `prefix`, which may be a part of the mark.  BKT_ENOMEM,
 * BKT_ELIMIT.
 */
BKT_MUST_CHECK int bkt_span_behind_prefix(struct bkt_str prefix, struct bkt_buf *out_mark);

#endif
