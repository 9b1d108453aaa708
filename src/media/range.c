#include "media/range.h"

/** Digits alone. More than fits is as much as does. @return false: there are none */
static bool take_number(str *s, uint64_t *out)
{
    size_t n = 0;

    while (n < s->len && s->ptr[n] >= '0' && s->ptr[n] <= '9')
        n++;
    const int r = str_to_u64(str_take(s, n), UINT64_MAX, out);
    if (r == STR_TOO_LARGE)
        *out = UINT64_MAX;
    return r != STR_NO_NUMBER;
}

int range_parse(uint64_t *offset, uint64_t *n, str field, uint64_t size)
{
    uint64_t first = 0;
    uint64_t last = 0;

    if (field.len < 6 || !str_eq_nocase(str_take(&field, 6), STR("bytes=")))
        return RANGE_NONE;
    const bool has_first = take_number(&field, &first);
    if (!str_starts(field, STR("-")))
        return RANGE_NONE;
    str_take(&field, 1);
    const bool has_last = take_number(&field, &last);
    if (field.len > 0 || (!has_first && !has_last))
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
