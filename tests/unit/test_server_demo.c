#include "server/demo.h"
#include "support/handler_world.h"
#include "support/said.h"

// The wallets of the keys 1 and 2.
#define ALICE "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
#define BOB   "0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF"

#define HERE "Host: 127.0.0.1:8080\r\n"
#define THERE                                                                                  \
    "Only a page of this server gets these, in a browser on this machine: open "               \
    "http://localhost and the port.\n"

#define FIELDS                                                                                 \
    "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"                           \
    "Cross-Origin-Resource-Policy: same-origin\r\n"

struct world {
    struct handler_world http;
    struct keys_demo keys;
    struct http_proxies proxies;
    struct demo demo;
};

static int setup(void **state)
{
    static struct world w;

    w = (struct world){0};
    w.keys.keys[0][CRYPTO_WALLET_KEY_SIZE - 1] = 1;
    w.keys.keys[1][CRYPTO_WALLET_KEY_SIZE - 1] = 2;
    demo_init(&w.demo, &w.keys, &w.proxies);
    handler_world_start(&w.http, &demo_http_handler, &w.demo);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    handler_world_stop(&w->http);
    return 0;
}

/** @return the answer, borrowed until the next */
static str ask(struct world *w, const char *request, const char *fields)
{
    char text[1024];
    const int n = snprintf(text, sizeof(text), "%s HTTP/1.1\r\n%s\r\n", request, fields);

    assert_in_range(n, 1, sizeof(text) - 1);
    return handler_world_ask(&w->http, (str){text, (size_t)n});
}

static void gives_each_wallet_and_who_its_peer_is(void **state)
{
    static const str alice =
        STR("HTTP/1.1 200 OK\r\n" HANDLER_DATE
            "Content-Type: application/json\r\n"
            "Content-Length: 223\r\n" FIELDS
            "\r\n"
            "{\"name\":\"Alice\",\"address\":\"" ALICE
            "\",\"key\":\"0x"
            "0000000000000000000000000000000000000000000000000000000000000001\","
            "\"peer\":{\"name\":\"Bob\",\"address\":\"" BOB "\"}}");
    static const str bob =
        STR("{\"name\":\"Bob\",\"address\":\"" BOB
            "\",\"key\":\"0x"
            "0000000000000000000000000000000000000000000000000000000000000002\","
            "\"peer\":{\"name\":\"Alice\",\"address\":\"" ALICE "\"}}");
    struct world *w = *state;

    expect_str("alice", ask(w, "GET /dev/wallets/alice", HERE), alice);
    expect_str("bob", handler_world_body(ask(w, "GET /dev/wallets/bob", HERE)), bob);
    expect_str("with a query", ask(w, "GET /dev/wallets/alice?x=1", HERE), alice);
    const str head = ask(w, "HEAD /dev/wallets/alice", HERE);
    expect_str("head", head, ((str){alice.ptr, head.len}));
    expect_str("no body", handler_world_body(head), STR(""));
}

// clang-format off
static const struct row {
    const char *name;
    const char *request;
    const char *fields;
    unsigned status;
} rows[] = {
    {"a page of ours",          "GET /dev/wallets/alice", HERE "Sec-Fetch-Site: same-origin\r\n", 200},
    {"what was typed",          "GET /dev/wallets/alice", HERE "Sec-Fetch-Site: none\r\n",        200},
    {"our own origin",          "GET /dev/wallets/alice", HERE "Origin: http://127.0.0.1:8080\r\n", 200},
    {"localhost",               "GET /dev/wallets/alice", "Host: localhost:8080\r\n",             200},
    {"below localhost",         "GET /dev/wallets/alice", "Host: chat.localhost\r\n",             200},
    {"IPv6",                    "GET /dev/wallets/alice", "Host: [::1]:8080\r\n",                 200},
    {"another 127",             "GET /dev/wallets/alice", "Host: 127.1.2.3\r\n",                  200},

    {"a name that leads here",  "GET /dev/wallets/alice", "Host: evil.test:8080\r\n",             403},
    {"that begins so",          "GET /dev/wallets/alice", "Host: 127.0.0.1.evil.test\r\n",        403},
    {"another address",         "GET /dev/wallets/alice", "Host: 192.168.0.1\r\n",                403},
    {"another site",            "GET /dev/wallets/alice", HERE "Sec-Fetch-Site: cross-site\r\n",  403},
    {"another port",            "GET /dev/wallets/alice", HERE "Sec-Fetch-Site: same-site\r\n",   403},
    {"no site at all",          "GET /dev/wallets/alice", HERE "Sec-Fetch-Site:\r\n",             403},
    {"another case of it",      "GET /dev/wallets/alice", HERE "Sec-Fetch-Site: Same-Origin\r\n", 403},
    {"the origin of another",   "GET /dev/wallets/alice", HERE "Origin: https://evil.test\r\n",   403},
    {"of another port",         "GET /dev/wallets/alice", HERE "Origin: http://127.0.0.1:5173\r\n", 403},
    {"of another name of ours", "GET /dev/wallets/alice", HERE "Origin: http://localhost:8080\r\n", 403},
    {"of a sandbox",            "GET /dev/wallets/alice", HERE "Origin: null\r\n",                403},
    {"no origin at all",        "GET /dev/wallets/alice", HERE "Origin:\r\n",                     403},
    {"bob's as well",           "GET /dev/wallets/bob",   "Host: evil.test\r\n",                  403},
    {"its head as well",        "HEAD /dev/wallets/bob",  "Host: evil.test\r\n",                  403},
    {"whatever the method",     "POST /dev/wallets/bob",  "Host: evil.test\r\n",                  403},

    {"another method",          "POST /dev/wallets/bob",  HERE,                                   405},
    {"a preflight",             "OPTIONS /dev/wallets/bob", HERE,                                 405},
    {"nobody",                  "GET /dev/wallets/",      HERE,                                   404},
    {"another",                 "GET /dev/wallets/carol", HERE,                                   404},
    {"longer",                  "GET /dev/wallets/alice/", HERE,                                  404},
    {"another case",            "GET /dev/wallets/Alice", HERE,                                   404},
    {"the folder",              "GET /dev/wallets",       HERE,                                   404},
};
// clang-format on

static void expect_no_key(const char *what, str answer)
{
    expect_int(what, handler_world_find(answer, "key") != NULL, false);
    expect_int(what, handler_world_find(answer, "0000000") != NULL, false);
}

static void gives_them_to_nobody_else(void **state)
{
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        const str answer = ask(*state, row->request, row->fields);

        expect_int(row->name, handler_world_status(answer), row->status);
        expect_str(row->name, handler_world_field(answer, "Cache-Control"), STR("no-store"));
        expect_int(row->name,
                   handler_world_field(answer, "Access-Control-Allow-Origin").ptr != NULL,
                   false);
        if (row->status != 200)
            expect_no_key(row->name, answer);
        if (row->status == 403 && str_starts(str_of(row->request), STR("GET")))
            expect_str(row->name, handler_world_body(answer), STR(THERE));
        if (row->status == 405)
            expect_str(row->name, handler_world_field(answer, "Allow"), STR("GET, HEAD"));
    }
}

static void peer_of_another_machine(struct stream *s, char *out)
{
    (void)s;
    memcpy(out, "192.168.0.7:1", sizeof("192.168.0.7:1"));
}

static void peer_by_ipv6(struct stream *s, char *out)
{
    (void)s;
    memcpy(out, "[::1]:1", sizeof("[::1]:1"));
}

static void only_this_machine_gets_them(void **state)
{
    struct world *w = *state;

    handler_world_leave(&w->http);
    handler_world_connect(&w->http, peer_of_another_machine);
    const str refused = ask(w, "GET /dev/wallets/alice", HERE);
    expect_int("another machine", handler_world_status(refused), 403);
    expect_no_key("another machine", refused);

    handler_world_leave(&w->http);
    handler_world_connect(&w->http, peer_by_ipv6);
    expect_int("::1", handler_world_status(ask(w, "GET /dev/wallets/alice", HERE)), 200);
}

/** A tunnel to this machine, say, which says that it is one. */
static void nobody_gets_them_through_a_proxy_that_is_not_trusted(void **state)
{
    static const char *const fields[] = {
        HERE "X-Forwarded-For: 203.0.113.1\r\n",
        HERE "X-Forwarded-For: 127.0.0.1\r\n",
        HERE "Forwarded: for=127.0.0.1\r\n",
    };
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        const str answer = ask(w, "GET /dev/wallets/alice", fields[i]);
        expect_int(fields[i], handler_world_status(answer), 403);
        expect_no_key(fields[i], answer);
    }
}

static void behind_a_trusted_proxy_its_client_counts(void **state)
{
    static const struct {
        const char *name;
        const char *fields;
        unsigned status;
    } clients[] = {
        {"this machine", HERE "X-Forwarded-For: 127.0.0.1\r\n", 200},
        {"nobody", HERE, 200},
        {"another", HERE "X-Forwarded-For: 203.0.113.1\r\n", 403},
        {"another, which says it is here", HERE "X-Forwarded-For: 127.0.0.1, 203.0.113.1\r\n",
         403},
    };
    struct world *w = *state;

    assert_int_equal(http_proxies_add(&w->proxies, STR("127.0.0.0/8")), 0);
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        const str answer = ask(w, "GET /dev/wallets/alice", clients[i].fields);
        expect_int(clients[i].name, handler_world_status(answer), clients[i].status);
    }
}

static void people_are_told_where_to_look(void **state)
{
    struct addr at;
    struct said said;

    (void)state;
    assert_int_equal(addr_parse(&at, STR("[::1]:8080")), 0);
    said_start(&said);
    demo_greet("http", &at);
    said_stop(&said);
    expect_in("the first", said.out, "\n    http://[::1]:8080/#alice\n");
    expect_in("the second", said.out, "\n    http://[::1]:8080/#bob\n");
    expect_in("what they are", said.out, "throw-away wallet");
    expect_int("stderr", said.n_err, 0);
    said_free(&said);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(gives_each_wallet_and_who_its_peer_is),
        TEST(gives_them_to_nobody_else),
        TEST(only_this_machine_gets_them),
        TEST(nobody_gets_them_through_a_proxy_that_is_not_trusted),
        TEST(behind_a_trusted_proxy_its_client_counts),
        cmocka_unit_test(people_are_told_where_to_look),
    };
    return cmocka_run_group_tests_name("server/demo", tests, NULL, NULL);
}
