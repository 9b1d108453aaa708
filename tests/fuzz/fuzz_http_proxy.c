#include "base/mem.h"
#include "http/proxy.h"

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer names it
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_equal(const ip *a, const ip *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static void trust(struct http_proxies *p, str list)
{
    while (list.len > 0 && p->n < HTTP_PROXIES_MAX) {
        const size_t n = p->n;
        const int r = http_proxies_add(p, str_trim(str_take_until(&list, ',')));
        assert(r == 0 || r == HTTP_PROXY_BAD);
        assert(p->n == n + (r == 0));
        assert(r != 0 || p->ranges[n].bits <= 128);
    }
}

/** Fields in a row mean the same as one with commas between them (RFC 9110, section 5.3). */
static void check_joined(const struct http_proxies *p, ip peer, const struct http_head *head,
                         const ip *want)
{
    size_t size = 1;
    for (size_t i = 0; i < head->n_headers; i++)
        size += head->headers[i].value.len + 1;
    char *all = mem_alloc(size);
    size_t n = 0;
    for (size_t i = 0; i < head->n_headers; i++) {
        n += str_copy(all + n, head->headers[i].value).len;
        all[n++] = ',';
    }
    struct http_head *one = NEW(struct http_head);
    one->n_headers = 1;
    one->headers[0] = (struct http_header){STR("x-forwarded-for"), {all, n}};
    const ip got = http_proxies_client(p, peer, one);
    assert(is_equal(&got, want));
    free(one);
    free(all);
}

/** Lines: the trusted, with commas; the peer; then one field each. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str text = {(const char *)data, size};
    struct http_proxies p = {0};
    const struct http_proxies nobody = {0};
    ip peer = {{0}};

    trust(&p, str_take_until(&text, '\n'));
    if (ip_parse(&peer, str_take_until(&text, '\n')) != 0)
        peer = (ip){{1}};
    struct http_head *head = NEW(struct http_head);
    while (text.len > 0 && head->n_headers < HTTP_HEADERS_MAX)
        head->headers[head->n_headers++] =
            (struct http_header){STR("X-Forwarded-For"), str_take_until(&text, '\n')};

    const ip client = http_proxies_client(&p, peer, head);
    check_joined(&p, peer, head, &client);
    const ip believed = http_proxies_client(&nobody, peer, head);
    assert(is_equal(&believed, &peer));
    assert(p.n > 0 || is_equal(&client, &peer));
    free(head);
    return 0;
}
