/*
 * Percent-encoding (RFC 3986, section 2.1) as Amazon's services use it: all but A-Z a-z 0-9 - _ . ~
 * becomes %XX in upper case, a space included.  The form-style reading takes `+` for a space.
 *
 * Bytes are bytes: no character set is looked at, no `..` or `//` is touched.
 */
#ifndef CORE_PERCENT_H
#define CORE_PERCENT_H

#include "core/buf.h"

enum bkt_percent_slash {
    BKT_PERCENT_KEEP_SLASH,   /* paths */
    BKT_PERCENT_ENCODE_SLASH, /* query names and values */
};

/* Append the encoded form; BKT_ELIMIT or BKT_ENOMEM, and then `buf` is as before. */
BKT_MUST_CHECK int bkt_percent_encode(struct bkt_buf *buf,
                                      struct bkt_str bytes,
                                      enum bkt_percent_slash slash);

/*
 * Decode once: `+` is a space, %XX (either case) a byte, and a `%` that two hex digits do not
 * follow is itself.  `out` has room for text.len bytes and may be text.ptr.  Returns the decoded
 * length.
 */
size_t bkt_percent_decode_form(char *out, struct bkt_str text);

/* False: bkt_percent_decode_form() would change nothing. */
bool bkt_percent_is_encoded(struct bkt_str text);

#endif
