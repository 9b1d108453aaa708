/** Where a request's body ends: after so many bytes, or with its last chunk. Sans-I/O. */
#pragma once

#include "http/chunked.h"
#include "http/head.h"

struct http_body {
    bool is_chunked;
    uint64_t left; // bytes still to come, unless it is chunked
    struct http_chunked chunked;
};

void http_body_start(struct http_body *b, const struct http_head *head);

/** May there be more of it? Chunks tell only at their end. */
static inline bool http_body_goes_on(const struct http_body *b)
{
    return b->is_chunked || b->left > 0;
}

enum http_body_refusal {
    HTTP_BODY_MORE = 1, // *in is used up and the body goes on
    HTTP_BODY_BAD,      // 400
};

/**
 * Take from *in as much as belongs to one piece of the body.
 *
 * @param piece  bytes of the body, in *in; empty at the end
 * @return 0 with a piece (call again), or with an empty one: the body is over and *in
 *         starts behind it; else an enum http_body_refusal
 */
MUST_CHECK int http_body_next(struct http_body *b, str *in, str *piece);

/** Take all that is there of a body that nobody wants. @return whether more of it is to come */
bool http_body_skip(struct http_body *b, str *in);
