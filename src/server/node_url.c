#include "server/node_url.h"

#include <stdio.h>
#include <string.h>

#include "io/addr.h"

#define SCHEME    "http://"
#define HTTP_PORT 80

static_assert(sizeof(SCHEME "[]:65535") + NODE_HOST_SIZE - 1 <= STORE_NODE_URL_MAX + 1,
              "any that was parsed can be printed");

static bool is_of_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '.' || c == '-' || c == '_';
}

static bool is_name(str host)
{
    for (size_t i = 0; i < host.len; i++) {
        if (!is_of_name(host.ptr[i]))
            return false;
    }
    return host.len > 0;
}

/** "[::1]" at the front of *in. @return false: there is none */
static bool take_bracketed(str *in, str *host)
{
    const char *end = in->len > 0 ? memchr(in->ptr, ']', in->len) : NULL;
    ip unused;

    if (!end || in->ptr[0] != '[')
        return false;
    *host = (str){in->ptr + 1, (size_t)(end - in->ptr) - 1};
    *in = (str){end + 1, in->len - host->len - 2};
    return memchr(host->ptr, ':', host->len) && ip_parse(&unused, *host) == 0;
}

static bool take_host(str *in, str *host)
{
    if (in->len > 0 && in->ptr[0] == '[')
        return take_bracketed(in, host);
    const char *colon = in->len > 0 ? memchr(in->ptr, ':', in->len) : NULL;
    *host = str_take(in, colon ? (size_t)(colon - in->ptr) : in->len);
    return is_name(*host);
}

/** What is behind the host: nothing, or a port. */
static bool take_port(str text, uint16_t *port)
{
    unsigned n = 0;

    *port = HTTP_PORT;
    if (text.len == 0)
        return true;
    if (text.ptr[0] != ':' || text.len < 2 || text.len > sizeof(":65535") - 1)
        return false;
    for (size_t i = 1; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        n = 10 * n + (unsigned)(text.ptr[i] - '0');
    }
    *port = (uint16_t)n;
    return n >= 1 && n <= UINT16_MAX;
}

int node_url_parse(struct node_url *out, str url)
{
    str host = {0};

    if (url.len > STORE_NODE_URL_MAX || !str_starts(url, STR(SCHEME)))
        return NODE_URL_BAD;
    (void)str_take(&url, sizeof(SCHEME) - 1);
    if (!take_host(&url, &host) || host.len >= sizeof(out->host) || !take_port(url, &out->port))
        return NODE_URL_BAD;
    str_copy(out->host, host);
    out->host[host.len] = '\0';
    return 0;
}

void node_url_print(char out[STORE_NODE_URL_MAX + 1], const struct node_url *u)
{
    const bool is_v6 = strchr(u->host, ':');
    const int n = snprintf(out, STORE_NODE_URL_MAX + 1, SCHEME "%s%s%s:%u", is_v6 ? "[" : "",
                           u->host, is_v6 ? "]" : "", u->port);

    assert(n > 0 && n <= STORE_NODE_URL_MAX);
    (void)n;
}
