/** A WebSocket frame as a client sends it. */
#pragma once

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "ws/frame.h"

/** Append it; there must be room. */
static inline void masked_frame(struct buf *out, enum ws_opcode opcode, str payload)
{
    static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};
    char *p = buf_room(out, WS_FRAME_HEADER_MAX + payload.len);

    assert(p);
    const size_t n = ws_frame_encode(p, opcode, payload.len);
    p[1] = (char)(p[1] | 0x80);
    memcpy(p + n, key, sizeof(key));
    str_copy(p + n + sizeof(key), payload);
    ws_unmask(key, 0, p + n + sizeof(key), payload.len);
    buf_added(out, n + sizeof(key) + payload.len);
}
