/** What lets pages of other origins read our answers (Fetch standard, "CORS protocol"). */
#pragma once

#include "base/buf.h"
#include "http/head.h"
#include "http/origin.h"

#define HTTP_CORS_MAX         2048 // bytes of header lines that it adds, at most
#define HTTP_CORS_REFLECT_MAX 1024 // bytes of Access-Control-Request-Headers that it repeats

/** No Origin field, or one that is let in. */
bool http_cors_allows(const struct http_origins *origins, const struct http_head *head);

/**
 * Add the header lines, as npm's cors does: also those of a preflight.
 *
 * @param out  has room for HTTP_CORS_MAX
 */
void http_cors_add(struct buf *out, const struct http_origins *origins,
                   const struct http_head *head);

/** The same for an answer that says why an origin is refused: its page may read that. */
void http_cors_add_refused(struct buf *out, const struct http_head *head);
