/** How many sockets each client's address has, up to a number that none may pass. */
#pragma once

#include "base/hash.h"
#include "base/map.h"
#include "base/rand.h"
#include "sio/server.h"

struct api_ip;

struct api_ips {
    struct map map;
    uint64_t max; // of one address
    uint8_t key[HASH_KEY_SIZE];
};

void api_ips_init(struct api_ips *ips, uint64_t max, struct rand *rand);

/** Every socket must have been given back. */
void api_ips_fini(struct api_ips *ips);

/**
 * Count one more socket. Of IPv6 the first 64 bits count: whoever has one address has them all.
 *
 * @return what to give back, or NULL: it would be too many
 */
struct api_ip *api_ips_take(struct api_ips *ips, const ip *address);
void api_ips_give(struct api_ips *ips, struct api_ip *taken);
