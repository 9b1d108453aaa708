/**
 * How many connections each peer's address has, up to a number that none may pass. Those of
 * several loops are counted together.
 */
#pragma once

#include <pthread.h>

#include "base/hash.h"
#include "base/ip.h"
#include "base/map.h"
#include "base/rand.h"

struct ips_count;

struct ips {
    pthread_mutex_t mutex; // of the map, and of what is in it
    struct map map;
    uint64_t max; // of one address
    uint8_t key[HASH_KEY_SIZE];
};

void ips_init(struct ips *ips, uint64_t max, struct rand *rand);

/** Every connection must have been given back. */
void ips_fini(struct ips *ips);

/**
 * Count one more connection. Of IPv6 the first 64 bits count: whoever has one address has them
 * all. Thread: any.
 *
 * @return what to give back, or NULL: it would be too many
 */
struct ips_count *ips_take(struct ips *ips, const ip *address);

/** Thread: any. */
void ips_give(struct ips_count *taken);
