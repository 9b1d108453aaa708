/**
 * str: a view of bytes that somebody else owns. Passed by value, never freed.
 * Not NUL-terminated; a NUL inside is a byte like any other.
 */
#pragma once

#include <string.h>

#include "base/base.h"

typedef struct str {
    const char *ptr; // may be NULL only when len is 0
    size_t len;      // bytes
} str;

#define STR(literal) ((str){"" literal, sizeof(literal) - 1})
#define STR_FMT      "%.*s"
#define STR_ARG(s)   (int)(s).len, (s).ptr

/** c is NUL-terminated, or NULL for the empty string. */
static inline str str_of(const char *c)
{
    return (str){c, c ? strlen(c) : 0};
}

static inline bool str_eq(str a, str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool str_starts(str s, str prefix)
{
    return s.len >= prefix.len && str_eq((str){s.ptr, prefix.len}, prefix);
}

/** Copy the bytes to dst, which has room for them, and return the view of the copy. */
static inline str str_copy(char *dst, str s)
{
    if (s.len > 0) // memcpy from NULL is undefined, even of nothing
        memcpy(dst, s.ptr, s.len);
    return (str){dst, s.len};
}

/** The first n bytes of *s, which then starts after them. n must not pass the end. */
static inline str str_take(str *s, size_t n)
{
    assert(n <= s->len);
    str head = {s->ptr, n};
    if (n > 0) {
        s->ptr += n;
        s->len -= n;
    }
    return head;
}

/** A copy with a NUL behind it. @return owned; free() */
char *str_dup(str s);

/** @return the index of the first c in s, or s.len */
size_t str_find(str s, char c);

/**
 * Take what is before the next sep, and the sep; without one, all of *s.
 *
 * "a,b" gives "a", then "b", then *s is empty.
 */
str str_take_until(str *s, char sep);

/** ASCII only. Header names, host names and tokens are compared so. */
bool str_eq_nocase(str a, str b);

/** Without the spaces and tabs at both ends. */
str str_trim(str s);

enum str_number_refusal {
    STR_NO_NUMBER = 1, // empty, or something else than decimal digits in it
    STR_TOO_LARGE,     // above max
};

/** Decimal digits and nothing else. @return 0, or an enum str_number_refusal */
MUST_CHECK int str_to_u64(str s, uint64_t max, uint64_t *out);

/** FNV-1a. For keys that we have made ourselves: whoever chooses keys can make it collide. */
uint64_t str_hash(str s);
