/** UTF-8 and base64: whole against piecewise, there and back. */
#include "base/base64.h"
#include "base/mem.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_utf8(str text)
{
    struct utf8 whole = {0};
    struct utf8 pieces = {0};
    size_t at = 0;
    int r = 0;

    while (r == 0 && at < text.len)
        r = utf8_feed(&pieces, (str){text.ptr + at++, 1});
    assert(utf8_feed(&whole, text) == r);
    assert(utf8_is_valid(text) == (r == 0 && utf8_is_whole(&pieces)));
    if (r == 0)
        assert(utf8_is_whole(&whole) == utf8_is_whole(&pieces));

    // Bad at its last byte: what stood before it was no worse than unfinished, and
    // nothing that follows can mend it.
    if (r != 0) {
        struct utf8 before = {0};
        assert(utf8_feed(&before, (str){text.ptr, at - 1}) == 0);
        assert(!utf8_is_valid((str){text.ptr, at}));
    }
}

static void check_round_trip(str bytes)
{
    char *text = mem_alloc(BASE64_LEN(bytes.len) + 1);
    size_t n = 0;

    base64_encode(text, bytes);
    const int r = base64_decode_lenient(text, &n, (str){text, BASE64_LEN(bytes.len)});
    assert(r == 0 && str_eq((str){text, n}, bytes));
    free(text);
}

static void check_decode(str text)
{
    char *bytes = mem_alloc(BASE64_BYTES(text.len));
    char *in_place = mem_alloc(text.len + 1);
    size_t n = SIZE_MAX;
    size_t n_in_place = SIZE_MAX;

    const int r = base64_decode_lenient(bytes, &n, text);
    const str copy = str_copy(in_place, text);
    assert(base64_decode_lenient(in_place, &n_in_place, copy) == r);
    assert(n == n_in_place);
    if (r == 0) {
        assert(n <= text.len / 4 * 3 + 2);
        assert(str_eq((str){bytes, n}, (str){in_place, n}));
        check_round_trip((str){bytes, n});
    }
    free(bytes);
    free(in_place);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const str in = {(const char *)data, size};

    check_utf8(in);
    check_round_trip(in);
    check_decode(in);
    return 0;
}
