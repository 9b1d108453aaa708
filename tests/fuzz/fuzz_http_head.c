#include "base/mem.h"
#include "http/byte.h"
#include "http/head.h"

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer names it
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_made_of(str s, bool (*is)(uint8_t c))
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is((uint8_t)s.ptr[i]))
            return false;
    }
    return true;
}

static bool is_inside(str s, str whole)
{
    return s.ptr >= whole.ptr && s.ptr + s.len <= whole.ptr + whole.len;
}

static void check_fields(const struct http_head *h, str whole)
{
    for (size_t i = 0; i < h->n_headers; i++) {
        const struct http_header *field = &h->headers[i];
        assert(is_inside(field->name, whole) && is_inside(field->value, whole));
        assert(field->name.len > 0 && is_made_of(field->name, http_byte_is_token));
        assert(is_made_of(field->value, http_byte_is_field));
        assert(str_eq(str_trim(field->value), field->value));
        assert(http_head_get(h, field->name).ptr);
    }
}

static void check_head(const struct http_head *h, str whole)
{
    assert(whole.len <= HTTP_HEAD_MAX);
    assert(whole.len >= 4 && memcmp(whole.ptr + whole.len - 4, "\r\n\r\n", 4) == 0);
    assert(h->n_headers <= HTTP_HEADERS_MAX);
    check_fields(h, whole);

    assert(is_inside(h->path, whole) && is_inside(h->query, whole));
    assert(str_starts(h->path, STR("/")) || str_eq(h->path, STR("*")));
    assert(str_find(h->path, '?') == h->path.len);
    assert(h->minor_version <= 1);

    // One way to frame the body, and the fields say the same as the flags.
    assert(!(h->is_chunked && h->has_length));
    assert(h->has_length || h->content_length == 0);
    assert(h->has_length == (http_head_get(h, STR("content-length")).ptr != NULL));
    assert(h->is_chunked == (http_head_get(h, STR("transfer-encoding")).ptr != NULL));
    assert(h->minor_version == 1 || !(h->is_chunked || h->is_upgrade || h->expects_continue));
    assert(h->minor_version == 0 || http_head_get(h, STR("host")).ptr);
}

static char *add(char *at, str s)
{
    return at + str_copy(at, s).len;
}

/** Written again from what was read of it, a head reads the same. */
static void check_again(const struct http_head *h)
{
    static char bytes[HTTP_HEAD_MAX + 64]; // "OPTIONS" may be longer than what was there
    static struct http_head again;
    char *at = add(bytes, str_eq(h->path, STR("*")) ? STR("OPTIONS ") : STR("X "));

    at = add(at, h->path);
    if (h->query.len > 0)
        at = add(add(at, STR("?")), h->query);
    at = add(at, h->minor_version == 1 ? STR(" HTTP/1.1\r\n") : STR(" HTTP/1.0\r\n"));
    for (size_t i = 0; i < h->n_headers; i++) {
        at = add(add(at, h->headers[i].name), STR(":"));
        at = add(add(at, h->headers[i].value), STR("\r\n"));
    }
    at = add(at, STR("\r\n"));

    str in = {bytes, (size_t)(at - bytes)};
    if (in.len > HTTP_HEAD_MAX)
        return;
    const int r = http_head_parse(&again, &in);
    assert(r == 0 && in.len == 0);
    assert(str_eq(again.path, h->path) && str_eq(again.query, h->query));
    assert(again.keep_alive == h->keep_alive && again.is_upgrade == h->is_upgrade);
    assert(again.is_chunked == h->is_chunked && again.content_length == h->content_length);
    assert(again.n_headers == h->n_headers);
}

/** An answer other than MORE is final, and is not given before the bytes that it needs. */
static void check_cut(str whole, size_t cut, int r, size_t used)
{
    static struct http_head h;
    char *exact = mem_alloc(cut + 1); // so that ASan sees its end
    str in = str_copy(exact + 1, (str){whole.ptr, cut});

    const int early = http_head_parse(&h, &in);

    assert(early == HTTP_HEAD_MORE || early == r);
    assert(early != 0 || cut - in.len == used);
    assert(r != 0 || early == (cut < used ? HTTP_HEAD_MORE : 0));
    free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_head h;
    const str whole = {(const char *)data, size};
    str in = whole;

    const int r = http_head_parse(&h, &in);

    const size_t used = size - in.len;
    assert(r >= 0 && r <= HTTP_HEAD_EXPECTATION);
    assert(r == 0 || used == 0);
    assert(r != HTTP_HEAD_MORE || size < HTTP_HEAD_MAX);
    if (r == 0) {
        check_head(&h, (str){whole.ptr, used});
        check_again(&h);
    }
    // Every cut of a small input, a few of a large one.
    for (size_t cut = 0; cut < size; cut += 1 + size / 64)
        check_cut(whole, cut, r, used);
    if (r == 0)
        check_cut(whole, used - 1, r, used);
    return 0;
}
