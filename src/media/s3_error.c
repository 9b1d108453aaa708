#include "media/s3_error.h"

/** @return what begins with word; empty: it is not there */
static str from(str s, str word)
{
    const char *at = s.len > 0 ? memmem(s.ptr, s.len, word.ptr, word.len) : NULL;
    return at ? (str){at, s.len - (size_t)(at - s.ptr)} : (str){0};
}

bool s3_error_is(str body)
{
    return from(body, STR("<Error>")).len > 0 || from(body, STR("<Error ")).len > 0;
}

str s3_error_code(str body)
{
    static const str open = {"<Code>", 6};
    str rest = from(body, open);

    if (rest.len == 0)
        return rest;
    str_take(&rest, open.len);
    const size_t n = str_find(rest, '<');
    return n < rest.len && n <= S3_CODE_MAX ? str_take(&rest, n) : (str){0};
}
