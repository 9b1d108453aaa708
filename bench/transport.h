/**
 * What carries an Engine.IO session: a WebSocket, or long-polling on two connections. Both
 * give and take packets as text ("2", "40{…}", "42[…]"); what these mean is the session's.
 */
#pragma once

#include "bench/net.h"
#include "bench/prng.h"

/** A server, and where on it Socket.IO is. */
struct target {
    struct address address;
    str host; // for the Host field
    str path; // "/socket.io/"
};

struct transport;

struct transport_events {
    /** One packet. The transport may be closed from inside. */
    void (*on_packet)(void *owner, char *text, size_t n);

    /** It is over, or never was. Once; the transport is still to be closed. */
    void (*on_end)(void *owner, const char *why);
};

struct transport_open {
    struct net *net;
    const struct target *target; // outlives the transport
    struct prng *prng;           // likewise
    const struct transport_events *events;
    void *owner;
};

struct transport_ops {
    struct transport *(*open)(const struct transport_open *how);
    void (*send)(struct transport *t, str packet);
    void (*close)(struct transport *t);
};

struct transport {
    const struct transport_ops *ops;
    struct transport_open how;
};

extern const struct transport_ops transport_websocket;
extern const struct transport_ops transport_polling;

#define TRANSPORT_WHY_SIZE 160 // bytes

/** A sentence with what the server has said in it: control characters become '?'. @return out
 */
const char *transport_why(char out[TRANSPORT_WHY_SIZE], const char *fmt, ...) PRINTF_LIKE(2, 3);

struct answer;

/** "the server answered 503 …", for an answer that is none. @return out */
const char *transport_why_answer(char out[TRANSPORT_WHY_SIZE], const struct answer *a);
