#include "server/node.h"

#include <signal.h>
#include <stdio.h>

#include "api/describe.h"
#include "api/encode.h"
#include "bus/local.h"
#include "crypto/random.h"
#include "io/loop.h"
#include "io/pool.h"
#include "server/admin.h"
#include "server/admin_socket.h"
#include "server/demo.h"
#include "server/embedded.h"
#include "server/fetcher.h"
#include "server/node_media.h"
#include "server/own_keys.h"
#include "server/prover.h"
#include "server/run.h"
#include "store/sqlite.h"

#define RETRY_AFTER_S 5

struct node {
    const struct node_config *config;
    struct loop *loop;
    struct store *store;
    struct bus *bus;
    struct rand_ahead rand; // of names
    struct own_keys keys;
    struct prover *prover;
    struct auth_fetcher_http *fetcher; // NULL: there is nobody to ask
    struct auth_contracts *contracts;  // likewise
    struct auth_issuer_keys *issuer_keys;
    struct auth_sessions *sessions;
    struct auth_sign_in *sign_in;
    struct node_media media;
    struct chat *chat;
    struct api *api;
    struct sio_server *sio;
    struct eio_server *eio;
    struct buf denial; // what it says to pages that may not connect
    struct http_server *http;
    struct admin_socket *admin_socket;
    struct health health;
    struct admin admin;
    struct http_assets assets;
    struct demo demo; // with --dev
    bool is_loaded;   // what was revoked is known
};

// The parts, from the store up.

/** @return 0 or a fault */
static int open_store(struct node *n)
{
    const struct store_sqlite_config config = {
        .dir = n->config->data,
        .index_after = n->config->store_memory,
        .tail_max = 4 * n->config->store_memory,
        .limits = n->config->mailbox,
        .rand = crypto_random(),
    };
    return store_sqlite_open(&n->store, n->loop, &config);
}

static bool has_others(const struct node_config *c)
{
    return c->rpcs.n > 0 || c->urls.n > 0;
}

/** @return 0 or a fault */
static int make_fetcher(struct node *n)
{
    if (!has_others(n->config))
        return 0;
    return auth_fetcher_http_new(&n->fetcher, n->loop, n->config->ca_file);
}

static void make_contracts(struct node *n)
{
    const struct node_config *c = n->config;

    if (c->rpcs.n == 0)
        return;
    struct auth_contracts_config config = {
        .fetcher = auth_fetcher_http_port(n->fetcher),
        .timers = &n->loop->timers,
        .later = &n->loop->later,
        .rand = crypto_random(),
        .rate_limits = c->chat.rate_limits,
        .sign_ins = c->contracts,
        .n_rpcs = c->rpcs.n,
    };
    memcpy(config.rpcs, c->rpcs.rpcs, sizeof(config.rpcs));
    n->contracts = auth_contracts_new(&config);
}

static void make_sign_in(struct node *n)
{
    const struct node_config *c = n->config;
    const struct auth_sessions_config sessions = {
        .store = store_sqlite_auth(n->store),
        .contracts = n->contracts,
        .signer = &c->keyring->signer,
        .refresh_key = c->sign_in.refresh,
        .clock = &n->loop->clock,
        .rand = crypto_random(),
        .timers = &n->loop->timers,
        .rate_limits = c->chat.rate_limits,
        .begins = c->logins,
        .refreshes = c->auths,
        .access_ms = c->access_ms,
        .session_ms = c->session_ms,
    };
    n->sessions = auth_sessions_new(&sessions);
    struct auth_sign_in_config sign_in = {
        .sessions = n->sessions,
        .prover = prover_port(n->prover),
        .contracts = n->contracts,
        .clock = &n->loop->clock,
        .rand = crypto_random(),
        .nonce_key = c->sign_in.nonce,
        .domains = &c->domains,
        .n_chains = c->chains.n,
        .solana = c->chains.solana,
    };
    memcpy(sign_in.chains, c->chains.chains, sizeof(sign_in.chains));
    n->sign_in = auth_sign_in_new(&sign_in);
}

/** @return 0 or a fault */
static int open_media(struct node *n)
{
    return node_media_open(&n->media, &(struct node_media_config){
                                          .loop = n->loop,
                                          .uploads = store_sqlite_uploads(n->store),
                                          .options = &n->config->media_options,
                                          .media = &n->config->media,
                                          .origins = &n->config->origins,
                                          .proxies = &n->config->proxies,
                                          .rate_limits = n->config->chat.rate_limits,
                                          .data = n->config->data,
                                          .secret = n->config->media_secret,
                                          .scan = n->config->media_scan,
                                          .ca_file = n->config->ca_file,
                                      });
}

static struct auth_issuer_keys *new_issuer_keys(struct node *n)
{
    return auth_issuer_keys_new(&(struct auth_issuer_keys_config){
        .auth = n->config->auth,
        .fetcher = n->fetcher ? auth_fetcher_http_port(n->fetcher) : NULL,
        .timers = &n->loop->timers,
        .later = &n->loop->later,
        .urls = &n->config->urls,
    });
}

static void make_chat(struct node *n)
{
    const struct chat_ports ports = {
        .store = n->store,
        .uploads = store_sqlite_uploads(n->store),
        .media = n->media.port,
        .bus = n->bus,
        .timers = &n->loop->timers,
        .later = &n->loop->later,
        .clock = &n->loop->clock,
        .rand = &n->rand.rand,
    };
    struct chat_config chat = n->config->chat;
    chat.uploads = n->config->media.uploads;
    chat.uploads.describe = api_describe;
    n->chat = chat_new(&ports, &chat);
    n->issuer_keys = new_issuer_keys(n);
    const struct api_config api = {
        .chat = n->chat,
        .auth = n->config->auth,
        .issuer_keys = n->issuer_keys,
        .sessions = n->sessions,
        .sign_in = n->sign_in,
        .keyring = n->config->keyring,
        .origins = &n->config->origins,
        .proxies = &n->config->proxies,
        .timers = &n->loop->timers,
        .later = &n->loop->later,
        .clock = &n->loop->clock,
        .rand = crypto_random(),
        .home_chain = n->config->home_chain,
        .content_bytes = n->config->content_bytes,
        .media = n->media.port,
        .media_urls = &n->config->media.urls,
        .upload_bytes = serve_media_max_bytes(&n->config->media),
        .rate_limits = n->config->chat.rate_limits,
        .rates = {[API_RATE_LOGINS] = n->config->logins, [API_RATE_AUTHS] = n->config->auths},
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
        .rand = &n->rand.rand,
        .connect_timeout_ms = c->connect_timeout_ms,
        .max_attachments = SIO_ATTACHMENTS_MAX, // the chat takes none, and says so itself
    };
    const struct api_problem denied = {.error = API_ORIGIN_DENIED};
    buf_init(&n->denial, SIZE_MAX / 2);
    api_encode_error(&n->denial, &denied);
    const struct eio_config eio = {
        .timers = &n->loop->timers,
        .later = &n->loop->later,
        .rand = &n->rand.rand,
        .ping_interval_ms = c->ping_interval_ms,
        .ping_timeout_ms = c->ping_timeout_ms,
        .upgrade_timeout_ms = c->upgrade_timeout_ms,
        .max_payload = c->max_payload,
        .transports = c->transports,
        .allow_upgrades = true,
        .origins = c->origins,
        .cors = true,
        .denial = buf_str(&n->denial),
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
        .media = &n->media,
        .eio = n->eio,
        .health = &n->health,
        .n_connections = &n->loop->n_streams,
    };
    health_start(&n->health, n->store, &n->loop->timers, on_look, n);
}

static void on_hang_up(void *arg, int signal)
{
    struct node *n = arg;
    const int r = own_keys_load(&n->keys);

    auth_issuer_keys_fetch(n->issuer_keys);
    (void)signal;
    (void)r; // logged; the old ones are good
}

/** After the data directory is ours, and who rotates the key finds us: it is read once more,
 * for we may not have been told. @return 0 or RUN_FAILED */
static int make_keys(struct node *n)
{
    const struct own_keys_config config = {
        .dir = str_of(n->config->data),
        .auth = n->config->auth,
        .keyring = n->config->keyring,
        .timers = &n->loop->timers,
        .clock = &n->loop->clock,
        .rand = crypto_random(),
    };
    own_keys_init(&n->keys, &config);
    if (loop_on_signal(n->loop, SIGHUP, on_hang_up, n) != 0)
        return RUN_FAILED;
    return own_keys_load(&n->keys) == 0 ? 0 : RUN_FAILED;
}

static void make_front(struct node *n)
{
    n->assets = embedded_assets;
    if (n->config->dev)
        demo_init(&n->demo, &n->config->demo, &n->config->proxies);
}

static void unmake(struct node *n)
{
    admin_socket_free(n->admin_socket);
    own_keys_fini(&n->keys);
    http_server_free(n->http);
    eio_server_free(n->eio);
    buf_fini(&n->denial);
    sio_server_free(n->sio);
    api_free(n->api);
    chat_free(n->chat);
    node_media_close(&n->media);
    auth_issuer_keys_free(n->issuer_keys);
    auth_sign_in_free(n->sign_in);
    auth_sessions_free(n->sessions);
    auth_contracts_free(n->contracts);
    auth_fetcher_http_free(n->fetcher);
    prover_free(n->prover);
    bus_free(n->bus);
    store_free(n->store);
    rand_ahead_fini(&n->rand);
}

// The end.

static void on_listening(void *arg, const struct addr *at)
{
    struct node *n = arg;
    node_media_listening(&n->media, at);
}

static void on_ready(void *arg, const struct addr *at)
{
    const struct node *n = arg;

    if (n->config->dev)
        demo_greet(at);
}

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

    chat_shut_down(n->chat);
    eio_server_shut_down(n->eio);
    auth_issuer_keys_stop(n->issuer_keys);
    node_media_stop(&n->media);
    if (n->fetcher)
        auth_fetcher_http_stop(n->fetcher);
    admin_socket_close(n->admin_socket); // until now there were clients to end
}

static bool is_idle(void *arg)
{
    struct node *n = arg;
    return chat_is_idle(n->chat) && !n->health.is_asking && auth_sign_in_is_idle(n->sign_in) &&
           auth_sessions_is_idle(n->sessions) && api_is_idle(n->api) &&
           auth_issuer_keys_is_idle(n->issuer_keys) && node_media_is_idle(&n->media) &&
           (!n->fetcher || auth_fetcher_http_is_idle(n->fetcher));
}

static void give_up(void *arg)
{
    struct node *n = arg;
    chat_stop(n->chat);
}

static const struct run_ops run_ops = {
    .on_listening = on_listening,
    .on_ready = on_ready,
    .refuse = refuse,
    .let_go = let_go,
    .close = close_all,
    .is_idle = is_idle,
    .give_up = give_up,
};

/** @return 0 or ADMIN_SOCKET_FAILED */
static int open_admin_socket(struct node *n)
{
    const struct admin_socket_config config = {
        .loop = n->loop,
        .data = str_of(n->config->data),
        .sessions = n->sessions,
        .home_chain = n->config->home_chain,
    };
    return admin_socket_open(&n->admin_socket, &config);
}

#define ROUTES_MAX 16

struct routes {
    size_t n;
    struct http_route list[ROUTES_MAX];
};

static void add_route(struct routes *r, str prefix, const struct http_handler *handler,
                      void *arg)
{
    assert(r->n < ROUTES_MAX);
    r->list[r->n++] = (struct http_route){prefix, handler, arg};
}

/** The first match counts. */
static void add_routes(struct routes *r, struct node *n)
{
    if (n->media.local)
        add_route(r, STR(MEDIA_LOCAL_PREFIX), &media_local_http_handler, n->media.local);
    add_route(r, STR("/healthz"), &admin_http_handler, &n->admin);
    add_route(r, STR("/readyz"), &admin_http_handler, &n->admin);
    add_route(r, STR("/metrics"), &admin_http_handler, &n->admin);
    add_route(r, STR("/v1/"), &api_http_handler, n->api);
    add_route(r, STR("/.well-known/"), &api_http_handler, n->api);
    add_route(r, STR(HTTP_ASSETS_SHARED), &http_assets_handler, &n->assets);
    if (n->config->dev)
        add_route(r, STR(DEMO_PREFIX), &demo_http_handler, &n->demo);
    add_route(r, n->config->path, &eio_http_handler, n->eio);
    if (n->config->dev) // its page knows of no --path
        add_route(r, STR("/socket.io/"), &eio_http_handler, n->eio);
    if (n->config->dev)
        add_route(r, STR("/"), &http_assets_handler, &n->assets);
}

static int serve(struct node *n)
{
    struct routes routes = {0};

    add_routes(&routes, n);
    const struct http_config http = {
        .timers = &n->loop->timers,
        .later = &n->loop->later,
        .clock = &n->loop->clock,
        .routes = routes.list,
        .n_routes = routes.n,
    };
    n->http = http_server_new(&http);
    if (make_keys(n) != 0 || open_admin_socket(n) != 0)
        return RUN_FAILED;
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
    const int r = run(&how);
    admin_socket_close(n->admin_socket); // where it did not come to its end
    return r;
}

static void on_loaded(void *arg, int r)
{
    struct node *n = arg;

    n->is_loaded = r == 0;
    loop_stop(n->loop);
}

/** Who was logged out before this start stays so: nobody is let in until that is known. */
static bool load_sessions(struct node *n)
{
    auth_sessions_load(n->sessions, on_loaded, n);
    loop_run(n->loop);
    return n->is_loaded;
}

/** @return false: said; what was made is given back */
static bool open_all(struct node *n)
{
    if (open_store(n) == 0 && prover_new(&n->prover, n->loop) == 0 && make_fetcher(n) == 0) {
        make_contracts(n);
        make_sign_in(n);
        if (load_sessions(n) && open_media(n) == 0)
            return true;
    }
    fprintf(
        stderr,
        "parley serve: can't open the store in '%s', or what goes with it; the log says why. "
        "--data names another directory\n",
        n->config->data);
    auth_sign_in_free(n->sign_in);
    auth_sessions_free(n->sessions);
    auth_contracts_free(n->contracts);
    auth_fetcher_http_free(n->fetcher);
    prover_free(n->prover);
    store_free(n->store);
    return false;
}

int node_run(const struct node_config *config)
{
    struct node n = {.config = config};

    if (loop_new(&n.loop) != 0)
        return NODE_FAILED;
    if (pool_start(n.loop) != 0 || !open_all(&n)) {
        loop_free(n.loop);
        return NODE_FAILED;
    }
    n.bus = bus_local_new(&n.loop->later, crypto_random());
    rand_ahead_init(&n.rand, crypto_random());
    make_chat(&n);
    make_transport(&n);
    make_admin(&n);
    make_front(&n);
    const int r = serve(&n);
    // What is still under way would find what it uses gone: the process ends with it.
    if (r == RUN_UNCLEAN)
        return NODE_FAILED;
    unmake(&n);
    loop_free(n.loop);
    return r == 0 ? 0 : NODE_FAILED;
}
