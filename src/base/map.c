#include "base/map.h"

#include "base/mem.h"

#define FEWEST_BUCKETS 16

void map_drop(struct map *m)
{
    free((void *)m->buckets);
    *m = (struct map){0};
}

void map_fini(struct map *m)
{
    assert(m->n_nodes == 0);
    map_drop(m);
}

size_t map_cost(const struct map *m)
{
    return m->n_buckets * sizeof(struct map_node *);
}

static struct map_node **bucket_of(const struct map *m, uint64_t hash)
{
    return &m->buckets[hash & (m->n_buckets - 1)];
}

static void put(struct map *m, struct map_node *node)
{
    struct map_node **bucket = bucket_of(m, node->hash);
    node->next = *bucket;
    *bucket = node;
}

static void grow(struct map *m)
{
    struct map bigger = {.n_buckets = m->n_buckets ? m->n_buckets * 2 : FEWEST_BUCKETS,
                         .n_nodes = m->n_nodes};

    bigger.buckets =
        (struct map_node **)mem_alloc(bigger.n_buckets * sizeof(struct map_node *));
    for (size_t i = 0; i < m->n_buckets; i++) {
        while (m->buckets[i]) {
            struct map_node *node = m->buckets[i];
            m->buckets[i] = node->next;
            put(&bigger, node);
        }
    }
    free((void *)m->buckets);
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
    for (struct map_node *node = *bucket_of(m, hash); node; node = node->next) {
        if (node->hash == hash && is(node, key))
            return node;
    }
    return NULL;
}

void map_remove(struct map *m, struct map_node *node)
{
    struct map_node **at = bucket_of(m, node->hash);

    while (*at != node) {
        assert(*at);
        at = &(*at)->next;
    }
    *at = node->next;
    node->next = NULL;
    m->n_nodes--;
}
