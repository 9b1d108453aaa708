/** A whole node: all that the program is but its sockets, its disk and its clock. */
#include "api/api.h"
#include "auth/auth.h"
#include "bus/local.h"
#include "eio/server.h"
#include "http/server.h"
#include "sio/server.h"

#include "sim.h"

#define PING_MS   3000
#define PONG_MS   2000
#define TOKENS_MS 600000

struct sim_node {
    struct sim *sim;
    struct store *store;
    struct bus *bus;
    struct chat *chat;
    struct auth *auth;
    struct auth_sessions *sessions;
    struct http_origins origins;
    struct http_proxies proxies;
    struct api *api;
    struct sio_server *sio;
    struct eio_server *eio;
    struct http_server *http;
    struct http_route route;
};

static void start_chat(struct sim_node *n, unsigned i)
{
    struct sim *sim = n->sim;

    n->store = sim_store_new(sim, sim->disk);
    n->bus = sim->config.n_nodes == 1 ? bus_local_new(&sim->later, &sim->chance.rand)
                                      : sim_bus_new(sim, i);
    n->chat = chat_new(&(struct chat_ports){.store = n->store,
                                            .bus = n->bus,
                                            .timers = &sim->timers,
                                            .later = &sim->later,
                                            .clock = &sim->clock,
                                            .rand = &sim->chance.rand},
                       &(struct chat_config){.rate_limits = false});
}

static void start_api(struct sim_node *n)
{
    static const uint8_t refresh_key[AUTH_KEY_SIZE] = "for refresh tokens";
    struct sim *sim = n->sim;

    n->auth = auth_new(1);
    auth_set_own(n->auth, &sim->keyring);
    n->sessions = auth_sessions_new(&(struct auth_sessions_config){
        .store = store_mem_auth(sim->disk),
        .signer = &sim->keyring.signer,
        .refresh_key = refresh_key,
        .clock = &sim->clock,
        .rand = &sim->chance.rand,
        .timers = &sim->timers,
        .access_ms = TOKENS_MS,
        .session_ms = INT64_C(30) * 86400000,
    });
    n->api = api_new(&(struct api_config){
        .chat = n->chat,
        .auth = n->auth,
        .sessions = n->sessions,
        .keyring = &sim->keyring,
        .origins = &n->origins,
        .proxies = &n->proxies,
        .timers = &sim->timers,
        .later = &sim->later,
        .clock = &sim->clock,
        .rand = &sim->chance.rand,
        .home_chain = 1,
        .content_bytes = API_CONTENT_MAX,
        .sockets_per_ip = 1000,
    });
}

static void start_transport(struct sim_node *n)
{
    struct sim *sim = n->sim;

    n->sio = sio_server_new(
        &(struct sio_config){
            .timers = &sim->timers,
            .later = &sim->later,
            .rand = &sim->chance.rand,
            .connect_timeout_ms = 10000,
            .max_attachments = SIO_ATTACHMENTS_MAX,
        },
        &api_sio_app, n->api);
    n->eio = eio_server_new(
        &(struct eio_config){
            .timers = &sim->timers,
            .later = &sim->later,
            .rand = &sim->chance.rand,
            .ping_interval_ms = PING_MS,
            .ping_timeout_ms = PONG_MS,
            .upgrade_timeout_ms = 10000,
            .max_payload = 1000000,
            .transports = EIO_WEBSOCKET_TRANSPORT,
        },
        &sio_eio_app, n->sio);
    n->route = (struct http_route){STR("/engine.io/"), &eio_http_handler, n->eio};
    n->http = http_server_new(&(struct http_config){
        .timers = &sim->timers,
        .later = &sim->later,
        .clock = &sim->clock,
        .routes = &n->route,
        .n_routes = 1,
    });
}

void sim_node_start(struct sim *sim, unsigned i)
{
    struct sim_node *n = NEW(struct sim_node);

    n->sim = sim;
    start_chat(n, i);
    start_api(n);
    start_transport(n);
    sim->nodes[i] = n;
}

void sim_node_accept(struct sim_node *n, struct stream *s)
{
    http_server_accept(n->http, s);
}

struct bus *sim_node_bus(struct sim_node *n)
{
    return n->bus;
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
        chat_shut_down(n->chat);
        eio_server_shut_down(n->eio);
        sim_settle(sim);
        sim_links_turn(sim);
    }
    if (is_crash)
        sim_store_crash(n->store);
    if (is_crash && sim->config.n_nodes > 1)
        sim_bus_end(n->bus);
    drop_links(sim, i);
    sim->counters.unhinted += chat_counters(n->chat)->unhinted;
    chat_stop(n->chat);
    sim_store_end(n->store);
    if (is_crash)
        eio_server_shut_down(n->eio);
    sim_settle(sim);
    http_server_free(n->http);
    eio_server_free(n->eio);
    sio_server_free(n->sio);
    api_free(n->api);
    if (!chat_is_idle(n->chat))
        sim_fail(sim, "node %u does not come to an end", i);
    chat_free(n->chat);
    sim_settle(sim);
    bus_free(n->bus);
    sim_settle(sim);
    store_free(n->store);
    auth_sessions_free(n->sessions);
    auth_free(n->auth);
    free(n);
}
