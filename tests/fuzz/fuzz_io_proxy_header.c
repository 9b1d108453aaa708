#include "base/mem.h"
#include "io/proxy_header.h"

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer names it
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** As it would come, byte by byte: once it is known, it stays so. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const str in = {(const char *)data, size};
    struct proxy_header whole;
    const int r = proxy_header_read(&whole, in);

    assert(r >= 0 && r <= PROXY_HEADER_TOO_LARGE);
    assert(r != 0 ||
           (whole.size >= 16 && whole.size <= size && whole.size <= PROXY_HEADER_MAX));
    for (size_t n = 0; n < size && n <= PROXY_HEADER_MAX; n++) {
        struct proxy_header got;
        char *part = mem_resize(NULL, n > 0 ? n : 1); // so that ASan sees a read past its end
        str_copy(part, (str){in.ptr, n});
        const int of_part = proxy_header_read(&got, (str){part, n});
        assert(of_part == PROXY_HEADER_MORE || of_part == r);
        assert(of_part != 0 || (got.size == whole.size && n >= whole.size &&
                                memcmp(&got.client, &whole.client, sizeof(got.client)) == 0));
        free(part);
    }
    return 0;
}
