#include "media/range.h"

/** Digits alone, perhaps none. @return false: something else, or more than any file has */
static bool take_number(str *s, uint64_t *out, bool *is_there)
{
    size_t n = 0;

    while (n < s->len && s->ptr[n] >= '0' && s->ptr[n] <= '9')
        n++;
    *is_there = n > 0;
    return n == 0 || str_to_u64(str_take(s, n), INT64_MAX, out) == 0;
}

int range_parse(uint64_t *offset, uint64_t *n, str field, uint64_t size)
{
    uint64_t first = 0;
    uint64_t last = 0;
    bool has_first;
    bool has_last;

    if (field.len < 6 || !str_eq_nocase(str_take(&field, 6), STR("bytes=")))
        return RANGE_NONE;
    if (!take_number(&field, &first, &has_first) || !str_starts(field, STR("-")))
        return RANGE_NONE;
    str_take(&field, 1);
    if (!take_number(&field, &last, &has_last) || field.len > 0 || (!has_first && !has_last))
        return RANGE_NONE;

    if (!has_first) { // the last so many
        if (last == 0)
            return RANGE_UNSATISFIABLE;
        *n = last < size ? last : size;
        *offset = size - *n;
        return 0;
    }
    if (has_last && last < first)
        return RANGE_NONE;
    if (first >= size)
        return RANGE_UNSATISFIABLE;
    *offset = first;
    *n = has_last && last < size ? last - first + 1 : size - first;
    return 0;
}
