/** Hexadecimal digits. */
#pragma once

#include <endian.h>

#include "base/str.h"

/** @param value  below 16 @return its digit, in lower case */
static inline char hex_digit(unsigned value)
{
    return "0123456789abcdef"[value];
}

/** @return the value of a hex digit of either case, or -1 */
static inline int hex_value(char c)
{
    // Digits come by chance, so that no branch could be foreseen.
    const unsigned number = (unsigned)(c - '0');
    const unsigned letter = (unsigned)((c | 0x20) - 'a');
    const int value = letter < 6 ? (int)letter + 10 : -1;

    return number < 10 ? (int)number : value;
}

// Eight digits at once, each in its own byte of a word. The first is the lowest byte, as in
// memory.

#define HEX_EACH(byte) (UINT64_C(0x0101010101010101) * (byte))
#define HEX_WORD       8 // digits

/** @return their values, below 16 */
static inline uint64_t hex_spread(uint32_t n)
{
    uint64_t x = (uint64_t)n >> 16 | (uint64_t)(n & 0xffff) << 32;

    x = (x >> 8 & UINT64_C(0x000000ff000000ff)) | (x & UINT64_C(0x000000ff000000ff)) << 16;
    return (x >> 4 & UINT64_C(0x000f000f000f000f)) | (x & UINT64_C(0x000f000f000f000f)) << 8;
}

/** @return 1 in the byte of each that is a letter */
static inline uint64_t hex_letters(uint64_t values)
{
    return (values + HEX_EACH(6)) >> 4 & HEX_EACH(1);
}

/** The digits of n. @param large  1 in the byte of each letter that is an upper case one */
static inline char *hex_word(char out[HEX_WORD], uint32_t n, uint64_t large)
{
    const uint64_t values = hex_spread(n);
    const uint64_t letters = hex_letters(values);
    const uint64_t text = htole64(values + HEX_EACH('0') + letters * ('a' - '9' - 1) -
                                  (letters & large) * ('a' - 'A'));

    memcpy(out, &text, sizeof(text));
    return out + HEX_WORD;
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
    return hex_word(hex_word(out, (uint32_t)(n >> 32), 0), (uint32_t)n, 0);
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
