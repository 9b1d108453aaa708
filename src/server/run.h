/** Listen, serve until told to stop, and stop as server/stop.h says: of each loop. */
#pragma once

#include "http/proxy.h"
#include "http/server.h"
#include "io/addr.h"
#include "io/loop.h"
#include "io/tcp.h"
#include "server/relay_peers.h"
#include "server/stop.h"

/** What a server does beside its HTTP. */
struct run_ops {
    /** Stop begins: no new clients, those there are go on. */
    void (*refuse)(void *arg);

    /** As in struct stop_ops. */
    size_t (*let_go)(void *arg, size_t n_steps);
    void (*close)(void *arg);

    /** Is nothing under way but connections? */
    bool (*is_idle)(void *arg);

    /** What is under way shall end by itself no later than now. */
    void (*give_up)(void *arg);
};

struct run {
    const char *command; // "parley serve"
    struct loop *loop;
    struct http_server *http;
    struct addr listen;
    struct tls_context *tls; // of io/tcp.h; NULL: none
    enum tcp_share share;
    int fd;                             // of TCP_GIVEN
    struct tcp_limit *limit;            // of connections; borrowed
    const struct http_proxies *proxies; // which its addresses do not count for; NULL: none
    bool proxy_protocol;                // which theirs begin with (io/proxy_header.h)
    struct relay_peers *peers;          // likewise
    int64_t drain_ms;
    const struct run_ops *ops;
    void *arg;
};

enum run_refusal {
    RUN_FAILED = 1, // could not listen: said, with what to do
    RUN_UNCLEAN,    // stopped, with something still under way: said in the log
};

/** The caller's, and where it is until it has stopped. */
struct running {
    const struct run *how;
    struct listener *listener; // NULL once all connections are closed
    struct stop stop;
    bool is_stopping;
    bool is_clean;
};

/**
 * Listen: who comes waits until the loop runs.
 *
 * @param how  borrowed for the life of r
 * @param at   where it listens, with the port that it has got @return 0 or RUN_FAILED
 */
MUST_CHECK int run_listen(struct running *r, const struct run *how, struct addr *at);

/** It is not to be run after all. Harmless where it does not listen. */
void run_cancel(struct running *r);

/** On SIGTERM and SIGINT fn is called on the loop: it shall stop. @return 0 or RUN_FAILED */
MUST_CHECK int run_on_signals(const struct run *how, loop_signal_fn *fn, void *arg);

/** "http" or "https". */
const char *run_scheme(const struct tls_context *tls);

/** Say on stdout that we are ready; to be flushed. @param scheme  of run_scheme() */
void run_say_ready(const char *scheme, const struct addr *at);

/** Say in the log that we stop, or hurry. */
void run_say_stop(const struct running *r, int signal);

/** Begin to stop, or hurry. On the loop. */
void run_stop(struct running *r);

/** Serve until it has stopped. @return 0 or RUN_UNCLEAN */
MUST_CHECK int run_serve(struct running *r);

/** All of it, of one who has one loop. @return 0 or an enum run_refusal */
MUST_CHECK int run(const struct run *how);

/**
 * How many connections there may be, by the limit of open files, which it raises.
 *
 * @param others  files that may be open beside connections; TCP_FILES_RESERVED more are left
 */
size_t run_max_streams(uint64_t *files, size_t others);
