/*
 * Wall times as S3 spells them.  Written here rather than taken from the library, which is what
 * the stub is there to test; and fast, since a page of a listing has a thousand of them.
 */
#ifndef STUB_STAMP_H
#define STUB_STAMP_H

#include "core/str.h"

enum { STUB_STAMP_ISO_BYTES = 25, STUB_STAMP_HTTP_BYTES = 30, STUB_STAMP_BASIC_BYTES = 17 };

int64_t stub_wall_ms(void);
int64_t stub_monotonic_us(void);

/* All take milliseconds since 1970 and end in a NUL: "2024-03-01T10:00:00.000Z", ... */
void stub_stamp_iso(int64_t ms, char out[STUB_STAMP_ISO_BYTES]);
/* ... "Fri, 01 Mar 2024 10:00:00 GMT", ... */
void stub_stamp_http(int64_t ms, char out[STUB_STAMP_HTTP_BYTES]);
/* ... "20240301T100000Z". */
void stub_stamp_basic(int64_t ms, char out[STUB_STAMP_BASIC_BYTES]);

bool stub_stamp_parse_http(struct bkt_str text, int64_t *out_ms);
bool stub_stamp_parse_basic(struct bkt_str text, int64_t *out_ms);

#endif
