/** Numbers as decimal digits, where printf would cost more than all that stands around them. */
#pragma once

#include "base/str.h"

#define DIGITS_SIZE 20 // of a uint64_t

/** @return the digits of n, in out */
static inline str digits_of(char out[DIGITS_SIZE], uint64_t n)
{
    size_t at = DIGITS_SIZE;

    do {
        out[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    return (str){out + at, DIGITS_SIZE - at};
}

/** The last n_digits of n, with zeroes before it. @return behind them */
static inline char *digits_fixed(char *out, size_t n_digits, uint64_t n)
{
    for (size_t i = n_digits; i > 0; i--) {
        out[i - 1] = (char)('0' + n % 10);
        n /= 10;
    }
    return out + n_digits;
}
