#include "api/urls.h"
#include "http/url.h"

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer names it
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** What stands before the path, and what is the path. */
static str take_head(str *url)
{
    const size_t scheme = str_find(*url, ':') + STR("://").len;
    size_t n = scheme;

    while (n < url->len && url->ptr[n] != '/' && url->ptr[n] != '?')
        n++;
    const str head = str_take(url, n);
    url->len = str_find(*url, '?');
    return head;
}

/** However it is decoded, it stays where it seems to be. */
static void check_path(str path)
{
    char bytes[API_URL_MAX];
    str text = {bytes, 0};

    const int r = url_decode(bytes, sizeof(bytes), &text.len, path, false);
    assert(r == 0);
    assert(str_find(text, '\\') == text.len && str_find(text, '\n') == text.len);
    while (text.len > 0) {
        const str segment = str_take_until(&text, '/');
        assert(!str_eq(segment, STR(".")) && !str_eq(segment, STR("..")));
    }
}

static void check_allowed(str listed, str url)
{
    str listed_path = listed;
    const str listed_head = take_head(&listed_path);
    str path = url;
    const str head = take_head(&path);

    assert(url.len <= API_URL_MAX);
    assert(str_find(url, '#') == url.len && str_find(head, '@') == head.len);
    assert(str_find(listed_head, '@') == listed_head.len);
    assert(str_starts(path, listed_path) || str_eq(listed_path, STR("/")));
    check_path(path);
}

/** What is listed is allowed, and so is what is below it. */
static void check_listed(const struct api_urls *u, str listed)
{
    char longer[API_URL_MAX + 2];

    assert(api_urls_allow(u, listed));
    size_t n = str_copy(longer, listed).len;
    n += str_copy(longer + n, STR("/a")).len;
    assert(api_urls_allow(u, (str){longer, n}) == (n <= API_URL_MAX));
    n = listed.len + str_copy(longer + listed.len, STR("#")).len;
    assert(!api_urls_allow(u, (str){longer, n}));
}

/** One of a list, and behind a line feed a URL. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str url = {(const char *)data, size};
    const str listed = str_take_until(&url, '\n');
    struct api_urls u = {0};

    const int r = api_urls_add(&u, listed);
    assert(r == 0 || r == API_URLS_BAD);
    assert(u.n == (r == 0));
    if (r == 0)
        check_listed(&u, listed);
    if (api_urls_allow(&u, url))
        check_allowed(listed, url);
    return 0;
}
