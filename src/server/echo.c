#include "server/echo.h"

#include <stdio.h>

#include "base/mem.h"
#include "ws/handshake.h"

#define ROOMS_MAX     16 // of one socket
#define ROOM_SIZE     64 // bytes of a room's name, NUL included
#define ACKS_MAX      64 // that one socket waits for
#define BURST_MAX     100000
#define MESSAGE_MAX   (SIZE_MAX / 2) // bytes of JSON: what comes is bounded by the transport
#define HANDSHAKE_MAX 4096

/** What the application knows of one client in one namespace. */
struct client {
    struct list node;
    struct sio_socket *socket;
    size_t n_rooms;
    char rooms[ROOMS_MAX][ROOM_SIZE];
    size_t n_acks;
    int64_t acks[ACKS_MAX];
};

void echo_init(struct echo *e, const struct ws_config *ws_config)
{
    *e = (struct echo){.ws_config = *ws_config};
    list_init(&e->sockets);
    list_init(&e->websockets);
}

// Socket.IO.

static void client_free(struct client *c)
{
    list_remove(&c->node);
    free(c);
}

/** `["name", …]` of the event's arguments, those before the first left out; no name: `[…]`. */
static void print_args(struct buf *out, const char *name, const struct sio_event *e,
                       size_t first)
{
    buf_init(out, MESSAGE_MAX);
    int r = buf_add(out, STR("["));
    if (name)
        r |= json_print_str(out, str_of(name));
    for (size_t i = first; i < json_count(e->data); i++) {
        if (name || i > first)
            r |= buf_add(out, STR(","));
        r |= json_print(out, json_item(e->data, i));
    }
    r |= buf_add(out, STR("]"));
    assert(r == 0);
    (void)r;
}

static struct sio_message message_of(const struct buf *json, const struct sio_event *e)
{
    return (struct sio_message){
        .json = buf_str(json),
        .attachments = e->attachments,
        .n_attachments = e->n_attachments,
    };
}

static void emit_back(struct client *c, const struct sio_event *e)
{
    struct buf json;

    print_args(&json, "message-back", e, 1);
    const struct sio_message m = message_of(&json, e);
    sio_emit(c->socket, &m);
    buf_fini(&json);
}

static void acknowledge(struct client *c, const struct sio_event *e)
{
    struct buf json;

    if (e->ack_id < 0)
        return;
    print_args(&json, NULL, e, 1);
    const struct sio_message m = message_of(&json, e);
    sio_ack(c->socket, e->ack_id, &m);
    buf_fini(&json);
}

static void ask_for_ack(struct client *c, const struct sio_event *e)
{
    struct buf json;

    if (c->n_acks == ACKS_MAX)
        return;
    print_args(&json, "please-ack", e, 1);
    const struct sio_message m = message_of(&json, e);
    c->acks[c->n_acks++] = sio_emit_with_ack(c->socket, &m);
    buf_fini(&json);
}

static void burst(struct client *c, const struct sio_event *e)
{
    int64_t n = 0;

    if (!json_integer_of(json_item(e->data, 1), &n) || n > BURST_MAX)
        return;
    for (int64_t i = 0; i < n; i++) {
        char json[32];
        const int len = snprintf(json, sizeof(json), "[\"b\",%lld]", (long long)i);
        sio_emit(c->socket, &(struct sio_message){.json = {json, (size_t)len}});
    }
}

static str room_of(const struct sio_event *e)
{
    return json_text(json_item(e->data, 1));
}

static void join(struct client *c, const struct sio_event *e)
{
    const str room = room_of(e);

    if (!room.ptr || room.len >= ROOM_SIZE || c->n_rooms == ROOMS_MAX)
        return;
    str_copy(c->rooms[c->n_rooms++], room);
    if (e->ack_id >= 0)
        sio_ack(c->socket, e->ack_id, &(struct sio_message){.json = STR("[]")});
}

static bool is_in_room(const struct client *c, str room)
{
    for (size_t i = 0; i < c->n_rooms; i++) {
        if (str_eq(str_of(c->rooms[i]), room))
            return true;
    }
    return false;
}

static void emit_to_room(struct echo *echo, const struct client *from,
                         const struct sio_event *e)
{
    const str room = room_of(e);
    struct buf json;

    if (!room.ptr)
        return;
    print_args(&json, "roomev", e, 2);
    const struct sio_message m = message_of(&json, e);
    list_each (node, &echo->sockets) {
        const struct client *c = container_of(node, struct client, node);
        if (is_in_room(c, room) &&
            str_eq(sio_namespace(c->socket), sio_namespace(from->socket)))
            sio_emit(c->socket, &m);
    }
    buf_fini(&json);
}

static void emit_volatile(struct client *c, const struct sio_event *e)
{
    struct buf json;

    print_args(&json, "vol", e, 1);
    const struct sio_message m = message_of(&json, e);
    sio_emit_volatile(c->socket, &m);
    buf_fini(&json);
}

static void kick(struct client *c, const struct sio_event *e)
{
    struct sio_socket *s = c->socket;

    (void)e;
    client_free(c);
    sio_disconnect(s);
}

static void kick_all(struct client *c, const struct sio_event *e)
{
    struct sio_socket *s = c->socket;

    (void)e;
    client_free(c);
    sio_close(s);
}

static const struct {
    str name;
    void (*run)(struct client *c, const struct sio_event *e);
} events[] = {
    {{"message", 7}, emit_back},
    {{"message-with-ack", 16}, acknowledge},
    {{"need-ack", 8}, ask_for_ack},
    {{"burst", 5}, burst},
    {{"join", 4}, join},
    {{"volatile", 8}, emit_volatile},
    {{"kick", 4}, kick},
    {{"kick-all", 8}, kick_all},
};

static void on_event(void *arg, struct sio_socket *s, const struct sio_event *e)
{
    struct client *c = sio_state(s);

    if (str_eq(e->name, STR("room"))) {
        emit_to_room(arg, c, e);
        return;
    }
    for (size_t i = 0; i < COUNT_OF(events); i++) {
        if (str_eq(e->name, events[i].name)) {
            events[i].run(c, e);
            return;
        }
    }
}

static void on_ack(void *arg, struct sio_socket *s, const struct sio_event *e)
{
    struct client *c = sio_state(s);
    struct buf json;

    (void)arg;
    for (size_t i = 0; i < c->n_acks; i++) {
        if (c->acks[i] != e->ack_id)
            continue;
        c->acks[i] = c->acks[--c->n_acks];
        print_args(&json, "ack-was", e, 0);
        const struct sio_message m = message_of(&json, e);
        sio_emit(s, &m);
        buf_fini(&json);
        return;
    }
}

/** @return why not, or NULL; *data becomes what is said beside */
static const char *refusal_of(str namespace, const struct json *auth, str *data)
{
    if (str_eq(namespace, STR("/")) || str_eq(namespace, STR("/custom")))
        return NULL;
    if (str_eq(namespace, STR("/secret"))) {
        *data = STR("{\"code\":\"E_AUTH\",\"retry\":false}");
        const bool is_ok = str_eq(json_text(json_member(auth, "token")), STR("ok"));
        return is_ok ? NULL : "not authorized";
    }
    return str_eq(namespace, STR("/secret2")) ? "nope" : "Invalid namespace";
}

static void on_connect(void *arg, struct sio_socket *s, const struct json *auth, str auth_text)
{
    struct echo *echo = arg;
    struct buf json;
    str data = {0};

    const char *refusal = refusal_of(sio_namespace(s), auth, &data);
    if (refusal) {
        sio_refuse(s, str_of(refusal), data);
        return;
    }
    struct client *c = NEW(struct client);
    c->socket = s;
    list_push(&echo->sockets, &c->node);
    sio_set_state(s, c);
    sio_accept(s);

    buf_init(&json, MESSAGE_MAX);
    const int r = buf_addf(&json, "[\"auth\"," STR_FMT "]", STR_ARG(auth_text));
    assert(r == 0);
    (void)r;
    sio_emit(s, &(struct sio_message){.json = buf_str(&json)});
    buf_fini(&json);
}

static void on_disconnect(void *arg, struct sio_socket *s, enum sio_reason reason)
{
    (void)arg, (void)reason;
    client_free(sio_state(s));
}

const struct sio_app echo_sio_app = {
    .on_connect = on_connect,
    .on_event = on_event,
    .on_ack = on_ack,
    .on_disconnect = on_disconnect,
};

// Engine.IO.

static void *on_session(void *arg, struct eio_session *s)
{
    (void)arg;
    return s;
}

static void on_session_message(void *state, bool is_binary, char *bytes, size_t n)
{
    const str all = {bytes, n};
    eio_send(state, is_binary, &all, 1);
}

static void on_session_close(void *state, enum eio_reason reason)
{
    (void)state, (void)reason;
}

const struct eio_app echo_eio_app = {
    .on_open = on_session,
    .on_message = on_session_message,
    .on_close = on_session_close,
};

// WebSocket.

struct websocket {
    struct list node;
    struct ws *ws;
};

static void websocket_free(struct websocket *w)
{
    list_remove(&w->node);
    free(w);
}

static void on_ws_message(void *owner, enum ws_type type, char *bytes, size_t n)
{
    struct websocket *w = owner;
    const str all = {bytes, n};

    if (ws_send(w->ws, type, &all, 1) == 0)
        return;
    ws_abort(w->ws); // it sends and does not read
    websocket_free(w);
}

static void on_ws_closed(void *owner, unsigned code)
{
    (void)code;
    websocket_free(owner);
}

static const struct ws_events ws_echo_events = {
    .on_message = on_ws_message,
    .on_closed = on_ws_closed,
};

static void refuse_upgrade(struct http_request *rq, int refusal)
{
    http_respond(rq, &(struct http_response){
                         .status = refusal == WS_HANDSHAKE_METHOD ? 405 : 400,
                         .headers = refusal == WS_HANDSHAKE_VERSION
                                        ? STR("Sec-WebSocket-Version: 13\r\n")
                                        : (str){0},
                         .type = STR("text/plain"),
                         .body = STR("a WebSocket handshake is expected here\n"),
                         .close = true,
                     });
}

static void on_ws_head(void *arg, struct http_request *rq, const struct http_head *head)
{
    struct echo *echo = arg;
    struct buf answer;
    char *rest = NULL;
    size_t rest_len = 0;

    const int refusal = ws_handshake_check(head);
    if (refusal != 0) {
        refuse_upgrade(rq, refusal);
        return;
    }
    buf_init(&answer, HANDSHAKE_MAX);
    if (ws_handshake_answer(&answer, head) != 0) {
        refuse_upgrade(rq, WS_HANDSHAKE_KEY);
        buf_fini(&answer);
        return;
    }
    struct stream *stream = http_upgrade(rq, buf_str(&answer), &rest, &rest_len);
    buf_fini(&answer);
    if (!stream)
        return;
    struct websocket *w = NEW(struct websocket);
    list_push(&echo->websockets, &w->node);
    w->ws = ws_new(stream, &echo->ws_config, &ws_echo_events, w);
    if (rest_len > 0)
        ws_feed(w->ws, rest, rest_len);
}

const struct http_handler echo_ws_handler = {.on_head = on_ws_head};

void echo_shut_down(struct echo *e)
{
    list_each (node, &e->websockets) {
        struct websocket *w = container_of(node, struct websocket, node);
        ws_close(w->ws, WS_GOING_AWAY, (str){0});
        websocket_free(w);
    }
}
