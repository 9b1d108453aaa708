/** What a connection of a proxy begins with: for whom it is. */
#pragma once

#include "base/list.h"
#include "io/loop.h"
#include "io/proxy_header.h"
#include "io/stream.h"

#define TCP_GREET_MS 5000 // from when it is accepted until its header must be there

struct tcp_greetings {
    struct loop *loop;
    struct list waiting; // of those whose header has not come

    /** The header is there, and taken from the stream, which is the callee's from now on. What
     * came behind it is given to the stream's owner, unless that has let go of it. */
    void (*on_header)(void *arg, struct stream *s, const struct proxy_header *header);

    /** There is none, and the stream is closed then. */
    void (*on_refused)(void *arg, struct stream *s, enum proxy_header_refusal why);

    void *arg;
};

/** @param s  moved. It is to be read from */
void tcp_greet(struct tcp_greetings *all, struct stream *s);

/** Close the streams of which no header has come yet. Nobody is told. */
void tcp_greet_none(struct tcp_greetings *all);
