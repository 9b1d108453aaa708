/**
 * NATS as the uplink of a hub: what joins several processes.
 *
 * A hint may be lost, and all fronts are told of a gap where that may have been: when the
 * connection is back, when somebody was too slow, when another node is lost. While NATS is away
 * nobody waits for it: the store is checked.
 *
 * A thread of its own does whatever may wait; what waits for that is bounded. nats.c has some
 * more: one that reads, one that writes, one for all that was received.
 *
 * PREFIX tells services that share a NATS apart.
 *
 *   PREFIX.w.<hex of the account's bytes>  events for its sockets
 *   PREFIX.p.<the same>                    its presence
 *   PREFIX.nodes                           who is there (bus/nats_nodes.h)
 */
#pragma once

#include "base/rand.h"
#include "bus/uplink.h"

// Bytes of events that wait to be published. Over it they are dropped.
#define BUS_NATS_QUEUE_MAX 16777216

// From one attempt to connect to the next: by chance a half more or less.
#define BUS_NATS_AGAIN_MS 1000

// For the answer to all subscriptions of a new connection, which may be many: nobody waits for
// it.
#define BUS_NATS_RESUME_MS 15000

#define BUS_NATS_WARN_MS 10000 // between two lines of the log about the same

struct bus_nats;

struct bus_nats_config {
    const char *urls;    // bus/nats_url.h
    const char *ca_file; // PEM, beside the system's certificates; NULL: none
    const char *node;    // its name, which no other one has; 1 to BUS_NODE_NAME_MAX bytes
    struct rand *rand;   // borrowed for its life. Thread: any
    const char *prefix;  // of subjects; NULL: "parley"
    // Of tests, 0: as the macros say.
    int64_t node_ms;
    int64_t node_lost_ms;
    size_t queue_max;
};

enum bus_nats_refusal {
    BUS_NATS_BAD_URL = 1,
    BUS_NATS_MIXED,       // some tls://, some not
    BUS_NATS_NO_NAME,     // tls:// to an address
    BUS_NATS_NO_PASSWORD, // off loopback
    BUS_NATS_DENIED,      // the server knows no such user, password or token
    BUS_NATS_UNTRUSTED,   // its certificate is not good, or it has none
    BUS_NATS_BAD_CA,      // the file can't be read
};

/** What an operator is told of it: the remedy first. */
const char *bus_nats_remedy(enum bus_nats_refusal why);

/** @return 0 or the enum bus_nats_refusal that an open would begin with */
MUST_CHECK int bus_nats_check_urls(const char *urls);

/** Whether one of them has a password, or a token. */
bool bus_nats_has_password(const char *urls);

/**
 * Connect; where no server is in reach, go on trying. May take BUS_NATS_HANDSHAKE_MS for each
 * URL, and what names take to be found.
 *
 * @param out  owned; bus_nats_free() @return 0, an enum bus_nats_refusal, or a fault
 */
MUST_CHECK int bus_nats_open(struct bus_nats **out, const struct bus_nats_config *config);

/** After the hub. What waits to be published is published first. NULL is fine. */
void bus_nats_free(struct bus_nats *n);

/** For one hub: bus_hub_new(). Borrowed. */
struct bus_uplink *bus_nats_uplink(struct bus_nats *n);

struct bus_nats_numbers {
    bool is_connected;
    uint64_t published;  // events
    uint64_t received;   // events
    uint64_t dropped;    // of both: nothing could take them
    uint64_t unreadable; // of another version, or no event
    uint64_t lost;       // connections
    uint64_t slow;       // times that what came was dropped by nats.c
    uint64_t subjects;   // subscribed now
    uint64_t nodes;      // others, that are there now
};

/** Thread: any. */
void bus_nats_numbers(struct bus_nats *n, struct bus_nats_numbers *out);
