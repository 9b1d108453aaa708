/**
 * WebSocket frames as a client has them (RFC 6455, section 5.2). Written apart from src/ws, so
 * that no mistake of the server's is made twice and seen by nobody.
 *
 * Fragments are refused: no Socket.IO server sends any.
 */
#pragma once

#include "base/buf.h"

#define FRAME_OVERHEAD_MAX 14 // bytes of a client's header: 2, length 8, mask 4

enum frame_opcode {
    FRAME_TEXT = 0x1,
    FRAME_BINARY = 0x2,
    FRAME_CLOSE = 0x8,
    FRAME_PING = 0x9,
    FRAME_PONG = 0xa,
};

struct frame {
    enum frame_opcode opcode;
    char *payload; // in the input
    size_t len;
};

enum frame_refusal {
    FRAME_MORE = 1, // it is not whole yet
    FRAME_BAD,      // no frame of a server, or a fragment: of no more use
};

/** Take one whole frame off the front of bytes. @return 0 with *used set, or a refusal */
MUST_CHECK int frame_read(struct frame *f, size_t *used, char *bytes, size_t n);

/**
 * Append a whole frame. key is the mask: any 32 bits will do for a program that no page can
 * make send what it likes (section 10.3).
 */
void frame_write(struct buf *out, enum frame_opcode opcode, uint32_t key, str payload);
