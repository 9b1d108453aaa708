#include "server/node.h"

#include <stdio.h>

#include "bus/local.h"
#include "crypto/random.h"
#include "io/loop.h"
#include "server/admin.h"
#include "server/run.h"
#include "store/sqlite.h"

#define RETRY_AFTER_S 5

struct node {
    const struct node_config *config;
    struct loop *loop;
    struct store *store;
    struct bus *bus;
    struct chat *chat;
    struct api *api;
    struct sio_server *sio;
    struct eio_server *eio;
    struct http_server *http;
    struct health health;
    struct admin admin;
};

// The parts, from the store up.

/** @return 0 or a fault */
static int open_store(struct node *n)
{
    const struct store_sqlite_config config = {
        .dir = n->config->data,
        .limits = n->config->mailbox,
        .rand = crypto_random(),
    };
    return store_sqlite_open(&n->store, n->loop, &config);
}

static void make_chat(struct node *n)
{
    const struct chat_ports ports = {
        .store = n->store,
        .bus = n->bus,
        .timers = &n->loop->timers,
        .later = &n->loop->later,
        .clock = &n->loop->clock,
        .rand = crypto_random(),
    };
    n->chat = chat_new(&ports, &n->config->chat);
    const struct api_config api = {
        .chat = n->chat,
        .auth = n->config->auth,
        .timers = &n->loop->timers,
        .later = &n->loop->later,
        .clock = &n->loop->clock,
        .rand = crypto_random(),
        .home_chain = n->config->home_chain,
        .content_bytes = n->config->content_bytes,
        .rate_limits = n->config->chat.rate_limits,
        .sockets_per_ip = n->config->sockets_per_ip,
    };
    n->api = api_new(&api);
}

static void make_transport(struct node *n)
{
    const struct node_config *c = n->config;
    const struct sio_config sio = {
        .timers = &n->loop->timers,
        .later = &n->loop->later,
        .rand = crypto_random(),
        .connect_timeout_ms = c->connect_timeout_ms,
        .max_attachments = SIO_ATTACHMENTS_MAX, // the chat takes none, and says so itself
    };
    const struct eio_config eio = {
        .timers = &n->loop->timers,
        .later = &n->loop->later,
        .rand = crypto_random(),
        .ping_interval_ms = c->ping_interval_ms,
        .ping_timeout_ms = c->ping_timeout_ms,
        .upgrade_timeout_ms = c->upgrade_timeout_ms,
        .max_payload = c->max_payload,
        .transports = c->transports,
        .allow_upgrades = true,
        .origins = c->origins,
        .cors = true,
        .proxies = c->proxies,
    };

    n->sio = sio_server_new(&sio, &api_sio_app, n->api);
    n->eio = eio_server_new(&eio, &sio_eio_app, n->sio);
}

static void on_look(void *arg)
{
    struct node *n = arg;

    if (n->admin.phase != ADMIN_DRAINING)
        eio_server_refuse(n->eio, health_is_out(&n->health) ? RETRY_AFTER_S : 0);
}

static void make_admin(struct node *n)
{
    n->admin = (struct admin){
        .started_ms = n->loop->timers.now_ms,
        .timers = &n->loop->timers,
        .chat = n->chat,
        .api = n->api,
        .store = n->store,
        .eio = n->eio,
        .health = &n->health,
        .n_connections = &n->loop->n_streams,
    };
    health_start(&n->health, n->store, &n->loop->timers, on_look, n);
}

static void unmake(struct node *n)
{
    http_server_free(n->http);
    eio_server_free(n->eio);
    sio_server_free(n->sio);
    api_free(n->api);
    chat_free(n->chat);
    bus_free(n->bus);
    store_free(n->store);
}

// The end.

static void refuse(void *arg)
{
    struct node *n = arg;

    n->admin.phase = ADMIN_DRAINING;
    eio_server_refuse(n->eio, RETRY_AFTER_S);
    health_stop(&n->health);
}

static size_t let_go(void *arg, size_t n_steps)
{
    struct node *n = arg;
    const size_t left = eio_counters(n->eio).sessions;

    return eio_server_drain(n->eio, (left + n_steps - 1) / n_steps);
}

static void close_all(void *arg)
{
    struct node *n = arg;
    eio_server_shut_down(n->eio);
}

static bool is_idle(void *arg)
{
    struct node *n = arg;
    return chat_is_idle(n->chat) && !n->health.is_asking;
}

static void give_up(void *arg)
{
    struct node *n = arg;
    chat_stop(n->chat);
}

static const struct run_ops run_ops = {
    .refuse = refuse,
    .let_go = let_go,
    .close = close_all,
    .is_idle = is_idle,
    .give_up = give_up,
};

static int serve(struct node *n)
{
    const struct http_route routes[] = {
        {STR("/healthz"), &admin_http_handler, &n->admin},
        {STR("/readyz"), &admin_http_handler, &n->admin},
        {STR("/metrics"), &admin_http_handler, &n->admin},
        {n->config->path, &eio_http_handler, n->eio},
    };
    const struct http_config http = {
        .timers = &n->loop->timers,
        .later = &n->loop->later,
        .clock = &n->loop->clock,
        .routes = routes,
        .n_routes = COUNT_OF(routes),
    };
    n->http = http_server_new(&http);
    const struct run how = {
        .command = "parley serve",
        .loop = n->loop,
        .http = n->http,
        .listen = n->config->listen,
        .max_streams = n->config->max_streams,
        .max_per_ip = n->config->chat.rate_limits ? n->config->connections_per_ip : 0,
        .proxies = &n->config->proxies,
        .drain_ms = n->config->drain_ms,
        .ops = &run_ops,
        .arg = n,
    };
    n->admin.phase = ADMIN_SERVING;
    return run(&how);
}

int node_run(const struct node_config *config)
{
    struct node n = {.config = config};

    if (loop_new(&n.loop) != 0)
        return NODE_FAILED;
    if (open_store(&n) != 0) {
        fprintf(stderr,
                "parley serve: can't open the store in '%s'; the log says why. --data names "
                "another directory\n",
                config->data);
        loop_free(n.loop);
        return NODE_FAILED;
    }
    n.bus = bus_local_new(&n.loop->later, crypto_random());
    make_chat(&n);
    make_transport(&n);
    make_admin(&n);
    const int r = serve(&n);
    // What is still under way would find what it uses gone: the process ends with it.
    if (r == RUN_UNCLEAN)
        return NODE_FAILED;
    unmake(&n);
    loop_free(n.loop);
    return r == 0 ? 0 : NODE_FAILED;
}
