#include "server/crew.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/ips.h"
#include "base/mem.h"
#include "bus/nats.h"
#include "chat/limits.h"
#include "crypto/random.h"
#include "server/demo.h"
#include "server/run.h"

struct worker {
    struct node *node;
    struct loop_thread thread; // of all but the first
    int r;
};

struct crew {
    const struct node_config *config;
    struct node_shared shared;
    struct tcp_limit connections;
    struct ips connection_ips;
    struct ips socket_ips;
    struct worker workers[POSTS_MAX];
    unsigned n_workers; // that are made
    bool is_unclean;    // something is still under way
};

static_assert(POSTS_MAX <= BUS_HUB_MAX, "each has a front");
static_assert(POSTS_MAX <= EIO_WORKERS, "each has a letter");

static bool find_node(void *arg, unsigned node, struct node_url *out)
{
    return cluster_find(arg, node, out);
}

static uint64_t look(void *arg)
{
    return cluster_look(arg);
}

static bool has_looked(void *arg, uint64_t ticket)
{
    return cluster_has_looked(arg, ticket);
}

/** Those of other processes come to it once the store has said which they are. */
static void make_bus(struct crew *c)
{
    const struct node_config *config = c->config;

    if (!config->cluster.bus) {
        if (config->n_workers > 1)
            c->shared.hub = bus_hub_new(crypto_random(), NULL);
        return;
    }
    c->shared.cluster = cluster_new();
    c->shared.nodes = (struct relay_nodes){.key = str_of(config->sign_in.nodes),
                                           .find = find_node,
                                           .look = look,
                                           .has_looked = has_looked,
                                           .arg = c->shared.cluster};
}

static void make_shared(struct crew *c)
{
    const struct node_config *config = c->config;

    ips_init(&c->connection_ips, config->connections_per_ip, crypto_random());
    ips_init(&c->socket_ips, config->sockets_per_ip, crypto_random());
    c->connections.max = config->max_streams;
    c->connections.per_ip = config->chat.rate_limits ? &c->connection_ips : NULL;
    c->shared = (struct node_shared){
        .config = config,
        .posts = posts_new(config->n_workers),
        .limits = chat_limits_new(&config->chat, crypto_random()),
        .socket_ips = &c->socket_ips,
        .connections = &c->connections,
    };
    relay_peers_init(&c->shared.peers);
}

static void free_shared(struct crew *c)
{
    chat_limits_free(c->shared.limits);
    bus_hub_free(c->shared.hub);
    bus_nats_free(c->shared.nats);
    posts_free(c->shared.posts);
    relay_peers_fini(&c->shared.peers);
    ips_fini(&c->socket_ips);
    ips_fini(&c->connection_ips);
}

/** @return 0 or NODE_FAILED: said */
static int make_all(struct crew *c)
{
    for (; c->n_workers < c->config->n_workers; c->n_workers++) {
        const struct node *home = c->n_workers > 0 ? c->workers[NODE_HOME].node : NULL;
        struct worker *w = &c->workers[c->n_workers];
        const int r = node_new(&w->node, &c->shared, c->n_workers, home);
        if (r != 0)
            return r;
    }
    return 0;
}

/** The first one last: it has what the others share. */
static void free_all(struct crew *c)
{
    while (c->n_workers > 0)
        node_free(c->workers[--c->n_workers].node);
}

/** @param at  where the first one got a port, all listen @return 0 or NODE_FAILED: said */
static int listen_all(struct crew *c, struct addr *at)
{
    *at = c->config->listen;
    for (unsigned i = 0; i < c->n_workers; i++) {
        const int r = node_listen(c->workers[i].node, at);
        if (r != 0)
            return r;
    }
    return 0;
}

// Running.

static void run_worker(void *arg)
{
    struct worker *w = arg;
    w->r = node_serve(w->node);
}

/** @return 0 or NODE_FAILED: said, and some may run */
static int start_others(struct crew *c)
{
    for (unsigned i = 1; i < c->n_workers; i++) {
        struct worker *w = &c->workers[i];
        char name[24];
        (void)snprintf(name, sizeof(name), "worker-%u", i);
        atomic_fetch_add(&c->shared.n_others, 1);
        if (loop_thread_start(&w->thread, name, run_worker, w) == 0)
            continue;
        fprintf(stderr,
                "parley serve: can't start worker %u; the log says why. Raise the limit of "
                "threads (TasksMax=, ulimit -u), or take fewer --workers\n",
                i);
        return NODE_FAILED;
    }
    return 0;
}

/** @return 0 or NODE_FAILED: something may still use what there is */
static int serve_all(struct crew *c, const struct addr *at)
{
    int r = start_others(c);
    if (r != 0)
        return r;
    run_say_ready(run_scheme(c->config->tls), at);
    if (c->config->dev)
        demo_greet(run_scheme(c->config->tls), at);
    fflush(stdout);
    service_tell(&c->config->service, "READY=1");
    r = node_serve(c->workers[NODE_HOME].node);
    if (atomic_load(&c->shared.n_others) > 0)
        return NODE_FAILED;
    for (unsigned i = 1; i < c->n_workers; i++) {
        loop_thread_join(&c->workers[i].thread);
        r |= c->workers[i].r;
    }
    return r == 0 ? 0 : NODE_FAILED;
}

static int run_all(struct crew *c)
{
    struct addr at;

    int r = listen_all(c, &at);
    if (r != 0)
        return r;
    for (unsigned i = 0; i < c->n_workers && r == 0; i++)
        r = node_listening(c->workers[i].node, &at);
    if (r != 0)
        return r;
    r = serve_all(c, &at);
    // What is still under way would find what it uses gone: the process ends with it.
    if (r != 0)
        c->is_unclean = true;
    return r;
}

int crew_run(const struct node_config *config)
{
    struct crew *c = NEW(struct crew);

    c->config = config;
    make_shared(c);
    make_bus(c);
    int r = make_all(c);
    if (r == 0)
        r = run_all(c);
    if (c->is_unclean)
        return r;
    cluster_close(c->shared.cluster); // on the loop of the first one
    free_all(c);
    free_shared(c);
    free(c);
    return r;
}
