/*
 * Bytes and text: which encoding a byte-order mark names, what is well-formed UTF-8 (Unicode 15,
 * table 3-7), and what stands for the rest.
 *
 * Ill-formed UTF-8 is replaced as the WHATWG Encoding standard and Unicode, section 3.9, recommend:
 * one U+FFFD for each maximal subpart, that is, for the longest beginning of a well-formed
 * sequence, or else for the one byte.  All functions take linear time.
 */
#ifndef CORE_TEXT_H
#define CORE_TEXT_H

#include "core/buf.h"

enum bkt_encoding {
    BKT_ENCODING_UTF8,
    BKT_ENCODING_UTF16LE,
    BKT_ENCODING_UTF16BE,
};

/* "UTF-16LE" */
const char *bkt_encoding_name(enum bkt_encoding encoding);

/*
 * What a byte-order mark says, UTF-8 without one.  FF FE is UTF-16LE, whatever follows (UTF-32 is
 * not recognized, as in WHATWG).
 */
enum bkt_encoding bkt_text_sniff(struct bkt_str bytes, size_t *out_bom_len);

/* The well-formed sequence that `bytes`, which are not empty, begin with; 0: they do with none. */
size_t bkt_utf8_sequence_len(struct bkt_str bytes);

/* A code point up to U+10FFFF that is no surrogate, and how many bytes it has. */
enum { BKT_UTF8_CHAR_BYTES = 4 };
size_t bkt_utf8_put(uint32_t code, char out[BKT_UTF8_CHAR_BYTES]);

/* How many bytes from the start are well-formed UTF-8; `len` when all are.  No mark is skipped. */
size_t bkt_utf8_valid_len(struct bkt_str bytes);

/* Append `bytes` with U+FFFD for what is ill-formed.  Errors are the buffer's. */
BKT_MUST_CHECK int bkt_utf8_repair(struct bkt_str bytes, struct bkt_buf *out);

/*
 * Append UTF-16 (no mark) as UTF-8.  An unpaired surrogate and what is cut off at the end become
 * one U+FFFD each; `*out_bad_at` is the offset of the first such place, `bytes.len` when there is
 * none.
 */
BKT_MUST_CHECK int bkt_utf16_to_utf8(struct bkt_str bytes,
                                     bool big_endian,
                                     struct bkt_buf *out,
                                     size_t *out_bad_at);

#endif
