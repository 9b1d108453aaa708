#include "base/base64.h"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(char *out, str bytes)
{
    const uint8_t *p = (const uint8_t *)bytes.ptr;
    size_t i = 0;

    for (; i + 3 <= bytes.len; i += 3) {
        const uint32_t v = (uint32_t)p[i] << 16 | (uint32_t)p[i + 1] << 8 | p[i + 2];
        *out++ = alphabet[v >> 18];
        *out++ = alphabet[v >> 12 & 63];
        *out++ = alphabet[v >> 6 & 63];
        *out++ = alphabet[v & 63];
    }
    if (i == bytes.len)
        return;

    const bool has_two = bytes.len - i == 2;
    const uint32_t v = (uint32_t)p[i] << 16 | (has_two ? (uint32_t)p[i + 1] << 8 : 0);
    *out++ = alphabet[v >> 18];
    *out++ = alphabet[v >> 12 & 63];
    *out++ = (char)(has_two ? alphabet[v >> 6 & 63] : '=');
    *out = '=';
}

enum {
    SPACE = 64,
    PAD = 65,
    NONE = 66
};

static uint8_t value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (uint8_t)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (uint8_t)(c - 'a' + 26);
    if (c >= '0' && c <= '9')
        return (uint8_t)(c - '0' + 52);
    switch (c) {
    case '+':
    case '-': return 62;
    case '/':
    case '_': return 63;
    case '=': return PAD;
    case '\r':
    case '\n': return SPACE;
    default: return NONE;
    }
}

int base64_decode_lenient(char *out, size_t *n, str text)
{
    uint32_t bits = 0;
    unsigned n_digits = 0; // of the group of four under way
    unsigned n_pads = 0;
    size_t made = 0;

    for (size_t i = 0; i < text.len; i++) {
        const uint8_t v = value_of(text.ptr[i]);
        if (v == SPACE)
            continue;
        if (v == PAD) {
            if (n_digits + ++n_pads > 4 || n_digits < 2)
                return BASE64_BAD;
            continue;
        }
        if (v == NONE || n_pads > 0)
            return BASE64_BAD;
        bits = bits << 6 | v;
        if (++n_digits < 4)
            continue;
        out[made++] = (char)(bits >> 16);
        out[made++] = (char)(bits >> 8);
        out[made++] = (char)bits;
        n_digits = 0;
    }

    if (n_digits == 1)
        return BASE64_BAD;
    if (n_digits >= 2)
        out[made++] = (char)(bits >> (n_digits == 2 ? 4 : 10));
    if (n_digits == 3)
        out[made++] = (char)(bits >> 2);
    *n = made;
    return 0;
}
