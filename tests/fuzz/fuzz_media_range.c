#include "media/range.h"

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer names it
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(str field, uint64_t file_size)
{
    uint64_t offset = 0;
    uint64_t n = 0;

    const int r = range_parse(&offset, &n, field, file_size);
    assert(r == 0 || r == RANGE_NONE || r == RANGE_UNSATISFIABLE);
    assert(r != 0 || (n >= 1 && offset < file_size && n <= file_size - offset));
}

/** The size of the file, in eight bytes; then the field. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str in = {(const char *)data, size};
    uint64_t file_size = 0;

    check(in, 1);
    check(in, 1000);
    if (in.len < sizeof(file_size))
        return 0;
    memcpy(&file_size, str_take(&in, sizeof(file_size)).ptr, sizeof(file_size));
    check(in, file_size > 0 ? file_size : 1);
    return 0;
}
