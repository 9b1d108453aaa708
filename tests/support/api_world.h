/**
 * The whole chat in memory: clients that speak Socket.IO over WebSockets, the api, the domain,
 * the memory store, tokens of the server's own. Time and chance are the test's.
 */
#pragma once

#include "api/api.h"
#include "api/describe.h"
#include "auth/account.h"
#include "bus/local.h"
#include "store/mem.h"
#include "support/direct_prover.h"
#include "support/eio_world.h"
#include "support/exact.h"
#include "support/fake_chain.h"
#include "support/fake_fetcher.h"
#include "support/fake_media_links.h"
#include "support/fake_uploads.h"
#include "support/limits.h"
#include "support/t.h"

#define API_WORLD_UNIX_MS 1700000000000
#define API_WORLD_TTL_MS  900000 // of the tokens
#define API_WORLD_USERS   8

#define ALICE "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
#define BOB   "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"
#define CAROL "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB"

/** One connection of a wallet, as its owner sees it. */
struct user {
    struct api_world *w;
    struct client *client;
    unsigned n_asked;
    char type;         // of the last packet
    int64_t id;        // of the last packet: what to acknowledge; -1: nothing
    struct json *json; // of the last packet
};

struct api_world {
    struct eio_world eio;
    struct clock clock;
    struct eio_config eio_config;
    struct sio_config sio_config;
    struct store_limits store_limits;
    struct chat_config chat_config;
    struct api_config config;
    bool has_media;     // the fake below
    bool keeps_uploads; // of the store's own, in place of the fake
    struct fake_media media;
    struct fake_uploads *uploads;
    struct store *store;
    struct bus *bus;
    struct chat *chat;
    struct auth *auth;
    struct auth_issuer_urls urls; // issuers whose iss is their name, for "chat"
    struct fake_fetcher fetcher;
    struct auth_issuer_keys *issuer_keys;
    struct auth_domains domains;
    struct http_origins origins; // over HTTP
    struct auth_sessions *sessions;
    struct auth_sign_in *sign_in;
    struct direct_prover prover;
    struct fake_chain chain;
    struct auth_contracts_config contracts_config; // no RPC: contracts can't be asked
    struct auth_contracts *contracts;
    struct api *api;
    struct sio_server *sio;
    struct auth_keyring keyring;
    struct buf text; // whatever was made last
    struct user users[API_WORLD_USERS];
    size_t n_users;
};

static inline int64_t api_world_unix_ms(struct clock *c)
{
    const struct api_world *w = container_of(c, struct api_world, clock);
    return API_WORLD_UNIX_MS + w->eio.timers.now_ms - EIO_WORLD_START_MS;
}

static inline void api_world_settle(struct api_world *w)
{
    eio_world_settle(&w->eio);
}

/** What a test may change before it starts the world. */
static inline struct api_world *api_world_new(void)
{
    struct api_world *w = NEW(struct api_world);

    eio_world_init(&w->eio, 1);
    w->clock.unix_ms = api_world_unix_ms;
    w->eio_config = eio_world_config(&w->eio);
    w->eio_config.ping_interval_ms = INT64_C(1) << 40; // of no interest here
    w->eio_config.max_payload = 1000000;
    w->sio_config = (struct sio_config){
        .timers = &w->eio.timers,
        .later = &w->eio.later,
        .rand = &w->eio.seeded.rand,
        .connect_timeout_ms = 45000,
        .max_attachments = SIO_ATTACHMENTS_MAX,
    };
    w->store_limits = limits_of(100, 100);
    w->config = (struct api_config){
        .timers = &w->eio.timers,
        .later = &w->eio.later,
        .clock = &w->clock,
        .rand = &w->eio.seeded.rand,
        .home_chain = 1,
        .content_bytes = API_CONTENT_MAX,
        .sockets_per_ip = 1000,
    };
    fake_chain_init(&w->chain, &w->eio.later, &w->contracts_config);
    w->contracts_config = (struct auth_contracts_config){
        .fetcher = &w->chain.fetcher.port,
        .timers = &w->eio.timers,
        .later = &w->eio.later,
        .rand = &w->eio.seeded.rand,
    };
    fake_fetcher_init(&w->fetcher, &w->eio.later);
    buf_init(&w->text, SIZE_MAX / 2);
    return w;
}

static inline void api_world_make_key(struct api_world *w)
{
    struct buf pem;

    buf_init(&pem, AUTH_OWN_KEY_SIZE);
    auth_own_key_new(&pem, &w->eio.seeded.rand);
    assert_int_equal(auth_keyring_init(&w->keyring, buf_str(&pem)), 0);
    auth_set_own(w->auth, &w->keyring);
    buf_fini(&pem);
}

static inline void api_world_make_sign_in(struct api_world *w)
{
    static const uint8_t refresh_key[AUTH_KEY_SIZE] = "for refresh tokens";
    static const uint8_t nonce_key[AUTH_KEY_SIZE] = "for nonces";

    direct_prover_init(&w->prover, &w->eio.later);
    if (w->contracts_config.n_rpcs > 0)
        w->contracts = auth_contracts_new(&w->contracts_config);
    w->sessions = auth_sessions_new(&(struct auth_sessions_config){
        .store = store_mem_auth(w->store),
        .contracts = w->contracts,
        .signer = &w->keyring.signer,
        .refresh_key = refresh_key,
        .clock = &w->clock,
        .rand = &w->eio.seeded.rand,
        .timers = &w->eio.timers,
        .access_ms = 600000,
        .session_ms = INT64_C(30) * 86400000,
    });
    w->sign_in = auth_sign_in_new(&(struct auth_sign_in_config){
        .sessions = w->sessions,
        .prover = &w->prover.port,
        .contracts = w->contracts,
        .clock = &w->clock,
        .rand = &w->eio.seeded.rand,
        .nonce_key = nonce_key,
        .domains = &w->domains,
        .n_chains = 2,
        .chains = {1, 8453},
        .solana = true,
    });
}

static inline void api_world_make_issuers(struct api_world *w)
{
    for (size_t i = 0; i < w->urls.n; i++) {
        const struct auth_issuer issuer = {
            .iss = w->urls.urls[i].name, .aud = STR("chat"), .form = AUTH_KEY_URL};
        const char *why;
        assert_int_equal(auth_add_issuer(w->auth, &issuer, &why), 0);
    }
    w->issuer_keys = auth_issuer_keys_new(&(struct auth_issuer_keys_config){
        .auth = w->auth,
        .fetcher = &w->fetcher.port,
        .timers = &w->eio.timers,
        .later = &w->eio.later,
        .urls = &w->urls,
    });
}

/** Files are taken: of a kind up to 1000 bytes, but for images of 500. */
static inline void api_world_make_media(struct api_world *w)
{
    fake_media_init(&w->media, &w->eio.later);
    w->uploads = fake_uploads_new(&w->eio.later);
    w->chat_config.uploads = (struct chat_uploads_config){
        .max_bytes = {500, 1000, 1000, 1000},
        .quota_bytes = 1000000,
        .quota_ms = 3600000,
        .max_pending = 20,
        .kept_ms = 86400000,
        .describe = api_describe,
    };
    w->config.media = &w->media.port;
    w->config.upload_bytes = 1000;
}

/** @return NULL: no files are taken */
static inline struct uploads *api_world_uploads(const struct api_world *w)
{
    if (w->keeps_uploads)
        return store_mem_uploads(w->store);
    return w->uploads ? &w->uploads->uploads : NULL;
}

static inline void api_world_start(struct api_world *w)
{
    if (w->has_media)
        api_world_make_media(w);
    w->store = store_mem_new(&w->eio.later, &w->eio.seeded.rand, &w->store_limits);
    w->bus = bus_local_new(&w->eio.later, &w->eio.seeded.rand);
    w->chat = chat_new(&(struct chat_ports){.store = w->store,
                                            .uploads = api_world_uploads(w),
                                            .media = w->config.media,
                                            .bus = w->bus,
                                            .timers = &w->eio.timers,
                                            .later = &w->eio.later,
                                            .clock = &w->clock,
                                            .rand = &w->eio.seeded.rand},
                       &w->chat_config);
    w->auth = auth_new(1);
    api_world_make_key(w);
    api_world_make_issuers(w);
    api_world_make_sign_in(w);
    w->config.chat = w->chat;
    w->config.auth = w->auth;
    w->config.issuer_keys = w->issuer_keys;
    w->config.sessions = w->sessions;
    w->config.sign_in = w->sign_in;
    w->config.keyring = &w->keyring;
    w->config.origins = &w->origins;
    w->config.proxies = &w->eio_config.proxies;
    w->api = api_new(&w->config);
    w->sio = sio_server_new(&w->sio_config, &api_sio_app, w->api);
    w->eio.routes[w->eio.n_routes++] =
        (struct http_route){STR("/v1/"), &api_http_handler, w->api};
    w->eio.routes[w->eio.n_routes++] =
        (struct http_route){STR("/.well-known/"), &api_http_handler, w->api};
    eio_world_serve(&w->eio, &w->eio_config, &sio_eio_app, w->sio);
}

/** Whatever is left must be freed by now, or ASan says so. */
static inline void api_world_free(struct api_world *w)
{
    if (w->chat)
        chat_stop(w->chat);
    auth_issuer_keys_stop(w->issuer_keys);
    fake_fetcher_release_all(&w->fetcher);
    eio_world_fini(&w->eio);
    sio_server_free(w->sio);
    assert_true(api_is_idle(w->api));
    api_free(w->api);
    auth_issuer_keys_free(w->issuer_keys);
    fake_fetcher_fini(&w->fetcher);
    assert_true(chat_is_idle(w->chat));
    chat_free(w->chat);
    api_world_settle(w);
    bus_free(w->bus);
    api_world_settle(w);
    auth_sign_in_free(w->sign_in);
    auth_sessions_free(w->sessions);
    auth_contracts_free(w->contracts);
    fake_fetcher_fini(&w->chain.fetcher);
    store_free(w->store);
    auth_free(w->auth);
    for (size_t i = 0; i < w->n_users; i++)
        json_free(w->users[i].json);
    auth_keyring_fini(&w->keyring);
    free(w->uploads);
    buf_fini(&w->text);
    free(w);
}

static inline void api_world_pass(struct api_world *w, int64_t ms)
{
    eio_world_pass(&w->eio, ms);
}

/** A token of a wallet's; borrowed until the world is asked for anything else. */
static inline str api_world_token(struct api_world *w, const char *wallet, int64_t ttl_ms)
{
    struct auth_mint m = {
        .now_ms = clock_unix_ms(&w->clock), .ttl_ms = ttl_ms, .session = STR("tab-1")};

    assert_int_equal(auth_account_parse(&m.account, str_of(wallet), 1), 0);
    buf_clear(&w->text);
    auth_mint(&w->text, &w->keyring.signer, &m);
    return buf_str(&w->text);
}

// A user.

/** @param fields  of the handshake; whole lines */
static inline struct user *user_open(struct api_world *w, const char *fields)
{
    struct user *u = &w->users[w->n_users++];
    struct server_frame f;
    char all[2048];

    assert_true(w->n_users <= API_WORLD_USERS);
    *u = (struct user){.w = w, .client = client_new(&w->eio)};
    snprintf(all, sizeof(all), EIO_UPGRADE_FIELDS "%s", fields);
    client_send(u->client,
                &(struct request){.query = "EIO=4&transport=websocket", .fields = all});
    api_world_settle(w);
    expect_int("upgrade", client_take_answer(u->client).status, 101);
    assert_true(client_take_frame(u->client, &f));
    return u;
}

/** A Socket.IO packet, without the end of the turn. */
static inline void user_send(struct user *u, str packet)
{
    char *text = mem_alloc(packet.len + 1);

    text[0] = '4';
    str_copy(text + 1, packet);
    client_send_frame(u->client, WS_TEXT, (str){text, packet.len + 1});
    free(text);
}

static inline void user_tell(struct user *u, const char *packet)
{
    user_send(u, str_of(packet));
    api_world_settle(u->w);
}

/** @return whether a packet has come: then u->type, u->id and u->json are of it */
static inline bool user_take(struct user *u)
{
    struct server_frame f;

    api_world_settle(u->w);
    json_free(u->json);
    u->json = NULL;
    if (!client_take_frame(u->client, &f))
        return false;
    if (f.opcode == WS_CLOSE) {
        u->type = 'c';
        return true;
    }
    str rest = f.payload;
    expect_int("opcode", f.opcode, WS_TEXT);
    expect_str("type", str_take(&rest, 1), STR("4"));
    u->type = *str_take(&rest, 1).ptr;
    u->id = -1;
    while (rest.len > 0 && rest.ptr[0] >= '0' && rest.ptr[0] <= '9')
        u->id = (u->id < 0 ? 0 : u->id) * 10 + (*str_take(&rest, 1).ptr - '0');
    if (rest.len > 0) {
        CLEANUP(exact_freep) char *copy = exact_copy(rest);
        expect_int("JSON", json_parse(&u->json, copy, rest.len), 0);
    }
    return true;
}

/** @return the packet's JSON */
static inline const struct json *user_expect(struct user *u, char type)
{
    if (!user_take(u))
        fail_msg("a packet of type %c was expected", type);
    if (u->type != type)
        fail_msg("a packet of type %c was expected, and %c has come", type, u->type);
    return u->json;
}

/** @return the event's payload */
static inline const struct json *user_expect_event(struct user *u, const char *name)
{
    const struct json *all = user_expect(u, '2');

    expect_str("event", json_text(json_item(all, 0)), str_of(name));
    return json_item(all, 1);
}

static inline void user_expect_nothing(struct user *u)
{
    if (user_take(u))
        fail_msg("nothing was expected, and a packet of type %c has come", u->type);
}

/** The server has closed: the client comes back by itself. */
static inline void user_expect_closed(struct user *u)
{
    user_expect(u, 'c');
}

/** Send an event with a callback. @param event  the array @return what the callback gets */
static inline const struct json *user_ask(struct user *u, const char *event)
{
    char packet[2048];
    const unsigned id = u->n_asked++;

    snprintf(packet, sizeof(packet), "2%u%s", id, event);
    user_tell(u, packet);
    const struct json *all = user_expect(u, '3');
    expect_int("id", u->id, id);
    expect_int("arguments", json_count(all), 1);
    return json_item(all, 0);
}

/** Acknowledge the last event. */
static inline void user_ack(struct user *u)
{
    char packet[32];

    assert_true(u->id >= 0);
    snprintf(packet, sizeof(packet), "3%lld[]", (long long)u->id);
    user_tell(u, packet);
}

/** Join with a token. @param more  members of auth beside it, such as ",\"cursor\":\"…\"" */
static inline void user_join(struct user *u, const char *wallet, const char *more)
{
    char packet[2048];
    const str token = api_world_token(u->w, wallet, API_WORLD_TTL_MS);

    snprintf(packet, sizeof(packet), "0{\"token\":\"" STR_FMT "\"%s}", STR_ARG(token), more);
    user_tell(u, packet);
}

/** A wallet that is connected, and has got whatever there was. */
static inline struct user *user_new(struct api_world *w, const char *wallet)
{
    struct user *u = user_open(w, "");

    user_join(u, wallet, "");
    user_expect(u, '0');
    user_expect_event(u, "ready");
    user_expect_event(u, "synced");
    return u;
}

// What JSON holds.

/** @param path  names of members and indices of items, with dots between */
static inline const struct json *json_at(const struct json *j, const char *path)
{
    str rest = str_of(path);
    char name[64];

    while (j && rest.len > 0) {
        const str part = str_take_until(&rest, '.');
        uint64_t i;
        assert_true(part.len < sizeof(name));
        if (str_to_u64(part, SIZE_MAX, &i) == 0 && json_kind(j) == JSON_KIND_ARRAY) {
            j = json_item(j, (size_t)i);
            continue;
        }
        str_copy(name, part);
        name[part.len] = '\0';
        j = json_member(j, name);
    }
    return j;
}

/** @param want  JSON in its canonical form; NULL: there must be none */
static inline void expect_json(const struct json *j, const char *path, const char *want)
{
    const struct json *got = json_at(j, path);
    struct buf text;

    buf_init(&text, SIZE_MAX / 2);
    const int r = got ? json_print_canonical(&text, got) : buf_add(&text, STR("nothing"));
    assert_int_equal(r, 0);
    expect_str(path, buf_str(&text), want ? str_of(want) : STR("nothing"));
    buf_fini(&text);
}

// What the tests begin and end with.

static inline int world_setup(void **state)
{
    *state = api_world_new();
    return 0;
}

static inline struct api_world *start(void **state)
{
    api_world_start(*state);
    return *state;
}

static inline int world_teardown(void **state)
{
    api_world_free(*state);
    return 0;
}

/** How many of these were sent so far. */
static inline uint64_t errors(const struct api_world *w, enum api_error error)
{
    return api_counters(w->api)->errors[error];
}
