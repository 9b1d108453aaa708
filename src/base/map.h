/**
 * A hash map whose nodes are embedded in what is kept. The caller hashes: with keys
 * that an outsider chooses it must use a secret (rand) in doing so.
 */
#pragma once

#include "base/base.h"

struct map_node {
    struct map_node *next;
    uint64_t hash;
};

/**
 * A bucket: the first node of its chain, and in the bits that no address has a Bloom filter of
 * their hashes. Of what is not there it mostly says so without a look at a node, which is
 * somewhere else in memory (Leis et al., Morsel-Driven Parallelism, SIGMOD 2014, section 4.2).
 */
#define MAP_ADDRESS_BITS 48

struct map {
    uint64_t *buckets;
    size_t n_buckets; // a power of two, or 0
    size_t n_nodes;
};

typedef bool map_is_fn(struct map_node *node, const void *key);

/** For going through all of them. @return the first node of a bucket, or NULL */
static inline struct map_node *map_bucket(const struct map *m, size_t i)
{
    const uint64_t address = m->buckets[i] & ((UINT64_C(1) << MAP_ADDRESS_BITS) - 1);
    return (struct map_node *)(uintptr_t)address; // NOLINT(performance-no-int-to-ptr)
}

/** The map must be empty; a map of zeroes is. */
void map_fini(struct map *m);

/** As map_fini(), where its nodes end with it, all at once. */
void map_drop(struct map *m);

/** As map_drop(), but it keeps the room for as many more. */
void map_clear(struct map *m);

/** What it takes beside its nodes, in bytes. */
size_t map_cost(const struct map *m);

/** The caller has seen to it that the key is not there yet. */
void map_add(struct map *m, struct map_node *node, uint64_t hash);

/** @return the node for which is(node, key) holds, or NULL */
struct map_node *map_find(const struct map *m, uint64_t hash, map_is_fn *is, const void *key);

/** The node must be in the map. */
void map_remove(struct map *m, struct map_node *node);
