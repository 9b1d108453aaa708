/**
 * The Engine.IO 4 server: sessions of one client each, over long-polling, a WebSocket,
 * or the one after the other.
 *
 * It is a handler of the HTTP server's. What a session carries goes to the application
 * that the server was made with; Socket.IO is one.
 */
#pragma once

#include "base/rand.h"
#include "http/origin.h"
#include "http/proxy.h"
#include "http/server.h"
#include "ws/ws.h"

/** So long a closed polling session is kept for the GET that learns of it. */
#define EIO_CLOSE_KEPT_MS 30000

#define EIO_WORKERS 64   // servers of one process, whose sessions can be told apart
#define EIO_NODES   4096 // processes, likewise

#define EIO_QUEUE_MAX   4194304 // bytes queued for a client; more and it is a slow consumer
#define EIO_QUEUED_COST 64      // bytes that a packet counts there beside its own

enum eio_transport {
    EIO_POLLING_TRANSPORT = 1,
    EIO_WEBSOCKET_TRANSPORT = 2
};

struct eio_config {
    struct timers *timers;
    struct job_queue *later;
    struct rand *rand;
    int64_t ping_interval_ms;
    int64_t ping_timeout_ms;
    int64_t upgrade_timeout_ms;
    size_t max_payload;  // bytes of a POST's body, and of a WebSocket message
    unsigned transports; // of enum eio_transport, or-ed
    bool allow_upgrades;
    unsigned node;               // below EIO_NODES: which of several processes this is
    unsigned worker;             // below EIO_WORKERS: which of the servers of a process this is
    struct http_origins origins; // whose pages may talk to us
    bool cors;                   // let them read our answers, too
    bool cors_credentials;       // and send cookies
    // With `cors`: JSON that polling of other pages is answered with, 403, and which they may
    // read. A WebSocket could not tell them: that the application does. Empty: it always does.
    str denial;
    struct http_proxies proxies; // that speak for others
};

enum eio_reason {
    EIO_TRANSPORT_CLOSE, // the client closed, or its connection was lost
    EIO_PING_TIMEOUT,
    EIO_PARSE_ERROR,   // it broke the protocol
    EIO_SLOW_CONSUMER, // over EIO_QUEUE_MAX
    EIO_SHUTTING_DOWN,
    EIO_CLOSED_BY_APP, // eio_close(); not reported
};

const char *eio_reason_name(enum eio_reason reason);

struct eio_session;

/** What the handshake's request said of the client. */
struct eio_peer {
    ip ip;                  // of the client; behind a trusted proxy what that says
    bool origin_is_allowed; // no Origin field, or one that eio_config.origins lets in
};

struct eio_app {
    /** A session has opened. @return what the other calls get as `state` */
    void *(*on_open)(void *arg, struct eio_session *s);

    /** One message. The bytes may be changed in place. */
    void (*on_message)(void *state, bool is_binary, char *bytes, size_t n);

    /** The session is over and no longer to be used. Not after eio_close(). */
    void (*on_close)(void *state, enum eio_reason reason);
};

struct eio_server;

/** @param config  copied; what it points to is borrowed, and must outlive the server */
struct eio_server *eio_server_new(const struct eio_config *config, const struct eio_app *app,
                                  void *app_arg);

/** After its HTTP server has none of its requests any more. */
void eio_server_free(struct eio_server *s);

/** The handler to put in a route; its arg is the server. */
extern const struct http_handler eio_http_handler;

/** Where a session is. */
struct eio_place {
    unsigned node;
    unsigned worker;
};

/**
 * Where is the session that a request names? Its id says so: the first character is the
 * worker's, the next two are the node's, and the other 17 are chance, 102 bits. Thread: any.
 *
 * @return false: it names none, or what no server of ours has made
 */
bool eio_place_of(const struct http_head *head, struct eio_place *out);

/** Answer a request with 503, for now: as eio_server_refuse() does, whatever it asks for.
 * @param rq  in on_head of its handler; no more afterwards */
void eio_server_turn_away(struct eio_server *s, struct http_request *rq,
                          const struct http_head *head, unsigned retry_after_s);

/**
 * Answer handshakes with 503 from now on, and with the seconds after which to come again; 0:
 * no more. Sessions go on.
 */
void eio_server_refuse(struct eio_server *s, unsigned retry_after_s);

/**
 * Close sessions a few at a time: those that the last call has chosen end, and n others are
 * chosen. A chosen one is no longer heard, and gets what the application still has for it.
 *
 * @return how many are left
 */
size_t eio_server_drain(struct eio_server *s, size_t n);

/** Close all sessions; the clients reconnect, to whoever is there then. */
void eio_server_shut_down(struct eio_server *s);

struct eio_counters {
    size_t sessions;  // now
    uint64_t opened;  // sessions
    uint64_t refused; // handshakes, by eio_server_refuse()
    uint64_t denied;  // requests, with eio_config.denial
};

struct eio_counters eio_counters(const struct eio_server *s);

/**
 * Send one message, put together from parts: they are copied. Too much of it queued
 * closes the session, and on_close comes later.
 */
void eio_send(struct eio_session *s, bool is_binary, const str *parts, size_t n_parts);

/**
 * Take no larger POSTs and WebSocket messages from this client, from now on: before it is
 * known who it is, say. Never more than the server's max_payload.
 */
void eio_limit_payload(struct eio_session *s, size_t max_bytes);

/**
 * Read no more from this client, or go on. What was read already still comes as messages; a
 * client that polls is heard all the same, until it upgrades.
 *
 * Pongs are not read either, so a paused client does not end with EIO_PING_TIMEOUT: the
 * application goes on within a bounded time, or closes the session.
 */
void eio_set_reading(struct eio_session *s, bool on);

/** Would a message leave at once? (What is volatile is dropped where not.) */
bool eio_is_writable(const struct eio_session *s);

/** What is queued still goes out; the session is no longer to be used. */
void eio_close(struct eio_session *s);

const struct eio_peer *eio_peer(const struct eio_session *s);

/**
 * The token of the handshake's Authorization field ("Bearer"); empty without one. Kept until
 * eio_drop_bearer(): it is a secret, and kilobytes.
 */
str eio_bearer(const struct eio_session *s);
void eio_drop_bearer(struct eio_session *s);

/**
 * Bytes that the client has not taken yet, in all our queues. What a poll was answered with is
 * the connection's.
 */
size_t eio_queued(const struct eio_session *s);

/** Borrowed for the life of the session; log lines of the layers above chain to it. */
const struct log_ctx *eio_log(const struct eio_session *s);
