/**
 * One Engine.IO session: its state, its queue, its heartbeat. Private to eio/: the
 * server finds the session a request is for, and hands the request over.
 *
 *   polling -> probing -> websocket      an upgrade; probing may also fall back
 *   closing                              closed by us, while a poll is due to learn it
 */
#pragma once

#include "base/fsm.h"
#include "base/map.h"
#include "base/pool.h"
#include "eio/packet.h"
#include "eio/server.h"

enum eio_state {
    EIO_POLLING,
    EIO_PROBING, // a WebSocket has come; polling still carries the packets
    EIO_WEBSOCKET,
    EIO_CLOSING,
    EIO_CLOSED,
};

struct eio_queued; // poll.h
struct eio_probe;  // upgrade.c

/** What a session has until a WebSocket carries it. */
struct eio_polling {
    struct http_request *get;  // waiting for packets
    struct http_request *post; // being read
    struct eio_probe *probe;
    struct eio_queued *queue; // what was not taken yet
    struct eio_queued **queue_tail;
    size_t queued_bytes; // EIO_QUEUED_COST for each included
    size_t max_payload;  // bytes of a POST; the server's, or less
};

struct eio_session {
    struct map_node by_sid;
    char sid[RAND_NAME_SIZE];
    struct eio_peer peer;
    // Bits, because there are many sessions, and they fill a gap.
    bool awaiting_pong : 1;
    bool is_b64 : 1;    // the WebSocket takes no binary frames
    bool is_slow : 1;   // a packet found no room: it ends in this turn
    bool is_deaf : 1;   // messages of the client are dropped: it ends soon
    bool is_paused : 1; // its WebSocket is not read
    char *bearer;       // NULL: none, or dropped
    struct eio_server *server;
    void *state; // the application's
    struct fsm fsm;
    struct timer timer; // the heartbeat; when closing, the end
    struct log_ctx log;
    struct job job; // flushes, or frees
    struct ws *ws;
    struct eio_polling *polling; // NULL: a WebSocket carries it
};

static_assert(sizeof(struct eio_session) <= 200, "an idle session is small: there are many");

struct eio_server {
    struct eio_config config;
    struct ws_config ws_config;
    const struct eio_app *app;
    void *app_arg;
    struct map sessions;
    struct pool *pool; // where they are
    uint64_t n_opened;
    uint64_t n_refused;
    uint64_t n_denied;
    unsigned retry_after_s; // 0: handshakes are welcome
};

/**
 * A new session in the server's map, and the open packet on its way.
 *
 * @param ws  moved; NULL for polling
 */
struct eio_session *eio_session_new(struct eio_server *server, struct ws *ws, bool is_b64);

/** Write into a name where its session is, for eio_place_of(). */
void eio_place_write(const struct eio_config *config, char sid[RAND_NAME_SIZE]);

/** What the session's bearer is given back with: wiped, freed. NULL is fine. */
void eio_bearer_free(char *bearer);

/** Tell the application of it. It may close the session at once. */
void eio_session_open(struct eio_session *s);

/** Is it alive at this moment, by the clock? Closes it if not. */
bool eio_session_is_alive(struct eio_session *s);

/** The events of a WebSocket that carries a session, which owns it. */
extern const struct ws_events eio_session_ws_events;

bool eio_session_is_open(const struct eio_session *s);

enum eio_session_refusal {
    EIO_SESSION_BAD = 1, // a client may not send this packet: end the session
};

/** A packet on the transport that carries the session. It may end it. @return 0 or
 * EIO_SESSION_BAD */
MUST_CHECK int eio_session_on_packet(struct eio_session *s, const struct eio_packet *p);

/** Send a packet, put together from parts, on the transport that carries the session. */
void eio_session_send(struct eio_session *s, enum eio_type type, bool is_binary,
                      const str *parts, size_t n_parts);

/** Send a packet from the queue on the WebSocket: EIO_QUEUE_MAX is not asked again. */
void eio_session_resend(struct eio_session *s, const struct eio_packet *p);

/**
 * What should have been sent found no room. Nothing is sent from here on, as that would
 * hide the loss, and the session ends in this turn.
 */
void eio_session_lose(struct eio_session *s);

/** The next ping is due an interval from now. */
void eio_session_restart_heartbeat(struct eio_session *s);

/** A paused session has got its WebSocket. */
void eio_session_apply_pause(struct eio_session *s);

/** Over, at once: its sid is forgotten, and the application told. */
void eio_session_end(struct eio_session *s, enum eio_reason reason);

/** The same for a session that the application has closed. A waiting GET gets last. */
void eio_session_finish(struct eio_session *s, str last);

/** The packet "1": what a poll gets when its session is over. */
extern const str eio_closed;
