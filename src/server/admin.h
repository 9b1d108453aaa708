/**
 * What operators and their programs ask: GET /healthz (does it run), /readyz (shall clients
 * come), /metrics (for Prometheus). No wallet, no token and no text is in any answer.
 */
#pragma once

#include "api/api.h"
#include "bus/nats.h"
#include "eio/server.h"
#include "io/tls_context.h"
#include "server/cluster.h"
#include "server/health.h"
#include "server/node_media.h"
#include "server/relay_door.h"

/** Each is a uint64_t: of struct bus_nats_numbers. */
struct admin_bus {
    uint64_t up;
    uint64_t published;
    uint64_t received;
    uint64_t dropped;
    uint64_t unreadable;
    uint64_t lost;
    uint64_t slow;
    uint64_t subjects;
    uint64_t nodes;
};

enum admin_phase {
    ADMIN_STARTING,
    ADMIN_SERVING,
    ADMIN_DRAINING,
};

/** All numbers of one answer: of a worker, or of several together. Each is a uint64_t. */
struct admin_numbers {
    uint64_t uptime_s;
    uint64_t tls_ends_s; // 0: no TLS
    uint64_t memory;
    uint64_t store_up;
    uint64_t connections;
    uint64_t max_connections; // of all workers together
    struct eio_counters eio;
    struct relay_numbers relay; // of requests for other nodes
    struct admin_bus bus;
    uint64_t nodes; // that share the store
    struct api_counters api;
    struct chat_counters chat;
    struct store_counters store;
    struct media_local_counters local; // zeroes where files are elsewhere
    struct media_s3_counters s3;       // likewise
};

/** What it looks at; borrowed. */
struct admin {
    enum admin_phase phase;
    int64_t started_ms; // monotonic
    struct timers *timers;
    const struct chat *chat;
    const struct api *api;
    const struct store *store;
    const struct node_media *media;
    const struct eio_server *eio;
    const struct relay_door *door;
    struct cluster *cluster; // NULL: the process is alone
    struct bus_nats *nats;   // likewise
    bool is_first;           // of a process: what there is but once counts here
    const struct health *health;
    struct tls_context *tls; // NULL: none
    const size_t *n_connections;
    size_t max_connections; // of the process

    /** Asked for its numbers, there are others to ask, too: answer with admin_respond(), later.
     * NULL: there are none. */
    void (*on_metrics)(void *arg, struct http_request *rq);

    /** Such a request is no more. */
    void (*on_gone)(void *arg, struct http_request *rq);
    void *arg;
};

struct admin_numbers admin_numbers_of(const struct admin *a);

/** More of what can be added up. */
void admin_numbers_add(struct admin_numbers *sum, const struct admin_numbers *more);

void admin_respond(struct http_request *rq, const struct admin_numbers *n);

/** For routes that begin with "/healthz", "/readyz" and "/metrics"; arg is the struct admin. */
extern const struct http_handler admin_http_handler;
