#include "base/str.h"

#include "base/mem.h"

char *str_dup(str s)
{
    char *copy = mem_alloc(s.len + 1);

    str_copy(copy, s);
    return copy;
}

size_t str_find(str s, char c)
{
    const char *at = s.len > 0 ? memchr(s.ptr, c, s.len) : NULL;
    return at ? (size_t)(at - s.ptr) : s.len;
}

str str_take_until(str *s, char sep)
{
    str head = str_take(s, str_find(*s, sep));
    if (s->len > 0)
        str_take(s, 1);
    return head;
}

static char lower(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c | 0x20);
    return c;
}

bool str_eq_nocase(str a, str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    }
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

str str_trim(str s)
{
    while (s.len > 0 && is_blank(s.ptr[0]))
        str_take(&s, 1);
    while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

int str_to_u64(str s, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;

    if (s.len == 0)
        return STR_NO_NUMBER;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return STR_NO_NUMBER;
    }
    for (size_t i = 0; i < s.len; i++) {
        const uint64_t digit = (uint64_t)(s.ptr[i] - '0');
        if (v > (UINT64_MAX - digit) / 10)
            return STR_TOO_LARGE;
        v = v * 10 + digit;
    }
    if (v > max)
        return STR_TOO_LARGE;
    *out = v;
    return 0;
}

uint64_t str_hash(str s)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < s.len; i++)
        hash = (hash ^ (uint8_t)s.ptr[i]) * UINT64_C(0x100000001b3);
    return hash;
}
