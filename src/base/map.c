#include "base/map.h"

#include "base/mem.h"

#define FEWEST_BUCKETS 16

void map_drop(struct map *m)
{
    free(m->buckets);
    *m = (struct map){0};
}

void map_clear(struct map *m)
{
    for (size_t i = 0; i < m->n_buckets; i++)
        m->buckets[i] = 0;
    m->n_nodes = 0;
}

void map_fini(struct map *m)
{
    assert(m->n_nodes == 0);
    map_drop(m);
}

size_t map_cost(const struct map *m)
{
    return m->n_buckets * sizeof(*m->buckets);
}

static size_t bucket_of(const struct map *m, uint64_t hash)
{
    return hash & (m->n_buckets - 1);
}

/** One of the bits above the address, by those of the hash that choose no bucket. */
static uint64_t tag_of(uint64_t hash)
{
    return UINT64_C(1) << (MAP_ADDRESS_BITS + (hash >> 60));
}

static void put(struct map *m, struct map_node *node)
{
    const size_t i = bucket_of(m, node->hash);
    const uint64_t tags = m->buckets[i] >> MAP_ADDRESS_BITS << MAP_ADDRESS_BITS;

    assert((uintptr_t)node >> MAP_ADDRESS_BITS == 0);
    node->next = map_bucket(m, i);
    m->buckets[i] = tags | tag_of(node->hash) | (uintptr_t)node;
}

static void grow(struct map *m)
{
    struct map bigger = {.n_buckets = m->n_buckets ? m->n_buckets * 2 : FEWEST_BUCKETS,
                         .n_nodes = m->n_nodes};

    bigger.buckets = mem_alloc(bigger.n_buckets * sizeof(*bigger.buckets));
    for (size_t i = 0; i < m->n_buckets; i++) {
        struct map_node *node = map_bucket(m, i);
        while (node) {
            struct map_node *next = node->next;
            put(&bigger, node);
            node = next;
        }
    }
    free(m->buckets);
    *m = bigger;
}

void map_add(struct map *m, struct map_node *node, uint64_t hash)
{
    if (m->n_nodes >= m->n_buckets)
        grow(m);
    node->hash = hash;
    put(m, node);
    m->n_nodes++;
}

struct map_node *map_find(const struct map *m, uint64_t hash, map_is_fn *is, const void *key)
{
    if (m->n_buckets == 0)
        return NULL;
    const size_t i = bucket_of(m, hash);
    if ((m->buckets[i] & tag_of(hash)) == 0)
        return NULL;
    for (struct map_node *node = map_bucket(m, i); node; node = node->next) {
        if (node->hash == hash && is(node, key))
            return node;
    }
    return NULL;
}

void map_remove(struct map *m, struct map_node *node)
{
    const size_t i = bucket_of(m, node->hash);
    struct map_node *rest = map_bucket(m, i);
    struct map_node **at = &rest;
    uint64_t tags = 0;

    while (*at != node) {
        assert(*at);
        at = &(*at)->next;
    }
    *at = node->next;
    node->next = NULL;
    for (const struct map_node *n = rest; n; n = n->next)
        tags |= tag_of(n->hash);
    m->buckets[i] = tags | (uintptr_t)rest;
    m->n_nodes--;
}
