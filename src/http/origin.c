#include "http/origin.h"

#include "io/addr.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_capital(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || is_capital(c);
}

static bool is_of_scheme(char c)
{
    return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
}

static bool is_of_name(char c)
{
    return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
}

static bool is_made_of(str s, bool (*is)(char c))
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is(s.ptr[i]))
            return false;
    }
    return s.len > 0;
}

static str within_brackets(str host)
{
    const bool has_both = host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    return has_both ? (str){host.ptr + 1, host.len - 2} : (str){0};
}

static bool is_host(str host)
{
    const str v6 = within_brackets(host);
    ip unused;

    return v6.len > 0 ? ip_parse(&unused, v6) == 0 && str_find(v6, ':') < v6.len
                      : is_made_of(host, is_of_name);
}

static unsigned port_of_scheme(str scheme)
{
    if (str_eq_nocase(scheme, STR("http")))
        return 80;
    return str_eq_nocase(scheme, STR("https")) ? 443 : 0;
}

/** "host" or "host:port"; the port is left alone where there is none. */
static int parse_authority(str text, str *host, unsigned *port)
{
    const bool is_v6 = str_starts(text, STR("["));
    const size_t host_end = is_v6 ? str_find(text, ']') + 1 : str_find(text, ':');
    uint64_t n = 0;

    if (host_end > text.len)
        return HTTP_ORIGIN_BAD;
    *host = str_take(&text, host_end);
    if (!is_host(*host))
        return HTTP_ORIGIN_BAD;
    if (text.len == 0)
        return 0;
    const str colon = str_take(&text, 1);
    if (!str_eq(colon, STR(":")) || str_to_u64(text, UINT16_MAX, &n) != 0 || n == 0)
        return HTTP_ORIGIN_BAD;
    *port = (unsigned)n;
    return 0;
}

static int parse(struct http_origin *out, str text)
{
    struct http_origin o = {0};

    if (text.len > HTTP_ORIGIN_MAX)
        return HTTP_ORIGIN_BAD;
    o.scheme = str_take(&text, str_find(text, ':'));
    if (!is_made_of(o.scheme, is_of_scheme) || !is_letter(o.scheme.ptr[0]) ||
        !str_starts(text, STR("://")))
        return HTTP_ORIGIN_BAD;
    str_take(&text, 3);
    o.port = port_of_scheme(o.scheme);
    if (parse_authority(text, &o.host, &o.port) != 0)
        return HTTP_ORIGIN_BAD;
    *out = o;
    return 0;
}

static bool is_equal(const struct http_origin *a, const struct http_origin *b)
{
    return a->port == b->port && str_eq_nocase(a->scheme, b->scheme) &&
           str_eq_nocase(a->host, b->host);
}

static bool is_listed(const struct http_origins *o, const struct http_origin *origin)
{
    for (size_t i = 0; i < o->n; i++) {
        if (is_equal(&o->list[i], origin))
            return true;
    }
    return false;
}

static bool is_loopback_ip(str host)
{
    const str v6 = within_brackets(host);
    ip address;

    return ip_parse(&address, v6.len > 0 ? v6 : host) == 0 && ip_is_loopback(&address);
}

static bool is_loopback(const struct http_origin *origin)
{
    if (port_of_scheme(origin->scheme) == 0)
        return false;
    return str_eq_nocase(origin->host, STR("localhost")) || is_loopback_ip(origin->host);
}

/** The Host names no scheme: in front of us there may be a proxy that speaks TLS. */
static bool is_own(const struct http_origin *origin, str host)
{
    struct http_origin own = {.scheme = origin->scheme, .port = port_of_scheme(origin->scheme)};

    return own.port != 0 && parse_authority(host, &own.host, &own.port) == 0 &&
           is_equal(&own, origin);
}

int http_origins_add(struct http_origins *o, str text)
{
    struct http_origin origin;

    if (str_eq(text, STR("*"))) {
        o->any = true;
        return 0;
    }
    if (parse(&origin, text) != 0)
        return HTTP_ORIGIN_BAD;
    if (o->n == HTTP_ORIGINS_MAX)
        return HTTP_ORIGIN_TOO_MANY;
    o->list[o->n++] = origin;
    return 0;
}

/** "localhost", or what ends in ".localhost": browsers ask no server for these (RFC 6761, 6.3).
 */
static bool is_localhost(str name)
{
    const str localhost = STR("localhost");

    if (name.len <= localhost.len)
        return str_eq_nocase(name, localhost);
    const str before = str_take(&name, name.len - localhost.len);
    return str_eq_nocase(name, localhost) && before.ptr[before.len - 1] == '.';
}

bool http_host_is_loopback(str host)
{
    str name;
    unsigned port = 0;

    return parse_authority(host, &name, &port) == 0 &&
           (is_localhost(name) || is_loopback_ip(name));
}

static bool has_capital(str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (is_capital(s.ptr[i]))
            return true;
    }
    return false;
}

bool http_origins_allow(const struct http_origins *o, str origin, str host)
{
    struct http_origin parsed;

    if (o->any)
        return true;
    // What a browser has not written is not one of the list, whatever it looks like.
    if (parse(&parsed, origin) != 0)
        return false;
    return (!has_capital(origin) && is_listed(o, &parsed)) ||
           (o->loopback && is_loopback(&parsed)) || (o->own && is_own(&parsed, host));
}
