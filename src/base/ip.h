/** The address of a peer. Its text is read by io/addr.h. */
#pragma once

#include "base/str.h"

/** An IPv6 address in network order; an IPv4 one as ::ffff:a.b.c.d. A value. */
typedef struct ip {
    uint8_t bytes[16];
} ip;

/** One end of a connection. */
struct ip_port {
    ip ip;
    uint16_t port;
};

static inline str ip_str(const ip *i)
{
    return (str){(const char *)i->bytes, sizeof(i->bytes)};
}

static inline bool ip_is_v4(const ip *i)
{
    return str_starts(ip_str(i), STR("\0\0\0\0\0\0\0\0\0\0\xff\xff"));
}

#define IP_NETWORK_SIZE 8 // bytes of an IPv6 address that are the network's

/** Who is counted: an IPv4 address, or of IPv6 the first 64 bits, because whoever has one
 * address has them all. */
static inline ip ip_network(const ip *address)
{
    ip part = *address;

    if (!ip_is_v4(address))
        memset(part.bytes + IP_NETWORK_SIZE, 0, sizeof(part.bytes) - IP_NETWORK_SIZE);
    return part;
}
