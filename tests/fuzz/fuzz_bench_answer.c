#include "base/mem.h"
#include "bench/answer.h"

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer names it
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** What the first n bytes say, in memory that ends with them. */
static int answer_to_cut(str whole, size_t n, size_t *used)
{
    char *bytes = mem_resize(NULL, n > 0 ? n : 1);
    struct answer a;

    str_copy(bytes, (str){whole.ptr, n});
    const int r = answer_read(&a, used, bytes, n);
    free(bytes);
    return r;
}

/** An answer other than MORE is final, and is not given before the bytes that it needs. */
static void check_cut(str whole, size_t n, int r, size_t used)
{
    size_t early_used = 0;
    const int early = answer_to_cut(whole, n, &early_used);

    assert(early == ANSWER_MORE || early == r);
    assert(early != 0 || early_used == used);
    assert(r != 0 || early == (n < used ? ANSWER_MORE : 0));
}

static void check_answer(const struct answer *a, str whole, size_t used)
{
    const size_t n_head = used - a->body_len;

    assert(used <= whole.len && a->body_len <= ANSWER_BODY_MAX);
    assert(a->body == whole.ptr + n_head);
    assert(n_head <= ANSWER_HEAD_MAX && n_head >= 4);
    assert(memcmp(a->body - 4, "\r\n\r\n", 4) == 0);
    assert(str_starts(whole, STR("HTTP/1.1 ")));
    assert(a->status >= 100 && a->status <= 999);
    assert(a->status != 101 || a->body_len == 0);
    if (a->accept.len > 0) {
        assert(a->accept.ptr > whole.ptr && a->accept.ptr + a->accept.len < a->body);
        assert(str_eq(str_trim(a->accept), a->accept));
        assert(str_find(a->accept, '\n') == a->accept.len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *bytes = mem_resize(NULL, size > 0 ? size : 1);
    const str whole = str_copy(bytes, (str){(const char *)data, size});
    struct answer a;
    size_t used = 0;

    const int r = answer_read(&a, &used, bytes, size);

    assert(r == 0 || r == ANSWER_MORE || r == ANSWER_BAD);
    if (r == 0) {
        check_answer(&a, whole, used);
        check_cut(whole, used - 1, r, used);
        check_cut(whole, used, r, used);
    }
    // Every cut of a small input, a few of a large one.
    for (size_t n = 0; n < size; n += 1 + size / 64)
        check_cut(whole, n, r, used);
    free(bytes);
    return 0;
}
