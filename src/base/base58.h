/** Base58 with Bitcoin's alphabet: how Solana writes keys and signatures. */
#pragma once

#include "base/str.h"

#define BASE58_BYTES_SIZE 64 // bytes, the longest that is written so

/** Characters that n bytes take, at most: log(256) / log(58) is 1.3657. */
#define BASE58_LEN(n) ((n)*1366 / 1000 + 1)

/**
 * @param bytes  at most BASE58_BYTES_SIZE
 * @param out    room for BASE58_LEN(bytes.len); not NUL-terminated
 * @return what was written, in out
 */
str base58_encode(char *out, str bytes);

enum base58_refusal {
    BASE58_BAD = 1, // another character, or not n bytes
};

/**
 * A number of n bytes has one text: a 1 at the start is a byte of zero, so there are no more
 * of them than that.
 *
 * @param n  bytes that text must make, at most BASE58_BYTES_SIZE
 * @return 0 with out filled, or BASE58_BAD
 */
MUST_CHECK int base58_decode(uint8_t *out, size_t n, str text);
