/** "HOST:PORT" addresses to listen on, and the addresses of peers. */
#pragma once

#include "base/ip.h"

#define ADDR_HOST_SIZE 46 // bytes of an IPv6 address, NUL included

struct addr {
    char host[ADDR_HOST_SIZE]; // numeric; no brackets
    uint16_t port;             // 0: the system picks one
};

enum addr_refusal {
    ADDR_BAD = 1, // neither "1.2.3.4:80" nor "[::1]:80" nor "localhost:80"
    ADDR_NO_IP,   // neither "1.2.3.4" nor "::1"
};

/** Names are not looked up; "localhost" means 127.0.0.1. @return 0 or ADDR_BAD */
MUST_CHECK int addr_parse(struct addr *out, str text);

/** 127.0.0.0/8 or ::1. */
bool addr_is_loopback(const struct addr *a);

#define ADDR_TEXT_SIZE (ADDR_HOST_SIZE + 8)

/** "127.0.0.1:80" or "[::1]:80". @return out */
const char *addr_text(char out[ADDR_TEXT_SIZE], const struct addr *a);

/** Digits alone: no name, no brackets, no zone. @return 0 or ADDR_NO_IP */
MUST_CHECK int ip_parse(ip *out, str text);

/** @return out */
const char *ip_text(char out[ADDR_HOST_SIZE], const ip *i);

/** As addr_is_loopback(). */
bool ip_is_loopback(const ip *i);
