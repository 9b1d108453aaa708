#include "server/parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "api/describe.h"
#include "api/encode.h"
#include "base/err.h"
#include "base/hex.h"
#include "bus/hub.h"
#include "bus/local.h"
#include "bus/nats.h"
#include "crypto/random.h"
#include "store/front.h"
#include "store/pg.h"
#include "store/sqlite.h"

/** @return 0 or a fault */
static int be_one_of_many(struct parts *p)
{
    struct node_shared *s = p->shared;

    const int r = cluster_join(s->cluster, p->config->postgres, p->config->cluster.name);
    if (r < 0)
        return err_up(r);
    s->nodes.number = cluster_number(s->cluster);
    return 0;
}

/** @return 0 or a fault */
static int open_postgres(struct parts *p)
{
    const struct node_config *c = p->config;
    char name[ADDR_TEXT_SIZE];
    const struct store_pg_config config = {
        .url = c->postgres,
        .dir = c->data,
        .name = p->shared->cluster ? c->cluster.name : addr_text(name, &c->listen),
        .is_alone = !p->shared->cluster,
        .limits = c->mailbox,
        .rand = crypto_random(),
    };

    const int r = store_pg_open(&p->store, p->loop, &config);
    if (r < 0 || !p->shared->cluster)
        return r;
    return be_one_of_many(p);
}

/** @return 0 or a fault */
static int open_store(struct parts *p)
{
    const struct node_config *c = p->config;
    const struct store_sqlite_config config = {
        .dir = c->data,
        .index_after = c->store_memory,
        .tail_max = 4 * c->store_memory,
        .limits = c->mailbox,
        .rand = crypto_random(),
    };

    if (p->home)
        return store_front_share(&p->store, p->home->store, p->loop);
    return c->postgres ? open_postgres(p) : store_sqlite_open(&p->store, p->loop, &config);
}

/** @return 0 or a fault */
static int make_fetcher(struct parts *p)
{
    if (p->config->rpcs.n == 0 && p->who->urls.n == 0)
        return 0;
    return auth_fetcher_http_new(&p->fetcher, p->loop, p->config->ca_file);
}

static void make_contracts(struct parts *p)
{
    const struct node_config *c = p->config;

    if (c->rpcs.n == 0)
        return;
    struct auth_contracts_config config = {
        .fetcher = auth_fetcher_http_port(p->fetcher),
        .timers = &p->loop->timers,
        .later = &p->loop->later,
        .rand = crypto_random(),
        .rate_limits = c->chat.rate_limits,
        .sign_ins = c->contracts,
        .n_rpcs = c->rpcs.n,
    };
    memcpy(config.rpcs, c->rpcs.rpcs, sizeof(config.rpcs));
    p->contracts = auth_contracts_new(&config);
}

static void make_sign_in(struct parts *p)
{
    const struct node_config *c = p->config;
    const struct auth_sessions_config sessions = {
        .store = store_front_auth(p->store),
        .contracts = p->contracts,
        .signer = &p->who->keyring.signer,
        .refresh_key = c->sign_in.refresh,
        .clock = &p->loop->clock,
        .rand = crypto_random(),
        .timers = &p->loop->timers,
        .rate_limits = c->chat.rate_limits,
        .begins = c->logins,
        .refreshes = c->auths,
        .access_ms = c->access_ms,
        .session_ms = c->session_ms,
    };
    p->sessions = auth_sessions_new(&sessions);
    struct auth_sign_in_config sign_in = {
        .sessions = p->sessions,
        .prover = prover_port(p->prover),
        .contracts = p->contracts,
        .clock = &p->loop->clock,
        .rand = crypto_random(),
        .nonce_key = c->sign_in.nonce,
        .domains = &c->domains,
        .n_chains = c->chains.n,
        .solana = c->chains.solana,
    };
    memcpy(sign_in.chains, c->chains.chains, sizeof(sign_in.chains));
    p->sign_in = auth_sign_in_new(&sign_in);
}

/** @return 0 or a fault */
static int open_media(struct parts *p)
{
    if (p->home)
        return node_media_share(&p->media, &p->home->media, p->loop);
    return node_media_open(&p->media, &(struct node_media_config){
                                          .loop = p->loop,
                                          .uploads = store_front_uploads(p->store),
                                          .options = &p->config->media_options,
                                          .media = &p->config->media,
                                          .origins = &p->config->origins,
                                          .proxies = &p->config->proxies,
                                          .rate_limits = p->config->chat.rate_limits,
                                          .data = p->config->data,
                                          .secret = p->config->media_secret,
                                          .scan = p->config->media_scan,
                                          .ca_file = p->config->ca_file,
                                      });
}

static struct auth_issuer_keys *new_issuer_keys(struct parts *p)
{
    return auth_issuer_keys_new(&(struct auth_issuer_keys_config){
        .auth = p->who->auth,
        .fetcher = p->fetcher ? auth_fetcher_http_port(p->fetcher) : NULL,
        .timers = &p->loop->timers,
        .later = &p->loop->later,
        .urls = &p->who->urls,
    });
}

/**
 * Two services may have one NATS: each has subjects of its own, by what its store alone has.
 *
 * @return 0 or PARTS_NO_BUS
 */
static int join_nats(struct parts *p)
{
    char prefix[sizeof("parley.") + HEX_U64];
    const struct bus_nats_config config = {
        .urls = p->config->cluster.bus,
        .ca_file = p->config->ca_file,
        .node = p->config->cluster.name,
        .prefix = prefix,
        .rand = crypto_random(),
    };

    (void)snprintf(prefix, sizeof(prefix), "parley.%016" PRIx64, p->store->epoch);
    const int r = bus_nats_open(&p->shared->nats, &config);
    if (r == 0) {
        p->shared->hub = bus_hub_new(crypto_random(), bus_nats_uplink(p->shared->nats));
        return 0;
    }
    fprintf(stderr, "parley serve: --bus: %s\n",
            r < 0 ? "the log says what is wrong" : bus_nats_remedy((enum bus_nats_refusal)r));
    return PARTS_NO_BUS;
}

/** @return 0, PARTS_NO_BUS or a fault */
static int make_bus(struct parts *p)
{
    int r = 0;

    if (p->shared->cluster && !p->home)
        r = join_nats(p);
    if (r != 0)
        return r;
    if (p->shared->hub) {
        r = bus_hub_join(&p->bus, p->shared->hub, p->loop, crypto_random());
    } else {
        p->bus = bus_local_new(&p->loop->later, crypto_random());
    }
    // PostgreSQL may be away before it has said what became of a change: nobody publishes it.
    if (r == 0 && p->config->postgres)
        p->bus->is_ordered = p->bus->loses_nothing = false;
    return r;
}

static void make_chat(struct parts *p)
{
    const struct chat_ports ports = {
        .store = p->store,
        .uploads = store_front_uploads(p->store),
        .media = p->media.port,
        .bus = p->bus,
        .timers = &p->loop->timers,
        .later = &p->loop->later,
        .clock = &p->loop->clock,
        .rand = &p->rand.rand,
    };
    struct chat_config chat = p->config->chat;
    chat.limits = p->shared->limits;
    chat.uploads = p->config->media.uploads;
    chat.uploads.describe = api_describe;
    p->chat = chat_new(&ports, &chat);
    p->issuer_keys = new_issuer_keys(p);
    const struct api_config api = {
        .chat = p->chat,
        .auth = p->who->auth,
        .issuer_keys = p->issuer_keys,
        .sessions = p->sessions,
        .sign_in = p->sign_in,
        .keyring = &p->who->keyring,
        .origins = &p->config->origins,
        .proxies = &p->config->proxies,
        .timers = &p->loop->timers,
        .later = &p->loop->later,
        .clock = &p->loop->clock,
        .rand = crypto_random(),
        .home_chain = p->config->home_chain,
        .content_bytes = p->config->content_bytes,
        .media = p->media.port,
        .media_urls = &p->config->media.urls,
        .upload_bytes = serve_media_max_bytes(&p->config->media),
        .rate_limits = p->config->chat.rate_limits,
        .rates = {[API_RATE_LOGINS] = p->config->logins, [API_RATE_AUTHS] = p->config->auths},
        .ips = p->shared->socket_ips,
    };
    p->api = api_new(&api);
}

static void make_transport(struct parts *p)
{
    const struct node_config *c = p->config;
    const struct sio_config sio = {
        .timers = &p->loop->timers,
        .later = &p->loop->later,
        .rand = &p->rand.rand,
        .connect_timeout_ms = c->connect_timeout_ms,
        .max_attachments = SIO_ATTACHMENTS_MAX, // the chat takes none, and says so itself
    };
    const struct api_problem denied = {.error = API_ORIGIN_DENIED};
    api_encode_error(&p->denial, &denied);
    const struct eio_config eio = {
        .timers = &p->loop->timers,
        .later = &p->loop->later,
        .rand = &p->rand.rand,
        .ping_interval_ms = c->ping_interval_ms,
        .ping_timeout_ms = c->ping_timeout_ms,
        .upgrade_timeout_ms = c->upgrade_timeout_ms,
        .max_payload = c->max_payload,
        .node = p->shared->nodes.number,
        .worker = p->number,
        .transports = c->transports,
        .allow_upgrades = true,
        .origins = c->origins,
        .cors = true,
        .denial = buf_str(&p->denial),
        .proxies = c->proxies,
    };

    p->sio = sio_server_new(&sio, &api_sio_app, p->api);
    p->eio = eio_server_new(&eio, &sio_eio_app, p->sio);
}

/** What parts_open() may leave behind, however far it came. */
static void free_lower(struct parts *p)
{
    node_media_close(&p->media);
    auth_issuer_keys_free(p->issuer_keys);
    auth_sign_in_free(p->sign_in);
    auth_follow_free(p->follow);
    auth_sessions_free(p->sessions);
    auth_contracts_free(p->contracts);
    auth_fetcher_http_free(p->fetcher);
    prover_free(p->prover);
    bus_free(p->bus);
    store_free(p->store);
    buf_fini(&p->denial);
    rand_ahead_fini(&p->rand);
}

static void on_loaded(void *arg, int r)
{
    struct parts *p = arg;

    p->is_loaded = r == 0;
    loop_stop(p->loop);
}

/** Who was logged out before this start stays so: nobody is let in until that is known. */
static bool load_sessions(struct parts *p)
{
    auth_sessions_load(p->sessions, on_loaded, p);
    loop_run(p->loop);
    return p->is_loaded;
}

/** What other processes end. Other loops of this one are told by the first. */
static void make_follow(struct parts *p)
{
    if (!p->shared->cluster || p->home)
        return;
    p->follow = auth_follow_new(&(struct auth_follow_config){
        .sessions = p->sessions,
        .store = store_front_auth(p->store),
        .timers = &p->loop->timers,
        .clock = &p->loop->clock,
    });
}

/** @return 0, PARTS_NO_BUS or a fault */
static int open_all(struct parts *p)
{
    int r = open_store(p);
    if (r == 0)
        r = make_bus(p);
    if (r == 0)
        r = prover_new(&p->prover, p->loop);
    if (r == 0)
        r = make_fetcher(p);
    if (r != 0)
        return r;
    make_contracts(p);
    make_sign_in(p);
    if (!load_sessions(p))
        return err_fault(-EIO, "what was revoked");
    make_follow(p);
    return open_media(p);
}

int parts_open(struct parts *p)
{
    buf_init(&p->denial, SIZE_MAX / 2);
    rand_ahead_init(&p->rand, crypto_random());
    const int r = open_all(p);
    if (r != 0) {
        free_lower(p);
        return r;
    }
    make_chat(p);
    make_transport(p);
    return 0;
}

// The end.

void parts_free(struct parts *p)
{
    eio_server_free(p->eio);
    sio_server_free(p->sio);
    api_free(p->api);
    chat_free(p->chat);
    free_lower(p);
}

void parts_refuse(struct parts *p, unsigned retry_after_s)
{
    eio_server_refuse(p->eio, retry_after_s);
}

void parts_close(struct parts *p)
{
    chat_shut_down(p->chat);
    eio_server_shut_down(p->eio);
    auth_issuer_keys_stop(p->issuer_keys);
    auth_follow_stop(p->follow);
    node_media_stop(&p->media);
    if (p->fetcher)
        auth_fetcher_http_stop(p->fetcher);
}

bool parts_are_idle(const struct parts *p)
{
    return chat_is_idle(p->chat) && auth_sign_in_is_idle(p->sign_in) &&
           auth_sessions_is_idle(p->sessions) && auth_follow_is_idle(p->follow) &&
           api_is_idle(p->api) && auth_issuer_keys_is_idle(p->issuer_keys) &&
           node_media_is_idle(&p->media) &&
           (!p->fetcher || auth_fetcher_http_is_idle(p->fetcher));
}
