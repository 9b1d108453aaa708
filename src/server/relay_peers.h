/**
 * Addresses of other nodes: those that have shown the key. So many connections come from one
 * that they count for no address (io/tcp.h). Listeners of all loops share them.
 */
#pragma once

#include <pthread.h>

#include "base/ip.h"

#define RELAY_PEERS_MAX 64 // one more, and the one that came first is forgotten

struct relay_peers {
    pthread_mutex_t mutex; // of the others
    size_t n;
    size_t next; // place of the next one
    ip peers[RELAY_PEERS_MAX];
};

void relay_peers_init(struct relay_peers *p);
void relay_peers_fini(struct relay_peers *p);

/** Thread: any. */
void relay_peers_add(struct relay_peers *p, const ip *peer);

/** Thread: any. */
bool relay_peers_has(struct relay_peers *p, const ip *peer);
