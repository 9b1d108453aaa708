#include "base/base64.h"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** @return behind the last character; there is no padding */
static char *encode(char *out, str bytes, const char *digits)
{
    const uint8_t *p = (const uint8_t *)bytes.ptr;
    size_t i = 0;

    for (; i + 3 <= bytes.len; i += 3) {
        const uint32_t v = (uint32_t)p[i] << 16 | (uint32_t)p[i + 1] << 8 | p[i + 2];
        *out++ = digits[v >> 18];
        *out++ = digits[v >> 12 & 63];
        *out++ = digits[v >> 6 & 63];
        *out++ = digits[v & 63];
    }
    if (i == bytes.len)
        return out;

    const bool has_two = bytes.len - i == 2;
    const uint32_t v = (uint32_t)p[i] << 16 | (has_two ? (uint32_t)p[i + 1] << 8 : 0);
    *out++ = digits[v >> 18];
    *out++ = digits[v >> 12 & 63];
    if (has_two)
        *out++ = digits[v >> 6 & 63];
    return out;
}

void base64_encode(char *out, str bytes)
{
    char *const end = out + BASE64_LEN(bytes.len);

    out = encode(out, bytes, alphabet);
    while (out < end)
        *out++ = '=';
}

void base64_url_encode(char *out, str bytes)
{
    encode(out, bytes, url_alphabet);
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

static bool is_url_digit(char c)
{
    return c != '+' && c != '/' && value_of(c) < SPACE;
}

/** Of the last character: how many of its bits belong to no byte. */
static unsigned spare_bits(size_t len)
{
    static const unsigned spare[] = {0, 0, 4, 2}; // one left over is refused anyway

    return spare[len % 4];
}

int base64_url_decode(char *out, size_t *n, str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_url_digit(text.ptr[i]))
            return BASE64_BAD;
    }
    const unsigned spare = (1U << spare_bits(text.len)) - 1;
    if (spare > 0 && (value_of(text.ptr[text.len - 1]) & spare) != 0)
        return BASE64_BAD;
    return base64_decode_lenient(out, n, text);
}
