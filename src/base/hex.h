/** Hexadecimal digits. */
#pragma once

#include "base/str.h"

/** @param value  below 16 @return its digit, in lower case */
static inline char hex_digit(unsigned value)
{
    return "0123456789abcdef"[value];
}

/** @return the value of a hex digit of either case, or -1 */
static inline int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/** @param out  room for 2 * len digits, in lower case @return behind the last of them */
static inline char *hex_encode(char *out, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        *out++ = hex_digit(bytes[i] >> 4);
        *out++ = hex_digit(bytes[i] & 15U);
    }
    return out;
}

#define HEX_U64 16 // digits of a uint64_t

/** All of its digits, in lower case. @return behind the last of them */
static inline char *hex_u64(char out[HEX_U64], uint64_t n)
{
    for (size_t i = HEX_U64; i > 0; i--, n >>= 4)
        out[i - 1] = hex_digit(n & 15U);
    return out + HEX_U64;
}

enum hex_refusal {
    HEX_BAD = 1, // something else than digits, or half a byte
};

/** @param out  room for digits.len / 2 bytes; may be written to all the same @return 0 or
 * HEX_BAD
 */
MUST_CHECK static inline int hex_decode(uint8_t *out, str digits)
{
    for (size_t i = 0; i + 1 < digits.len; i += 2) {
        const int high = hex_value(digits.ptr[i]);
        const int low = hex_value(digits.ptr[i + 1]);
        if (high < 0 || low < 0)
            return HEX_BAD;
        out[i / 2] = (uint8_t)(high << 4 | low);
    }
    return digits.len % 2 == 0 ? 0 : HEX_BAD;
}
