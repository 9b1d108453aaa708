#include "http/proxy.h"

#define IP_BITS    128
#define V4_BITS_AT 96 // where the bits of an IPv4 address begin

static bool is_in(const struct http_proxy_range *range, const ip *address)
{
    const size_t whole = range->bits / 8;
    const unsigned rest = range->bits % 8;

    if (memcmp(range->first.bytes, address->bytes, whole) != 0)
        return false;
    if (rest == 0)
        return true;
    return (range->first.bytes[whole] ^ address->bytes[whole]) >> (8 - rest) == 0;
}

bool http_proxies_trust(const struct http_proxies *p, const ip *address)
{
    for (size_t i = 0; i < p->n; i++) {
        if (is_in(&p->ranges[i], address))
            return true;
    }
    return false;
}

int http_proxies_add(struct http_proxies *p, str text)
{
    const bool has_bits = str_find(text, '/') < text.len;
    struct http_proxy_range range = {.bits = IP_BITS};
    uint64_t bits = 0;

    if (ip_parse(&range.first, str_take_until(&text, '/')) != 0)
        return HTTP_PROXY_BAD;
    if (has_bits) {
        const unsigned from = ip_is_v4(&range.first) ? V4_BITS_AT : 0;
        if (str_to_u64(text, IP_BITS - from, &bits) != 0)
            return HTTP_PROXY_BAD;
        range.bits = from + (unsigned)bits;
    }
    if (p->n == HTTP_PROXIES_MAX)
        return HTTP_PROXY_TOO_MANY;
    p->ranges[p->n++] = range;
    return 0;
}

/** Some proxies add the port, and brackets around IPv6. */
static int parse_hop(ip *out, str hop)
{
    struct addr with_port;

    if (ip_parse(out, hop) == 0)
        return 0;
    if (hop.len > 2 && hop.ptr[0] == '[' && hop.ptr[hop.len - 1] == ']')
        return ip_parse(out, (str){hop.ptr + 1, hop.len - 2});
    if (str_starts(hop, STR("localhost")) || addr_parse(&with_port, hop) != 0)
        return ADDR_NO_IP; // a name is no address, whatever it means here
    return ip_parse(out, str_of(with_port.host));
}

/** Take what is behind the last comma, and the comma. */
static str take_last(str *list)
{
    const char *comma = list->len > 0 ? memrchr(list->ptr, ',', list->len) : NULL;
    const size_t before = comma ? (size_t)(comma - list->ptr) : 0;
    const str last = {list->ptr + before + (comma ? 1 : 0),
                      list->len - before - (comma ? 1 : 0)};

    list->len = before;
    return str_trim(last);
}

/** Walk one field to the left. @return whether to go on with the one before it */
static bool walk(const struct http_proxies *p, str field, ip *client)
{
    while (field.len > 0) {
        const str hop = take_last(&field);
        if (hop.len == 0)
            continue; // an empty element of a list means nothing (RFC 9110, section 5.6.1)
        ip address;
        if (parse_hop(&address, hop) != 0)
            return false;
        *client = address;
        if (!http_proxies_trust(p, &address))
            return false;
    }
    return true;
}

ip http_proxies_client(const struct http_proxies *p, ip peer, const struct http_head *head)
{
    ip client = peer;
    bool go_on = http_proxies_trust(p, &peer);

    for (size_t i = head->n_headers; go_on && i > 0; i--) {
        const struct http_header *h = &head->headers[i - 1];
        if (str_eq_nocase(h->name, STR("X-Forwarded-For")))
            go_on = walk(p, h->value, &client);
    }
    return client;
}
