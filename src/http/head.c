#include "http/head.h"

#include "base/hex.h"
#include "http/byte.h"

// One pass over the bytes, which stops at the first that can't be: what is bad is
// refused before the rest arrives. Nothing is kept between calls, so a head that comes
// in n pieces is read n times. HTTP_HEAD_MAX bounds that: the largest head, byte by
// byte, is 8 KiB to read for each, about 3 us. What brings a byte costs no less, and a
// search for the end beforehand would find bad heads later and good ones slower.

typedef bool byte_is_fn(uint8_t c);

/** Printable ASCII; a fragment is never sent (RFC 9110, section 7.1). */
static bool is_target(uint8_t c)
{
    return c > ' ' && c < 0x7f && c != '#';
}

/** What reg-name is made of (RFC 3986, section 3.2.2). */
static bool is_host(uint8_t c)
{
    return is_target(c) && !strchr("\"/:<>?@[\\]^`{|}", c);
}

static bool is_ipv6(uint8_t c)
{
    return hex_value((char)c) >= 0 || c == ':' || c == '.';
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/** @return how many bytes at the front of s are of that kind */
static size_t span(str s, byte_is_fn *is)
{
    size_t n = 0;
    while (n < s.len && is((uint8_t)s.ptr[n]))
        n++;
    return n;
}

/** Take exactly these bytes. */
static int take_bytes(str *in, str bytes)
{
    const size_t n = in->len < bytes.len ? in->len : bytes.len;

    if (!str_eq((str){in->ptr, n}, (str){bytes.ptr, n}))
        return HTTP_HEAD_BAD;
    if (n < bytes.len)
        return HTTP_HEAD_MORE;
    str_take(in, n);
    return 0;
}

/** Take a word, which is not empty, and the byte after it. */
static int take_word(str *in, byte_is_fn *is, char end, str *word)
{
    const size_t n = span(*in, is);

    if (n == in->len)
        return HTTP_HEAD_MORE;
    if (n == 0 || in->ptr[n] != end)
        return HTTP_HEAD_BAD;
    *word = str_take(in, n);
    str_take(in, 1);
    return 0;
}

static int take_version(str *in, unsigned *minor)
{
    const int r = take_bytes(in, STR("HTTP/"));
    if (r != 0)
        return r;
    if (in->len < 3)
        return HTTP_HEAD_MORE;

    const str v = str_take(in, 3);
    if (!is_digit((uint8_t)v.ptr[0]) || v.ptr[1] != '.' || !is_digit((uint8_t)v.ptr[2]))
        return HTTP_HEAD_BAD;
    if (v.ptr[0] != '1' || v.ptr[2] > '1')
        return HTTP_HEAD_VERSION;
    *minor = (unsigned)(v.ptr[2] - '0');
    return 0;
}

static enum http_method method_of(str token)
{
    static const str names[] = {
        [HTTP_GET] = STR("GET"),       [HTTP_HEAD] = STR("HEAD"),
        [HTTP_POST] = STR("POST"),     [HTTP_PUT] = STR("PUT"),
        [HTTP_DELETE] = STR("DELETE"), [HTTP_OPTIONS] = STR("OPTIONS"),
        [HTTP_PATCH] = STR("PATCH"),
    };
    size_t i = 0;

    while (i < COUNT_OF(names) && !str_eq(names[i], token))
        i++;
    return (enum http_method)i;
}

/** host [":" port], without userinfo (RFC 9110, sections 4.2.4 and 7.2). */
static bool is_authority(str s)
{
    if (str_starts(s, STR("["))) {
        str_take(&s, 1);
        const size_t n = span(s, is_ipv6);
        str_take(&s, n);
        if (n == 0 || !str_starts(s, STR("]")))
            return false;
        str_take(&s, 1);
    } else {
        const size_t n = span(s, is_host);
        str_take(&s, n);
        if (n == 0)
            return false;
    }

    if (s.len == 0)
        return true;
    return *str_take(&s, 1).ptr == ':' && span(s, is_digit) == s.len;
}

/** The length of "http://" or "https://" at the front of s, or 0. */
static size_t scheme_len(str s)
{
    static const str schemes[] = {STR("http://"), STR("https://")};

    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        const size_t n = schemes[i].len;
        if (s.len >= n && str_eq_nocase((str){s.ptr, n}, schemes[i]))
            return n;
    }
    return 0;
}

/** RFC 9112, section 3.2. */
static int split_target(struct http_head *h, str target)
{
    if (str_eq(target, STR("*"))) {
        h->path = str_take(&target, 1);
        h->query = target;
        return h->method == HTTP_OPTIONS ? 0 : HTTP_HEAD_BAD;
    }

    h->path = str_take_until(&target, '?');
    h->query = target;
    if (str_starts(h->path, STR("/")))
        return 0;

    str rest = h->path;
    const size_t n = scheme_len(rest);
    if (n == 0)
        return HTTP_HEAD_BAD;
    const str last_of_scheme = {h->path.ptr + n - 1, 1};
    str_take(&rest, n);
    if (!is_authority(str_take(&rest, str_find(rest, '/'))))
        return HTTP_HEAD_BAD;
    // The empty path means "/" (RFC 9110, section 4.2.3): a slash of the scheme serves,
    // as the path points into the bytes that were parsed.
    h->path = rest.len > 0 ? rest : last_of_scheme;
    return 0;
}

static int take_request_line(struct http_head *h, str *in)
{
    str method = {0};
    str target = {0};

    int r = take_word(in, http_byte_is_token, ' ', &method);
    if (r == 0)
        r = take_word(in, is_target, ' ', &target);
    if (r == 0)
        r = take_version(in, &h->minor_version);
    if (r == 0)
        r = take_bytes(in, STR("\r\n"));
    if (r != 0)
        return r;
    h->method = method_of(method);
    return split_target(h, target);
}

static int take_field(str *in, struct http_header *field)
{
    const int r = take_word(in, http_byte_is_token, ':', &field->name);
    if (r != 0)
        return r;
    field->value = str_trim(str_take(in, span(*in, http_byte_is_field)));
    return take_bytes(in, STR("\r\n"));
}

static int take_fields(struct http_head *h, str *in)
{
    while (in->len > 0) {
        if (in->ptr[0] == '\r')
            return take_bytes(in, STR("\r\n"));
        if (h->n_headers == HTTP_HEADERS_MAX)
            return HTTP_HEAD_TOO_LARGE;
        const int r = take_field(in, &h->headers[h->n_headers]);
        if (r != 0)
            return r;
        h->n_headers++;
    }
    return HTTP_HEAD_MORE;
}

/** @return the index of the first field with that name, from i on, or n_headers */
static size_t find(const struct http_head *h, size_t i, str name)
{
    while (i < h->n_headers && !str_eq_nocase(h->headers[i].name, name))
        i++;
    return i;
}

static size_t count(const struct http_head *h, str name)
{
    size_t n = 0;
    for (size_t i = find(h, 0, name); i < h->n_headers; i = find(h, i + 1, name))
        n++;
    return n;
}

str http_head_get(const struct http_head *h, str name)
{
    const size_t i = find(h, 0, name);
    return i < h->n_headers ? h->headers[i].value : (str){0};
}

bool http_head_has(const struct http_head *h, str name, str token)
{
    for (size_t i = find(h, 0, name); i < h->n_headers; i = find(h, i + 1, name)) {
        str list = h->headers[i].value;
        while (list.len > 0) {
            if (str_eq_nocase(str_trim(str_take_until(&list, ',')), token))
                return true;
        }
    }
    return false;
}

/** RFC 9112, section 3.2. */
static int check_host(const struct http_head *h)
{
    const size_t n = count(h, STR("host"));
    if (n == 0)
        return h->minor_version == 0 ? 0 : HTTP_HEAD_BAD;

    const str host = http_head_get(h, STR("host"));
    return n == 1 && (host.len == 0 || is_authority(host)) ? 0 : HTTP_HEAD_BAD;
}

/** RFC 9112, section 6.2; two lengths are refused even if they agree, as 6.3 allows. */
static int read_length(struct http_head *h)
{
    const size_t n = count(h, STR("content-length"));
    if (n == 0)
        return 0;

    const str length = http_head_get(h, STR("content-length"));
    if (n > 1 || str_to_u64(length, UINT64_MAX, &h->content_length) != 0)
        return HTTP_HEAD_BAD;
    h->has_length = true;
    return 0;
}

/**
 * RFC 9112, sections 6.1 and 6.3. Only "chunked" by itself is understood. A list in
 * which it is repeated, or not the last, is worse than unknown: where such a body ends
 * is what parsers differ on.
 */
static int read_codings(struct http_head *h)
{
    const str name = STR("transfer-encoding");
    const str chunked = STR("chunked");
    const size_t n = count(h, name);
    if (n == 0)
        return 0;
    if (h->minor_version == 0 || h->has_length)
        return HTTP_HEAD_BAD;
    if (n == 1 && str_eq_nocase(http_head_get(h, name), chunked)) {
        h->is_chunked = true;
        return 0;
    }

    size_t n_chunked = 0;
    bool is_last = false;
    for (size_t i = find(h, 0, name); i < h->n_headers; i = find(h, i + 1, name)) {
        str list = h->headers[i].value;
        while (list.len > 0) {
            is_last = str_eq_nocase(str_trim(str_take_until(&list, ',')), chunked);
            n_chunked += is_last;
        }
    }
    return n_chunked == 0 || (n_chunked == 1 && is_last) ? HTTP_HEAD_CODING : HTTP_HEAD_BAD;
}

/** RFC 9112, section 9.3; RFC 9110, section 7.8: no upgrade from HTTP/1.0. */
static void read_connection(struct http_head *h)
{
    const str name = STR("connection");
    const bool is_1_1 = h->minor_version == 1;

    h->keep_alive = !http_head_has(h, name, STR("close")) &&
                    (is_1_1 || http_head_has(h, name, STR("keep-alive")));
    h->is_upgrade = is_1_1 && http_head_has(h, name, STR("upgrade")) &&
                    http_head_get(h, STR("upgrade")).len > 0;
}

/** RFC 9110, section 10.1.1: from HTTP/1.0 it is ignored. */
static int read_expect(struct http_head *h)
{
    const str name = STR("expect");

    for (size_t i = find(h, 0, name); i < h->n_headers; i = find(h, i + 1, name)) {
        if (!str_eq_nocase(h->headers[i].value, STR("100-continue")))
            return HTTP_HEAD_EXPECTATION;
        h->expects_continue = h->minor_version == 1;
    }
    return 0;
}

static int parse(struct http_head *h, str *in)
{
    int r = 0;

    while (r == 0 && str_starts(*in, STR("\r")))
        r = take_bytes(in, STR("\r\n"));
    if (r == 0)
        r = take_request_line(h, in);
    if (r == 0)
        r = take_fields(h, in);
    if (r == 0)
        r = check_host(h);
    if (r == 0)
        r = read_length(h);
    if (r == 0)
        r = read_codings(h);
    if (r == 0)
        r = read_expect(h);
    if (r == 0)
        read_connection(h);
    return r;
}

int http_head_parse(struct http_head *h, str *in)
{
    str rest = {in->ptr, in->len < HTTP_HEAD_MAX ? in->len : HTTP_HEAD_MAX};

    *h = (struct http_head){0};
    const int r = parse(h, &rest);
    if (r == HTTP_HEAD_MORE && in->len >= HTTP_HEAD_MAX)
        return HTTP_HEAD_TOO_LARGE;
    if (r == 0)
        str_take(in, (size_t)(rest.ptr - in->ptr));
    return r;
}

str http_head_bearer(const struct http_head *h)
{
    str value = http_head_get(h, STR("Authorization"));
    const str scheme = str_take_until(&value, ' ');

    return str_eq_nocase(scheme, STR("Bearer")) ? str_trim(value) : (str){0};
}
