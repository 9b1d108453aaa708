#include "base/mem.h"
#include "http/etag.h"

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer names it
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** Between others, it is there; a list of many is no more than its tags. */
static void check_between(str list, str etag)
{
    const str comma = STR(",");
    char *text = mem_alloc(2 * list.len + etag.len + 2);
    size_t n = str_copy(text, list).len;

    n += str_copy(text + n, comma).len;
    n += str_copy(text + n, etag).len;
    n += str_copy(text + n, comma).len;
    n += str_copy(text + n, list).len;
    assert(http_etag_is_listed((str){text, n}, etag));
    const str twice = {text, list.len + 1};
    assert(http_etag_is_listed(twice, etag) == http_etag_is_listed(list, etag));
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const str list = {(const char *)data, size};
    const bool is_listed = http_etag_is_listed(list, STR("\"a\""));

    assert(http_etag_is_listed(list, STR("W/\"a\"")) == is_listed);
    assert(!is_listed || str_find(list, '"') < size || str_find(list, '*') < size);
    check_between(list, STR("\"a\""));
    return 0;
}
