#include "base/mem.h"
#include "http/origin.h"

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer names it
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static str upper(char *out, str s)
{
    for (size_t i = 0; i < s.len; i++) {
        out[i] = s.ptr[i];
        if (s.ptr[i] >= 'a' && s.ptr[i] <= 'z')
            out[i] = (char)(s.ptr[i] - 'a' + 'A');
    }
    return (str){out, s.len};
}

static bool has_capital(str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] >= 'A' && s.ptr[i] <= 'Z')
            return true;
    }
    return false;
}

/** What is listed is let in, and nothing that only begins or ends so. */
static void check_listed(str origin)
{
    char *longer = mem_alloc(origin.len + 5);
    struct http_origins o = {0};

    const int r = http_origins_add(&o, upper(longer, origin));
    assert(r == 0 || r == HTTP_ORIGIN_BAD);
    if (r == 0 && !o.any) {
        assert(o.n == 1 && o.list[0].host.len > 0 && o.list[0].port <= UINT16_MAX);
        assert(http_origins_allow(&o, origin, STR("c")) == !has_capital(origin));
        const size_t n = str_copy(longer, origin).len;
        str_copy(longer + n, STR(".evil"));
        o = (struct http_origins){0};
        const int again = http_origins_add(&o, origin);
        assert(again == 0);
        assert(!http_origins_allow(&o, (str){longer, n + 5}, STR("c")));
    }
    free(longer);
}

/** A name of this machine is none once there is more behind it. */
static void check_host(str host)
{
    char *longer = mem_alloc(host.len + 5);
    const size_t n = str_copy(longer, host).len;

    str_copy(longer + n, STR(".evil"));
    assert(!http_host_is_loopback((str){longer, n + 5}));
    if (http_host_is_loopback(host))
        assert(str_find(host, '/') == host.len && str_find(host, '@') == host.len);
    free(longer);
}

/** An origin, and behind a line feed a host. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str host = {(const char *)data, size};
    const str origin = str_take_until(&host, '\n');
    const struct http_origins none = {0};
    const struct http_origins any = {.any = true};
    const struct http_origins own = {.own = true};
    const struct http_origins loopback = {.loopback = true};

    check_listed(origin);
    check_host(host);
    assert(!http_origins_allow(&none, origin, host));
    assert(http_origins_allow(&any, origin, host));
    if (http_origins_allow(&own, origin, host))
        assert(host.len > 0);
    if (http_origins_allow(&loopback, origin, host))
        assert(str_eq_nocase((str){origin.ptr, 4}, STR("http")));
    return 0;
}
