#include "table/span.h"

#include <bucketable/error.h>

#include <assert.h>

/* `head` and 1,024 bytes of 0xff; NULL when memory is out. */
static char *pad(struct bkt_arena *arena, struct bkt_str head)
{
    char *bytes = bkt_arena_alloc(arena, head.len + BKT_KEY_BYTES_MAX);
    if (!bytes)
        return NULL;
    if (head.len > 0)
        memcpy(bytes, head.ptr, head.len);
    memset(bytes + head.len, 0xff, BKT_KEY_BYTES_MAX);
    return bytes;
}

int bkt_span_last_of_prefix(struct bkt_arena *arena, struct bkt_str prefix, struct bkt_str *out_key)
{
    char *bytes = pad(arena, prefix);
    if (!bytes)
        return BKT_ENOMEM;
    *out_key = (struct bkt_str){bytes, prefix.len + BKT_KEY_BYTES_MAX};
    return BKT_OK;
}

int bkt_span_before(struct bkt_arena *arena, struct bkt_str key, struct bkt_str *out_key)
{
    assert(key.len > 0);
    unsigned char last = (unsigned char)key.ptr[key.len - 1];
    struct bkt_str head = {key.ptr, key.len - 1};
    if (last == 0)
        return bkt_arena_dup(arena, head, out_key);

    char *bytes = pad(arena, key);
    if (!bytes)
        return BKT_ENOMEM;
    bytes[key.len - 1] = (char)(last - 1);
    *out_key = (struct bkt_str){bytes, key.len + BKT_KEY_BYTES_MAX};
    return BKT_OK;
}

int bkt_span_behind_prefix(struct bkt_str prefix, struct bkt_buf *out_mark)
{
    int rc = bkt_buf_set(out_mark, prefix);
    return rc ? rc : bkt_buf_append(out_mark, (struct bkt_str){"\xf4\x8f\xbf\xbf", 4});
}
