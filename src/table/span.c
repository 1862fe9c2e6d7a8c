#include "table/span.h"

#include "core/text.h"

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
    return rc ? rc : bkt_buf_append(out_mark, BKT_SPAN_LAST_CHARACTER);
}

/* The longest beginning that a server takes as a key. */
static struct bkt_str clip(struct bkt_str key)
{
    size_t len = key.len < BKT_KEY_BYTES_MAX ? key.len : BKT_KEY_BYTES_MAX;
    return (struct bkt_str){key.ptr, bkt_utf8_valid_len((struct bkt_str){key.ptr, len})};
}

size_t bkt_span_shared_len(struct bkt_str a, struct bkt_str b)
{
    size_t len = 0;
    while (len < a.len && len < b.len && a.ptr[len] == b.ptr[len])
        len++;
    return len;
}

struct bkt_str bkt_span_shared(struct bkt_str a, struct bkt_str b)
{
    return clip((struct bkt_str){a.ptr, bkt_span_shared_len(a, b)});
}

/* The code point that well-formed UTF-8 ends with, and where it begins. */
static uint32_t last_code_point(struct bkt_str text, size_t *out_at)
{
    size_t at = text.len - 1;
    while (((unsigned char)text.ptr[at] & 0xc0U) == 0x80)
        at--;
    static const unsigned char lead[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t code = (unsigned char)text.ptr[at] & lead[text.len - at];
    for (size_t i = at + 1; i < text.len; i++)
        code = code << 6 | ((unsigned char)text.ptr[i] & 0x3fU);
    *out_at = at;
    return code;
}

static size_t put_code_point(char *out, uint32_t code)
{
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = len; i-- > 0; code >>= 6)
        out[i] = (char)(i > 0 ? 0x80 | (code & 0x3f) : lead[len] | code);
    return len;
}

int bkt_span_start_after(struct bkt_arena *arena, struct bkt_str key, struct bkt_str *out_key)
{
    struct bkt_str end = BKT_SPAN_LAST_CHARACTER;
    struct bkt_str clipped = clip(key);
    if (clipped.len < key.len || clipped.len == 0)
        return bkt_arena_dup(arena, clipped, out_key);
    size_t at;
    uint32_t code = last_code_point(key, &at);
    struct bkt_str head = {key.ptr, at};
    /* Control characters are better left out; between a text and it with a NUL nothing lies. */
    if (code <= 0x20 || key.len + end.len > BKT_KEY_BYTES_MAX)
        return bkt_arena_dup(arena, head, out_key);
    code = code == 0xe000 ? 0xd7ff : code - 1;
    char *bytes = bkt_arena_alloc(arena, at + 8);
    if (!bytes)
        return BKT_ENOMEM;
    if (at > 0)
        memcpy(bytes, head.ptr, at);
    size_t len = at + put_code_point(bytes + at, code);
    memcpy(bytes + len, end.ptr, end.len);
    *out_key = (struct bkt_str){bytes, len + end.len};
    return BKT_OK;
}
