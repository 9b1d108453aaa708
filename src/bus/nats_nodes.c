#include "bus/nats_nodes.h"

#define VERSION 1
#define NAME_AT 9 // behind the version and the instance

struct nats_node nats_node_of(str name, uint64_t instance)
{
    struct nats_node n = {.instance = instance, .name_len = (uint8_t)name.len};

    assert(name.len >= 1 && name.len <= BUS_NODE_NAME_MAX);
    str_copy(n.name, name);
    return n;
}

size_t nats_node_encode(char out[NATS_NODE_SIZE], const struct nats_node *n)
{
    out[0] = VERSION;
    for (unsigned i = 0; i < 8; i++)
        out[1 + i] = (char)(n->instance >> (56 - 8 * i));
    str_copy(out + NAME_AT, nats_node_name(n));
    return NAME_AT + (size_t)n->name_len;
}

int nats_node_decode(struct nats_node *out, str bytes)
{
    uint64_t instance = 0;

    if (bytes.len == 0)
        return NATS_NODE_BAD;
    if (bytes.ptr[0] != VERSION)
        return NATS_NODE_UNKNOWN;
    if (bytes.len <= NAME_AT || bytes.len > NATS_NODE_SIZE)
        return NATS_NODE_BAD;
    for (unsigned i = 1; i < NAME_AT; i++)
        instance = instance << 8 | (uint8_t)bytes.ptr[i];
    *out = nats_node_of((str){bytes.ptr + NAME_AT, bytes.len - NAME_AT}, instance);
    return 0;
}

enum nats_heard nats_nodes_heard(struct nats_nodes *all, const struct nats_node *n)
{
    for (size_t i = 0; i < all->n; i++) {
        struct nats_node *known = &all->all[i];
        if (!str_eq(nats_node_name(known), nats_node_name(n)))
            continue;
        const bool is_same = known->instance == n->instance;
        *known = *n;
        return is_same ? NATS_HEARD_KNOWN : NATS_HEARD_ANEW;
    }
    if (all->n == BUS_NODES_MAX)
        return NATS_HEARD_TOO_MANY;
    all->all[all->n++] = *n;
    return NATS_HEARD_NEW;
}

bool nats_nodes_lose(struct nats_nodes *all, int64_t since_ms, struct nats_node *out)
{
    for (size_t i = 0; i < all->n; i++) {
        if (all->all[i].heard_ms >= since_ms)
            continue;
        *out = all->all[i];
        all->all[i] = all->all[--all->n];
        return true;
    }
    return false;
}

void nats_nodes_excuse(struct nats_nodes *all, int64_t now_ms)
{
    for (size_t i = 0; i < all->n; i++)
        all->all[i].heard_ms = now_ms;
}
