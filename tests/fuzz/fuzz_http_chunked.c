#include "base/mem.h"
#include "http/chunked.h"

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer names it
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct got {
    int r;       // the last answer
    size_t used; // bytes of the input
    size_t len;
    char *body; // owned
};

/** Feed in, at most step bytes at a time. */
static struct got decode(str in, size_t step)
{
    struct http_chunked c = {0};
    const str whole = in;
    // A body is never longer than its input: ASan watches.
    struct got got = {.r = HTTP_CHUNKED_MORE, .body = mem_alloc(in.len + 1)};

    while (got.r == HTTP_CHUNKED_MORE && in.len > 0) {
        str left = str_take(&in, in.len < step ? in.len : step);
        str piece;
        do {
            const char *end = left.ptr + left.len;
            got.r = http_chunked_next(&c, &left, &piece);
            assert(left.ptr + left.len == end);
            assert(piece.len == 0 || (got.r == 0 && piece.ptr + piece.len == left.ptr));
            str_copy(got.body + got.len, piece);
            got.len += piece.len;
        } while (got.r == 0 && piece.len > 0);
        assert(got.r != HTTP_CHUNKED_MORE || left.len == 0);
        got.used = (size_t)(left.ptr - whole.ptr);
    }
    return got;
}

/** However the bytes come, the answer and the body are the same. */
static void check_steps(str in)
{
    static const size_t steps[] = {1, 2, 3, 7, 64};

    const struct got whole = decode(in, SIZE_MAX);
    assert(whole.r >= 0 && whole.r <= HTTP_CHUNKED_BAD);
    assert(whole.len <= whole.used && whole.used <= in.len);
    assert(whole.r != 0 || memcmp(in.ptr + whole.used - 4, "\r\n\r\n", 4) == 0);

    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        const struct got got = decode(in, steps[i]);
        assert(got.r == whole.r && got.used == whole.used && got.len == whole.len);
        assert(memcmp(got.body, whole.body, got.len) == 0);
        free(got.body);
    }
    free(whole.body);
}

static char *add(char *at, str s)
{
    return at + str_copy(at, s).len;
}

/** The input as a body, cut into chunks by its own bytes: it comes out as it went in. */
static void check_round(str body)
{
    static const char digits[] = "0123456789aBcDeF";
    // Each chunk is one byte or more, and takes ten around it.
    char *wire = mem_alloc(12 * body.len + 64);
    char *at = wire;

    for (str left = body; left.len > 0;) {
        const size_t n = 1 + (uint8_t)left.ptr[0] % 32;
        const str chunk = str_take(&left, n < left.len ? n : left.len);
        *at++ = digits[chunk.len / 16];
        *at++ = digits[chunk.len % 16];
        at = add(add(add(at, STR(";a=b\r\n")), chunk), STR("\r\n"));
    }
    at = add(at, STR("0\r\nA: b\r\n\r\n"));
    const size_t end = (size_t)(at - wire);
    at = add(at, body); // as the next request would be

    const struct got got = decode((str){wire, (size_t)(at - wire)}, SIZE_MAX);
    assert(got.r == 0 && got.used == end);
    assert(str_eq((str){got.body, got.len}, body));
    free(got.body);
    free(wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const str in = {(const char *)data, size};

    check_steps(in);
    check_round(in);
    return 0;
}
