/*
 * Virtual key sets: `count` keys in ascending byte order, computed from their number.
 *
 * Ten million keys take no memory.  Key i < key i+1 for memcmp, and no key is the beginning of
 * another one.  The shapes are those that matter to a lister which splits key ranges:
 *
 *   hex    32 hexadecimal digits, spread evenly (UUIDs, hashes)
 *   dates  365 directories of equal size: 2025-03-14/part-0000017-5be0cd19.json
 *   deep   5 % under a/, 90 % under one prefix of 45 bytes with a counter, 5 % under z/
 *   isots  flat time stamps with some jitter: 2024-05-06T07:08:09.123Z-5be0cd19.log
 *   zipf   directories named by 32 hexadecimal digits whose sizes follow Zipf's law
 *   flat   object-000000017.txt
 */
#ifndef STUB_KEYS_H
#define STUB_KEYS_H

#include "text.h"

enum stub_shape {
    STUB_SHAPE_HEX,
    STUB_SHAPE_DATES,
    STUB_SHAPE_DEEP,
    STUB_SHAPE_ISOTS,
    STUB_SHAPE_ZIPF,
    STUB_SHAPE_FLAT,
};

enum { STUB_KEY_BYTES_MAX = 96 };

struct stub_keys {
    enum stub_shape shape;
    uint64_t count;
    uint64_t seed;
    uint64_t step;       /* distance of neighbors: of the first 64 bits (hex), in ms (isots) */
    uint64_t *dir_first; /* zipf: number of the first key of each directory, and `count` */
    uint64_t dir_count;
};

bool stub_shape_parse(const char *name, enum stub_shape *out_shape);

void stub_keys_init(struct stub_keys *keys, enum stub_shape shape, uint64_t count, uint64_t seed);
void stub_keys_clear(struct stub_keys *keys);

/* Write key `i` (below `count`) to `out`, return its length. */
size_t stub_keys_at(const struct stub_keys *keys, uint64_t i, char out[STUB_KEY_BYTES_MAX]);

/* The first key that is not below `key`; `count` when all are. */
uint64_t stub_keys_seek(const struct stub_keys *keys, struct bkt_str key);

#endif
