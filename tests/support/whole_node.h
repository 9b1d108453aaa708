/**
 * A whole node without a loop: all that the program is but its sockets, its disk and its clock,
 * on the ports that a test has. It speaks WebSocket alone.
 */
#pragma once

#include "api/api.h"
#include "auth/auth.h"
#include "auth/keyring.h"
#include "chat/chat.h"
#include "eio/server.h"
#include "http/server.h"
#include "sio/server.h"

#define WHOLE_NODE_TOKENS_MS 600000

/** All borrowed, and of a longer life. */
struct whole_node_ports {
    struct store *store;
    struct auth_store *auth_store;
    struct bus *bus;
    struct auth_keyring *keyring;
    struct timers *timers;
    struct job_queue *later;
    struct clock *clock;
    struct rand *rand;
    struct chat_limits *limits; // NULL: there are none
    int64_t ping_ms;
    int64_t pong_ms;
};

struct whole_node {
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

/** @param out  auth_keyring_fini() */
static inline void whole_node_keyring(struct auth_keyring *out, struct rand *rand)
{
    struct buf pem;

    buf_init(&pem, AUTH_OWN_KEY_SIZE);
    auth_own_key_new(&pem, rand);
    const int r = auth_keyring_init(out, buf_str(&pem));
    assert(r == 0);
    (void)r;
    buf_fini(&pem);
}

static inline void whole_node_start_api(struct whole_node *n, const struct whole_node_ports *p)
{
    static const uint8_t refresh_key[AUTH_KEY_SIZE] = "for refresh tokens";

    n->chat =
        chat_new(&(struct chat_ports){.store = p->store,
                                      .bus = p->bus,
                                      .timers = p->timers,
                                      .later = p->later,
                                      .clock = p->clock,
                                      .rand = p->rand},
                 &(struct chat_config){.rate_limits = p->limits != NULL, .limits = p->limits});
    n->auth = auth_new(1);
    auth_set_own(n->auth, p->keyring);
    n->sessions = auth_sessions_new(&(struct auth_sessions_config){
        .store = p->auth_store,
        .signer = &p->keyring->signer,
        .refresh_key = refresh_key,
        .clock = p->clock,
        .rand = p->rand,
        .timers = p->timers,
        .access_ms = WHOLE_NODE_TOKENS_MS,
        .session_ms = INT64_C(30) * 86400000,
    });
    n->api = api_new(&(struct api_config){
        .chat = n->chat,
        .auth = n->auth,
        .sessions = n->sessions,
        .keyring = p->keyring,
        .origins = &n->origins,
        .proxies = &n->proxies,
        .timers = p->timers,
        .later = p->later,
        .clock = p->clock,
        .rand = p->rand,
        .home_chain = 1,
        .content_bytes = API_CONTENT_MAX,
        .sockets_per_ip = 1000,
    });
}

static inline void whole_node_start_transport(struct whole_node *n,
                                              const struct whole_node_ports *p)
{
    n->sio = sio_server_new(
        &(struct sio_config){
            .timers = p->timers,
            .later = p->later,
            .rand = p->rand,
            .connect_timeout_ms = 10000,
            .max_attachments = SIO_ATTACHMENTS_MAX,
        },
        &api_sio_app, n->api);
    n->eio = eio_server_new(
        &(struct eio_config){
            .timers = p->timers,
            .later = p->later,
            .rand = p->rand,
            .ping_interval_ms = p->ping_ms,
            .ping_timeout_ms = p->pong_ms,
            .upgrade_timeout_ms = 10000,
            .max_payload = 1000000,
            .transports = EIO_WEBSOCKET_TRANSPORT,
        },
        &sio_eio_app, n->sio);
    n->route = (struct http_route){STR("/engine.io/"), &eio_http_handler, n->eio};
    n->http = http_server_new(&(struct http_config){
        .timers = p->timers,
        .later = p->later,
        .clock = p->clock,
        .routes = &n->route,
        .n_routes = 1,
    });
}

static inline void whole_node_start(struct whole_node *n, const struct whole_node_ports *p)
{
    whole_node_start_api(n, p);
    whole_node_start_transport(n, p);
}

/** Its connections are gone, and its chat is idle. */
static inline void whole_node_fini(struct whole_node *n)
{
    http_server_free(n->http);
    eio_server_free(n->eio);
    sio_server_free(n->sio);
    api_free(n->api);
    chat_free(n->chat);
    auth_sessions_free(n->sessions);
    auth_free(n->auth);
}
