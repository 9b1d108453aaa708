#include "doctor/judge.h"
#include "io/fetch.h"

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer names it
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_within(str part, str whole)
{
    return part.len <= whole.len && part.ptr >= whole.ptr &&
           part.ptr + part.len <= whole.ptr + whole.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const str text = {(const char *)data, size};
    struct judge_site site;

    if (judge_site(&site, text)) {
        assert(site.host.len > 0 && is_within(site.host, text));
        assert(str_starts(text, site.origin) && is_within(site.host, site.origin));
    }
    assert(judge_date(text) >= INT64_MIN);
    const str field = fetch_field(text, STR("date"));
    assert(!field.ptr || field.len == 0 || is_within(field, text));
    return 0;
}
