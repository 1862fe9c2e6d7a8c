/*
 * JSON, appended piece by piece to a buffer.  Commas and braces are the caller's.
 *
 * Errors are the buffer's: BKT_ELIMIT, BKT_ENOMEM; what was appended before the failure may stay.
 */
#ifndef CORE_JSON_WRITE_H
#define CORE_JSON_WRITE_H

#include "core/buf.h"

/*
 * The pieces of a JSON string, for who writes without a buffer: how many bytes from `at` on stand
 * for themselves; what stands for a byte that does not, and its length; the base64 of some bytes,
 * with padding, and its length (4 for each 3 or a rest of them; no NUL).
 */
enum { BKT_JSON_ESCAPE_BYTES = 6 };
size_t bkt_json_plain_len(struct bkt_str text, size_t at);
size_t bkt_json_escape(unsigned char byte, char out[BKT_JSON_ESCAPE_BYTES]);
size_t bkt_json_base64(struct bkt_str bytes, char *out);

/*
 * A JSON string with its quotes (RFC 8259, section 7).  Escaped are `"`, `\` and U+0000..U+001F
 * alone; other UTF-8 stays as it is.  What is not UTF-8 becomes U+FFFD, so that the output is JSON
 * whatever comes in; bkt_json_append_field() loses nothing.
 */
BKT_MUST_CHECK int bkt_json_append_string(struct bkt_buf *buf, struct bkt_str text);

/* A JSON string of the bytes in base64 (RFC 4648, section 4, with padding). */
BKT_MUST_CHECK int bkt_json_append_base64(struct bkt_buf *buf, struct bkt_str bytes);

/*
 * The same in pieces, between quotes that are the caller's: UTF-8 text cut anywhere, or bytes cut
 * into multiples of 3 but for the last piece.
 */
BKT_MUST_CHECK int bkt_json_append_text_piece(struct bkt_buf *buf, struct bkt_str text);
BKT_MUST_CHECK int bkt_json_append_base64_piece(struct bkt_buf *buf, struct bkt_str bytes);

/* `"name":"value"`; where the value is not UTF-8, `"name_base64":"dmFsdWU="`. */
BKT_MUST_CHECK int bkt_json_append_field(struct bkt_buf *buf,
                                         const char *name,
                                         struct bkt_str value);

/* `"name_base64":"dmFsdWU="`, for what is bytes by nature. */
BKT_MUST_CHECK int bkt_json_append_bytes_field(struct bkt_buf *buf,
                                               const char *name,
                                               struct bkt_str value);

/* `"name":123` */
BKT_MUST_CHECK int bkt_json_append_uint_field(struct bkt_buf *buf,
                                              const char *name,
                                              uint64_t value);

#endif
