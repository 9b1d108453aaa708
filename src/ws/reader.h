/**
 * What a client sends, read: bytes in, and whole messages, control frames, or the code
 * with which to close come out (RFC 6455, sections 5 to 7).
 *
 * Sans-I/O. A frame that lies whole in the input, and is a message of its own, is
 * unmasked where it is. Only what comes in pieces is copied: to memory that grows with
 * the bytes, not with the length that a header declares, and that is freed when nothing
 * is under way. Text is checked as it comes, so that the first impossible byte ends it.
 */
#pragma once

#include "ws/frame.h"

struct ws_partial;

struct ws_reader {
    size_t max_message;         // bytes, fragments together
    struct ws_partial *partial; // NULL while nothing is under way
};

/** Bytes from the peer, not read yet. The reader changes them in place. */
struct ws_input {
    char *ptr;
    size_t len;
};

struct ws_item {
    enum ws_opcode opcode; // never WS_CONTINUATION: fragments come as one message
    unsigned code;         // enum ws_code, or one of the peer's: of a WS_CLOSE or a refusal
    char *bytes;           // the payload, of a WS_CLOSE the reason; may be NULL if n is 0
    size_t n;
};

enum ws_reader_refusal {
    WS_READER_MORE = 1, // the input is used up
    WS_READER_BROKEN,   // by the peer: close with item->code. The reader is of no more use
};

void ws_reader_init(struct ws_reader *r, size_t max_message);

/** From now on, also for a message that is under way. */
void ws_reader_set_max(struct ws_reader *r, size_t max_message);

void ws_reader_fini(struct ws_reader *r);

/**
 * Read on from the front of *in, up to the end of one message or control frame. Call
 * until it refuses: memory is given back by the call after the last item.
 *
 * @param item  its bytes are borrowed, from *in or from r, until the next call
 * @return 0, or an enum ws_reader_refusal
 */
MUST_CHECK int ws_reader_next(struct ws_reader *r, struct ws_input *in, struct ws_item *item);
