#include "base/base58.h"

static const char alphabet[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

str base58_encode(char *out, str bytes)
{
    uint8_t digits[BASE58_LEN(BASE58_BYTES_SIZE)]; // the last one first
    size_t n_digits = 0;
    size_t n_zeroes = 0;

    assert(bytes.len <= BASE58_BYTES_SIZE);
    while (n_zeroes < bytes.len && bytes.ptr[n_zeroes] == 0)
        n_zeroes++;
    for (size_t i = n_zeroes; i < bytes.len; i++) {
        unsigned carry = (uint8_t)bytes.ptr[i];
        for (size_t k = 0; k < n_digits; k++) {
            carry += digits[k] * 256U;
            digits[k] = (uint8_t)(carry % 58);
            carry /= 58;
        }
        for (; carry > 0; carry /= 58)
            digits[n_digits++] = (uint8_t)(carry % 58);
    }

    memset(out, alphabet[0], n_zeroes);
    for (size_t k = 0; k < n_digits; k++)
        out[n_zeroes + k] = alphabet[digits[n_digits - 1 - k]];
    return (str){out, n_zeroes + n_digits};
}

/** out = out * 58 + digit. @return false: it takes more than n bytes */
static bool push_digit(uint8_t *out, size_t n, size_t digit)
{
    size_t carry = digit;

    for (size_t i = n; i > 0; i--) {
        carry += out[i - 1] * (size_t)58;
        out[i - 1] = (uint8_t)carry;
        carry >>= 8;
    }
    return carry == 0;
}

int base58_decode(uint8_t *out, size_t n, str text)
{
    size_t n_ones = 0;
    size_t n_zeroes = 0;

    assert(n <= BASE58_BYTES_SIZE);
    if (text.len > BASE58_LEN(n))
        return BASE58_BAD;
    memset(out, 0, n);
    for (size_t i = 0; i < text.len; i++) {
        const size_t digit = str_find(str_of(alphabet), text.ptr[i]);
        if (digit == sizeof(alphabet) - 1 || !push_digit(out, n, digit))
            return BASE58_BAD;
    }
    while (n_ones < text.len && text.ptr[n_ones] == alphabet[0])
        n_ones++;
    while (n_zeroes < n && out[n_zeroes] == 0)
        n_zeroes++;
    return n_ones == n_zeroes ? 0 : BASE58_BAD;
}
