#include "io/addr.h"
#include "io/proxy_header.h"
#include "support/exact.h"
#include "support/t.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define TO        "\x0a\x00\x00\x01" // and the destination's port: 443
#define TCP4      SIGNATURE "\x21\x11\x00\x0c\xcb\x00\x71\x07" TO "\xdc\x04\x01\xbb"
#define V6        "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"
#define TCP6      SIGNATURE "\x21\x21\x00\x24" V6 V6 "\xdc\x04\x01\xbb"
#define MAPPED    "\0\0\0\0\0\0\0\0\0\0\xff\xff\xcb\x00\x71\x07"
#define UNIX_SIZE "\x00\xd8" // 216: two paths
#define BYTES_8   "abcdefgh"
#define BYTES_64  BYTES_8 BYTES_8 BYTES_8 BYTES_8 BYTES_8 BYTES_8 BYTES_8 BYTES_8
#define BYTES_216 BYTES_64 BYTES_64 BYTES_64 BYTES_8 BYTES_8 BYTES_8

// clang-format off
static const struct row {
    const char *name;
    str in;
    int r;
    const char *client; // NULL: the proxy's own connection
    uint16_t port;
    size_t behind; // bytes that are not the header's
} rows[] = {
    {"TCP over IPv4",        STR(TCP4),                   0, "203.0.113.7", 56324, 0},
    {"with a request behind", STR(TCP4 "GET / HTTP/1.1"), 0, "203.0.113.7", 56324, 14},
    {"with another header behind", STR(TCP4 TCP4),        0, "203.0.113.7", 56324, 28},
    {"TCP over IPv6",        STR(TCP6),                   0, "2001:db8::7", 56324, 0},
    {"IPv4 as IPv6",         STR(SIGNATURE "\x21\x21\x00\x24" MAPPED V6 "\xdc\x04\x01\xbb"), 0, "203.0.113.7", 56324, 0},
    {"what is said besides", STR(SIGNATURE "\x21\x11\x00\x13" "\xcb\x00\x71\x07" TO "\xdc\x04\x01\xbb" "\x02\x00\x04" "shop" "x"), 0, "203.0.113.7", 56324, 1},
    {"no port",              STR(SIGNATURE "\x21\x11\x00\x0c" "\xcb\x00\x71\x07" TO "\0\0\x01\xbb"), 0, "203.0.113.7", 0, 0},
    {"LOCAL",                STR(SIGNATURE "\x20\x00\x00\x00"), 0, NULL, 0, 0},
    {"LOCAL, and an address", STR(SIGNATURE "\x20\x11\x00\x0c" "\xcb\x00\x71\x07" TO "\xdc\x04\x01\xbb"), 0, NULL, 0, 0},
    {"LOCAL, and half of one", STR(SIGNATURE "\x20\x11\x00\x04" "\xcb\x00\x71\x07" "x"), 0, NULL, 0, 1},

    {"nothing",              STR(""),                     PROXY_HEADER_MORE, NULL, 0, 0},
    {"a request",            STR("GET / HTTP/1.1\r\n"),   PROXY_HEADER_ABSENT, NULL, 0, 0},
    {"a TLS hello",          STR("\x16\x03\x01\x02\x00"), PROXY_HEADER_ABSENT, NULL, 0, 0},
    {"a blank line first",   STR("\r\n\r\nGET"),          PROXY_HEADER_ABSENT, NULL, 0, 0},
    {"another last byte of the signature", STR("\r\n\r\n\0\r\nQUIT\r" "\x21\x11\x00\x0c"), PROXY_HEADER_ABSENT, NULL, 0, 0},
    {"version 1",            STR("PROXY TCP4 203.0.113.7 10.0.0.1 56324 443\r\n"), PROXY_HEADER_TEXT, NULL, 0, 0},
    {"the beginning of version 1", STR("PROX"),           PROXY_HEADER_MORE, NULL, 0, 0},
    {"another word",         STR("PROPFIND /"),           PROXY_HEADER_ABSENT, NULL, 0, 0},
    {"version 1 in binary",  STR(SIGNATURE "\x11\x11\x00\x00"), PROXY_HEADER_BAD, NULL, 0, 0},
    {"version 3",            STR(SIGNATURE "\x31\x11\x00\x00"), PROXY_HEADER_BAD, NULL, 0, 0},
    {"another command",      STR(SIGNATURE "\x22\x11\x00\x00"), PROXY_HEADER_BAD, NULL, 0, 0},
    {"too short for IPv4",   STR(SIGNATURE "\x21\x11\x00\x0b" "\xcb\x00\x71\x07" TO "\xdc\x04\x01"), PROXY_HEADER_BAD, NULL, 0, 0},
    {"too short for IPv6",   STR(SIGNATURE "\x21\x21\x00\x0c" "\xcb\x00\x71\x07" TO "\xdc\x04\x01\xbb"), PROXY_HEADER_BAD, NULL, 0, 0},
    {"nobody",               STR(SIGNATURE "\x21\x00\x00\x00"), PROXY_HEADER_NO_IP, NULL, 0, 0},
    {"nowhere",              STR(SIGNATURE "\x21\x21\x00\x24" "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" V6 "\xdc\x04\x01\xbb"), PROXY_HEADER_NO_IP, NULL, 0, 0},
    {"UDP",                  STR(SIGNATURE "\x21\x12\x00\x0c" "\xcb\x00\x71\x07" TO "\xdc\x04\x01\xbb"), PROXY_HEADER_NO_IP, NULL, 0, 0},
    {"a UNIX socket",        STR(SIGNATURE "\x21\x31" UNIX_SIZE BYTES_216), PROXY_HEADER_NO_IP, NULL, 0, 0},
    {"one byte too large",   STR(SIGNATURE "\x21\x11\x0f\xf1"), PROXY_HEADER_TOO_LARGE, NULL, 0, 0},
    {"as large as may be, and not there", STR(SIGNATURE "\x21\x11\x0f\xf0"), PROXY_HEADER_MORE, NULL, 0, 0},
};
// clang-format on

static int read_exact(struct proxy_header *out, str in)
{
    CLEANUP(exact_freep) char *copy = exact_copy(in);

    return proxy_header_read(out, (str){copy, in.len});
}

static void says_for_whom(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct row *row = &rows[i];
        struct proxy_header got;
        char text[ADDR_HOST_SIZE];
        expect_int(row->name, read_exact(&got, row->in), row->r);
        if (row->r != 0)
            continue;
        expect_int(row->name, got.size, row->in.len - row->behind);
        expect_int(row->name, got.is_local, row->client == NULL);
        if (row->client) {
            expect_str(row->name, str_of(ip_text(text, &got.client.ip)), str_of(row->client));
            expect_int(row->name, got.client.port, row->port);
        }
    }
}

/** However much of it is there: more is wanted, or it is known already. */
static void may_be_cut_at_every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct row *row = &rows[i];
        struct proxy_header got;
        bool is_known = false;
        for (size_t n = 0; n < row->in.len - row->behind; n++) {
            const int r = read_exact(&got, (str){row->in.ptr, n});
            assert_true(r == PROXY_HEADER_MORE || (r == row->r && r != 0));
            assert_false(is_known && r != row->r);
            is_known = r != PROXY_HEADER_MORE;
        }
    }
}

/** Of 4096 bytes, of which a proxy may use the most for what we do not read. */
static void may_be_as_large_as_the_limit(void **state)
{
    static char large[PROXY_HEADER_MAX] = TCP4;
    struct proxy_header got;

    (void)state;
    large[14] = 0x0f;
    large[15] = (char)0xf0;
    expect_int("all but one", read_exact(&got, (str){large, sizeof(large) - 1}),
               PROXY_HEADER_MORE);
    expect_int("all", read_exact(&got, (str){large, sizeof(large)}), 0);
    assert_int_equal(got.size, PROXY_HEADER_MAX);
}

static void says_what_to_do(void **state)
{
    (void)state;
    for (int r = PROXY_HEADER_MORE; r <= PROXY_HEADER_TOO_LARGE; r++)
        assert_true(strlen(proxy_header_remedy((enum proxy_header_refusal)r)) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_for_whom),
        cmocka_unit_test(may_be_cut_at_every_byte),
        cmocka_unit_test(may_be_as_large_as_the_limit),
        cmocka_unit_test(says_what_to_do),
    };
    return cmocka_run_group_tests_name("io/proxy_header", tests, NULL, NULL);
}
