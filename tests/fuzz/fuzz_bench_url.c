#include "base/mem.h"
#include "bench/url.h"

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer names it
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const str scheme = {"http://", 7};

static void check_port(const struct url *url)
{
    uint64_t port = 0;

    assert(strlen(url->port) < URL_PORT_SIZE);
    const int r = str_to_u64((str){url->port, strlen(url->port)}, UINT16_MAX, &port);
    assert(r == 0 && port > 0);
}

static void check_url(const struct url *url, str text)
{
    const char *path = url->authority.ptr + url->authority.len;

    assert(str_starts(text, scheme));
    assert(url->authority.ptr == text.ptr + scheme.len && url->authority.len > 0);
    assert(str_find(url->authority, '/') == url->authority.len);
    assert(str_find(url->authority, '@') == url->authority.len);
    assert(str_starts(url->path, STR("/")));
    assert(url->path.ptr == path || str_eq(url->path, STR("/socket.io/")));
    assert(strlen(url->host) > 0 && strlen(url->host) < URL_HOST_SIZE);
    for (size_t i = 0; i < text.len; i++)
        assert(text.ptr[i] > ' ' && text.ptr[i] <= '~' && text.ptr[i] != '?');
    check_port(url);
}

static char *add(char *at, str s)
{
    return at + str_copy(at, s).len;
}

/** Written again from what was read of it, it reads the same. */
static void check_again(const struct url *url)
{
    const bool is_bracketed = str_starts(url->authority, STR("["));
    char *bytes = mem_alloc(scheme.len + URL_HOST_SIZE + URL_PORT_SIZE + 3 + url->path.len);
    struct url again;
    char *at = add(add(bytes, scheme), is_bracketed ? STR("[") : STR(""));

    at = add(add(at, str_of(url->host)), is_bracketed ? STR("]:") : STR(":"));
    at = add(add(at, str_of(url->port)), url->path);
    const int r = url_parse(&again, (str){bytes, (size_t)(at - bytes)});
    assert(r == 0);
    assert(strcmp(again.host, url->host) == 0 && strcmp(again.port, url->port) == 0);
    assert(str_eq(again.path, url->path));
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const str text = {(const char *)data, size};
    struct url url;

    const int r = url_parse(&url, text);

    assert(r == 0 || r == URL_BAD || r == URL_TLS);
    assert((r == URL_TLS) == str_starts(text, STR("https://")));
    if (r == 0) {
        check_url(&url, text);
        check_again(&url);
    }
    return 0;
}
