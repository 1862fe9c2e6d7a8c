/*
 * An object of the bucket as a listing or the head of an answer shows it: the word that the parts
 * have in common.
 */
#ifndef CORE_OBJECT_H
#define CORE_OBJECT_H

#include "core/str.h"

enum { BKT_KEY_BYTES_MAX = 1024 }; /* of a key, in UTF-8 (Amazon S3 User Guide, "Naming objects") */

/* Views; whoever made the object says how long they live.  Empty or absent is the same. */
struct bkt_object {
    struct bkt_str key;           /* decoded bytes from the root of the bucket */
    struct bkt_str etag;          /* without quotes and `W/`; some servers list none */
    struct bkt_str storage_class; /* empty means STANDARD */
    uint64_t size;                /* bytes as stored */
    int64_t last_modified_ms;     /* wall time, or BKT_TIME_NONE; whole seconds on many servers */
};

/* `W/"x"`, `"x"` and `x` are the tag x. */
struct bkt_str bkt_bare_etag(struct bkt_str etag);

/* The head of a read lacks the milliseconds that many listings have: take them over. */
void bkt_object_refine_time(struct bkt_object *read, int64_t listed_ms);

/*
 * A fingerprint of the storage class in the bits of BKT_CLASS_MARK_BITS, so that a class can be
 * compared where there is no room for its name; 0: STANDARD.
 */
enum { BKT_CLASS_MARK_BITS = 0x7fffff00 };
unsigned bkt_class_mark(struct bkt_str storage_class);

/* What only a read of the object tells. */
struct bkt_object_extra {
    struct bkt_str version_id;
    struct bkt_str content_type;
    struct bkt_str metadata; /* a JSON object of the x-amz-meta-* headers; empty: none */
};

/*
 * Copy both into one new block, which the caller frees with bkt_mem_free(); the copies' views point
 * into it.  NULL when memory is out.  The outputs may be the inputs.
 */
BKT_MUST_CHECK char *bkt_object_dup(const struct bkt_object *object,
                                    const struct bkt_object_extra *extra,
                                    struct bkt_object *out_object,
                                    struct bkt_object_extra *out_extra);

#endif
