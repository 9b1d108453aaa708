#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "io/tcp.h"
#include "support/t.h"

#define DIALS_MAX 1000 // none of so many comes to one of two listeners: once in 2^1000
#define TURNS_MAX 200000

/** A loop on a thread of its own, which listens. */
struct place {
    struct loop *loop;
    struct listener *listener;
    pthread_t thread;
    atomic_uint n_accepted;
    atomic_bool is_stopping;
};

static void ignore_line(void *arg, str line)
{
    (void)arg, (void)line;
}

static void on_accept(void *arg, struct stream *s)
{
    struct place *p = arg;

    stream_abort(s);
    atomic_fetch_add(&p->n_accepted, 1);
}

static int listen_at(struct place *p, const char *host, uint16_t port, enum tcp_share share)
{
    struct tcp_listen how = {
        .max_queued = 4096, .share = share, .on_accept = on_accept, .arg = p};

    str_copy(how.addr.host, (str){host, strlen(host) + 1});
    how.addr.port = port;
    return tcp_listen(&p->listener, p->loop, &how);
}

static void open_place(struct place *p)
{
    *p = (struct place){0};
    assert_int_equal(loop_new(&p->loop), 0);
}

static void close_place(struct place *p)
{
    if (p->listener)
        listener_close(p->listener);
    for (int i = 0; p->loop->n_streams > 0; i++) {
        assert_true(i < TURNS_MAX);
        loop_run_once(p->loop);
    }
    loop_free(p->loop);
}

static uint16_t port_of(const struct place *p)
{
    return listener_addr(p->listener).port;
}

static void *serve(void *arg)
{
    const struct timespec nap = {.tv_nsec = 100000};
    struct place *p = arg;

    while (!atomic_load(&p->is_stopping)) {
        loop_run_once(p->loop);
        nanosleep(&nap, NULL);
    }
    return NULL;
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/** Connect, and wait until we are closed. */
static void visit(uint16_t port)
{
    const struct sockaddr_in to = loopback(port);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char byte = 0;

    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
    assert_true(recv(fd, &byte, 1, 0) <= 0);
    close(fd);
}

static void listeners_of_two_loops_share_what_comes_to_a_port(void **state)
{
    struct place places[2];
    unsigned n_dials = 0;

    (void)state;
    open_place(&places[0]);
    open_place(&places[1]);
    assert_int_equal(listen_at(&places[0], "127.0.0.1", 0, TCP_FIRST), 0);
    const uint16_t port = port_of(&places[0]);
    assert_int_equal(listen_at(&places[1], "127.0.0.1", port, TCP_NEXT), 0);
    expect_int("one port", port_of(&places[1]), port);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&places[i].thread, NULL, serve, &places[i]), 0);

    while (atomic_load(&places[0].n_accepted) == 0 || atomic_load(&places[1].n_accepted) == 0) {
        assert_true(n_dials < DIALS_MAX);
        visit(port);
        n_dials++;
    }
    for (size_t i = 0; i < 2; i++) {
        atomic_store(&places[i].is_stopping, true);
        assert_int_equal(pthread_join(places[i].thread, NULL), 0);
        close_place(&places[i]);
    }
    expect_int("each came to one of them", places[0].n_accepted + places[1].n_accepted,
               n_dials);
}

/** Another program that listens. @return its socket */
static int listen_beside(uint16_t *port, int option)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = loopback(0);
    socklen_t size = sizeof(at);
    const int on = 1;

    assert_int_equal(setsockopt(fd, SOL_SOCKET, option, &on, sizeof(on)), 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

static void the_first_finds_a_port_in_use_whoever_has_it(void **state)
{
    static const int options[] = {SO_REUSEADDR, SO_REUSEPORT};
    struct place p;

    (void)state;
    open_place(&p);
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        uint16_t port = 0;
        const int other = listen_beside(&port, options[i]);
        assert_int_equal(listen_at(&p, "127.0.0.1", port, TCP_FIRST), -EADDRINUSE);
        close(other);
    }
    close_place(&p);
}

static void another_server_finds_our_port_in_use(void **state)
{
    struct place ours;
    struct place other;

    (void)state;
    open_place(&ours);
    open_place(&other);
    assert_int_equal(listen_at(&ours, "127.0.0.1", 0, TCP_FIRST), 0);
    const uint16_t port = port_of(&ours);
    assert_int_equal(listen_at(&other, "127.0.0.1", port, TCP_ALONE), -EADDRINUSE);
    assert_int_equal(listen_at(&other, "127.0.0.1", port, TCP_FIRST), -EADDRINUSE);
    close_place(&ours);
    close_place(&other);
}

static void nobody_joins_a_listener_that_is_alone(void **state)
{
    struct place alone;
    struct place next;

    (void)state;
    open_place(&alone);
    open_place(&next);
    assert_int_equal(listen_at(&alone, "127.0.0.1", 0, TCP_ALONE), 0);
    assert_int_equal(listen_at(&next, "127.0.0.1", port_of(&alone), TCP_NEXT), -EADDRINUSE);
    close_place(&alone);
    close_place(&next);
}

static void an_address_of_ipv6_is_shared_as_well(void **state)
{
    struct place first;
    struct place next;

    (void)state;
    open_place(&first);
    open_place(&next);
    const int r = listen_at(&first, "::1", 0, TCP_FIRST);
    if (r == 0) {
        assert_int_equal(listen_at(&next, "::1", port_of(&first), TCP_NEXT), 0);
        assert_string_equal(listener_addr(next.listener).host, "::1");
    }
    close_place(&first);
    close_place(&next);
    if (r == -EADDRNOTAVAIL || r == -EAFNOSUPPORT)
        skip(); // a machine without IPv6
    assert_int_equal(r, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listeners_of_two_loops_share_what_comes_to_a_port),
        cmocka_unit_test(the_first_finds_a_port_in_use_whoever_has_it),
        cmocka_unit_test(another_server_finds_our_port_in_use),
        cmocka_unit_test(nobody_joins_a_listener_that_is_alone),
        cmocka_unit_test(an_address_of_ipv6_is_shared_as_well),
    };

    log_set_sink(ignore_line, NULL);
    return cmocka_run_group_tests_name("io/tcp_bind", tests, NULL, NULL);
}
