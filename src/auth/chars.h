/** Sets of characters, under the names that the grammars of RFC 5234 and RFC 3986 give them. */
#pragma once

#include "base/hex.h"
#include "base/str.h"

#define CHARS_DIGIT      "0123456789"
#define CHARS_ALPHA      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define CHARS_UNRESERVED CHARS_ALPHA CHARS_DIGIT "-._~"
#define CHARS_SUB_DELIMS "!$&'()*+,;="
#define CHARS_RESERVED   ":/?#[]@" CHARS_SUB_DELIMS
#define CHARS_PCHAR      CHARS_UNRESERVED CHARS_SUB_DELIMS ":@" // and escapes

/** Nothing but characters of the set; so is the empty text. */
static inline bool auth_chars_are(str text, str set)
{
    for (size_t i = 0; i < text.len; i++) {
        if (str_find(set, text.ptr[i]) == set.len)
            return false;
    }
    return true;
}

/** The same, where any character may be written as % and two hex digits, too. */
static inline bool auth_chars_are_or_escaped(str text, str set)
{
    while (text.len > 0) {
        const str c = str_take(&text, 1);
        if (c.ptr[0] != '%') {
            if (!auth_chars_are(c, set))
                return false;
            continue;
        }
        if (text.len < 2 || hex_value(text.ptr[0]) < 0 || hex_value(text.ptr[1]) < 0)
            return false;
        str_take(&text, 2);
    }
    return true;
}
