#include <stdlib.h>

#include "eio/session.h"
#include "support/eio_world.h"

// A script of a client: each step is a byte that says what, one that says how much or to
// whom, and the bytes it needs. The application echoes, floods and closes as the messages
// tell it.

#define SESSIONS_MAX 16
#define CLIENTS_MAX  8
#define MAX_PAYLOAD  300
#define QUEUED_MAX   20000 // bytes that a connection takes
#define FLOOD        20000 // empty packets that one message asks for

enum step {
    STEP_GET,
    STEP_POST,
    STEP_POST_HEAD, // the body comes later, as raw bytes
    STEP_HANDSHAKE,
    STEP_WEBSOCKET,
    STEP_PROBE,
    STEP_TEXT,
    STEP_BINARY,
    STEP_RAW,  // bytes as they are, on any connection
    STEP_LOSE, // a connection
    STEP_READ, // take what the server has written
    STEP_SETTLE,
    STEP_PASS,
    STEP_SHUT_DOWN,
    N_STEPS,
};

struct session {
    struct eio_session *eio;
    bool is_open;
    char sid[RAND_NAME_SIZE];
};

static struct fuzz {
    struct eio_world world;
    struct session sessions[SESSIONS_MAX];
    size_t n_sessions;
    struct client *clients[CLIENTS_MAX]; // the latest, in turn
    size_t n_clients;
    size_t n_open;
} fuzz;

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer names it
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// The application.

static void *on_open(void *arg, struct eio_session *s)
{
    struct session *session = &fuzz.sessions[fuzz.n_sessions++];

    (void)arg;
    assert(fuzz.n_sessions <= SESSIONS_MAX);
    *session = (struct session){.eio = s, .is_open = true};
    fuzz.n_open++;
    return session;
}

static void on_message(void *state, bool is_binary, char *bytes, size_t n)
{
    struct session *s = state;
    const str all = {bytes, n};

    assert(s->is_open && n <= MAX_PAYLOAD);
    if (!is_binary && str_starts(all, STR("flood"))) {
        for (int i = 0; i < FLOOD; i++)
            eio_send(s->eio, false, NULL, 0);
        return;
    }
    for (size_t times = is_binary ? 1 : n; times > 0; times--)
        eio_send(s->eio, is_binary, &all, 1); // a long text, many times
    if (!is_binary && str_starts(all, STR("x"))) {
        s->is_open = false;
        fuzz.n_open--;
        eio_close(s->eio);
    }
}

static void on_close(void *state, enum eio_reason reason)
{
    struct session *s = state;

    assert(s->is_open && reason != EIO_CLOSED_BY_APP);
    s->is_open = false;
    fuzz.n_open--;
}

static const struct eio_app app = {
    .on_open = on_open,
    .on_message = on_message,
    .on_close = on_close,
};

// The client.

static struct client *open_client(void)
{
    struct client *c = client_new(&fuzz.world);

    fuzz.clients[fuzz.n_clients++ % CLIENTS_MAX] = c;
    return c;
}

static struct client *client_at(uint8_t i)
{
    const size_t n = fuzz.n_clients < CLIENTS_MAX ? fuzz.n_clients : CLIENTS_MAX;
    return n > 0 ? fuzz.clients[i % n] : NULL;
}

/** The query of some session, in some words. */
static const char *query_for(uint8_t how, const char *transport)
{
    static char query[200];
    const char *sid = fuzz.n_sessions > 0 ? fuzz.sessions[how % fuzz.n_sessions].sid : "nobody";

    snprintf(query, sizeof(query), "EIO=4&transport=%s&sid=%s%s", transport, sid,
             how & 0x80 ? "&b64=1" : "");
    return query;
}

/** The sid of a handshake is in what the connection has got. */
static void learn_sid(const struct client *c)
{
    static const char before[] = "0{\"sid\":\"";
    const str out = buf_str(&c->stream.stream.out);
    const char *at = out.len > 0 ? memmem(out.ptr, out.len, before, strlen(before)) : NULL;

    if (at && fuzz.n_sessions > 0)
        memcpy(fuzz.sessions[fuzz.n_sessions - 1].sid, at + strlen(before), RAND_NAME_SIZE - 1);
}

static void open_session(bool is_websocket, uint8_t how)
{
    if (fuzz.n_sessions == SESSIONS_MAX)
        return;
    struct client *c = open_client();
    client_send(c, &(struct request){
                       .query = is_websocket ? (how & 0x80 ? "EIO=4&transport=websocket&b64=1"
                                                           : "EIO=4&transport=websocket")
                                             : "EIO=4&transport=polling",
                       .fields = is_websocket ? EIO_UPGRADE_FIELDS : NULL,
                   });
    learn_sid(c);
}

static void feed(struct client *c, str bytes)
{
    if (c && c->stream.is_reading)
        mem_stream_feed(&c->stream, bytes);
}

static void send_frame(struct client *c, enum ws_opcode opcode, str payload)
{
    if (c && c->stream.is_reading)
        client_send_frame(c, opcode, payload);
}

static void take_step(enum step step, uint8_t how, str bytes)
{
    struct client *c = client_at(how);

    switch (step) {
    case STEP_GET:
        client_send(open_client(), &(struct request){.query = query_for(how, "polling")});
        break;
    case STEP_POST:
        client_send(open_client(), &(struct request){.method = "POST",
                                                     .query = query_for(how, "polling"),
                                                     .body = bytes,
                                                     .has_body = true});
        break;
    case STEP_POST_HEAD:
        client_send(open_client(), &(struct request){.method = "POST",
                                                     .query = query_for(how, "polling"),
                                                     .fields = "Content-Length: 8\r\n",
                                                     .body = bytes});
        break;
    case STEP_HANDSHAKE: open_session(false, how); break;
    case STEP_WEBSOCKET: open_session(true, how); break;
    case STEP_PROBE:
        client_send(open_client(), &(struct request){.query = query_for(how, "websocket"),
                                                     .fields = EIO_UPGRADE_FIELDS});
        break;
    case STEP_TEXT: send_frame(c, WS_TEXT, bytes); break;
    case STEP_BINARY: send_frame(c, WS_BINARY, bytes); break;
    case STEP_RAW: feed(c, bytes); break;
    case STEP_LOSE:
        if (c)
            mem_stream_end(&c->stream, how & 0x80 ? STREAM_FIN : STREAM_LOST);
        break;
    case STEP_READ:
        if (c)
            mem_stream_take(&c->stream);
        break;
    case STEP_SETTLE: eio_world_settle(&fuzz.world); break;
    case STEP_PASS: eio_world_pass(&fuzz.world, how * INT64_C(200)); break;
    case STEP_SHUT_DOWN: eio_server_shut_down(fuzz.world.server); break;
    case N_STEPS: abort();
    }
}

/** What is kept for a client that does not poll is bounded. */
static void check_bounds(void)
{
    for (const struct session *s = fuzz.sessions; s < fuzz.sessions + fuzz.n_sessions; s++) {
        assert(!s->is_open || !s->eio->polling ||
               s->eio->polling->queued_bytes <= EIO_QUEUE_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str in = {(const char *)data, size};

    fuzz = (struct fuzz){0};
    eio_world_init(&fuzz.world, 1);
    fuzz.world.max_queued = QUEUED_MAX;
    struct eio_config config = eio_world_config(&fuzz.world);
    config.max_payload = MAX_PAYLOAD;
    eio_world_serve(&fuzz.world, &config, &app, NULL);
    bool is_shut_down = false;
    while (in.len >= 3) {
        const uint8_t *head = (const uint8_t *)str_take(&in, 3).ptr;
        const enum step step = (enum step)(head[0] % N_STEPS);
        const size_t n = head[2] < in.len ? head[2] : in.len;
        is_shut_down |= step == STEP_SHUT_DOWN;
        if (is_shut_down && (step == STEP_HANDSHAKE || step == STEP_WEBSOCKET))
            continue; // the listener is closed by now
        take_step(step, head[1], str_take(&in, n));
        check_bounds();
    }
    // Every way to end must leave nothing behind: no session open, no timer, no memory.
    eio_world_fini(&fuzz.world);
    assert(fuzz.n_open == 0);
    for (size_t i = 0; i < fuzz.n_sessions; i++)
        assert(!fuzz.sessions[i].is_open);
    return 0;
}
