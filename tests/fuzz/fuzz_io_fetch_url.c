#include <arpa/inet.h>
#include <netinet/in.h>
#include <strings.h>

#include "io/fetch.h"

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer names it
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** Is the log's "host:port" this machine? Of a name that was cut, no port is there. */
static bool is_here(char *host)
{
    struct in6_addr six;
    struct in_addr four;

    char *port = strrchr(host, ':');
    if (!port)
        return false;
    *port = '\0';
    if (host[0] == '[') {
        host[strlen(host) - 1] = '\0';
        return inet_pton(AF_INET6, host + 1, &six) == 1 &&
               (IN6_IS_ADDR_LOOPBACK(&six) ||
                (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == 127));
    }
    if (inet_pton(AF_INET, host, &four) == 1)
        return ntohl(four.s_addr) >> 24 == 127;
    return strcasecmp(host, "localhost") == 0;
}

/** What stands between "//" and the path. */
static str authority_of(str url)
{
    str_take(&url, str_find(url, ':') + 3);
    size_t n = str_find(url, '/');

    if (str_find(url, '?') < n)
        n = str_find(url, '?');
    return (str){url.ptr, n};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const str url = {(const char *)data, size};
    char host[FETCH_HOST_SIZE];
    const int r = fetch_check_url(url);

    fetch_host(host, url);
    assert(strlen(host) < sizeof(host));
    assert(r == 0 || r == FETCH_URL_BAD || r == FETCH_URL_PLAIN);
    if (r == FETCH_URL_BAD)
        return 0;
    const str authority = authority_of(url);
    assert(size <= FETCH_URL_MAX && strcmp(host, "?") != 0);
    assert(str_find(url, '#') == url.len && str_find(authority, '@') == authority.len);
    const bool is_plain = strncasecmp(url.ptr, "http:", 5) == 0;
    assert(is_plain || strncasecmp(url.ptr, "https:", 6) == 0);
    assert((r == FETCH_URL_PLAIN) == (is_plain && !is_here(host)));
    return 0;
}
