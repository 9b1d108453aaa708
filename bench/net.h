/**
 * TCP connections to the servers under test, on libuv: one thread, one loop.
 *
 * A turn is: wait for the network or the wake-up, read what came, let the owner do what is
 * due (on_turn), write what each link has gathered. The wake-up is a timerfd, because what is
 * planned here is planned to the microsecond, and libuv's timers count milliseconds.
 */
#pragma once

#include <netinet/in.h>

#include "base/buf.h"
#include "base/job.h"
#include "base/list.h"

struct net;
struct link;

/** Called once a turn. @return when it wants to be called at the latest; INT64_MAX: never */
typedef int64_t net_turn_fn(void *arg, int64_t now_us);

/** @param out  owned; net_free() @return 0 or a fault */
MUST_CHECK int net_new(struct net **out, net_turn_fn *on_turn, void *arg);

/** Links that are still open are closed, without a word to their owners. */
void net_free(struct net *n);

/** Until net_stop(). */
void net_run(struct net *n);
void net_stop(struct net *n);

/** Run before the next wait: for what must not be freed below the frames that use it. */
struct job_queue *net_later(struct net *n);

/** Monotonic. Taken anew at each call. */
int64_t net_now_us(void);

struct address {
    struct sockaddr_storage addr;
    socklen_t len;
};

struct link_events {
    /**
     * Bytes that came, behind those that the last call left.
     * @return how many were used; the rest is shown again. The link may have been closed.
     */
    size_t (*on_bytes)(void *owner, char *bytes, size_t n);

    /** It is over, or never was: why is a word or two. Once; the link is still to be closed. */
    void (*on_end)(void *owner, const char *why);
};

/** Connects. What is written before it has is sent when it has. @return owned; link_close() */
struct link *link_open(struct net *n, const struct address *to,
                       const struct link_events *events, void *owner);

/** Where to append output, which goes out at the end of the turn. */
struct buf *link_out(struct link *l);

/** At once; no callback comes any more. What was not sent is not. */
void link_close(struct link *l);
