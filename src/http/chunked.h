/**
 * Decoding of chunked bodies (RFC 9112, section 7.1), resumable at any byte.
 *
 * Sans-I/O. Chunk extensions and trailer fields are skipped, within limits.
 */
#pragma once

#include "base/str.h"

#define HTTP_CHUNK_LINE_MAX 256  // bytes of a chunk's size line, with extensions, without CR LF
#define HTTP_TRAILER_MAX    4096 // bytes of all trailer lines together, without CR LF

/** Zero is the start of a body. */
struct http_chunked {
    uint8_t state;
    size_t line_len;    // of the line under way
    size_t trailer_len; // of the trailer so far
    uint64_t left;      // bytes of the chunk still to come
};

enum http_chunked_refusal {
    HTTP_CHUNKED_MORE = 1, // *in is used up and the body goes on
    HTTP_CHUNKED_BAD,      // 400
};

/**
 * Take from *in as much as belongs to one piece of the body.
 *
 * @param piece  bytes of the body, in *in; empty at the end
 * @return 0 with a piece (call again), or with an empty one: the body is over and *in
 *         starts behind it; else an enum http_chunked_refusal
 */
MUST_CHECK int http_chunked_next(struct http_chunked *c, str *in, str *piece);
