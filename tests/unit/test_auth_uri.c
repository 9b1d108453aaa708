#include <stdio.h>

#include "auth/uri.h"
#include "support/exact.h"
#include "support/t.h"

// clang-format off
static const struct authority_row {
    const char *name;
    str text;
    str host;
    str port;
    int r;
    bool has_user;
} authorities[] = {
    {"a name",                STR("service.org"),     STR("service.org"), STR(""),      0, false},
    {"a name without a dot",  STR("localhost"),       STR("localhost"),   STR(""),      0, false},
    {"capitals stay",         STR("Service.ORG"),     STR("Service.ORG"), STR(""),      0, false},
    {"a port",                STR("localhost:8080"),  STR("localhost"),   STR("8080"),  0, false},
    {"a port beyond TCP's",   STR("a:65536"),         STR("a"),           STR("65536"), 0, false},
    {"an empty port",         STR("a:"),              STR("a"),           STR(""),      0, false},
    {"IPv4",                  STR("127.0.0.1"),       STR("127.0.0.1"),   STR(""),      0, false},
    {"IPv4 and a port",       STR("127.0.0.1:1"),     STR("127.0.0.1"),   STR("1"),     0, false},
    {"no IPv4, but a name",   STR("256.1.1.1"),       STR("256.1.1.1"),   STR(""),      0, false},
    {"IPv6",                  STR("[::cafe]"),        STR("[::cafe]"),    STR(""),      0, false},
    {"IPv6 and a port",       STR("[::1]:8443"),      STR("[::1]"),       STR("8443"),  0, false},
    {"IPv6 in full",          STR("[2001:db8:0:1:2:3:4:5]"), STR("[2001:db8:0:1:2:3:4:5]"), STR(""), 0, false},
    {"IPv6 that ends in IPv4", STR("[::ffff:1.2.3.4]"), STR("[::ffff:1.2.3.4]"), STR(""), 0, false},
    {"IPv6 at its longest",   STR("[0000:0000:0000:0000:0000:ffff:255.255.255.255]"), STR("[0000:0000:0000:0000:0000:ffff:255.255.255.255]"), STR(""), 0, false},
    {"a user",                STR("test@a.test"),     STR("a.test"),      STR(""),      0, true},
    {"a user and a port",     STR("test@a.test:80"),  STR("a.test"),      STR("80"),    0, true},
    {"a user and a password", STR("u:p@[::1]:80"),    STR("[::1]"),       STR("80"),    0, true},
    {"an empty user",         STR("@a.test"),         STR("a.test"),      STR(""),      0, true},
    {"every mark of a name",  STR("a-._~!$&'()*+,;="), STR("a-._~!$&'()*+,;="), STR(""), 0, false},
    {"an escape",             STR("a%C3%a4.test"),    STR("a%C3%a4.test"), STR(""),     0, false},
    {"an escape in the user", STR("%40@a"),           STR("a"),           STR(""),      0, true},
    {"nothing",               STR(""),                STR(""),            STR(""),      0, false},
    {"no host, but a port",   STR(":80"),             STR(""),            STR("80"),    0, false},

    {"a port of letters",     STR("a:80a"),           STR(""), STR(""), AUTH_URI_BAD, false},
    {"two ports",             STR("a:80:80"),         STR(""), STR(""), AUTH_URI_BAD, false},
    {"a negative port",       STR("a:-1"),            STR(""), STR(""), AUTH_URI_BAD, false},
    {"two users",             STR("a@b@c"),           STR(""), STR(""), AUTH_URI_BAD, false},
    {"a slash",               STR("a/b"),             STR(""), STR(""), AUTH_URI_BAD, false},
    {"a fragment",            STR("#notrfc4501"),     STR(""), STR(""), AUTH_URI_BAD, false},
    {"a query",               STR("a?b"),             STR(""), STR(""), AUTH_URI_BAD, false},
    {"a backslash",           STR("a\\b"),            STR(""), STR(""), AUTH_URI_BAD, false},
    {"a blank",               STR("a b"),             STR(""), STR(""), AUTH_URI_BAD, false},
    {"a NUL",                 STR("a\0"),             STR(""), STR(""), AUTH_URI_BAD, false},
    {"no ASCII",              STR("\xc3\xa4.test"),   STR(""), STR(""), AUTH_URI_BAD, false},
    {"half an escape",        STR("a%C"),             STR(""), STR(""), AUTH_URI_BAD, false},
    {"no escape",             STR("a%zz"),            STR(""), STR(""), AUTH_URI_BAD, false},
    {"a bad escape in the user", STR("%4@a"),         STR(""), STR(""), AUTH_URI_BAD, false},
    {"a bracket in the user", STR("[@a"),             STR(""), STR(""), AUTH_URI_BAD, false},
    {"IPv6 without brackets", STR("::1"),             STR(""), STR(""), AUTH_URI_BAD, false},
    {"a bracket that stays open", STR("[::1"),        STR(""), STR(""), AUTH_URI_BAD, false},
    {"a bracket that was not opened", STR("::1]"),    STR(""), STR(""), AUTH_URI_BAD, false},
    {"a bracket alone",       STR("["),               STR(""), STR(""), AUTH_URI_BAD, false},
    {"empty brackets",        STR("[]"),              STR(""), STR(""), AUTH_URI_BAD, false},
    {"more behind a bracket", STR("[::1]a"),          STR(""), STR(""), AUTH_URI_BAD, false},
    {"IPv4 in brackets",      STR("[127.0.0.1]"),     STR(""), STR(""), AUTH_URI_BAD, false},
    {"a name in brackets",    STR("[a.test]"),        STR(""), STR(""), AUTH_URI_BAD, false},
    {"two gaps",              STR("[1::2::3]"),       STR(""), STR(""), AUTH_URI_BAD, false},
    {"nine groups",           STR("[1:2:3:4:5:6:7:8:9]"), STR(""), STR(""), AUTH_URI_BAD, false},
    {"seven groups",          STR("[1:2:3:4:5:6:7]"), STR(""), STR(""), AUTH_URI_BAD, false},
    {"a group of five",       STR("[::12345]"),       STR(""), STR(""), AUTH_URI_BAD, false},
    {"a zone",                STR("[fe80::1%25eth0]"), STR(""), STR(""), AUTH_URI_BAD, false},
    {"a NUL in the brackets", STR("[::1\0]"),         STR(""), STR(""), AUTH_URI_BAD, false},
    {"longer than any IPv6",  STR("[00000:0000:0000:0000:0000:ffff:255.255.255.255]"), STR(""), STR(""), AUTH_URI_BAD, false},
    {"an IP that is yet to come", STR("[v1.a]"),      STR(""), STR(""), AUTH_URI_BAD, false},
};

static const struct uri_row {
    const char *name;
    str text;
    str scheme;
    str host;
    int r;
} uris[] = {
    // RFC 3986, section 1.1.2
    {"ftp",                 STR("ftp://ftp.is.co.za/rfc/rfc1808.txt"), STR("ftp"), STR("ftp.is.co.za"), 0},
    {"http",                STR("http://www.ietf.org/rfc/rfc2396.txt"), STR("http"), STR("www.ietf.org"), 0},
    {"ldap",                STR("ldap://[2001:db8::7]/c=GB?objectClass?one"), STR("ldap"), STR("[2001:db8::7]"), 0},
    {"mailto",              STR("mailto:John.Doe@example.com"), STR("mailto"), STR(""), 0},
    {"news",                STR("news:comp.infosystems.www.servers.unix"), STR("news"), STR(""), 0},
    {"tel",                 STR("tel:+1-816-555-1212"), STR("tel"), STR(""), 0},
    {"telnet",              STR("telnet://192.0.2.16:80/"), STR("telnet"), STR("192.0.2.16"), 0},
    {"urn",                 STR("urn:oasis:names:specification:docbook:dtd:xml:4.1.2"), STR("urn"), STR(""), 0},

    {"a host alone",        STR("https://service.org"), STR("https"), STR("service.org"), 0},
    {"capitals stay",       STR("HTTPS://Service.ORG/A"), STR("HTTPS"), STR("Service.ORG"), 0},
    {"every part",          STR("https://u:p@a.test:80/b;c=1/%20?q=/?#f/?"), STR("https"), STR("a.test"), 0},
    {"a query behind the host", STR("https://a?b"), STR("https"), STR("a"), 0},
    {"a fragment behind the host", STR("https://a#b"), STR("https"), STR("a"), 0},
    {"a host that a query hides", STR("https://a?@evil.test"), STR("https"), STR("a"), 0},
    {"a user that looks like a host", STR("https://a.test@evil.test"), STR("https"), STR("evil.test"), 0},
    {"no host",             STR("file:///etc/hosts"), STR("file"), STR(""), 0},
    {"no path either",      STR("a:"), STR("a"), STR(""), 0},
    {"a path from the root", STR("a:/b//c"), STR("a"), STR(""), 0},
    {"two slashes in the path", STR("a:b//c"), STR("a"), STR(""), 0},
    {"a name of IPFS",      STR("ipfs://Qme7ss3ARVgxv6rXqVPiikMJ8u2NLgmgszg13pYrDKEoiu"), STR("ipfs"), STR("Qme7ss3ARVgxv6rXqVPiikMJ8u2NLgmgszg13pYrDKEoiu"), 0},
    {"every mark of a scheme", STR("a+-.9:b"), STR("a+-.9"), STR(""), 0},

    {"nothing",             STR(""), STR(""), STR(""), AUTH_URI_BAD},
    {"no scheme",           STR("service.org"), STR(""), STR(""), AUTH_URI_BAD},
    {"a path",              STR("/login"), STR(""), STR(""), AUTH_URI_BAD},
    {"a host without scheme", STR("//service.org"), STR(""), STR(""), AUTH_URI_BAD},
    {"an empty scheme",     STR(":not_a_rfc3986_valid_uri_"), STR(""), STR(""), AUTH_URI_BAD},
    {"a digit before the scheme", STR("1a:b"), STR(""), STR(""), AUTH_URI_BAD},
    {"a plus before the scheme", STR("+a:b"), STR(""), STR(""), AUTH_URI_BAD},
    {"a scheme with _",     STR("a_b:c"), STR(""), STR(""), AUTH_URI_BAD},
    {"a scheme with an escape", STR("a%20:c"), STR(""), STR(""), AUTH_URI_BAD},
    {"a blank before",      STR(" https://a"), STR(""), STR(""), AUTH_URI_BAD},
    {"a blank behind",      STR("https://a "), STR(""), STR(""), AUTH_URI_BAD},
    {"a blank in the path", STR("https://a/b c"), STR(""), STR(""), AUTH_URI_BAD},
    {"an authority that is none", STR("https://a:b/c"), STR(""), STR(""), AUTH_URI_BAD},
    {"a bracket open",      STR("https://[::1/a"), STR(""), STR(""), AUTH_URI_BAD},
    {"a bracket in the path", STR("https://a/[b]"), STR(""), STR(""), AUTH_URI_BAD},
    {"a bracket in the query", STR("https://a/?b[]=1"), STR(""), STR(""), AUTH_URI_BAD},
    {"two fragments",       STR("https://a/#b#c"), STR(""), STR(""), AUTH_URI_BAD},
    {"a backslash",         STR("https://a\\@b"), STR(""), STR(""), AUTH_URI_BAD},
    {"a quote",             STR("https://a/\""), STR(""), STR(""), AUTH_URI_BAD},
    {"angle brackets",      STR("<https://a>"), STR(""), STR(""), AUTH_URI_BAD},
    {"a pipe",              STR("https://a/|"), STR(""), STR(""), AUTH_URI_BAD},
    {"half an escape",      STR("https://a/%2"), STR(""), STR(""), AUTH_URI_BAD},
    {"no escape in the query", STR("https://a/?%g0"), STR(""), STR(""), AUTH_URI_BAD},
    {"no escape in the fragment", STR("https://a/#%0g"), STR(""), STR(""), AUTH_URI_BAD},
    {"an LF",               STR("https://a/\n"), STR(""), STR(""), AUTH_URI_BAD},
    {"a CR",                STR("https://a/\r"), STR(""), STR(""), AUTH_URI_BAD},
    {"a NUL",               STR("https://a/\0"), STR(""), STR(""), AUTH_URI_BAD},
    {"a DEL",               STR("https://a/\x7f"), STR(""), STR(""), AUTH_URI_BAD},
    {"no ASCII",            STR("https://a/\xc3\xa4"), STR(""), STR(""), AUTH_URI_BAD},
};
// clang-format on

static void an_authority_is_taken_apart(void **state)
{
    (void)state;
    for (const struct authority_row *row = authorities;
         row < authorities + COUNT_OF(authorities); row++) {
        CLEANUP(exact_freep) char *copy = exact_copy(row->text);
        struct auth_authority a = {.port = STR("as it was")};
        const int r = auth_authority_parse(&a, (str){copy, row->text.len});

        expect_int(row->name, r, row->r);
        if (r != 0) {
            expect_str(row->name, a.port, STR("as it was"));
            continue;
        }
        expect_str(row->name, a.host, row->host);
        expect_str(row->name, a.port, row->port);
        expect_int(row->name, a.has_user, row->has_user);
    }
}

static void a_uri_is_taken_apart(void **state)
{
    (void)state;
    for (const struct uri_row *row = uris; row < uris + COUNT_OF(uris); row++) {
        CLEANUP(exact_freep) char *copy = exact_copy(row->text);
        struct auth_uri u = {.scheme = STR("as it was")};
        const int r = auth_uri_parse(&u, (str){copy, row->text.len});

        expect_int(row->name, r, row->r);
        if (r != 0) {
            expect_str(row->name, u.scheme, STR("as it was"));
            continue;
        }
        expect_str(row->name, u.scheme, row->scheme);
        expect_str(row->name, u.authority.host, row->host);
    }
}

static void a_user_is_what_stands_before_the_at(void **state)
{
    struct auth_uri u;

    (void)state;
    assert_int_equal(auth_uri_parse(&u, STR("https://u:p@a.test:80/b")), 0);
    assert_true(u.authority.has_user);
    expect_str("user", u.authority.user, STR("u:p"));
    expect_str("port", u.authority.port, STR("80"));
    assert_int_equal(auth_uri_parse(&u, STR("https://@a.test")), 0);
    assert_true(u.authority.has_user);
    expect_str("an empty user", u.authority.user, STR(""));
    assert_int_equal(auth_uri_parse(&u, STR("https://a.test/@b")), 0);
    assert_false(u.authority.has_user);
}

/** For each length: whether that much of it is a URI. */
static void each_cut_is_a_uri_or_is_not(void **state)
{
    static const char text[] = "https://u@[::1]:80/%2fb?%23#%0f.";
    static const char want[] =
        "000000" // https
        "11111"  // https://u@
        "0000"   // [::1
        "11111"  // ]:80/
        "00111"  // %2fb?
        "001100" // %23#%0
        "1";

    (void)state;
    static_assert(sizeof(want) - 1 == sizeof(text) - 1, "a flag for each cut");
    for (size_t n = 0; n < sizeof(text) - 1; n++) {
        CLEANUP(exact_freep) char *cut = exact_copy((str){text, n});
        struct auth_uri u;
        char name[64];

        (void)snprintf(name, sizeof(name), "%.*s", (int)n, text);
        expect_int(name, auth_uri_parse(&u, (str){cut, n}) == 0, want[n] == '1');
    }
}

/** Of all bytes, where a path stands. */
static void a_path_has_its_characters_and_no_other(void **state)
{
    static const char good[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
        "-._~!$&'()*+,;=:@/"
        "?#"; // which end it

    (void)state;
    for (unsigned c = 0; c <= UINT8_MAX; c++) {
        char text[] = "https://a/_/b";
        char name[16];
        struct auth_uri u;

        text[10] = (char)c;
        (void)snprintf(name, sizeof(name), "byte %u", c);
        expect_int(name, auth_uri_parse(&u, (str){text, sizeof(text) - 1}) == 0,
                   c != 0 && strchr(good, (int)c) != NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_authority_is_taken_apart),
        cmocka_unit_test(a_uri_is_taken_apart),
        cmocka_unit_test(a_user_is_what_stands_before_the_at),
        cmocka_unit_test(each_cut_is_a_uri_or_is_not),
        cmocka_unit_test(a_path_has_its_characters_and_no_other),
    };
    return cmocka_run_group_tests_name("auth/uri", tests, NULL, NULL);
}
