#include <bucketable/bucketable.h>

#include "core/escape.h"
#include "core/json_write.h"
#include "core/text.h"

/*
 * Nothing here takes memory: what tells that it is out goes this way, too, and a line half written
 * would be no JSON.
 */

static int write_text(const char *text, bkt_write_fn *write, void *ctx)
{
    return write(ctx, text, strlen(text));
}

int bkt_text_escape(const char *bytes, size_t len, bkt_write_fn *write, void *ctx)
{
    struct bkt_str text = {bytes, len};
    char piece[BKT_ESCAPE_BYTES];
    int rc = len == 0 ? write(ctx, "", 0) : BKT_OK;
    for (size_t at = 0; rc == BKT_OK && at < len;) {
        size_t plain = bkt_escape_plain_len(text, at);
        if (plain > 0) {
            rc = write(ctx, bytes + at, plain);
            at += plain;
        } else {
            at += bkt_escape_one(text, at, piece);
            rc = write_text(piece, write, ctx);
        }
    }
    return rc;
}

static int write_json(struct bkt_str text, bkt_write_fn *write, void *ctx)
{
    char escape[BKT_JSON_ESCAPE_BYTES];
    int rc = BKT_OK;
    for (size_t at = 0; rc == BKT_OK && at < text.len;) {
        size_t len = bkt_json_plain_len(text, at);
        if (len > 0) {
            rc = write(ctx, text.ptr + at, len);
        } else {
            len = 1;
            rc = write(ctx, escape, bkt_json_escape((unsigned char)text.ptr[at], escape));
        }
        at += len;
    }
    return rc;
}

static int write_base64(struct bkt_str bytes, bkt_write_fn *write, void *ctx)
{
    enum { PIECE_BYTES = 48 };
    char piece[PIECE_BYTES / 3 * 4];
    int rc = BKT_OK;
    for (size_t at = 0; rc == BKT_OK && at < bytes.len; at += PIECE_BYTES) {
        size_t len = bytes.len - at < PIECE_BYTES ? bytes.len - at : PIECE_BYTES;
        rc = write(ctx, piece, bkt_json_base64((struct bkt_str){bytes.ptr + at, len}, piece));
    }
    return rc;
}

int bkt_text_json(const char *name, const char *bytes, size_t len, bkt_write_fn *write, void *ctx)
{
    struct bkt_str text = {bytes, len};
    bool is_text = bkt_utf8_valid_len(text) == len;
    int rc = write(ctx, "\"", 1);
    if (rc == BKT_OK)
        rc = write_text(name, write, ctx);
    if (rc == BKT_OK)
        rc = write_text(is_text ? "\":\"" : "_base64\":\"", write, ctx);
    if (rc == BKT_OK)
        rc = is_text ? write_json(text, write, ctx) : write_base64(text, write, ctx);
    if (rc == BKT_OK)
        rc = write(ctx, "\"", 1);
    return rc;
}

const char *bkt_version(void)
{
    return BKT_VERSION;
}
