/**
 * A WebSocket (RFC 6455), the server's side of one connection: messages in, messages
 * out. Pings are answered, the closing handshake is done, and what breaks the protocol
 * ends the connection with the code that section 7.4 gives it.
 *
 * It knows no HTTP: ws/handshake says what to answer, and the stream comes here.
 */
#pragma once

#include "base/job.h"
#include "base/timer.h"
#include "io/stream.h"

#define WS_CLOSE_TIMEOUT_MS 5000 // from our close frame to the peer's
#define WS_FRAGMENTS_MAX    1024 // of one message; more is 1008
#define WS_CONTROLS_MAX     100  // pings and pongs in WS_CONTROLS_MS; more is 1008
#define WS_CONTROLS_MS      10000

enum ws_type {
    WS_TEXT_MESSAGE,
    WS_BINARY_MESSAGE
};

/** Close codes, section 7.4.1. */
enum ws_code {
    WS_NO_CODE = 0, // a close frame without a body; the peer sees 1005
    WS_NORMAL = 1000,
    WS_GOING_AWAY = 1001,
    WS_PROTOCOL_ERROR = 1002,
    WS_ABNORMAL = 1006, // never sent: the connection was lost without a close frame
    WS_BAD_PAYLOAD = 1007,
    WS_POLICY = 1008,
    WS_TOO_BIG = 1009,
};

struct ws;

struct ws_events {
    /** One whole message; text is valid UTF-8. The bytes may be changed in place. */
    void (*on_message)(void *owner, enum ws_type type, char *bytes, size_t n);

    /**
     * It is over: the peer closed, broke the protocol, or is gone. Last, at most once,
     * not after ws_close() or ws_abort(); the ws is no longer the owner's.
     *
     * @param code  what the peer gave, or what we closed it with, or WS_ABNORMAL
     */
    void (*on_closed)(void *owner, unsigned code);
};

struct ws_config {
    struct timers *timers;
    struct job_queue *later; // where the ws frees itself
    size_t max_message;      // bytes of a message, fragments together; more is 1009
};

/**
 * @param s       moved
 * @param config  borrowed, must outlive the ws
 */
struct ws *ws_new(struct stream *s, const struct ws_config *config,
                  const struct ws_events *events, void *owner);

/** From now on callbacks go to owner: a probing transport finds its session. */
void ws_set_owner(struct ws *w, const struct ws_events *events, void *owner);

/** Messages of more bytes are refused with 1009 from now on. */
void ws_set_max_message(struct ws *w, size_t max_message);

/** Bytes that came with the upgrade request. Call once, after ws_new(). on_message may come
 * from inside. */
void ws_feed(struct ws *w, char *bytes, size_t n);

/**
 * Send one message, put together from parts: they are copied.
 *
 * @return 0 or STREAM_FULL: nothing was sent
 */
MUST_CHECK int ws_send(struct ws *w, enum ws_type type, const str *parts, size_t n_parts);

/** Bytes written and not yet taken by the kernel. */
size_t ws_queued(const struct ws *w);

/** Stop reading, or go on: what was read already still comes, of a paused one neither pongs nor
 * the end do. */
void ws_set_reading(struct ws *w, bool on);

/** Start the closing handshake and let go of the ws: it ends by itself. reason <= 123 bytes. */
void ws_close(struct ws *w, enum ws_code code, str reason);

/** Drop the connection at once and let go of the ws. */
void ws_abort(struct ws *w);
