/*
 * Object keys on the wire.  A key is opaque bytes, 1 to 1024 of them; nothing here normalizes one.
 */
#ifndef S3_KEY_H
#define S3_KEY_H

#include "core/arena.h"
#include "core/buf.h"

/* As the path of a URL, without a slash in front: `a b/c` is `a%20b/c`.  BKT_ELIMIT, BKT_ENOMEM. */
BKT_MUST_CHECK int bkt_key_encode_path(struct bkt_buf *buf, struct bkt_str key);

/* As the value of a query parameter: `a b/c` is `a%20b%2Fc`.  BKT_ELIMIT, BKT_ENOMEM. */
BKT_MUST_CHECK int bkt_key_encode_query(struct bkt_buf *buf, struct bkt_str key);

/*
 * A key as listings with `<EncodingType>url</EncodingType>` and S3's own event records show it: `+`
 * is a space, %XX a byte, anything else itself.  The answer is `text` where nothing is to be
 * decoded, else a copy from `arena`.  BKT_ENOMEM.
 */
BKT_MUST_CHECK int bkt_key_decode(struct bkt_arena *arena,
                                  struct bkt_str text,
                                  struct bkt_str *out_key);

#endif
