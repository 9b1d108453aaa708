/** The address of a peer. Its text is read by io/addr.h. */
#pragma once

#include "base/str.h"

/** An IPv6 address in network order; an IPv4 one as ::ffff:a.b.c.d. A value. */
typedef struct ip {
    uint8_t bytes[16];
} ip;

static inline str ip_str(const ip *i)
{
    return (str){(const char *)i->bytes, sizeof(i->bytes)};
}

static inline bool ip_is_v4(const ip *i)
{
    return str_starts(ip_str(i), STR("\0\0\0\0\0\0\0\0\0\0\xff\xff"));
}
