#include "sio/server.h"

#include <stdio.h>

#include "base/fsm.h"
#include "base/mem.h"
#include "sio/lobby.h"

enum socket_state {
    SOCKET_CONNECTING, // the application has not decided yet
    SOCKET_CONNECTED,
    SOCKET_GONE, // ended by us. Kept, so that what crosses the DISCONNECT is known for that
};

#define TO(state) FSM_TO(SOCKET_##state)
static const struct fsm_state states[] = {
    [SOCKET_CONNECTING] = {"sio_connecting", TO(CONNECTED) | TO(GONE)},
    [SOCKET_CONNECTED] = {"sio_connected", TO(GONE)},
    [SOCKET_GONE] = {"sio_gone", 0},
};
#undef TO

struct sio_server {
    struct sio_config config;
    const struct sio_app *app;
    void *app_arg;
};

/** A packet whose attachments are still coming. */
struct pending {
    struct sio_packet packet; // points into text
    size_t n_attachments;     // that have come
    str attachments[SIO_ATTACHMENTS_MAX];
    char *owned[SIO_ATTACHMENTS_MAX]; // the same bytes
    char text[];
};

/** One client: what its namespaces share. */
struct sio_conn {
    struct sio_server *server;
    struct eio_session *session; // NULL: it is over
    struct list sockets;
    struct job job; // handles what waits, or frees
    struct pending *pending;
    struct lobby *lobby; // NULL: it has joined, and nothing waits
    uint8_t n_sockets;
    uint8_t n_connecting;
    bool has_joined;
};

static_assert(SIO_NAMESPACES_MAX <= UINT8_MAX, "the number of sockets fits");
static_assert(sizeof(struct sio_conn) <= 72, "an idle client is small: there are many");

struct sio_socket {
    struct list node;
    struct sio_conn *conn;
    struct fsm fsm;
    void *state;
    int32_t next_ack; // clients parse ids with 32-bit functions
    char sid[RAND_NAME_SIZE];
    bool is_accepted;
    uint8_t namespace_len;
    char namespace[];
};

static_assert(SIO_NAMESPACE_MAX <= UINT8_MAX, "the length of a namespace fits");

str sio_namespace(const struct sio_socket *s)
{
    return (str){s->namespace, s->namespace_len};
}

str sio_sid(const struct sio_socket *s)
{
    return str_of(s->sid);
}

void *sio_state(const struct sio_socket *s)
{
    return s->state;
}

void sio_set_state(struct sio_socket *s, void *state)
{
    s->state = state;
}

bool sio_is_accepted(const struct sio_socket *s)
{
    return s->is_accepted;
}

const struct log_ctx *sio_log(const struct sio_socket *s)
{
    return eio_log(s->conn->session);
}

const struct eio_peer *sio_peer(const struct sio_socket *s)
{
    return eio_peer(s->conn->session);
}

str sio_bearer(const struct sio_socket *s)
{
    return eio_bearer(s->conn->session);
}

size_t sio_queued(const struct sio_socket *s)
{
    return eio_queued(s->conn->session);
}

void sio_set_reading(struct sio_socket *s, bool on)
{
    eio_set_reading(s->conn->session, on);
}

static void socket_free(struct sio_socket *s)
{
    if (s->fsm.now != SOCKET_GONE)
        fsm_move(&s->fsm, SOCKET_GONE);
    fsm_fini(&s->fsm);
    s->conn->n_sockets--;
    list_remove(&s->node);
    free(s);
}

static void pending_free(struct pending *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n_attachments; i++)
        free(p->owned[i]);
    sio_packet_fini(&p->packet);
    free(p);
}

static struct lobby *lobby_of(struct sio_conn *c)
{
    return lobby_new(c->server->config.timers, c);
}

static bool has_waiting(const struct sio_conn *c)
{
    return c->lobby && lobby_has_waiting(c->lobby);
}

static bool owes(const struct sio_conn *c)
{
    return c->lobby && c->lobby->owed;
}

/** Once nothing waits there, and nothing will. */
static void leave_lobby(struct sio_conn *c)
{
    if (!c->has_joined || c->n_connecting > 0 || has_waiting(c) || owes(c))
        return;
    lobby_free(c->lobby);
    c->lobby = NULL;
}

static void conn_free(struct job *job)
{
    struct sio_conn *c = container_of(job, struct sio_conn, job);

    list_each (node, &c->sockets)
        socket_free(container_of(node, struct sio_socket, node));
    pending_free(c->pending);
    free(c);
}

static struct sio_socket *find_live(const struct sio_conn *c)
{
    list_each (node, &c->sockets) {
        struct sio_socket *s = container_of(node, struct sio_socket, node);
        if (s->fsm.now != SOCKET_GONE)
            return s;
    }
    return NULL;
}

/** The client is gone, or has to go: tell the application of each socket but one. */
static void conn_end(struct sio_conn *c, const struct sio_socket *but)
{
    const struct sio_server *server = c->server;
    struct sio_socket *s;

    // Looked for anew each time: what it is told may make it end another one.
    while ((s = find_live(c))) {
        fsm_move(&s->fsm, SOCKET_GONE);
        if (s != but)
            server->app->on_disconnect(server->app_arg, s, SIO_CONNECTION_LOST);
    }
    lobby_free(c->lobby);
    c->lobby = NULL;
    c->session = NULL;
    job_push(c->server->config.later, &c->job, conn_free);
}

/** It broke the protocol, or took too long: the session ends, with all its namespaces. */
static void fail(struct sio_conn *c, const char *why)
{
    struct eio_session *session = c->session;

    log_debug(eio_log(session), "sio_bad_client", "why=%s", why);
    conn_end(c, NULL);
    eio_close(session);
}

// Out.

static void handle_waiting(struct job *job);

static void pay(struct sio_conn *c);

static void send(struct sio_conn *c, enum sio_type type, str namespace, int64_t ack_id,
                 const struct sio_message *m)
{
    char head[SIO_HEAD_SIZE];
    const unsigned n = (unsigned)m->n_attachments;
    const str parts[] = {sio_packet_head(head, type, n, namespace, ack_id), m->json};

    assert(n <= SIO_ATTACHMENTS_MAX);
    pay(c);
    eio_send(c->session, false, parts, COUNT_OF(parts));
    for (size_t i = 0; i < n; i++)
        eio_send(c->session, true, &m->attachments[i], 1);
}

static void send_accept(const struct sio_socket *s)
{
    char json[sizeof("{\"sid\":\"\"}") + RAND_NAME_SIZE];

    const int n = snprintf(json, sizeof(json), "{\"sid\":\"%s\"}", s->sid);
    send(s->conn, SIO_CONNECT, sio_namespace(s), -1,
         &(struct sio_message){.json = {json, (size_t)n}});
}

/** Before anything else goes out or comes in. */
static void pay(struct sio_conn *c)
{
    if (!owes(c))
        return;
    const struct sio_socket *s = c->lobby->owed;
    c->lobby->owed = NULL;
    send_accept(s);
    leave_lobby(c);
}

static void send_refusal(struct sio_conn *c, str namespace, str message, str data)
{
    struct buf json;

    buf_init(&json, SIZE_MAX / 2);
    int r = buf_add(&json, STR("{\"message\":"));
    r |= json_print_str(&json, message);
    if (data.len > 0) {
        r |= buf_add(&json, STR(",\"data\":"));
        r |= buf_add(&json, data);
    }
    r |= buf_add(&json, STR("}"));
    assert(r == 0);
    (void)r;
    send(c, SIO_CONNECT_ERROR, namespace, -1, &(struct sio_message){.json = buf_str(&json)});
    buf_fini(&json);
}

static bool is_connected(const struct sio_socket *s)
{
    return s->fsm.now == SOCKET_CONNECTED;
}

void sio_emit(struct sio_socket *s, const struct sio_message *m)
{
    if (is_connected(s))
        send(s->conn, SIO_EVENT, sio_namespace(s), -1, m);
}

int64_t sio_emit_with_ack(struct sio_socket *s, const struct sio_message *m)
{
    if (!is_connected(s))
        return -1;
    const int64_t id = s->next_ack;
    s->next_ack = sio_ack_after(s->next_ack);
    send(s->conn, SIO_EVENT, sio_namespace(s), id, m);
    return id;
}

void sio_emit_volatile(struct sio_socket *s, const struct sio_message *m)
{
    if (is_connected(s) && eio_is_writable(s->conn->session))
        sio_emit(s, m);
}

void sio_ack(struct sio_socket *s, int64_t ack_id, const struct sio_message *m)
{
    if (is_connected(s))
        send(s->conn, SIO_ACK, sio_namespace(s), ack_id, m);
}

/** The application has decided about one. */
static void decided(struct sio_conn *c)
{
    c->n_connecting--;
    if (has_waiting(c)) {
        job_push(c->server->config.later, &c->job, handle_waiting);
    } else {
        leave_lobby(c);
    }
}

void sio_disconnect(struct sio_socket *s)
{
    const bool was_connecting = s->fsm.now == SOCKET_CONNECTING;

    if (s->fsm.now == SOCKET_GONE)
        return;
    send(s->conn, SIO_DISCONNECT, sio_namespace(s), -1, &(struct sio_message){0});
    fsm_move(&s->fsm, SOCKET_GONE);
    if (was_connecting)
        decided(s->conn);
}

void sio_close(struct sio_socket *s)
{
    struct sio_conn *c = s->conn;
    struct eio_session *session = c->session;

    if (s->fsm.now == SOCKET_GONE)
        return;
    list_each (node, &c->sockets) {
        struct sio_socket *each = container_of(node, struct sio_socket, node);
        if (is_connected(each))
            send(c, SIO_DISCONNECT, sio_namespace(each), -1, &(struct sio_message){0});
    }
    conn_end(c, s);
    eio_close(session);
}

void sio_drop(struct sio_socket *s)
{
    struct sio_conn *c = s->conn;
    struct eio_session *session = c->session;

    if (s->fsm.now == SOCKET_GONE)
        return;
    conn_end(c, s);
    eio_close(session);
}

// Joining.

static struct sio_socket *find_socket(const struct sio_conn *c, str namespace)
{
    list_each (node, &c->sockets) {
        struct sio_socket *s = container_of(node, struct sio_socket, node);
        if (str_eq(sio_namespace(s), namespace))
            return s;
    }
    return NULL;
}

static struct sio_socket *socket_new(struct sio_conn *c, str namespace)
{
    struct sio_socket *s = mem_alloc(sizeof(*s) + namespace.len);

    s->conn = c;
    s->namespace_len = (uint8_t) namespace.len;
    str_copy(s->namespace, namespace);
    rand_name(c->server->config.rand, s->sid);
    fsm_init(&s->fsm, states, SOCKET_CONNECTING);
    list_push(&c->sockets, &s->node);
    c->n_sockets++;
    return s;
}

static void on_connect_packet(struct sio_conn *c, const struct sio_packet *p)
{
    struct sio_socket *s = find_socket(c, p->namespace);

    if (s && s->fsm.now != SOCKET_GONE) {
        fail(c, "connected_twice");
        return;
    }
    if (s) // it comes back
        socket_free(s);
    if (c->n_sockets == SIO_NAMESPACES_MAX) {
        send_refusal(c, p->namespace, STR("Too many namespaces"), (str){0});
        return;
    }
    s = socket_new(c, p->namespace);
    c->n_connecting++;
    c->server->app->on_connect(c->server->app_arg, s, p->data, p->data ? p->text : STR("{}"));
}

static void accept_socket(struct sio_socket *s)
{
    struct sio_conn *c = s->conn;

    fsm_move(&s->fsm, SOCKET_CONNECTED);
    s->is_accepted = true;
    if (!c->has_joined)
        eio_limit_payload(c->session, SIZE_MAX);
    c->has_joined = true;
    eio_drop_bearer(c->session);
    if (c->lobby)
        timer_cancel(c->server->config.timers, &c->lobby->timer);
}

void sio_accept(struct sio_socket *s)
{
    accept_socket(s);
    send_accept(s);
    decided(s->conn);
}

void sio_accept_alone(struct sio_socket *s)
{
    pay(s->conn);
}

static void on_alone(struct timer *t)
{
    pay(container_of(t, struct lobby, timer)->conn);
}

void sio_accept_with_next(struct sio_socket *s)
{
    struct sio_conn *c = s->conn;
    struct timers *timers = c->server->config.timers;

    pay(c);
    accept_socket(s);
    if (!c->lobby)
        c->lobby = lobby_of(c);
    c->lobby->owed = s;
    timer_init(&c->lobby->timer, on_alone);
    timer_set(timers, &c->lobby->timer, timers->now_ms + SIO_ACCEPT_ALONE_MS);
    decided(c);
}

void sio_refuse(struct sio_socket *s, str message, str data)
{
    struct sio_conn *c = s->conn;

    assert(s->fsm.now == SOCKET_CONNECTING);
    send_refusal(c, sio_namespace(s), message, data);
    socket_free(s);
    decided(c);
}

// In.

static void dispatch(struct sio_conn *c, const struct sio_packet *p, const str *attachments)
{
    const struct sio_server *server = c->server;
    const struct sio_event e = {
        .name = p->type == SIO_EVENT || p->type == SIO_BINARY_EVENT ? sio_packet_event(p)
                                                                    : (str){0},
        .data = p->data,
        .text = p->text,
        .attachments = attachments,
        .n_attachments = p->n_attachments,
        .ack_id = p->ack_id,
    };

    log_trace(eio_log(c->session), "sio_packet", "type=%d bytes=%zu attachments=%u", p->type,
              p->text.len, p->n_attachments);
    if (p->type == SIO_CONNECT) {
        on_connect_packet(c, p);
        return;
    }
    struct sio_socket *s = find_socket(c, p->namespace);
    if (!s) {
        fail(c, "not_joined");
        return;
    }
    if (s->fsm.now == SOCKET_GONE)
        return;
    switch (p->type) {
    case SIO_DISCONNECT:
        fsm_move(&s->fsm, SOCKET_GONE);
        server->app->on_disconnect(server->app_arg, s, SIO_CLIENT_LEFT);
        socket_free(s);
        break;
    case SIO_EVENT:
    case SIO_BINARY_EVENT: server->app->on_event(server->app_arg, s, &e); break;
    case SIO_ACK:
    case SIO_BINARY_ACK: server->app->on_ack(server->app_arg, s, &e); break;
    case SIO_CONNECT:
    case SIO_CONNECT_ERROR: break; // the one is done, the other the codec refuses
    }
}

static void on_attachment(struct sio_conn *c, const char *bytes, size_t n)
{
    struct pending *p = c->pending;

    if (!p) {
        fail(c, "unexpected_binary");
        return;
    }
    char *copy = mem_alloc(n + 1); // of nothing, too
    p->owned[p->n_attachments] = copy;
    p->attachments[p->n_attachments++] = str_copy(copy, (str){bytes, n});
    if (p->n_attachments < p->packet.n_attachments)
        return;
    c->pending = NULL;
    dispatch(c, &p->packet, p->attachments);
    pending_free(p);
}

static bool is_binary_type(const char *text, size_t n)
{
    return n > 0 && (text[0] == '0' + SIO_BINARY_EVENT || text[0] == '0' + SIO_BINARY_ACK);
}

static void on_unreadable(struct sio_conn *c, const struct sio_packet *p)
{
    const struct sio_server *server = c->server;
    struct sio_socket *s = find_socket(c, p->namespace);

    if (!s || !server->app->on_unreadable) {
        fail(c, s ? "bad_packet" : "not_joined");
    } else if (is_connected(s)) { // or it crosses our DISCONNECT
        server->app->on_unreadable(server->app_arg, s, p->ack_id);
    }
}

static void on_text(struct sio_conn *c, char *text, size_t n)
{
    const unsigned max = c->server->config.max_attachments;
    struct sio_packet packet;

    if (c->pending) {
        fail(c, "attachments_missing");
        return;
    }
    if (is_binary_type(text, n)) { // its text has to last until the attachments are here
        struct pending *p = mem_alloc(sizeof(*p) + n);
        memcpy(p->text, text, n);
        if (sio_packet_decode(&p->packet, p->text, n, max) != 0) {
            free(p);
            fail(c, "bad_packet");
            return;
        }
        c->pending = p;
        return;
    }
    switch (sio_packet_decode(&packet, text, n, max)) {
    case 0:
        dispatch(c, &packet, NULL);
        sio_packet_fini(&packet);
        break;
    case SIO_PACKET_IGNORE: break;
    case SIO_PACKET_UNREADABLE: on_unreadable(c, &packet); break;
    default: fail(c, "bad_packet"); break;
    }
}

static void handle(struct sio_conn *c, bool is_binary, char *bytes, size_t n)
{
    pay(c);
    if (!c->has_joined) {
        c->lobby->unjoined_bytes += n;
        if (c->lobby->unjoined_bytes > SIO_UNJOINED_MAX) {
            fail(c, "too_much_before_connect");
            return;
        }
    }
    if (is_binary) {
        on_attachment(c, bytes, n);
    } else {
        on_text(c, bytes, n);
    }
}

static void handle_waiting(struct job *job)
{
    struct sio_conn *c = container_of(job, struct sio_conn, job);

    while (c->n_connecting == 0 && has_waiting(c)) {
        struct lobby_message *m = lobby_take(c->lobby);
        handle(c, m->is_binary, m->bytes, m->len); // may end it, and the lobby with it
        free(m);
    }
    leave_lobby(c);
}

static void wait_for_decision(struct sio_conn *c, bool is_binary, const char *bytes, size_t n)
{
    if (!c->lobby)
        c->lobby = lobby_of(c);
    if (!lobby_keep(c->lobby, is_binary, (str){bytes, n}))
        fail(c, "too_much_before_accept");
}

static void on_message(void *state, bool is_binary, char *bytes, size_t n)
{
    struct sio_conn *c = state;

    if (c->n_connecting > 0 || has_waiting(c)) {
        wait_for_decision(c, is_binary, bytes, n);
    } else {
        handle(c, is_binary, bytes, n);
    }
}

static void on_connect_late(struct timer *t)
{
    fail(container_of(t, struct lobby, timer)->conn, "no_connect");
}

static void *on_open(void *arg, struct eio_session *session)
{
    struct sio_server *server = arg;
    struct sio_conn *c = NEW(struct sio_conn);
    struct timers *timers = server->config.timers;

    c->server = server;
    c->session = session;
    c->lobby = lobby_of(c);
    eio_limit_payload(session, SIO_UNJOINED_MAX);
    list_init(&c->sockets);
    timer_init(&c->lobby->timer, on_connect_late);
    timer_set(timers, &c->lobby->timer, timers->now_ms + server->config.connect_timeout_ms);
    return c;
}

static void on_close(void *state, enum eio_reason reason)
{
    (void)reason;
    conn_end(state, NULL);
}

const struct eio_app sio_eio_app = {
    .on_open = on_open,
    .on_message = on_message,
    .on_close = on_close,
};

struct sio_server *sio_server_new(const struct sio_config *config, const struct sio_app *app,
                                  void *app_arg)
{
    struct sio_server *s = NEW(struct sio_server);

    assert(config->max_attachments <= SIO_ATTACHMENTS_MAX);
    s->config = *config;
    s->app = app;
    s->app_arg = app_arg;
    return s;
}

void sio_server_free(struct sio_server *s)
{
    free(s);
}
