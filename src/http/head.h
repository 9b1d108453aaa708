/**
 * The head of an HTTP/1 request: request line and header fields (RFC 9112), as bytes
 * in and views out.
 *
 * Sans-I/O and strict, because what two parsers read differently is a hole between
 * them (request smuggling, RFC 9112 section 11.2): lines end in CR LF; no folding, no
 * space before a colon; Content-Length together with Transfer-Encoding is refused, and
 * so are two lengths that differ.
 */
#pragma once

#include "base/str.h"

#define HTTP_HEAD_MAX    16384 // bytes, empty lines before it and the one at its end included
#define HTTP_HEADERS_MAX 100

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_PATCH,
    HTTP_OTHER, // any other token
};

struct http_header {
    str name;
    str value; // without the white space around it
};

/** Everything points into the bytes that were parsed. */
struct http_head {
    enum http_method method;
    str path;                // of the target, still percent-encoded; begins with "/", or is "*"
    str query;               // after the first '?', without it; empty if there is none
    unsigned minor_version;  // HTTP/1.x: 0 or 1
    bool keep_alive;         // by version and Connection
    bool is_chunked;         // the body comes in chunks
    bool has_length;         // the body is content_length bytes
    bool expects_continue;   // Expect: 100-continue, from an HTTP/1.1 client
    bool is_upgrade;         // Connection: upgrade, and an Upgrade field
    uint64_t content_length; // 0 without a body
    size_t n_headers;
    struct http_header headers[HTTP_HEADERS_MAX];
};

enum http_head_refusal {
    HTTP_HEAD_MORE = 1,    // not complete yet; *in is as it was
    HTTP_HEAD_BAD,         // 400
    HTTP_HEAD_TOO_LARGE,   // 431: over HTTP_HEAD_MAX or HTTP_HEADERS_MAX
    HTTP_HEAD_VERSION,     // 505: HTTP, but not 1.0 or 1.1
    HTTP_HEAD_CODING,      // 501: a Transfer-Encoding other than chunked
    HTTP_HEAD_EXPECTATION, // 417: an Expect other than 100-continue
};

/**
 * Parse one head from the front of *in. Empty lines before it are skipped (RFC 9112,
 * section 2.2). On 0, *in starts behind the head.
 *
 * Also refused as bad: HTTP/1.1 without exactly one Host (section 3.2), a Host that is
 * none, a control character anywhere, a target that is neither origin-form, absolute-form
 * ("http://…", whose path and query are taken), nor "*".
 *
 * @return 0, or an enum http_head_refusal
 */
MUST_CHECK int http_head_parse(struct http_head *h, str *in);

/** @return the value of the first field with that name, any case; ptr is NULL without one */
str http_head_get(const struct http_head *h, str name);

/** The token of "Authorization: Bearer TOKEN" (RFC 6750); empty without one. It is a secret. */
str http_head_bearer(const struct http_head *h);

/** Is token one of the comma-separated values of any field with that name? Any case. */
bool http_head_has(const struct http_head *h, str name, str token);
