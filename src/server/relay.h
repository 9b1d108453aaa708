/**
 * Requests whose session another node has: they are passed to it over HTTP, and so is all that
 * comes behind, both ways, until either end is over. There is one of these for each loop.
 *
 * One request is passed on for a connection. A client that polls gets "Connection: close" with
 * its answer, and comes with a new connection, whose request may be for somebody else; what it
 * has sent behind this one is dropped (RFC 9112, sections 9.3.2 and 9.6). A WebSocket stays.
 *
 * Who can't be reached has no such session, as far as its client can tell: our own HTTP server
 * gets the request back, and answers so.
 */
#pragma once

#include "http/server.h"
#include "io/loop.h"
#include "io/tcp_limit.h"
#include "server/node_url.h"
#include "server/relay_head.h"

#define RELAYS_MAX          16384 // of a loop; each takes two connections
#define RELAY_QUEUED_MAX    65536 // bytes that one side has not taken; then the other waits
#define RELAY_DIAL_MS       2000  // to reach the other node
#define RELAY_LOOK_MS       1000  // to find out where it is, if it is not where it was
#define RELAY_RETRY_AFTER_S 5

/** Who we are, and who else there is. */
struct relay_nodes {
    unsigned number; // ours, below EIO_NODES
    str key;         // of all: a good one (relay_key_is_good()), and a secret

    /** Thread: any that has a relay. @return false: there is no such node, or not any more */
    bool (*find)(void *arg, unsigned node, struct node_url *out);

    /** What find() knows may be old: it shall be looked for anew. Thread: likewise. @return a
     * ticket for has_looked() */
    uint64_t (*look)(void *arg);
    bool (*has_looked)(void *arg, uint64_t ticket);
    void *arg;
};

struct relay_config {
    struct loop *loop;
    struct http_server *http; // whose requests they are
    const struct relay_nodes *nodes;
    struct tcp_limit *limit; // of connections, in which those to others count. NULL: none
    size_t max;              // relays at once; 0: RELAYS_MAX
    int64_t idle_ms;         // without a byte: cut
};

struct relay;

/** @param config  copied; what it points to is borrowed, and must outlive it @return owned */
struct relay *relay_new(const struct relay_config *config);

/** relay_is_idle() must hold. NULL is fine. */
void relay_free(struct relay *r);

/** Is it for another node, and to be passed there? As place() of http_config. @param node  of
 * its session */
bool relay_takes(const struct relay *r, const struct http_head *head, unsigned node);

/** As move() of http_config. */
void relay_take(struct relay *r, unsigned node, struct stream_parcel *parcel);

/** Has a request been left here because there are too many? It is counted. */
bool relay_turns_away(struct relay *r, const struct http_head *head);

/** End n of the WebSockets, of which their clients know; they come again. @return how many are
 * left */
size_t relay_drain(struct relay *r, size_t n);

/** End all, and begin nothing. */
void relay_close_all(struct relay *r);

bool relay_is_idle(const struct relay *r);

/** Each is a uint64_t. */
struct relay_numbers {
    uint64_t open;
    uint64_t websockets; // of the open ones
    uint64_t taken;
    uint64_t failed;  // given back: nobody was reached
    uint64_t refused; // there were too many
    uint64_t denied;  // requests of others with another key or version (server/relay_door.h)
};

struct relay_numbers relay_numbers(const struct relay *r);
