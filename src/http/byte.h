/** Classes of bytes in HTTP (RFC 9110, section 5; RFC 3986, section 2.1). */
#pragma once

#include "base/base.h"

/** tchar: what methods and field names are made of. */
static inline bool http_byte_is_token(uint8_t c)
{
    static const bool is_token[256] = {
        ['!'] = true,         ['#' ... '\''] = true, ['*' ... '+'] = true,
        ['-' ... '.'] = true, ['0' ... '9'] = true,  ['A' ... 'Z'] = true,
        ['^' ... 'z'] = true, ['|'] = true,          ['~'] = true,
    };
    return is_token[c];
}

/** What a field value may hold: printable ASCII, space, tab, and obs-text from 0x80 on. */
static inline bool http_byte_is_field(uint8_t c)
{
    return (c >= ' ' && c != 0x7f) || c == '\t';
}

/** @return the value of a hex digit, or -1 */
static inline int http_byte_hex(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    const uint8_t lower = c | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}
