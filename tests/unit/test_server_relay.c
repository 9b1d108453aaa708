#include "support/relay_world.h"

// A session is at node 0, and its client talks to node 1.

#define HERE  1 // the node that clients talk to
#define OWNER 0

#define LONG 4000000 // bytes of an answer, more than the kernel holds of a connection

static struct relay_numbers numbers(const struct relay_world *w)
{
    return relay_numbers(w->nodes[HERE].relay);
}

static void expect_idle(struct relay_world *w)
{
    RELAY_UNTIL(w, relay_node_is_idle(&w->nodes[HERE]));
}

static void a_poll_waits_at_its_owner(void **state)
{
    struct relay_world *w = *state;
    char sid[RAND_NAME_SIZE];
    struct relay_client c;
    struct relay_peer *p = relay_begin(w, OWNER, sid);

    relay_client_open(&c, w, HERE);
    relay_ask_poll(&c, sid);
    relay_turns(w);
    assert_int_equal(numbers(w).open, 1);
    relay_say(p, "hi");
    relay_expect_last(&c, 200, "4hi");
    expect_idle(w);
    assert_int_equal(numbers(w).taken, 1);
    assert_int_equal(numbers(w).failed, 0);
    relay_client_close(&c);
}

static void a_poll_for_its_own_node_is_not_relayed(void **state)
{
    struct relay_world *w = *state;
    char sid[RAND_NAME_SIZE];
    struct relay_client c;
    struct relay_peer *p = relay_begin(w, HERE, sid);

    relay_client_open(&c, w, HERE);
    relay_ask_poll(&c, sid);
    relay_turns(w);
    relay_say(p, "hi");
    relay_expect(&c, 200, "4hi");
    assert_false(c.has_ended);
    assert_int_equal(numbers(w).taken, 0);
    relay_client_close(&c);
}

static void a_post_comes_in_pieces(void **state)
{
    static const char *const fields[] = {"Content-Length: 6\r\n",
                                         "Transfer-Encoding: chunked\r\n"};
    static const str bodies[] = {STR("4hello"),
                                 STR("3\r\n4he\r\n3;x=y\r\nllo\r\n0\r\nA: b\r\n\r\n")};
    struct relay_world *w = *state;
    char sid[RAND_NAME_SIZE];
    struct relay_client c;
    struct relay_peer *p = relay_begin(w, OWNER, sid);

    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        relay_client_open(&c, w, HERE);
        relay_ask(&c, "POST", "polling", sid, fields[i]);
        for (str body = bodies[i]; body.len > 0; relay_turn(w))
            relay_send(&c, str_take(&body, 1));
        relay_expect_last(&c, 200, "ok");
        expect_int("messages", p->n_messages, i + 1);
        assert_string_equal(p->last, "hello");
        relay_client_close(&c);
    }
    expect_idle(w);
}

/** Head and body in one piece, or cut anywhere. */
static void a_request_may_be_cut_anywhere(void **state)
{
    struct relay_world *w = *state;
    char sid[RAND_NAME_SIZE];
    char text[RELAY_REQUEST_SIZE];
    struct relay_peer *p = relay_begin(w, OWNER, sid);

    const int n = snprintf(text, sizeof(text),
                           "POST " RELAY_PATH
                           "polling&sid=%s HTTP/1.1\r\nHost: a\r\n"
                           "Content-Length: 3\r\n\r\n4hi",
                           sid);
    for (size_t at = 0; at < (size_t)n; at += 7) {
        str rest = {text, (size_t)n};
        struct relay_client c;
        relay_client_open(&c, w, HERE);
        relay_send(&c, str_take(&rest, at));
        relay_turn(w);
        relay_send(&c, rest);
        relay_expect_last(&c, 200, "ok");
        expect_int("messages", p->n_messages, at / 7 + 1);
        relay_client_close(&c);
    }
}

static void a_client_is_asked_for_its_body(void **state)
{
    struct relay_world *w = *state;
    char sid[RAND_NAME_SIZE];
    struct relay_client c;

    relay_begin(w, OWNER, sid);
    relay_client_open(&c, w, HERE);
    relay_ask(&c, "POST", "polling", sid, "Content-Length: 3\r\nExpect: 100-continue\r\n");
    assert_int_equal(relay_take_answer(&c).status, 100);
    relay_send(&c, STR("4hi"));
    relay_expect_last(&c, 200, "ok");
    relay_client_close(&c);
}

static void a_body_that_is_none_is_refused(void **state)
{
    struct relay_world *w = *state;
    char sid[RAND_NAME_SIZE];
    struct relay_client c;

    relay_begin(w, OWNER, sid);
    relay_client_open(&c, w, HERE);
    relay_ask(&c, "POST", "polling", sid, "Transfer-Encoding: chunked\r\n");
    relay_send(&c, STR("pigeon\r\nGET / HTTP/1.1\r\n\r\n"));
    relay_expect_last(&c, 400, "");
    expect_idle(w);
    relay_client_close(&c);
}

/** It is neither done twice nor by whom it is not for: its client has to come again with it. */
static void what_is_pipelined_behind_it_is_dropped(void **state)
{
    struct relay_world *w = *state;
    char sid[RAND_NAME_SIZE];
    char text[2 * RELAY_REQUEST_SIZE];
    struct relay_client c;
    struct relay_peer *p = relay_begin(w, OWNER, sid);

    const int n = snprintf(text, sizeof(text),
                           "POST " RELAY_PATH
                           "polling&sid=%s HTTP/1.1\r\nHost: a\r\n"
                           "Content-Length: 3\r\n\r\n4hi"
                           "POST " RELAY_PATH
                           "polling&sid=%s HTTP/1.1\r\nHost: a\r\n"
                           "Content-Length: 4\r\n\r\n4bye",
                           sid, sid);
    for (size_t i = 0; i < 2; i++) { // at once, and while it waits
        str rest = {text, (size_t)n};
        relay_client_open(&c, w, HERE);
        if (i == 1) {
            relay_send(&c, str_take(&rest, 50));
            relay_turns(w);
        }
        relay_send(&c, rest);
        relay_expect_last(&c, 200, "ok");
        expect_int("messages", p->n_messages, i + 1);
        assert_string_equal(p->last, "hi");
        relay_client_close(&c);
    }
    relay_client_open(&c, w, HERE); // the session is well
    relay_ask_poll(&c, sid);
    relay_turns(w);
    relay_say(p, "well?");
    relay_expect_last(&c, 200, "4well?");
    relay_client_close(&c);
}

/** No more of it is read than anywhere else. */
static void a_flood_behind_a_poll_is_not_read(void **state)
{
    static char flood[65536];
    struct relay_world *w = *state;
    char sid[RAND_NAME_SIZE];
    struct relay_client c;
    size_t n_sent = 0;
    struct relay_peer *p = relay_begin(w, OWNER, sid);

    relay_client_open(&c, w, HERE);
    relay_ask_poll(&c, sid);
    for (size_t n_idle = 0; n_idle < 100; relay_turn(w)) {
        const size_t n = relay_send_some(&c, (str){flood, sizeof(flood)});
        n_idle = n > 0 ? 0 : n_idle + 1;
        n_sent += n;
        assert_true(n_sent < RELAY_MUCH);
    }
    relay_say(p, "hi");
    relay_expect(&c, 200, "4hi");
    relay_client_close(&c);
    expect_idle(w);
}

static void a_session_goes_over_to_a_websocket(void **state)
{
    struct relay_world *w = *state;
    char sid[RAND_NAME_SIZE];
    struct relay_client poll;
    struct relay_client ws;
    struct relay_peer *p = relay_begin(w, OWNER, sid);

    p->echoes = true;
    relay_client_open(&poll, w, HERE);
    relay_ask_poll(&poll, sid);
    relay_turns(w);
    relay_upgrade(&ws, w, HERE, sid);
    relay_expect_last(&poll, 200, "6");
    for (int i = 0; i < 3; i++) {
        relay_send_frame(&ws, STR("4hello"));
        relay_expect_frame(&ws, "4hello");
    }
    assert_int_equal(numbers(w).websockets, 1);
    relay_say(p, "news");
    relay_expect_frame(&ws, "4news");
    relay_client_close(&poll);
    relay_client_close(&ws);
    RELAY_UNTIL(w, p->fate == EIO_TRANSPORT_CLOSE);
    expect_idle(w);
}

static void a_refused_upgrade_ends_its_connection(void **state)
{
    struct relay_world *w = *state;
    struct relay_client c;

    relay_client_open(&c, w, HERE);
    relay_ask(&c, "GET", "websocket", relay_sid_of(OWNER), RELAY_UPGRADE);
    relay_expect_last(&c, 400, "Session ID unknown");
    assert_int_equal(numbers(w).taken, 1);
    assert_int_equal(numbers(w).failed, 0);
    expect_idle(w);
    relay_client_close(&c);
}

/** Another path there than here, say: what comes behind must not be read as a request. */
static void an_upgrade_that_nobody_knows_ends_its_connection(void **state)
{
    struct relay_world *w = *state;
    char sid[RAND_NAME_SIZE];
    struct relay_client c;

    relay_begin(w, OWNER, sid);
    w->nodes[OWNER].route.prefix = STR("/elsewhere/");
    relay_client_open(&c, w, HERE);
    relay_ask(&c, "GET", "websocket", sid, RELAY_UPGRADE);
    relay_expect_last(&c, 404, "Not Found\n");
    w->nodes[OWNER].route.prefix = STR("/engine.io/");
    relay_client_close(&c);
}

// Back-pressure.

/** 100 KB at a time, until they stay at the owner's. @return bytes said */
static size_t say_until_it_is_held_up(struct relay_world *w, struct relay_peer *p)
{
    static char much[100000];
    const str all = {much, sizeof(much)};
    size_t n = 0;

    memset(much, 'x', sizeof(much));
    for (size_t n_idle = 0; n_idle < 40; relay_turn(w)) {
        if (eio_queued(p->session) > 2 * sizeof(much)) {
            n_idle++;
            continue;
        }
        n_idle = 0;
        eio_send(p->session, false, &all, 1);
        n += sizeof(much);
        assert_true(n < RELAY_MUCH);
    }
    return n;
}

static void who_reads_slowly_holds_up_the_owner(void **state)
{
    struct relay_world *w = *state;
    char sid[RAND_NAME_SIZE];
    struct relay_client c;
    struct relay_peer *p = relay_begin(w, OWNER, sid);

    relay_upgrade(&c, w, HERE, sid);
    c.is_slow = true;
    const size_t n = say_until_it_is_held_up(w, p);
    assert_int_equal(p->fate, RELAY_ALIVE);
    c.is_slow = false;
    // Each has a header of 10 bytes, as 100 001 do not fit in 16 bits.
    const size_t want = n + n / 100000 * 11;
    RELAY_CLIENT_UNTIL(&c, c.in.len == want);
    assert_int_equal(eio_queued(p->session), 0);
    relay_say(p, "done");
    buf_clear(&c.in);
    relay_expect_frame(&c, "4done");
    relay_client_close(&c);
}

static void an_owner_that_reads_slowly_holds_up_the_client(void **state)
{
    struct relay_world *w = *state;
    char sid[RAND_NAME_SIZE];
    struct relay_client c;
    struct buf frame;
    size_t n_sent = 0;
    struct relay_peer *p = relay_begin(w, OWNER, sid);

    relay_upgrade(&c, w, HERE, sid);
    eio_set_reading(p->session, false);
    char *much = mem_alloc(100001);
    much[0] = '4';
    memset(much + 1, 'y', 100000);
    buf_init(&frame, 1 << 20);
    masked_frame(&frame, WS_TEXT, (str){much, 100001});
    const str whole = buf_str(&frame);
    str rest = whole;
    for (size_t n_idle = 0; n_idle < 100; relay_turn(w)) {
        const size_t n = relay_send_some(&c, rest);
        str_take(&rest, n);
        n_sent += rest.len == 0;
        rest = rest.len == 0 ? whole : rest;
        n_idle = n > 0 ? 0 : n_idle + 1;
        assert_true(n_sent * whole.len < RELAY_MUCH);
    }
    eio_set_reading(p->session, true);
    relay_send(&c, rest);
    n_sent += 1;
    RELAY_UNTIL(w, p->n_messages == n_sent);
    assert_int_equal(p->n_bytes, n_sent * 100000);
    buf_fini(&frame);
    free(much);
    relay_client_close(&c);
}

/** The owner has ended long before, and the client takes its time. */
static void a_long_answer_is_taken_slowly(void **state)
{
    struct relay_world *w = *state;
    char sid[RAND_NAME_SIZE];
    struct relay_client c;
    char *much = mem_alloc(LONG);
    const str all = {memset(much, 'z', LONG), LONG};
    const int small = 65536;
    struct relay_peer *p = relay_begin(w, OWNER, sid);

    eio_send(p->session, false, &all, 1);
    relay_client_open(&c, w, HERE);
    assert_int_equal(setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    c.is_slow = true;
    relay_ask_poll(&c, sid);
    relay_turns(w);
    for (int i = 0; i < 100; i++) {
        c.is_slow = i % 10 != 0;
        relay_pump(&c);
        relay_turn(w);
    }
    c.is_slow = false;
    const struct relay_answer a = relay_take_answer(&c);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.body_len, LONG + 1);
    RELAY_CLIENT_UNTIL(&c, c.has_ended);
    expect_idle(w);
    relay_client_close(&c);
    free(much);
}

// Who comes from another node.

static void a_peer_is_let_in_by_its_field(void **state)
{
    static const struct {
        const char *field;
        unsigned status;
        uint64_t denied;
        const char *body;
    } rows[] = {
        {"", 200, 0, NULL},
        {"Parley-Node: 1 " RELAY_KEY "\r\n", 200, 0, NULL},
        {"Parley-Node: 1 another-key\r\n", 403, 1, "{\"code\":4,\"message\":\"Forbidden\"}"},
        {"Parley-Node: 2 " RELAY_KEY "\r\n", 403, 2, "{\"code\":4,\"message\":\"Forbidden\"}"},
        {"Parley-Node: \r\n", 403, 3, "{\"code\":4,\"message\":\"Forbidden\"}"},
    };
    struct relay_world *w = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct relay_client c;
        relay_client_open(&c, w, HERE);
        relay_ask(&c, "GET", "polling", "", rows[i].field);
        const struct relay_answer a = relay_take_answer(&c);
        expect_int(rows[i].field, a.status, rows[i].status);
        expect_int(rows[i].field, relay_door_numbers(&w->nodes[HERE].door).denied,
                   rows[i].denied);
        if (rows[i].body) {
            assert_string_equal(a.body, rows[i].body);
            RELAY_CLIENT_UNTIL(&c, c.has_ended);
        }
        relay_client_close(&c);
    }
}

static void nodes_with_different_keys_do_not_talk(void **state)
{
    struct relay_world *w = *state;
    char sid[RAND_NAME_SIZE];
    struct relay_client c;
    struct relay_peer *p = relay_begin(w, OWNER, sid);

    w->nodes[OWNER].door.key = STR("another-key");
    for (int i = 0; i < 2; i++) {
        relay_client_open(&c, w, HERE);
        relay_ask_poll(&c, sid);
        relay_expect_last(&c, 403, "{\"code\":4,\"message\":\"Forbidden\"}");
        relay_client_close(&c);
        w->nodes[OWNER].door.key = (str){0}; // it has none
    }
    assert_int_equal(p->fate, RELAY_ALIVE);
}

static void who_has_shown_the_key_counts_for_no_address(void **state)
{
    const ip loopback = {{[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}};
    struct relay_world *w = *state;
    char sid[RAND_NAME_SIZE];
    struct relay_client c;

    relay_begin(w, OWNER, sid);
    assert_false(relay_peers_has(&w->nodes[OWNER].peers, &loopback));
    relay_client_open(&c, w, OWNER);
    relay_ask(&c, "GET", "polling", "", "Parley-Node: 1 another-key\r\n");
    assert_int_equal(relay_take_answer(&c).status, 403);
    assert_false(relay_peers_has(&w->nodes[OWNER].peers, &loopback));
    relay_client_close(&c);
    relay_client_open(&c, w, HERE);
    relay_ask(&c, "POST", "polling", sid, "Content-Length: 3\r\n");
    relay_send(&c, STR("4hi"));
    relay_expect_last(&c, 200, "ok");
    assert_true(relay_peers_has(&w->nodes[OWNER].peers, &loopback));
    relay_client_close(&c);
}

/** What one node relays, the other does not: also where a table leads in a circle. */
static void a_request_goes_one_way_only(void **state)
{
    struct relay_world *w = *state;
    struct relay_client c;

    relay_point(w, RELAY_NODES, "127.0.0.1", w->nodes[HERE].addr.port);
    relay_client_open(&c, w, HERE);
    relay_ask_poll(&c, relay_sid_of(RELAY_NODES));
    relay_expect_last(&c, 400, RELAY_NO_SID);
    assert_int_equal(numbers(w).taken, 1);
    relay_client_close(&c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, relay_setup, relay_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_poll_waits_at_its_owner),
        TEST(a_poll_for_its_own_node_is_not_relayed),
        TEST(a_post_comes_in_pieces),
        TEST(a_request_may_be_cut_anywhere),
        TEST(a_client_is_asked_for_its_body),
        TEST(a_body_that_is_none_is_refused),
        TEST(what_is_pipelined_behind_it_is_dropped),
        TEST(a_flood_behind_a_poll_is_not_read),
        TEST(a_session_goes_over_to_a_websocket),
        TEST(a_refused_upgrade_ends_its_connection),
        TEST(an_upgrade_that_nobody_knows_ends_its_connection),
        TEST(who_reads_slowly_holds_up_the_owner),
        TEST(an_owner_that_reads_slowly_holds_up_the_client),
        TEST(a_long_answer_is_taken_slowly),
        TEST(a_peer_is_let_in_by_its_field),
        TEST(nodes_with_different_keys_do_not_talk),
        TEST(who_has_shown_the_key_counts_for_no_address),
        TEST(a_request_goes_one_way_only),
    };
    return cmocka_run_group_tests_name("server/relay", tests, NULL, NULL);
}
