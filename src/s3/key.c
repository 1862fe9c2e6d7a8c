#include "s3/key.h"

#include "core/percent.h"

#include <bucketable/error.h>

int bkt_key_encode_path(struct bkt_buf *buf, struct bkt_str key)
{
    return bkt_percent_encode(buf, key, BKT_PERCENT_KEEP_SLASH);
}

int bkt_key_encode_query(struct bkt_buf *buf, struct bkt_str key)
{
    return bkt_percent_encode(buf, key, BKT_PERCENT_ENCODE_SLASH);
}

int bkt_key_decode(struct bkt_arena *arena, struct bkt_str text, struct bkt_str *out_key)
{
    if (!bkt_percent_is_encoded(text)) {
        *out_key = text;
        return BKT_OK;
    }
    char *bytes = bkt_arena_alloc(arena, text.len);
    if (!bytes)
        return BKT_ENOMEM;
    size_t len = bkt_percent_decode_form(bytes, text);
    *out_key = (struct bkt_str){bytes, len};
    return BKT_OK;
}
