#include "support/t.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "bench/net.h"

#define PATIENCE_US 20000000
#define MUCH        (16U << 20) // bytes; more than the kernel takes at once
#define PIECE       1000        // bytes that the reader uses at a time

/** A server on a thread: one connection. */
struct peer {
    pthread_t thread;
    int listener;
    struct address address;
    void (*serve)(int fd);
};

static void echo(int fd)
{
    static char bytes[65536];

    for (ssize_t n = read(fd, bytes, sizeof(bytes)); n > 0;
         n = read(fd, bytes, sizeof(bytes))) {
        for (ssize_t at = 0; at < n;) {
            const ssize_t sent = send(fd, bytes + at, (size_t)(n - at), MSG_NOSIGNAL);
            if (sent <= 0)
                return;
            at += sent;
        }
    }
}

static void say_bye(int fd)
{
    (void)send(fd, "bye", 3, MSG_NOSIGNAL);
}

/** With bytes that it has not read, so that the kernel resets the connection. */
static void hang_up(int fd)
{
    char byte;

    (void)recv(fd, &byte, 1, 0);
}

static void *peer_run(void *arg)
{
    struct peer *p = arg;
    const int fd = accept(p->listener, NULL, NULL);

    if (fd >= 0) {
        p->serve(fd);
        (void)close(fd);
    }
    return NULL;
}

/** A port that listens; with serve NULL nobody answers there. */
static void peer_start(struct peer *p, void (*serve)(int fd))
{
    struct sockaddr_in *in = (struct sockaddr_in *)&p->address.addr;

    *p = (struct peer){.serve = serve, .address.len = sizeof(*in)};
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(p->listener >= 0);
    assert_int_equal(bind(p->listener, (struct sockaddr *)in, sizeof(*in)), 0);
    assert_int_equal(getsockname(p->listener, (struct sockaddr *)in, &p->address.len), 0);
    if (!serve)
        return;
    assert_int_equal(listen(p->listener, 1), 0);
    assert_int_equal(pthread_create(&p->thread, NULL, peer_run, p), 0);
}

static void peer_stop(struct peer *p)
{
    if (p->serve)
        assert_int_equal(pthread_join(p->thread, NULL), 0);
    (void)close(p->listener);
}

/** A net, a link of it, and what that was told. */
struct world {
    struct net *net;
    struct link *link; // NULL: it is closed
    struct buf got;
    size_t wanted; // bytes to stop at; SIZE_MAX: stop at the end
    size_t piece;  // that is used at a time
    bool closes_inside;
    unsigned n_calls;
    unsigned n_ends;
    char why[128];
    int64_t give_up_us;
    struct job job;
    unsigned n_jobs;
};

static size_t on_bytes(void *owner, char *bytes, size_t n)
{
    struct world *w = owner;
    const size_t used = n - n % w->piece;

    w->n_calls++;
    assert_int_equal(buf_add(&w->got, (str){bytes, used}), 0);
    if (w->closes_inside) {
        link_close(w->link);
        w->link = NULL;
        net_stop(w->net);
        return 0;
    }
    if (w->got.len >= w->wanted)
        net_stop(w->net);
    return used;
}

static void on_end(void *owner, const char *why)
{
    struct world *w = owner;

    w->n_ends++;
    (void)snprintf(w->why, sizeof(w->why), "%s", why);
    net_stop(w->net);
}

static const struct link_events events = {on_bytes, on_end};

static int64_t on_turn(void *arg, int64_t now_us)
{
    struct world *w = arg;

    if (now_us >= w->give_up_us)
        net_stop(w->net);
    return w->give_up_us;
}

static int setup(void **state)
{
    struct world *w = NEW(struct world);

    assert_int_equal(net_new(&w->net, on_turn, w), 0);
    buf_init(&w->got, MUCH);
    w->wanted = SIZE_MAX;
    w->piece = 1;
    w->give_up_us = net_now_us() + PATIENCE_US;
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    if (w->net)
        net_free(w->net);
    buf_fini(&w->got);
    free(w);
    return 0;
}

static void open_link(struct world *w, const struct peer *p)
{
    w->link = link_open(w->net, &p->address, &events, w);
}

static void close_link(struct world *w)
{
    link_close(w->link);
    w->link = NULL;
}

/** A little longer, in which nothing may come. */
static void run_for(struct world *w, int64_t us)
{
    w->give_up_us = net_now_us() + us;
    net_run(w->net);
}

static void what_is_written_before_it_has_connected_is_sent(void **state)
{
    struct world *w = *state;
    struct peer p;

    peer_start(&p, echo);
    open_link(w, &p);
    assert_int_equal(buf_add(link_out(w->link), STR("hello")), 0);
    w->wanted = 5;
    net_run(w->net);
    expect_str("got", buf_str(&w->got), STR("hello"));

    assert_int_equal(buf_add(link_out(w->link), STR(", ")), 0);
    assert_int_equal(buf_add(link_out(w->link), STR("again")), 0);
    w->wanted = 12;
    net_run(w->net);
    expect_str("got", buf_str(&w->got), STR("hello, again"));
    assert_int_equal(w->n_ends, 0);
    close_link(w);
    peer_stop(&p);
}

static char byte_at(size_t i)
{
    return (char)(i * 31 + i / 251);
}

/** More than the kernel takes, and read in pieces of which the rest is shown again. */
static void much_goes_both_ways(void **state)
{
    struct world *w = *state;
    struct peer p;

    peer_start(&p, echo);
    open_link(w, &p);
    char *bytes = mem_alloc(MUCH);
    for (size_t i = 0; i < MUCH; i++)
        bytes[i] = byte_at(i);
    assert_int_equal(buf_add(link_out(w->link), (str){bytes, MUCH}), 0);
    w->wanted = MUCH - MUCH % PIECE;
    w->piece = PIECE;
    net_run(w->net);
    assert_int_equal(w->n_ends, 0);
    assert_int_equal(w->got.len, w->wanted);
    assert_true(w->n_calls > 1);
    assert_true(str_eq(buf_str(&w->got), (str){bytes, w->wanted}));
    free(bytes);
    close_link(w);
    peer_stop(&p);
}

static void the_end_is_told_once_behind_the_bytes(void **state)
{
    struct world *w = *state;
    struct peer p;

    peer_start(&p, say_bye);
    open_link(w, &p);
    net_run(w->net);
    assert_int_equal(w->n_ends, 1);
    assert_string_equal(w->why, "the server closed it");
    expect_str("got", buf_str(&w->got), STR("bye"));

    assert_int_equal(buf_add(link_out(w->link), STR("too late")), 0);
    run_for(w, 20000);
    assert_int_equal(w->n_ends, 1);
    close_link(w);
    peer_stop(&p);
}

/** Reading fails, and so does what is being written. */
static void a_link_that_breaks_both_ways_ends_once(void **state)
{
    struct world *w = *state;
    struct peer p;

    peer_start(&p, hang_up);
    open_link(w, &p);
    char *bytes = mem_alloc(MUCH);
    assert_int_equal(buf_add(link_out(w->link), (str){bytes, MUCH}), 0);
    free(bytes);
    net_run(w->net);
    assert_int_equal(w->n_ends, 1);
    run_for(w, 50000);
    assert_int_equal(w->n_ends, 1);
    close_link(w);
    peer_stop(&p);
}

static void a_port_where_nobody_listens_ends_the_link(void **state)
{
    struct world *w = *state;
    struct peer p;

    peer_start(&p, NULL);
    open_link(w, &p);
    assert_int_equal(buf_add(link_out(w->link), STR("hello")), 0);
    assert_int_equal(w->n_ends, 0);
    net_run(w->net);
    assert_int_equal(w->n_ends, 1);
    assert_string_equal(w->why, "connection refused");
    run_for(w, 20000);
    assert_int_equal(w->n_ends, 1);
    assert_int_equal(w->n_calls, 0);
    close_link(w);
    peer_stop(&p);
}

/** Never from inside link_open(). */
static void an_address_that_is_none_ends_the_link_later(void **state)
{
    struct world *w = *state;
    struct peer p = {.address = {.addr = {.ss_family = AF_UNIX}, .len = 2}};

    open_link(w, &p);
    assert_int_equal(w->n_ends, 0);
    net_run(w->net);
    assert_int_equal(w->n_ends, 1);
    assert_true(w->why[0] != '\0');
    close_link(w);
}

static void a_link_may_be_closed_from_inside(void **state)
{
    struct world *w = *state;
    struct peer p;

    peer_start(&p, echo);
    open_link(w, &p);
    assert_int_equal(buf_add(link_out(w->link), STR("hello")), 0);
    w->closes_inside = true;
    net_run(w->net);
    assert_null(w->link);
    assert_int_equal(w->n_calls, 1);
    run_for(w, 20000);
    assert_int_equal(w->n_calls, 1);
    assert_int_equal(w->n_ends, 0);
    peer_stop(&p);
}

static void a_link_that_is_closed_before_it_has_connected_says_nothing(void **state)
{
    struct world *w = *state;
    struct peer p;

    peer_start(&p, echo);
    open_link(w, &p);
    assert_int_equal(buf_add(link_out(w->link), STR("hello")), 0);
    close_link(w);
    run_for(w, 20000);
    assert_int_equal(w->n_calls, 0);
    assert_int_equal(w->n_ends, 0);
    peer_stop(&p);
}

/** What leaks, ASan tells. */
static void open_links_are_freed_with_the_net(void **state)
{
    struct world *w = *state;
    struct peer connected;
    struct peer connecting;

    peer_start(&connected, echo);
    peer_start(&connecting, echo);
    open_link(w, &connected);
    assert_int_equal(buf_add(link_out(w->link), STR("hello")), 0);
    w->wanted = 5;
    net_run(w->net);
    char *bytes = mem_alloc(MUCH);
    assert_int_equal(buf_add(link_out(w->link), (str){bytes, MUCH}), 0);
    free(bytes);
    open_link(w, &connecting);
    assert_int_equal(buf_add(link_out(w->link), STR("hello")), 0);
    const unsigned n_calls = w->n_calls;

    net_free(w->net);
    w->net = NULL;
    assert_int_equal(w->n_calls, n_calls);
    assert_int_equal(w->n_ends, 0);
    peer_stop(&connected);
    peer_stop(&connecting);
}

static void count_job(struct job *job)
{
    struct world *w = container_of(job, struct world, job);

    w->n_jobs++;
    net_stop(w->net);
}

static void what_is_for_later_runs_before_the_wait(void **state)
{
    struct world *w = *state;

    job_push(net_later(w->net), &w->job, count_job);
    assert_int_equal(w->n_jobs, 0);
    net_run(w->net);
    assert_int_equal(w->n_jobs, 1);
    assert_true(net_now_us() < w->give_up_us);
}

/** When a turn was, and when the next is to be. */
struct clockwork {
    struct net *net;
    int64_t asked_us;
    int64_t came_us;
    unsigned n_turns;
};

#define SOON_US 2000

static int64_t on_tick(void *arg, int64_t now_us)
{
    struct clockwork *c = arg;

    if (c->n_turns++ == 0) {
        c->asked_us = now_us + SOON_US;
        return c->asked_us;
    }
    c->came_us = now_us;
    net_stop(c->net);
    return INT64_MAX;
}

static void it_wakes_up_when_it_is_told_to(void **state)
{
    struct clockwork c = {0};

    (void)state;
    assert_int_equal(net_new(&c.net, on_tick, &c), 0);
    net_run(c.net);
    net_free(c.net);
    assert_int_equal(c.n_turns, 2); // none between
    assert_true(c.came_us >= c.asked_us);
    assert_true(c.came_us < c.asked_us + 1000000); // late by a busy machine alone
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_before_it_has_connected_is_sent),
        TEST(much_goes_both_ways),
        TEST(the_end_is_told_once_behind_the_bytes),
        TEST(a_link_that_breaks_both_ways_ends_once),
        TEST(a_port_where_nobody_listens_ends_the_link),
        TEST(an_address_that_is_none_ends_the_link_later),
        TEST(a_link_may_be_closed_from_inside),
        TEST(a_link_that_is_closed_before_it_has_connected_says_nothing),
        TEST(open_links_are_freed_with_the_net),
        TEST(what_is_for_later_runs_before_the_wait),
        cmocka_unit_test(it_wakes_up_when_it_is_told_to),
    };
    return cmocka_run_group_tests_name("bench/net", tests, NULL, NULL);
}
