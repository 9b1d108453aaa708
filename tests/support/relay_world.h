/**
 * Nodes as processes have them, in one: each an HTTP server with Engine.IO, a relay and a door,
 * on loopback, all on one loop that goes on turn by turn. Clients are plain sockets.
 */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "crypto/random.h"
#include "eio/server.h"
#include "io/tcp.h"
#include "server/relay_door.h"
#include "support/masked_frame.h"
#include "support/t.h"

#define RELAY_NODES   3
#define RELAY_PEERS   16 // sessions
#define RELAY_KEY     "k3y-of-all"
#define RELAY_MUCH    (64UL << 20)   // more than all that is between two ends holds
#define RELAY_GIVE_UP INT64_C(20000) // ms
#define RELAY_PATH    "/engine.io/?EIO=4&transport="
#define RELAY_STREAM  (8UL << 20)
#define RELAY_ALIVE   (-1)
#define RELAY_NOBODY  9 // a node that there is not
#define RELAY_NO_SID  "{\"code\":1,\"message\":\"Session ID unknown\"}"
#define RELAY_UPGRADE                                                                          \
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"               \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

struct relay_world;

struct relay_node {
    struct relay_world *world;
    unsigned number;
    struct relay_nodes others;
    struct listener *listener;
    struct addr addr;
    struct tcp_limit limit;
    struct relay_peers peers;
    struct http_route route;
    struct http_server *http;
    struct eio_server *eio;
    struct relay *relay;
    struct relay_door door;
};

/** A session, as its application sees it. */
struct relay_peer {
    struct relay_world *world;
    struct eio_session *session;
    size_t n_messages;
    size_t n_bytes;
    char last[64]; // of the last message, if it fits
    int fate;      // RELAY_ALIVE, or an enum eio_reason
    bool echoes;
};

struct relay_world {
    struct loop *loop;
    struct relay_node nodes[RELAY_NODES];
    struct node_url urls[RELAY_NODES + 1]; // where each is, as the nodes have it
    bool is_known[RELAY_NODES + 1];
    bool is_late; // nobody comes to an end with looking
    unsigned n_looks;
    void (*on_look)(struct relay_world *w); // NULL: it finds nothing new
    struct relay_peer peers[RELAY_PEERS];
    size_t n_peers;
};

static inline int64_t relay_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline void relay_turn(struct relay_world *w)
{
    const struct timespec nap = {.tv_nsec = 50000};

    loop_run_once(w->loop);
    nanosleep(&nap, NULL);
}

/** So many turns as anything that still was to come would need. */
static inline void relay_turns(struct relay_world *w)
{
    for (int i = 0; i < 40; i++)
        relay_turn(w);
}

#define RELAY_UNTIL(w, condition)                                                              \
    for (int64_t end_ = relay_now_ms() + RELAY_GIVE_UP; !(condition); relay_turn(w)) {         \
        if (relay_now_ms() > end_)                                                             \
            fail_msg("never came: %s", #condition);                                            \
    }

// The application.

static inline void *relay_on_open(void *arg, struct eio_session *s)
{
    struct relay_world *w = ((struct relay_node *)arg)->world;
    struct relay_peer *p = &w->peers[w->n_peers++];

    assert_true(w->n_peers <= RELAY_PEERS);
    *p = (struct relay_peer){.world = w, .session = s, .fate = RELAY_ALIVE};
    return p;
}

static inline void relay_on_message(void *state, bool is_binary, char *bytes, size_t n)
{
    struct relay_peer *p = state;
    const str all = {bytes, n};

    p->n_messages++;
    p->n_bytes += n;
    p->last[0] = '\0';
    if (n < sizeof(p->last))
        p->last[str_copy(p->last, all).len] = '\0';
    if (p->echoes)
        eio_send(p->session, is_binary, &all, 1);
}

static inline void relay_on_close(void *state, enum eio_reason reason)
{
    struct relay_peer *p = state;

    p->fate = (int)reason;
    p->session = NULL;
}

static inline void relay_say(struct relay_peer *p, const char *text)
{
    const str all = str_of(text);
    eio_send(p->session, false, &all, 1);
}

// Nodes.

static inline bool relay_find(void *arg, unsigned node, struct node_url *out)
{
    const struct relay_world *w = arg;

    if (node > RELAY_NODES || !w->is_known[node])
        return false;
    *out = w->urls[node];
    return true;
}

static inline uint64_t relay_look(void *arg)
{
    struct relay_world *w = arg;

    if (w->on_look)
        w->on_look(w);
    return ++w->n_looks;
}

static inline bool relay_has_looked(void *arg, uint64_t ticket)
{
    const struct relay_world *w = arg;

    return !w->is_late && w->n_looks >= ticket;
}

static inline int relay_place_of(void *arg, const struct http_head *head)
{
    const struct relay_node *n = arg;
    struct eio_place p;

    if (!eio_place_of(head, &p) || !relay_takes(n->relay, head, p.node))
        return HTTP_HERE;
    return (int)p.node;
}

static inline void relay_move(void *arg, int place, struct stream_parcel *parcel)
{
    const struct relay_node *n = arg;
    relay_take(n->relay, (unsigned)place, parcel);
}

static inline void relay_on_accept(void *arg, struct stream *stream)
{
    struct relay_node *n = arg;
    http_server_accept(n->http, stream);
}

static inline bool relay_is_exempt(void *arg, const ip *peer)
{
    struct relay_node *n = arg;
    return relay_peers_has(&n->peers, peer);
}

static inline void relay_point(struct relay_world *w, unsigned node, const char *host,
                               uint16_t port)
{
    struct node_url *u = &w->urls[node];

    w->is_known[node] = true;
    snprintf(u->host, sizeof(u->host), "%s", host);
    u->port = port;
}

static inline void relay_listen(struct relay_node *n)
{
    struct tcp_listen how = {.addr = {.host = "127.0.0.1"},
                             .max_queued = RELAY_STREAM,
                             .limit = &n->limit,
                             .is_exempt = relay_is_exempt,
                             .on_accept = relay_on_accept,
                             .arg = n};

    assert_int_equal(tcp_listen(&n->listener, n->world->loop, &how), 0);
    n->addr = listener_addr(n->listener);
    relay_point(n->world, n->number, n->addr.host, n->addr.port);
}

static inline struct eio_config relay_eio_config(const struct relay_node *n)
{
    struct eio_config c = {.timers = &n->world->loop->timers,
                           .later = &n->world->loop->later,
                           .rand = crypto_random(),
                           .ping_interval_ms = 25000,
                           .ping_timeout_ms = 20000,
                           .upgrade_timeout_ms = 10000,
                           .max_payload = 1 << 20,
                           .node = n->number,
                           .transports = EIO_POLLING_TRANSPORT | EIO_WEBSOCKET_TRANSPORT,
                           .allow_upgrades = true,
                           .cors = true};

    c.origins.any = true;
    return c;
}

/** What a test may change before a node is made. */
struct relay_wish {
    size_t max;
    int64_t idle_ms;
};

static inline void relay_node_open(struct relay_world *w, unsigned number,
                                   const struct relay_wish *wish)
{
    static const struct eio_app app = {
        .on_open = relay_on_open, .on_message = relay_on_message, .on_close = relay_on_close};
    struct relay_node *n = &w->nodes[number];

    *n = (struct relay_node){.world = w, .number = number};
    n->others = (struct relay_nodes){.number = number,
                                     .key = STR(RELAY_KEY),
                                     .find = relay_find,
                                     .look = relay_look,
                                     .has_looked = relay_has_looked,
                                     .arg = w};
    relay_peers_init(&n->peers);
    const struct eio_config eio = relay_eio_config(n);
    n->eio = eio_server_new(&eio, &app, n);
    n->route = (struct http_route){STR("/engine.io/"), &relay_door_handler, &n->door};
    n->http = http_server_new(&(struct http_config){.timers = &w->loop->timers,
                                                    .later = &w->loop->later,
                                                    .clock = &w->loop->clock,
                                                    .routes = &n->route,
                                                    .n_routes = 1,
                                                    .place = relay_place_of,
                                                    .move = relay_move,
                                                    .move_arg = n});
    n->relay =
        relay_new(&(struct relay_config){.loop = w->loop,
                                         .http = n->http,
                                         .nodes = &n->others,
                                         .limit = &n->limit,
                                         .max = wish->max,
                                         .idle_ms = wish->idle_ms > 0 ? wish->idle_ms : 90000});
    n->door = (struct relay_door){.eio = n->eio,
                                  .relay = n->relay,
                                  .peers = &n->peers,
                                  .key = n->others.key,
                                  .timers = &w->loop->timers};
    relay_listen(n);
}

static inline int relay_world_open(void **state, const struct relay_wish *wish)
{
    struct relay_world *w = NEW(struct relay_world);

    assert_int_equal(loop_new(&w->loop), 0);
    for (unsigned i = 0; i < RELAY_NODES; i++)
        relay_node_open(w, i, wish);
    *state = w;
    return 0;
}

static inline int relay_setup(void **state)
{
    return relay_world_open(state, &(struct relay_wish){0});
}

static inline bool relay_node_is_idle(const struct relay_node *n)
{
    return relay_is_idle(n->relay) && relay_numbers(n->relay).open == 0 &&
           relay_numbers(n->relay).websockets == 0;
}

static inline void relay_node_end(struct relay_node *n)
{
    if (n->listener)
        listener_close(STEAL(n->listener));
    eio_server_shut_down(n->eio);
    relay_close_all(n->relay);
    assert_true(relay_node_is_idle(n));
    http_server_drain(n->http);
}

static inline void relay_node_free(struct relay_node *n)
{
    relay_free(n->relay);
    http_server_free(n->http);
    eio_server_free(n->eio);
    assert_int_equal(atomic_load(&n->limit.n), 0);
    relay_peers_fini(&n->peers);
}

static inline int relay_teardown(void **state)
{
    struct relay_world *w = *state;

    for (unsigned i = 0; i < RELAY_NODES; i++)
        relay_node_end(&w->nodes[i]);
    relay_turns(w);
    loop_abort_streams(w->loop);
    loop_abort_streams(w->loop); // what was closed in answer
    RELAY_UNTIL(w, w->loop->n_streams == 0 && !w->loop->later.head);
    for (unsigned i = 0; i < RELAY_NODES; i++)
        relay_node_free(&w->nodes[i]);
    loop_free(w->loop);
    free(w);
    return 0;
}

// Clients.

struct relay_client {
    struct relay_world *world;
    int fd;
    struct buf in;
    bool has_ended; // the server has
    bool is_slow;   // reads nothing
};

static inline void relay_pump(struct relay_client *c)
{
    static char bytes[65536];

    while (!c->is_slow && !c->has_ended) {
        const ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0);
        if (n < 0 && errno == EAGAIN)
            return;
        c->has_ended = n <= 0;
        if (n > 0)
            assert_int_equal(buf_add(&c->in, (str){bytes, (size_t)n}), 0);
    }
}

/** A little of what is there. */
static inline void relay_sip(struct relay_client *c)
{
    char bytes[2048];
    const ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0);

    if (n > 0)
        assert_int_equal(buf_add(&c->in, (str){bytes, (size_t)n}), 0);
    c->has_ended = n == 0 || (n < 0 && errno != EAGAIN);
}

#define RELAY_CLIENT_UNTIL(c, condition) RELAY_UNTIL((c)->world, (relay_pump(c), (condition)))

static inline void relay_client_open(struct relay_client *c, struct relay_world *w,
                                     unsigned node)
{
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons(w->nodes[node].addr.port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int on = 1;

    *c =
        (struct relay_client){.world = w, .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    buf_init(&c->in, 2 * RELAY_MUCH);
    assert_int_equal(connect(c->fd, (const struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(fcntl(c->fd, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
}

static inline void relay_client_close(struct relay_client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    buf_fini(&c->in);
}

/** As much as is taken at once. @return bytes */
static inline size_t relay_send_some(const struct relay_client *c, str bytes)
{
    const ssize_t n = send(c->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);

    assert_true(n > 0 || errno == EAGAIN);
    return n > 0 ? (size_t)n : 0;
}

static inline void relay_send(struct relay_client *c, str bytes)
{
    RELAY_UNTIL(c->world, (str_take(&bytes, relay_send_some(c, bytes)), bytes.len == 0));
}

/** An answer that has come; its body is what the Content-Length says. */
struct relay_answer {
    unsigned status;
    char head[2048];
    char body[256]; // the beginning of it
    size_t body_len;
};

static inline size_t relay_head_len(const struct relay_client *c)
{
    const str in = buf_str(&c->in);
    const char *end = in.len > 0 ? memmem(in.ptr, in.len, "\r\n\r\n", 4) : NULL;

    return end ? (size_t)(end - in.ptr) + 4 : 0;
}

static inline struct relay_answer relay_take_answer(struct relay_client *c)
{
    static const char field[] = "Content-Length: ";
    struct relay_answer a = {0};

    RELAY_CLIENT_UNTIL(c, relay_head_len(c) > 0 || c->has_ended);
    const size_t n = relay_head_len(c);
    assert_true(n > 0 && n < sizeof(a.head));
    a.head[str_copy(a.head, (str){buf_ptr(&c->in), n}).len] = '\0';
    a.status = (unsigned)strtoul(a.head + sizeof("HTTP/1.1"), NULL, 10);
    const char *length = strstr(a.head, field);
    a.body_len = length ? strtoul(length + sizeof(field) - 1, NULL, 10) : 0;
    buf_consume(&c->in, n);
    RELAY_CLIENT_UNTIL(c, c->in.len >= a.body_len || c->has_ended);
    assert_true(c->in.len >= a.body_len);
    assert(buf_ptr(&c->in) || a.body_len == 0);
    const size_t shown = a.body_len < sizeof(a.body) ? a.body_len : sizeof(a.body) - 1;
    str_copy(a.body, (str){buf_ptr(&c->in), shown});
    buf_consume(&c->in, a.body_len);
    return a;
}

#define RELAY_REQUEST_SIZE 1024

/** @param query  behind the transport: "&sid=..." @param fields  lines, each with its end */
static inline void relay_ask(struct relay_client *c, const char *method, const char *transport,
                             const char *sid, const char *fields)
{
    char text[RELAY_REQUEST_SIZE];

    const int n =
        snprintf(text, sizeof(text), "%s " RELAY_PATH "%s%s%s HTTP/1.1\r\nHost: a\r\n%s\r\n",
                 method, transport, *sid ? "&sid=" : "", sid, fields);
    assert_true(n > 0 && (size_t)n < sizeof(text));
    relay_send(c, (str){text, (size_t)n});
}

static inline void relay_ask_poll(struct relay_client *c, const char *sid)
{
    relay_ask(c, "GET", "polling", sid, "");
}

/** It closes with its answer. */
static inline void relay_expect(struct relay_client *c, unsigned status, const char *body)
{
    const struct relay_answer a = relay_take_answer(c);

    expect_int("status", a.status, status);
    assert_string_equal(a.body, body);
}

static inline void relay_expect_last(struct relay_client *c, unsigned status, const char *body)
{
    const struct relay_answer a = relay_take_answer(c);

    expect_int("status", a.status, status);
    assert_string_equal(a.body, body);
    assert_non_null(strstr(a.head, "Connection: close\r\n"));
    RELAY_CLIENT_UNTIL(c, c->has_ended);
    assert_int_equal(c->in.len, 0);
}

/** A session that polls. @param sid  gets its id @return how its application sees it */
static inline struct relay_peer *relay_begin(struct relay_world *w, unsigned node,
                                             char sid[RAND_NAME_SIZE])
{
    static const char begin[] = "0{\"sid\":\"";
    struct relay_client c;

    relay_client_open(&c, w, node);
    relay_ask_poll(&c, "");
    const struct relay_answer a = relay_take_answer(&c);
    expect_int("handshake", a.status, 200);
    assert_true(strncmp(a.body, begin, sizeof(begin) - 1) == 0);
    memcpy(sid, a.body + sizeof(begin) - 1, RAND_NAME_SIZE - 1);
    sid[RAND_NAME_SIZE - 1] = '\0';
    relay_client_close(&c);
    relay_turns(w);
    return &w->peers[w->n_peers - 1];
}

/** One that there is not, of a node. */
static inline const char *relay_sid_of(unsigned node)
{
    static char sid[RAND_NAME_SIZE];

    snprintf(sid, sizeof(sid), "AA%c34567890123456789", (char)('A' + node));
    return sid;
}

// WebSockets.

static inline void relay_send_frame(struct relay_client *c, str text)
{
    struct buf out;

    buf_init(&out, text.len + WS_FRAME_HEADER_MAX);
    masked_frame(&out, WS_TEXT, text);
    relay_send(c, buf_str(&out));
    buf_fini(&out);
}

/** A short one of the server's: wait for it, and take it. */
static inline void relay_expect_frame(struct relay_client *c, const char *text)
{
    const size_t n = strlen(text);

    RELAY_CLIENT_UNTIL(c, c->in.len >= 2 + n || c->has_ended);
    assert_true(c->in.len >= 2 + n);
    const str in = buf_str(&c->in);
    assert(in.ptr);
    expect_int(text, in.ptr[1], n);
    expect_str("frame", ((str){in.ptr + 2, n}), str_of(text));
    buf_consume(&c->in, 2 + n);
}

/** The session goes over to a WebSocket, by way of a node. */
static inline void relay_upgrade(struct relay_client *c, struct relay_world *w, unsigned by,
                                 const char *sid)
{
    relay_client_open(c, w, by);
    relay_ask(c, "GET", "websocket", sid, RELAY_UPGRADE);
    const struct relay_answer a = relay_take_answer(c);
    expect_int("upgrade", a.status, 101);
    relay_send_frame(c, STR("2probe"));
    relay_expect_frame(c, "3probe");
    relay_send_frame(c, STR("5"));
    relay_turns(w);
}
