#include "server/node.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/revoked.h"
#include "base/mem.h"
#include "crypto/random.h"
#include "io/loop.h"
#include "io/pool.h"
#include "io/tcp.h"
#include "server/admin.h"
#include "server/admin_socket.h"
#include "server/certificate.h"
#include "server/demo.h"
#include "server/embedded.h"
#include "server/moves.h"
#include "server/own_keys.h"
#include "server/parts.h"
#include "server/probe.h"
#include "server/run.h"
#include "server/state.h"
#include "server/watchdog.h"

#define RETRY_AFTER_S 5
#define ROUTES_MAX    16

#define PLACE_NODES POSTS_MAX // places from here on are other processes

struct node {
    const struct node_config *config;
    struct node_shared *shared;
    unsigned number;
    struct loop *loop;
    struct parts parts;
    struct own_keys keys;
    struct http_server *http;
    struct http_assets assets;
    struct demo demo; // with --dev
    struct moves moves;
    struct relay *relay; // NULL: there are no other processes
    struct relay_door door;
    struct health health;
    struct admin admin;
    struct admin_socket *admin_socket; // at home
    struct probes probes;              // likewise
    struct addr at;                    // where it listens, once it does
    struct run how;
    struct running running;
    struct watchdog watchdog; // at home
    size_t n_counts;          // that go round
    struct http_route routes[ROUTES_MAX];
    size_t n_routes;
};

static bool is_home(const struct node *n)
{
    return n->number == NODE_HOME;
}

static struct post post_of(const struct node *n, void (*what)(struct post *p, void *there))
{
    return (struct post){.run = what, .from = n->number, .at = n->number};
}

// What is for another node.

static bool is_socketio(const struct node_config *c, str path)
{
    return str_starts(path, c->path) || (c->dev && str_starts(path, STR("/socket.io/")));
}

/** What is there but once is at home. */
static bool is_for_home(str path)
{
    static const str prefixes[] = {STR("/v1/"), STR("/.well-known/"), STR(MEDIA_LOCAL_PREFIX),
                                   STR("/metrics")};

    for (size_t i = 0; i < COUNT_OF(prefixes); i++) {
        if (str_starts(path, prefixes[i]))
            return true;
    }
    return false;
}

static int place_of_session(const struct node *n, const struct http_head *head)
{
    struct eio_place p;

    if (!eio_place_of(head, &p))
        return HTTP_HERE;
    if (p.node == n->shared->nodes.number)
        return moves_place(&n->moves, (int)p.worker);
    return n->relay && relay_takes(n->relay, head, p.node) ? PLACE_NODES + (int)p.node
                                                           : HTTP_HERE;
}

static int place(void *arg, const struct http_head *head)
{
    const struct node *n = arg;

    if (is_for_home(head->path))
        return moves_place(&n->moves, NODE_HOME);
    if (is_socketio(n->config, head->path))
        return place_of_session(n, head);
    return HTTP_HERE;
}

static void move(void *arg, int place, struct stream_parcel *parcel)
{
    const struct node *n = arg;

    if (place >= PLACE_NODES) {
        relay_take(n->relay, (unsigned)(place - PLACE_NODES), parcel);
    } else {
        moves_move(&n->moves, place, parcel);
    }
}

// Numbers: a question goes round, and each adds its own.

struct count {
    struct post post;
    struct http_request *rq; // NULL: nobody waits for it any more
    uint64_t seen;           // nodes, a bit each
    struct admin_numbers sum;
};

static_assert(POSTS_MAX <= 64, "a bit each");

static void add_own(struct count *c, const struct node *n)
{
    const struct admin_numbers own = admin_numbers_of(&n->admin);

    if (c->seen == 0) {
        c->sum = own;
    } else {
        admin_numbers_add(&c->sum, &own);
    }
    c->seen |= UINT64_C(1) << n->number;
}

/** Of nodes that have ended: nothing changes there any more. */
static void add_ended(struct count *c, struct posts *posts)
{
    for (unsigned i = 0; i < posts_count(posts); i++) {
        if (!(c->seen >> i & 1))
            add_own(c, posts_there(posts, i));
    }
}

static void on_count(struct post *post, void *there)
{
    struct count *c = container_of(post, struct count, post);
    struct node *n = there;

    if (post->from != n->number) {
        add_own(c, n);
        posts_pass(n->shared->posts, post);
        return;
    }
    n->n_counts--;
    if (c->rq) {
        add_ended(c, n->shared->posts);
        admin_respond(c->rq, &c->sum);
    }
    free(c);
}

static void on_metrics(void *arg, struct http_request *rq)
{
    struct node *n = arg;
    struct count *c = NEW(struct count);

    c->post = post_of(n, on_count);
    c->rq = rq;
    rq->state = c;
    add_own(c, n);
    n->n_counts++;
    posts_pass(n->shared->posts, &c->post);
}

static void on_metrics_gone(void *arg, struct http_request *rq)
{
    struct count *c = rq->state;

    (void)arg;
    c->rq = NULL;
}

// Keys that are read anew: at home last, for what that signs is to be good everywhere.

static void on_reload(struct post *post, void *there)
{
    struct node *n = there;
    const int r = own_keys_load(&n->keys);

    if (is_home(n) && n->config->tls)
        certificate_reload(n->config->tls); // all show the same one
    auth_issuer_keys_fetch(n->parts.issuer_keys);
    if (post->from == n->number) {
        free(post);
    } else {
        posts_pass(n->shared->posts, post);
    }
    (void)r; // logged; the old ones are good
}

static void on_hang_up(void *arg, int signal)
{
    struct node *n = arg;
    struct post *p = NEW(struct post);

    (void)signal;
    *p = post_of(n, on_reload);
    posts_pass(n->shared->posts, p);
}

// What it is doing, for who asks.

static void on_state(struct post *post, void *there)
{
    const struct node *n = there;

    state_say(&n->admin, n->number);
    if (post->from == n->number) {
        free(post);
    } else {
        posts_pass(n->shared->posts, post);
    }
}

static void on_asked(void *arg, int signal)
{
    struct node *n = arg;
    struct post *p = NEW(struct post);

    (void)signal;
    *p = post_of(n, on_state);
    posts_pass(n->shared->posts, p);
}

static void init_keys(struct node *n)
{
    const struct own_keys_config config = {
        .dir = n->config->keys,
        .auth = n->parts.who->auth,
        .keyring = &n->config->trusts[n->number].keyring,
        .timers = &n->loop->timers,
        .clock = &n->loop->clock,
        .rand = n->config->key_rand,
    };
    own_keys_init(&n->keys, &config);
}

// Revocations.

struct told {
    struct post post;
    struct auth_revocation *what; // owned
};

static void on_told(struct post *post, void *there)
{
    struct told *t = container_of(post, struct told, post);
    struct node *n = there;

    if (post->from != n->number) {
        auth_sessions_hear(n->parts.sessions, t->what);
        posts_pass(n->shared->posts, post);
        return;
    }
    free(t->what);
    free(t);
}

static void on_ended(void *arg, const struct auth_revocation *what)
{
    struct node *n = arg;
    struct told *t = NEW(struct told);

    assert(is_home(n)); // signing in, and what operators end, is there alone
    t->post = post_of(n, on_told);
    t->what = auth_revoked_dup(what);
    posts_pass(n->shared->posts, &t->post);
}

// The end.

static void on_stop(struct post *post, void *there)
{
    struct node *n = there;

    if (post->from == n->number) {
        free(post);
        return;
    }
    run_stop(&n->running);
    posts_pass(n->shared->posts, post);
}

static void on_stop_signal(void *arg, int signal)
{
    struct node *n = arg;
    struct post *p = NEW(struct post);

    run_say_stop(&n->running, signal);
    service_tell(&n->config->service, "STOPPING=1");
    run_stop(&n->running);
    *p = post_of(n, on_stop);
    posts_pass(n->shared->posts, p);
}

static void refuse(void *arg)
{
    struct node *n = arg;

    n->admin.phase = ADMIN_DRAINING;
    parts_refuse(&n->parts, RETRY_AFTER_S);
    health_stop(&n->health);
}

static size_t let_go(void *arg, size_t n_steps)
{
    struct node *n = arg;
    const size_t left = eio_counters(n->parts.eio).sessions;
    const size_t relayed = n->relay ? relay_numbers(n->relay).websockets : 0;

    if (relayed > 0)
        (void)relay_drain(n->relay, (relayed + n_steps - 1) / n_steps);
    return eio_server_drain(n->parts.eio, (left + n_steps - 1) / n_steps) +
           (n->relay ? relay_numbers(n->relay).websockets : 0);
}

static void close_all(void *arg)
{
    struct node *n = arg;

    parts_close(&n->parts);
    if (n->relay)
        relay_close_all(n->relay);
    admin_socket_close(n->admin_socket); // until now there were clients to end
}

/** The others need home until they have ended. */
static bool is_idle(void *arg)
{
    struct node *n = arg;

    if (is_home(n) && atomic_load(&n->shared->n_others) > 0)
        return false;
    return parts_are_idle(&n->parts) && (!n->relay || relay_is_idle(n->relay)) &&
           !n->health.is_asking && n->n_counts == 0;
}

static void give_up(void *arg)
{
    struct node *n = arg;
    chat_stop(n->parts.chat);
}

static const struct run_ops run_ops = {
    .refuse = refuse,
    .let_go = let_go,
    .close = close_all,
    .is_idle = is_idle,
    .give_up = give_up,
};

// The whole.

static void on_look(void *arg)
{
    struct node *n = arg;

    if (n->admin.phase != ADMIN_DRAINING)
        parts_refuse(&n->parts, health_is_out(&n->health) ? RETRY_AFTER_S : 0);
}

static void make_admin(struct node *n)
{
    n->admin = (struct admin){
        .started_ms = n->loop->timers.now_ms,
        .timers = &n->loop->timers,
        .chat = n->parts.chat,
        .api = n->parts.api,
        .store = n->parts.store,
        .media = &n->parts.media,
        .eio = n->parts.eio,
        .door = &n->door,
        .cluster = n->shared->cluster,
        .nats = n->shared->nats,
        .is_first = is_home(n),
        .health = &n->health,
        .tls = n->config->tls,
        .n_connections = &n->loop->n_streams,
        .max_connections = n->config->max_streams,
        .on_metrics = on_metrics,
        .on_gone = on_metrics_gone,
        .arg = n,
    };
    health_start(&n->health, n->parts.store, &n->loop->timers, on_look, n);
}

static void add_route(struct node *n, str prefix, const struct http_handler *handler, void *arg)
{
    assert(n->n_routes < ROUTES_MAX);
    n->routes[n->n_routes++] = (struct http_route){prefix, handler, arg};
}

/** The first match counts. */
static void add_routes(struct node *n)
{
    struct parts *p = &n->parts;

    if (p->media.local)
        add_route(n, STR(MEDIA_LOCAL_PREFIX), &media_local_http_handler, p->media.local);
    add_route(n, STR("/healthz"), &admin_http_handler, &n->admin);
    add_route(n, STR("/readyz"), &admin_http_handler, &n->admin);
    add_route(n, STR("/metrics"), &admin_http_handler, &n->admin);
    add_route(n, STR(PROBE_PREFIX), &probe_http_handler, &n->probes);
    add_route(n, STR("/v1/"), &api_http_handler, p->api);
    add_route(n, STR("/.well-known/"), &api_http_handler, p->api);
    add_route(n, STR(HTTP_ASSETS_SHARED), &http_assets_handler, &n->assets);
    if (n->config->dev)
        add_route(n, STR(DEMO_PREFIX), &demo_http_handler, &n->demo);
    add_route(n, n->config->path, &relay_door_handler, &n->door);
    if (n->config->dev) { // its page knows of no --path
        add_route(n, STR("/socket.io/"), &relay_door_handler, &n->door);
        add_route(n, STR("/"), &http_assets_handler, &n->assets);
    }
}

/** Behind our HTTP server, which gets back what can't be passed on. */
static void make_relay(struct node *n)
{
    const struct node_config *c = n->config;

    if (!n->shared->cluster)
        return;
    n->relay = relay_new(&(struct relay_config){
        .loop = n->loop,
        .http = n->http,
        .nodes = &n->shared->nodes,
        .limit = n->shared->connections,
        .idle_ms = 2 * (c->ping_interval_ms + c->ping_timeout_ms),
    });
    n->door.relay = n->relay;
}

static void make_front(struct node *n)
{
    n->door = (struct relay_door){
        .eio = n->parts.eio,
        .peers = &n->shared->peers,
        .key = n->shared->nodes.key,
        .timers = &n->loop->timers,
    };
    n->probes = (struct probes){
        .proxies = &n->config->proxies,
        .timers = &n->loop->timers,
        .rand = crypto_random(),
    };
    n->assets = embedded_assets;
    if (n->config->dev)
        demo_init(&n->demo, &n->config->demo, &n->config->proxies);
    add_routes(n);
    n->http = http_server_new(&(struct http_config){
        .timers = &n->loop->timers,
        .later = &n->loop->later,
        .clock = &n->loop->clock,
        .routes = n->routes,
        .n_routes = n->n_routes,
        .place = place,
        .move = move,
        .move_arg = n,
    });
    n->moves = (struct moves){
        .posts = n->shared->posts,
        .all = n->shared->moves,
        .number = n->number,
        .loop = n->loop,
        .http = n->http,
    };
    n->shared->moves[n->number] = &n->moves;
    make_relay(n);
}

/** A URL may have a password in it. */
static void say_not_open(const struct node_config *c)
{
    if (c->postgres) {
        fprintf(
            stderr,
            "parley serve: can't open the store in PostgreSQL, or what goes with it in '%s'; "
            "the log says why. --store names another database\n",
            c->data);
        return;
    }
    fprintf(stderr,
            "parley serve: can't open the store in '%s', or what goes with it; the log says "
            "why. --data names another directory\n",
            c->data);
}

static int open_parts(struct node *n, const struct node *home)
{
    n->parts = (struct parts){
        .config = n->config,
        .shared = n->shared,
        .who = &n->config->trusts[n->number],
        .number = n->number,
        .home = home ? &home->parts : NULL,
        .loop = n->loop,
    };
    const int r = parts_open(&n->parts);
    if (r < 0)
        say_not_open(n->config);
    return r;
}

static int open_loop(struct node *n)
{
    int r = loop_new(&n->loop);
    if (r == 0 && is_home(n))
        r = pool_start(n->loop);
    if (r < 0)
        return r;
    return posts_open(n->shared->posts, n->number, n->loop, n);
}

static void close_loop(struct node *n)
{
    if (!n->loop)
        return;
    posts_close(n->shared->posts, n->number);
    loop_free(n->loop);
}

int node_new(struct node **out, struct node_shared *shared, unsigned number,
             const struct node *home)
{
    struct node *n = NEW(struct node);

    *n = (struct node){.config = shared->config, .shared = shared, .number = number};
    if (open_loop(n) < 0 || open_parts(n, home) != 0) {
        close_loop(n);
        free(n);
        return NODE_FAILED;
    }
    auth_sessions_on_ended(n->parts.sessions, on_ended, n);
    init_keys(n);
    make_admin(n);
    make_front(n);
    *out = n;
    return 0;
}

void node_free(struct node *n)
{
    n->moves.has_ended = true;
    posts_close(n->shared->posts, n->number);
    run_cancel(&n->running);
    admin_socket_close(n->admin_socket);
    health_stop(&n->health);
    admin_socket_free(n->admin_socket);
    own_keys_fini(&n->keys);
    relay_free(n->relay);
    http_server_free(n->http);
    parts_free(&n->parts);
    loop_free(n->loop);
    free(n);
}

/** @return 0 or ADMIN_SOCKET_FAILED */
static int open_admin_socket(struct node *n)
{
    const struct admin_socket_config config = {
        .loop = n->loop,
        .data = str_of(n->config->data),
        .sessions = n->parts.sessions,
        .home_chain = n->config->home_chain,
        .probes = &n->probes,
        .at = &n->at,
        .is_tls = n->config->tls != NULL,
        .is_given = n->config->service.fd >= 0,
    };
    return admin_socket_open(&n->admin_socket, &config);
}

/** After the data directory is ours, and who rotates the key finds us: it is read once more,
 * for we may not have been told. @return 0, or another: said */
static int open_home(struct node *n)
{
    if (loop_on_signal(n->loop, SIGHUP, on_hang_up, n) != 0 ||
        loop_on_signal(n->loop, SIGUSR1, on_asked, n) != 0 || open_admin_socket(n) != 0)
        return NODE_FAILED;
    return run_on_signals(&n->how, on_stop_signal, n);
}

static enum tcp_share share_of(const struct node *n)
{
    if (n->config->service.fd >= 0)
        return TCP_GIVEN;
    if (n->config->n_workers == 1)
        return TCP_ALONE;
    return is_home(n) ? TCP_FIRST : TCP_NEXT;
}

int node_listen(struct node *n, struct addr *at)
{
    n->how = (struct run){
        .command = "parley serve",
        .loop = n->loop,
        .http = n->http,
        .listen = *at,
        .tls = n->config->tls,
        .share = share_of(n),
        .fd = n->config->service.fd,
        .limit = n->shared->connections,
        .proxies = &n->config->proxies,
        .proxy_protocol = n->config->proxy_protocol,
        .peers = &n->shared->peers,
        .drain_ms = n->config->drain_ms,
        .ops = &run_ops,
        .arg = n,
    };
    if (is_home(n) && open_home(n) != 0)
        return NODE_FAILED;
    if (own_keys_load(&n->keys) != 0 || run_listen(&n->running, &n->how, at) != 0)
        return NODE_FAILED;
    return 0;
}

/** @return 0 or a fault */
static int be_there(const struct node *n, const struct addr *at)
{
    struct node_url url = n->config->cluster.url;

    if (url.port == 0)
        url.port = at->port;
    return cluster_start(n->shared->cluster, n->loop, &url);
}

int node_listening(struct node *n, const struct addr *at)
{
    n->at = *at;
    node_media_listening(&n->parts.media, run_scheme(n->config->tls), at);
    if (!is_home(n) || !n->shared->cluster || be_there(n, at) == 0)
        return 0;
    fprintf(stderr, "parley serve: can't be there for the other servers; the log says why\n");
    return NODE_FAILED;
}

int node_serve(struct node *n)
{
    n->admin.phase = ADMIN_SERVING;
    if (is_home(n))
        watchdog_start(&n->watchdog, &n->config->service, n->shared->posts, &n->loop->timers);
    const int r = run_serve(&n->running);
    n->moves.has_ended = true;
    posts_close(n->shared->posts, n->number);
    watchdog_stop(&n->watchdog);
    if (!is_home(n))
        atomic_fetch_sub(&n->shared->n_others, 1);
    return r == 0 ? 0 : NODE_FAILED;
}
