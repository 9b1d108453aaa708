#include <stdlib.h>

#include "bench/url.h"
#include "support/exact.h"
#include "support/t.h"

#define SOCKET_IO STR("/socket.io/")

struct row {
    const char *name;
    str in;
    int r;
    const char *host; // these are looked at only when r is 0
    const char *port;
    str authority;
    str path;
};

// clang-format off
static const struct row rows[] = {
    // name                   input                                r        host         port     authority              path
    {"host and port",         STR("http://localhost:8080"),        0,       "localhost", "8080",  STR("localhost:8080"), SOCKET_IO},
    {"host alone",            STR("http://localhost"),             0,       "localhost", "80",    STR("localhost"),      SOCKET_IO},
    {"a slash",               STR("http://a:1/"),                  0,       "a",         "1",     STR("a:1"),            SOCKET_IO},
    {"a path",                STR("http://a/chat/"),               0,       "a",         "80",    STR("a"),              STR("/chat/")},
    {"a colon in the path",   STR("http://a/b:c@d"),               0,       "a",         "80",    STR("a"),              STR("/b:c@d")},
    {"IPv4",                  STR("http://127.0.0.1:65535"),       0,       "127.0.0.1", "65535", STR("127.0.0.1:65535"), SOCKET_IO},
    {"IPv6",                  STR("http://[::1]:8080/x/"),         0,       "::1",       "8080",  STR("[::1]:8080"),     STR("/x/")},
    {"IPv6 without a port",   STR("http://[::1]"),                 0,       "::1",       "80",    STR("[::1]"),          SOCKET_IO},
    {"zeroes before a port",  STR("http://a:00080"),               0,       "a",         "00080", STR("a:00080"),        SOCKET_IO},
    {"https",                 STR("https://localhost:8080"),       URL_TLS, NULL,        NULL,    {0},                   {0}},
    {"https, and no more",    STR("https://"),                     URL_TLS, NULL,        NULL,    {0},                   {0}},
    {"nothing",               STR(""),                             URL_BAD, NULL,        NULL,    {0},                   {0}},
    {"no scheme",             STR("localhost:8080"),               URL_BAD, NULL,        NULL,    {0},                   {0}},
    {"another scheme",        STR("ws://localhost:8080"),          URL_BAD, NULL,        NULL,    {0},                   {0}},
    {"one slash",             STR("http:/a"),                      URL_BAD, NULL,        NULL,    {0},                   {0}},
    {"no host",               STR("http://"),                      URL_BAD, NULL,        NULL,    {0},                   {0}},
    {"no host, a path",       STR("http:///x/"),                   URL_BAD, NULL,        NULL,    {0},                   {0}},
    {"no host, a port",       STR("http://:80"),                   URL_BAD, NULL,        NULL,    {0},                   {0}},
    {"an empty port",         STR("http://a:"),                    URL_BAD, NULL,        NULL,    {0},                   {0}},
    {"port 0",                STR("http://a:0"),                   URL_BAD, NULL,        NULL,    {0},                   {0}},
    {"port too large",        STR("http://a:65536"),               URL_BAD, NULL,        NULL,    {0},                   {0}},
    {"port too long",         STR("http://a:000080"),              URL_BAD, NULL,        NULL,    {0},                   {0}},
    {"port signed",           STR("http://a:+80"),                 URL_BAD, NULL,        NULL,    {0},                   {0}},
    {"port of letters",       STR("http://a:http"),                URL_BAD, NULL,        NULL,    {0},                   {0}},
    {"two ports",             STR("http://a:1:2"),                 URL_BAD, NULL,        NULL,    {0},                   {0}},
    {"IPv6 without brackets", STR("http://::1"),                   URL_BAD, NULL,        NULL,    {0},                   {0}},
    {"no end of brackets",    STR("http://[::1"),                  URL_BAD, NULL,        NULL,    {0},                   {0}},
    {"no end before a path",  STR("http://[::1/]"),                URL_BAD, NULL,        NULL,    {0},                   {0}},
    {"empty brackets",        STR("http://[]:80"),                 URL_BAD, NULL,        NULL,    {0},                   {0}},
    {"words behind brackets", STR("http://[::1]80"),               URL_BAD, NULL,        NULL,    {0},                   {0}},
    {"a user",                STR("http://me@a:80"),               URL_BAD, NULL,        NULL,    {0},                   {0}},
    {"a user and a password", STR("http://me:it@a"),               URL_BAD, NULL,        NULL,    {0},                   {0}},
    {"a query",               STR("http://a/?x=1"),                URL_BAD, NULL,        NULL,    {0},                   {0}},
    {"a query at once",       STR("http://a?x=1"),                 URL_BAD, NULL,        NULL,    {0},                   {0}},
    {"a fragment",            STR("http://a/#x"),                  URL_BAD, NULL,        NULL,    {0},                   {0}},
    {"a fragment at once",    STR("http://a#x"),                   URL_BAD, NULL,        NULL,    {0},                   {0}},
    {"a space",               STR("http://a /"),                   URL_BAD, NULL,        NULL,    {0},                   {0}},
    {"a line",                STR("http://a/\r\nX: y"),            URL_BAD, NULL,        NULL,    {0},                   {0}},
    {"a NUL",                 STR("http://a\0b"),                  URL_BAD, NULL,        NULL,    {0},                   {0}},
    {"DEL",                   STR("http://a\x7f"),                 URL_BAD, NULL,        NULL,    {0},                   {0}},
    {"not ASCII",             STR("http://\xc3\xa9"),              URL_BAD, NULL,        NULL,    {0},                   {0}},
};
// clang-format on

static void parses_each_row(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        struct url url;
        char *text = exact_copy(row->in);

        expect_int(row->name, url_parse(&url, (str){text, row->in.len}), row->r);
        if (row->r == 0) {
            expect_str(row->name, str_of(url.host), str_of(row->host));
            expect_str(row->name, str_of(url.port), str_of(row->port));
            expect_str(row->name, url.authority, row->authority);
            expect_str(row->name, url.path, row->path);
        }
        free(text);
    }
}

/** It may be a URL, too, but never another than what is there. */
static void a_cut_is_read_as_it_stands(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        for (size_t n = 0; n < row->in.len; n++) {
            struct url url;
            char *text = exact_copy((str){row->in.ptr, n});

            const int r = url_parse(&url, (str){text, n});
            if (n <= strlen("http://"))
                expect_int(row->name, r, URL_BAD);
            if (r == 0) {
                expect_int(row->name, url.authority.ptr - text, strlen("http://"));
                expect_int(row->name, url.authority.len <= n - strlen("http://"), true);
            }
            free(text);
        }
    }
}

static int answer_to_host(size_t n)
{
    static const str scheme = STR("http://");
    struct url url;
    char *text = mem_alloc(scheme.len + n);

    str_copy(text, scheme);
    memset(text + scheme.len, 'a', n);
    const int r = url_parse(&url, (str){text, scheme.len + n});
    if (r == 0)
        assert_int_equal(strlen(url.host), n);
    free(text);
    return r;
}

static void takes_the_longest_host_and_not_one_byte_more(void **state)
{
    (void)state;
    assert_int_equal(answer_to_host(1), 0);
    assert_int_equal(answer_to_host(URL_HOST_SIZE - 1), 0);
    assert_int_equal(answer_to_host(URL_HOST_SIZE), URL_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_each_row),
        cmocka_unit_test(a_cut_is_read_as_it_stands),
        cmocka_unit_test(takes_the_longest_host_and_not_one_byte_more),
    };
    return cmocka_run_group_tests_name("bench/url", tests, NULL, NULL);
}
