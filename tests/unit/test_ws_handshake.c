#include "support/t.h"
#include "ws/handshake.h"

#define KEY     "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==" // of section 1.3
#define UPGRADE "Upgrade", "websocket"
#define CONNECT "Connection", "Upgrade"
#define VERSION "Sec-WebSocket-Version", "13"
#define OFFER   "Sec-WebSocket-Protocol"

#define ANSWER                                                                                 \
    "Upgrade: websocket\r\n"                                                                   \
    "Connection: Upgrade\r\n"                                                                  \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

struct row {
    const char *name;
    int r;
    enum http_method method;
    unsigned minor_version;
    const char *fields[14]; // name, value, name, …
};

// clang-format off
static const struct row rows[] = {
    {"the example of section 1.3", 0, HTTP_GET, 1, {UPGRADE, CONNECT, KEY, VERSION}},
    {"any order, any case",        0, HTTP_GET, 1, {"sec-websocket-version", "13", "SEC-WEBSOCKET-KEY", "dGhlIHNhbXBsZSBub25jZQ==", "connection", "upgrade", "upgrade", "WebSocket"}},
    {"a list in Connection",       0, HTTP_GET, 1, {UPGRADE, "Connection", "keep-alive, Upgrade", KEY, VERSION}},
    {"two Connection fields",      0, HTTP_GET, 1, {UPGRADE, "Connection", "keep-alive", CONNECT, KEY, VERSION}},
    {"a list in Upgrade",          0, HTTP_GET, 1, {"Upgrade", "h2c, websocket", CONNECT, KEY, VERSION}},
    {"extensions offered",         0, HTTP_GET, 1, {UPGRADE, CONNECT, KEY, VERSION, "Sec-WebSocket-Extensions", "permessage-deflate"}},
    {"all alphabet",               0, HTTP_GET, 1, {UPGRADE, CONNECT, VERSION, "Sec-WebSocket-Key", "AZaz09+/AZaz09+/AZaz09=="}},
    {"POST",                       WS_HANDSHAKE_METHOD, HTTP_POST, 1, {UPGRADE, CONNECT, KEY, VERSION}},
    {"HEAD",                       WS_HANDSHAKE_METHOD, HTTP_HEAD, 1, {UPGRADE, CONNECT, KEY, VERSION}},
    {"HTTP/1.0",                   WS_HANDSHAKE_METHOD, HTTP_GET,  0, {UPGRADE, CONNECT, KEY, VERSION}},
    {"no Upgrade",                 WS_HANDSHAKE_UPGRADE, HTTP_GET, 1, {CONNECT, KEY, VERSION}},
    {"another Upgrade",            WS_HANDSHAKE_UPGRADE, HTTP_GET, 1, {"Upgrade", "h2c", CONNECT, KEY, VERSION}},
    {"almost websocket",           WS_HANDSHAKE_UPGRADE, HTTP_GET, 1, {"Upgrade", "websockets", CONNECT, KEY, VERSION}},
    {"no Connection",              WS_HANDSHAKE_UPGRADE, HTTP_GET, 1, {UPGRADE, KEY, VERSION}},
    {"Connection without Upgrade", WS_HANDSHAKE_UPGRADE, HTTP_GET, 1, {UPGRADE, "Connection", "keep-alive", KEY, VERSION}},
    {"no version",                 WS_HANDSHAKE_VERSION, HTTP_GET, 1, {UPGRADE, CONNECT, KEY}},
    {"version 8",                  WS_HANDSHAKE_VERSION, HTTP_GET, 1, {UPGRADE, CONNECT, KEY, "Sec-WebSocket-Version", "8"}},
    {"version 130",                WS_HANDSHAKE_VERSION, HTTP_GET, 1, {UPGRADE, CONNECT, KEY, "Sec-WebSocket-Version", "130"}},
    {"version twice",              WS_HANDSHAKE_VERSION, HTTP_GET, 1, {UPGRADE, CONNECT, KEY, VERSION, VERSION}},
    {"versions in a list",         WS_HANDSHAKE_VERSION, HTTP_GET, 1, {UPGRADE, CONNECT, KEY, "Sec-WebSocket-Version", "13, 8"}},
    {"no key",                     WS_HANDSHAKE_KEY, HTTP_GET, 1, {UPGRADE, CONNECT, VERSION}},
    {"empty key",                  WS_HANDSHAKE_KEY, HTTP_GET, 1, {UPGRADE, CONNECT, VERSION, "Sec-WebSocket-Key", ""}},
    {"key twice",                  WS_HANDSHAKE_KEY, HTTP_GET, 1, {UPGRADE, CONNECT, VERSION, KEY, KEY}},
    {"key of 15 bytes",            WS_HANDSHAKE_KEY, HTTP_GET, 1, {UPGRADE, CONNECT, VERSION, "Sec-WebSocket-Key", "MTIzNDU2Nzg5MDEyMzQ1"}},
    {"key of 17 bytes",            WS_HANDSHAKE_KEY, HTTP_GET, 1, {UPGRADE, CONNECT, VERSION, "Sec-WebSocket-Key", "MTIzNDU2Nzg5MDEyMzQ1Njc="}},
    {"key of 18 bytes",            WS_HANDSHAKE_KEY, HTTP_GET, 1, {UPGRADE, CONNECT, VERSION, "Sec-WebSocket-Key", "MTIzNDU2Nzg5MDEyMzQ1Njc4"}},
    {"key without padding",        WS_HANDSHAKE_KEY, HTTP_GET, 1, {UPGRADE, CONNECT, VERSION, "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ"}},
    {"key with a pad too many",    WS_HANDSHAKE_KEY, HTTP_GET, 1, {UPGRADE, CONNECT, VERSION, "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZ==="}},
    {"key of the URL alphabet",    WS_HANDSHAKE_KEY, HTTP_GET, 1, {UPGRADE, CONNECT, VERSION, "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25j-_=="}},
    {"key and one more",           WS_HANDSHAKE_KEY, HTTP_GET, 1, {UPGRADE, CONNECT, VERSION, "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==A"}},
    {"key with a space",           WS_HANDSHAKE_KEY, HTTP_GET, 1, {UPGRADE, CONNECT, VERSION, "Sec-WebSocket-Key", "dGhlIHNhbXBs SBub25jZQ=="}},
};
// clang-format on

static struct http_head head_of(enum http_method method, unsigned minor_version,
                                const char *const fields[])
{
    struct http_head h = {.method = method, .minor_version = minor_version};

    for (size_t i = 0; fields[i]; i += 2) {
        h.headers[h.n_headers++] =
            (struct http_header){str_of(fields[i]), str_of(fields[i + 1])};
    }
    return h;
}

static void checks_each_row(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        const struct http_head h = head_of(row->method, row->minor_version, row->fields);
        expect_int(row->name, ws_handshake_check(&h), row->r);
    }
}

static void refuses_a_request_with_a_body(void **state)
{
    (void)state;
    static const char *const fields[] = {UPGRADE, CONNECT, KEY, VERSION, NULL};
    struct http_head h = head_of(HTTP_GET, 1, fields);

    h.has_length = true;
    expect_int("of no bytes", ws_handshake_check(&h), 0);
    h.content_length = 1;
    expect_int("of one byte", ws_handshake_check(&h), WS_HANDSHAKE_METHOD);
    h = head_of(HTTP_GET, 1, fields);
    h.is_chunked = true;
    expect_int("in chunks", ws_handshake_check(&h), WS_HANDSHAKE_METHOD);
}

static void answers_with_the_first_subprotocol(void **state)
{
    // clang-format off
    static const struct {
        const char *name;
        const char *want;
        const char *fields[14];
    } offers[] = {
        {"none",                ANSWER,                                         {UPGRADE, CONNECT, KEY, VERSION}},
        {"one",                 ANSWER "Sec-WebSocket-Protocol: arduino\r\n",   {UPGRADE, CONNECT, KEY, VERSION, OFFER, "arduino"}},
        {"a list",              ANSWER "Sec-WebSocket-Protocol: chat\r\n",      {UPGRADE, CONNECT, KEY, VERSION, OFFER, "chat , superchat"}},
        {"two fields",          ANSWER "Sec-WebSocket-Protocol: a\r\n",         {UPGRADE, CONNECT, KEY, VERSION, OFFER, "a", OFFER, "b"}},
        {"another case",        ANSWER "Sec-WebSocket-Protocol: Chat.v1\r\n",   {UPGRADE, CONNECT, KEY, VERSION, "sec-websocket-protocol", "Chat.v1"}},
        {"empty",               ANSWER,                                         {UPGRADE, CONNECT, KEY, VERSION, OFFER, ""}},
        {"first one empty",     ANSWER,                                         {UPGRADE, CONNECT, KEY, VERSION, OFFER, ",chat"}},
        {"not a token",         ANSWER,                                         {UPGRADE, CONNECT, KEY, VERSION, OFFER, "two words"}},
        {"not ASCII",           ANSWER,                                         {UPGRADE, CONNECT, KEY, VERSION, OFFER, "caf\xc3\xa9"}},
        {"no extension taken",  ANSWER,                                         {UPGRADE, CONNECT, KEY, VERSION, "Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"}},
    };
    // clang-format on
    (void)state;

    for (size_t i = 0; i < COUNT_OF(offers); i++) {
        const struct http_head h = head_of(HTTP_GET, 1, offers[i].fields);
        struct buf out;
        buf_init(&out, 1024);

        expect_int(offers[i].name, ws_handshake_check(&h), 0);
        expect_int(offers[i].name, ws_handshake_answer(&out, &h), 0);

        expect_str(offers[i].name, buf_str(&out), str_of(offers[i].want));
        buf_fini(&out);
    }
}

static void adds_nothing_when_the_answer_does_not_fit(void **state)
{
    (void)state;
    static const char *const fields[] = {UPGRADE, CONNECT, KEY, VERSION, OFFER, "chat", NULL};
    const struct http_head h = head_of(HTTP_GET, 1, fields);
    const size_t n = sizeof(ANSWER "Sec-WebSocket-Protocol: chat\r\n") - 1;
    struct buf out;

    buf_init(&out, n - 1);
    assert_int_equal(ws_handshake_answer(&out, &h), BUF_FULL);
    assert_int_equal(out.len, 0);
    buf_fini(&out);

    buf_init(&out, n);
    assert_int_equal(ws_handshake_answer(&out, &h), 0);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checks_each_row),
        cmocka_unit_test(refuses_a_request_with_a_body),
        cmocka_unit_test(answers_with_the_first_subprotocol),
        cmocka_unit_test(adds_nothing_when_the_answer_does_not_fit),
    };
    return cmocka_run_group_tests_name("ws/handshake", tests, NULL, NULL);
}
