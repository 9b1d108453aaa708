/** Hexadecimal digits. */
#pragma once

#include "base/base.h"

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
