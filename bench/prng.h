/** Chance that costs nothing, for masks, keys and peers: splitmix64 (Steele, Lea, Flood). */
#pragma once

#include "base/base.h"

struct prng {
    uint64_t state; // any seed
};

static inline uint64_t prng_next(struct prng *p)
{
    uint64_t z = p->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/** Below n, which is small against 2^32. */
static inline uint32_t prng_below(struct prng *p, uint32_t n)
{
    return (uint32_t)((prng_next(p) >> 32) * n >> 32);
}
