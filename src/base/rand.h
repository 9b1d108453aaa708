/**
 * Chance, as an argument: the real one is crypto_random(), tests and the simulator
 * pass one with a seed.
 */
#pragma once

#include "base/base.h"

struct rand {
    void (*bytes)(struct rand *r, void *out, size_t n);
};

static inline void rand_bytes(struct rand *r, void *out, size_t n)
{
    r->bytes(r, out, n);
}
