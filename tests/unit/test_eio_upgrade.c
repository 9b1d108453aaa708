#include <stdlib.h>

#include "eio/packet.h"
#include "support/eio_peer.h"

// The upgrade.

static void upgrades_as_the_reference_client_does(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);

    struct client *c = get(p);
    struct client *ws = probe(p);
    expect_waits(c); // the WebSocket has not said anything yet
    tell(w, ws, "2probe");
    expect_frames(w, ws, "3probe");
    expect_answer(c, 200, "6");
    expect_answer(get(p), 200, "6"); // every poll, not only the first
    say(p, "a");
    expect_answer(get(p), 200, "4a");
    expect_answer(get(p), 200, "6");
    expect_answer(post(p, STR("4up")), 200, "ok");
    say(p, "b");
    say_bytes(p, true, STR("\xff"));
    settle(w);
    expect_frames(w, ws, "");
    tell(w, ws, "5");
    expect_frames(w, ws, "4b|[\xff]");
    say(p, "c");
    tell(w, ws, "4up again");
    expect_frames(w, ws, "4c");
    expect_heard(p, "up|up again");

    expect_answer(get(p), 400, BAD);
    expect_answer(post(p, STR("4lost")), 400, BAD);
    tell(w, ws, "4still there");
    expect_heard(p, "up|up again|still there");
    assert_int_equal(p->fate, STILL_OPEN);
    client_lose(&w->eio, ws);
    expect_over("lost", p, EIO_TRANSPORT_CLOSE);
}

static void upgrades_without_a_probe(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);

    say(p, "queued");
    struct client *ws = probe(p);
    tell(w, ws, "5");
    expect_frames(w, ws, "4queued");
    tell(w, ws, "4hi");
    expect_heard(p, "hi");
}

static void a_pause_lasts_over_the_upgrade(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);

    eio_set_reading(p->session, false);
    struct client *ws = probe(p);
    assert_true(ws->stream.is_reading);
    tell(w, ws, "5");
    assert_false(ws->stream.is_reading);
    eio_set_reading(p->session, true);
    assert_true(ws->stream.is_reading);
}

static void a_poll_that_waits_when_polling_ends_is_told_so(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);

    struct client *c = get(p);
    struct client *ws = probe(p);
    client_send_frame(ws, WS_TEXT, STR("5"));
    say(p, "over the websocket");
    settle(w);
    expect_answer(c, 200, "1");
    expect_frames(w, ws, "4over the websocket");
    assert_int_equal(p->fate, STILL_OPEN);
}

/** What was sent for the poll, and not yet written to it, goes where the session goes. */
static void nothing_is_lost_between_the_poll_and_the_websocket(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);

    struct client *c = get(p);
    struct client *ws = probe(p);
    say(p, "in this turn");
    client_send_frame(ws, WS_TEXT, STR("5"));
    settle(w);
    expect_answer(c, 200, "1");
    expect_frames(w, ws, "4in this turn");
}

static void upgrades_in_one_piece_with_the_request(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);
    struct client *ws = client_new(&w->eio);
    struct buf all;

    say(p, "queued");
    buf_init(&all, 1000);
    assert_int_equal(buf_addf(&all,
                              "GET /engine.io/?" WEBSOCKET "&sid=%s HTTP/1.1\r\nHost: "
                              "a\r\n" EIO_UPGRADE_FIELDS "\r\n\x81\x86%c%c%c%c2probe"
                              "\x81\x81%c%c%c%c5\x81\x83%c%c%c%c4hi",
                              p->sid, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
                     0);
    mem_stream_feed(&ws->stream, buf_str(&all));
    buf_fini(&all);
    settle(w);
    expect_int("upgrade", client_take_answer(ws).status, 101);
    expect_frames(w, ws, "3probe|4queued");
    expect_heard(p, "hi");
}

/** As a small client does: the poll and the upgrade on one connection. */
static void a_kept_connection_is_upgraded(void **state)
{
    struct world *w = serve(state);
    struct client *c = client_new(&w->eio);
    char query[QUERY_SIZE];

    client_send(c, &(struct request){.query = POLLING});
    settle(w);
    struct peer *p = last_peer(w, client_take_answer(c).body);
    client_send(c, &(struct request){.query = query_of(p, WEBSOCKET, query),
                                     .fields = EIO_UPGRADE_FIELDS
                                     "Sec-WebSocket-Protocol: arduino\r\n"});
    settle(w);
    const struct answer a = client_take_answer(c);
    expect_int("status", a.status, 101);
    expect_str("connection", answer_field(&a, STR("Connection")), STR("Upgrade"));
    expect_str("protocol", answer_field(&a, STR("Sec-WebSocket-Protocol")), STR("arduino"));
    tell(w, c, "5");
    tell(w, c, "4hi");
    expect_heard(p, "hi");
}

static void the_whole_queue_goes_to_the_websocket_in_order(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);
    struct buf want;

    buf_init(&want, 10000);
    for (int i = 0; i < 100; i++) {
        char text[8];
        snprintf(text, sizeof(text), "4%d", i);
        say(p, text + 1);
        add_part(&want, false, str_of(text));
    }
    struct client *ws = probe(p);
    tell(w, ws, "5");
    expect_str("queue", take_frames(w, ws), buf_str(&want));
    buf_fini(&want);
}

static void an_upgrade_without_binary_frames_gets_base64(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);
    char query[QUERY_SIZE];

    say_bytes(p, true, STR("\x00\xff"));
    struct client *ws = ask_websocket(w, query_of(p, WEBSOCKET "&b64=1", query));
    tell(w, ws, "5");
    say_bytes(p, true, STR("a"));
    expect_frames(w, ws, "bAP8=|bYQ==");
}

/** The session polls on with whatever its next WebSocket can do. */
static void a_failed_probe_leaves_nothing_behind(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);
    char query[QUERY_SIZE];

    struct client *ws = ask_websocket(w, query_of(p, WEBSOCKET "&b64=1", query));
    tell(w, ws, "4no");
    expect_frames(w, ws, "<close>");
    struct client *c = get(p);
    ws = probe(p);
    expect_waits(c); // this one has not asked yet
    tell(w, ws, "5");
    say_bytes(p, true, STR("a"));
    expect_frames(w, ws, "[a]");
}

static void an_upgrade_starts_the_heartbeat_anew(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);

    pass_ms(w, 30000);
    expect_answer(get(p), 200, "2"); // its pong never comes
    struct client *ws = probe(p);
    tell(w, ws, "5");
    pass_ms(w, 24999);
    expect_frames(w, ws, "");
    pass_ms(w, 1);
    expect_frames(w, ws, "2");
    pass_ms(w, 20000);
    expect_over("no pong", p, EIO_PING_TIMEOUT);
}

static void a_ping_goes_by_polling_while_probing(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);

    pass_ms(w, 24000);
    struct client *ws = probe(p);
    tell(w, ws, "2probe");
    pass_ms(w, 1000);
    expect_frames(w, ws, "3probe");
    expect_answer(get(p), 200, "2");
}

static void a_probe_has_its_time(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);

    struct client *ws = probe(p);
    tell(w, ws, "2probe");
    pass_ms(w, 9999);
    expect_frames(w, ws, "3probe");
    pass_ms(w, 1);
    expect_frames(w, ws, "<close>");
    struct client *c = get(p);
    expect_waits(c); // nothing is being probed any more
    say(p, "polling");
    settle(w);
    expect_answer(c, 200, "4polling");

    ws = probe(p);
    tell(w, ws, "5");
    pass_ms(w, 10000); // the time of the first probe is over, and of no more interest
    expect_frames(w, ws, "");
}

static void polling_survives_a_failed_probe(void **state)
{
    static const struct {
        const char *name;
        enum ws_opcode opcode;
        str sent;
        str want;
    } rows[] = {
        {"wrong probe", WS_TEXT, STR("2wrong"), STR("<close>")},
        {"ping", WS_TEXT, STR("2"), STR("<close>")},
        {"message", WS_TEXT, STR("4hi"), STR("<close>")},
        {"close", WS_TEXT, STR("1"), STR("<close>")},
        {"noop", WS_TEXT, STR("6"), STR("<close>")},
        {"upgrade and more", WS_TEXT, STR("5x"), STR("<close>")},
        {"nothing", WS_TEXT, STR(""), STR("<close>")},
        {"binary probe", WS_BINARY, STR("2probe"), STR("<close>")},
        {"binary upgrade", WS_BINARY, STR("5"), STR("<close>")},
        {"close frame", WS_CLOSE, STR("\x03\xe8"), STR("<close 1000>")},
        {"close frame without code", WS_CLOSE, STR(""), STR("<close>")},
    };
    struct world *w = serve(state);
    struct peer *p = open_polling(w);

    for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
        const size_t row = i / 2;
        struct client *ws = probe(p);
        if (i % 2) { // also after a good probe
            tell(w, ws, "2probe");
            expect_frames(w, ws, "3probe");
        }
        client_send_frame(ws, rows[row].opcode, rows[row].sent);
        settle(w);
        expect_str(rows[row].name, take_frames(w, ws), rows[row].want);
        expect_polling(rows[row].name, p);
        client_lose(&w->eio, ws);
    }
    client_lose(&w->eio, probe(p));
    expect_polling("lost", p);
    say(p, "x");
    expect_answer(get(p), 200, "4x");
    expect_heard(p, "");
}

static void a_second_websocket_is_refused(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);
    struct client *c;

    struct client *first = probe(p);
    expect_frames(w, probe(p), "<close>");
    tell(w, first, "2probe");
    expect_frames(w, first, "3probe");
    expect_frames(w, probe(p), "<close>");
    tell(w, first, "5");
    expect_frames(w, probe(p), "<close>");
    tell(w, first, "4hi");
    expect_heard(p, "hi");

    struct peer *q = open_websocket(w, &c);
    struct client *thief = probe(q);
    expect_frames(w, thief, "<close>");
    tell(w, thief, "5");
    say(q, "mine");
    expect_frames(w, c, "4mine");
}

static void the_end_of_the_session_closes_its_probe(void **state)
{
    struct world *w = serve(state);

    struct peer *p = open_polling(w);
    struct client *ws = probe(p);
    post(p, STR("1"));
    expect_frames(w, ws, "<close>");
    expect_over("by the client", p, EIO_TRANSPORT_CLOSE);

    p = open_polling(w);
    ws = probe(p);
    close_peer(p);
    expect_frames(w, ws, "<close>");
    expect_answer(get(p), 200, "6\0361");
    expect_over("by the application", p, EIO_CLOSED_BY_APP);

    p = open_polling(w);
    struct client *c = get(p);
    ws = probe(p);
    close_peer(p);
    expect_frames(w, ws, "<close>");
    expect_answer(c, 200, "1");

    p = open_polling(w);
    c = get(p);
    ws = probe(p);
    client_lose(&w->eio, c);
    expect_frames(w, ws, "<close>");
    expect_over("by a lost poll", p, EIO_TRANSPORT_CLOSE);

    p = open_polling(w);
    pass_ms(w, 40000);
    ws = probe(p);
    pass_ms(w, 5000);
    expect_frames(w, ws, "<close>");
    expect_over("by silence", p, EIO_PING_TIMEOUT);
}

// "5" may come while a POST is still on its way: its packets come first.

static void a_post_comes_before_what_the_websocket_says_next(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);

    say(p, "queued");
    struct client *c = begin_post(p);
    struct client *ws = probe(p);
    tell(w, ws, "5");
    tell(w, ws, "4after");
    client_send_frame(ws, WS_BINARY, STR("bytes"));
    client_send_frame(ws, WS_BINARY, STR(""));
    settle(w);
    expect_heard(p, "");
    expect_frames(w, ws, "");
    say(p, "more");
    end_post(p, c);
    expect_answer(c, 200, "ok");
    expect_heard(p, "hi|after|[bytes]|[]");
    expect_frames(w, ws, "4queued|4more");
    tell(w, ws, "4now");
    expect_heard(p, "hi|after|[bytes]|[]|now");
}

static void what_waits_for_a_post_may_end_the_session(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);

    struct client *c = begin_post(p);
    struct client *ws = probe(p);
    tell(w, ws, "5");
    tell(w, ws, "4a");
    tell(w, ws, "2"); // fatal
    tell(w, ws, "4b");
    end_post(p, c);
    expect_answer(c, 200, "ok");
    expect_heard(p, "hi|a");
    expect_frames(w, ws, "<close>");
    expect_over("ping", p, EIO_PARSE_ERROR);
}

/** A body that is too large is refused, and the session has gone on to its WebSocket. */
static void a_refused_post_holds_up_no_upgrade(void **state)
{
    ((struct world *)*state)->config.max_payload = 4;
    struct world *w = serve(state);
    struct peer *p = open_polling(w);
    char query[QUERY_SIZE];

    struct client *c = ask(w, &(struct request){.method = "POST",
                                                .query = query_of(p, POLLING, query),
                                                .fields = "Transfer-Encoding: chunked\r\n",
                                                .body = STR("4\r\n4abc\r\n")});
    struct client *ws = probe(p);
    tell(w, ws, "5");
    tell(w, ws, "4hi");
    mem_stream_feed(&c->stream, STR("1\r\nd\r\n"));
    settle(w);
    expect_answer(c, 413, "");
    expect_heard(p, "hi");
}

static void a_bad_or_lost_post_ends_the_session_before_its_upgrade(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);
    struct peer *q = open_polling(w);

    struct client *c = begin_post(p);
    struct client *ws = probe(p);
    tell(w, ws, "5");
    tell(w, ws, "4after");
    mem_stream_feed(&c->stream, STR("\xff"));
    settle(w);
    expect_answer(c, 400, "");
    expect_frames(w, ws, "<close>");
    expect_over("bad", p, EIO_PARSE_ERROR);

    c = begin_post(q);
    ws = probe(q);
    tell(w, ws, "5");
    tell(w, ws, "4after");
    client_lose(&w->eio, c);
    expect_frames(w, ws, "<close>");
    expect_over("lost", q, EIO_TRANSPORT_CLOSE);
    expect_heard(q, "");
}

static void so_much_may_wait_for_a_post(void **state)
{
    static const struct {
        const char *name;
        size_t n_empty;
        size_t n; // bytes of a last one
        bool is_kept;
    } rows[] = {
        {"the largest", 0, EIO_QUEUE_MAX - EIO_QUEUED_COST, true},
        {"one byte more", 0, EIO_QUEUE_MAX - EIO_QUEUED_COST + 1, false},
        {"empty ones", EIO_QUEUE_MAX / EIO_QUEUED_COST - 1, 0, true},
        {"one more", EIO_QUEUE_MAX / EIO_QUEUED_COST, 0, false},
    };
    char *bytes = mem_alloc(EIO_QUEUE_MAX);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        void *own;
        setup(&own);
        ((struct world *)own)->config.max_payload = EIO_QUEUE_MAX;
        struct world *w = serve(&own);
        struct peer *p = open_polling(w);
        struct client *c = begin_post(p);
        struct client *ws = probe(p);
        tell(w, ws, "5");
        for (size_t k = 0; k < rows[i].n_empty; k++)
            client_send_frame(ws, WS_BINARY, (str){0});
        client_send_frame(ws, WS_BINARY, (str){bytes, rows[i].n});
        settle(w);
        expect_str(rows[i].name, take_frames(w, ws),
                   rows[i].is_kept ? STR("") : STR("<close>"));
        end_post(p, c);
        expect_answer_of(rows[i].name, c, 200, STR("ok"));
        expect_int(rows[i].name, p->heard.len > strlen("hi"), rows[i].is_kept);
        expect_int(rows[i].name, p->fate, STILL_OPEN);
        teardown(&own);
    }
    free(bytes);
}

/** The largest queue fits the WebSocket, with the frames around it, and in base64 too. */
static void the_largest_queue_survives_an_upgrade(void **state)
{
    static const char *const queries[] = {WEBSOCKET, WEBSOCKET "&b64=1"};
    struct world *w = serve(state);
    char query[QUERY_SIZE];
    char *bytes = mem_alloc(EIO_QUEUE_MAX);

    for (size_t i = 0; i < COUNT_OF(queries); i++) {
        struct peer *p = open_polling(w);
        say_bytes(p, true, (str){bytes, EIO_QUEUE_MAX - EIO_QUEUED_COST});
        struct client *ws = ask(w, &(struct request){.query = query_of(p, queries[i], query),
                                                     .fields = EIO_UPGRADE_FIELDS});
        tell(w, ws, "2probe"); // and the answer to the upgrade is not taken yet
        tell(w, ws, "5");
        expect_int(queries[i], p->fate, STILL_OPEN);
        expect_int(queries[i], ws->stream.stream.out.len > EIO_QUEUE_MAX - EIO_QUEUED_COST,
                   true);
    }
    free(bytes);
}

static void a_queue_that_the_websocket_cannot_take_ends_the_session(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);

    say(p, "one");
    say(p, "longer");
    say(p, "3"); // would fit, and is not sent: it follows what was lost
    struct client *ws = probe(p);
    ws->stream.stream.in_flight = w->eio.max_queued - strlen("..4one..43");
    client_send_frame(ws, WS_TEXT, STR("5"));
    expect_frames(w, ws, "4one");
    settle(w);
    assert_true(ws->stream.is_aborted);
    expect_over("full", p, EIO_SLOW_CONSUMER);
}

static void a_probe_that_takes_nothing_has_failed(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);

    struct client *ws = probe(p);
    ws->stream.stream.in_flight = w->eio.max_queued;
    tell(w, ws, "2probe");
    assert_true(ws->stream.is_aborted);
    expect_polling("full", p);
}

// Whatever the client and the application do, in whatever order: each message arrives
// once, in order, over polling and over the WebSocket that takes over from it.

#define N_WALKS      300
#define STEPS        120
#define PONG_EACH_MS 20000 // so often, at least

enum mode {
    MODE_POLLING,
    MODE_PROBING,
    MODE_PROBED, // "3probe" has come: polls only end, none begins
    MODE_WEBSOCKET,
};

static struct walk {
    struct world *w;
    struct peer *p;
    struct seeded seeded;
    enum mode mode;
    struct client *get; // waiting; NULL: none
    struct client *post;
    struct client *ws;
    unsigned n_sent; // messages of the application
    unsigned n_got;
    unsigned n_said; // messages of the client
    unsigned n_heard;
    bool owes_pong;
    int64_t ponged_ms;
} walk;

static unsigned chance(unsigned n)
{
    return (unsigned)((seeded_next(&walk.seeded) >> 20) % n);
}

/** The i-th message of either side; every third is binary. */
static str numbered(char out[16], char side, unsigned i)
{
    return (str){out, (size_t)snprintf(out, 16, "%c%u", side, i)};
}

static void hear_numbered(struct peer *p)
{
    char text[24];
    const bool is_binary = walk.n_heard % 3 == 0;

    snprintf(text, sizeof(text), is_binary ? "[u%u]" : "u%u", walk.n_heard);
    expect_str("heard", buf_str(&p->heard), str_of(text));
    buf_clear(&p->heard);
    walk.n_heard++;
}

static void send_numbered(void)
{
    char text[16];
    const bool is_binary = walk.n_sent % 3 == 0;

    say_bytes(walk.p, is_binary, numbered(text, 'd', walk.n_sent++));
}

static void got_packet(const struct eio_packet *p)
{
    char text[16];

    switch (p->type) {
    case EIO_PING: walk.owes_pong = true; break;
    case EIO_NOOP: assert_int_not_equal(walk.mode, MODE_WEBSOCKET); break;
    case EIO_CLOSE: assert_int_equal(walk.mode, MODE_WEBSOCKET); break; // of polling
    case EIO_MESSAGE:
        expect_int("binary", p->is_binary, walk.n_got % 3 == 0);
        expect_str("got", ((str){p->data, p->len}), numbered(text, 'd', walk.n_got));
        walk.n_got++;
        break;
    case EIO_OPEN:
    case EIO_PONG:
    case EIO_UPGRADE: fail_msg("the server sent a %d", (int)p->type);
    }
}

static void got_text(str text)
{
    char *copy = exact_copy(text);
    struct eio_payload payload = {.text = copy, .len = text.len};
    struct eio_packet p;
    int n = 0;

    while (eio_payload_next(&payload, &p) == 0) {
        got_packet(&p);
        n++;
    }
    assert_int_equal(eio_payload_next(&payload, &p), EIO_PAYLOAD_END);
    assert_in_range(n, 1, EIO_PAYLOAD_PACKETS_MAX);
    exact_free(copy);
}

static void got_frame(const struct server_frame *f)
{
    struct eio_packet p = {.type = EIO_MESSAGE, .is_binary = true};

    if (walk.mode != MODE_WEBSOCKET) {
        expect_str("probe", f->payload, STR("3probe"));
        walk.mode = MODE_PROBED;
        return;
    }
    char *copy = exact_copy(f->payload);
    p.data = copy;
    p.len = f->payload.len;
    if (f->opcode == WS_TEXT)
        assert_int_equal(eio_packet_decode(&p, copy, f->payload.len), 0);
    got_packet(&p);
    exact_free(copy);
}

/** Read what has come, on any connection. */
static void read_all(void)
{
    struct server_frame f;
    struct answer a;

    if (walk.get) {
        a = client_take_answer(walk.get);
        if (a.status != 0) {
            expect_int("GET", a.status, 200);
            walk.get = NULL;
            got_text(a.body);
        }
    }
    if (walk.post) {
        a = client_take_answer(walk.post);
        expect_int("POST", a.status, 200);
        walk.post = NULL;
    }
    while (walk.ws && client_take_frame(walk.ws, &f))
        got_frame(&f);
}

static void poll_once(void)
{
    if (!walk.get && walk.mode <= MODE_PROBING)
        walk.get = get(walk.p);
}

static void say_by_post(unsigned n)
{
    struct buf body;
    char text[16];

    if (walk.post || walk.mode > MODE_PROBING)
        return;
    buf_init(&body, 1000);
    int r = walk.owes_pong ? buf_add(&body, STR("3")) : 0;
    while (n-- > 0) {
        const struct eio_packet p = {.type = EIO_MESSAGE,
                                     .is_binary = walk.n_said % 3 == 0,
                                     .data = text,
                                     .len = numbered(text, 'u', walk.n_said).len};
        walk.n_said++;
        r |= buf_add(&body, body.len > 0 ? STR("\036") : STR(""));
        r |= eio_packet_write(&body, &p);
    }
    assert_int_equal(r, 0);
    if (body.len > 0)
        walk.post = post(walk.p, buf_str(&body));
    if (walk.owes_pong)
        walk.ponged_ms = walk.w->eio.timers.now_ms;
    walk.owes_pong = false;
    buf_fini(&body);
}

static void say_by_websocket(void)
{
    char text[17] = "4";
    const bool is_binary = walk.n_said % 3 == 0;
    const str s = numbered(text + 1, 'u', walk.n_said++);
    client_send_frame(walk.ws, is_binary ? WS_BINARY : WS_TEXT,
                      is_binary ? s : (str){text, s.len + 1});
}

static void pong_by_websocket(void)
{
    if (walk.owes_pong)
        client_send_frame(walk.ws, WS_TEXT, STR("3"));
    walk.owes_pong = false;
    walk.ponged_ms = walk.w->eio.timers.now_ms;
}

/** Some step towards the WebSocket, or back. */
static void step_upgrade(void)
{
    switch (walk.mode) {
    case MODE_POLLING:
        walk.ws = probe(walk.p);
        walk.mode = MODE_PROBING;
        break;
    case MODE_PROBING:
        if (chance(3) > 0) {
            client_send_frame(walk.ws, WS_TEXT, STR("2probe"));
        } else { // it changes its mind
            client_send_frame(walk.ws, WS_TEXT, STR("4no"));
            settle(walk.w);
            walk.ws = NULL;
            walk.mode = MODE_POLLING;
        }
        break;
    case MODE_PROBED:
        if (!walk.post && (!walk.get || chance(4) == 0)) {
            client_send_frame(walk.ws, WS_TEXT, STR("5"));
            walk.mode = MODE_WEBSOCKET;
        }
        break;
    case MODE_WEBSOCKET: pong_by_websocket(); break;
    }
}

/** The ping must be found and answered in time, whatever else happens. */
static void keep_alive(void)
{
    settle(walk.w);
    read_all();
    if (walk.mode == MODE_WEBSOCKET) {
        pong_by_websocket();
    } else if (walk.mode != MODE_PROBED) {
        poll_once();
        read_all();
        walk.owes_pong = true;
        say_by_post(0);
    }
}

static void take_step(void)
{
    switch (chance(8)) {
    case 0:
    case 1:
        for (unsigned n = chance(20); n > 0; n--)
            send_numbered();
        break;
    case 2: poll_once(); break;
    case 3:
        if (walk.mode == MODE_WEBSOCKET) {
            say_by_websocket();
        } else {
            say_by_post(chance(4));
        }
        break;
    case 4: settle(walk.w); break;
    case 5:
        settle(walk.w);
        read_all();
        break;
    case 6: eio_world_pass(&walk.w->eio, chance(300)); break;
    default:
        if (chance(4) == 0)
            step_upgrade();
    }
    if (walk.w->eio.timers.now_ms - walk.ponged_ms > PONG_EACH_MS)
        keep_alive();
    assert_int_equal(walk.p->fate, STILL_OPEN);
}

/** Take what is left. */
static void drain(void)
{
    settle(walk.w);
    read_all();
    while (walk.n_got < walk.n_sent) {
        const unsigned before = walk.n_got;
        if (walk.mode == MODE_PROBED)
            step_upgrade();
        poll_once();
        settle(walk.w);
        read_all();
        assert_true(walk.n_got > before || walk.mode == MODE_PROBED || walk.owes_pong);
        keep_alive();
    }
}

static void each_message_arrives_once_and_in_order(void **state)
{
    (void)state;
    const char *given = getenv("SEED"); // NOLINT(concurrency-mt-unsafe): one thread
    const uint64_t seed = given ? strtoull(given, NULL, 0) : 1;

    for (uint64_t i = 0; i < (given ? 1 : N_WALKS); i++) {
        void *own;
        const unsigned long long own_seed = seed + i;
        print_message("# SEED=%llu\n", own_seed);
        setup(&own);
        struct world *w = serve(&own);
        w->in_message = hear_numbered;
        walk = (struct walk){.w = w, .p = open_polling(w), .ponged_ms = w->eio.timers.now_ms};
        seeded_init(&walk.seeded, own_seed);
        for (int k = 0; k < STEPS; k++)
            take_step();
        drain();
        expect_int("got", walk.n_got, walk.n_sent);
        expect_int("heard", walk.n_heard, walk.n_said);
        teardown(&own);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(upgrades_as_the_reference_client_does),
        TEST(upgrades_without_a_probe),
        TEST(a_pause_lasts_over_the_upgrade),
        TEST(a_poll_that_waits_when_polling_ends_is_told_so),
        TEST(nothing_is_lost_between_the_poll_and_the_websocket),
        TEST(upgrades_in_one_piece_with_the_request),
        TEST(a_kept_connection_is_upgraded),
        TEST(the_whole_queue_goes_to_the_websocket_in_order),
        TEST(an_upgrade_without_binary_frames_gets_base64),
        TEST(a_failed_probe_leaves_nothing_behind),
        TEST(an_upgrade_starts_the_heartbeat_anew),
        TEST(a_ping_goes_by_polling_while_probing),
        TEST(a_probe_has_its_time),
        TEST(polling_survives_a_failed_probe),
        TEST(a_second_websocket_is_refused),
        TEST(the_end_of_the_session_closes_its_probe),
        TEST(a_post_comes_before_what_the_websocket_says_next),
        TEST(what_waits_for_a_post_may_end_the_session),
        TEST(a_refused_post_holds_up_no_upgrade),
        TEST(a_bad_or_lost_post_ends_the_session_before_its_upgrade),
        cmocka_unit_test(so_much_may_wait_for_a_post),
        TEST(the_largest_queue_survives_an_upgrade),
        TEST(a_queue_that_the_websocket_cannot_take_ends_the_session),
        TEST(a_probe_that_takes_nothing_has_failed),
        cmocka_unit_test(each_message_arrives_once_and_in_order),
    };
    return cmocka_run_group_tests_name("eio/upgrade", tests, NULL, NULL);
}
