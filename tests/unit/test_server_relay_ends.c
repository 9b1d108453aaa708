#include "support/raw_server.h"
#include "support/relay_world.h"

// How a relay ends, or does not begin. A session is at node 0, and its client talks to node 1.

#define HERE  1
#define OWNER 0

#define IDLE_MS 200
#define MAX     2

static struct relay_numbers numbers(const struct relay_world *w)
{
    return relay_numbers(w->nodes[HERE].relay);
}

static void expect_idle(struct relay_world *w)
{
    RELAY_UNTIL(w, relay_node_is_idle(&w->nodes[HERE]));
}

// The owner is not in reach.

/** As of any server for an id that it does not know, and the connection goes on. */
static void expect_unknown(struct relay_world *w, unsigned node)
{
    char sid[RAND_NAME_SIZE];
    struct relay_client c;
    const uint64_t n_failed = numbers(w).failed;

    relay_client_open(&c, w, HERE);
    relay_ask(&c, "GET", "polling", relay_sid_of(node), "Origin: http://page\r\n");
    RELAY_UNTIL(w, numbers(w).failed == n_failed + 1);
    const struct relay_answer a = relay_take_answer(&c);
    assert_int_equal(a.status, 400);
    assert_string_equal(a.body, RELAY_NO_SID);
    assert_non_null(strstr(a.head, "Access-Control-Allow-Origin: *\r\n"));
    assert_null(strstr(a.head, "Connection: close"));
    relay_ask_poll(&c, ""); // it begins anew
    const struct relay_answer b = relay_take_answer(&c);
    assert_int_equal(b.status, 200);
    assert_non_null(strstr(b.body, "\"sid\""));
    relay_client_close(&c);
    relay_begin(w, HERE, sid);
    expect_idle(w);
}

static void who_is_not_there_has_no_session(void **state)
{
    expect_unknown(*state, RELAY_NOBODY);
}

static void who_refuses_has_no_session(void **state)
{
    struct relay_world *w = *state;

    listener_close(STEAL(w->nodes[OWNER].listener));
    relay_turns(w);
    expect_unknown(w, OWNER);
}

static void what_is_no_name_has_no_session(void **state)
{
    struct relay_world *w = *state;

    relay_point(w, OWNER, "a..b", 1);
    expect_unknown(w, OWNER);
}

// It is looked for anew.

static void learn_of_owner(struct relay_world *w)
{
    w->is_known[OWNER] = true;
}

static void who_has_come_just_now_is_found(void **state)
{
    struct relay_world *w = *state;
    char sid[RAND_NAME_SIZE];
    struct relay_client c;

    relay_begin(w, OWNER, sid);
    w->is_known[OWNER] = false;
    w->on_look = learn_of_owner;
    relay_say(&w->peers[0], "hello");
    relay_client_open(&c, w, HERE);
    relay_ask(&c, "GET", "polling", sid, "");
    relay_expect_last(&c, 200, "4hello");
    assert_int_equal(w->n_looks, 1);
    relay_client_close(&c);
    expect_idle(w);
}

static struct node_url place_of_owner;

static void learn_where_owner_is(struct relay_world *w)
{
    w->urls[OWNER] = place_of_owner;
}

static void who_has_moved_is_found(void **state)
{
    struct relay_world *w = *state;
    char sid[RAND_NAME_SIZE];
    struct relay_client c;

    relay_begin(w, OWNER, sid);
    place_of_owner = w->urls[OWNER];
    relay_point(w, OWNER, "127.0.0.1", 1); // nobody listens there
    w->on_look = learn_where_owner_is;
    relay_say(&w->peers[0], "hello");
    relay_client_open(&c, w, HERE);
    relay_ask(&c, "GET", "polling", sid, "");
    relay_expect_last(&c, 200, "4hello");
    assert_int_equal(w->n_looks, 1);
    relay_client_close(&c);
    expect_idle(w);
}

static void nobody_is_looked_for_longer_than_that(void **state)
{
    struct relay_world *w = *state;

    w->is_late = true;
    const int64_t from_ms = relay_now_ms();
    expect_unknown(w, RELAY_NOBODY);
    assert_in_range(relay_now_ms() - from_ms, RELAY_LOOK_MS, RELAY_LOOK_MS + 2000);
    assert_int_equal(w->n_looks, 1);
}

static void an_upgrade_to_nobody_is_told_by_its_text(void **state)
{
    struct relay_world *w = *state;
    struct relay_client c;

    relay_client_open(&c, w, HERE);
    relay_ask(&c, "GET", "websocket", relay_sid_of(RELAY_NOBODY), RELAY_UPGRADE);
    relay_expect_last(&c, 400, "Session ID unknown");
    expect_idle(w);
    relay_client_close(&c);
}

/** What had come of the body goes back with the request. */
static void a_post_to_nobody_leaves_its_connection_in_order(void **state)
{
    struct relay_world *w = *state;
    struct relay_client c;

    relay_client_open(&c, w, HERE);
    relay_ask(&c, "POST", "polling", relay_sid_of(RELAY_NOBODY), "Content-Length: 3\r\n");
    relay_send(&c, STR("4hi"));
    const struct relay_answer a = relay_take_answer(&c);
    assert_int_equal(a.status, 400);
    assert_string_equal(a.body, RELAY_NO_SID);
    relay_client_close(&c);
    expect_idle(w);
}

/** A listener that accepts nobody, and whose queue is full. */
static int silent_open(int *filler, int n, uint16_t *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (const struct sockaddr *)&at, size), 0);
    assert_int_equal(listen(fd, 0), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    *port = ntohs(at.sin_port);
    for (int i = 0; i < n; i++) {
        filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        const int r = connect(filler[i], (const struct sockaddr *)&at, size);
        assert_true(r == 0 || errno == EINPROGRESS);
    }
    return fd;
}

static void who_does_not_answer_in_time_has_no_session(void **state)
{
    struct relay_world *w = *state;
    struct relay_client c;
    int filler[8];
    uint16_t port = 0;

    const int fd = silent_open(filler, COUNT_OF(filler), &port);
    relay_point(w, OWNER, "127.0.0.1", port);
    relay_client_open(&c, w, HERE);
    relay_ask_poll(&c, relay_sid_of(OWNER));
    RELAY_UNTIL(w, numbers(w).open == 1);
    relay_turns(w);
    assert_int_equal(numbers(w).failed, 0);
    timers_run(&w->loop->timers, w->loop->timers.now_ms + RELAY_DIAL_MS);
    relay_expect(&c, 400, RELAY_NO_SID);
    assert_int_equal(numbers(w).failed, 1);
    relay_client_close(&c);
    expect_idle(w);
    for (size_t i = 0; i < COUNT_OF(filler); i++)
        close(filler[i]);
    close(fd);
}

// Ends in the middle.

static void a_client_that_leaves_is_missed_by_its_owner(void **state)
{
    struct relay_world *w = *state;
    char sid[RAND_NAME_SIZE];

    for (int i = 0; i < 2; i++) {
        struct relay_client c;
        const struct relay_peer *p = relay_begin(w, OWNER, sid);
        relay_client_open(&c, w, HERE);
        relay_ask_poll(&c, sid);
        relay_turns(w);
        assert_int_equal(p->fate, RELAY_ALIVE);
        if (i == 0) {
            relay_client_close(&c);
        } else {
            assert_int_equal(shutdown(c.fd, SHUT_WR), 0); // as anywhere
        }
        RELAY_UNTIL(w, p->fate == EIO_TRANSPORT_CLOSE);
        expect_idle(w);
        relay_client_close(&c);
    }
}

/** Its reset comes while it is connected. */
static void a_client_that_leaves_at_once_leaves_nothing_behind(void **state)
{
    static const struct linger now = {.l_onoff = 1};
    struct relay_world *w = *state;
    char sid[RAND_NAME_SIZE];

    for (int i = 0; i < 20; i++) {
        struct relay_client c;
        if (i % 10 == 0)
            relay_begin(w, OWNER, sid);
        relay_client_open(&c, w, HERE);
        relay_ask(&c, "POST", "polling", sid, "Content-Length: 3\r\n");
        for (int turn = 0; turn < i % 10; turn++)
            loop_run_once(w->loop);
        assert_int_equal(setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
        relay_client_close(&c);
        relay_turns(w);
        expect_idle(w);
    }
}

/** Says a part of an answer, and ends. */
static void serve_a_part(void *arg, struct raw_request *rq)
{
    const bool *is_reset = arg;

    raw_say(rq->conn, STR("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n4hel"));
    if (*is_reset) {
        raw_abort(rq->conn);
    } else {
        raw_close(rq->conn);
    }
}

static void an_owner_that_ends_in_the_middle_ends_the_answer(void **state)
{
    struct relay_world *w = *state;

    for (int i = 0; i < 2; i++) {
        struct raw_server raw;
        struct relay_client c;
        bool is_reset = i == 1;
        raw_server_open(&raw, w->loop, "127.0.0.1");
        raw.serve = serve_a_part;
        raw.arg = &is_reset;
        relay_point(w, OWNER, "127.0.0.1", raw.addr.port);
        relay_client_open(&c, w, HERE);
        relay_ask_poll(&c, relay_sid_of(OWNER));
        RELAY_CLIENT_UNTIL(&c, c.has_ended);
        assert_true(c.in.len == 0 || relay_head_len(&c) > 0);
        assert_true(c.in.len <= relay_head_len(&c) + 4);
        expect_idle(w);
        relay_client_close(&c);
        raw_server_close(&raw);
    }
}

/** The socket that the server has for a client holds little. */
static void make_narrow(const struct relay_client *c)
{
    const int narrow = 4608;
    struct sockaddr_in own = {0};
    struct sockaddr_in peer = {0};
    socklen_t n = sizeof(own);
    int n_found = 0;

    assert_int_equal(getsockname(c->fd, (struct sockaddr *)&own, &n), 0);
    for (int fd = 0; fd < 256; fd++) {
        n = sizeof(peer);
        if (getpeername(fd, (struct sockaddr *)&peer, &n) != 0 || n != sizeof(peer) ||
            peer.sin_port != own.sin_port)
            continue;
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &narrow, sizeof(narrow)), 0);
        n_found++;
    }
    assert_true(n_found > 0);
}

#define TAKES_LITTLE 32768

static void serve_all(void *arg, struct raw_request *rq)
{
    const size_t n = *(const size_t *)arg;
    char head[64];
    char *body = mem_alloc(n);

    snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", n);
    raw_say(rq->conn, str_of(head));
    raw_say(rq->conn, (str){body, n});
    raw_close(rq->conn);
    free(body);
}

/** Ask, and take a little at a time. @return whether the owner has ended while there was still
 * something of it in the relay */
static bool sip_until_the_owner_is_gone(struct relay_world *w, struct relay_client *c)
{
    const int little = TAKES_LITTLE;

    relay_client_open(c, w, HERE);
    assert_int_equal(setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof(little)), 0);
    RELAY_UNTIL(w, w->loop->n_streams == 1);
    make_narrow(c);
    relay_ask_poll(c, relay_sid_of(OWNER));
    RELAY_UNTIL(w, w->loop->n_streams == 3);
    RELAY_UNTIL(w, (relay_sip(c), w->loop->n_streams == 1 || numbers(w).open == 0));
    return numbers(w).open == 1;
}

static void point_to(struct relay_world *w, struct raw_server *raw, size_t *length)
{
    raw_server_open(raw, w->loop, "127.0.0.1");
    raw->serve = serve_all;
    raw->arg = length;
    relay_point(w, OWNER, "127.0.0.1", raw->addr.port);
}

static void what_an_owner_has_said_is_taken_when_it_is_gone(void **state)
{
    struct relay_world *w = *state;
    struct raw_server raw;
    size_t n_left = 0;
    size_t length = 0;

    point_to(w, &raw, &length);
    for (length = 100000; length < 400000; length += 20000) {
        struct relay_client c;
        n_left += sip_until_the_owner_is_gone(w, &c);
        const struct relay_answer a = relay_take_answer(&c);
        expect_int("length", a.body_len, length);
        RELAY_CLIENT_UNTIL(&c, c.has_ended);
        assert_int_equal(c.in.len, 0);
        relay_client_close(&c);
        RELAY_UNTIL(w, w->loop->n_streams == 0);
    }
    assert_true(n_left > 0);
    raw_server_close(&raw);
}

static void who_does_not_take_the_last_of_it_is_cut(void **state)
{
    struct relay_world *w = *state;
    struct raw_server raw;
    struct relay_client c;
    size_t length = 100000;

    point_to(w, &raw, &length);
    while (!sip_until_the_owner_is_gone(w, &c)) {
        relay_client_close(&c);
        RELAY_UNTIL(w, w->loop->n_streams == 0);
        length += 20000;
        assert_true(length < 400000);
    }
    timers_run(&w->loop->timers, w->loop->timers.now_ms + HTTP_ANSWER_GRACE_MS);
    assert_int_equal(numbers(w).open, 1);
    timers_run(&w->loop->timers, w->loop->timers.now_ms + HTTP_ANSWER_GRACE_MS +
                                     (int64_t)length * 1000 / HTTP_ANSWER_BYTES_PER_S);
    expect_idle(w);
    relay_client_close(&c);
    raw_server_close(&raw);
}

static void an_owner_that_says_nothing_and_ends_is_no_answer(void **state)
{
    struct relay_world *w = *state;
    struct raw_server raw;
    struct relay_client c;

    raw_server_open(&raw, w->loop, "127.0.0.1");
    relay_point(w, OWNER, "127.0.0.1", raw.addr.port);
    relay_client_open(&c, w, HERE);
    relay_ask_poll(&c, relay_sid_of(OWNER));
    RELAY_UNTIL(w, raw.n_requests == 1);
    expect_str("the field", str_of(strstr(raw.requests[0].head, "Connection: ")),
               STR("Connection: close\r\nParley-Node: 1 " RELAY_KEY "\r\n\r\n"));
    raw_close(raw.requests[0].conn);
    RELAY_CLIENT_UNTIL(&c, c.has_ended);
    assert_int_equal(c.in.len, 0);
    expect_idle(w);
    relay_client_close(&c);
    raw_server_close(&raw);
}

static void a_websocket_ends_with_its_owner(void **state)
{
    struct relay_world *w = *state;
    char sid[RAND_NAME_SIZE];
    struct relay_client c;

    relay_begin(w, OWNER, sid);
    relay_upgrade(&c, w, HERE, sid);
    eio_server_shut_down(w->nodes[OWNER].eio);
    RELAY_CLIENT_UNTIL(&c, c.in.len > 0); // the close frame
    relay_client_close(&c);
    expect_idle(w);
}

// Limits.

static int setup_few(void **state)
{
    return relay_world_open(state, &(struct relay_wish){.max = MAX});
}

static void expect_come_again(struct relay_world *w, const char *sid, const char *fields)
{
    struct relay_client c;
    char want[32];

    relay_client_open(&c, w, HERE);
    relay_ask(&c, "GET", *fields ? "websocket" : "polling", sid, fields);
    const struct relay_answer a = relay_take_answer(&c);
    assert_int_equal(a.status, 503);
    snprintf(want, sizeof(want), "Retry-After: %d\r\n", RELAY_RETRY_AFTER_S);
    assert_non_null(strstr(a.head, want));
    assert_non_null(strstr(a.head, "Access-Control-Allow-Origin: *\r\n"));
    relay_client_close(&c);
}

static void so_many_at_once_and_no_more(void **state)
{
    struct relay_world *w = *state;
    struct relay_client c[MAX];
    struct relay_peer *peers[MAX];
    char sid[MAX][RAND_NAME_SIZE];
    char own[RAND_NAME_SIZE];

    for (size_t i = 0; i < MAX; i++) {
        peers[i] = relay_begin(w, OWNER, sid[i]);
        relay_client_open(&c[i], w, HERE);
        relay_ask_poll(&c[i], sid[i]);
        RELAY_UNTIL(w, numbers(w).open == i + 1);
    }
    expect_come_again(w, sid[0], "");
    expect_come_again(w, sid[0], RELAY_UPGRADE);
    assert_int_equal(numbers(w).refused, 2);
    assert_int_equal(numbers(w).taken, MAX);
    relay_begin(w, HERE, own); // that is no matter of others

    relay_say(peers[0], "hi");
    relay_expect_last(&c[0], 200, "4hi");
    RELAY_UNTIL(w, numbers(w).open == MAX - 1);
    relay_client_close(&c[0]);
    relay_client_open(&c[0], w, HERE);
    relay_ask_poll(&c[0], sid[0]);
    relay_turns(w);
    relay_say(peers[0], "again");
    relay_expect_last(&c[0], 200, "4again");
    for (size_t i = 0; i < MAX; i++)
        relay_client_close(&c[i]);
}

/** The connection to the owner is one of those that there may be. */
static void connections_to_others_count(void **state)
{
    struct relay_world *w = *state;
    char sid[RAND_NAME_SIZE];
    struct relay_client c;
    struct relay_peer *p = relay_begin(w, OWNER, sid);

    RELAY_UNTIL(w, atomic_load(&w->nodes[HERE].limit.n) == 0);
    w->nodes[HERE].limit.max = 1;
    expect_come_again(w, sid, "");
    RELAY_UNTIL(w, atomic_load(&w->nodes[HERE].limit.n) == 0);
    w->nodes[HERE].limit.max = 2;
    relay_client_open(&c, w, HERE);
    relay_ask_poll(&c, sid);
    relay_turns(w);
    assert_int_equal(atomic_load(&w->nodes[HERE].limit.n), 2);
    relay_say(p, "hi");
    relay_expect_last(&c, 200, "4hi");
    relay_client_close(&c);
    RELAY_UNTIL(w, atomic_load(&w->nodes[HERE].limit.n) == 0);
}

static int setup_idle(void **state)
{
    return relay_world_open(state, &(struct relay_wish){.idle_ms = IDLE_MS});
}

static void who_is_silent_too_long_is_cut(void **state)
{
    struct relay_world *w = *state;
    char sid[RAND_NAME_SIZE];
    struct relay_client c;
    const struct relay_peer *p = relay_begin(w, OWNER, sid);

    const int64_t since_ms = relay_now_ms();
    relay_client_open(&c, w, HERE);
    relay_ask_poll(&c, sid);
    RELAY_CLIENT_UNTIL(&c, c.has_ended);
    assert_true(relay_now_ms() - since_ms >= IDLE_MS);
    assert_int_equal(c.in.len, 0);
    RELAY_UNTIL(w, p->fate == EIO_TRANSPORT_CLOSE);
    expect_idle(w);
    relay_client_close(&c);
}

static void who_says_something_is_not_cut(void **state)
{
    struct relay_world *w = *state;
    char sid[RAND_NAME_SIZE];
    struct relay_client c;
    struct relay_peer *p = relay_begin(w, OWNER, sid);

    relay_upgrade(&c, w, HERE, sid);
    const int64_t until_ms = relay_now_ms() + INT64_C(3) * IDLE_MS;
    for (size_t i = 1; relay_now_ms() < until_ms; i++) { // either way
        if (i % 2 == 0) {
            relay_say(p, "x");
            relay_expect_frame(&c, "4x");
        } else {
            relay_send_frame(&c, STR("4y"));
            RELAY_UNTIL(w, p->n_messages == (i + 1) / 2);
        }
    }
    assert_int_equal(p->fate, RELAY_ALIVE);
    relay_client_close(&c);
}

// The end of a node.

static void websockets_are_let_go_a_few_at_a_time(void **state)
{
    struct relay_world *w = *state;
    char sid[4][RAND_NAME_SIZE];
    struct relay_client c[4];
    struct relay_peer *peers[4];

    for (size_t i = 0; i < 4; i++) { // the last one polls
        peers[i] = relay_begin(w, OWNER, sid[i]);
        if (i < 3) {
            relay_upgrade(&c[i], w, HERE, sid[i]);
        } else {
            relay_client_open(&c[i], w, HERE);
            relay_ask_poll(&c[i], sid[i]);
            relay_turns(w);
        }
    }
    relay_say(peers[0], "bye"); // what is under way still arrives
    relay_turns(w);
    assert_int_equal(relay_drain(w->nodes[HERE].relay, 2), 1);
    relay_expect_frame(&c[0], "4bye");
    for (size_t i = 0; i < 2; i++) {
        RELAY_CLIENT_UNTIL(&c[i], c[i].has_ended);
        RELAY_UNTIL(w, peers[i]->fate == EIO_TRANSPORT_CLOSE);
    }
    assert_int_equal(peers[2]->fate, RELAY_ALIVE);
    assert_int_equal(relay_drain(w->nodes[HERE].relay, 2), 0);
    assert_int_equal(relay_drain(w->nodes[HERE].relay, 2), 0);
    RELAY_CLIENT_UNTIL(&c[2], c[2].has_ended);
    relay_turns(w);
    assert_int_equal(numbers(w).open, 1);
    relay_say(peers[3], "hi");
    relay_expect_last(&c[3], 200, "4hi");
    for (size_t i = 0; i < 4; i++)
        relay_client_close(&c[i]);
    expect_idle(w);
}

static void all_end_however_far_they_are(void **state)
{
    struct relay_world *w = *state;
    char sid[RAND_NAME_SIZE];
    struct relay_client c[3];
    int filler[8];
    uint16_t port = 0;

    const int fd = silent_open(filler, COUNT_OF(filler), &port);
    relay_point(w, RELAY_NODES, "127.0.0.1", port);
    relay_begin(w, OWNER, sid);
    relay_client_open(&c[0], w, HERE); // waits for its poll
    relay_ask_poll(&c[0], sid);
    relay_turns(w);
    relay_client_open(&c[1], w, HERE); // is connected
    relay_ask_poll(&c[1], relay_sid_of(RELAY_NODES));
    RELAY_UNTIL(w, numbers(w).open == 2);
    relay_begin(w, OWNER, sid);
    relay_upgrade(&c[2], w, HERE, sid);
    assert_int_equal(numbers(w).open, 3);

    relay_close_all(w->nodes[HERE].relay);
    assert_true(relay_node_is_idle(&w->nodes[HERE]));
    for (size_t i = 0; i < COUNT_OF(c); i++) {
        RELAY_CLIENT_UNTIL(&c[i], c[i].has_ended);
        relay_client_close(&c[i]);
    }
    // Who comes now is told that there is no such session here.
    relay_client_open(&c[0], w, HERE);
    relay_ask_poll(&c[0], sid);
    relay_expect(&c[0], 400, RELAY_NO_SID);
    relay_client_close(&c[0]);
    for (size_t i = 0; i < COUNT_OF(filler); i++)
        close(filler[i]);
    close(fd);
}

#define TEST(name)             cmocka_unit_test_setup_teardown(name, relay_setup, relay_teardown)
#define TEST_WITH(name, setup) cmocka_unit_test_setup_teardown(name, setup, relay_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_is_not_there_has_no_session),
        TEST(who_refuses_has_no_session),
        TEST(what_is_no_name_has_no_session),
        TEST(who_has_come_just_now_is_found),
        TEST(who_has_moved_is_found),
        TEST(nobody_is_looked_for_longer_than_that),
        TEST(an_upgrade_to_nobody_is_told_by_its_text),
        TEST(a_post_to_nobody_leaves_its_connection_in_order),
        TEST(who_does_not_answer_in_time_has_no_session),
        TEST(a_client_that_leaves_is_missed_by_its_owner),
        TEST(a_client_that_leaves_at_once_leaves_nothing_behind),
        TEST(an_owner_that_ends_in_the_middle_ends_the_answer),
        TEST(what_an_owner_has_said_is_taken_when_it_is_gone),
        TEST(who_does_not_take_the_last_of_it_is_cut),
        TEST(an_owner_that_says_nothing_and_ends_is_no_answer),
        TEST(a_websocket_ends_with_its_owner),
        TEST_WITH(so_many_at_once_and_no_more, setup_few),
        TEST(connections_to_others_count),
        TEST_WITH(who_is_silent_too_long_is_cut, setup_idle),
        TEST_WITH(who_says_something_is_not_cut, setup_idle),
        TEST(websockets_are_let_go_a_few_at_a_time),
        TEST(all_end_however_far_they_are),
    };
    return cmocka_run_group_tests_name("server/relay_ends", tests, NULL, NULL);
}
