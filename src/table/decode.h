/*
 * Content out of bytes: what a row holds of the object that was read.
 *
 * Pure computation; no I/O.  A byte-order mark decides between UTF-8 and UTF-16 and is no part of
 * the content; without one the bytes are taken for UTF-8.  U+0000 is content here: a target that
 * cannot store it deals with it.
 */
#ifndef TABLE_DECODE_H
#define TABLE_DECODE_H

#include "core/buf.h"

#include <bucketable/error.h>

/* What becomes of an object that cannot be decoded. */
enum bkt_text_errors {
    BKT_TEXT_REPLACE, /* one U+FFFD for each maximal ill-formed subpart */
    BKT_TEXT_STRICT,  /* it is a failed object */
    BKT_TEXT_BYTES,   /* its bytes are the content, mark and all */
};

struct bkt_decode_policy {
    bool binary; /* content is the object's bytes; text_errors is not looked at */
    enum bkt_text_errors text_errors;
};

enum { BKT_DECODE_REASON_BYTES = 64 };

struct bkt_decoded {
    struct bkt_str content; /* a view of `body`, valid until that changes; empty when failed */
    bool replaced;          /* U+FFFD stands for something */
    bool is_bytes;          /* content is bytes rather than UTF-8 */
    bool failed;            /* under STRICT: no content */
    uint32_t decode;        /* how it was made: for the row's state, also when failed */
    char reason[BKT_DECODE_REASON_BYTES]; /* failed: "not valid UTF-8 at byte 17"; else empty */
};

/*
 * Decode a whole object.  Where it is well-formed UTF-8 nothing is copied; else `body` is given the
 * converted text in place of the bytes.  On failure (BKT_ENOMEM, BKT_ELIMIT) `body` is as before.
 */
BKT_MUST_CHECK int bkt_decode(struct bkt_decode_policy policy,
                              struct bkt_buf *body,
                              struct bkt_decoded *out_decoded,
                              struct bkt_error *err);

/* What bkt_decode() gives of an object whose bytes are its content as they are. */
uint32_t bkt_decode_plain(struct bkt_decode_policy policy);

/*
 * Would the object of a row come out the same under `policy`?  `decode` is what bkt_decode() gave
 * when the row was made or, for a failed object, when it failed; `replaced` and `failed` say what
 * became of it then.  Text that needed no repair is the same under every text_errors.
 */
bool bkt_decode_is_current(uint32_t decode,
                           bool replaced,
                           bool failed,
                           struct bkt_decode_policy policy);

/*
 * May a row's content, of that kind and length, be what `decode` rules made of an object of `size`
 * bytes?  True where that cannot be told without reading the object.
 */
bool bkt_decode_may_be(
    uint32_t decode, bool replaced, uint64_t size, bool is_bytes, uint64_t content_len);

#endif
