#include "io/addr.h"
#include "support/exact.h"
#include "support/t.h"

#define LONGEST "1111:2222:3333:4444:5555:6666:111.222.133.144" // 45 characters

// clang-format off
static const struct row {
    const char *name;
    str in;
    int r;
    const char *host;
    uint16_t port;
    bool is_loopback;
    const char *text; // NULL: as it came
} rows[] = {
    {"IPv4",                 STR("1.2.3.4:80"),            0, "1.2.3.4",         80,    false, NULL},
    {"any",                  STR("0.0.0.0:0"),             0, "0.0.0.0",         0,     false, NULL},
    {"loopback",             STR("127.0.0.1:8080"),        0, "127.0.0.1",       8080,  true,  NULL},
    {"loopback, the last",   STR("127.255.255.255:1"),     0, "127.255.255.255", 1,     true,  NULL},
    {"one above loopback",   STR("128.0.0.1:1"),           0, "128.0.0.1",       1,     false, NULL},
    {"one below loopback",   STR("126.0.0.1:1"),           0, "126.0.0.1",       1,     false, NULL},
    {"begins like loopback", STR("12.7.0.1:1"),            0, "12.7.0.1",        1,     false, NULL},
    {"localhost",            STR("localhost:80"),          0, "127.0.0.1",       80,    true,  "127.0.0.1:80"},
    {"IPv6 loopback",        STR("[::1]:80"),              0, "::1",             80,    true,  NULL},
    {"the same, in full",    STR("[0:0:0:0:0:0:0:1]:80"),  0, "0:0:0:0:0:0:0:1", 80,    true,  NULL},
    {"IPv6 any",             STR("[::]:80"),               0, "::",              80,    false, NULL},
    {"IPv6",                 STR("[2001:db8::7]:80"),      0, "2001:db8::7",     80,    false, NULL},
    {"IPv4 in IPv6",         STR("[::ffff:127.0.0.1]:80"), 0, "::ffff:127.0.0.1", 80,   false, NULL},
    {"the longest",          STR("[" LONGEST "]:65535"),   0, LONGEST,           65535, false, NULL},
    {"port zero",            STR("1.2.3.4:0"),             0, "1.2.3.4",         0,     false, NULL},
    {"the highest port",     STR("1.2.3.4:65535"),         0, "1.2.3.4",         65535, false, NULL},
    {"zeroes before a port", STR("1.2.3.4:00080"),         0, "1.2.3.4",         80,    false, "1.2.3.4:80"},

    {"one port above",       STR("1.2.3.4:65536"),         ADDR_BAD, "", 0, false, NULL},
    {"nothing",              STR(""),                      ADDR_BAD, "", 0, false, NULL},
    {"a colon",              STR(":"),                     ADDR_BAD, "", 0, false, NULL},
    {"no host",              STR(":80"),                   ADDR_BAD, "", 0, false, NULL},
    {"no host in brackets",  STR("[]:80"),                 ADDR_BAD, "", 0, false, NULL},
    {"no port",              STR("1.2.3.4"),               ADDR_BAD, "", 0, false, NULL},
    {"an empty port",        STR("1.2.3.4:"),              ADDR_BAD, "", 0, false, NULL},
    {"a negative port",      STR("1.2.3.4:-1"),            ADDR_BAD, "", 0, false, NULL},
    {"a port by name",       STR("1.2.3.4:http"),          ADDR_BAD, "", 0, false, NULL},
    {"two ports",            STR("1.2.3.4:80:80"),         ADDR_BAD, "", 0, false, NULL},
    {"a space",              STR(" 1.2.3.4:80"),           ADDR_BAD, "", 0, false, NULL},
    {"a number above 255",   STR("1.2.3.256:80"),          ADDR_BAD, "", 0, false, NULL},
    {"three numbers",        STR("1.2.3:80"),              ADDR_BAD, "", 0, false, NULL},
    {"a name",               STR("example.org:80"),        ADDR_BAD, "", 0, false, NULL},
    {"localhost, capital",   STR("Localhost:80"),          ADDR_BAD, "", 0, false, NULL},
    {"localhost in brackets", STR("[localhost]:80"),       ADDR_BAD, "", 0, false, NULL},
    {"IPv4 in brackets",     STR("[1.2.3.4]:80"),          ADDR_BAD, "", 0, false, NULL},
    {"IPv6 without brackets", STR("::1:80"),               ADDR_BAD, "", 0, false, NULL},
    {"a bracket not closed", STR("[::1"),                  ADDR_BAD, "", 0, false, NULL},
    {"not closed, a port",   STR("[::1:80"),               ADDR_BAD, "", 0, false, NULL},
    {"no colon behind",      STR("[::1]80"),               ADDR_BAD, "", 0, false, NULL},
    {"no port behind",       STR("[::1]"),                 ADDR_BAD, "", 0, false, NULL},
    {"a zone",               STR("[fe80::1%lo]:80"),       ADDR_BAD, "", 0, false, NULL},
    {"one longer",           STR("[" LONGEST "4]:80"),     ADDR_BAD, "", 0, false, NULL},
    {"a NUL in the host",    STR("1.2.3.4\0:80"),          ADDR_BAD, "", 0, false, NULL},
};
// clang-format on

static void parses_each_row(void **state)
{
    (void)state;
    static_assert(sizeof(LONGEST) == ADDR_HOST_SIZE, "the longest is the longest");
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        CLEANUP(exact_freep) char *in = exact_copy(row->in);
        struct addr a = {.host = "", .port = 0};
        char text[ADDR_TEXT_SIZE];

        expect_int(row->name, addr_parse(&a, (str){in, row->in.len}), row->r);
        expect_str(row->name, str_of(a.host), str_of(row->host)); // a refusal leaves it alone
        expect_int(row->name, a.port, row->port);
        if (row->r != 0)
            continue;
        expect_int(row->name, addr_is_loopback(&a), row->is_loopback);
        expect_str(row->name, str_of(addr_text(text, &a)),
                   row->text ? str_of(row->text) : row->in);
    }
}

/** Cut anywhere before the port's digits, a good address is none. */
static void takes_no_cut_for_an_address(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        const char *port = memrchr(row->in.ptr, ':', row->in.len);
        for (size_t n = 0; row->r == 0 && row->in.ptr + n <= port; n++) {
            CLEANUP(exact_freep) char *in = exact_copy((str){row->in.ptr, n});
            struct addr a;
            expect_int(row->name, addr_parse(&a, (str){in, n}), ADDR_BAD);
        }
    }
}

// clang-format off
static const struct ip_row {
    const char *name;
    str in;
    int r;
    ip ip;
    bool is_v4;
    bool is_loopback;
} ip_rows[] = {
    {"IPv4",              STR("1.2.3.4"),          0, {{[10] = 255, 255, 1, 2, 3, 4}},     true,  false},
    {"IPv4 in IPv6",      STR("::ffff:1.2.3.4"),   0, {{[10] = 255, 255, 1, 2, 3, 4}},     true,  false},
    {"loopback",          STR("127.0.0.1"),        0, {{[10] = 255, 255, 127, 0, 0, 1}},   true,  true},
    {"the last of them",  STR("127.255.255.255"),  0, {{[10] = 255, 255, 127, 255, 255, 255}}, true, true},
    {"one above",         STR("128.0.0.0"),        0, {{[10] = 255, 255, 128}},            true,  false},
    {"one below",         STR("126.255.255.255"),  0, {{[10] = 255, 255, 126, 255, 255, 255}}, true, false},
    {"IPv6 loopback",     STR("::1"),              0, {{[15] = 1}},                        false, true},
    {"in full",           STR("0:0:0:0:0:0:0:1"),  0, {{[15] = 1}},                        false, true},
    {"IPv6",              STR("2001:DB8::7"),      0, {{0x20, 0x01, 0x0d, 0xb8, [15] = 7}}, false, false},
    {"none",              STR("::"),               0, {{0}},                               false, false},
    {"the longest",       STR(LONGEST),            0, {{0x11, 0x11, 0x22, 0x22, 0x33, 0x33, 0x44, 0x44, 0x55, 0x55, 0x66, 0x66, 111, 222, 133, 144}}, false, false},
    {"one longer",        STR(LONGEST "4"),        ADDR_NO_IP, {{0}}, false, false},
    {"nothing",           STR(""),                 ADDR_NO_IP, {{0}}, false, false},
    {"localhost",         STR("localhost"),        ADDR_NO_IP, {{0}}, false, false},
    {"with a port",       STR("1.2.3.4:80"),       ADDR_NO_IP, {{0}}, false, false},
    {"in brackets",       STR("[::1]"),            ADDR_NO_IP, {{0}}, false, false},
    {"with a zone",       STR("fe80::1%lo"),       ADDR_NO_IP, {{0}}, false, false},
    {"three numbers",     STR("1.2.3"),            ADDR_NO_IP, {{0}}, false, false},
    {"a number above 255", STR("1.2.3.256"),       ADDR_NO_IP, {{0}}, false, false},
    {"octal",             STR("0177.0.0.1"),       ADDR_NO_IP, {{0}}, false, false},
    {"one number",        STR("2130706433"),       ADDR_NO_IP, {{0}}, false, false},
    {"a blank",           STR(" 1.2.3.4"),         ADDR_NO_IP, {{0}}, false, false},
    {"a NUL",             STR("1.2.3.4\0"),        ADDR_NO_IP, {{0}}, false, false},
};
// clang-format on

static void parses_each_ip(void **state)
{
    (void)state;
    for (const struct ip_row *row = ip_rows; row < ip_rows + COUNT_OF(ip_rows); row++) {
        CLEANUP(exact_freep) char *in = exact_copy(row->in);
        ip got = {{0}};

        expect_int(row->name, ip_parse(&got, (str){in, row->in.len}), row->r);
        expect_int(row->name, memcmp(&got, &row->ip, sizeof(got)), 0);
        expect_int(row->name, ip_is_v4(&got), row->is_v4);
        expect_int(row->name, ip_is_loopback(&got), row->is_loopback);
    }
}

static void prints_each_ip_as_it_is_read(void **state)
{
    static const char *const texts[] = {"1.2.3.4", "255.255.255.255", "::1", "fd00::1:2",
                                        "2001:db8:1111:2222:3333:4444:5555:6666"};
    char text[ADDR_HOST_SIZE];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        ip got;
        assert_int_equal(ip_parse(&got, str_of(texts[i])), 0);
        assert_string_equal(ip_text(text, &got), texts[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_each_row),
        cmocka_unit_test(prints_each_ip_as_it_is_read),
        cmocka_unit_test(takes_no_cut_for_an_address),
        cmocka_unit_test(parses_each_ip),
    };
    return cmocka_run_group_tests_name("io/addr", tests, NULL, NULL);
}
