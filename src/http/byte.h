/** Classes of bytes in HTTP (RFC 9110, section 5). */
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
