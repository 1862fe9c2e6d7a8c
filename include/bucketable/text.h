/*
 * bucketable/text.h - keys as text: they are bytes that strangers choose, and go to terminals and
 * into JSON all the same.
 *
 * `write` is called once or more; a non-zero answer ends the writing and is returned.
 */
#ifndef BKT_TEXT_H
#define BKT_TEXT_H

#include <bucketable/config.h>

BKT_BEGIN_DECLS

/* With control characters, backslashes and bytes that are no UTF-8 as C escapes: `\n`, `\x01`,
 * `\\`. */
BKT_API BKT_MUST_CHECK int bkt_text_escape(const char *bytes,
                                           size_t len,
                                           bkt_write_fn *write,
                                           void *ctx);

/* `"name":"text"`, or where the bytes are no UTF-8 `"name_base64":"..."`. */
BKT_API BKT_MUST_CHECK int bkt_text_json(
    const char *name, const char *bytes, size_t len, bkt_write_fn *write, void *ctx);

BKT_END_DECLS

#endif
