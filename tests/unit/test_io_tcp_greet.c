#include "support/t.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "io/tcp.h"
#include "io/tcp_greet.h"
#include "support/last_line.h"

// The peers are plain sockets, and the loop goes on turn by turn, in the same thread. Where one
// is to be late, the test runs the loop's timers ahead.

#define GIVE_UP_MS INT64_C(20000)
#define N_CONNS    4

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define FROM(last)                                                                             \
    SIGNATURE "\x21\x11\x00\x0c\xcb\x00\x71" last "\x0a\x00\x00\x01\xdc\x04\x01\xbb"
#define FROM_SEVEN STR(FROM("\x07"))
#define OF_PROXY   STR(SIGNATURE "\x20\x00\x00\x00")

struct conn {
    struct stream *stream; // NULL once it was given back
    char peer[STREAM_PEER_SIZE];
    char got[64];
    size_t n_got;
    unsigned n_ends;
};

struct world {
    struct loop *loop;
    struct listener *listener; // NULL: closed
    struct addr addr;
    struct tcp_limit limit;
    struct ips per_ip;
    struct conn conns[N_CONNS];
    size_t n_conns;
    bool is_from_proxy; // who comes from now on
    bool aborts;        // each at once
    int peers[N_CONNS];
    size_t n_peers;
    struct last_line logged;
};

static void turn(struct world *w)
{
    const struct timespec nap = {.tv_nsec = 100000};

    loop_run_once(w->loop);
    nanosleep(&nap, NULL);
}

#define UNTIL(w, condition)                                                                    \
    for (int64_t end_ns_ = loop_now_ns() + GIVE_UP_MS * 1000000; !(condition); turn(w)) {      \
        if (loop_now_ns() > end_ns_)                                                           \
            fail_msg("never came: %s", #condition);                                            \
    }

static void turns(struct world *w)
{
    for (int i = 0; i < 20; i++)
        turn(w);
}

static void on_bytes(void *owner, char *bytes, size_t n)
{
    struct conn *c = owner;

    assert_non_null(c->stream);
    assert_true(c->n_got + n <= sizeof(c->got));
    str_copy(c->got + c->n_got, (str){bytes, n});
    c->n_got += n;
}

static void on_end(void *owner, enum stream_end end)
{
    struct conn *c = owner;

    (void)end;
    assert_non_null(c->stream);
    c->n_ends++;
}

static const struct stream_events conn_events = {.on_bytes = on_bytes, .on_end = on_end};

static void abort_conn(struct conn *c)
{
    stream_abort(STEAL(c->stream));
}

static void on_accept(void *arg, struct stream *s)
{
    struct world *w = arg;

    assert_true(w->n_conns < N_CONNS);
    struct conn *c = &w->conns[w->n_conns++];
    c->stream = s;
    stream_set_owner(s, &conn_events, c);
    stream_peer(s, c->peer);
    if (w->aborts)
        abort_conn(c);
}

static bool is_proxy(void *arg, const ip *peer)
{
    const struct world *w = arg;
    return w->is_from_proxy && ip_is_loopback(peer);
}

static void key_bytes(struct rand *r, void *out, size_t n)
{
    (void)r;
    memset(out, 7, n);
}

static void start_listening(struct world *w)
{
    const struct tcp_listen how = {
        .addr = {.host = "127.0.0.1"},
        .max_queued = 65536,
        .limit = &w->limit,
        .is_exempt = is_proxy,
        .is_proxy = is_proxy,
        .on_accept = on_accept,
        .arg = w,
    };

    assert_int_equal(tcp_listen(&w->listener, w->loop, &how), 0);
    w->addr = listener_addr(w->listener);
}

static int setup(void **state)
{
    static struct rand chance = {.bytes = key_bytes};
    struct world *w = NEW(struct world);

    *state = w;
    log_set_sink(last_line_keep, &w->logged);
    w->is_from_proxy = true;
    ips_init(&w->per_ip, 2, &chance);
    w->limit.per_ip = &w->per_ip;
    assert_int_equal(loop_new(&w->loop), 0);
    start_listening(w);
    return 0;
}

static void close_listener(struct world *w)
{
    listener_close(STEAL(w->listener));
}

static int teardown(void **state)
{
    struct world *w = *state;

    for (size_t i = 0; i < w->n_conns; i++) {
        if (w->conns[i].stream)
            abort_conn(&w->conns[i]);
    }
    for (size_t i = 0; i < w->n_peers; i++)
        close(w->peers[i]);
    if (w->listener)
        close_listener(w);
    UNTIL(w, w->loop->n_streams == 0);
    loop_free(w->loop);
    expect_int("places taken", atomic_load(&w->limit.n), 0);
    ips_fini(&w->per_ip);
    log_set_sink(NULL, NULL);
    free(w);
    return 0;
}

static int dial(struct world *w)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(w->addr.port)};

    assert_true(w->n_peers < N_CONNS);
    const int fd = w->peers[w->n_peers++] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

static void say(int fd, str bytes)
{
    assert_int_equal(send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL), bytes.len);
}

static bool is_cut(int fd)
{
    char byte;

    const ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);
    assert_true(n <= 0);
    return n == 0 || errno == ECONNRESET;
}

static void run_ahead(struct world *w, int64_t ms)
{
    timers_run(&w->loop->timers, w->loop->timers.now_ms + ms);
}

/** One that has come from there. */
static struct conn *expect_conn(struct world *w, size_t i, const char *peer, str got)
{
    struct conn *c = &w->conns[i];

    UNTIL(w, w->n_conns == i + 1 && c->n_got == got.len);
    expect_str("peer", str_of(c->peer), str_of(peer));
    expect_str("bytes", ((str){c->got, c->n_got}), got);
    return c;
}

static void the_client_is_who_the_header_says(void **state)
{
    struct world *w = *state;
    const int fd = dial(w);

    say(fd, STR(FROM("\x07") "GET /"));
    expect_conn(w, 0, "203.0.113.7:56324", STR("GET /"));
    say(fd, STR(" more"));
    expect_conn(w, 0, "203.0.113.7:56324", STR("GET / more"));
    expect_int("said", w->logged.n, 0);
}

static void a_header_may_come_in_pieces(void **state)
{
    struct world *w = *state;
    const str all = STR(FROM("\x07") "GET");
    const int fd = dial(w);

    for (size_t i = 0; i + 3 < all.len; i++) {
        expect_int("nobody is there before its end", w->n_conns, 0);
        say(fd, (str){all.ptr + i, 1});
        turn(w);
    }
    expect_conn(w, 0, "203.0.113.7:56324", STR(""));
    say(fd, STR("GET"));
    expect_conn(w, 0, "203.0.113.7:56324", STR("GET"));
    run_ahead(w, TCP_GREET_MS + 1);
    turns(w);
    assert_non_null(w->conns[0].stream);
    expect_int("ends", w->conns[0].n_ends, 0);
}

static void who_is_no_proxy_says_none(void **state)
{
    struct world *w = *state;

    w->is_from_proxy = false;
    say(dial(w), FROM_SEVEN);
    UNTIL(w, w->n_conns == 1);
    assert_true(str_starts(str_of(w->conns[0].peer), STR("127.0.0.1:")));
    UNTIL(w, w->conns[0].n_got == FROM_SEVEN.len); // it is what the client says
}

static void the_proxy_may_come_for_itself(void **state)
{
    struct world *w = *state;

    say(dial(w), OF_PROXY);
    UNTIL(w, w->n_conns == 1);
    assert_true(str_starts(str_of(w->conns[0].peer), STR("127.0.0.1:")));
}

static void what_is_no_header_is_refused_and_said(void **state)
{
    static const struct {
        str bytes;
        const char *why;
    } rows[] = {
        {STR("GET / HTTP/1.1\r\n"), "why=\"there is none"},
        {STR("PROXY TCP4 203.0.113.7 10.0.0.1 1 2\r\n"), "why=\"it is version 1"},
        {STR(SIGNATURE "\x21\x31\x00\x00"), "why=\"it names no address"},
    };
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const int fd = dial(w);
        say(fd, rows[i].bytes);
        UNTIL(w, is_cut(fd));
        expect_int("said", w->logged.n, i + 1);
        assert_non_null(strstr(w->logged.text, "event=io_proxy_refused from=127.0.0.1:"));
        assert_non_null(strstr(w->logged.text, rows[i].why));
        close_listener(w); // the next one has said nothing yet
        start_listening(w);
    }
    expect_int("accepted", w->n_conns, 0);
}

static void many_refusals_are_one_line(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 3; i++) {
        const int fd = dial(w);
        say(fd, STR("GET /"));
        UNTIL(w, is_cut(fd));
    }
    expect_int("said", w->logged.n, 1);
}

static void who_says_nothing_is_not_waited_for(void **state)
{
    struct world *w = *state;
    const int silent = dial(w);
    const int half = dial(w);

    say(half, STR(SIGNATURE));
    UNTIL(w, w->loop->n_streams == 2);
    turns(w);
    run_ahead(w, TCP_GREET_MS - 1000);
    turns(w);
    assert_false(is_cut(silent));
    run_ahead(w, TCP_GREET_MS);
    UNTIL(w, is_cut(silent) && is_cut(half));
    assert_non_null(strstr(w->logged.text, "why=\"it did not come in time"));
    expect_int("accepted", w->n_conns, 0);
}

/** As who looks whether a port is open does. */
static void who_leaves_before_is_forgotten(void **state)
{
    struct world *w = *state;
    const int fd = dial(w);

    UNTIL(w, w->loop->n_streams == 1);
    assert_int_equal(shutdown(fd, SHUT_RDWR), 0);
    UNTIL(w, w->loop->n_streams == 0);
    expect_int("said", w->logged.n, 0);
    run_ahead(w, TCP_GREET_MS + 1);
}

static void clients_are_counted_and_not_their_proxy(void **state)
{
    struct world *w = *state;

    say(dial(w), FROM_SEVEN);
    expect_conn(w, 0, "203.0.113.7:56324", STR(""));
    say(dial(w), FROM_SEVEN);
    expect_conn(w, 1, "203.0.113.7:56324", STR(""));
    const int third = dial(w);
    say(third, FROM_SEVEN);
    UNTIL(w, is_cut(third));
    expect_int("two of an address are enough", w->n_conns, 2);
    say(dial(w), STR(FROM("\x08")));
    expect_conn(w, 2, "203.0.113.8:56324", STR(""));
}

static void nothing_is_given_to_who_has_let_go(void **state)
{
    struct world *w = *state;

    w->aborts = true;
    const int fd = dial(w);
    say(fd, STR(FROM("\x07") "GET /"));
    UNTIL(w, w->n_conns == 1 && is_cut(fd));
    expect_int("bytes", w->conns[0].n_got, 0);
}

static void a_listener_takes_those_along_that_have_not_said(void **state)
{
    struct world *w = *state;
    const int fd = dial(w);

    UNTIL(w, w->loop->n_streams == 1);
    close_listener(w);
    UNTIL(w, is_cut(fd));
    UNTIL(w, w->loop->n_streams == 0);
    run_ahead(w, TCP_GREET_MS + 1);
    expect_int("said", w->logged.n, 0);
}

static void a_connection_takes_its_client_along(void **state)
{
    struct world *w = *state;
    struct stream_parcel parcel = {0};

    say(dial(w), FROM_SEVEN);
    struct conn *c = expect_conn(w, 0, "203.0.113.7:56324", STR(""));
    assert_int_equal(stream_detach(STEAL(c->stream), STR(""), &parcel), 0);
    assert_int_equal(tcp_attach(&c->stream, w->loop, &parcel), 0);
    stream_set_owner(c->stream, &conn_events, c);
    stream_peer(c->stream, c->peer);
    expect_str("peer", str_of(c->peer), STR("203.0.113.7:56324"));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_client_is_who_the_header_says),
        TEST(a_header_may_come_in_pieces),
        TEST(who_is_no_proxy_says_none),
        TEST(the_proxy_may_come_for_itself),
        TEST(what_is_no_header_is_refused_and_said),
        TEST(many_refusals_are_one_line),
        TEST(who_says_nothing_is_not_waited_for),
        TEST(who_leaves_before_is_forgotten),
        TEST(clients_are_counted_and_not_their_proxy),
        TEST(nothing_is_given_to_who_has_let_go),
        TEST(a_listener_takes_those_along_that_have_not_said),
        TEST(a_connection_takes_its_client_along),
    };
    return cmocka_run_group_tests_name("io/tcp_greet", tests, NULL, NULL);
}
