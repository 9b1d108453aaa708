#include <stdio.h>

#include "http/origin.h"
#include "support/exact.h"
#include "support/t.h"

// clang-format off
static const struct {
    const char *name;
    str in;
    bool is_any;
    int r;
} adds[] = {
    {"any",                STR("*"),                         true,  0},
    {"http",               STR("http://a.test"),             false, 0},
    {"https with a port",  STR("https://a.test:8443"),       false, 0},
    {"capitals",           STR("HTTPS://A.Test"),            false, 0},
    {"IPv4",               STR("http://10.0.0.1:80"),        false, 0},
    {"IPv6",               STR("http://[::1]:80"),           false, 0},
    {"an app's",           STR("capacitor://localhost"),     false, 0},
    {"an extension's",     STR("chrome-extension://abcdef"), false, 0},
    {"highest port",       STR("http://a:65535"),            false, 0},

    {"nothing",            STR(""),                          false, HTTP_ORIGIN_BAD},
    {"null",               STR("null"),                      false, HTTP_ORIGIN_BAD},
    {"no scheme",          STR("a.test"),                    false, HTTP_ORIGIN_BAD},
    {"no scheme, a port",  STR("a.test:80"),                 false, HTTP_ORIGIN_BAD},
    {"an empty scheme",    STR("://a.test"),                 false, HTTP_ORIGIN_BAD},
    {"a scheme of digits", STR("1://a.test"),                false, HTTP_ORIGIN_BAD},
    {"one slash",          STR("http:/a.test"),              false, HTTP_ORIGIN_BAD},
    {"no host",            STR("http://"),                   false, HTTP_ORIGIN_BAD},
    {"no host, a port",    STR("http://:80"),                false, HTTP_ORIGIN_BAD},
    {"a slash behind",     STR("http://a.test/"),            false, HTTP_ORIGIN_BAD},
    {"a path",             STR("http://a.test/x"),           false, HTTP_ORIGIN_BAD},
    {"a query",            STR("http://a.test?x"),           false, HTTP_ORIGIN_BAD},
    {"a user",             STR("http://u@a.test"),           false, HTTP_ORIGIN_BAD},
    {"a wildcard",         STR("http://*.a.test"),           false, HTTP_ORIGIN_BAD},
    {"an empty port",      STR("http://a.test:"),            false, HTTP_ORIGIN_BAD},
    {"port zero",          STR("http://a.test:0"),           false, HTTP_ORIGIN_BAD},
    {"one port above",     STR("http://a.test:65536"),       false, HTTP_ORIGIN_BAD},
    {"two ports",          STR("http://a.test:80:80"),       false, HTTP_ORIGIN_BAD},
    {"no brackets",        STR("http://::1"),                false, HTTP_ORIGIN_BAD},
    {"a bracket open",     STR("http://[::1"),               false, HTTP_ORIGIN_BAD},
    {"IPv4 in brackets",   STR("http://[10.0.0.1]"),         false, HTTP_ORIGIN_BAD},
    {"a name in brackets", STR("http://[a.test]"),           false, HTTP_ORIGIN_BAD},
    {"more behind them",   STR("http://[::1]x"),             false, HTTP_ORIGIN_BAD},
    {"a blank",            STR("http://a.test "),            false, HTTP_ORIGIN_BAD},
    {"two",                STR("http://a.test http://b.test"), false, HTTP_ORIGIN_BAD},
    {"no ASCII",           STR("http://\xc3\xa4.test"),      false, HTTP_ORIGIN_BAD},
    {"a NUL",              STR("http://a\0.test"),           false, HTTP_ORIGIN_BAD},
};

enum { LIST = 1, OWN = 2, LOOPBACK = 4, ANY = 8 };

/** The list: http://a.test, https://Shop.Test:443, http://b.test:8080, app://x. */
static const struct {
    const char *name;
    unsigned policy;
    str origin;
    str host;
    bool want;
} allows[] = {
    {"listed",                  LIST, STR("http://a.test"),            STR("c.test"), true},
    {"its default port",        LIST, STR("http://a.test:80"),         STR("c.test"), true},
    {"another port",            LIST, STR("http://a.test:81"),         STR("c.test"), false},
    {"another scheme",          LIST, STR("https://a.test"),           STR("c.test"), false},
    {"listed in another case",  LIST, STR("https://shop.test"),        STR("c.test"), true},
    {"with the port listed",    LIST, STR("https://shop.test:443"),    STR("c.test"), true},
    {"https's port on http",    LIST, STR("http://shop.test:443"),     STR("c.test"), false},
    {"listed with its port",    LIST, STR("http://b.test:8080"),       STR("c.test"), true},
    {"without its port",        LIST, STR("http://b.test"),            STR("c.test"), false},
    {"an app's",                LIST, STR("app://x"),                  STR("c.test"), true},
    {"no browser writes so",    LIST, STR("http://A.test"),            STR("c.test"), false},
    {"it begins so",            LIST, STR("http://a.test.evil"),       STR("c.test"), false},
    {"it ends so",              LIST, STR("http://evil-a.test"),       STR("c.test"), false},
    {"a name below",            LIST, STR("http://x.a.test"),          STR("c.test"), false},
    {"a dot behind",            LIST, STR("http://a.test."),           STR("c.test"), false},
    {"a path",                  LIST, STR("http://a.test/"),           STR("c.test"), false},
    {"a user",                  LIST, STR("http://a.test@evil"),       STR("c.test"), false},
    {"a NUL behind",            LIST, STR("http://a.test\0.evil"),     STR("c.test"), false},
    {"null",                    LIST, STR("null"),                     STR("c.test"), false},
    {"nothing",                 LIST, STR(""),                         STR("c.test"), false},
    {"a star",                  LIST, STR("*"),                        STR("c.test"), false},
    {"our own is not listed",   LIST, STR("http://c.test"),            STR("c.test"), false},
    {"loopback is not listed",  LIST, STR("http://localhost"),         STR("c.test"), false},

    {"no policy",               0,    STR("http://a.test"),            STR("a.test"), false},
    {"our own",                 OWN,  STR("http://c.test"),            STR("c.test"), true},
    {"our own behind TLS",      OWN,  STR("https://c.test"),           STR("c.test"), true},
    {"in another case",         OWN,  STR("http://C.Test"),            STR("c.tesT"), true},
    {"with a port",             OWN,  STR("http://c.test:8080"),       STR("c.test:8080"), true},
    {"default port, unsaid",    OWN,  STR("https://c.test"),           STR("c.test:443"), true},
    {"default port, said",      OWN,  STR("http://c.test:80"),         STR("c.test"), true},
    {"our host, another port",  OWN,  STR("http://c.test:81"),         STR("c.test"), false},
    {"https, http's port",      OWN,  STR("https://c.test"),           STR("c.test:80"), false},
    {"IPv6",                    OWN,  STR("http://[::1]:80"),          STR("[::1]"), true},
    {"no host",                 OWN,  STR("http://c.test"),            STR(""), false},
    {"a host that is none",     OWN,  STR("http://c.test"),            STR("c.test:x"), false},
    {"an app's of our name",    OWN,  STR("app://c.test"),             STR("c.test"), false},
    {"another's",               OWN,  STR("http://a.test"),            STR("c.test"), false},
    {"longer than ours",        OWN,  STR("http://c.test.evil"),       STR("c.test"), false},

    {"localhost",               LOOPBACK, STR("http://localhost:5173"),   STR("c.test"), true},
    {"localhost, https",        LOOPBACK, STR("https://localhost"),       STR("c.test"), true},
    {"capital",                 LOOPBACK, STR("http://LocalHost"),        STR("c.test"), true},
    {"127.0.0.1",               LOOPBACK, STR("http://127.0.0.1:3000"),   STR("c.test"), true},
    {"the last of them",        LOOPBACK, STR("http://127.255.255.255"),  STR("c.test"), true},
    {"::1",                     LOOPBACK, STR("http://[::1]:3000"),       STR("c.test"), true},
    {"::1 in full",             LOOPBACK, STR("http://[0:0:0:0:0:0:0:1]"), STR("c.test"), true},
    {"one above",               LOOPBACK, STR("http://128.0.0.1"),        STR("c.test"), false},
    {"any address",             LOOPBACK, STR("http://0.0.0.0"),          STR("c.test"), false},
    {"a name that begins so",   LOOPBACK, STR("http://127.0.0.1.evil"),   STR("c.test"), false},
    {"localhost of another",    LOOPBACK, STR("http://localhost.evil"),   STR("c.test"), false},
    {"below it",                LOOPBACK, STR("http://evil.localhost"),   STR("c.test"), false},
    {"an app's localhost",      LOOPBACK, STR("app://localhost"),         STR("c.test"), false},
    {"null",                    LOOPBACK, STR("null"),                    STR("c.test"), false},

    {"any",                     ANY, STR("http://whoever"),               STR("c.test"), true},
    {"any, null",               ANY, STR("null"),                         STR("c.test"), true},
    {"one of several",          LIST | OWN | LOOPBACK, STR("http://c.test"), STR("c.test"), true},
    {"none of several",         LIST | OWN | LOOPBACK, STR("http://d.test"), STR("c.test"), false},
};
// clang-format on

static void takes_what_is_an_origin(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(adds); i++) {
        CLEANUP(exact_freep) char *in = exact_copy(adds[i].in);
        struct http_origins o = {0};

        expect_int(adds[i].name, http_origins_add(&o, (str){in, adds[i].in.len}), adds[i].r);
        expect_int(adds[i].name, o.any, adds[i].is_any);
        expect_int(adds[i].name, o.n, adds[i].r == 0 && !adds[i].is_any);
    }
}

static struct http_origins policy_of(unsigned policy)
{
    static const str list[] = {STR("http://a.test"), STR("https://Shop.Test:443"),
                               STR("http://b.test:8080"), STR("app://x")};
    struct http_origins o = {.own = policy & OWN, .loopback = policy & LOOPBACK};

    for (size_t i = 0; (policy & LIST) && i < COUNT_OF(list); i++)
        assert_int_equal(http_origins_add(&o, list[i]), 0);
    if (policy & ANY)
        assert_int_equal(http_origins_add(&o, STR("*")), 0);
    return o;
}

static void lets_in_whom_it_shall(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(allows); i++) {
        CLEANUP(exact_freep) char *origin = exact_copy(allows[i].origin);
        CLEANUP(exact_freep) char *host = exact_copy(allows[i].host);
        const struct http_origins o = policy_of(allows[i].policy);
        const bool got = http_origins_allow(&o, (str){origin, allows[i].origin.len},
                                            (str){host, allows[i].host.len});

        expect_int(allows[i].name, got, allows[i].want);
    }
}

static void a_list_holds_so_many_and_no_more(void **state)
{
    struct http_origins o = {0};

    (void)state;
    for (size_t i = 0; i < HTTP_ORIGINS_MAX; i++)
        assert_int_equal(http_origins_add(&o, STR("http://a.test")), 0);
    assert_int_equal(http_origins_add(&o, STR("http://a.test")), HTTP_ORIGIN_TOO_MANY);
    assert_int_equal(http_origins_add(&o, STR("*")), 0); // takes no room
}

static void an_origin_is_so_long_and_no_longer(void **state)
{
    static char text[HTTP_ORIGIN_MAX + 1] = "http://";
    struct http_origins o = {0};

    (void)state;
    memset(text + 7, 'a', sizeof(text) - 7);
    const str longest = {text, HTTP_ORIGIN_MAX};
    const str longer = {text, HTTP_ORIGIN_MAX + 1};
    assert_int_equal(http_origins_add(&o, longest), 0);
    assert_int_equal(http_origins_add(&o, longer), HTTP_ORIGIN_BAD);
    assert_true(http_origins_allow(&o, longest, STR("c.test")));
    assert_false(http_origins_allow(&o, longer, STR("c.test")));
}

// clang-format off
static const struct {
    const char *name;
    str host;
    bool is_loopback;
} hosts[] = {
    {"127.0.0.1",               STR("127.0.0.1"),                true},
    {"with a port",             STR("127.0.0.1:8080"),           true},
    {"the first of them",       STR("127.0.0.0:1"),              true},
    {"the last of them",        STR("127.255.255.255:65535"),    true},
    {"::1",                     STR("[::1]"),                    true},
    {"::1 with a port",         STR("[::1]:8080"),               true},
    {"::1 in full",             STR("[0:0:0:0:0:0:0:1]"),        true},
    {"IPv4 in IPv6",            STR("[::ffff:127.0.0.1]:80"),    true},
    {"localhost",               STR("localhost"),                true},
    {"localhost with a port",   STR("localhost:5173"),           true},
    {"capitals",                STR("LocalHost"),                true},
    {"below it",                STR("chat.localhost:8080"),      true},
    {"far below it",            STR("a.b.LOCALHOST"),            true},

    {"nothing",                 STR(""),                         false},
    {"a port alone",            STR(":8080"),                    false},
    {"one below",               STR("126.255.255.255"),          false},
    {"one above",               STR("128.0.0.0"),                false},
    {"any address",             STR("0.0.0.0"),                  false},
    {"any address, IPv6",       STR("[::]"),                     false},
    {"::2",                     STR("[::2]"),                    false},
    {"another in IPv6",         STR("[::ffff:128.0.0.1]"),       false},
    {"no brackets",             STR("::1"),                      false},
    {"a short form",            STR("127.1"),                    false},
    {"a number",                STR("2130706433"),               false},
    {"a number of hex",         STR("0x7f000001"),               false},
    {"a name that begins so",   STR("127.0.0.1.evil.test"),      false},
    {"one that ends so",        STR("evil.127.0.0.1"),           false},
    {"localhost of another",    STR("localhost.evil.test"),      false},
    {"one that ends like it",   STR("evillocalhost"),            false},
    {"a dash before it",        STR("evil-localhost"),           false},
    {"a dot behind",            STR("localhost."),               false},
    {"a user",                  STR("localhost@evil.test"),      false},
    {"a path",                  STR("localhost/x"),              false},
    {"a NUL behind",            STR("localhost\0.evil"),         false},
    {"no port behind :",        STR("localhost:"),               false},
    {"no port that there is",   STR("localhost:65536"),          false},
    {"no number",               STR("localhost:x"),              false},
    {"another",                 STR("shop.test"),                false},
};
// clang-format on

static void tells_which_hosts_are_this_machine(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        CLEANUP(exact_freep) char *host = exact_copy(hosts[i].host);
        expect_int(hosts[i].name, http_host_is_loopback((str){host, hosts[i].host.len}),
                   hosts[i].is_loopback);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_is_an_origin),
        cmocka_unit_test(lets_in_whom_it_shall),
        cmocka_unit_test(a_list_holds_so_many_and_no_more),
        cmocka_unit_test(an_origin_is_so_long_and_no_longer),
        cmocka_unit_test(tells_which_hosts_are_this_machine),
    };
    return cmocka_run_group_tests_name("http/origin", tests, NULL, NULL);
}
