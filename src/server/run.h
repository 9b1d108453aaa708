/** Listen, say that we are ready, serve until a signal says stop, and stop as server/stop.h
 * says. */
#pragma once

#include "http/proxy.h"
#include "http/server.h"
#include "io/addr.h"
#include "io/loop.h"

/** What a server does beside its HTTP. Only the first two may be NULL. */
struct run_ops {
    /** Nobody was let in yet. @param at  where it listens, with the port that it has got */
    void (*on_listening)(void *arg, const struct addr *at);

    /** It was said on stdout that we are ready: what people shall read there beside that. */
    void (*on_ready)(void *arg, const struct addr *at);

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
    size_t max_streams;
    uint64_t max_per_ip;                // connections of one address; 0: no limit
    const struct http_proxies *proxies; // which that is not for; NULL: none
    int64_t drain_ms;
    const struct run_ops *ops;
    void *arg;
};

enum run_refusal {
    RUN_FAILED = 1, // could not listen: said, with what to do
    RUN_UNCLEAN,    // stopped, with something still under way: said in the log
};

/** @return 0 or an enum run_refusal */
MUST_CHECK int run(const struct run *r);

/**
 * How many connections there may be, by the limit of open files, which it raises.
 *
 * @param others  files that may be open beside connections; TCP_FILES_RESERVED more are left
 */
size_t run_max_streams(uint64_t *files, size_t others);
