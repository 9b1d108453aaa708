#include "auth/domains.h"
#include "support/exact.h"
#include "support/t.h"

#define A_50  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A_250 A_50 A_50 A_50 A_50 A_50

// clang-format off
static const struct {
    const char *name;
    str text;
    str printed; // empty: refused
    bool is_plain;
} adds[] = {
    {"a host",                   STR("shop.example"),               STR("shop.example"),      false},
    {"a host and a port",        STR("shop.example:8443"),          STR("shop.example:8443"), false},
    {"https",                    STR("https://shop.example"),       STR("shop.example"),      false},
    {"http",                     STR("http://shop.internal"),       STR("shop.internal"),     true},
    {"capitals",                 STR("HTTPS://Shop.EXAMPLE"),       STR("shop.example"),      false},
    {"a name without dots",      STR("shop"),                       STR("shop"),              false},
    {"an underscore and dashes", STR("a_b.c--d"),                   STR("a_b.c--d"),          false},
    {"IPv4",                     STR("10.0.0.1:8080"),              STR("10.0.0.1:8080"),     false},
    {"IPv6",                     STR("[2001:DB8::1]"),              STR("[2001:db8::1]"),     false},
    {"IPv6 and a port",          STR("http://[::1]:3000"),          STR("[::1]:3000"),        true},
    {"IPv6 that holds IPv4",     STR("[::ffff:10.0.0.1]"),          STR("[::ffff:10.0.0.1]"), false},
    {"a scheme's name as host",  STR("https"),                      STR("https"),             false},

    // the default port of the scheme goes, any other stays
    {"https's port",             STR("https://shop.example:443"),   STR("shop.example"),      false},
    {"https's port, no scheme",  STR("shop.example:443"),           STR("shop.example"),      false},
    {"https's port on http",     STR("http://shop.example:443"),    STR("shop.example:443"),  true},
    {"http's port",              STR("http://shop.example:80"),     STR("shop.example"),      true},
    {"http's port on https",     STR("https://shop.example:80"),    STR("shop.example:80"),   false},
    {"http's port, no scheme",   STR("shop.example:80"),            STR("shop.example:80"),   false},
    {"one that ends like it",    STR("shop.example:8443"),          STR("shop.example:8443"), false},
    {"IPv6 and https's port",    STR("[::1]:443"),                  STR("[::1]"),             false},
    {"IPv6 that ends like it",   STR("[2001:db8::443]"),            STR("[2001:db8::443]"),   false},
    {"the lowest port",          STR("shop.example:1"),             STR("shop.example:1"),    false},
    {"the highest port",         STR("shop.example:65535"),         STR("shop.example:65535"), false},
    {"port zero",                STR("shop.example:0"),             {0},                      false},
    {"one port above",           STR("shop.example:65536"),         {0},                      false},
    {"a port with a zero",       STR("shop.example:0443"),          {0},                      false},
    {"an empty port",            STR("shop.example:"),              {0},                      false},
    {"a port of letters",        STR("shop.example:https"),         {0},                      false},
    {"two ports",                STR("shop.example:443:443"),       {0},                      false},
    {"https's port alone",       STR(":443"),                       {0},                      false},
    {"a port alone",             STR("http://:8080"),               {0},                      false},

    {"nothing",                  STR(""),                           {0},                      false},
    {"a scheme alone",           STR("https://"),                   {0},                      false},
    {"another scheme",           STR("ftp://shop.example"),         {0},                      false},
    {"two schemes",              STR("http://https://a"),           {0},                      false},
    {"one slash",                STR("https:/shop.example"),        {0},                      false},
    {"a slash behind",           STR("https://shop.example/"),      {0},                      false},
    {"a path",                   STR("shop.example/x"),             {0},                      false},
    {"a query",                  STR("shop.example?x"),             {0},                      false},
    {"a user",                   STR("user@shop.example"),          {0},                      false},
    {"a user and a secret",      STR("https://u:p@shop.example"),   {0},                      false},
    {"a star",                   STR("*"),                          {0},                      false},
    {"a star below",             STR("*.shop.example"),             {0},                      false},
    {"a blank behind",           STR("shop.example "),              {0},                      false},
    {"a NUL",                    STR("shop\0.example"),             {0},                      false},
    {"a NUL at the end",         STR("shop.example\0"),             {0},                      false},
    {"no ASCII",                 STR("sh\xc3\xb6p.example"),        {0},                      false},
    {"a percent sign",           STR("shop%2eexample"),             {0},                      false},
    {"IPv6 without brackets",    STR("2001:db8::1"),                {0},                      false},
    {"an open bracket",          STR("[::1"),                       {0},                      false},
    {"a closing bracket",        STR("::1]"),                       {0},                      false},
    {"brackets alone",           STR("[]"),                         {0},                      false},
    {"a bracket alone",          STR("["),                          {0},                      false},
    {"a name in brackets",       STR("[shop.example]"),             {0},                      false},
    {"more behind the brackets", STR("[::1]x"),                     {0},                      false},
    {"two pairs of brackets",    STR("[::1][::1]"),                 {0},                      false},

    {"255 bytes",                STR(A_250 "aaaaa"),                STR(A_250 "aaaaa"),       false},
    {"256 bytes",                STR(A_250 "aaaaaa"),               {0},                      false},
    {"255 bytes with a port",    STR(A_250 ":8443"),                STR(A_250 ":8443"),       false},
    {"256 bytes with a port",    STR(A_250 "a:8443"),               {0},                      false},
    {"255 without the port",     STR("https://" A_250 "aaaaa:443"), STR(A_250 "aaaaa"),       false},
    {"256 without the port",     STR("https://" A_250 "aaaaaa:443"), {0},                     false},
};

enum { LIST = 1, LOOPBACK = 2 };

/** The list: shop.example, shop.example:8443, http://shop.internal, [2001:db8::1]:444, both.example by both. */
static const struct {
    const char *name;
    unsigned where;
    str domain;
    const char *scheme;
    str found; // empty: none of these
} finds[] = {
    {"listed",                   LIST, STR("shop.example"),       "",      STR("shop.example")},
    {"listed, by https",         LIST, STR("shop.example"),       "https", STR("shop.example")},
    {"listed, by HTTPS",         LIST, STR("shop.example"),       "HTTPS", STR("shop.example")},
    {"listed, by http",          LIST, STR("shop.example"),       "http",  {0}},
    {"in capitals",              LIST, STR("SHOP.Example"),       "",      STR("shop.example")},
    {"its other port",           LIST, STR("shop.example:8443"),  "",      STR("shop.example:8443")},
    {"a port that is not",       LIST, STR("shop.example:8444"),  "",      {0}},
    {"the default port, said",   LIST, STR("shop.example:443"),   "https", {0}},
    {"by http",                  LIST, STR("shop.internal"),      "http",  STR("shop.internal")},
    {"by HTTP",                  LIST, STR("shop.internal"),      "HTTP",  STR("shop.internal")},
    {"it does not say by what",  LIST, STR("shop.internal"),      "",      STR("shop.internal")},
    {"by https, but is by http", LIST, STR("shop.internal"),      "https", {0}},
    {"listed twice, by http",    LIST, STR("both.example"),       "http",  STR("both.example")},
    {"listed twice, by https",   LIST, STR("both.example"),       "https", STR("both.example")},
    {"IPv6",                     LIST, STR("[2001:DB8::1]:444"),  "",      STR("[2001:db8::1]:444")},
    {"IPv6 without the port",    LIST, STR("[2001:db8::1]"),      "",      {0}},
    {"another scheme",           LIST, STR("shop.example"),       "ftp",   {0}},
    {"a scheme that begins so",  LIST, STR("shop.example"),       "httpss", {0}},
    {"a scheme cut short",       LIST, STR("shop.internal"),      "htt",   {0}},
    {"a dot behind",             LIST, STR("shop.example."),      "",      {0}},
    {"a name below",             LIST, STR("www.shop.example"),   "",      {0}},
    {"it begins so",             LIST, STR("shop.example.evil"),  "",      {0}},
    {"it ends so",               LIST, STR("evilshop.example"),   "",      {0}},
    {"cut short",                LIST, STR("shop.exampl"),        "",      {0}},
    {"a user",                   LIST, STR("me@shop.example"),    "",      {0}},
    {"as a user of another",     LIST, STR("shop.example@evil"),  "",      {0}},
    {"a NUL behind",             LIST, STR("shop.example\0"),     "",      {0}},
    {"a blank before",           LIST, STR(" shop.example"),      "",      {0}},
    {"an empty port",            LIST, STR("shop.example:"),      "",      {0}},
    {"a path",                   LIST, STR("shop.example/"),      "",      {0}},
    {"an origin",                LIST, STR("https://shop.example"), "",    {0}},
    {"nothing",                  LIST, STR(""),                   "",      {0}},
    {"localhost is not listed",  LIST, STR("localhost"),          "",      {0}},
    {"too long",                 LIST, STR(A_250 "aaaaaa"),       "",      {0}},

    {"localhost",                LOOPBACK, STR("localhost"),      "",      STR("localhost")},
    {"localhost, by http",       LOOPBACK, STR("localhost:3000"), "http",  STR("localhost:3000")},
    {"localhost, by https",      LOOPBACK, STR("localhost:3000"), "https", STR("localhost:3000")},
    {"LOCALHOST",                LOOPBACK, STR("LOCALHOST:1"),    "",      STR("localhost:1")},
    {"127.0.0.1",                LOOPBACK, STR("127.0.0.1:65535"), "",     STR("127.0.0.1:65535")},
    {"::1",                      LOOPBACK, STR("[::1]:3000"),     "",      STR("[::1]:3000")},
    {"by another scheme",        LOOPBACK, STR("localhost"),      "app",   {0}},
    {"no port of localhost's",   LOOPBACK, STR("localhost:65536"), "",     {0}},
    {"letters for a port",       LOOPBACK, STR("localhost:x"),    "",      {0}},
    {"another of this machine",  LOOPBACK, STR("127.0.0.2"),      "",      {0}},
    {"localhost of another",     LOOPBACK, STR("localhost.evil"), "",      {0}},
    {"below localhost",          LOOPBACK, STR("evil.localhost"), "",      {0}},
    {"a user at localhost",      LOOPBACK, STR("a@localhost"),    "",      {0}},
    {"listed, but not here",     LOOPBACK, STR("shop.example"),   "",      {0}},

    {"nowhere",                  0, STR("localhost"),             "",      {0}},
    {"of both, a listed one",    LIST | LOOPBACK, STR("shop.example"), "", STR("shop.example")},
    {"of both, localhost",       LIST | LOOPBACK, STR("localhost"), "http", STR("localhost")},
};
// clang-format on

static void reads_each_site(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(adds); i++) {
        CLEANUP(exact_freep) char *copy = exact_copy(adds[i].text);
        struct auth_domains d = {0};
        const int r = auth_domains_add(&d, (str){copy, adds[i].text.len});
        const bool is_good = adds[i].printed.len > 0;

        expect_int(adds[i].name, r, is_good ? 0 : AUTH_DOMAINS_BAD);
        expect_int(adds[i].name, d.n, is_good);
        expect_str(adds[i].name, str_of(d.list[0].name), adds[i].printed);
        expect_int(adds[i].name, d.list[0].is_plain, is_good && adds[i].is_plain);
    }
}

static void so_many_and_no_more(void **state)
{
    struct auth_domains d = {0};

    (void)state;
    for (size_t i = 0; i < AUTH_DOMAINS_MAX; i++)
        assert_int_equal(auth_domains_add(&d, STR("shop.example")), 0);
    assert_int_equal(auth_domains_add(&d, STR("shop.example")), AUTH_DOMAINS_TOO_MANY);
    assert_int_equal(auth_domains_add(&d, STR("/")), AUTH_DOMAINS_BAD);
    assert_int_equal(d.n, AUTH_DOMAINS_MAX);
}

static struct auth_domains domains_of(unsigned where)
{
    static const str list[] = {STR("shop.example"),         STR("shop.example:8443"),
                               STR("http://shop.internal"), STR("https://both.example"),
                               STR("[2001:db8::1]:444"),    STR("http://both.example")};
    struct auth_domains d = {.loopback = where & LOOPBACK};

    for (size_t i = 0; (where & LIST) && i < COUNT_OF(list); i++)
        assert_int_equal(auth_domains_add(&d, list[i]), 0);
    return d;
}

static void finds_each_domain(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(finds); i++) {
        const struct auth_domains d = domains_of(finds[i].where);
        CLEANUP(exact_freep) char *copy = exact_copy(finds[i].domain);
        char name[AUTH_DOMAIN_SIZE] = "";
        const int r = auth_domains_find(&d, (str){copy, finds[i].domain.len},
                                        str_of(finds[i].scheme), name);

        expect_int(finds[i].name, r, finds[i].found.len > 0 ? 0 : AUTH_DOMAINS_OTHER);
        expect_str(finds[i].name, str_of(name), finds[i].found); // a refusal leaves it alone
    }
}

static void the_longest_is_found(void **state)
{
    const str longest = STR(A_250 "AAAAA");
    struct auth_domains d = {0};
    char name[AUTH_DOMAIN_SIZE];

    (void)state;
    assert_int_equal(longest.len, AUTH_DOMAIN_MAX);
    assert_int_equal(auth_domains_add(&d, longest), 0);
    assert_int_equal(auth_domains_find(&d, longest, STR(""), name), 0);
    expect_str("the longest", str_of(name), STR(A_250 "aaaaa"));
}

static void without_a_better_one_it_is_the_first(void **state)
{
    struct auth_domains d = {0};

    (void)state;
    assert_null(auth_domains_first(&d));
    d.loopback = true;
    assert_string_equal(auth_domains_first(&d), "localhost");
    assert_int_equal(auth_domains_add(&d, STR("http://A.example:80")), 0);
    assert_int_equal(auth_domains_add(&d, STR("b.example")), 0);
    assert_string_equal(auth_domains_first(&d), "a.example");
    d.loopback = false;
    assert_string_equal(auth_domains_first(&d), "a.example");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_each_site),
        cmocka_unit_test(so_many_and_no_more),
        cmocka_unit_test(finds_each_domain),
        cmocka_unit_test(the_longest_is_found),
        cmocka_unit_test(without_a_better_one_it_is_the_first),
    };
    return cmocka_run_group_tests_name("auth/domains", tests, NULL, NULL);
}
