/**
 * One client: it connects, joins with its token, answers heartbeats, and hands over what the
 * server says beyond that. It does not reconnect; who has it opens another one.
 */
#pragma once

#include "bench/transport.h"

struct session;

enum session_end {
    SESSION_LOST,    // the connection, or it was never there: another one may be
    SESSION_REFUSED, // the server does not want this client: it need not come again
};

struct session_events {
    /** A Socket.IO packet of type 2 or 3, without the 4 before it. */
    void (*on_packet)(void *owner, str text);

    /** It is over. Once; the session is still to be closed. */
    void (*on_end)(void *owner, enum session_end end, const char *why);
};

struct session_open {
    struct net *net;
    const struct transport_ops *transport;
    const struct target *target; // outlives the session
    struct prng *prng;           // likewise
    str token;                   // likewise
    const struct session_events *events;
    void *owner;
};

/** @return owned; session_close() */
struct session *session_open(const struct session_open *how);

/** At once, also from inside a callback; nothing is called any more. */
void session_close(struct session *s);

/** A whole packet: "42[…]". */
void session_send(struct session *s, str packet);

/** Heartbeats answered so far. */
uint32_t session_heartbeats(const struct session *s);

/** Longer than this without a word from the server, and it is gone; 0 before it has said. */
int64_t session_patience_us(const struct session *s);

/** When the server last said anything; at first, when this was opened. */
int64_t session_heard_us(const struct session *s);

/** As if the connection was lost: on_end() is called. */
void session_give_up(struct session *s, const char *why);
