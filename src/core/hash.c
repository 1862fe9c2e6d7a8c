#include "core/hash.h"

struct sip {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static void round_once(struct sip *s)
{
    s->v0 += s->v1;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v2 = rotate(s->v2, 32);
}

static void absorb(struct sip *s, uint64_t word)
{
    s->v3 ^= word;
    round_once(s);
    s->v0 ^= word;
}

uint64_t bkt_hash(struct bkt_str bytes, uint64_t seed)
{
    uint64_t key0 = seed;
    uint64_t key1 = rotate(seed, 32) ^ 0x9e3779b97f4a7c15ULL;
    struct sip s = {
        .v0 = 0x736f6d6570736575ULL ^ key0,
        .v1 = 0x646f72616e646f6dULL ^ key1,
        .v2 = 0x6c7967656e657261ULL ^ key0,
        .v3 = 0x7465646279746573ULL ^ key1,
    };
    size_t at = 0;
    for (; at + 8 <= bytes.len; at += 8) {
        uint64_t word;
        memcpy(&word, bytes.ptr + at, 8);
        absorb(&s, word);
    }
    uint64_t last = (uint64_t)bytes.len << 56;
    for (size_t i = 0; at + i < bytes.len; i++)
        last |= (uint64_t)(unsigned char)bytes.ptr[at + i] << (8 * i);
    absorb(&s, last);
    s.v2 ^= 0xff;
    for (int i = 0; i < 3; i++)
        round_once(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
