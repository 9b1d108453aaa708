#include "api/client.h"
#include "support/api_world.h"
#include "support/auth_token.h"

#define HI "\"type\":\"text\",\"content\":\"hi\""

// Joining.

static void a_wallet_is_told_that_it_is_ready(void **state)
{
    struct api_world *w = start(state);
    struct user *u = user_open(w, "");

    user_join(u, ALICE, "");
    assert_non_null(json_at(user_expect(u, '0'), "sid"));
    const struct json *ready = user_expect_event(u, "ready");
    expect_json(ready, "account", "\"" ALICE "\"");
    expect_json(ready, "session", "\"tab-1\"");
    expect_json(ready, "server_time", "\"2023-11-14T22:13:20.000Z\"");
    expect_json(ready, "recovered", "false");
    expect_json(ready, "unread", "0");
    expect_json(ready, "limits.content_bytes", "65536");
    assert_true(json_text(json_at(user_expect_event(u, "synced"), "cursor")).len > 0);
    user_expect_nothing(u);
    assert_int_equal(api_counters(w->api)->connects, 1);
}

static void a_token_may_come_with_the_handshake(void **state)
{
    struct api_world *w = start(state);
    char field[1024];

    snprintf(field, sizeof(field), "Authorization: Bearer " STR_FMT "\r\n",
             STR_ARG(api_world_token(w, BOB, API_WORLD_TTL_MS)));
    struct user *u = user_open(w, field);
    user_tell(u, "0{\"token\":null}");
    user_expect(u, '0');
    expect_json(user_expect_event(u, "ready"), "account", "\"" BOB "\"");
}

static void the_payload_goes_before_the_handshake(void **state)
{
    struct user *u = user_open(start(state), "Authorization: Bearer x.y.z\r\n");

    user_join(u, ALICE, "");
    user_expect(u, '0');
}

static void a_refusal_says_what_is_wrong_and_lets_try_again(void **state)
{
    static const struct {
        const char *name;
        const char *packet;
        const char *code;
        enum api_error error;
    } rows[] = {
        {"nothing", "0", "\"token_missing\"", API_TOKEN_MISSING},
        {"no token", "0{}", "\"token_missing\"", API_TOKEN_MISSING},
        {"an empty token", "0{\"token\":\"\"}", "\"token_missing\"", API_TOKEN_MISSING},
        {"a number", "0{\"token\":5}", "\"token_invalid\"", API_TOKEN_INVALID},
        {"no token at all", "0{\"token\":\"x\"}", "\"token_invalid\"", API_TOKEN_INVALID},
        {"a forged one", "0{\"token\":\"e30.e30.AAAA\"}", "\"token_invalid\"",
         API_TOKEN_INVALID},
    };
    struct api_world *w = start(state);
    struct user *u = user_open(w, "");

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const uint64_t before = errors(w, rows[i].error);
        user_tell(u, rows[i].packet);
        const struct json *refusal = user_expect(u, '4');
        expect_json(refusal, "data.code", rows[i].code);
        expect_str(rows[i].name, json_text(json_at(refusal, "message")),
                   str_of(api_error_message(rows[i].error)));
        expect_int(rows[i].name, errors(w, rows[i].error), before + 1);
    }
    assert_int_equal(api_counters(w->api)->refused_connects, COUNT_OF(rows));
    user_join(u, ALICE, "");
    user_expect(u, '0');
}

static void an_expired_token_is_told_from_a_bad_one(void **state)
{
    struct api_world *w = start(state);
    struct user *u = user_open(w, "");
    char packet[1024];

    snprintf(packet, sizeof(packet), "0{\"token\":\"" STR_FMT "\"}",
             STR_ARG(api_world_token(w, ALICE, 1000)));
    api_world_pass(w, 1000 + AUTH_SKEW_MS);
    user_tell(u, packet);
    expect_json(user_expect(u, '4'), "data.code", "\"token_expired\"");
}

static void there_is_one_namespace(void **state)
{
    struct user *u = user_open(start(state), "");

    user_tell(u, "0/admin,{}");
    struct server_frame f = {0};
    assert_true(client_take_frame(u->client, &f));
    expect_str("answer", f.payload, STR("44/admin,{\"message\":\"Invalid namespace\"}"));
}

static void a_page_of_elsewhere_is_denied(void **state)
{
    struct api_world *w = *state;

    assert_int_equal(http_origins_add(&w->eio_config.origins, STR("https://a.example")), 0);
    api_world_start(w);
    struct user *ours = user_open(w, "Origin: https://a.example\r\n");
    struct user *other = user_open(w, "Origin: https://b.example\r\n");
    user_join(ours, ALICE, "");
    user_expect(ours, '0');
    user_join(other, ALICE, "");
    expect_json(user_expect(other, '4'), "data.code", "\"origin_denied\"");
}

static void so_many_sockets_of_one_address(void **state)
{
    struct api_world *w = *state;

    w->config.rate_limits = true;
    w->config.sockets_per_ip = 2;
    api_world_start(w);
    struct user *first = user_new(w, ALICE);
    user_new(w, BOB);
    struct user *late = user_open(w, "");
    user_join(late, CAROL, "");
    expect_json(user_expect(late, '4'), "data.code", "\"too_many_sockets\"");
    client_lose(&w->eio, first->client);
    user_join(late, CAROL, "");
    user_expect(late, '0');
}

static void sockets_of_one_address_are_counted_together_with_those_elsewhere(void **state)
{
    struct api_world *w = *state;
    const ip loopback = {{[10] = 0xff, 0xff, 127, 0, 0, 1}};
    struct ips ips;

    ips_init(&ips, 2, &w->eio.seeded.rand);
    w->config.rate_limits = true;
    w->config.sockets_per_ip = 9;
    w->config.ips = &ips;
    api_world_start(w);
    struct user *first = user_new(w, ALICE);
    struct ips_count *elsewhere = ips_take(&ips, &loopback);
    assert_non_null(elsewhere);
    struct user *late = user_open(w, "");
    user_join(late, CAROL, "");
    expect_json(user_expect(late, '4'), "data.code", "\"too_many_sockets\"");
    ips_give(elsewhere);
    user_join(late, CAROL, "");
    user_expect(late, '0');
    client_lose(&w->eio, first->client);
    client_lose(&w->eio, late->client);
    api_world_settle(w);
    ips_fini(&ips);
}

static void a_cursor_goes_on_where_it_was(void **state)
{
    struct api_world *w = start(state);
    struct user *alice = user_new(w, ALICE);
    struct user *bob = user_new(w, BOB);
    char more[128];

    expect_json(user_ask(alice, "[\"message.send\",{\"to\":\"" BOB "\"," HI "}]"), "status",
                "\"ok\"");
    const struct json *got = user_expect_event(bob, "message.new");
    snprintf(more, sizeof(more), ",\"cursor\":\"" STR_FMT "\"",
             STR_ARG(json_text(json_at(got, "cursor"))));
    user_ack(bob);
    user_tell(bob, "1");

    user_tell(bob, "0{}");
    user_expect_event(bob, "message.delivered");
    expect_json(user_expect(bob, '4'), "data.code", "\"token_missing\"");
    user_join(bob, BOB, more);
    user_expect(bob, '0');
    expect_json(user_expect_event(bob, "ready"), "recovered", "true");
    user_expect_event(bob, "message.delivered");
    user_expect_event(bob, "synced");

    struct user *other = user_open(w, "");
    user_join(other, BOB, ",\"cursor\":\"not one of ours\"");
    user_expect(other, '0');
    expect_json(user_expect_event(other, "ready"), "recovered", "false");
    user_expect_event(other, "synced");
}

// The end.

static void a_token_ends_its_connection(void **state)
{
    struct api_world *w = start(state);
    struct user *u = user_new(w, ALICE);

    api_world_pass(w, API_WORLD_TTL_MS - API_EXPIRING_MS - 1);
    user_expect_nothing(u);
    api_world_pass(w, 1);
    expect_json(user_expect_event(u, "auth.expiring"), "expires_at",
                "\"2023-11-14T22:28:20.000Z\"");
    api_world_pass(w, API_EXPIRING_MS + AUTH_SKEW_MS - 1);
    user_expect_nothing(u);
    api_world_pass(w, 1);
    expect_json(user_expect_event(u, "error"), "error.code", "\"token_expired\"");
    user_expect_closed(u);
    assert_int_equal(chat_counters(w->chat)->sessions, 0);
    assert_int_equal(errors(w, API_TOKEN_EXPIRED), 1);
}

/** A host's: ours are for 30 days at most. */
static void a_token_may_be_good_for_long(void **state)
{
    const struct auth_issuer host = {.iss = STR("host"), .key = TOKEN_SECRET};
    struct api_world *w = start(state);
    struct user *u = user_open(w, "");
    char text[TOKEN_SIZE];
    char packet[1024];
    const char *why;

    assert_int_equal(auth_add_issuer(w->auth, &host, &why), 0);
    const str token =
        token_sign(text, TOKEN_SECRET, STR("{\"alg\":\"HS256\"}"),
                   STR("{\"iss\":\"host\",\"sub\":\"" ALICE "\",\"exp\":253402300799}"));
    snprintf(packet, sizeof(packet), "0{\"token\":\"" STR_FMT "\"}", STR_ARG(token));
    user_tell(u, packet);
    user_expect(u, '0');
    api_world_pass(w, 86400000);
    user_expect_event(u, "ready");
    user_expect_event(u, "synced");
    user_expect_nothing(u);
}

static void a_wallet_with_too_many_connections_loses_the_most_silent(void **state)
{
    struct api_world *w = *state;

    w->chat_config = (struct chat_config){
        .rate_limits = true, .sends = {9, 9, 1000}, .requests = {9, 9, 1000}, .sessions = 1};
    api_world_start(w);
    struct user *old = user_new(w, ALICE);
    api_world_pass(w, 1);
    struct user *new = user_new(w, ALICE);
    expect_json(user_expect_event(old, "error"), "error.code", "\"too_many_sockets\"");
    user_expect(old, '1'); // DISCONNECT: it does not come back by itself
    user_expect_nothing(old);
    user_tell(old, "2[\"conversation.list\",{}]"); // crosses
    user_expect_nothing(old);
    expect_json(user_ask(new, "[\"conversation.list\",{}]"), "status", "\"ok\"");
}

static void what_nobody_knows_is_not_answered(void **state)
{
    struct api_world *w = start(state);
    struct user *u = user_new(w, ALICE);

    store_mem_lose(w->store, 1000);
    user_tell(u, "27[\"message.send\",{\"to\":\"" BOB "\"," HI "}]");
    api_world_pass(w, CHAT_UNCERTAIN_MS - 500);
    user_expect_nothing(u);
    api_world_pass(w, 1000);
    user_expect_closed(u); // and no DISCONNECT before: the client comes back and finds out
    assert_int_equal(chat_counters(w->chat)->sessions, 0);
}

static void who_acknowledges_nothing_is_warned(void **state)
{
    struct api_world *w = start(state);
    struct user *alice = user_new(w, ALICE);
    struct user *bob = user_new(w, BOB);

    user_ask(alice, "[\"message.send\",{\"to\":\"" BOB "\"," HI "}]");
    user_expect_event(bob, "message.new");
    api_world_pass(w, CHAT_UNACKED_MS);
    const struct json *warning = user_expect_event(bob, "warning");
    expect_json(warning, "code", "\"not_acknowledging\"");
    assert_true(json_text(json_at(warning, "message")).len > 0);
    api_world_pass(w, CHAT_UNACKED_MS);
    user_expect_nothing(bob);
}

/** The client is gone before the store has answered. */
static void a_request_outlives_its_socket(void **state)
{
    static const char *const requests[] = {
        "20[\"message.send\",{\"to\":\"" BOB "\"," HI "}]",
        "2[\"message.send\",{\"to\":\"" BOB "\"," HI "}]",
        "21[\"message.history\",{\"peer\":\"" BOB "\"}]",
        "22[\"message.read\",{\"peer\":\"" BOB "\",\"seq\":1}]",
        "23[\"conversation.list\",{}]",
    };
    struct api_world *w = start(state);
    struct user *u = user_new(w, ALICE);

    for (size_t i = 0; i < COUNT_OF(requests); i++)
        user_send(u, str_of(requests[i]));
    mem_stream_end(&u->client->stream, STREAM_LOST);
    assert_false(chat_is_idle(w->chat));
    api_world_settle(w);
    assert_true(chat_is_idle(w->chat));
    assert_int_equal(chat_counters(w->chat)->sent, 2);

    struct user *again = user_new(w, ALICE);
    expect_json(user_ask(again, "[\"message.history\",{\"peer\":\"" BOB "\"}]"),
                "messages.1.content", "\"hi\"");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_wallet_is_told_that_it_is_ready),
        TEST(a_token_may_come_with_the_handshake),
        TEST(the_payload_goes_before_the_handshake),
        TEST(a_refusal_says_what_is_wrong_and_lets_try_again),
        TEST(an_expired_token_is_told_from_a_bad_one),
        TEST(there_is_one_namespace),
        TEST(a_page_of_elsewhere_is_denied),
        TEST(so_many_sockets_of_one_address),
        TEST(sockets_of_one_address_are_counted_together_with_those_elsewhere),
        TEST(a_cursor_goes_on_where_it_was),
        TEST(a_token_ends_its_connection),
        TEST(a_token_may_be_good_for_long),
        TEST(a_wallet_with_too_many_connections_loses_the_most_silent),
        TEST(what_nobody_knows_is_not_answered),
        TEST(who_acknowledges_nothing_is_warned),
        TEST(a_request_outlives_its_socket),
    };
    return cmocka_run_group_tests_name("api_app", tests, NULL, NULL);
}
