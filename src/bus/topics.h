/** Which accounts somebody here wants to hear of, and who. */
#pragma once

#include "base/hash.h"
#include "base/map.h"
#include "bus/uplink.h"

struct topics {
    uint8_t hash_key[HASH_KEY_SIZE]; // by chance; the owner's to set
    struct map map;
};

/** They are empty. */
static inline void topics_fini(struct topics *all)
{
    map_fini(&all->map);
}

uint64_t topics_hash(const struct topics *all, const account *a);

/** @param who  a bit */
void topics_want(struct topics *all, const account *a, enum bus_want how, uint64_t who);

/** It was wanted. */
void topics_want_no_more(struct topics *all, const account *a, enum bus_want how, uint64_t who);

/** @return their bits */
uint64_t topics_who(const struct topics *all, const account *a, enum bus_want how);

typedef void topics_fn(void *arg, const account *a, enum bus_want how);

/** It wants nothing any more. @param fn  is told what it did want */
void topics_forget(struct topics *all, uint64_t who, topics_fn *fn, void *arg);
