/**
 * The answer to an HTTP/1.1 request, as far as this client needs it: status, and a body whose
 * length is given (RFC 9112, sections 4 and 6). A body in chunks is refused: no Socket.IO
 * server answers a poll so.
 */
#pragma once

#include "base/str.h"

#define ANSWER_HEAD_MAX 16384    // bytes
#define ANSWER_BODY_MAX 16777216 // bytes

struct answer {
    unsigned status;
    str accept;      // Sec-WebSocket-Accept; empty if there is none
    bool is_close;   // "Connection: close": nothing comes after it
    char *body;      // in the input
    size_t body_len; // of a 101 always 0
};

enum answer_refusal {
    ANSWER_MORE = 1, // it is not whole yet
    ANSWER_BAD,      // not HTTP/1.1, too long, or in chunks
};

/** Take one whole answer off the front of bytes. @return 0 with *used set, or a refusal */
MUST_CHECK int answer_read(struct answer *a, size_t *used, char *bytes, size_t n);
