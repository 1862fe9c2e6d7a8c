#include "core/escape.h"

#include "core/text.h"

#include <bucketable/error.h>

#include <stdio.h>

size_t bkt_escape_one(struct bkt_str bytes, size_t at, char out[BKT_ESCAPE_BYTES])
{
    unsigned char c = (unsigned char)bytes.ptr[at];
    size_t len = bkt_utf8_sequence_len(bkt_str_skip(bytes, at));
    bool is_c1 = len == 2 && c == 0xc2 && (unsigned char)bytes.ptr[at + 1] < 0xa0;
    static const char named[] = "\nn\tt\rr\\\\";
    for (size_t i = 0; i + 1 < sizeof(named); i += 2) {
        if (c == (unsigned char)named[i]) {
            (void)snprintf(out, BKT_ESCAPE_BYTES, "\\%c", named[i + 1]);
            return 1;
        }
    }
    if (len == 0 || c < 0x20 || c == 0x7f) {
        (void)snprintf(out, BKT_ESCAPE_BYTES, "\\x%02x", c);
        return 1;
    }
    if (is_c1) {
        (void)snprintf(out, BKT_ESCAPE_BYTES, "\\x%02x\\x%02x", c,
                       (unsigned char)bytes.ptr[at + 1]);
        return 2;
    }
    memcpy(out, bytes.ptr + at, len);
    out[len] = '\0';
    return len;
}

/* Printable ASCII but the backslash. */
size_t bkt_escape_plain_len(struct bkt_str bytes, size_t at)
{
    size_t end = at;
    while (end < bytes.len && bytes.ptr[end] >= ' ' && bytes.ptr[end] <= '~' &&
           bytes.ptr[end] != '\\')
        end++;
    return end - at;
}

/* A listing prints millions of keys that have nothing to escape: those bytes go in one piece. */
int bkt_escape_append(struct bkt_buf *buf, struct bkt_str bytes)
{
    int rc = BKT_OK;
    char text[BKT_ESCAPE_BYTES];
    for (size_t at = 0; at < bytes.len && rc == BKT_OK;) {
        size_t plain = bkt_escape_plain_len(bytes, at);
        rc = bkt_buf_append(buf, (struct bkt_str){bytes.ptr + at, plain});
        at += plain;
        if (rc == BKT_OK && at < bytes.len) {
            at += bkt_escape_one(bytes, at, text);
            rc = bkt_buf_append(buf, bkt_str_from(text));
        }
    }
    return rc;
}

void bkt_escape(struct bkt_str bytes, char *out, size_t out_size)
{
    static const char dots[] = "...";
    char text[BKT_ESCAPE_BYTES];
    size_t used = 0;
    for (size_t at = 0; at < bytes.len;) {
        at += bkt_escape_one(bytes, at, text);
        size_t len = strlen(text);
        if (used + len + sizeof(dots) > out_size) {
            if (out_size >= sizeof(dots))
                memcpy(out + used, dots, sizeof(dots));
            return;
        }
        memcpy(out + used, text, len);
        used += len;
    }
    out[used] = '\0';
}
