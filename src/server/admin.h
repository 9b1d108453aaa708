/**
 * What operators and their programs ask: GET /healthz (does it run), /readyz (shall clients
 * come), /metrics (for Prometheus). No wallet, no token and no text is in any answer.
 */
#pragma once

#include "api/api.h"
#include "eio/server.h"
#include "server/health.h"
#include "server/node_media.h"

enum admin_phase {
    ADMIN_STARTING,
    ADMIN_SERVING,
    ADMIN_DRAINING,
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
    const struct health *health;
    const size_t *n_connections;
};

/** For routes that begin with "/healthz", "/readyz" and "/metrics"; arg is the struct admin. */
extern const struct http_handler admin_http_handler;
