/**
 * The header by which a proxy says for whom a connection is, before anything else is on it:
 * PROXY protocol, version 2 (HAProxy's proxy-protocol.txt, section 2.2).
 */
#pragma once

#include "base/ip.h"

#define PROXY_HEADER_MAX 4096 // bytes, all of it

struct proxy_header {
    size_t size;           // bytes
    bool is_local;         // the connection is the proxy's own: to check health, say
    struct ip_port client; // else
};

enum proxy_header_refusal {
    PROXY_HEADER_MORE = 1, // it is not all there
    PROXY_HEADER_ABSENT,   // something else is
    PROXY_HEADER_TEXT,     // version 1
    PROXY_HEADER_BAD,      // another version, or shorter than what it should hold
    PROXY_HEADER_NO_IP,    // the client has none: a UNIX socket, say. Or it is not TCP
    PROXY_HEADER_TOO_LARGE,
};

/**
 * Read what a connection begins with. What the proxy says besides (section 2.2.1) is passed
 * over.
 *
 * @return 0 or an enum proxy_header_refusal; but for PROXY_HEADER_MORE it stays so, whatever
 * comes
 */
MUST_CHECK int proxy_header_read(struct proxy_header *out, str bytes);

/** For an operator: what is wrong, and what to do. */
const char *proxy_header_remedy(enum proxy_header_refusal r);
