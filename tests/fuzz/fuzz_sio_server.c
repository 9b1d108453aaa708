#include <stdlib.h>

#include "sio/server.h"
#include "support/eio_world.h"

// Engine messages of one client: each is a byte that says what it is, one with its length,
// and its bytes. What the application does with an event, its name says.

#define SOCKETS_MAX    SIO_NAMESPACES_MAX
#define CONNECT_MS     1000
#define PING_MS        100000000 // of no interest here
#define ATTACHMENT_MAX 255       // bytes, by the format of the input

enum kind {
    KIND_TEXT,
    KIND_BINARY,
    KIND_SETTLE,
    KIND_ACCEPT, // what was left undecided
    KIND_REFUSE,
    KIND_PASS,
    N_KINDS,
};

struct told {
    struct sio_socket *socket; // NULL: over
    bool is_connecting;
};

static struct fuzz {
    struct eio_world world;
    struct sio_server *server;
    struct client *client;
    struct told told[SOCKETS_MAX];
    bool is_over; // the application has closed it all
} fuzz;

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer names it
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// The application.

static struct told *find(const struct sio_socket *s)
{
    for (struct told *t = fuzz.told; t < fuzz.told + COUNT_OF(fuzz.told); t++) {
        if (t->socket == s)
            return t;
    }
    return NULL;
}

static void accept_one(struct told *t)
{
    t->is_connecting = false;
    sio_accept(t->socket);
}

static void refuse_one(struct told *t)
{
    sio_refuse(STEAL(t->socket), STR("no \"entry\""), STR("{}"));
}

static void on_connect(void *arg, struct sio_socket *s, const struct json *auth, str auth_text)
{
    struct told *t = find(NULL);

    (void)arg, (void)auth_text;
    assert(t && !find(s) && !fuzz.is_over);
    *t = (struct told){s, true};
    if (json_member(auth, "later"))
        return;
    if (json_member(auth, "no")) {
        refuse_one(t);
    } else {
        accept_one(t);
    }
}

static struct told *check_event(const struct sio_socket *s, const struct sio_event *e)
{
    struct told *t = find(s);

    assert(t && !t->is_connecting && !fuzz.is_over);
    assert(json_kind(e->data) == JSON_KIND_ARRAY && e->ack_id >= -1);
    assert(e->n_attachments <= SIO_ATTACHMENTS_MAX);
    for (size_t i = 0; i < e->n_attachments; i++)
        assert(e->attachments[i].ptr && e->attachments[i].len <= ATTACHMENT_MAX);
    return t;
}

static struct sio_message echo_of(const struct sio_event *e)
{
    return (struct sio_message){e->text, e->attachments, e->n_attachments};
}

static void on_event(void *arg, struct sio_socket *s, const struct sio_event *e)
{
    const struct sio_message echo = echo_of(e);
    struct told *t = check_event(s, e);

    (void)arg;
    assert(e->name.len > 0 || json_kind(json_item(e->data, 0)) == JSON_KIND_STR);
    if (str_eq(e->name, STR("kick"))) {
        t->socket = NULL;
        sio_disconnect(s);
    } else if (str_eq(e->name, STR("close"))) {
        t->socket = NULL;
        sio_close(s);
        fuzz.is_over = true;
    } else if (e->ack_id >= 0) {
        sio_ack(s, e->ack_id, &echo);
    } else {
        sio_emit(s, &echo);
        const int64_t id = sio_emit_with_ack(s, &echo);
        assert(id >= 0 && id <= INT32_MAX);
    }
}

static void on_ack(void *arg, struct sio_socket *s, const struct sio_event *e)
{
    (void)arg;
    check_event(s, e);
    assert(e->ack_id >= 0);
}

static void on_disconnect(void *arg, struct sio_socket *s, enum sio_reason reason)
{
    struct told *t = find(s);

    (void)arg, (void)reason;
    assert(t); // known, and not told before
    t->socket = NULL;
}

static const struct sio_app app = {
    .on_connect = on_connect,
    .on_event = on_event,
    .on_ack = on_ack,
    .on_disconnect = on_disconnect,
};

// The client.

static void decide(bool is_welcome)
{
    for (struct told *t = fuzz.told; t < fuzz.told + COUNT_OF(fuzz.told); t++) {
        if (t->socket && t->is_connecting)
            is_welcome ? accept_one(t) : refuse_one(t);
    }
}

static void send_text(str packet)
{
    char text[ATTACHMENT_MAX + 1] = "4";

    str_copy(text + 1, packet);
    client_send_frame(fuzz.client, WS_TEXT, (str){text, packet.len + 1});
}

static void take_step(enum kind kind, str bytes)
{
    switch (kind) {
    case KIND_TEXT: send_text(bytes); break;
    case KIND_BINARY: client_send_frame(fuzz.client, WS_BINARY, bytes); break;
    case KIND_SETTLE: eio_world_settle(&fuzz.world); break;
    case KIND_ACCEPT: decide(true); break;
    case KIND_REFUSE: decide(false); break;
    case KIND_PASS: eio_world_pass(&fuzz.world, (int64_t)bytes.len * 10); break;
    case N_KINDS: abort();
    }
}

static void open_client(void)
{
    fuzz.client = client_new(&fuzz.world);
    client_send(fuzz.client, &(struct request){.query = "EIO=4&transport=websocket",
                                               .fields = EIO_UPGRADE_FIELDS});
    eio_world_settle(&fuzz.world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str in = {(const char *)data, size};

    fuzz = (struct fuzz){0};
    eio_world_init(&fuzz.world, 1);
    const struct sio_config config = {
        .timers = &fuzz.world.timers,
        .later = &fuzz.world.later,
        .rand = &fuzz.world.seeded.rand,
        .connect_timeout_ms = CONNECT_MS,
        .max_attachments = SIO_ATTACHMENTS_MAX,
    };
    struct eio_config eio = eio_world_config(&fuzz.world);
    eio.ping_interval_ms = PING_MS;
    fuzz.server = sio_server_new(&config, &app, NULL);
    eio_world_serve(&fuzz.world, &eio, &sio_eio_app, fuzz.server);
    open_client();
    while (in.len >= 2) {
        const uint8_t *head = (const uint8_t *)str_take(&in, 2).ptr;
        const size_t n = head[1] < in.len ? head[1] : in.len;
        take_step((enum kind)(head[0] % N_KINDS), str_take(&in, n));
        mem_stream_take(&fuzz.client->stream);
    }
    eio_world_fini(&fuzz.world);
    sio_server_free(fuzz.server);
    for (size_t i = 0; i < COUNT_OF(fuzz.told); i++)
        assert(!fuzz.told[i].socket); // told, once
    return 0;
}
