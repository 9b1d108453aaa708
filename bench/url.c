#include "bench/url.h"

static bool is_plain(str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~')
            return false;
    }
    return true;
}

static bool has(str text, char c)
{
    return str_find(text, c) < text.len;
}

static int copy(char *out, size_t size, str text)
{
    if (text.len == 0 || text.len >= size)
        return URL_BAD;
    str_copy(out, text);
    out[text.len] = '\0';
    return 0;
}

static int parse_port(struct url *out, str text)
{
    uint64_t port = 0;

    if (str_to_u64(text, UINT16_MAX, &port) != 0 || port == 0)
        return URL_BAD;
    return copy(out->port, sizeof(out->port), text);
}

/** "localhost:8080", "[::1]:8080", "127.0.0.1" */
static int parse_authority(struct url *out, str text)
{
    const bool is_bracketed = str_starts(text, STR("["));
    const char end = is_bracketed ? ']' : ':';

    if (is_bracketed)
        str_take(&text, 1);
    const size_t n = str_find(text, end);
    if (is_bracketed && n == text.len)
        return URL_BAD;
    const str host = str_take(&text, n);
    if (is_bracketed)
        str_take(&text, 1);
    if (copy(out->host, sizeof(out->host), host) != 0)
        return URL_BAD;
    if (text.len == 0)
        return parse_port(out, STR("80"));
    if (str_take(&text, 1).ptr[0] != ':')
        return URL_BAD;
    return parse_port(out, text);
}

int url_parse(struct url *out, str text)
{
    if (str_starts(text, STR("https://")))
        return URL_TLS;
    if (!str_starts(text, STR("http://")) || !is_plain(text) || has(text, '?') ||
        has(text, '#'))
        return URL_BAD;
    str_take(&text, strlen("http://"));
    const size_t slash = str_find(text, '/');
    out->authority = str_take(&text, slash);
    if (has(out->authority, '@'))
        return URL_BAD;
    out->path = text.len > 1 ? text : STR("/socket.io/");
    return parse_authority(out, out->authority);
}
