#include "http/accept.h"

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer names it
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool accepts(str first, str second)
{
    const struct http_head head = {
        .n_headers = 2,
        .headers = {{STR("Accept-Encoding"), first}, {STR("Accept-Encoding"), second}},
    };
    return http_accepts_gzip(&head);
}

static bool says_gzip(str field)
{
    for (size_t i = 0; i + 4 <= field.len; i++) {
        if (str_eq_nocase((str){field.ptr + i, 4}, STR("gzip")))
            return true;
    }
    return false;
}

/** A field. What was said first counts; nobody is given what nobody has named. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const str field = {(const char *)data, size};
    const bool is_gzip = accepts(field, (str){0});

    assert(!accepts(STR("gzip;q=0"), field));
    assert(accepts(STR("gzip, identity;q=0"), field));
    assert(!is_gzip || says_gzip(field) || str_find(field, '*') < field.len);
    assert(!is_gzip || accepts(field, STR("identity;q=0")));
    return 0;
}
