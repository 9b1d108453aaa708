/**
 * Rates of many: token buckets, some for each key, such as an account or an address. A key that
 * has been quiet until its buckets are full again is forgotten: a new one would be the same.
 * Several loops may share them.
 */
#pragma once

#include <pthread.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "base/rand.h"

#define RATES_BUCKETS  4  // of a key, at most
#define RATES_KEY_SIZE 41 // bytes

/** So many at once, then n in each per_ms. None is 0. */
struct rate {
    uint64_t burst;
    uint64_t n;
    uint64_t per_ms;
};

struct rates {
    struct rate rates[RATES_BUCKETS];
    size_t n;              // buckets
    pthread_mutex_t mutex; // of what follows, and of the keys
    struct map keys;
    struct list by_use; // least recently used first
    uint8_t hash_key[HASH_KEY_SIZE];
};

/** @param n  1 to RATES_BUCKETS */
void rates_init(struct rates *r, const struct rate *rates, size_t n, struct rand *rand);
void rates_fini(struct rates *r);

/**
 * Take one from a bucket of the key's. Thread: any.
 *
 * @param key     1 to RATES_KEY_SIZE bytes
 * @param now_ms  monotonic; a loop that is behind another one has the time of that one
 * @return 0, or the milliseconds until there will be one
 */
MUST_CHECK int64_t rates_take(struct rates *r, str key, size_t bucket, int64_t now_ms);
