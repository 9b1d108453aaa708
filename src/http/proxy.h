/**
 * Whose request is it? Behind proxies the connection's peer is the last of them, and
 * X-Forwarded-For says for whom it speaks. Anybody can send that field, so it is believed
 * from the right, and as far as we trust who has written it.
 */
#pragma once

#include "http/head.h"
#include "io/addr.h"

#define HTTP_PROXIES_MAX 32 // addresses and ranges

struct http_proxy_range {
    ip first;
    unsigned bits; // of the 128, that are alike
};

/** Whom we trust. All zeroes: nobody. */
struct http_proxies {
    size_t n;
    struct http_proxy_range ranges[HTTP_PROXIES_MAX];
};

enum http_proxy_refusal {
    HTTP_PROXY_BAD = 1, // neither "10.0.0.1" nor "10.0.0.0/8" nor "fd00::/8"
    HTTP_PROXY_TOO_MANY,
};

/** Trust an address, or a range of them. @return 0 or an enum http_proxy_refusal */
MUST_CHECK int http_proxies_add(struct http_proxies *p, str text);

bool http_proxies_trust(const struct http_proxies *p, const ip *address);

/**
 * @param peer  of the connection
 * @return the last address that none of the trusted has; if there is none, the one farthest
 *         away. What is no address ends the walk
 */
ip http_proxies_client(const struct http_proxies *p, ip peer, const struct http_head *head);
