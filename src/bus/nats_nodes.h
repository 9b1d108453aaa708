/**
 * Who else is there: processes say so again and again, and one that is silent for too long, or
 * says that it has begun anew, is lost. What it has not announced before nobody will. To one
 * that is new the others say at once that they are there, so that it misses those that go next.
 *
 *   1 byte   version
 *   8 bytes  the instance, big endian: by chance, anew at each start
 *   1 to BUS_NODE_NAME_MAX bytes  its name
 */
#pragma once

#include "base/str.h"

#define BUS_NODE_MS       5000  // from one announcement to the next
#define BUS_NODE_LOST_MS  15000 // of silence
#define BUS_NODES_MAX     256   // known at once
#define BUS_NODE_NAME_MAX 64    // bytes

#define NATS_NODE_SIZE (1 + 8 + BUS_NODE_NAME_MAX) // bytes

struct nats_node {
    uint64_t instance;
    uint8_t name_len;
    char name[BUS_NODE_NAME_MAX];
    int64_t heard_ms; // monotonic
};

struct nats_nodes {
    size_t n;
    struct nats_node all[BUS_NODES_MAX];
};

enum nats_node_refusal {
    NATS_NODE_UNKNOWN = 1, // of a later version
    NATS_NODE_BAD,
};

static inline str nats_node_name(const struct nats_node *n)
{
    return (str){n->name, n->name_len};
}

/** @param name  1 to BUS_NODE_NAME_MAX bytes */
struct nats_node nats_node_of(str name, uint64_t instance);

/** @return how many bytes it has taken */
size_t nats_node_encode(char out[NATS_NODE_SIZE], const struct nats_node *n);

/** @return 0 or an enum nats_node_refusal */
MUST_CHECK int nats_node_decode(struct nats_node *out, str bytes);

enum nats_heard {
    NATS_HEARD_KNOWN,
    NATS_HEARD_NEW,
    NATS_HEARD_ANEW, // the instance that had this name is lost
    NATS_HEARD_TOO_MANY,
};

/** One has announced itself, at its heard_ms. */
enum nats_heard nats_nodes_heard(struct nats_nodes *all, const struct nats_node *n);

/** Take out one that was not heard since. @return whether there was one */
bool nats_nodes_lose(struct nats_nodes *all, int64_t since_ms, struct nats_node *out);

/** They could not be heard until now. */
void nats_nodes_excuse(struct nats_nodes *all, int64_t now_ms);
