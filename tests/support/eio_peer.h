/**
 * Engine.IO sessions under test: an application that writes down what it hears, clients
 * that poll and talk over WebSockets, and what both expect of each other.
 */
#pragma once

#include "support/eio_world.h"
#include "support/t.h"

#define POLLING    "EIO=4&transport=polling"
#define WEBSOCKET  "EIO=4&transport=websocket"
#define PEERS_MAX  48
#define STILL_OPEN (-1)

#define REFUSED(code, message) "{\"code\":" #code ",\"message\":\"" message "\"}"
#define NO_TRANSPORT           REFUSED(0, "Transport unknown")
#define NO_SESSION             REFUSED(1, "Session ID unknown")
#define NO_METHOD              REFUSED(2, "Bad handshake method")
#define BAD                    REFUSED(3, "Bad request")
#define NO_VERSION             REFUSED(5, "Unsupported protocol version")

struct world;

/** One session, as the application sees it, and its client knows it. */
struct peer {
    struct world *world;
    struct eio_session *session;
    char sid[RAND_NAME_SIZE];
    struct buf heard; // the messages, joined by '|', binary ones in brackets
    int fate;         // STILL_OPEN, or an enum eio_reason
};

struct world {
    struct eio_world eio;
    struct eio_config config;
    struct peer peers[PEERS_MAX];
    size_t n_peers;
    void (*in_open)(struct peer *p); // what the application does; NULL: nothing
    void (*in_message)(struct peer *p);
    void (*in_close)(struct peer *p);
    struct buf text; // of expect_frames()
};

// The application.

static inline void *on_open(void *arg, struct eio_session *s)
{
    struct world *w = arg;
    struct peer *p = &w->peers[w->n_peers++];

    assert_true(w->n_peers <= PEERS_MAX);
    *p = (struct peer){.world = w, .session = s, .fate = STILL_OPEN};
    buf_init(&p->heard, SIZE_MAX / 2);
    if (w->in_open)
        w->in_open(p);
    return p;
}

static inline void add_part(struct buf *out, bool is_binary, str s)
{
    int r = buf_add(out, out->len > 0 ? STR("|") : STR(""));
    r |= buf_add(out, is_binary ? STR("[") : STR(""));
    r |= buf_add(out, s);
    r |= buf_add(out, is_binary ? STR("]") : STR(""));
    assert_int_equal(r, 0);
}

static inline void on_message(void *state, bool is_binary, char *bytes, size_t n)
{
    struct peer *p = state;

    assert_int_equal(p->fate, STILL_OPEN);
    add_part(&p->heard, is_binary, (str){bytes, n});
    if (p->world->in_message)
        p->world->in_message(p);
}

static inline void on_close(void *state, enum eio_reason reason)
{
    struct peer *p = state;

    assert_int_equal(p->fate, STILL_OPEN); // once, and not after eio_close()
    p->fate = (int)reason;
    if (p->world->in_close)
        p->world->in_close(p);
}

static const struct eio_app app = {
    .on_open = on_open,
    .on_message = on_message,
    .on_close = on_close,
};

static inline void say_bytes(struct peer *p, bool is_binary, str s)
{
    eio_send(p->session, is_binary, &s, 1);
}

static inline void say(struct peer *p, const char *text)
{
    say_bytes(p, false, str_of(text));
}

static inline void close_peer(struct peer *p)
{
    p->fate = EIO_CLOSED_BY_APP;
    eio_close(p->session);
}

// The world.

static inline int setup(void **state)
{
    struct world *w = NEW(struct world);

    eio_world_init(&w->eio, 1);
    w->config = eio_world_config(&w->eio);
    buf_init(&w->text, SIZE_MAX / 2);
    *state = w;
    return 0;
}

/** Start the server, with what the test has changed in w->config. */
static inline struct world *serve(void **state)
{
    struct world *w = *state;

    eio_world_serve(&w->eio, &w->config, &app, w);
    return w;
}

/** Whatever is left must be freed by now, or ASan says so. */
static inline int teardown(void **state)
{
    struct world *w = *state;

    eio_world_fini(&w->eio);
    for (struct peer *p = w->peers; p < w->peers + w->n_peers; p++) {
        assert_int_not_equal(p->fate, STILL_OPEN);
        buf_fini(&p->heard);
    }
    buf_fini(&w->text);
    free(w);
    return 0;
}

static inline void settle(struct world *w)
{
    eio_world_settle(&w->eio);
}

static inline void pass_ms(struct world *w, int64_t ms)
{
    eio_world_pass(&w->eio, ms);
}

/** Time goes by, and the loop is busy with something else: no timer fires. */
static inline void pass_ms_unnoticed(struct world *w, int64_t ms)
{
    w->eio.timers.now_ms += ms;
}

// The client.

static inline struct client *ask(struct world *w, const struct request *rq)
{
    struct client *c = client_new(&w->eio);

    client_send(c, rq);
    settle(w);
    return c;
}

#define QUERY_SIZE 160

static inline const char *query_of(const struct peer *p, const char *rest, char out[QUERY_SIZE])
{
    snprintf(out, QUERY_SIZE, "%s&sid=%s", rest, p->sid);
    return out;
}

static inline struct client *get(struct peer *p)
{
    char query[QUERY_SIZE];
    return ask(p->world, &(struct request){.query = query_of(p, POLLING, query)});
}

static inline struct client *post(struct peer *p, str body)
{
    char query[QUERY_SIZE];
    return ask(p->world, &(struct request){.method = "POST",
                                           .query = query_of(p, POLLING, query),
                                           .body = body,
                                           .has_body = true});
}

/** The head of a POST and the beginning of its body. */
static inline struct client *begin_post(struct peer *p)
{
    char query[QUERY_SIZE];
    return ask(p->world, &(struct request){.method = "POST",
                                           .query = query_of(p, POLLING, query),
                                           .fields = "Content-Length: 3\r\n",
                                           .body = STR("4h")});
}

static inline void end_post(struct peer *p, struct client *c)
{
    mem_stream_feed(&c->stream, STR("i"));
    settle(p->world);
}

static inline void expect_answer_of(const char *what, struct client *c, unsigned status,
                                    str body)
{
    const struct answer a = client_take_answer(c);

    expect_int(what, a.status, status);
    expect_str(what, a.body, body);
}

#define expect_answer(c, status, body) expect_answer_of(__func__, (c), (status), STR(body))

static inline void expect_waits(struct client *c)
{
    assert_false(client_is_cut(c));
    expect_int("an early answer", client_take_answer(c).status, 0);
}

/** @return the session that the last handshake has opened */
static inline struct peer *last_peer(struct world *w, str handshake)
{
    struct peer *p = &w->peers[w->n_peers - 1];
    static const char before[] = "0{\"sid\":\"";

    assert(handshake.ptr && str_starts(handshake, str_of(before)));
    str_copy(p->sid, (str){handshake.ptr + sizeof(before) - 1, RAND_NAME_SIZE - 1});
    return p;
}

static inline struct peer *open_polling(struct world *w)
{
    const struct answer a = client_take_answer(ask(w, &(struct request){.query = POLLING}));

    expect_int("handshake", a.status, 200);
    return last_peer(w, a.body);
}

/** A WebSocket whose 101 has come. */
static inline struct client *ask_websocket(struct world *w, const char *query)
{
    struct client *c = ask(w, &(struct request){.query = query, .fields = EIO_UPGRADE_FIELDS});

    expect_int(query, client_take_answer(c).status, 101);
    return c;
}

static inline struct peer *open_websocket_with(struct world *w, const char *query,
                                               struct client **out)
{
    struct server_frame f;

    *out = ask_websocket(w, query);
    assert_true(client_take_frame(*out, &f));
    return last_peer(w, f.payload);
}

static inline struct peer *open_websocket(struct world *w, struct client **out)
{
    return open_websocket_with(w, WEBSOCKET, out);
}

/** The WebSocket that shall take over from polling. */
static inline struct client *probe(struct peer *p)
{
    char query[QUERY_SIZE];
    return ask_websocket(p->world, query_of(p, WEBSOCKET, query));
}

static inline void tell(struct world *w, struct client *c, const char *text)
{
    client_send_frame(c, WS_TEXT, str_of(text));
    settle(w);
}

static inline void add_frame(struct buf *out, const struct server_frame *f)
{
    const uint8_t *p = (const uint8_t *)f->payload.ptr;
    char close[32] = "<close>";

    if (f->opcode != WS_CLOSE) {
        add_part(out, f->opcode == WS_BINARY, f->payload);
        return;
    }
    if (f->payload.len >= 2)
        snprintf(close, sizeof(close), "<close %d>", p[0] << 8 | p[1]);
    add_part(out, false, str_of(close));
}

/** The messages that have come on a WebSocket, joined by '|', binary ones in brackets. */
static inline str take_frames(struct world *w, struct client *c)
{
    struct server_frame f;

    buf_clear(&w->text);
    while (client_take_frame(c, &f))
        add_frame(&w->text, &f);
    return buf_str(&w->text);
}

static inline void expect_frames_of(const char *what, struct world *w, struct client *c,
                                    str want)
{
    expect_str(what, take_frames(w, c), want);
}

static inline void expect_heard_of(const char *what, const struct peer *p, str want)
{
    expect_str(what, buf_str(&p->heard), want);
}

// What fails is named by the test that calls.
#define expect_frames(w, c, want) expect_frames_of(__func__, (w), (c), STR(want))
#define expect_heard(p, want)     expect_heard_of(__func__, (p), STR(want))

static inline void expect_polling(const char *what, struct peer *p)
{
    expect_int(what, p->fate, STILL_OPEN);
    expect_answer_of(what, post(p, STR("6")), 200, STR("ok"));
}

/** Its sid means nothing any more. */
static inline void expect_forgotten(const char *what, struct peer *p)
{
    expect_answer_of(what, get(p), 400, STR(NO_SESSION));
}

static inline void expect_over(const char *what, struct peer *p, enum eio_reason reason)
{
    expect_int(what, p->fate, reason);
    expect_forgotten(what, p);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
