#include "api/ips.h"

#include "base/mem.h"

#define NETWORK_SIZE 8 // bytes of an IPv6 address that are the network's

struct api_ip {
    struct map_node node;
    ip address; // what does not count is 0
    uint64_t n_sockets;
};

void api_ips_init(struct api_ips *ips, uint64_t max, struct rand *rand)
{
    *ips = (struct api_ips){.max = max};
    rand_bytes(rand, ips->key, sizeof(ips->key));
}

void api_ips_fini(struct api_ips *ips)
{
    map_fini(&ips->map);
}

static str bytes_of(const ip *address)
{
    return (str){(const char *)address->bytes, sizeof(address->bytes)};
}

static ip counted_part(const ip *address)
{
    ip part = *address;

    if (!str_starts(bytes_of(address), STR("\0\0\0\0\0\0\0\0\0\0\xff\xff"))) // it is no IPv4
        memset(part.bytes + NETWORK_SIZE, 0, sizeof(part.bytes) - NETWORK_SIZE);
    return part;
}

static bool is_of(struct map_node *node, const void *key)
{
    const struct api_ip *i = container_of(node, struct api_ip, node);

    return str_eq(bytes_of(&i->address), bytes_of(key));
}

struct api_ip *api_ips_take(struct api_ips *ips, const ip *address)
{
    const ip part = counted_part(address);
    const uint64_t hash = hash_keyed(ips->key, bytes_of(&part));
    struct map_node *node = map_find(&ips->map, hash, is_of, &part);
    struct api_ip *i = node ? container_of(node, struct api_ip, node) : NULL;

    if ((i ? i->n_sockets : 0) >= ips->max)
        return NULL;
    if (!i) {
        i = NEW(struct api_ip);
        i->address = part;
        map_add(&ips->map, &i->node, hash);
    }
    i->n_sockets++;
    return i;
}

void api_ips_give(struct api_ips *ips, struct api_ip *taken)
{
    if (--taken->n_sockets > 0)
        return;
    map_remove(&ips->map, &taken->node);
    free(taken);
}
