/* Bytes of strangers on a terminal or in a message: control characters as C escapes. */
#ifndef CORE_ESCAPE_H
#define CORE_ESCAPE_H

#include "core/buf.h"

/*
 * Append with `\n`, `\t`, `\r`, `\\` and `\xHH` for control characters (U+0000..U+001F, U+007F,
 * U+0080..U+009F), backslashes and bytes that are no UTF-8.  BKT_ELIMIT, BKT_ENOMEM.
 */
BKT_MUST_CHECK int bkt_escape_append(struct bkt_buf *buf, struct bkt_str bytes);

/* How many bytes from `at` on stand for themselves, as far as that is seen at a glance. */
size_t bkt_escape_plain_len(struct bkt_str bytes, size_t at);

/*
 * What stands for the character at `at`, ended by a NUL; returns how many bytes of the input it
 * stands for.
 */
enum { BKT_ESCAPE_BYTES = 12 };
size_t bkt_escape_one(struct bkt_str bytes, size_t at, char out[BKT_ESCAPE_BYTES]);

/* The same as append into an array, cut off with "..." when it does not fit; always ends in a NUL.
 */
void bkt_escape(struct bkt_str bytes, char *out, size_t out_size);

#endif
