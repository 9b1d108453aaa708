#include "http/url.h"

#include "base/hex.h"

/** Take one byte of *s, decoded. @return false where url_decode() says URL_BAD */
static bool take_byte(str *s, bool in_query, char *out)
{
    const char c = *str_take(s, 1).ptr;

    *out = c;
    if (c == '+' && in_query)
        *out = ' ';
    if (c != '%')
        return c != '\0';

    if (s->len < 2)
        return false;
    const int high = hex_value(s->ptr[0]);
    const int low = hex_value(s->ptr[1]);
    if (high < 0 || low < 0)
        return false;
    str_take(s, 2);
    *out = (char)(high << 4 | low);
    return *out != '\0';
}

int url_decode(char *out, size_t size, size_t *n, str s, bool in_query)
{
    size_t made = 0;

    while (s.len > 0) {
        char c;
        if (!take_byte(&s, in_query, &c))
            return URL_BAD;
        if (made == size)
            return URL_TOO_LONG;
        out[made++] = c;
    }
    *n = made;
    return 0;
}

/** Compared as it is decoded: however long the encoded key is, it needs no room. */
static bool is_key(str encoded, str key)
{
    while (encoded.len > 0 && key.len > 0) {
        char c;
        if (!take_byte(&encoded, true, &c) || c != *str_take(&key, 1).ptr)
            return false;
    }
    return encoded.len == 0 && key.len == 0;
}

int url_query_get(str query, str key, char *out, size_t size, str *value)
{
    str last = {0};
    bool is_found = false;

    while (query.len > 0) {
        str pair = str_take_until(&query, '&');
        if (pair.len == 0) // "a=1&&b=2"
            continue;
        const str name = str_take_until(&pair, '=');
        if (!is_key(name, key))
            continue;
        last = pair;
        is_found = true;
    }
    if (!is_found)
        return URL_NOT_FOUND;

    size_t n;
    const int r = url_decode(out, size, &n, last, true);
    if (r == 0)
        *value = (str){out, n};
    return r;
}
