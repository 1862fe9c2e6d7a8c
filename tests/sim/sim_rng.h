/* Everything that happens by chance in a simulation comes from one seed (splitmix64). */
#ifndef SIM_RNG_H
#define SIM_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct sim_rng {
    uint64_t state;
};

static inline uint64_t sim_next(struct sim_rng *rng)
{
    uint64_t z = (rng->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* 0 to `bound` - 1; `bound` is not 0. */
static inline uint32_t sim_below(struct sim_rng *rng, uint32_t bound)
{
    return (uint32_t)(((sim_next(rng) >> 32) * bound) >> 32);
}

static inline uint32_t sim_between(struct sim_rng *rng, uint32_t low, uint32_t high)
{
    return low + sim_below(rng, high - low + 1);
}

/* True `permille` times in a thousand. */
static inline bool sim_chance(struct sim_rng *rng, uint32_t permille)
{
    return sim_below(rng, 1000) < permille;
}

#endif
