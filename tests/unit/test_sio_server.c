#include "sio/server.h"
#include "support/eio_world.h"
#include "support/t.h"

#define CONNECT_MS 45000

/** Socket.IO over a WebSocket, and an application that writes down what it is told. */
struct world {
    struct eio_world eio;
    struct eio_config eio_config;
    struct sio_config config;
    struct sio_server *server;
    struct client *client;
    struct buf log;  // what the application was told, joined by '|'
    struct buf text; // of expect_frames()
    void (*in_connect)(struct world *w, struct sio_socket *s); // NULL: accept
    void (*in_event)(struct world *w, struct sio_socket *s, const struct sio_event *e);
    void (*in_disconnect)(struct world *w, struct sio_socket *s);
    struct sio_socket *sockets[SIO_NAMESPACES_MAX + 1]; // in the order of their CONNECTs
    size_t n_sockets;
};

// The application.

static void note(struct world *w, const char *what, str namespace, str text)
{
    const int r = buf_addf(&w->log, "%s%s " STR_FMT "%s" STR_FMT, w->log.len > 0 ? "|" : "",
                           what, STR_ARG(namespace), text.len > 0 ? " " : "", STR_ARG(text));
    assert_int_equal(r, 0);
}

static void on_connect(void *arg, struct sio_socket *s, const struct json *auth, str auth_text)
{
    struct world *w = arg;

    assert_null(sio_state(s));
    sio_set_state(s, w);
    assert_non_null(sio_log(s));
    assert_true(auth || str_eq(auth_text, STR("{}")));
    assert_true(w->n_sockets < COUNT_OF(w->sockets));
    w->sockets[w->n_sockets++] = s;
    note(w, "connect", sio_namespace(s), auth_text);
    if (w->in_connect) {
        w->in_connect(w, s);
    } else {
        sio_accept(s);
    }
}

static void note_event(struct world *w, const char *what, struct sio_socket *s,
                       const struct sio_event *e)
{
    char id[32] = "";

    assert_ptr_equal(sio_state(s), w);
    assert_int_equal(json_kind(e->data), JSON_KIND_ARRAY);
    if (e->ack_id >= 0)
        snprintf(id, sizeof(id), "#%lld", (long long)e->ack_id);
    note(w, what, sio_namespace(s), e->text);
    int r = buf_addf(&w->log, "%s", id);
    for (size_t i = 0; i < e->n_attachments; i++)
        r |= buf_addf(&w->log, "<" STR_FMT ">", STR_ARG(e->attachments[i]));
    assert_int_equal(r, 0);
}

static void on_event(void *arg, struct sio_socket *s, const struct sio_event *e)
{
    struct world *w = arg;

    const struct json *name = json_item(e->data, 0);
    if (json_kind(name) == JSON_KIND_STR)
        expect_str("name", e->name, json_text(name));
    note_event(w, "event", s, e);
    if (w->in_event)
        w->in_event(w, s, e);
}

static void on_ack(void *arg, struct sio_socket *s, const struct sio_event *e)
{
    expect_str("name of an ack", e->name, STR(""));
    note_event(arg, "ack", s, e);
}

static void on_disconnect(void *arg, struct sio_socket *s, enum sio_reason reason)
{
    struct world *w = arg;

    assert_ptr_equal(sio_state(s), w);
    sio_set_state(s, NULL); // told twice, the above fails
    note(w, reason == SIO_CLIENT_LEFT ? "left" : "lost", sio_namespace(s), (str){0});
    if (w->in_disconnect)
        w->in_disconnect(w, s);
}

static const struct sio_app app = {
    .on_connect = on_connect,
    .on_event = on_event,
    .on_ack = on_ack,
    .on_disconnect = on_disconnect,
};

// What the application may do in its callbacks.

static void decide_later(struct world *w, struct sio_socket *s)
{
    (void)w, (void)s;
}

static void refuse(struct world *w, struct sio_socket *s)
{
    (void)w;
    sio_refuse(s, STR("no"), (str){0});
}

static void refuse_with_data(struct world *w, struct sio_socket *s)
{
    (void)w;
    sio_refuse(s, STR("say \"please\""), STR("{\"code\":7}"));
}

static void disconnect(struct world *w, struct sio_socket *s)
{
    (void)w;
    sio_disconnect(s);
}

static void close_all(struct world *w, struct sio_socket *s)
{
    (void)w;
    sio_close(s);
}

static void disconnect_in_event(struct world *w, struct sio_socket *s,
                                const struct sio_event *e)
{
    (void)w, (void)e;
    sio_disconnect(s);
}

static void close_in_event(struct world *w, struct sio_socket *s, const struct sio_event *e)
{
    (void)w, (void)e;
    sio_close(s);
}

static void acknowledge(struct world *w, struct sio_socket *s, const struct sio_event *e)
{
    (void)w;
    sio_ack(s, e->ack_id,
            &(struct sio_message){.json = STR("[\"done\"]"),
                                  .attachments = e->attachments,
                                  .n_attachments = e->n_attachments});
}

static void emit(struct sio_socket *s, str json)
{
    sio_emit(s, &(struct sio_message){.json = json});
}

// The world.

static int setup(void **state)
{
    struct world *w = NEW(struct world);

    eio_world_init(&w->eio, 1);
    w->eio_config = eio_world_config(&w->eio);
    w->eio_config.ping_interval_ms = 3600000; // of no interest here
    w->config = (struct sio_config){
        .timers = &w->eio.timers,
        .later = &w->eio.later,
        .rand = &w->eio.seeded.rand,
        .connect_timeout_ms = CONNECT_MS,
        .max_attachments = SIO_ATTACHMENTS_MAX,
    };
    buf_init(&w->log, SIZE_MAX / 2);
    buf_init(&w->text, SIZE_MAX / 2);
    *state = w;
    return 0;
}

static void settle(struct world *w)
{
    eio_world_settle(&w->eio);
}

/** A client that has come, and has not joined anything. */
static void open_client(struct world *w)
{
    struct server_frame f;

    w->client = client_new(&w->eio);
    client_send(w->client, &(struct request){.query = "EIO=4&transport=websocket",
                                             .fields = EIO_UPGRADE_FIELDS});
    settle(w);
    expect_int("upgrade", client_take_answer(w->client).status, 101);
    assert_true(client_take_frame(w->client, &f));
}

/** Start the server, with what the test has changed in w->config, and the client. */
static struct world *serve(void **state)
{
    struct world *w = *state;

    w->server = sio_server_new(&w->config, &app, w);
    eio_world_serve(&w->eio, &w->eio_config, &sio_eio_app, w->server);
    open_client(w);
    return w;
}

/** Whatever is left must be freed by now, or ASan says so. */
static int teardown(void **state)
{
    struct world *w = *state;

    eio_world_fini(&w->eio);
    sio_server_free(w->server);
    buf_fini(&w->log);
    buf_fini(&w->text);
    free(w);
    return 0;
}

// The client.

/** A Socket.IO packet, or what claims to be one, in an Engine.IO message. */
static void tell_bytes(struct world *w, str packet)
{
    char *text = mem_alloc(packet.len + 1);

    text[0] = '4';
    str_copy(text + 1, packet);
    client_send_frame(w->client, WS_TEXT, (str){text, packet.len + 1});
    free(text);
}

static void tell(struct world *w, const char *packet)
{
    tell_bytes(w, str_of(packet));
    settle(w);
}

static void attach(struct world *w, str bytes)
{
    client_send_frame(w->client, WS_BINARY, bytes);
    settle(w);
}

/** A packet of n bytes that means nothing: an event with an id and without a payload. */
static void tell_ignored(struct world *w, size_t n)
{
    char *packet = mem_alloc(n);

    memset(packet, '0', n);
    packet[0] = '2';
    tell_bytes(w, (str){packet, n});
    settle(w);
    free(packet);
}

static void add_frame(struct buf *out, const struct server_frame *f)
{
    const bool is_close = f->opcode == WS_CLOSE;
    const bool is_binary = f->opcode == WS_BINARY;
    str text = is_close ? STR("4<close>") : f->payload;
    const char *sid = memmem(text.ptr, text.len, "{\"sid\":\"", 8);

    if (sid) { // nobody can know it before
        assert_int_equal(text.ptr + text.len - sid, 8 + RAND_NAME_SIZE - 1 + 2);
        text.len = (size_t)(sid - text.ptr);
    }
    if (!is_binary)
        expect_str("type", str_take(&text, 1), STR("4"));
    const int r =
        buf_addf(out, "%s%s" STR_FMT "%s%s", out->len > 0 ? "|" : "", is_binary ? "[" : "",
                 STR_ARG(text), is_binary ? "]" : "", sid ? "{sid}" : "");
    assert_int_equal(r, 0);
}

/** What has come from the server, joined by '|', binary messages in brackets. */
static str take_frames(struct world *w)
{
    struct server_frame f;

    settle(w);
    buf_clear(&w->text);
    while (client_take_frame(w->client, &f))
        add_frame(&w->text, &f);
    return buf_str(&w->text);
}

static str take_log(struct world *w)
{
    const str all = buf_str(&w->log);

    buf_clear(&w->log);
    return all;
}

static void expect_frames_of(const char *what, struct world *w, str want)
{
    expect_str(what, take_frames(w), want);
}

static void expect_log_of(const char *what, struct world *w, str want)
{
    expect_str(what, take_log(w), want);
}

// What fails is named by the test that calls.
#define expect_frames(w, want) expect_frames_of(__func__, (w), STR(want))
#define expect_log(w, want)    expect_log_of(__func__, (w), STR(want))

/** Join namespaces, "/" as the empty string; forget what was said about it. */
static void join(struct world *w, const char *namespace)
{
    char packet[SIO_NAMESPACE_MAX + 4];

    snprintf(packet, sizeof(packet), "0%s", namespace);
    tell(w, packet);
    buf_clear(&w->log);
    const str frames = take_frames(w);
    assert(frames.len >= 5);
    assert_true(str_starts((str){frames.ptr + frames.len - 5, 5}, STR("{sid}")));
}

static struct sio_socket *last(const struct world *w)
{
    assert_true(w->n_sockets > 0);
    return w->sockets[w->n_sockets - 1];
}

// Joining.

static void a_connect_is_answered_with_a_public_name(void **state)
{
    struct world *w = serve(state);
    struct server_frame f;
    char want[64];

    tell(w, "0{\"token\":\"x\"}");
    expect_log(w, "connect / {\"token\":\"x\"}");
    assert_true(client_take_frame(w->client, &f));
    snprintf(want, sizeof(want), "40{\"sid\":\"%.20s\"}", sio_sid(last(w)).ptr);
    expect_str("answer", f.payload, str_of(want));
    expect_int("sid", sio_sid(last(w)).len, RAND_NAME_SIZE - 1);

    tell(w, "0/admin,");
    expect_log(w, "connect /admin {}");
    expect_str("namespace", sio_namespace(last(w)), STR("/admin"));
    expect_frames(w, "0/admin,{sid}");
    assert_false(str_eq(sio_sid(w->sockets[0]), sio_sid(w->sockets[1])));
}

static void a_refusal_says_why_and_harms_nothing_else(void **state)
{
    struct world *w = serve(state);

    join(w, "");
    w->in_connect = refuse;
    tell(w, "0/a");
    expect_frames(w, "4/a,{\"message\":\"no\"}");
    w->in_connect = refuse_with_data;
    tell(w, "0/a,{}");
    expect_frames(w, "4/a,{\"message\":\"say \\\"please\\\"\",\"data\":{\"code\":7}}");
    w->in_connect = NULL;
    tell(w, "0/a"); // a further one may follow
    expect_frames(w, "0/a,{sid}");
    expect_log(w, "connect /a {}|connect /a {}|connect /a {}");
    tell(w, "2[\"x\"]");
    tell(w, "2/a,[\"y\"]");
    expect_log(w, "event / [\"x\"]|event /a [\"y\"]");
}

static void what_follows_a_connect_waits_for_the_decision(void **state)
{
    struct world *w = serve(state);

    w->in_connect = decide_later;
    w->in_event = acknowledge;
    tell(w, "0");
    tell(w, "21[\"a\"]");
    tell(w, "52-2[\"b\",{\"_placeholder\":true,\"num\":0}]");
    attach(w, STR("one"));
    attach(w, STR(""));
    tell(w, "0/b");
    tell(w, "2/b,3[\"c\"]");
    expect_log(w, "connect / {}");
    expect_frames(w, "");

    sio_accept(w->sockets[0]);
    expect_log(w, ""); // not from inside the call
    settle(w);
    expect_log(w,
               "event / [\"a\"]#1|"
               "event / [\"b\",{\"_placeholder\":true,\"num\":0}]#2<one><>|connect /b {}");
    expect_frames(w, "0{sid}|31[\"done\"]|62-2[\"done\"]|[one]|[]");
    tell(w, "24[\"d\"]"); // waits too: what is before it does
    expect_log(w, "");
    sio_accept(w->sockets[1]);
    settle(w);
    expect_log(w, "event /b [\"c\"]#3|event / [\"d\"]#4");
    expect_frames(w, "0/b,{sid}|3/b,3[\"done\"]|34[\"done\"]");
    tell(w, "2[\"e\"]"); // and now nothing waits
    expect_log(w, "event / [\"e\"]");
}

static void accept_with_next(struct world *w, struct sio_socket *s)
{
    (void)w;
    sio_accept_with_next(s);
}

static void emit_one(struct world *w)
{
    emit(w->sockets[0], STR("[\"x\"]"));
}

static void say_so_now(struct world *w)
{
    sio_accept_alone(w->sockets[0]);
    sio_accept_alone(w->sockets[0]); // harmless
}

static void wait_a_while(struct world *w)
{
    eio_world_pass(&w->eio, SIO_ACCEPT_ALONE_MS - 1);
    expect_frames(w, "");
    eio_world_pass(&w->eio, 1);
}

static void send_event(struct world *w)
{
    tell(w, "27[\"a\"]");
}

static void join_another(struct world *w)
{
    tell(w, "0/b");
    emit(w->sockets[1], STR("[\"y\"]"));
}

static void send_away(struct world *w)
{
    sio_disconnect(w->sockets[0]);
}

static void close_it(struct world *w)
{
    sio_close(w->sockets[0]);
}

static void drop_it(struct world *w)
{
    sio_drop(w->sockets[0]);
}

static void lose_it(struct world *w)
{
    client_lose(&w->eio, w->client);
}

static void an_acceptance_may_go_with_what_is_sent_next(void **state)
{
    static const struct {
        const char *name;
        void (*what)(struct world *w);
        const char *frames;
    } rows[] = {
        {"an event", emit_one, "0{sid}|2[\"x\"]"},
        {"nothing to come", say_so_now, "0{sid}"},
        {"nothing comes", wait_a_while, "0{sid}"},
        {"the client asks", send_event, "0{sid}|37[\"done\"]"},
        {"it joins another", join_another, "0{sid}|0/b,{sid}|2/b,[\"y\"]"},
        {"it is sent away", send_away, "0{sid}|1"},
        {"it is closed", close_it, "0{sid}|1|<close>"},
        {"it is dropped", drop_it, "<close>"},
        {"it is lost", lose_it, ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        void *own;
        setup(&own);
        struct world *w = serve(&own);
        w->in_connect = accept_with_next;
        w->in_event = acknowledge;
        tell(w, "0");
        expect_frames(w, "");
        rows[i].what(w);
        settle(w);
        expect_str(rows[i].name, take_frames(w), str_of(rows[i].frames));
        eio_world_pass(&w->eio, CONNECT_MS);
        expect_str(rows[i].name, take_frames(w), STR("")); // it is told once
        teardown(&own);
    }
}

static void acceptances_go_in_their_order(void **state)
{
    struct world *w = serve(state);

    w->in_connect = decide_later;
    tell(w, "0");
    tell(w, "0/b");
    sio_accept_with_next(w->sockets[0]);
    settle(w); // the second one has waited for the first
    sio_accept_with_next(w->sockets[1]);
    emit(w->sockets[1], STR("[\"y\"]"));
    emit(w->sockets[0], STR("[\"x\"]"));
    expect_frames(w, "0{sid}|0/b,{sid}|2/b,[\"y\"]|2[\"x\"]");
}

static void what_waits_is_handled_before_what_comes(void **state)
{
    struct world *w = serve(state);

    w->in_connect = decide_later;
    tell(w, "0");
    tell(w, "2[1]");
    sio_accept(w->sockets[0]);
    tell_bytes(w, STR("2[2]")); // in the same turn
    settle(w);
    expect_log(w, "connect / {}|event / [1]|event / [2]");
}

static void what_waited_for_a_refusal_breaks_the_protocol(void **state)
{
    struct world *w = serve(state);

    w->in_connect = decide_later;
    tell(w, "0");
    tell(w, "2[1]");
    tell(w, "2[2]");
    sio_refuse(w->sockets[0], STR("no"), (str){0});
    expect_frames(w, "4{\"message\":\"no\"}|<close>");
    expect_log(w, "connect / {}");
}

static void the_client_may_go_while_it_waits(void **state)
{
    struct world *w = serve(state);

    w->in_connect = decide_later;
    tell(w, "0");
    tell(w, "2[1]");
    client_lose(&w->eio, w->client);
    expect_log(w, "connect / {}|lost /");
}

static void note_acceptance(struct world *w, struct sio_socket *s)
{
    note(w, sio_is_accepted(s) ? "was in" : "was not", sio_namespace(s), (str){0});
}

static void the_application_knows_whom_it_had_accepted(void **state)
{
    struct world *w = serve(state);

    join(w, "");
    assert_true(sio_is_accepted(w->sockets[0]));
    w->in_connect = decide_later;
    w->in_disconnect = note_acceptance;
    tell(w, "0/b");
    assert_false(sio_is_accepted(last(w)));
    client_lose(&w->eio, w->client);
    expect_log(w, "connect /b {}|lost /|was in /|lost /b|was not /b");
}

static void the_application_may_end_what_it_has_not_accepted(void **state)
{
    struct world *w = serve(state);

    join(w, "");
    w->in_connect = disconnect;
    tell(w, "0/a");
    tell(w, "2/a,[\"crosses\"]");
    tell(w, "2[\"goes on\"]");
    expect_frames(w, "1/a,");
    expect_log(w, "connect /a {}|event / [\"goes on\"]");

    w->in_connect = decide_later;
    tell(w, "0/b");
    tell(w, "2[\"waits\"]");
    sio_disconnect(last(w));
    settle(w);
    expect_log(w, "connect /b {}|event / [\"waits\"]");

    w->in_connect = close_all;
    tell(w, "0/c");
    expect_log(w, "connect /c {}|lost /");
    expect_frames(w, "1/b,|1|<close>");
}

static void so_much_may_wait(void **state)
{
    static const struct {
        const char *name;
        size_t n_empty;
        size_t n;
        bool is_kept;
    } rows[] = {
        {"the largest", 0, SIO_WAITING_MAX - SIO_WAITING_COST, true},
        {"one byte more", 0, SIO_WAITING_MAX - SIO_WAITING_COST + 1, false},
        {"with others", 2, SIO_WAITING_MAX - 3 * SIO_WAITING_COST, true},
        {"with others, one byte more", 2, SIO_WAITING_MAX - 3 * SIO_WAITING_COST + 1, false},
        {"empty ones", SIO_WAITING_MAX / SIO_WAITING_COST, 0, true},
        {"one more", SIO_WAITING_MAX / SIO_WAITING_COST + 1, 0, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        void *own;
        setup(&own);
        struct world *w = serve(&own);
        tell(w, "0/a"); // who has joined may send more than SIO_UNJOINED_MAX
        take_frames(w);
        take_log(w);
        w->in_connect = decide_later;
        tell(w, "0");
        for (size_t k = 0; k < rows[i].n_empty; k++)
            attach(w, STR(""));
        if (rows[i].n > 0)
            tell_ignored(w, rows[i].n);
        expect_str(rows[i].name, take_frames(w), rows[i].is_kept ? STR("") : STR("<close>"));
        expect_str(rows[i].name, take_log(w),
                   rows[i].is_kept ? STR("connect / {}") : STR("connect / {}|lost /a|lost /"));
        teardown(&own);
    }
}

/** What was handled makes room again. */
static void so_much_may_wait_each_time(void **state)
{
    static const char *const connects[] = {"0", "0/a", "0/b"};
    struct world *w = serve(state);

    tell(w, "0/z"); // who has joined may send more than SIO_UNJOINED_MAX
    take_frames(w);
    w->in_connect = decide_later;
    for (size_t i = 0; i < COUNT_OF(connects); i++) {
        tell(w, connects[i]);
        tell_ignored(w, SIO_WAITING_MAX - SIO_WAITING_COST);
        sio_accept(last(w));
        settle(w);
    }
    expect_frames(w, "0{sid}|0/a,{sid}|0/b,{sid}");
}

/** A client that joins nothing may not make us parse for ever. */
static void so_much_may_come_before_the_first_namespace(void **state)
{
    struct world *w = serve(state);

    w->in_connect = refuse;
    tell_ignored(w, SIO_UNJOINED_MAX - 1);
    tell(w, "0");
    expect_frames(w, "4{\"message\":\"no\"}");
    tell(w, "2");
    expect_frames(w, "<close>");

    open_client(w);
    tell_ignored(w, SIO_UNJOINED_MAX + 1);
    expect_frames(w, "<close>");

    open_client(w);
    w->in_connect = NULL;
    tell(w, "0");
    tell_ignored(w, SIO_UNJOINED_MAX + 1);
    tell(w, "1");
    tell_ignored(w, SIO_UNJOINED_MAX + 1); // it has joined, once
    expect_frames(w, "0{sid}");
}

static void the_first_namespace_has_to_be_joined_in_time(void **state)
{
    static const struct {
        const char *name;
        void (*in_connect)(struct world *w, struct sio_socket *s);
        const char *packets[2];
        bool is_kept;
    } rows[] = {
        {"silence", NULL, {NULL, NULL}, false},
        {"refused", refuse, {"0", NULL}, false},
        {"not decided", decide_later, {"0", NULL}, false},
        {"joined", NULL, {"0", NULL}, true},
        {"joined and left", NULL, {"0/a", "1/a"}, true},
        {"joined and sent away", NULL, {"0", "2[\"x\"]"}, true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        void *own;
        setup(&own);
        struct world *w = serve(&own);
        w->in_connect = rows[i].in_connect;
        w->in_event = disconnect_in_event;
        for (size_t k = 0; k < COUNT_OF(rows[i].packets) && rows[i].packets[k]; k++)
            tell(w, rows[i].packets[k]);
        eio_world_pass(&w->eio, CONNECT_MS - 1);
        take_frames(w);
        expect_int(rows[i].name, timers_next_ms(&w->eio.timers) == w->eio.timers.now_ms + 1,
                   !rows[i].is_kept);
        eio_world_pass(&w->eio, 1);
        expect_str(rows[i].name, take_frames(w), rows[i].is_kept ? STR("") : STR("<close>"));
        teardown(&own);
    }
}

static void a_connection_has_so_many_namespaces(void **state)
{
    struct world *w = serve(state);
    char packet[16];

    for (int i = 0; i < SIO_NAMESPACES_MAX; i++) {
        snprintf(packet, sizeof(packet), "0/%d", i);
        tell(w, packet);
        expect_int(packet, w->n_sockets, i + 1);
    }
    take_frames(w);
    tell(w, "0/more");
    expect_frames(w, "4/more,{\"message\":\"Too many namespaces\"}");
    sio_disconnect(w->sockets[3]); // takes its place all the same
    tell(w, "0/more");
    expect_frames(w, "1/3,|4/more,{\"message\":\"Too many namespaces\"}");
    tell(w, "1/4"); // this one does not
    tell(w, "0/more");
    expect_frames(w, "0/more,{sid}");
    assert_int_equal(w->n_sockets, SIO_NAMESPACES_MAX + 1);
}

// What breaks the protocol ends the connection, with all namespaces.

static void what_breaks_the_protocol_closes_the_connection(void **state)
{
    // clang-format off
    static const struct {
        const char *name;
        const char *packets[3];
        const char *log;
    } rows[] = {
        {"event before a connect",       {"2[\"x\"]"},                          ""},
        {"ack before a connect",         {"31[]"},                              ""},
        {"disconnect before a connect",  {"1"},                                 ""},
        {"connected twice",              {"0", "0"},                            "connect / {}|lost /"},
        {"connected twice, elsewhere",   {"0/a", "0/b", "0/a,{}"},              "connect /a {}|connect /b {}|lost /a|lost /b"},
        {"event for another",            {"0", "2/a,[\"x\"]"},                  "connect / {}|lost /"},
        {"event after leaving",          {"0", "1", "2[\"x\"]"},                "connect / {}|left /"},
        {"disconnect after leaving",     {"0", "1", "1"},                       "connect / {}|left /"},
        {"connect with an array",        {"0[]"},                               ""},
        {"event without a name",         {"0", "2[]"},                          "connect / {}|lost /"},
        {"event with a reserved name",   {"0", "2[\"disconnect\"]"},            "connect / {}|lost /"},
        {"connect error",                {"0", "4{}"},                          "connect / {}|lost /"},
        {"nothing",                      {"0", ""},                             "connect / {}|lost /"},
        {"unknown type",                 {"0", "7"},                            "connect / {}|lost /"},
        {"bad JSON",                     {"0", "2[\"x\""},                      "connect / {}|lost /"},
        {"binary without a count",       {"0", "5[\"x\"]"},                     "connect / {}|lost /"},
        {"no attachments",               {"0", "50-[\"x\"]"},                   "connect / {}|lost /"},
        {"eleven attachments",           {"0", "511-[\"x\"]"},                  "connect / {}|lost /"},
        {"placeholder out of range",     {"0", "51-[\"x\",{\"_placeholder\":true,\"num\":1}]"}, "connect / {}|lost /"},
        {"binary event without payload", {"0", "51-"},                          "connect / {}|lost /"},
        {"text before the attachment",   {"0", "51-[\"x\"]", "2[\"y\"]"},       "connect / {}|lost /"},
        {"connect before the attachment", {"0", "51-[\"x\"]", "0/a"},           "connect / {}|lost /"},
    };
    // clang-format on

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        void *own;
        setup(&own);
        struct world *w = serve(&own);
        for (size_t k = 0; k < COUNT_OF(rows[i].packets) && rows[i].packets[k]; k++) {
            expect_int(rows[i].name, w->client->stream.is_closed, false);
            take_frames(w);
            tell(w, rows[i].packets[k]);
        }
        expect_str(rows[i].name, take_frames(w), STR("<close>"));
        expect_str(rows[i].name, take_log(w), str_of(rows[i].log));
        teardown(&own);
    }
}

static void a_binary_message_of_nothing_closes_the_connection(void **state)
{
    struct world *w = serve(state);

    attach(w, STR("x"));
    expect_frames(w, "<close>");
    open_client(w);
    join(w, "");
    attach(w, STR("x"));
    expect_frames(w, "<close>");
    expect_log(w, "lost /");
}

static void what_means_nothing_is_ignored(void **state)
{
    struct world *w = serve(state);

    tell(w, "2"); // also where nothing is joined
    join(w, "");
    tell(w, "2");
    tell(w, "21");
    tell(w, "3[]");
    tell(w, "31");
    tell(w, "2[\"still here\"]");
    expect_frames(w, "");
    expect_log(w, "event / [\"still here\"]");
}

// Leaving.

static void a_client_leaves_a_namespace_and_may_return(void **state)
{
    struct world *w = serve(state);

    join(w, "");
    join(w, "/a");
    tell(w, "1/a");
    expect_frames(w, ""); // nothing answers it
    expect_log(w, "left /a");
    tell(w, "2[\"x\"]");
    tell(w, "0/a");
    tell(w, "2/a,[\"y\"]");
    expect_log(w, "event / [\"x\"]|connect /a {}|event /a [\"y\"]");
    expect_frames(w, "0/a,{sid}");
    client_lose(&w->eio, w->client);
    expect_log(w, "lost /|lost /a");
}

static void what_crosses_our_disconnect_is_ignored(void **state)
{
    struct world *w = serve(state);

    join(w, "");
    join(w, "/a");
    tell(w, "52-/a,[\"x\"]"); // half of it is here
    attach(w, STR("1"));
    sio_disconnect(w->sockets[1]);
    expect_frames(w, "1/a,");
    attach(w, STR("2"));
    tell(w, "2/a,[\"x\"]");
    tell(w, "3/a,1[]");
    tell(w, "61-/a,1[]");
    attach(w, STR("3"));
    tell(w, "1/a");
    tell(w, "2/a,[\"again\"]");
    expect_log(w, "");
    expect_frames(w, "");

    // What the application does with it now is ignored as well.
    emit(w->sockets[1], STR("[\"late\"]"));
    sio_emit_volatile(w->sockets[1], &(struct sio_message){.json = STR("[\"late\"]")});
    sio_ack(w->sockets[1], 1, &(struct sio_message){.json = STR("[]")});
    assert_int_equal(
        sio_emit_with_ack(w->sockets[1], &(struct sio_message){.json = STR("[\"late\"]")}), -1);
    sio_disconnect(w->sockets[1]);
    sio_close(w->sockets[1]);
    expect_frames(w, "");

    tell(w, "0/a");
    tell(w, "2/a,[\"back\"]");
    expect_frames(w, "0/a,{sid}");
    expect_log(w, "connect /a {}|event /a [\"back\"]");
}

static void the_connection_stays_when_no_namespace_is_left(void **state)
{
    struct world *w = serve(state);

    join(w, "");
    w->in_event = disconnect_in_event;
    tell(w, "2[\"x\"]");
    expect_frames(w, "1");
    tell(w, "0");
    expect_frames(w, "0{sid}");
}

static void closing_ends_every_namespace_then_the_connection(void **state)
{
    struct world *w = serve(state);

    join(w, "");
    join(w, "/a");
    join(w, "/b");
    join(w, "/c");
    sio_disconnect(w->sockets[2]);
    take_frames(w);
    w->in_event = close_in_event;
    tell(w, "2/a,[\"x\"]");
    expect_frames(w, "1|1/a,|1/c,|<close>");
    expect_log(w, "event /a [\"x\"]|lost /|lost /c"); // not the one that was closed
    client_lose(&w->eio, w->client);
    expect_log(w, "");
}

static void a_lost_connection_is_told_to_each_namespace_once(void **state)
{
    struct world *w = serve(state);

    join(w, "");
    join(w, "/a");
    w->in_connect = decide_later;
    tell(w, "0/b");
    tell(w, "51-[\"x\"]");
    sio_disconnect(w->sockets[1]);
    take_log(w);
    client_lose(&w->eio, w->client);
    expect_log(w, "lost /|lost /b");
}

static void shutting_down_is_told_to_each_namespace(void **state)
{
    struct world *w = serve(state);

    join(w, "");
    join(w, "/a");
    eio_server_shut_down(w->eio.server);
    expect_log(w, "lost /|lost /a");
    expect_frames(w, "<close>");
}

// The application may do anything to the other sockets of a client whose end it is told.

static void end_others(struct world *w, struct sio_socket *s)
{
    for (size_t i = 0; i < w->n_sockets; i++) {
        struct sio_socket *other = w->sockets[i];
        if (other == s || !sio_state(other))
            continue;
        emit(other, STR("[\"bye\"]"));
        if (str_eq(sio_namespace(other), STR("/decide"))) {
            sio_set_state(other, NULL);
            sio_refuse(other, STR("no"), (str){0});
        } else if (str_eq(sio_namespace(other), STR("/close"))) {
            sio_set_state(other, NULL);
            sio_close(other);
        } else {
            sio_set_state(other, NULL);
            sio_disconnect(other);
        }
    }
}

static void a_callback_may_end_the_other_namespaces(void **state)
{
    static const struct {
        const char *name;
        const char *connects[4];
        const char *ends_with; // a packet; NULL: the connection is lost
        const char *log;
    } rows[] = {
        {"lost", {"0", "0/a", "0/b", "0/decide"}, NULL, "lost /"},
        {"lost, one closes", {"0", "0/a", "0/close", "0/decide"}, NULL, "lost /|lost /decide"},
        {"lost, the next refused", {"0", "0/decide", NULL, NULL}, NULL, "lost /"},
        {"lost, all closed", {"0", "0/close", NULL, NULL}, NULL, "lost /"},
        {"left", {"0", "0/a", "0/b", NULL}, "1", "left /"},
        {"left, one closes", {"0", "0/a", "0/close", NULL}, "1", "left /"},
        {"broken", {"0", "0/a", "0/b", NULL}, "0", "lost /"},
        {"broken, one closes", {"0", "0/a", "0/close", NULL}, "0", "lost /"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        void *own;
        setup(&own);
        struct world *w = serve(&own);
        w->in_disconnect = end_others;
        for (size_t k = 0; k < COUNT_OF(rows[i].connects) && rows[i].connects[k]; k++) {
            w->in_connect = strstr(rows[i].connects[k], "decide") ? decide_later : NULL;
            tell(w, rows[i].connects[k]);
        }
        take_log(w);
        if (rows[i].ends_with) {
            tell(w, rows[i].ends_with);
        } else {
            client_lose(&w->eio, w->client);
        }
        // Those that the callback has ended are not told; /close tells the ones left.
        expect_str(rows[i].name, take_log(w), str_of(rows[i].log));
        teardown(&own);
    }
}

// Events.

static void emits_what_it_is_given(void **state)
{
    static const str attachments[] = {STR("one"), {0}};
    const struct sio_message plain = {.json = STR("[\"e\",1]")};
    const struct sio_message binary = {
        .json = STR("[\"f\"]"), .attachments = attachments, .n_attachments = 2};
    struct world *w = serve(state);

    join(w, "");
    join(w, "/a");
    sio_emit(w->sockets[0], &plain);
    sio_emit(w->sockets[1], &binary);
    sio_emit_volatile(w->sockets[0], &plain); // what is before it has not left yet
    expect_frames(w, "2[\"e\",1]|52-/a,[\"f\"]|[one]|[]");
    sio_emit_volatile(w->sockets[1], &binary);
    expect_frames(w, "52-/a,[\"f\"]|[one]|[]");
}

static void acks_are_numbered_by_socket(void **state)
{
    static const str attachment = STR("x");
    const struct sio_message plain = {.json = STR("[\"e\"]")};
    const struct sio_message binary = {
        .json = STR("[\"f\"]"), .attachments = &attachment, .n_attachments = 1};
    struct world *w = serve(state);

    join(w, "");
    join(w, "/a");
    assert_int_equal(sio_emit_with_ack(w->sockets[0], &plain), 0);
    assert_int_equal(sio_emit_with_ack(w->sockets[0], &binary), 1);
    assert_int_equal(sio_emit_with_ack(w->sockets[1], &plain), 0);
    expect_frames(w, "20[\"e\"]|51-1[\"f\"]|[x]|2/a,0[\"e\"]");
    tell(w, "30[1]");
    tell(w, "3/a,0[]");
    tell(w, "61-1[{\"_placeholder\":true,\"num\":0}]");
    attach(w, STR("y"));
    tell(w, "39007199254740991[\"never asked\"]");
    expect_log(w,
               "ack / [1]#0|ack /a []#0|ack / [{\"_placeholder\":true,\"num\":0}]#1<y>|"
               "ack / [\"never asked\"]#9007199254740991");
}

static void ack_ids_fit_32_bits(void **state)
{
    (void)state;
    assert_int_equal(sio_ack_after(0), 1);
    assert_int_equal(sio_ack_after(INT32_MAX - 1), INT32_MAX);
    assert_int_equal(sio_ack_after(INT32_MAX), 0);
}

static void an_event_is_acknowledged_by_its_id(void **state)
{
    struct world *w = serve(state);

    join(w, "");
    join(w, "/a");
    w->in_event = acknowledge;
    tell(w, "2/a,9007199254740991[\"x\"]");
    expect_frames(w, "3/a,9007199254740991[\"done\"]");
    tell(w, "51-0[\"x\"]");
    attach(w, STR("bytes"));
    expect_frames(w, "61-0[\"done\"]|[bytes]");
}

static void attachments_come_in_messages_of_their_own(void **state)
{
    struct world *w = serve(state);

    join(w, "");
    tell(w, "510-[5]");
    for (int i = 0; i < SIO_ATTACHMENTS_MAX; i++) {
        expect_log(w, "");
        client_send_frame(w->client, WS_TEXT, STR("3")); // the engine's may come between
        attach(w, i == 4 ? STR("") : STR("x"));
    }
    expect_log(w, "event / [5]<x><x><x><x><><x><x><x><x><x>");
    attach(w, STR("one too many"));
    expect_frames(w, "<close>");
    expect_log(w, "lost /");
}

static void the_limit_of_attachments_can_be_lower(void **state)
{
    ((struct world *)*state)->config.max_attachments = 2;
    struct world *w = serve(state);

    join(w, "");
    tell(w, "52-[\"x\"]");
    attach(w, STR("1"));
    attach(w, STR("2"));
    expect_log(w, "event / [\"x\"]<1><2>");
    tell(w, "53-[\"x\"]");
    expect_frames(w, "<close>");
}

/** Some clients post an attachment apart from its header. */
static void polling_carries_attachments_too(void **state)
{
    struct world *w = serve(state);
    char query[96];
    const char *body[] = {"40", "451-[\"x\"]", "bYWI="};

    struct client *c = client_new(&w->eio);
    client_send(c, &(struct request){.query = "EIO=4&transport=polling"});
    settle(w);
    const struct answer a = client_take_answer(c);
    snprintf(query, sizeof(query), "EIO=4&transport=polling&sid=%.20s", a.body.ptr + 9);
    w->in_event = acknowledge;
    for (size_t i = 0; i < COUNT_OF(body); i++) {
        client_send(c, &(struct request){.method = "POST",
                                         .query = query,
                                         .body = str_of(body[i]),
                                         .has_body = true});
        settle(w);
        expect_str("POST", client_take_answer(c).body, STR("ok"));
    }
    expect_str("log", take_log(w), STR("connect / {}|event / [\"x\"]<ab>"));
}

static void nothing_is_said_to_a_client_that_does_not_read(void **state)
{
    struct world *w = serve(state);

    join(w, "");
    w->client->stream.stream.in_flight = EIO_QUEUE_MAX;
    emit(w->sockets[0], STR("[\"lost\"]"));
    emit(w->sockets[0], STR("[\"lost too\"]"));
    expect_frames(w, "");
    expect_log(w, "lost /");
}

static void a_pause_is_the_connections(void **state)
{
    struct world *w = serve(state);

    join(w, "");
    join(w, "/b");
    sio_set_reading(w->sockets[1], false);
    assert_false(w->client->stream.is_reading);
    sio_set_reading(w->sockets[0], true);
    assert_true(w->client->stream.is_reading);
}

static void drop(struct world *w, struct sio_socket *s)
{
    (void)w;
    sio_drop(s);
}

/** As a network would: no DISCONNECT, so that the client comes back. */
static void a_drop_ends_the_connection_and_says_nothing(void **state)
{
    struct world *w = serve(state);

    join(w, "");
    join(w, "/b");
    emit(w->sockets[1], STR("[\"last\"]"));
    sio_drop(w->sockets[0]);
    sio_drop(w->sockets[0]); // harmless in the same turn
    expect_frames(w, "2/b,[\"last\"]|<close>");
    expect_log(w, "lost /b");
}

static void what_is_not_accepted_may_be_dropped(void **state)
{
    struct world *w = serve(state);

    join(w, "");
    w->in_connect = drop;
    tell(w, "0/a");
    expect_frames(w, "<close>");
    expect_log(w, "connect /a {}|lost /");
}

static void expect_bearer(struct world *w, struct sio_socket *s)
{
    (void)w;
    expect_str("before", sio_bearer(s), STR("secret"));
    if (w->n_sockets == 1) {
        refuse(w, s); // it may ask again
        return;
    }
    sio_accept(s);
    expect_str("after", sio_bearer(s), STR(""));
}

static void the_bearer_is_there_until_one_is_accepted(void **state)
{
    struct world *w = *state;
    struct server_frame f;

    w->server = sio_server_new(&w->config, &app, w);
    eio_world_serve(&w->eio, &w->eio_config, &sio_eio_app, w->server);
    w->client = client_new(&w->eio);
    client_send(
        w->client,
        &(struct request){.query = "EIO=4&transport=websocket",
                          .fields = "Authorization: Bearer secret\r\n" EIO_UPGRADE_FIELDS});
    settle(w);
    expect_int("upgrade", client_take_answer(w->client).status, 101);
    assert_true(client_take_frame(w->client, &f));
    w->in_connect = expect_bearer;
    tell(w, "0");
    tell(w, "0");
    expect_frames(w, "4{\"message\":\"no\"}|0{sid}");
}

static void a_socket_knows_its_peer_and_what_waits_for_it(void **state)
{
    struct world *w = serve(state);
    ip loopback;

    join(w, "");
    assert_int_equal(ip_parse(&loopback, STR("127.0.0.1")), 0);
    expect_int("ip", memcmp(&sio_peer(last(w))->ip, &loopback, sizeof(loopback)), 0);
    assert_true(sio_peer(last(w))->origin_is_allowed);
    assert_int_equal(sio_queued(last(w)), 0);
    emit(last(w), STR("[\"hi\"]"));
    assert_int_equal(sio_queued(last(w)), sizeof("..42[\"hi\"]") - 1);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_connect_is_answered_with_a_public_name),
        TEST(a_refusal_says_why_and_harms_nothing_else),
        TEST(what_follows_a_connect_waits_for_the_decision),
        cmocka_unit_test(an_acceptance_may_go_with_what_is_sent_next),
        TEST(acceptances_go_in_their_order),
        TEST(what_waits_is_handled_before_what_comes),
        TEST(what_waited_for_a_refusal_breaks_the_protocol),
        TEST(the_client_may_go_while_it_waits),
        TEST(the_application_knows_whom_it_had_accepted),
        TEST(the_application_may_end_what_it_has_not_accepted),
        cmocka_unit_test(so_much_may_wait),
        TEST(so_much_may_wait_each_time),
        TEST(so_much_may_come_before_the_first_namespace),
        cmocka_unit_test(the_first_namespace_has_to_be_joined_in_time),
        TEST(a_connection_has_so_many_namespaces),
        cmocka_unit_test(what_breaks_the_protocol_closes_the_connection),
        TEST(a_binary_message_of_nothing_closes_the_connection),
        TEST(what_means_nothing_is_ignored),
        TEST(a_client_leaves_a_namespace_and_may_return),
        TEST(what_crosses_our_disconnect_is_ignored),
        TEST(the_connection_stays_when_no_namespace_is_left),
        TEST(closing_ends_every_namespace_then_the_connection),
        TEST(a_lost_connection_is_told_to_each_namespace_once),
        TEST(shutting_down_is_told_to_each_namespace),
        cmocka_unit_test(a_callback_may_end_the_other_namespaces),
        TEST(emits_what_it_is_given),
        TEST(acks_are_numbered_by_socket),
        cmocka_unit_test(ack_ids_fit_32_bits),
        TEST(an_event_is_acknowledged_by_its_id),
        TEST(attachments_come_in_messages_of_their_own),
        TEST(the_limit_of_attachments_can_be_lower),
        TEST(polling_carries_attachments_too),
        TEST(nothing_is_said_to_a_client_that_does_not_read),
        TEST(a_pause_is_the_connections),
        TEST(a_drop_ends_the_connection_and_says_nothing),
        TEST(what_is_not_accepted_may_be_dropped),
        TEST(the_bearer_is_there_until_one_is_accepted),
        TEST(a_socket_knows_its_peer_and_what_waits_for_it),
    };
    return cmocka_run_group_tests_name("sio/server", tests, NULL, NULL);
}
