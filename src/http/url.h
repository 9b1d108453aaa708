/** Percent-encoding and query strings (RFC 3986, sections 2.1 and 3.4). */
#pragma once

#include "base/str.h"

enum url_refusal {
    URL_NOT_FOUND = 1, // no such key
    URL_BAD,           // a '%' without two hex digits, or a decoded NUL
    URL_TOO_LONG,      // longer than size
};

/**
 * Decode %XX, and '+' as a space if in_query.
 *
 * @param out  holds size bytes; may be s.ptr itself
 * @return 0 with *n bytes made, URL_BAD or URL_TOO_LONG
 */
MUST_CHECK int url_decode(char *out, size_t size, size_t *n, str s, bool in_query);

/**
 * The value of key in "a=1&b=2", decoded. Keys are decoded for the comparison; of
 * several the last wins, as in Node's querystring. A key without '=' has the empty value.
 * What is broken elsewhere in the query does not matter.
 *
 * @return 0 with *value in out, or an enum url_refusal
 */
MUST_CHECK int url_query_get(str query, str key, char *out, size_t size, str *value);
