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
    rand_bytes(rand, ips->key, sizeof(ips->key));
}

void ips_fini(struct ips *ips)
{
    map_fini(&ips->map);
}

static bool is_of(struct map_node *node, const void *key)
{
    const struct ips_count *i = container_of(node, struct ips_count, node);

    return str_eq(ip_str(&i->address), ip_str(key));
}

struct ips_count *ips_take(struct ips *ips, const ip *address)
{
    const ip part = ip_network(address);
    const uint64_t hash = hash_keyed(ips->key, ip_str(&part));
    struct map_node *node = map_find(&ips->map, hash, is_of, &part);
    struct ips_count *i = node ? container_of(node, struct ips_count, node) : NULL;

    if ((i ? i->n_connections : 0) >= ips->max)
        return NULL;
    if (!i) {
        i = NEW(struct ips_count);
        i->ips = ips;
        i->address = part;
        map_add(&ips->map, &i->node, hash);
    }
    i->n_connections++;
    return i;
}

void ips_give(struct ips_count *taken)
{
    if (--taken->n_connections > 0)
        return;
    map_remove(&taken->ips->map, &taken->node);
    free(taken);
}
