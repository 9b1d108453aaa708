/** A node, with what the network, the store and the bus are to it. */
#include "bus/local.h"
#include "support/whole_node.h"

#include "sim.h"

#define PING_MS 3000
#define PONG_MS 2000

struct sim_node {
    struct sim *sim;
    struct store *store;
    struct bus *bus;
    struct whole_node whole;
};

void sim_node_start(struct sim *sim, unsigned i)
{
    struct sim_node *n = NEW(struct sim_node);

    n->sim = sim;
    n->store = sim_store_new(sim, sim->disk);
    n->bus = sim->config.n_nodes == 1 ? bus_local_new(&sim->later, &sim->chance.rand)
                                      : sim_bus_new(sim, i);
    whole_node_start(&n->whole, &(struct whole_node_ports){
                                    .store = n->store,
                                    .auth_store = store_mem_auth(sim->disk),
                                    .bus = n->bus,
                                    .keyring = &sim->keyring,
                                    .timers = &sim->timers,
                                    .later = &sim->later,
                                    .clock = &sim->clock,
                                    .rand = &sim->chance.rand,
                                    .limits = sim->limits,
                                    .ping_ms = PING_MS,
                                    .pong_ms = PONG_MS,
                                });
    sim->nodes[i] = n;
}

void sim_node_accept(struct sim_node *n, struct stream *s)
{
    http_server_accept(n->whole.http, s);
}

struct bus *sim_node_bus(struct sim_node *n)
{
    return n->bus;
}

struct chat *sim_node_chat(struct sim_node *n)
{
    return n->whole.chat;
}

static void drop_links(struct sim *sim, unsigned i)
{
    list_each (node, &sim->links) {
        struct sim_link *l = container_of(node, struct sim_link, node);
        if (l->at == i && l->is_up) {
            sim_link_drop(l);
            sim_settle(sim);
        }
    }
}

/**
 * After a crash nothing that the node does reaches anybody, and nothing reaches it; so it may
 * as well come to an end by itself, to give back what it has.
 */
void sim_node_end(struct sim *sim, unsigned i, bool is_crash)
{
    struct sim_node *n = sim->nodes[i];

    sim->nodes[i] = NULL;
    if (!is_crash) {
        chat_shut_down(n->whole.chat);
        eio_server_shut_down(n->whole.eio);
        sim_settle(sim);
        sim_links_turn(sim);
    }
    if (is_crash)
        sim_store_crash(n->store);
    if (is_crash && sim->config.n_nodes > 1)
        sim_bus_end(n->bus);
    drop_links(sim, i);
    sim->counters.unhinted += chat_counters(n->whole.chat)->unhinted;
    chat_stop(n->whole.chat);
    sim_store_end(n->store);
    if (is_crash)
        eio_server_shut_down(n->whole.eio);
    sim_settle(sim);
    if (!chat_is_idle(n->whole.chat))
        sim_fail(sim, "node %u does not come to an end", i);
    whole_node_fini(&n->whole);
    sim_settle(sim);
    bus_free(n->bus);
    sim_settle(sim);
    store_free(n->store);
    free(n);
}
