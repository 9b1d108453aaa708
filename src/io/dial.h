/**
 * Connect to another one over TCP. A name is looked up on libuv's threads (io/pool.h); the
 * addresses that it has are tried in turn, each with its part of the time that is left. Nothing
 * is logged here.
 */
#pragma once

#include "io/loop.h"
#include "io/stream.h"

#define DIAL_ADDRESSES_MAX 8

struct dial_to {
    const char *host; // a name, or an address without brackets; borrowed until it is called
    uint16_t port;
    int64_t timeout_ms;      // in all
    size_t max_queued;       // as of struct tcp_listen
    struct tcp_limit *limit; // in which the connection takes a place, but counts for no
                             // address. Borrowed; must outlive it. NULL: none
};

enum dial_refusal {
    DIAL_NO_NAME = 1, // no such name, or nobody who knows
    DIAL_UNREACHED,   // refused, or no way to it
    DIAL_LATE,
    DIAL_FULL, // there are as many connections as there may be
};

/** For the log. */
const char *dial_reason(int refusal);

struct dial;

/**
 * Once, on the loop, and never below dial_start(). The dial is no more.
 *
 * @param r  0, or an enum dial_refusal
 * @param s  of 0: moved to the callee, which sets an owner at once, and asks for reading with
 *           stream_set_reading(). TCP_NODELAY is set
 */
typedef void dial_fn(void *arg, int r, struct stream *s);

/** @return owned until it is called back, or dial_cancel() */
struct dial *dial_start(struct loop *l, const struct dial_to *to, dial_fn *done, void *arg);

/** It is not called back; the dial is no more. A lookup that is under way holds up loop_free()
 * until it ends. */
void dial_cancel(struct dial *d);
