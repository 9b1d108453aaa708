/** Chance with a seed: xorshift64. */
#pragma once

#include "base/rand.h"

struct seeded {
    struct rand rand;
    uint64_t state;
};

static inline uint64_t seeded_next(struct seeded *s)
{
    s->state ^= s->state << 13;
    s->state ^= s->state >> 7;
    s->state ^= s->state << 17;
    return s->state;
}

static inline void seeded_bytes(struct rand *r, void *out, size_t n)
{
    struct seeded *s = container_of(r, struct seeded, rand);
    char *p = out;

    for (size_t i = 0; i < n; i++)
        p[i] = (char)(seeded_next(s) >> 24);
}

static inline void seeded_init(struct seeded *s, uint64_t seed)
{
    // Spread the seed, or small ones would begin alike; the state must not be 0.
    *s = (struct seeded){.rand.bytes = seeded_bytes,
                         .state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1};
    seeded_next(s);
}
