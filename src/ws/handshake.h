/** The opening handshake (RFC 6455, section 4.2): is this a WebSocket, and what to answer. */
#pragma once

#include "base/buf.h"
#include "http/head.h"

enum ws_handshake_refusal {
    WS_HANDSHAKE_METHOD = 1, // not GET, not HTTP/1.1, or with a body
    WS_HANDSHAKE_UPGRADE,    // no "Upgrade: websocket" with "Connection: Upgrade"
    WS_HANDSHAKE_VERSION,    // answer 400 with Sec-WebSocket-Version: 13
    WS_HANDSHAKE_KEY,        // Sec-WebSocket-Key missing, doubled, or not 16 bytes in base64
};

/** @return 0, or an enum ws_handshake_refusal */
MUST_CHECK int ws_handshake_check(const struct http_head *h);

/**
 * The header lines of the 101 answer, for a head that ws_handshake_check() took:
 * Upgrade, "Connection: Upgrade" (spelled so: the ESP client compares it), the accept
 * key, and the first subprotocol offered, echoed as the reference does. No extension
 * is taken.
 *
 * @return 0 or BUF_FULL
 */
MUST_CHECK int ws_handshake_answer(struct buf *out, const struct http_head *h);
