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
#include "eio/server.h"

enum eio_state {
    EIO_POLLING,
    EIO_PROBING, // a WebSocket has come; polling still carries the packets
    EIO_WEBSOCKET,
    EIO_CLOSING,
    EIO_CLOSED,
};

/** A polling request under way: who it is for, and the header lines of its answer. */
struct eio_poll {
    struct eio_session *session;
    bool is_get;
    size_t headers_len;
    char headers[]; // CORS
};

struct eio_queued;
struct eio_probe;

struct eio_session {
    struct map_node by_sid;
    char sid[RAND_NAME_SIZE];
    bool awaiting_pong;
    bool is_b64; // the WebSocket takes no binary frames
    bool is_job_queued;
    bool is_slow; // a packet found no room: it ends in this turn
    struct eio_server *server;
    void *state; // the application's
    struct fsm fsm;
    struct timer timer; // the heartbeat; when closing, the end
    struct log_ctx log;
    struct job job;            // flushes, or frees
    struct http_request *get;  // waiting for packets
    struct http_request *post; // being read
    struct ws *ws;
    struct eio_probe *probe;
    struct eio_queued *queue; // what polling has not taken yet
    struct eio_queued **queue_tail;
    size_t queued_bytes;
};

struct eio_server {
    struct eio_config config;
    struct ws_config ws_config;
    const struct eio_app *app;
    void *app_arg;
    struct map sessions;
    uint64_t n_opened;
};

/** A new session in the server's map. ws is NULL for polling. */
struct eio_session *eio_session_new(struct eio_server *server, struct ws *ws, bool is_b64);

/** Tell the application of it. It may close the session at once. */
void eio_session_open(struct eio_session *s);

/** The open packet's JSON. */
int eio_session_handshake(const struct eio_session *s, struct buf *out);

/** Is it alive at this moment, by the clock? Closes it if not. */
bool eio_session_is_alive(struct eio_session *s);

/** A GET has come, or a POST's head; the poll is moved. */
void eio_session_on_get(struct eio_session *s, struct http_request *rq, struct eio_poll *poll);
void eio_session_on_post(struct eio_session *s, struct http_request *rq, struct eio_poll *poll);

/** The POST's body has come, whole. */
void eio_session_on_post_body(struct eio_session *s);

/** The connection of a GET or POST is gone. */
void eio_session_on_gone(struct eio_session *s, struct http_request *rq);

/** A WebSocket for a session. @param ws moved @return false: it was closed, the session is not
 * polling */
bool eio_session_on_probe(struct eio_session *s, struct ws *ws);

/** The events of a WebSocket that was opened without polling first. */
extern const struct ws_events eio_session_ws_events;

/** Over, at once: its sid is forgotten. */
void eio_session_end(struct eio_session *s, enum eio_reason reason);

/** Answer a poll of the session's, and free the poll. */
void eio_poll_answer(struct http_request *rq, unsigned status, str type, str body);
