#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "io/fetch.h"
#include "support/exact.h"
#include "support/t.h"

#define BAD   FETCH_URL_BAD
#define PLAIN FETCH_URL_PLAIN

static const struct row {
    const char *name;
    str url;
    int r;
    const char *host; // as the log has it
} rows[] = {
    {"https", STR("https://rpc.example/v1/key"), 0, "rpc.example:443"},
    {"nothing behind the host", STR("https://rpc.example"), 0, "rpc.example:443"},
    {"a port", STR("https://rpc.example:8545/"), 0, "rpc.example:8545"},
    {"the last port", STR("https://rpc.example:65535/"), 0, "rpc.example:65535"},
    {"an empty port", STR("https://rpc.example:/"), 0, "rpc.example:443"},
    {"a query", STR("https://rpc.example/?key=secret"), 0, "rpc.example:443"},
    {"a query right behind the host", STR("https://rpc.example?key"), 0, "rpc.example:443"},
    {"an @ in the path", STR("https://rpc.example/@key"), 0, "rpc.example:443"},
    {"upper case", STR("HTTPS://RPC.EXAMPLE/"), 0, "RPC.EXAMPLE:443"},
    {"IPv4", STR("https://192.0.2.1/"), 0, "192.0.2.1:443"},
    {"IPv6", STR("https://[2001:db8::1]:8545/"), 0, "[2001:db8::1]:8545"},

    {"this machine", STR("http://127.0.0.1:8545/"), 0, "127.0.0.1:8545"},
    {"another of its addresses", STR("http://127.255.0.9/"), 0, "127.255.0.9:80"},
    {"this machine by name", STR("http://localhost:8545"), 0, "localhost:8545"},
    {"in upper case", STR("HTTP://LocalHost"), 0, "LocalHost:80"},
    {"its name, encoded", STR("http://%6cocalhost/"), 0, "localhost:80"},
    {"this machine in IPv6", STR("http://[::1]:8545/"), 0, "[::1]:8545"},
    {"in full", STR("http://[0:0:0:0:0:0:0:1]/"), 0, "[::1]:80"},
    {"mapped", STR("http://[::ffff:127.0.0.1]/"), 0, "[::ffff:127.0.0.1]:80"},
    {"short", STR("http://127.1/"), 0, "127.0.0.1:80"},
    {"hexadecimal", STR("http://0x7f000001/"), 0, "127.0.0.1:80"},
    {"decimal", STR("http://2130706433/"), 0, "127.0.0.1:80"},
    {"octal", STR("http://0177.0.0.1/"), 0, "127.0.0.1:80"},
    {"https to this machine", STR("https://localhost/"), 0, "localhost:443"},

    {"http to another", STR("http://rpc.example/"), PLAIN, "rpc.example:80"},
    {"a name that begins so", STR("http://localhost.evil.example/"), PLAIN,
     "localhost.evil.example:80"},
    {"a name that ends so", STR("http://evil.localhost/"), PLAIN, "evil.localhost:80"},
    {"a dot behind it", STR("http://localhost./"), PLAIN, "localhost.:80"},
    {"an address and a name", STR("http://127.0.0.1.nip.io/"), PLAIN, "127.0.0.1.nip.io:80"},
    {"the same, encoded", STR("http://127.0.0.1%2enip.io/"), PLAIN, "127.0.0.1.nip.io:80"},
    {"a dot behind the address", STR("http://127.0.0.1./"), PLAIN, "127.0.0.1.:80"},
    {"no address", STR("http://127.256.0.1/"), PLAIN, "127.256.0.1:80"},
    {"any address", STR("http://0.0.0.0/"), PLAIN, "0.0.0.0:80"},
    {"nought", STR("http://0/"), PLAIN, "0.0.0.0:80"},
    {"just below", STR("http://126.255.255.255/"), PLAIN, "126.255.255.255:80"},
    {"just above", STR("http://128.0.0.1/"), PLAIN, "128.0.0.1:80"},
    {"a private network", STR("http://10.0.0.1/"), PLAIN, "10.0.0.1:80"},
    {"any in IPv6", STR("http://[::]/"), PLAIN, "[::]:80"},
    {"another in IPv6", STR("http://[::2]/"), PLAIN, "[::2]:80"},
    {"another one mapped", STR("http://[::ffff:10.0.0.1]/"), PLAIN, "[::ffff:10.0.0.1]:80"},

    {"a user and a password", STR("https://user:pw@rpc.example/"), BAD, "rpc.example:443"},
    {"a user", STR("https://user@rpc.example/"), BAD, "rpc.example:443"},
    {"an empty user", STR("https://@rpc.example/"), BAD, "rpc.example:443"},
    {"an empty password", STR("https://:@rpc.example/"), BAD, "rpc.example:443"},
    {"a user that looks like a host", STR("http://localhost:80@evil.example/"), BAD,
     "evil.example:80"},
    {"and one behind a backslash", STR("https://rpc.example\\@evil.example/"), BAD,
     "evil.example:443"},
    {"a fragment", STR("https://rpc.example/#x"), BAD, "?"},
    {"an empty fragment", STR("https://rpc.example/#"), BAD, "?"},
    {"a zone", STR("https://[fe80::1%25eth0]/"), BAD, "[fe80::1]:443"},
    {"a zone of this machine", STR("http://[::1%25lo]/"), BAD, "[::1]:80"},
    {"port nought", STR("https://rpc.example:0/"), BAD, "rpc.example:0"},
    {"a port too large", STR("https://rpc.example:65536/"), BAD, "?"},
    {"a port that is none", STR("https://rpc.example:key/"), BAD, "?"},
    {"a negative port", STR("https://rpc.example:-1/"), BAD, "?"},
    {"two ports", STR("https://rpc.example:80:90/"), BAD, "?"},
    {"another scheme", STR("ftp://rpc.example/"), BAD, "rpc.example:21"},
    {"a file", STR("file:///etc/passwd"), BAD, "?"},
    {"a WebSocket", STR("wss://rpc.example/"), BAD, "?"},
    {"a scheme that is cut", STR("http"), BAD, "?"},
    {"no scheme", STR("rpc.example/key"), BAD, "?"},
    {"no scheme, and a port", STR("rpc.example:443/key"), BAD, "?"},
    {"slashes alone", STR("//rpc.example/key"), BAD, "?"},
    {"no slash", STR("https:rpc.example/key"), BAD, "?"},
    {"one slash", STR("https:/rpc.example/key"), BAD, "?"},
    {"three slashes", STR("https:///rpc.example/key"), BAD, "?"},
    {"no host", STR("https://"), BAD, "?"},
    {"a port alone", STR("https://:443/"), BAD, "?"},
    {"a query alone", STR("https://?key"), BAD, "?"},
    {"empty", STR(""), BAD, "?"},
    {"a colon", STR(":"), BAD, "?"},
    {"a bracket open", STR("https://[::1"), BAD, "?"},
    {"empty brackets", STR("https://[]/"), BAD, "?"},
    {"more behind the bracket", STR("http://[::1]evil.example/"), BAD, "?"},
    {"a space before", STR(" https://rpc.example/"), BAD, "?"},
    {"a space behind", STR("https://rpc.example/ "), BAD, "?"},
    {"a space in the host", STR("https://rpc. example/"), BAD, "?"},
    {"a line feed", STR("https://rpc.example/\nx"), BAD, "?"},
    {"a head", STR("https://rpc.example/ HTTP/1.1\r\nX: y"), BAD, "?"},
    {"a tab", STR("https://rpc\t.example/"), BAD, "?"},
    {"a control byte", STR("https://rpc.example/\x01"), BAD, "?"},
    {"a delete", STR("https://rpc.example/\x7f"), BAD, "?"},
    {"not ASCII", STR("https://rpc.ex\xc3\xa4mple/"), BAD, "?"},
    {"dots that are not ASCII",
     STR("http://127\xe3\x80\x82"
         "0\xe3\x80\x82"
         "0\xe3\x80\x82"
         "1/"),
     BAD, "?"},
    {"a NUL in the middle", STR("http://localhost\0.evil.example/"), BAD, "?"},
    {"a NUL behind", STR("https://rpc.example/\0"), BAD, "?"},
    {"an encoded NUL", STR("http://localhost%00.evil.example/"), BAD, "?"},
    {"an encoded slash", STR("http://localhost%2f.evil.example/"), BAD, "?"},
    {"a backslash", STR("http://localhost\\.evil.example/"), BAD, "?"},
};

static void knows_what_can_be_asked_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(exact_freep) char *copy = exact_copy(rows[i].url);
        expect_int(rows[i].name, fetch_check_url((str){copy, rows[i].url.len}), rows[i].r);
    }
}

static void tells_the_log_the_host_and_no_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(exact_freep) char *copy = exact_copy(rows[i].url);
        char *out = mem_resize(NULL, FETCH_HOST_SIZE);
        fetch_host(out, (str){copy, rows[i].url.len});
        expect_str(rows[i].name, str_of(out), str_of(rows[i].host));
        free(out);
    }
}

/** One whose path makes it so long. @return owned; free() */
static char *url_of(size_t len)
{
    static const str front = STR("https://rpc.example/");
    char *url = mem_resize(NULL, len);

    memset(url, 'p', len);
    str_copy(url, front);
    return url;
}

static void has_a_largest_length(void **state)
{
    char *longest = url_of(FETCH_URL_MAX);
    char *one_more = url_of(FETCH_URL_MAX + 1);
    char host[FETCH_HOST_SIZE];

    (void)state;
    assert_int_equal(fetch_check_url((str){longest, FETCH_URL_MAX}), 0);
    assert_int_equal(fetch_check_url((str){one_more, FETCH_URL_MAX + 1}), FETCH_URL_BAD);
    fetch_host(host, (str){longest, FETCH_URL_MAX});
    assert_string_equal(host, "rpc.example:443");
    fetch_host(host, (str){one_more, FETCH_URL_MAX + 1});
    assert_string_equal(host, "?");
    free(longest);
    free(one_more);
}

static void cuts_a_host_that_the_log_has_no_room_for(void **state)
{
    char *url = url_of(1000);
    char host[FETCH_HOST_SIZE];

    (void)state;
    url[strlen("https://rpc.example")] = 'p';
    fetch_host(host, (str){url, 1000});
    assert_int_equal(strlen(host), FETCH_HOST_SIZE - 1);
    assert_true(str_starts(str_of(host), STR("rpc.examplepppp")));
    free(url);
}

/** Does the log's host say that it is this machine? */
static bool is_here(const char *host)
{
    static const char *const fronts[] = {"localhost:", "LocalHost:", "127.",
                                         "[::1]:", "[::ffff:127."};

    for (size_t i = 0; i < COUNT_OF(fronts); i++) {
        if (str_starts(str_of(host), str_of(fronts[i])))
            return true;
    }
    return false;
}

static void is_safe_cut_at_every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const bool is_plain = str_starts(rows[i].url, STR("http:"));
        for (size_t n = 0; n < rows[i].url.len; n++) {
            CLEANUP(exact_freep) char *copy = exact_copy((str){rows[i].url.ptr, n});
            char host[FETCH_HOST_SIZE];
            const int r = fetch_check_url((str){copy, n});
            fetch_host(host, (str){copy, n});
            if (r == BAD)
                continue;
            assert_string_not_equal(host, "?");
            if (is_plain && r == 0 && !is_here(host))
                fail_msg("%s, cut at %zu: http to %s", rows[i].name, n, host);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_what_can_be_asked_for),
        cmocka_unit_test(tells_the_log_the_host_and_no_more),
        cmocka_unit_test(has_a_largest_length),
        cmocka_unit_test(cuts_a_host_that_the_log_has_no_room_for),
        cmocka_unit_test(is_safe_cut_at_every_byte),
    };
    return cmocka_run_group_tests_name("io/fetch_url", tests, NULL, NULL);
}
