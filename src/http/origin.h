/**
 * Which pages may talk to us, by the Origin that their browser sends (RFC 6454): those of a
 * list, any, those of this machine, our own. Equality is of scheme, host and port; no part of
 * an origin is an origin.
 */
#pragma once

#include "base/str.h"

#define HTTP_ORIGINS_MAX 32  // of a list
#define HTTP_ORIGIN_MAX  512 // bytes; a longer one is nobody's

struct http_origin {
    str scheme;
    str host;      // as it stands; an IPv6 address with its brackets
    unsigned port; // what the scheme gives where none is said; 0: the scheme gives none
};

/** What it lets in. All zeroes lets none in. */
struct http_origins {
    bool any;
    bool loopback; // http and https on this machine, any port
    bool own;      // that of the request's Host
    size_t n;
    struct http_origin list[HTTP_ORIGINS_MAX];
};

enum http_origin_refusal {
    HTTP_ORIGIN_BAD = 1, // neither scheme://host, nor scheme://host:port, nor "*"
    HTTP_ORIGIN_TOO_MANY,
};

/**
 * One more for the list, or "*" for any. Its host may be in any case: browsers send theirs in
 * lower case.
 *
 * @param text  borrowed for the life of o
 * @return 0 or an enum http_origin_refusal
 */
MUST_CHECK int http_origins_add(struct http_origins *o, str text);

/** Is this Host of this machine: 127.0.0.0/8, [::1], localhost or a name below it, with any
 * port or none? */
bool http_host_is_loopback(str host);

/** @param origin, host  the fields of the request. No origin is the caller's business */
bool http_origins_allow(const struct http_origins *o, str origin, str host);
