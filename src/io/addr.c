#include "io/addr.h"

#include <arpa/inet.h>
#include <stdio.h>

static bool is_ipv6(const struct addr *a)
{
    return strchr(a->host, ':') != NULL;
}

int addr_parse(struct addr *out, str text)
{
    const bool has_brackets = str_starts(text, STR("["));
    struct addr a = {0};
    unsigned char binary[sizeof(struct in6_addr)];
    uint64_t port = 0;
    str host = {0};

    if (has_brackets) {
        str_take(&text, 1);
        host = str_take_until(&text, ']');
        if (!str_starts(text, STR(":")))
            return ADDR_BAD;
        str_take(&text, 1);
    } else {
        host = str_take_until(&text, ':');
        if (str_eq(host, STR("localhost")))
            host = STR("127.0.0.1");
    }
    if (host.len >= sizeof(a.host) || str_find(host, '\0') < host.len ||
        str_to_u64(text, UINT16_MAX, &port) != 0)
        return ADDR_BAD;
    str_copy(a.host, host);
    if (inet_pton(has_brackets ? AF_INET6 : AF_INET, a.host, binary) != 1)
        return ADDR_BAD;
    a.port = (uint16_t)port;
    *out = a;
    return 0;
}

bool addr_is_loopback(const struct addr *a)
{
    struct in6_addr six;

    if (!is_ipv6(a))
        return str_starts(str_of(a->host), STR("127."));
    return inet_pton(AF_INET6, a->host, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

#define V4_AT 12 // where IPv4 begins in ::ffff:a.b.c.d

int ip_parse(ip *out, str text)
{
    char host[ADDR_HOST_SIZE] = "";
    ip i = {{[10] = 0xff, [11] = 0xff}};

    if (text.len >= sizeof(host) || str_find(text, '\0') < text.len)
        return ADDR_NO_IP;
    str_copy(host, text);
    if (inet_pton(AF_INET, host, i.bytes + V4_AT) != 1 &&
        inet_pton(AF_INET6, host, i.bytes) != 1)
        return ADDR_NO_IP;
    *out = i;
    return 0;
}

const char *ip_text(char out[ADDR_HOST_SIZE], const ip *i)
{
    if (ip_is_v4(i)) {
        inet_ntop(AF_INET, i->bytes + V4_AT, out, ADDR_HOST_SIZE);
    } else {
        inet_ntop(AF_INET6, i->bytes, out, ADDR_HOST_SIZE);
    }
    return out;
}

bool ip_is_loopback(const ip *i)
{
    static const ip v6 = {{[15] = 1}};
    return (ip_is_v4(i) && i->bytes[V4_AT] == 127) || memcmp(i, &v6, sizeof(v6)) == 0;
}

const char *addr_text(char out[ADDR_TEXT_SIZE], const struct addr *a)
{
    snprintf(out, ADDR_TEXT_SIZE, is_ipv6(a) ? "[%s]:%u" : "%s:%u", a->host, a->port);
    return out;
}
