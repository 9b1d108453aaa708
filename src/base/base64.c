#include "base/base64.h"

#include <limits.h>

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

char base64_url_digit(unsigned value)
{
    assert(value < sizeof(url_alphabet) - 1);
    return url_alphabet[value];
}

enum {
    SPACE = 64,
    PAD = 65,
    NONE = UINT8_MAX,
};

// clang-format off
/** And one more, so that what is not named is none. */
static const uint8_t values[UCHAR_MAX + 1] = {
    ['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8,
    ['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62,
    ['+'] = 63, ['-'] = 63, ['/'] = 64, ['_'] = 64,
    ['\r'] = SPACE + 1, ['\n'] = SPACE + 1, ['='] = PAD + 1,
};
// clang-format on

static uint8_t value_of(char c)
{
    return (uint8_t)(values[(uint8_t)c] - 1);
}

static char *put_group(char *out, uint32_t bits)
{
    *out++ = (char)(bits >> 16);
    *out++ = (char)(bits >> 8);
    *out++ = (char)bits;
    return out;
}

/** Whole groups of digits at the front: most texts are nothing else. @return how many of its
 * characters */
static size_t decode_groups(char *out, str text)
{
    size_t i = 0;

    for (; i + 4 <= text.len; i += 4) {
        const uint8_t a = value_of(text.ptr[i]);
        const uint8_t b = value_of(text.ptr[i + 1]);
        const uint8_t c = value_of(text.ptr[i + 2]);
        const uint8_t d = value_of(text.ptr[i + 3]);
        if ((a | b | c | d) >= SPACE)
            break;
        out = put_group(out, (uint32_t)a << 18 | (uint32_t)b << 12 | (uint32_t)c << 6 | d);
    }
    return i;
}

int base64_decode_lenient(char *out, size_t *n, str text)
{
    uint32_t bits = 0;
    unsigned n_digits = 0; // of the group of four under way
    unsigned n_pads = 0;
    const size_t front = decode_groups(out, text);
    size_t made = front / 4 * 3;

    for (size_t i = front; i < text.len; i++) {
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
        put_group(out + made, bits);
        made += 3;
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

int base64_url_value(char digit)
{
    return is_url_digit(digit) ? value_of(digit) : -1;
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
