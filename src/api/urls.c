#include "api/urls.h"

#include "base/hex.h"
#include "http/origin.h"

struct url {
    struct http_origin origin;
    str path; // begins with "/", or is empty
};

/** RFC 3986 has no other, beside the fragment's. */
static bool is_of_url(char c)
{
    if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
        return true;
    return c != '\0' && strchr("-._~:/?[]@!$&'()*+,;=%", c);
}

static bool is_made_of_url(str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_of_url(s.ptr[i]))
            return false;
    }
    return true;
}

/** @return the byte that two hex digits at the beginning of s say, or -1: there are none */
static int hex_byte(str s)
{
    if (s.len < 2 || hex_value(s.ptr[0]) < 0 || hex_value(s.ptr[1]) < 0)
        return -1;
    return hex_value(s.ptr[0]) << 4 | hex_value(s.ptr[1]);
}

/** The next byte of a path, which is not empty. @return -1: a '%' that escapes nothing */
static int take_byte(str *path)
{
    int c = (uint8_t)*str_take(path, 1).ptr;

    if (c != '%')
        return c;
    // "%252e" is "%2e" to one reader, and "." to another that decodes twice.
    do {
        c = hex_byte(*path);
        if (c < 0)
            return -1;
        str_take(path, 2);
    } while (c == '%' && hex_byte(*path) >= 0);
    return c;
}

/** No byte that is none of a path, and no segment that leads elsewhere. What is behind a ';' is
 * no part of its segment to some. */
static bool is_plain_path(str path)
{
    int n_dots = 0; // that the segment is made of; -1: of something else

    while (path.len > 0) {
        const int c = take_byte(&path);
        if (c < ' ' || c == '\\' || c == 0x7f)
            return false;
        if ((c == '/' || c == ';') && (n_dots == 1 || n_dots == 2))
            return false;
        if (c == '/') {
            n_dots = 0;
        } else {
            n_dots = c == '.' && n_dots >= 0 ? n_dots + 1 : -1;
        }
    }
    return n_dots != 1 && n_dots != 2;
}

static bool is_of_web(const struct http_origin *o)
{
    return str_eq_nocase(o->scheme, STR("https")) || str_eq_nocase(o->scheme, STR("http"));
}

/** scheme://host[:port]. A user is none of it. */
static bool read_origin(struct http_origin *out, str text)
{
    struct http_origins one = {0};

    if (http_origins_add(&one, text) != 0 || one.n == 0)
        return false;
    *out = one.list[0];
    return is_of_web(out);
}

static size_t authority_end(str text)
{
    const str head = {text.ptr, str_find(text, ':')};
    size_t n = head.len + STR("://").len;

    while (n < text.len && text.ptr[n] != '/' && text.ptr[n] != '?')
        n++;
    return n < text.len ? n : text.len;
}

static bool read_url(struct url *out, str text)
{
    if (text.len > API_URL_MAX || !is_made_of_url(text))
        return false;
    if (!read_origin(&out->origin, str_take(&text, authority_end(text))))
        return false;
    out->path = (str){text.ptr, str_find(text, '?')};
    return is_plain_path(out->path);
}

/** Plain http:// is for what is tried out on one machine. */
static bool may_be_listed(str text)
{
    static const struct http_origins here = {.loopback = true};
    struct url u;

    if (!read_url(&u, text) || str_find(text, '?') < text.len)
        return false;
    return str_eq_nocase(u.origin.scheme, STR("https")) ||
           http_origins_allow(&here, (str){text.ptr, authority_end(text)}, (str){0});
}

int api_urls_add(struct api_urls *u, str text)
{
    if (!may_be_listed(text))
        return API_URLS_BAD;
    if (u->n == API_URLS_MAX)
        return API_URLS_TOO_MANY;
    u->list[u->n++] = text;
    return 0;
}

static bool is_within(str path, str of)
{
    if (of.len == 0 || str_eq(of, STR("/")))
        return true;
    if (!str_starts(path, of))
        return false;
    return path.len == of.len || of.ptr[of.len - 1] == '/' || path.ptr[of.len] == '/';
}

static bool is_one_of(const struct url *u, str listed)
{
    struct url of;

    return read_url(&of, listed) && u->origin.port == of.origin.port &&
           str_eq_nocase(u->origin.scheme, of.origin.scheme) &&
           str_eq_nocase(u->origin.host, of.origin.host) && is_within(u->path, of.path);
}

bool api_urls_allow(const struct api_urls *u, str url)
{
    struct url parsed;

    if (!read_url(&parsed, url))
        return false;
    for (size_t i = 0; i < u->n; i++) {
        if (is_one_of(&parsed, u->list[i]))
            return true;
    }
    return false;
}
