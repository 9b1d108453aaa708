/**
 * What is between a store and its PostgreSQL, on a thread: it passes all on, or holds what the
 * server says, or has nobody behind it.
 */
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "io/loop.h"
#include "support/pg_world.h"

#define PG_PROXY_PAIRS 16

enum pg_proxy_way {
    PG_PROXY_PASSES,
    PG_PROXY_HOLDS,   // what the server says: the client's words go on
    PG_PROXY_IS_AWAY, // what was connected is cut, and what comes
};

struct pg_proxy {
    struct sockaddr_storage server;
    socklen_t server_len;
    int listener;
    unsigned port;
    int wake;
    atomic_int way;      // enum pg_proxy_way
    atomic_int way_gone; // likewise: that the thread has taken
    atomic_bool is_over;
    struct loop_thread thread;
    struct {
        int client; // -1: there is none
        int server;
    } pairs[PG_PROXY_PAIRS];
};

static inline void pg_proxy_cut(struct pg_proxy *p, size_t i)
{
    if (p->pairs[i].client < 0)
        return;
    close(p->pairs[i].client);
    close(p->pairs[i].server);
    p->pairs[i].client = -1;
}

static inline void pg_proxy_accept(struct pg_proxy *p)
{
    const int client = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
    size_t i = 0;

    assert(client >= 0);
    if (atomic_load(&p->way_gone) == PG_PROXY_IS_AWAY) {
        close(client);
        return;
    }
    while (p->pairs[i].client >= 0)
        i++;
    assert(i < PG_PROXY_PAIRS);
    p->pairs[i].server = socket(p->server.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    p->pairs[i].client = client;
    if (connect(p->pairs[i].server, (struct sockaddr *)&p->server, p->server_len) != 0)
        pg_proxy_cut(p, i);
}

/** @return false: one of the two has gone */
static inline bool pg_proxy_move(int from, int to)
{
    char bytes[65536];
    const ssize_t n = recv(from, bytes, sizeof(bytes), 0);

    for (ssize_t at = 0; at < n;) {
        const ssize_t sent = send(to, bytes + at, (size_t)(n - at), MSG_NOSIGNAL);
        if (sent < 0)
            return false;
        at += sent;
    }
    return n > 0;
}

/** One turn of it. */
static inline void pg_proxy_turn(struct pg_proxy *p)
{
    const int way = atomic_load(&p->way);
    struct pollfd fds[2 + 2 * PG_PROXY_PAIRS] = {{.fd = p->wake, .events = POLLIN},
                                                 {.fd = p->listener, .events = POLLIN}};
    eventfd_t unused;

    for (size_t i = 0; i < PG_PROXY_PAIRS; i++) {
        struct pollfd *pair = &fds[2 + 2 * i];
        if (way == PG_PROXY_IS_AWAY)
            pg_proxy_cut(p, i);
        const bool is_there = p->pairs[i].client >= 0;
        pair[0] = (struct pollfd){.fd = p->pairs[i].client, .events = POLLIN};
        pair[1] =
            (struct pollfd){.fd = is_there && way == PG_PROXY_PASSES ? p->pairs[i].server : -1,
                            .events = POLLIN};
    }
    atomic_store(&p->way_gone, way);
    const int n = poll(fds, COUNT_OF(fds), -1);
    assert(n > 0);
    if (fds[0].revents)
        eventfd_read(p->wake, &unused);
    for (size_t i = 0; i < PG_PROXY_PAIRS; i++) {
        const struct pollfd *pair = &fds[2 + 2 * i];
        if ((pair[0].revents && !pg_proxy_move(p->pairs[i].client, p->pairs[i].server)) ||
            (pair[1].revents && !pg_proxy_move(p->pairs[i].server, p->pairs[i].client)))
            pg_proxy_cut(p, i);
    }
    if (fds[1].revents)
        pg_proxy_accept(p);
}

static inline void pg_proxy_run(void *arg)
{
    struct pg_proxy *p = arg;

    while (!atomic_load(&p->is_over))
        pg_proxy_turn(p);
}

/** It is so when this returns. */
static inline void pg_proxy_set(struct pg_proxy *p, enum pg_proxy_way way)
{
    atomic_store(&p->way, way);
    assert_int_equal(eventfd_write(p->wake, 1), 0);
    while (atomic_load(&p->way_gone) != (int)way)
        ;
}

/** @param to  a connection to the server */
static inline void pg_proxy_open(struct pg_proxy *p, const PGconn *to)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);

    *p = (struct pg_proxy){.server_len = sizeof(p->server)};
    for (size_t i = 0; i < PG_PROXY_PAIRS; i++)
        p->pairs[i].client = -1;
    assert_int_equal(getpeername(PQsocket(to), (struct sockaddr *)&p->server, &p->server_len),
                     0);
    p->wake = eventfd(0, EFD_CLOEXEC);
    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(p->listener, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(p->listener, 8), 0);
    assert_int_equal(getsockname(p->listener, (struct sockaddr *)&at, &len), 0);
    p->port = ntohs(at.sin_port);
    assert_int_equal(loop_thread_start(&p->thread, "pg-proxy", pg_proxy_run, p), 0);
}

static inline void pg_proxy_close(struct pg_proxy *p)
{
    atomic_store(&p->is_over, true);
    assert_int_equal(eventfd_write(p->wake, 1), 0);
    loop_thread_join(&p->thread);
    for (size_t i = 0; i < PG_PROXY_PAIRS; i++)
        pg_proxy_cut(p, i);
    close(p->listener);
    close(p->wake);
}
