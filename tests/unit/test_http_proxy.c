#include <stdio.h>

#include "http/proxy.h"
#include "support/exact.h"
#include "support/t.h"

#define FIELDS_MAX 4

static ip ip_of(const char *text)
{
    ip i;

    assert_int_equal(ip_parse(&i, str_of(text)), 0);
    return i;
}

// clang-format off
static const struct {
    const char *name;
    str in;
    int r;
    const char *first; // of the addresses that it trusts, and the last
    const char *last;
    const char *below; // those beside them; NULL: there is none
    const char *above;
} ranges[] = {
    {"one",              STR("10.1.2.3"),        0, "10.1.2.3", "10.1.2.3", "10.1.2.2", "10.1.2.4"},
    {"one, IPv6",        STR("fd00::7"),         0, "fd00::7", "fd00::7", "fd00::6", "fd00::8"},
    {"a class",          STR("10.0.0.0/8"),      0, "10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0"},
    {"inside a byte",    STR("172.16.0.0/12"),   0, "172.16.0.0", "172.31.255.255", "172.15.255.255", "172.32.0.0"},
    {"two",              STR("10.0.0.2/31"),     0, "10.0.0.2", "10.0.0.3", "10.0.0.1", "10.0.0.4"},
    {"all bits",         STR("10.0.0.2/32"),     0, "10.0.0.2", "10.0.0.2", "10.0.0.1", "10.0.0.3"},
    {"from the middle",  STR("10.7.7.7/8"),      0, "10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0"},
    {"all of IPv4",      STR("0.0.0.0/0"),       0, "0.0.0.0", "255.255.255.255", "::1", "fd00::"},
    {"IPv6",             STR("fd00::/8"),        0, "fd00::", "fdff:ffff::", "fcff::", "fe00::"},
    {"IPv6, in a byte",  STR("2001:db8::/33"),   0, "2001:db8::", "2001:db8:7fff::", "2001:db7::", "2001:db8:8000::"},
    {"everything",       STR("::/0"),            0, "::", "ffff::", NULL, NULL},
    {"IPv6 of all bits", STR("::1/128"),         0, "::1", "::1", "::", "::2"},
    {"IPv4 as IPv6",     STR("::ffff:10.0.0.0/8"), 0, "10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0"},

    {"nothing",          STR(""),                HTTP_PROXY_BAD, NULL, NULL, NULL, NULL},
    {"a name",           STR("proxy"),           HTTP_PROXY_BAD, NULL, NULL, NULL, NULL},
    {"a port",           STR("10.0.0.1:80"),     HTTP_PROXY_BAD, NULL, NULL, NULL, NULL},
    {"brackets",         STR("[::1]"),           HTTP_PROXY_BAD, NULL, NULL, NULL, NULL},
    {"no bits",          STR("10.0.0.0/"),       HTTP_PROXY_BAD, NULL, NULL, NULL, NULL},
    {"bits of another kind", STR("10.0.0.0/x"),  HTTP_PROXY_BAD, NULL, NULL, NULL, NULL},
    {"a mask",           STR("10.0.0.0/255.0.0.0"), HTTP_PROXY_BAD, NULL, NULL, NULL, NULL},
    {"one bit above",    STR("10.0.0.0/33"),     HTTP_PROXY_BAD, NULL, NULL, NULL, NULL},
    {"one above, IPv6",  STR("::/129"),          HTTP_PROXY_BAD, NULL, NULL, NULL, NULL},
    {"a blank",          STR("10.0.0.0 /8"),     HTTP_PROXY_BAD, NULL, NULL, NULL, NULL},
    {"two",              STR("10.0.0.0/8/8"),    HTTP_PROXY_BAD, NULL, NULL, NULL, NULL},
    {"a NUL",            STR("10.0.0.0/8\0"),    HTTP_PROXY_BAD, NULL, NULL, NULL, NULL},
};

/** Trusted: 10.0.0.0/8, 127.0.0.1 and fd00::/8. */
static const struct client_row {
    const char *name;
    const char *peer;
    str fields[FIELDS_MAX]; // of X-Forwarded-For
    const char *want;
} clients[] = {
    {"nobody speaks for it",   "1.1.1.1",  {{0}},                                "1.1.1.1"},
    {"a stranger's field",     "1.1.1.1",  {STR("2.2.2.2")},                     "1.1.1.1"},
    {"no field",               "10.0.0.1", {{0}},                                "10.0.0.1"},
    {"an empty field",         "10.0.0.1", {STR("")},                            "10.0.0.1"},
    {"a proxy's",              "10.0.0.1", {STR("2.2.2.2")},                     "2.2.2.2"},
    {"forged before it",       "10.0.0.1", {STR("9.9.9.9, 2.2.2.2")},            "2.2.2.2"},
    {"two proxies",            "10.0.0.1", {STR("2.2.2.2, 10.0.0.2")},           "2.2.2.2"},
    {"forged before both",     "10.0.0.1", {STR("10.0.0.9, 2.2.2.2,10.0.0.2")},  "2.2.2.2"},
    {"all are proxies",        "10.0.0.1", {STR("10.0.0.3, 10.0.0.2")},          "10.0.0.3"},
    {"two fields",             "10.0.0.1", {STR("2.2.2.2"), STR("10.0.0.2")},    "2.2.2.2"},
    {"forged in the first",    "10.0.0.1", {STR("9.9.9.9"), STR("2.2.2.2")},     "2.2.2.2"},
    {"IPv6",                   "fd00::1",  {STR("2001:db8::7")},                 "2001:db8::7"},
    {"IPv6 in brackets",       "10.0.0.1", {STR("[2001:db8::7]")},               "2001:db8::7"},
    {"with a port",            "10.0.0.1", {STR("2.2.2.2:5000")},                "2.2.2.2"},
    {"both",                   "10.0.0.1", {STR("[2001:db8::7]:5000")},          "2001:db8::7"},
    {"IPv4 as IPv6",           "::ffff:10.0.0.1", {STR("::ffff:2.2.2.2")},       "2.2.2.2"},
    {"blanks",                 "10.0.0.1", {STR("9.9.9.9\t ,\t2.2.2.2  ")},      "2.2.2.2"},
    {"empty elements",         "10.0.0.1", {STR(", ,2.2.2.2, ,")},               "2.2.2.2"},
    {"loopback",               "127.0.0.1", {STR("127.0.0.1")},                  "127.0.0.1"},
    {"a word ends the walk",   "10.0.0.1", {STR("2.2.2.2, unknown")},            "10.0.0.1"},
    {"behind a proxy, too",    "10.0.0.1", {STR("2.2.2.2, unknown, 10.0.0.2")},  "10.0.0.2"},
    {"in the next field",      "10.0.0.1", {STR("2.2.2.2"), STR("unknown")},     "10.0.0.1"},
    {"a name is no address",   "10.0.0.1", {STR("localhost:80")},                "10.0.0.1"},
    {"a bracket open",         "10.0.0.1", {STR("[2001:db8::7")},                "10.0.0.1"},
    {"brackets of nothing",    "10.0.0.1", {STR("[]")},                          "10.0.0.1"},
    {"a range is no address",  "10.0.0.1", {STR("2.2.2.0/24")},                  "10.0.0.1"},
};
// clang-format on

static bool trusts(const struct http_proxies *p, const char *address)
{
    static const struct http_head head = {
        .n_headers = 1, .headers = {{STR("x-forwarded-for"), STR("255.1.2.3")}}};
    const ip peer = ip_of(address);
    const ip client = http_proxies_client(p, peer, &head);

    return memcmp(&client, &peer, sizeof(peer)) != 0;
}

static void trusts_from_the_first_to_the_last(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(ranges); i++) {
        CLEANUP(exact_freep) char *in = exact_copy(ranges[i].in);
        struct http_proxies p = {0};
        const char *name = ranges[i].name;

        expect_int(name, http_proxies_add(&p, (str){in, ranges[i].in.len}), ranges[i].r);
        expect_int(name, p.n, ranges[i].r == 0);
        if (ranges[i].r != 0)
            continue;
        expect_int(name, trusts(&p, ranges[i].first), true);
        expect_int(name, trusts(&p, ranges[i].last), true);
        expect_int(name, ranges[i].below && trusts(&p, ranges[i].below), false);
        expect_int(name, ranges[i].above && trusts(&p, ranges[i].above), false);
    }
}

static void finds_each_client(void **state)
{
    static const str trusted[] = {STR("10.0.0.0/8"), STR("127.0.0.1"), STR("fd00::/8")};
    struct http_proxies p = {0};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(trusted); i++)
        assert_int_equal(http_proxies_add(&p, trusted[i]), 0);
    for (const struct client_row *row = clients; row < clients + COUNT_OF(clients); row++) {
        static struct http_head head;
        head.n_headers = 0;
        for (size_t i = 0; i < FIELDS_MAX && row->fields[i].ptr; i++) {
            head.headers[head.n_headers++] =
                (struct http_header){STR("X-Forwarded-for"), row->fields[i]};
            head.headers[head.n_headers++] =
                (struct http_header){STR("X-Forwarded-Fo"), STR("8.8.8.8")};
        }
        const ip want = ip_of(row->want);
        const ip got = http_proxies_client(&p, ip_of(row->peer), &head);
        expect_int(row->name, memcmp(&got, &want, sizeof(got)), 0);
    }
}

static void holds_so_many_and_no_more(void **state)
{
    struct http_proxies p = {0};

    (void)state;
    for (size_t i = 0; i < HTTP_PROXIES_MAX; i++)
        assert_int_equal(http_proxies_add(&p, STR("10.0.0.1")), 0);
    assert_int_equal(http_proxies_add(&p, STR("10.0.0.1")), HTTP_PROXY_TOO_MANY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trusts_from_the_first_to_the_last),
        cmocka_unit_test(finds_each_client),
        cmocka_unit_test(holds_so_many_and_no_more),
    };
    return cmocka_run_group_tests_name("http/proxy", tests, NULL, NULL);
}
