/*
 * The spellings of values: sizes, durations, counts.  Text in, number out; the whole text must fit.
 *
 * On failure `*out_why` is a static phrase that says what was expected, made to follow
 * `max_file_size: "10XB": `.
 */
#ifndef API_CONFIG_VALUE_H
#define API_CONFIG_VALUE_H

#include "core/str.h"

/* Decimal digits alone; no sign. */
bool bkt_value_uint(struct bkt_str text, uint64_t *out_value, const char **out_why);

/*
 * Bytes: digits, perhaps a fraction, perhaps a unit of any case.  kB MB GB TB PB EB are powers of
 * 1000, KiB MiB GiB TiB PiB EiB of 1024; B and none are bytes, which have no fraction.  A fraction
 * of a byte is dropped.
 */
bool bkt_value_size(struct bkt_str text, uint64_t *out_bytes, const char **out_why);

/* Milliseconds: digits, perhaps a fraction, and one of ms s m h d. */
bool bkt_value_duration(struct bkt_str text, uint64_t *out_ms, const char **out_why);

/* How many rows a listing may remove. */
struct bkt_deletes {
    bool is_percent;
    uint64_t number; /* a percentage is 0 to 100 */
};

bool bkt_value_deletes(struct bkt_str text, struct bkt_deletes *out_deletes, const char **out_why);

enum { BKT_QUOTE_BYTES = 112 };

/*
 * `text` in double quotes for a message: control characters escaped, a URL's password masked, cut
 * where it is long.
 */
const char *bkt_quote(char out[BKT_QUOTE_BYTES], struct bkt_str text);

#endif
