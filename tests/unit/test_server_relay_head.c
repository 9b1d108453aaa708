#include <stdio.h>
#include <stdlib.h>

#include "server/relay_head.h"
#include "server/relay_peers.h"
#include "support/exact.h"
#include "support/t.h"

#define KEY  "k3y-of-all"
#define LINE "GET /socket.io/?EIO=4&transport=polling&sid=x HTTP/1.1\r\n"
#define OURS "Parley-Node: 1 " KEY "\r\n\r\n"
#define POLL "Connection: close\r\n" OURS
#define WS   "Connection: Upgrade, close\r\nUpgrade: websocket\r\n" OURS

/** As a client has sent it, and as the owner gets it. */
static const struct {
    const char *name;
    str in;
    str out;
} rows[] = {
    {"a poll", STR(LINE "Host: a\r\n\r\n"), STR(LINE "Host: a\r\n" POLL)},
    {"empty lines before it", STR("\r\n\r\n" LINE "Host: a\r\n\r\n"),
     STR(LINE "Host: a\r\n" POLL)},
    {"HTTP/1.0", STR("GET /?sid=x HTTP/1.0\r\n\r\n"), STR("GET /?sid=x HTTP/1.0\r\n" POLL)},
    {"any method and target", STR("BREW http://b/?a=%20 HTTP/1.1\r\nHost: b\r\n\r\n"),
     STR("BREW http://b/?a=%20 HTTP/1.1\r\nHost: b\r\n" POLL)},
    {"fields in their order, with their case",
     STR(LINE "hOST:a\r\nx-Y: 1\r\nX-y:  2 \r\nEmpty:\r\n\r\n"),
     STR(LINE "hOST: a\r\nx-Y: 1\r\nX-y: 2\r\nEmpty: \r\n" POLL)},
    {"whose pages, and for whom",
     STR(LINE "Host: a\r\nOrigin: http://p\r\nX-Forwarded-For: 1.2.3.4\r\nCookie: c\r\n\r\n"),
     STR(LINE "Host: a\r\nOrigin: http://p\r\nX-Forwarded-For: 1.2.3.4\r\nCookie: c\r\n" POLL)},
    {"a body's length",
     STR(LINE "Host: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"),
     STR(LINE "Host: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n" POLL)},
    {"a body in chunks", STR(LINE "Host: a\r\nTransfer-Encoding: chunked\r\n\r\n"),
     STR(LINE "Host: a\r\nTransfer-Encoding: chunked\r\n" POLL)},
    {"what is of the connection",
     STR(LINE "Host: a\r\nConnection: keep-alive, te\r\nkeep-alive: 5\r\nTE: trailers\r\n"
              "Proxy-Connection: x\r\nTrailer: x\r\nproxy-authorization: x\r\n\r\n"),
     STR(LINE "Host: a\r\n" POLL)},
    {"a length that Connection names stays",
     STR(LINE "Host: a\r\nConnection: content-length, host\r\nContent-Length: 5\r\n\r\n"),
     STR(LINE "Host: a\r\nContent-Length: 5\r\n" POLL)},
    {"what only we say", STR(LINE "Host: a\r\nparley-peer: 1.2.3.4\r\nPARLEY-: x\r\n\r\n"),
     STR(LINE "Host: a\r\n" POLL)},
    {"what is almost ours", STR(LINE "Host: a\r\nParley: x\r\nX-Parley-Node: 1\r\n\r\n"),
     STR(LINE "Host: a\r\nParley: x\r\nX-Parley-Node: 1\r\n" POLL)},
    {"a WebSocket",
     STR(LINE "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nHost: a\r\n"
              "Sec-WebSocket-Key: k\r\nSec-WebSocket-Version: 13\r\n\r\n"),
     STR(LINE "Host: a\r\nSec-WebSocket-Key: k\r\nSec-WebSocket-Version: 13\r\n" WS)},
    {"another upgrade",
     STR(LINE "Host: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
              "HTTP2-Settings: x\r\n\r\n"),
     STR(LINE "Host: a\r\n" POLL)},
    {"an upgrade that Connection does not name",
     STR(LINE "Host: a\r\nUpgrade: websocket\r\n\r\n"), STR(LINE "Host: a\r\n" POLL)},
};

static struct buf rewrite(str in)
{
    struct http_head h;
    struct buf out;
    str rest = in;

    assert_int_equal(http_head_parse(&h, &rest), 0);
    buf_init(&out, RELAY_HEAD_SIZE);
    relay_head_write(&out, (str){in.ptr, in.len - rest.len}, &h, STR(KEY));
    return out;
}

static void each_row_is_written_anew(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char *in = exact_copy(rows[i].in);
        struct buf out = rewrite((str){in, rows[i].in.len});
        expect_str(rows[i].name, buf_str(&out), rows[i].out);
        buf_fini(&out);
        free(in);
    }
}

static void what_comes_behind_a_head_is_not_in_it(void **state)
{
    (void)state;
    struct buf out = rewrite(STR(LINE "Host: a\r\n\r\nGET /next HTTP/1.1\r\n"));
    expect_str("head", buf_str(&out), STR(LINE "Host: a\r\n" POLL));
    buf_fini(&out);
}

static void expect_more_of_each_cut(const char *name, str all)
{
    struct http_head h;

    for (size_t n = 0; n < all.len; n++) {
        char *copy = exact_copy((str){all.ptr, n});
        str cut = {copy, n};
        expect_int(name, http_head_parse(&h, &cut), HTTP_HEAD_MORE);
        free(copy);
    }
}

/** Cut anywhere, it is no head yet; whole, it is one, and of ours. */
static void the_owner_reads_what_was_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf out = rewrite(rows[i].in);
        str rest = buf_str(&out);
        struct http_head h;
        expect_more_of_each_cut(rows[i].name, rest);
        expect_int(rows[i].name, http_head_parse(&h, &rest), 0);
        expect_int(rows[i].name, rest.len, 0);
        expect_int(rows[i].name, h.keep_alive, false);
        expect_int(rows[i].name, relay_head_check(&h, STR(KEY)), 0);
        buf_fini(&out);
    }
}

/** As long as a head may be, with as many fields, each without a space to spare. */
static void the_largest_head_has_room(void **state)
{
    struct buf in;
    char key[RELAY_KEY_MAX];

    (void)state;
    memset(key, 'k', sizeof(key));
    buf_init(&in, HTTP_HEAD_MAX);
    assert_int_equal(buf_add(&in, STR("GET / HTTP/1.1\r\nHost:a\r\nConnection:upgrade\r\n"
                                      "Upgrade:websocket\r\n")),
                     0);
    for (size_t i = 3; i < HTTP_HEADERS_MAX - 1; i++)
        assert_int_equal(buf_add(&in, STR("a:b\r\n")), 0);
    assert_int_equal(buf_add(&in, STR("c:")), 0);
    const size_t left = HTTP_HEAD_MAX - in.len - 4;
    memset(buf_room(&in, left), 'c', left);
    buf_added(&in, left);
    assert_int_equal(buf_add(&in, STR("\r\n\r\n")), 0);

    struct http_head h;
    str rest = buf_str(&in);
    struct buf out;
    assert_int_equal(http_head_parse(&h, &rest), 0);
    buf_init(&out, RELAY_HEAD_SIZE);
    relay_head_write(&out, buf_str(&in), &h, (str){key, sizeof(key)});
    assert_true(out.len > HTTP_HEAD_MAX);
    // The owner takes no more than anybody: 431, for the last bytes of what a client may send.
    rest = buf_str(&out);
    assert_int_equal(http_head_parse(&h, &rest), HTTP_HEAD_TOO_LARGE);
    buf_fini(&out);
    buf_fini(&in);
}

static const struct {
    const char *field; // its line; NULL: none
    int r;
} checks[] = {
    {"Parley-Node: 1 " KEY, 0},
    {"parley-node:1 " KEY, 0},
    {"Parley-Node: 2 " KEY, RELAY_HEAD_VERSION},
    {"Parley-Node: 11 " KEY, RELAY_HEAD_VERSION},
    {"Parley-Node: " KEY, RELAY_HEAD_VERSION},
    {"Parley-Node:", RELAY_HEAD_VERSION},
    {"Parley-Node: 1", RELAY_HEAD_KEY},
    {"Parley-Node: 1  " KEY, RELAY_HEAD_KEY},
    {"Parley-Node: 1 " KEY "x", RELAY_HEAD_KEY},
    {"Parley-Node: 1 k3y-of-al", RELAY_HEAD_KEY},
    {"Parley-Node: 1 k3y-of-alL", RELAY_HEAD_KEY},
    {"Parley-Node: 1 x\r\nParley-Node: 1 " KEY, RELAY_HEAD_KEY},
};

static void only_the_version_and_the_key_are_right(void **state)
{
    char text[256];
    struct http_head h;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(checks); i++) {
        snprintf(text, sizeof(text), LINE "Host: a\r\n%s\r\n\r\n", checks[i].field);
        str in = str_of(text);
        assert_int_equal(http_head_parse(&h, &in), 0);
        expect_int(checks[i].field, relay_head_is_relayed(&h), true);
        expect_int(checks[i].field, relay_head_check(&h, STR(KEY)), checks[i].r);
        expect_int(checks[i].field, relay_head_check(&h, (str){0}) != 0, true);
    }
}

static void a_key_is_what_a_field_can_have(void **state)
{
    char longest[RELAY_KEY_MAX + 1];

    (void)state;
    memset(longest, 'k', sizeof(longest));
    assert_true(relay_key_is_good(STR("k")));
    assert_true(relay_key_is_good(STR("!~+/=")));
    assert_true(relay_key_is_good((str){longest, RELAY_KEY_MAX}));
    assert_false(relay_key_is_good((str){longest, RELAY_KEY_MAX + 1}));
    assert_false(relay_key_is_good(STR("")));
    assert_false(relay_key_is_good(STR("a b")));
    assert_false(relay_key_is_good(STR("a\r\n")));
    assert_false(relay_key_is_good(STR("\x7f")));
    assert_false(relay_key_is_good(STR("\xc3\xa4")));
}

static ip peer_of(size_t i)
{
    return (ip){{[0] = 0xfd, [14] = (uint8_t)(i >> 8), [15] = (uint8_t)i}};
}

static void so_many_peers_are_remembered(void **state)
{
    struct relay_peers p;

    (void)state;
    relay_peers_init(&p);
    for (size_t i = 0; i < RELAY_PEERS_MAX; i++) {
        const ip peer = peer_of(i);
        assert_false(relay_peers_has(&p, &peer));
        relay_peers_add(&p, &peer);
        relay_peers_add(&p, &peer); // it has one place
    }
    const ip first = peer_of(0);
    const ip second = peer_of(1);
    const ip late = peer_of(RELAY_PEERS_MAX);
    assert_true(relay_peers_has(&p, &first));
    assert_false(relay_peers_has(&p, &late));
    relay_peers_add(&p, &late);
    assert_true(relay_peers_has(&p, &late));
    assert_false(relay_peers_has(&p, &first));
    assert_true(relay_peers_has(&p, &second));
    relay_peers_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_is_written_anew),
        cmocka_unit_test(what_comes_behind_a_head_is_not_in_it),
        cmocka_unit_test(the_owner_reads_what_was_written),
        cmocka_unit_test(the_largest_head_has_room),
        cmocka_unit_test(only_the_version_and_the_key_are_right),
        cmocka_unit_test(a_key_is_what_a_field_can_have),
        cmocka_unit_test(so_many_peers_are_remembered),
    };
    return cmocka_run_group_tests_name("server/relay_head", tests, NULL, NULL);
}
