#include "base/mem.h"
#include "http/url.h"

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer names it
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *add(char *at, str s)
{
    return at + str_copy(at, s).len;
}

static char *add_encoded(char *at, str s)
{
    static const char digits[] = "0123456789abcDEF";

    for (size_t i = 0; i < s.len; i++) {
        *at++ = '%';
        *at++ = digits[(uint8_t)s.ptr[i] >> 4];
        *at++ = digits[(uint8_t)s.ptr[i] & 15];
    }
    return at;
}

/** Decoding s into size bytes says r, and want if that is 0. */
static void check_decoded(str s, size_t size, bool in_query, int r, str want)
{
    char *out = mem_alloc(size + 1);
    size_t n = 0;

    const int got = url_decode(out + 1, size, &n, s, in_query); // ASan sees the end
    assert(got == r);
    assert(got != 0 || str_eq((str){out + 1, n}, want));
    free(out);
}

static void check_decode(str s, bool in_query)
{
    char *bytes = mem_alloc(s.len + 1);
    size_t n = 0;

    const int r = url_decode(bytes, s.len, &n, str_copy(bytes, s), in_query); // in place
    const str decoded = {bytes, n};
    assert(r == 0 || r == URL_BAD); // no text gets longer
    assert(n <= s.len && str_find(decoded, '\0') == n);
    check_decoded(s, s.len, in_query, r, decoded);
    if (r == 0)
        check_decoded(s, n, in_query, 0, decoded);
    if (r == 0 && n > 0)
        check_decoded(s, n - 1, in_query, URL_TOO_LONG, decoded);
    free(bytes);
}

/** What was encoded is what is decoded, whatever the bytes; but NUL. */
static void check_round(str s)
{
    char *bytes = mem_alloc(3 * s.len + 1);
    const str encoded = {bytes, (size_t)(add_encoded(bytes, s) - bytes)};
    const int r = str_find(s, '\0') < s.len ? URL_BAD : 0;

    check_decoded(encoded, s.len, false, r, s);
    check_decoded(encoded, s.len, true, r, s);
    free(bytes);
}

/** Looking key up in query says r, and want if that is 0. */
static void check_found(str query, str key, int r, str want)
{
    char *out = mem_alloc(query.len + 1);
    str value = {0};

    const int got = url_query_get(query, key, out, query.len, &value);
    assert(got == r);
    assert(got != 0 || str_eq(value, want));
    free(out);
}

static void check_query(str query, str key)
{
    char *out = mem_alloc(query.len + 1);
    char *longer = mem_alloc(query.len + 6 * key.len + 64);
    str value = {0};

    const int r = url_query_get(query, key, out, query.len, &value);
    assert(r == 0 || r == URL_NOT_FOUND || r == URL_BAD);
    assert(r != 0 || (value.ptr == out && value.len <= query.len));

    // What has another key changes nothing, before or behind, broken or not.
    char *at = add(add(longer, STR("%=1&&%\x01=2&")), query);
    at = add(add_encoded(add(at, STR("&")), key), STR("%01=3&%zz"));
    check_found((str){longer, (size_t)(at - longer)}, key, r, value);

    // The last wins, its key in any encoding; but no key has a NUL.
    at = add(add_encoded(add(at, STR("&")), key), STR("=l%61st"));
    const int r_last = str_find(key, '\0') < key.len ? URL_NOT_FOUND : 0;
    check_found((str){longer, (size_t)(at - longer)}, key, r_last, STR("last"));

    free(longer);
    free(out);
}

/** A text, a query, or a key and a query with a line feed between them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const str text = {(const char *)data, size};
    str query = text;

    check_decode(text, false);
    check_decode(text, true);
    check_round(text);
    check_query(text, STR("sid"));
    const str key = str_take_until(&query, '\n');
    check_query(query, key);
    return 0;
}
