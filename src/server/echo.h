/**
 * The selftest's applications: one on Socket.IO, which echoes in the ways that a test
 * suite needs; one on Engine.IO and one on plain WebSockets, which echo what comes.
 */
#pragma once

#include "sio/server.h"

struct echo {
    struct list sockets; // of the Socket.IO application
    struct list websockets;
    struct ws_config ws_config;
};

void echo_init(struct echo *e, const struct ws_config *ws_config);

/** Arg is the struct echo. */
extern const struct sio_app echo_sio_app;

/** Arg is of no matter. */
extern const struct eio_app echo_eio_app;

/** A plain WebSocket; arg is the struct echo. */
extern const struct http_handler echo_ws_handler;

/** Close the plain WebSockets. The others end with their servers. */
void echo_shut_down(struct echo *e);
