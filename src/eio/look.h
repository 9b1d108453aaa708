/** What sessions look like from outside, for who runs the server: no name, no secret, no
 * content. */
#pragma once

#include "eio/server.h"

struct eio_look {
    uint64_t session; // as the log counts them: the higher, the younger
    const char *state;
    ip ip;
    size_t unsent; // bytes
    bool awaits_pong;
    bool is_paused; // its WebSocket is not read: it has sent too much at once
};

/** Those with the most unsent, the most first. @return how many, at most max */
size_t eio_server_look(const struct eio_server *s, struct eio_look *out, size_t max);
