#include "server/relay_peers.h"

void relay_peers_init(struct relay_peers *p)
{
    *p = (struct relay_peers){0};
    pthread_mutex_init(&p->mutex, NULL);
}

void relay_peers_fini(struct relay_peers *p)
{
    pthread_mutex_destroy(&p->mutex);
}

static bool find(const struct relay_peers *p, const ip *peer)
{
    for (size_t i = 0; i < p->n; i++) {
        if (str_eq(ip_str(&p->peers[i]), ip_str(peer)))
            return true;
    }
    return false;
}

void relay_peers_add(struct relay_peers *p, const ip *peer)
{
    pthread_mutex_lock(&p->mutex);
    if (!find(p, peer)) {
        p->peers[p->next] = *peer;
        p->next = (p->next + 1) % RELAY_PEERS_MAX;
        p->n += p->n < RELAY_PEERS_MAX;
    }
    pthread_mutex_unlock(&p->mutex);
}

bool relay_peers_has(struct relay_peers *p, const ip *peer)
{
    pthread_mutex_lock(&p->mutex);
    const bool has = find(p, peer);
    pthread_mutex_unlock(&p->mutex);
    return has;
}
