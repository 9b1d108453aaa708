/**
 * WebSocket frames (RFC 6455, section 5.2): headers in both directions, and the mask.
 *
 * Sans-I/O: nothing here reads, writes, allocates or keeps state, so the reader
 * above it, the tests and the fuzzer all drive the very same code.
 */
#pragma once

#include "base/str.h"

#define WS_FRAME_HEADER_MAX 14  // bytes of a client's header: 2, length 8, mask 4
#define WS_FRAME_OURS_MAX   10  // bytes of a server's header, which has no mask
#define WS_CONTROL_MAX      125 // bytes of a control frame's payload, section 5.5

enum ws_opcode {
    WS_CONTINUATION = 0x0,
    WS_TEXT = 0x1,
    WS_BINARY = 0x2,
    WS_CLOSE = 0x8,
    WS_PING = 0x9,
    WS_PONG = 0xa,
};

static inline bool ws_opcode_is_control(enum ws_opcode opcode)
{
    return opcode >= WS_CLOSE;
}

enum ws_frame_refusal {
    WS_FRAME_MORE = 1, // the header is not complete yet; *in is as it was
    WS_FRAME_BAD,      // close with 1002, protocol error
    WS_FRAME_TOO_BIG,  // close with 1009, message too big
};

struct ws_frame {
    uint64_t payload_len; // bytes that follow the header
    enum ws_opcode opcode;
    bool fin;
    uint8_t mask[4];
};

/**
 * Decode one client-to-server frame header from the front of *in. What is wrong is
 * refused at the first byte that shows it.
 *
 * On 0, *in starts at the payload. The payload itself is not touched: take
 * payload_len bytes and unmask them with ws_unmask().
 *
 * @param max_payload  bytes of a data frame; a longer one is refused before any of it
 *                     is read. Control frames have a limit of their own
 * @return 0, or an enum ws_frame_refusal; never a fault
 */
MUST_CHECK int ws_frame_decode(struct ws_frame *f, str *in, uint64_t max_payload);

/**
 * The header of a frame of ours: whole (FIN), not masked, its length in the shortest form.
 *
 * @return bytes written
 */
size_t ws_frame_encode(char out[WS_FRAME_OURS_MAX], enum ws_opcode opcode,
                       uint64_t payload_len);

/** XOR n bytes in place. offset is how many payload bytes came before these. */
void ws_unmask(const uint8_t mask[4], uint64_t offset, char *bytes, size_t n);
