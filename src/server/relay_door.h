/**
 * What stands before Engine.IO: who comes from another node shows the key, and who is for one
 * that can't be had now is told so.
 */
#pragma once

#include "base/seldom.h"
#include "eio/server.h"
#include "server/relay.h"
#include "server/relay_peers.h"

/** All but the last two are the owner's to set; borrowed. */
struct relay_door {
    struct eio_server *eio;
    struct relay *relay;       // NULL: there are no others
    struct relay_peers *peers; // gets who has shown the key
    str key;                   // empty: nobody's is right
    const struct timers *timers;
    uint64_t n_denied;
    struct seldom said; // of those
};

/** In the place of eio_http_handler; arg is the door. */
extern const struct http_handler relay_door_handler;

struct relay_numbers relay_door_numbers(const struct relay_door *d);
