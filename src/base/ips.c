#include "base/ips.h"

#include "base/mem.h"

struct ips_count {
    struct map_node node;
    struct ips *ips;
    ip address; // what does not count is 0
    uint64_t n_connections;
};

void ips_init(struct ips *ips, uint64_t max, struct rand *rand)
{
    *ips = (struct ips){.max = max};
    pthread_mutex_init(&ips->mutex, NULL);
    rand_bytes(rand, ips->key, sizeof(ips->key));
}

void ips_fini(struct ips *ips)
{
    map_fini(&ips->map);
    pthread_mutex_destroy(&ips->mutex);
}

static bool is_of(struct map_node *node, const void *key)
{
    const struct ips_count *i = container_of(node, struct ips_count, node);

    return str_eq(ip_str(&i->address), ip_str(key));
}

static struct ips_count *take(struct ips *ips, const ip *part, uint64_t hash)
{
    struct map_node *node = map_find(&ips->map, hash, is_of, part);
    struct ips_count *i = node ? container_of(node, struct ips_count, node) : NULL;

    if ((i ? i->n_connections : 0) >= ips->max)
        return NULL;
    if (!i) {
        i = NEW(struct ips_count);
        i->ips = ips;
        i->address = *part;
        map_add(&ips->map, &i->node, hash);
    }
    i->n_connections++;
    return i;
}

struct ips_count *ips_take(struct ips *ips, const ip *address)
{
    const ip part = ip_network(address);
    const uint64_t hash = hash_keyed(ips->key, ip_str(&part));

    pthread_mutex_lock(&ips->mutex);
    struct ips_count *taken = take(ips, &part, hash);
    pthread_mutex_unlock(&ips->mutex);
    return taken;
}

void ips_give(struct ips_count *taken)
{
    struct ips *ips = taken->ips;

    pthread_mutex_lock(&ips->mutex);
    if (--taken->n_connections == 0) {
        map_remove(&ips->map, &taken->node);
        free(taken);
    }
    pthread_mutex_unlock(&ips->mutex);
}
