/** Base64 (RFC 4648). */
#pragma once

#include "base/str.h"

/** Characters that n bytes take, padding included. */
#define BASE64_LEN(n) (((n) + 2) / 3 * 4)

/** Bytes that n characters can make, at most. */
#define BASE64_BYTES(n) ((n) / 4 * 3 + 3)

/** Characters that n bytes take in the URL form, which has no padding. */
#define BASE64_URL_LEN(n) (((n)*4 + 2) / 3)

/** Section 4, padded. out has room for BASE64_LEN(bytes.len); not NUL-terminated. */
void base64_encode(char *out, str bytes);

/** Section 5, not padded. out has room for BASE64_URL_LEN(bytes.len); not NUL-terminated. */
void base64_url_encode(char *out, str bytes);

/** The digit of section 5 that a number below 64 has. */
char base64_url_digit(unsigned value);

/** @return the number, or -1: it is no such digit */
int base64_url_value(char digit);

enum base64_refusal {
    BASE64_BAD = 1,
};

/**
 * What clients really send: the alphabet of section 4 or 5, padded or not, with line
 * breaks (Java wraps at 76 columns). A single character left over is refused, and so
 * is anything after the padding.
 *
 * @param out  room for BASE64_BYTES(text.len); may be text.ptr itself
 * @return 0 with *n bytes made, or BASE64_BAD
 */
MUST_CHECK int base64_decode_lenient(char *out, size_t *n, str text);

/**
 * Section 5 and nothing else: no padding, no white space, and no bits left over that are
 * not 0. So there is one text for each bytes, as what is signed needs it.
 *
 * @param out  as above
 * @return 0 with *n bytes made, or BASE64_BAD
 */
MUST_CHECK int base64_url_decode(char *out, size_t *n, str text);
