/** A WebSocket client's frames, for tests that need them longer than a literal. */
#pragma once

#include "base/buf.h"
#include "support/t.h"
#include "ws/frame.h"

/** The key of all zeroes is a valid one, and leaves the payload as it is. */
#define NO_KEY "\0\0\0\0"

/** Add a frame of n bytes of fill, header and all; masked with a key that changes them. */
static inline void ws_client_frame(struct buf *out, unsigned first_byte, size_t n, char fill)
{
    static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};
    char *p = buf_room(out, WS_FRAME_HEADER_MAX + n);
    assert_non_null(p);

    const size_t ours = ws_frame_encode(p, WS_TEXT, n);
    p[0] = (char)first_byte;
    p[1] = (char)(p[1] | 0x80);
    memcpy(p + ours, key, sizeof(key));
    char *payload = p + ours + sizeof(key);
    memset(payload, fill, n);
    ws_unmask(key, 0, payload, n);
    buf_added(out, ours + sizeof(key) + n);
}
