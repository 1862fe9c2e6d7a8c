#include "table/boundaries.h"

#include "core/mem.h"
#include "core/object.h"

#include <bucketable/error.h>

#include <stdlib.h>

enum { ENDS_MAX = 4096, WRITTEN_MAX = 256, PAGES_MIN = 2, LEN_BYTES = 2 };

struct bkt_boundary {
    char *key;
    size_t len;
    uint64_t keys; /* in the stretch that ends here */
};

static struct bkt_str key_of(const struct bkt_boundary *end)
{
    return (struct bkt_str){end->key, end->len};
}

static int by_key(const void *a, const void *b)
{
    return bkt_str_cmp(key_of(a), key_of(b));
}

static void sort(struct bkt_boundaries *boundaries)
{
    if (boundaries->count > 1)
        qsort(boundaries->ends, boundaries->count, sizeof(*boundaries->ends), by_key);
}

/* Of two neighbors the upper one stays. */
static void thin(struct bkt_boundaries *boundaries)
{
    sort(boundaries);
    size_t kept = 0;
    for (size_t i = 0; i + 1 < boundaries->count; i += 2) {
        struct bkt_boundary *lower = &boundaries->ends[i];
        struct bkt_boundary upper = boundaries->ends[i + 1];
        upper.keys += lower->keys;
        bkt_mem_free(lower->key);
        boundaries->ends[kept++] = upper;
    }
    if (boundaries->count % 2)
        boundaries->ends[kept++] = boundaries->ends[boundaries->count - 1];
    boundaries->count = kept;
}

static int reserve(struct bkt_boundaries *boundaries)
{
    if (boundaries->count < boundaries->room)
        return BKT_OK;
    size_t room = boundaries->room > 0 ? boundaries->room * 2 : 16;
    struct bkt_boundary *ends = bkt_mem_realloc(boundaries->ends, room * sizeof(*ends));
    if (!ends)
        return BKT_ENOMEM;
    boundaries->ends = ends;
    boundaries->room = room;
    return BKT_OK;
}

int bkt_boundaries_add(struct bkt_boundaries *boundaries, struct bkt_str last, uint64_t keys)
{
    if (boundaries->count == ENDS_MAX)
        thin(boundaries);
    int rc = reserve(boundaries);
    if (rc)
        return rc;
    char *key = bkt_mem_strdup(last.ptr, last.len);
    if (!key)
        return BKT_ENOMEM;
    boundaries->ends[boundaries->count++] = (struct bkt_boundary){key, last.len, keys};
    if (keys > boundaries->page_keys)
        boundaries->page_keys = keys;
    return BKT_OK;
}

static int write_key(struct bkt_buf *out, struct bkt_str key)
{
    char len[LEN_BYTES] = {(char)(key.len >> 8), (char)(key.len & 0xff)};
    int rc = bkt_buf_append(out, (struct bkt_str){len, LEN_BYTES});
    return rc ? rc : bkt_buf_append(out, key);
}

int bkt_boundaries_write(struct bkt_boundaries *boundaries, struct bkt_buf *out)
{
    sort(boundaries);
    uint64_t left = 0;
    for (size_t i = 0; i < boundaries->count; i++)
        left += boundaries->ends[i].keys;
    uint64_t step = left / WRITTEN_MAX + 1;
    uint64_t step_min = PAGES_MIN * boundaries->page_keys;
    if (step < step_min)
        step = step_min;
    uint64_t keys = 0;
    for (size_t i = 0; i < boundaries->count; i++) {
        const struct bkt_boundary *end = &boundaries->ends[i];
        keys += end->keys;
        left -= end->keys;
        if (left < boundaries->page_keys)
            break;
        if (keys < step || end->len > BKT_KEY_BYTES_MAX)
            continue;
        int rc = write_key(out, key_of(end));
        if (rc)
            return rc;
        keys = 0;
    }
    return BKT_OK;
}

int bkt_boundaries_read(struct bkt_str bytes,
                        struct bkt_arena *arena,
                        const struct bkt_str **out_keys,
                        size_t *out_count)
{
    struct bkt_str *keys = bkt_arena_alloc(arena, WRITTEN_MAX * sizeof(*keys));
    if (!keys)
        return BKT_ENOMEM;
    size_t count = 0;
    size_t at = 0;
    while (count < WRITTEN_MAX && bytes.len - at >= LEN_BYTES) {
        size_t len = (size_t)(unsigned char)bytes.ptr[at] << 8 | (unsigned char)bytes.ptr[at + 1];
        at += LEN_BYTES;
        if (len > bytes.len - at)
            break;
        struct bkt_str key = {bytes.ptr + at, len};
        if (count > 0 && bkt_str_cmp(keys[count - 1], key) >= 0)
            break;
        keys[count++] = key;
        at += len;
    }
    *out_keys = keys;
    *out_count = count;
    return BKT_OK;
}

void bkt_boundaries_clear(struct bkt_boundaries *boundaries)
{
    for (size_t i = 0; i < boundaries->count; i++)
        bkt_mem_free(boundaries->ends[i].key);
    bkt_mem_free(boundaries->ends);
    *boundaries = (struct bkt_boundaries){0};
}
