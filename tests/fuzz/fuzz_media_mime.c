#include "base/mem.h"
#include "http/url.h"
#include "media/mime.h"

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer names it
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_fits(str mime, str head)
{
    const str first = {head.ptr, head.len < MIME_SNIFF_SIZE ? head.len : MIME_SNIFF_SIZE};
    char *exact = mem_alloc(first.len + 1);

    // ASan sees the end; what is behind the first bytes does not matter.
    const bool fits = mime_fits(mime, str_copy(exact + 1, first));
    assert(fits == mime_fits(mime, head));
    free(exact);
    // What a browser shows is never HTML.
    assert(!mime_is_safe(mime) || !mime_fits(mime, STR("<html>")));
    assert(!mime_is_safe(mime) || !mime_fits(mime, STR("<!DOCTYPE html>")));
}

/** It is one line of printable ASCII, and its quotes are two. */
static void check_safe(str disposition)
{
    size_t n_quotes = 0;

    for (size_t i = 0; i < disposition.len; i++) {
        const char c = disposition.ptr[i];
        assert(c >= ' ' && c <= '~' && c != '\\');
        n_quotes += c == '"';
    }
    assert(n_quotes == 0 || n_quotes == 2);
}

/** What stands at its end is the name. */
static void check_name(str disposition, str name)
{
    char *decoded = mem_alloc(name.len + 1);
    size_t n = 0;

    while (disposition.len > 0 && str_find(disposition, '\'') < disposition.len)
        (void)str_take_until(&disposition, '\'');
    const int r = url_decode(decoded, name.len, &n, disposition, false);
    assert(r == (str_find(name, '\0') < name.len ? URL_BAD : 0));
    assert(r != 0 || str_eq((str){decoded, n}, name));
    free(decoded);
}

static void check_disposition(str name)
{
    struct buf out;

    buf_init(&out, MIME_DISPOSITION_SIZE(name.len));
    mime_disposition(&out, name.len % 2 == 0, name);
    check_safe(buf_str(&out));
    if (name.len > 0)
        check_name(buf_str(&out), name);
    buf_fini(&out);
}

/** A type; behind a line feed the bytes of a file, or its name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str text = {(const char *)data, size};
    const str mime = str_take_until(&text, '\n');

    check_fits(mime, text);
    check_disposition(text);
    return 0;
}
