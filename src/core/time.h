/*
 * Points in time and their spellings.
 *
 * A wall time is a count of milliseconds since 1970-01-01T00:00:00Z; nothing is ever ordered by it.
 * Waiting is measured with the monotonic clock, read once per turn of a loop and passed on.
 */
#ifndef CORE_TIME_H
#define CORE_TIME_H

#include "core/str.h"

#define BKT_TIME_NONE INT64_MIN

int64_t bkt_time_wall_ms(void);
int64_t bkt_time_monotonic_ms(void);
int64_t bkt_time_monotonic_us(void);

/*
 * "2024-03-01T10:00:00Z", with any number of digits after a dot (cut to ms), `Z`, `UTC` or `+hh:mm`
 * at the end (RFC 3339 and what S3-compatible servers make of it).  False: not such a text.
 */
bool bkt_time_parse_iso(struct bkt_str text, int64_t *out_ms);

/* "Fri, 01 Mar 2024 10:00:00 GMT" (RFC 9110, section 5.6.7; the obsolete forms are not read). */
bool bkt_time_parse_http(struct bkt_str text, int64_t *out_ms);

enum { BKT_TIME_ISO_BYTES = 32, BKT_TIME_STAMP_BYTES = 17 };

/* "2024-03-01T10:00:00Z", or with ".123" before the Z when there are milliseconds. */
void bkt_time_format_iso(int64_t ms, char out[BKT_TIME_ISO_BYTES]);

/* "20240301T100000Z", the form that Signature Version 4 wants. */
void bkt_time_format_stamp(int64_t ms, char out[BKT_TIME_STAMP_BYTES]);

#endif
