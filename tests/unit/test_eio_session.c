#include <stdlib.h>

#include "support/eio_peer.h"

// Polling.

static void a_poll_waits_until_something_is_sent(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);

    struct client *c = get(p);
    expect_waits(c);
    assert_true(eio_is_writable(p->session));
    say(p, "one");
    say(p, "two");
    assert_false(eio_is_writable(p->session));
    expect_int("within the call", client_take_answer(c).status, 0);
    settle(w);
    const struct answer a = client_take_answer(c);
    expect_int("status", a.status, 200);
    expect_str("type", answer_field(&a, STR("Content-Type")), STR("text/plain; charset=UTF-8"));
    expect_str("cache", answer_field(&a, STR("Cache-Control")), STR("no-store"));
    expect_str("body", a.body, STR("4one\0364two"));
    expect_waits(get(p));
}

static void what_is_queued_answers_the_next_poll_at_once(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);

    say(p, "text");
    say_bytes(p, true, STR("\x00\xff\036"));
    say_bytes(p, true, (str){0});
    say(p, "");
    settle(w);
    assert_false(eio_is_writable(p->session));
    expect_answer(get(p), 200, "4text\036bAP8e\036b\0364");
}

static void an_answer_has_at_most_16_packets(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);
    char text[4];

    for (int i = 0; i < 33; i++) {
        snprintf(text, sizeof(text), "%d", i);
        say(p, text);
    }
    expect_answer(get(p), 200,
                  "40\03641\03642\03643\03644\03645\03646\03647\03648\03649\036410\036411\03641"
                  "2\036413\036414\036415");
    expect_answer(get(p), 200,
                  "416\036417\036418\036419\036420\036421\036422\036423\036424\036425\036426"
                  "\036427\036428\036429\036430\036431");
    expect_answer(get(p), 200, "432");
    expect_waits(get(p));
}

static void an_answer_has_at_most_a_mebibyte_or_one_packet(void **state)
{
    static char bytes[1100000];
    static const struct {
        const char *name;
        size_t sizes[3]; // of what is sent
        size_t answers[3];
    } rows[] = {
        {"exactly", {1048576 - 1 - 3, 1, 1}, {1048576, 2}},
        {"one byte more", {1048576 - 1 - 2, 1, 1}, {1048574, 5}},
        {"one packet, larger", {1099999, 1, 1}, {1100000, 5}},
        {"small, then large", {1, 1099999, 1}, {2, 1100000, 2}},
    };
    struct world *w = serve(state);
    struct peer *p = open_polling(w);

    memset(bytes, 'x', sizeof(bytes));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t k = 0; k < COUNT_OF(rows[i].sizes); k++)
            say_bytes(p, false, (str){bytes, rows[i].sizes[k]});
        for (size_t k = 0; k < COUNT_OF(rows[i].answers) && rows[i].answers[k] > 0; k++) {
            const struct answer a = client_take_answer(get(p));
            expect_int(rows[i].name, a.body.len, rows[i].answers[k]);
        }
    }
    expect_waits(get(p));
}

static void a_second_get_ends_the_session(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);

    struct client *first = get(p);
    struct client *second = get(p);
    expect_answer(first, 200, "1");
    expect_answer(second, 400, "");
    expect_over("two GETs", p, EIO_PARSE_ERROR);
}

static void a_second_post_ends_the_session(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);

    struct client *first = begin_post(p);
    struct client *second = post(p, STR("4x"));
    expect_int("no answer", client_take_answer(first).status, 0);
    assert_true(first->stream.is_aborted);
    expect_answer(second, 400, "");
    expect_over("two POSTs", p, EIO_PARSE_ERROR);
    expect_heard(p, "");
}

static void a_get_and_a_post_go_side_by_side(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);

    struct client *waiting = get(p);
    struct client *posting = begin_post(p);
    say(p, "down");
    settle(w);
    expect_answer(waiting, 200, "4down");
    end_post(p, posting);
    const struct answer a = client_take_answer(posting);
    expect_int("status", a.status, 200);
    expect_str("type", answer_field(&a, STR("Content-Type")), STR("text/html"));
    expect_str("cache", answer_field(&a, STR("Cache-Control")), STR("no-store"));
    expect_str("body", a.body, STR("ok"));
    expect_heard(p, "hi");
}

static void a_lost_get_ends_the_session(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);

    client_lose(&w->eio, get(p));
    expect_over("lost GET", p, EIO_TRANSPORT_CLOSE);
}

static void a_lost_post_ends_the_session(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);

    struct client *waiting = get(p);
    client_lose(&w->eio, begin_post(p));
    expect_answer(waiting, 200, "1");
    expect_over("lost POST", p, EIO_TRANSPORT_CLOSE);
    expect_heard(p, "");
}

static void a_connection_between_polls_may_go(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);

    struct client *c = get(p);
    say(p, "x");
    settle(w);
    client_lose(&w->eio, c);
    expect_polling("lost afterwards", p);
}

static void a_body_over_the_limit_is_refused_and_no_more(void **state)
{
    ((struct world *)*state)->config.max_payload = 3;
    struct world *w = serve(state);
    struct peer *p = open_polling(w);

    expect_answer(post(p, STR("4ab")), 200, "ok");
    expect_answer(post(p, STR("4abc")), 413, "");
    expect_heard(p, "ab");
    expect_polling("after 413", p);
}

static void a_binary_payload_ends_the_session(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);
    char query[QUERY_SIZE];
    const struct request rq = {.method = "POST",
                               .query = query_of(p, POLLING, query),
                               .fields = "Content-Type: application/octet-stream\r\n",
                               .body = STR("4hi"),
                               .has_body = true};

    expect_answer(ask(w, &rq), 400, "");
    expect_over("octets", p, EIO_PARSE_ERROR);
    expect_heard(p, "");
}

/** A body that a GET has no use for is not waited for, and does not confuse anybody. */
static void a_get_may_have_a_body(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);
    char query[QUERY_SIZE];
    const struct request rq = {
        .query = query_of(p, POLLING, query), .body = STR("4no"), .has_body = true};

    struct client *c = ask(w, &rq);
    expect_waits(c);
    say(p, "x");
    settle(w);
    expect_answer(c, 200, "4x");
    expect_heard(p, "");
    expect_polling("afterwards", p);
}

static void one_connection_serves_many_requests(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);
    char query[QUERY_SIZE];
    struct client *c = client_new(&w->eio);
    const struct request get_rq = {.query = query_of(p, POLLING, query)};
    const struct request post_rq = {
        .method = "POST", .query = query, .body = STR("4up"), .has_body = true};

    say(p, "one");
    client_send(c, &get_rq);
    client_send(c, &post_rq);
    client_send(c, &get_rq); // pipelined, and waits
    client_send(c, &post_rq);
    settle(w);
    expect_answer(c, 200, "4one");
    expect_answer(c, 200, "ok");
    expect_waits(c);
    say(p, "two");
    settle(w);
    expect_answer(c, 200, "4two");
    expect_answer(c, 200, "ok");
    expect_heard(p, "up|up");
}

// Packets.

// clang-format off
static const struct packet_row {
    const char *name;
    str sent; // a payload, or a WebSocket message
    unsigned status; // of the POST
    int fate;
    str heard;
} payloads[] = {
    {"message",                 STR("4hi"),                   200, STILL_OPEN,          STR("hi")},
    {"empty message",           STR("4"),                     200, STILL_OPEN,          STR("")},
    {"binary",                  STR("bAP8="),                 200, STILL_OPEN,          STR("[\x00\xff]")},
    {"binary, lines, no end",   STR("bA\r\nP8"),              200, STILL_OPEN,          STR("[\x00\xff]")},
    {"several",                 STR("4a\036bYg==\0364c"), 200, STILL_OPEN,        STR("a|[b]|c")},
    {"UTF-8",                   STR("4\xc3\xa9"),             200, STILL_OPEN,          STR("\xc3\xa9")},
    {"open",                    STR("0"),                     200, STILL_OPEN,          STR("")},
    {"pong",                    STR("3"),                     200, STILL_OPEN,          STR("")},
    {"pong with data",          STR("3probe"),                200, STILL_OPEN,          STR("")},
    {"upgrade",                 STR("5"),                     200, STILL_OPEN,          STR("")},
    {"noop",                    STR("6"),                     200, STILL_OPEN,          STR("")},
    {"close",                   STR("1"),                     200, EIO_TRANSPORT_CLOSE, STR("")},
    {"message, close, message", STR("4a\0361\0364b"),   200, EIO_TRANSPORT_CLOSE, STR("a")},
    {"close, then garbage",     STR("1\036x"),                200, EIO_TRANSPORT_CLOSE, STR("")},
    {"nothing",                 STR(""),                      400, EIO_PARSE_ERROR,     STR("")},
    {"unknown type",            STR("7"),                     400, EIO_PARSE_ERROR,     STR("")},
    {"letter",                  STR("abc"),                   400, EIO_PARSE_ERROR,     STR("")},
    {"separator at the end",    STR("4a\036"),                400, EIO_PARSE_ERROR,     STR("a")},
    {"separator alone",         STR("\036"),                  400, EIO_PARSE_ERROR,     STR("")},
    {"good ones before a bad",  STR("4a\0364b\036x\0364c"), 400, EIO_PARSE_ERROR, STR("a|b")},
    {"ping",                    STR("2"),                     400, EIO_PARSE_ERROR,     STR("")},
    {"ping with data",          STR("2probe"),                400, EIO_PARSE_ERROR,     STR("")},
    {"broken base64",           STR("b!"),                    400, EIO_PARSE_ERROR,     STR("")},
    {"not UTF-8",               STR("4\xff"),                 400, EIO_PARSE_ERROR,     STR("")},
}, ws_texts[] = {
    {"message",                 STR("4hi"),                   0, STILL_OPEN,          STR("hi")},
    {"a separator is text",     STR("4a\0364b"),           0, STILL_OPEN,          STR("a\0364b")},
    {"binary as text",          STR("bAP8="),                 0, STILL_OPEN,          STR("[\x00\xff]")},
    {"open",                    STR("0"),                     0, STILL_OPEN,          STR("")},
    {"pong",                    STR("3"),                     0, STILL_OPEN,          STR("")},
    {"upgrade",                 STR("5"),                     0, STILL_OPEN,          STR("")},
    {"noop",                    STR("6"),                     0, STILL_OPEN,          STR("")},
    {"close",                   STR("1"),                     0, EIO_TRANSPORT_CLOSE, STR("")},
    {"nothing",                 STR(""),                      0, EIO_PARSE_ERROR,     STR("")},
    {"unknown type",            STR("7"),                     0, EIO_PARSE_ERROR,     STR("")},
    {"letter",                  STR("abc"),                   0, EIO_PARSE_ERROR,     STR("")},
    {"ping",                    STR("2"),                     0, EIO_PARSE_ERROR,     STR("")},
    {"probe",                   STR("2probe"),                0, EIO_PARSE_ERROR,     STR("")},
    {"broken base64",           STR("b="),                    0, EIO_PARSE_ERROR,     STR("")},
};
// clang-format on

static struct world *begin_row(struct world *w)
{
    // Only as many peers as a test has room for: forget those of the rows before.
    for (size_t i = 0; i < w->n_peers; i++) {
        if (w->peers[i].fate == STILL_OPEN)
            close_peer(&w->peers[i]);
        buf_fini(&w->peers[i].heard);
    }
    w->n_peers = 0;
    return w;
}

static void a_post_is_taken_packet_by_packet(void **state)
{
    struct world *w = serve(state);

    for (const struct packet_row *row = payloads; row < payloads + COUNT_OF(payloads); row++) {
        struct peer *p = open_polling(begin_row(w));
        struct client *waiting = get(p);
        struct client *c = post(p, row->sent);

        expect_answer_of(row->name, c, row->status, row->status == 200 ? STR("ok") : STR(""));
        expect_str(row->name, buf_str(&p->heard), row->heard);
        expect_int(row->name, p->fate, row->fate);
        if (row->fate == STILL_OPEN) {
            expect_waits(waiting);
            continue;
        }
        expect_answer_of(row->name, waiting, 200,
                         row->fate == EIO_TRANSPORT_CLOSE ? STR("6") : STR("1"));
        expect_forgotten(row->name, p);
    }
}

static void a_websocket_message_is_a_packet(void **state)
{
    struct world *w = serve(state);

    for (const struct packet_row *row = ws_texts; row < ws_texts + COUNT_OF(ws_texts); row++) {
        struct client *c;
        struct peer *p = open_websocket(begin_row(w), &c);

        client_send_frame(c, WS_TEXT, row->sent);
        settle(w);
        expect_str(row->name, buf_str(&p->heard), row->heard);
        expect_int(row->name, p->fate, row->fate);
        expect_str(row->name, take_frames(w, c),
                   row->fate == STILL_OPEN ? STR("") : STR("<close>"));
        if (row->fate != STILL_OPEN)
            expect_forgotten(row->name, p);
    }
}

static void a_websocket_carries_bytes_as_they_are(void **state)
{
    struct world *w = serve(state);
    struct client *c;
    struct peer *p = open_websocket(w, &c);

    assert_true(eio_is_writable(p->session));
    client_send_frame(c, WS_BINARY, STR("\x00\xff"));
    client_send_frame(c, WS_BINARY, STR(""));
    settle(w);
    expect_heard(p, "[\x00\xff]|[]");
    say_bytes(p, true, STR("\x34\x00"));
    assert_false(eio_is_writable(p->session));
    say_bytes(p, true, (str){0});
    say(p, "text");
    say(p, "");
    expect_frames(w, c, "[4\x00]|[]|4text|4");
    assert_true(eio_is_writable(p->session));
}

static void a_message_is_put_together_from_its_parts(void **state)
{
    const str parts[8] = {STR("a"), STR(""),  STR("bc"), {0},
                          STR("d"), STR("e"), STR("f"),  STR("g")};
    struct world *w = serve(state);
    struct client *c;
    struct client *b64;
    struct peer *p = open_polling(w);
    struct peer *q = open_websocket(w, &c);
    struct peer *r = open_websocket_with(w, WEBSOCKET "&b64=1", &b64);
    struct peer *const peers[] = {p, q, r};

    for (size_t i = 0; i < COUNT_OF(peers); i++) {
        eio_send(peers[i]->session, false, parts, COUNT_OF(parts));
        eio_send(peers[i]->session, true, parts, COUNT_OF(parts));
        eio_send(peers[i]->session, false, NULL, 0);
    }
    expect_answer(get(p), 200, "4abcdefg\036bYWJjZGVmZw==\0364");
    expect_frames(w, c, "4abcdefg|[abcdefg]|4");
    expect_frames(w, b64, "4abcdefg|bYWJjZGVmZw==|4");
}

static void a_websocket_without_binary_frames_gets_base64(void **state)
{
    struct world *w = serve(state);
    struct client *c;
    struct peer *p = open_websocket_with(w, WEBSOCKET "&b64=1", &c);

    say_bytes(p, true, STR("\x00\xff"));
    say_bytes(p, true, (str){0});
    expect_frames(w, c, "bAP8=|b");
    tell(w, c, "bAP8=");
    expect_heard(p, "[\x00\xff]");

    p = open_websocket_with(w, WEBSOCKET "&b64=0", &c);
    say_bytes(p, true, STR("a"));
    expect_frames(w, c, "[a]");
}

static void what_came_with_the_handshake_is_read(void **state)
{
    struct world *w = serve(state);
    struct client *c = client_new(&w->eio);
    struct server_frame f;
    struct buf all;

    buf_init(&all, 1000);
    assert_int_equal(buf_add(&all, STR("GET /engine.io/?" WEBSOCKET
                                       " HTTP/1.1\r\nHost: a\r\n" EIO_UPGRADE_FIELDS "\r\n"
                                       "\x81\x83"
                                       "\0\0\0\0"
                                       "4hi")),
                     0);
    mem_stream_feed(&c->stream, buf_str(&all));
    buf_fini(&all);
    settle(w);
    expect_int("upgrade", client_take_answer(c).status, 101);
    assert_true(client_take_frame(c, &f));
    expect_heard(last_peer(w, f.payload), "hi");
}

static void close_at_once(struct peer *p)
{
    close_peer(p);
}

static void an_application_may_close_what_has_just_opened(void **state)
{
    struct world *w = serve(state);

    w->in_open = close_at_once;
    struct peer *p = open_polling(w);
    expect_answer(get(p), 200, "6\0361");
    expect_over("polling", p, EIO_CLOSED_BY_APP);

    struct client *c;
    struct peer *q = open_websocket(w, &c);
    expect_frames(w, c, "<close>");
    expect_over("websocket", q, EIO_CLOSED_BY_APP);
}

static void greet(struct peer *p)
{
    say(p, "welcome");
}

static void an_application_may_greet(void **state)
{
    struct world *w = serve(state);
    struct client *c;

    w->in_open = greet;
    expect_answer(get(open_polling(w)), 200, "4welcome");
    open_websocket(w, &c);
    expect_frames(w, c, "4welcome");
}

static void nothing_is_heard_once_the_application_has_closed(void **state)
{
    struct world *w = serve(state);
    struct client *c;

    w->in_message = close_at_once;
    struct peer *p = open_polling(w);
    expect_answer(post(p, STR("4a\0364b\036x")), 200, "ok");
    expect_heard(p, "a");
    expect_answer(get(p), 200, "6\0361");

    struct peer *q = open_websocket(w, &c);
    client_send_frame(c, WS_TEXT, STR("4a"));
    client_send_frame(c, WS_TEXT, STR("4b"));
    settle(w);
    expect_heard(q, "a");
    expect_frames(w, c, "<close>");
}

// The heartbeat.

static void pings_an_interval_after_the_handshake(void **state)
{
    struct world *w = serve(state);
    struct client *c;
    struct client *ws;

    struct peer *p = open_polling(w);
    open_websocket(w, &ws);
    c = get(p);
    pass_ms(w, 24999);
    expect_waits(c);
    expect_frames(w, ws, "");
    pass_ms(w, 1);
    expect_answer(c, 200, "2");
    expect_frames(w, ws, "2");
    pass_ms(w, 19999);
    expect_frames(w, ws, ""); // one ping at a time
}

static void is_dead_a_timeout_after_the_ping(void **state)
{
    struct world *w = serve(state);
    struct client *ws;
    struct peer *p = open_polling(w);
    struct peer *q = open_websocket(w, &ws);
    struct peer *r = open_polling(w); // never polls at all

    struct client *c = get(p);
    pass_ms(w, 25000);
    expect_answer(c, 200, "2");
    c = get(p);
    pass_ms(w, 19999);
    assert_int_equal(p->fate, STILL_OPEN);
    assert_int_equal(q->fate, STILL_OPEN);
    assert_int_equal(r->fate, STILL_OPEN);
    expect_frames(w, ws, "2");
    expect_waits(c);
    pass_ms(w, 1);
    expect_answer(c, 200, "1");
    expect_frames(w, ws, "<close>");
    expect_over("polling", p, EIO_PING_TIMEOUT);
    expect_over("websocket", q, EIO_PING_TIMEOUT);
    expect_over("silent", r, EIO_PING_TIMEOUT);
}

static void messages_do_not_count_as_life(void **state)
{
    struct world *w = serve(state);
    struct client *ws;
    struct peer *p = open_polling(w);
    struct peer *q = open_websocket(w, &ws);

    pass_ms(w, 44999);
    expect_answer(post(p, STR("4alive")), 200, "ok");
    tell(w, ws, "4alive");
    pass_ms(w, 1);
    expect_over("polling", p, EIO_PING_TIMEOUT);
    expect_over("websocket", q, EIO_PING_TIMEOUT);
}

static void a_pong_starts_the_next_interval(void **state)
{
    struct world *w = serve(state);
    struct client *ws;
    struct peer *p = open_polling(w);
    struct peer *q = open_websocket(w, &ws);

    pass_ms(w, 44999); // the last moment for it
    expect_frames(w, ws, "2");
    tell(w, ws, "3");
    expect_answer(get(p), 200, "2");
    expect_answer(post(p, STR("3")), 200, "ok");
    struct client *c = get(p);
    pass_ms(w, 24999);
    expect_waits(c);
    expect_frames(w, ws, "");
    pass_ms(w, 1);
    expect_answer(c, 200, "2");
    expect_frames(w, ws, "2");
    pass_ms(w, 20000);
    expect_over("polling", p, EIO_PING_TIMEOUT);
    expect_over("websocket", q, EIO_PING_TIMEOUT);
}

static void a_pong_that_was_not_asked_for_counts(void **state)
{
    struct world *w = serve(state);
    struct client *ws;

    open_websocket(w, &ws);
    pass_ms(w, 10000);
    tell(w, ws, "3");
    pass_ms(w, 24999);
    expect_frames(w, ws, "");
    pass_ms(w, 1);
    expect_frames(w, ws, "2");
}

/** The loop may be held up: what a request finds depends on the clock, not on the timer. */
static void a_request_finds_the_session_dead_before_the_timer_does(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);
    struct peer *q = open_polling(w);

    pass_ms(w, 25000);
    pass_ms_unnoticed(w, 19999);
    expect_answer(get(p), 200, "2");
    pass_ms_unnoticed(w, 1);
    expect_forgotten("at the deadline", p);
    assert_int_equal(p->fate, EIO_PING_TIMEOUT);
    expect_answer(post(q, STR("3")), 400, NO_SESSION);
    expect_over("a pong too late", q, EIO_PING_TIMEOUT);
}

/** Its pong may be there: nobody looks. It is pinged all the same, or it would leave. */
static void a_paused_websocket_has_all_the_time(void **state)
{
    struct world *w = serve(state);
    struct client *c;
    struct peer *p = open_websocket(w, &c);

    eio_set_reading(p->session, false);
    eio_set_reading(p->session, false);
    assert_false(c->stream.is_reading);
    pass_ms(w, 25000);
    expect_frames(w, c, "2");
    for (int i = 0; i < 10; i++) {
        pass_ms(w, 20000);
        expect_frames(w, c, "2");
    }
    pass_ms(w, 19999);
    eio_set_reading(p->session, true);
    assert_true(c->stream.is_reading);
    pass_ms(w, 19999);
    assert_int_equal(p->fate, STILL_OPEN);
    tell(w, c, "3");
    pass_ms(w, 25000);
    expect_frames(w, c, "2");

    eio_set_reading(p->session, false);
    eio_set_reading(p->session, true);
    pass_ms(w, 20000);
    expect_over("silent", p, EIO_PING_TIMEOUT);
}

static void who_polls_is_heard_though_paused(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);

    eio_set_reading(p->session, false);
    expect_answer(post(p, STR("4hi")), 200, "ok");
    expect_heard(p, "hi");
    pass_ms(w, 45000);
    expect_over("no pong", p, EIO_PING_TIMEOUT);
}

/** The client's close frame is the answer to ours. */
static void a_paused_websocket_is_closed_properly(void **state)
{
    struct world *w = serve(state);
    struct client *c;
    struct peer *p = open_websocket(w, &c);

    eio_set_reading(p->session, false);
    close_peer(p);
    eio_set_reading(p->session, true); // harmless
    assert_true(c->stream.is_reading);
    expect_frames(w, c, "<close>");
    client_send_frame(c, WS_CLOSE, STR(""));
    assert_true(c->stream.is_closed);
}

static void a_ping_that_is_hardly_late_does_not_shift_the_deadline(void **state)
{
    struct world *w = serve(state);
    struct client *ws;
    struct peer *p = open_websocket(w, &ws);

    pass_ms_unnoticed(w, 25050);
    pass_ms(w, 0);
    expect_frames(w, ws, "2");
    pass_ms(w, 19949);
    assert_int_equal(p->fate, STILL_OPEN);
    pass_ms(w, 1);
    expect_over("hardly late", p, EIO_PING_TIMEOUT);
}

/** A server that stood still for minutes must not blame its clients. */
static void a_ping_that_is_late_gives_its_pong_the_whole_time(void **state)
{
    struct world *w = serve(state);
    struct client *ws;
    struct peer *p = open_websocket(w, &ws);

    pass_ms_unnoticed(w, 300000);
    pass_ms(w, 0);
    expect_frames(w, ws, "2");
    pass_ms(w, 19999);
    assert_int_equal(p->fate, STILL_OPEN);
    pass_ms(w, 1);
    expect_over("late", p, EIO_PING_TIMEOUT);
}

/** What a poll's answer would have held is lost: the client must not go on without it. */
static void an_answer_that_the_connection_cannot_take_ends_the_session(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);
    struct client *c = get(p);

    c->stream.stream.out.max = stream_queued(&c->stream.stream) + 10;
    say(p, "more than that");
    settle(w);
    assert_true(client_is_cut(c));
    expect_over("no room", p, EIO_SLOW_CONSUMER);
}

// The end.

static void the_application_closes_a_waiting_poll(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);
    struct client *c = get(p);

    close_peer(p);
    settle(w);
    expect_answer(c, 200, "1");
    expect_over("closed", p, EIO_CLOSED_BY_APP);
}

static void what_was_sent_before_the_close_still_arrives(void **state)
{
    struct world *w = serve(state);
    struct client *ws;
    struct peer *p = open_polling(w);
    struct peer *q = open_polling(w);
    struct peer *r = open_websocket(w, &ws);
    struct peer *const all[] = {p, q, r};
    struct client *waiting = get(q);

    for (size_t i = 0; i < COUNT_OF(all); i++) {
        say(all[i], "last");
        close_peer(all[i]);
        eio_close(all[i]->session); // again, and nothing more
        say(all[i], "too late");
        assert_false(eio_is_writable(all[i]->session));
    }
    settle(w);
    expect_answer(get(p), 200, "4last");
    expect_answer(get(p), 200, "6\0361");
    expect_over("no poll waited", p, EIO_CLOSED_BY_APP);
    expect_answer(waiting, 200, "4last");
    expect_answer(get(q), 200, "6\0361");
    expect_over("a poll waited", q, EIO_CLOSED_BY_APP);
    expect_frames(w, ws, "4last|<close>");
    expect_over("websocket", r, EIO_CLOSED_BY_APP);
}

static void a_waiting_poll_gets_what_is_queued_when_the_session_ends(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);

    struct client *c = get(p);
    say(p, "last");
    eio_server_shut_down(w->eio.server); // in the same turn
    settle(w);
    expect_answer(c, 200, "4last");
    expect_over("shut down", p, EIO_SHUTTING_DOWN);
}

static void a_close_is_kept_for_the_next_poll(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);
    struct peer *q = open_polling(w);
    struct peer *r = open_polling(w);

    pass_ms(w, 40000); // a ping is due an answer; that is of no interest any more
    close_peer(p);
    close_peer(q);
    close_peer(r);
    pass_ms(w, EIO_CLOSE_KEPT_MS - 1);
    expect_answer(get(p), 200, "2");
    expect_answer(get(p), 200, "6\0361");
    pass_ms_unnoticed(w, 1);
    expect_forgotten("by a request", q);
    pass_ms(w, 0);
    expect_forgotten("by the timer", r);
}

static void a_closed_session_hears_nothing(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);
    struct peer *q = open_polling(w);
    struct peer *r = open_polling(w);

    close_peer(p);
    expect_answer(post(p, STR("4a\0363")), 200, "ok");
    struct client *ws = probe(p);
    expect_frames(w, ws, "<close>");
    expect_heard(p, "");
    expect_answer(get(p), 200, "6\0361");

    close_peer(q);
    expect_answer(post(q, STR("\xff")), 400, "");
    expect_forgotten("not UTF-8", q);

    close_peer(r);
    client_lose(&w->eio, begin_post(r));
    expect_forgotten("lost", r);
}

static void a_websocket_that_is_lost_or_closes_ends_the_session(void **state)
{
    struct world *w = serve(state);
    struct client *c;

    struct peer *p = open_websocket(w, &c);
    client_lose(&w->eio, c);
    expect_over("lost", p, EIO_TRANSPORT_CLOSE);

    p = open_websocket(w, &c);
    client_send_frame(c, WS_CLOSE, STR("\x03\xe8"));
    settle(w);
    expect_frames(w, c, "<close 1000>");
    expect_over("closed", p, EIO_TRANSPORT_CLOSE);

    p = open_websocket(w, &c);
    client_send_frame(c, WS_TEXT, STR("\xff"));
    settle(w);
    expect_frames(w, c, "<close 1007>");
    expect_over("not UTF-8", p, EIO_TRANSPORT_CLOSE);
}

static void a_message_over_the_limit_closes_the_websocket(void **state)
{
    ((struct world *)*state)->config.max_payload = 3;
    struct world *w = serve(state);
    struct client *c;

    struct peer *p = open_websocket(w, &c);
    tell(w, c, "4ab");
    expect_heard(p, "ab");
    tell(w, c, "4abc");
    const str frames = take_frames(w, c);
    assert_true(str_starts(frames, STR("<close 1009>")));
    expect_over("too big", p, EIO_TRANSPORT_CLOSE);
}

/** An application may trust a client with less, and later with more. */
static void the_application_may_limit_what_a_client_sends(void **state)
{
    ((struct world *)*state)->config.max_payload = 5;
    struct world *w = serve(state);
    struct client *c;
    struct peer *p = open_polling(w);
    struct peer *q = open_websocket(w, &c);

    eio_limit_payload(p->session, 3);
    eio_limit_payload(q->session, 3);
    expect_answer(post(p, STR("4ab")), 200, "ok");
    expect_answer(post(p, STR("4abc")), 413, "");
    tell(w, c, "4ab");
    eio_limit_payload(p->session, SIZE_MAX);
    eio_limit_payload(q->session, SIZE_MAX);
    expect_answer(post(p, STR("4abcd")), 200, "ok");
    expect_answer(post(p, STR("4abcde")), 413, "");
    tell(w, c, "4abcd");
    expect_heard(p, "ab|abcd");
    expect_heard(q, "ab|abcd");

    eio_limit_payload(q->session, 3);
    tell(w, c, "4abc");
    assert_true(str_starts(take_frames(w, c), STR("<close 1009>")));
    expect_over("too big", q, EIO_TRANSPORT_CLOSE);
}

// Clients that do not read.

static void fill(struct peer *p, size_t n)
{
    char *bytes = mem_alloc(n);

    memset(bytes, 'x', n);
    say_bytes(p, false, (str){bytes, n});
    free(bytes);
}

static void a_poller_may_leave_so_much_unread(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);
    struct peer *q = open_polling(w);

    fill(p, EIO_QUEUE_MAX / 2 - EIO_QUEUED_COST);
    fill(p, EIO_QUEUE_MAX / 2 - EIO_QUEUED_COST);
    settle(w);
    assert_int_equal(p->fate, STILL_OPEN);
    say(p, "");
    say(p, "too late");
    assert_int_equal(p->fate, STILL_OPEN); // not from inside the call
    settle(w);
    expect_over("one packet more", p, EIO_SLOW_CONSUMER);

    fill(q, EIO_QUEUE_MAX / 2 - EIO_QUEUED_COST);
    fill(q, EIO_QUEUE_MAX / 2 - EIO_QUEUED_COST + 1);
    settle(w);
    expect_over("one byte more", q, EIO_SLOW_CONSUMER);
}

/** Packets without a byte in them take memory all the same. */
static void empty_packets_count(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);

    for (int i = 0; i < EIO_QUEUE_MAX / EIO_QUEUED_COST; i++)
        say(p, "");
    settle(w);
    assert_int_equal(p->fate, STILL_OPEN);
    say(p, "");
    settle(w);
    expect_over("one more", p, EIO_SLOW_CONSUMER);
}

static void what_was_read_counts_no_more(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);

    for (int i = 0; i < 4; i++) {
        fill(p, EIO_QUEUE_MAX - EIO_QUEUED_COST);
        const struct answer a = client_take_answer(get(p));
        assert_int_equal(a.body.len, 1 + EIO_QUEUE_MAX - EIO_QUEUED_COST);
    }
    assert_int_equal(p->fate, STILL_OPEN);
}

static void a_poll_that_waits_learns_that_it_was_too_slow(void **state)
{
    struct world *w = serve(state);
    struct peer *p = open_polling(w);

    struct client *c = get(p);
    fill(p, EIO_QUEUE_MAX);
    settle(w);
    expect_answer(c, 200, "1");
    expect_over("too much in a turn", p, EIO_SLOW_CONSUMER);
}

static void a_websocket_may_leave_so_much_unread(void **state)
{
    struct world *w = serve(state);
    struct client *c;

    struct peer *p = open_websocket(w, &c);
    c->stream.stream.in_flight = EIO_QUEUE_MAX - EIO_QUEUED_COST - 2;
    say(p, "ab");
    settle(w);
    assert_int_equal(p->fate, STILL_OPEN);
    expect_frames(w, c, "4ab");
    say(p, "abc");
    say(p, ""); // nothing follows what was lost
    settle(w);
    expect_frames(w, c, "");
    assert_true(c->stream.is_aborted);
    expect_over("one byte more", p, EIO_SLOW_CONSUMER);
}

static void a_ping_may_be_what_is_too_much(void **state)
{
    struct world *w = serve(state);
    struct client *c;

    struct peer *p = open_websocket(w, &c);
    c->stream.stream.in_flight = EIO_QUEUE_MAX;
    pass_ms(w, 25000);
    assert_true(c->stream.is_aborted);
    expect_over("full", p, EIO_SLOW_CONSUMER);
}

static void a_slow_client_may_be_closed_before_it_is_found_out(void **state)
{
    struct world *w = serve(state);
    struct client *c;

    struct peer *p = open_polling(w);
    fill(p, EIO_QUEUE_MAX);
    close_peer(p);
    settle(w);
    expect_over("polling", p, EIO_CLOSED_BY_APP);

    struct peer *q = open_websocket(w, &c);
    fill(q, EIO_QUEUE_MAX);
    close_peer(q);
    settle(w);
    expect_over("websocket", q, EIO_CLOSED_BY_APP);

    struct peer *r = open_polling(w);
    fill(r, EIO_QUEUE_MAX);
    client_send(client_new(&w->eio), &(struct request){.method = "GET", .query = POLLING});
    eio_server_shut_down(w->eio.server);
    settle(w);
    assert_int_equal(r->fate, EIO_SHUTTING_DOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_poll_waits_until_something_is_sent),
        TEST(what_is_queued_answers_the_next_poll_at_once),
        TEST(an_answer_has_at_most_16_packets),
        TEST(an_answer_has_at_most_a_mebibyte_or_one_packet),
        TEST(a_second_get_ends_the_session),
        TEST(a_second_post_ends_the_session),
        TEST(a_get_and_a_post_go_side_by_side),
        TEST(a_lost_get_ends_the_session),
        TEST(a_lost_post_ends_the_session),
        TEST(a_connection_between_polls_may_go),
        TEST(a_body_over_the_limit_is_refused_and_no_more),
        TEST(a_binary_payload_ends_the_session),
        TEST(a_get_may_have_a_body),
        TEST(one_connection_serves_many_requests),
        TEST(a_post_is_taken_packet_by_packet),
        TEST(a_websocket_message_is_a_packet),
        TEST(a_websocket_carries_bytes_as_they_are),
        TEST(a_message_is_put_together_from_its_parts),
        TEST(a_websocket_without_binary_frames_gets_base64),
        TEST(what_came_with_the_handshake_is_read),
        TEST(an_application_may_close_what_has_just_opened),
        TEST(an_application_may_greet),
        TEST(nothing_is_heard_once_the_application_has_closed),
        TEST(pings_an_interval_after_the_handshake),
        TEST(is_dead_a_timeout_after_the_ping),
        TEST(messages_do_not_count_as_life),
        TEST(a_pong_starts_the_next_interval),
        TEST(a_pong_that_was_not_asked_for_counts),
        TEST(a_request_finds_the_session_dead_before_the_timer_does),
        TEST(an_answer_that_the_connection_cannot_take_ends_the_session),
        TEST(a_paused_websocket_has_all_the_time),
        TEST(who_polls_is_heard_though_paused),
        TEST(a_paused_websocket_is_closed_properly),
        TEST(a_ping_that_is_hardly_late_does_not_shift_the_deadline),
        TEST(a_ping_that_is_late_gives_its_pong_the_whole_time),
        TEST(the_application_closes_a_waiting_poll),
        TEST(what_was_sent_before_the_close_still_arrives),
        TEST(a_waiting_poll_gets_what_is_queued_when_the_session_ends),
        TEST(a_close_is_kept_for_the_next_poll),
        TEST(a_closed_session_hears_nothing),
        TEST(a_websocket_that_is_lost_or_closes_ends_the_session),
        TEST(a_message_over_the_limit_closes_the_websocket),
        TEST(the_application_may_limit_what_a_client_sends),
        TEST(a_poller_may_leave_so_much_unread),
        TEST(empty_packets_count),
        TEST(what_was_read_counts_no_more),
        TEST(a_poll_that_waits_learns_that_it_was_too_slow),
        TEST(a_websocket_may_leave_so_much_unread),
        TEST(a_ping_may_be_what_is_too_much),
        TEST(a_slow_client_may_be_closed_before_it_is_found_out),
    };
    return cmocka_run_group_tests_name("eio/session", tests, NULL, NULL);
}
