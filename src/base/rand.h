/**
 * Chance, as an argument: the real one is crypto_random(), tests and the simulator
 * pass one with a seed.
 */
#pragma once

#include "base/str.h"

struct rand {
    void (*bytes)(struct rand *r, void *out, size_t n);
};

static inline void rand_bytes(struct rand *r, void *out, size_t n)
{
    r->bytes(r, out, n);
}

#define RAND_AHEAD_BYTES 1024

/**
 * Chance drawn ahead of its use: to ask for it costs more than a name takes, so that many share
 * a question. Each byte is handed out once, and wiped here. For one thread.
 */
struct rand_ahead {
    struct rand rand;
    struct rand *from;
    size_t left;
    char bytes[RAND_AHEAD_BYTES];
};

/** @param from  borrowed, for its life */
void rand_ahead_init(struct rand_ahead *a, struct rand *from);
void rand_ahead_fini(struct rand_ahead *a);

#define RAND_NAME_SIZE 21 // bytes, NUL included

/** 20 characters of [A-Za-z0-9_-], 120 random bits: a name that nobody can guess. */
void rand_name(struct rand *r, char out[RAND_NAME_SIZE]);

/** Could it be one? Nothing else than those characters, and as many. */
bool rand_is_name(str text);
