#include "core/arena.h"

#include "core/mem.h"

#include <bucketable/error.h>

#include <stdalign.h>
#include <stdint.h>

enum { CHUNK_BYTES_MIN = 16 << 10, CHUNK_BYTES_DOUBLING_MAX = 1 << 20 };

struct bkt_arena_chunk {
    struct bkt_arena_chunk *older;
    size_t size;
    alignas(max_align_t) char bytes[];
};

static size_t next_chunk_size(const struct bkt_arena *arena, size_t need)
{
    size_t size = CHUNK_BYTES_MIN;
    if (arena->chunk && arena->chunk->size < CHUNK_BYTES_DOUBLING_MAX)
        size = arena->chunk->size * 2;
    else if (arena->chunk)
        size = CHUNK_BYTES_DOUBLING_MAX;
    return need > size ? need : size;
}

void *bkt_arena_alloc(struct bkt_arena *arena, size_t size)
{
    size_t align = alignof(max_align_t);
    if (size > SIZE_MAX / 2)
        return NULL;
    size = (size + align - 1) / align * align;

    if (!arena->chunk || size > arena->chunk->size - arena->used) {
        size_t chunk_size = next_chunk_size(arena, size);
        struct bkt_arena_chunk *chunk = bkt_mem_alloc(sizeof(*chunk) + chunk_size);
        if (!chunk)
            return NULL;
        chunk->older = arena->chunk;
        chunk->size = chunk_size;
        arena->chunk = chunk;
        arena->used = 0;
    }
    void *ptr = arena->chunk->bytes + arena->used;
    arena->used += size;
    return ptr;
}

int bkt_arena_dup(struct bkt_arena *arena, struct bkt_str bytes, struct bkt_str *out_copy)
{
    char *copy = bkt_arena_alloc(arena, bytes.len + 1);
    if (!copy)
        return BKT_ENOMEM;
    if (bytes.len > 0)
        memcpy(copy, bytes.ptr, bytes.len);
    copy[bytes.len] = '\0';
    *out_copy = (struct bkt_str){copy, bytes.len};
    return BKT_OK;
}

static void free_from(struct bkt_arena_chunk *chunk)
{
    while (chunk) {
        struct bkt_arena_chunk *older = chunk->older;
        bkt_mem_free(chunk);
        chunk = older;
    }
}

void bkt_arena_reset(struct bkt_arena *arena)
{
    arena->used = 0;
    if (!arena->chunk)
        return;
    free_from(arena->chunk->older);
    arena->chunk->older = NULL;
}

void bkt_arena_clear(struct bkt_arena *arena)
{
    free_from(arena->chunk);
    *arena = (struct bkt_arena){0};
}
