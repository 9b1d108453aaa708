/**
 * Is this UTF-8? (RFC 3629: no overlong forms, no surrogates, nothing above
 * U+10FFFF.) Bytes may come in pieces; the first impossible byte is noticed at once.
 */
#pragma once

#include "base/str.h"

/** Zero is the start of a text. */
struct utf8 {
    uint8_t state;
};

enum utf8_refusal {
    UTF8_BAD = 1, // these bytes can't be the beginning of any UTF-8 text
};

/** @return 0 or UTF8_BAD; after that u is of no more use */
MUST_CHECK int utf8_feed(struct utf8 *u, str bytes);

/** Does the text so far end at the end of a character? */
static inline bool utf8_is_whole(const struct utf8 *u)
{
    return u->state == 0;
}

static inline bool utf8_is_valid(str text)
{
    struct utf8 u = {0};
    return utf8_feed(&u, text) == 0 && utf8_is_whole(&u);
}
