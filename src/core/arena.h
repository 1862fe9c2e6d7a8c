/*
 * Memory that dies together: what is cut from an arena lives until the arena is reset or cleared.
 *
 * A list page, a message, a batch: each has an arena, so that its thousand small strings cost one
 * allocation and one free.
 */
#ifndef CORE_ARENA_H
#define CORE_ARENA_H

#include "core/str.h"

struct bkt_arena_chunk;

/* All-zero is a valid empty arena. */
struct bkt_arena {
    struct bkt_arena_chunk *chunk; /* the newest; older ones hang on it */
    size_t used;                   /* of the newest chunk's bytes */
};

/* `size` bytes, aligned for anything; NULL when memory is out. */
BKT_MUST_CHECK void *bkt_arena_alloc(struct bkt_arena *arena, size_t size);

/* A copy of `bytes`, ended by a NUL that is not counted; BKT_ENOMEM. */
BKT_MUST_CHECK int bkt_arena_dup(struct bkt_arena *arena,
                                 struct bkt_str bytes,
                                 struct bkt_str *out_copy);

void bkt_arena_reset(struct bkt_arena *arena); /* empty, the newest chunk is kept */
void bkt_arena_clear(struct bkt_arena *arena); /* empty, memory freed, usable again */

#endif
