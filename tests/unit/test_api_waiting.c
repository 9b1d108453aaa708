#include "api/client.h"
#include "api/identify.h"
#include "support/auth_keys.h"
#include "support/sign_in_world.h"

#define KEYS     STR(JWKS("{" JWK_P256 ",\"kid\":\"e\"}"))       // TOKEN_ES256's
#define OTHERS   STR(JWKS("{" JWK_P256_OTHER ",\"kid\":\"f\"}")) // of nobody's token
#define MISTAKEN STR(JWKS("{" JWK_P256_OTHER ",\"kid\":\"e\"}"))

/** The fetch at the start is held back. */
static struct api_world *start_at_url(void **state)
{
    struct api_world *w = *state;

    w->urls =
        (struct auth_issuer_urls){1, {{0, STR("host"), STR("https://host.example/jwks")}}};
    w->fetcher.is_holding = true;
    api_world_start(w);
    api_world_pass(w, 0);
    assert_int_equal(w->fetcher.n_fetched, 1);
    return w;
}

/** The last fetch is over. */
static void fetched(struct api_world *w, int r, str keys)
{
    fake_fetcher_answer(&w->fetcher, w->fetcher.n_fetched - 1, r, keys);
    api_world_settle(w);
}

static struct user *begin_to_join(struct api_world *w)
{
    return connect_with(w, TOKEN_ES256);
}

static void expect_joined(struct user *u)
{
    user_expect(u, '0');
    expect_json(user_expect_event(u, "ready"), "account", "\"" ALICE "\"");
    user_expect_event(u, "synced");
}

// Clients that connect.

static void a_client_waits_for_the_keys_and_is_let_in(void **state)
{
    struct api_world *w = start_at_url(state);
    struct user *u = begin_to_join(w);

    user_tell(u, "21[\"conversation.list\",{}]"); // does not wait for its turn
    user_expect_nothing(u);
    assert_false(api_is_idle(w->api));
    fetched(w, 0, KEYS);
    user_expect(u, '0');
    user_expect_event(u, "ready");
    user_expect_event(u, "synced");
    expect_json(user_expect(u, '3'), "0.status", "\"ok\"");
    assert_int_equal(u->id, 1);
    assert_int_equal(api_counters(w->api)->connects, 1);
    expect_joined(begin_to_join(w)); // from now on at once
    assert_int_equal(w->fetcher.n_fetched, 1);
}

static void it_goes_on_where_it_was(void **state)
{
    struct api_world *w = start_at_url(state);
    char packet[2048];

    fetched(w, 0, KEYS);
    struct user *u = begin_to_join(w);
    user_expect(u, '0');
    user_expect_event(u, "ready");
    const str cursor = json_text(json_at(user_expect_event(u, "synced"), "cursor"));
    snprintf(packet, sizeof(packet),
             "0{\"token\":\"" TOKEN_ES256 "\",\"cursor\":\"" STR_FMT "\"}", STR_ARG(cursor));
    auth_issuer_keys_fetch(w->issuer_keys);
    fetched(w, 0, OTHERS);
    struct user *again = user_open(w, "");
    user_tell(again, packet);
    fetched(w, 0, KEYS);
    user_expect(again, '0');
    expect_json(user_expect_event(again, "ready"), "recovered", "true");
}

static void a_cursor_that_is_too_long_counts_as_none(void **state)
{
    struct api_world *w = start_at_url(state);
    struct user *u = user_open(w, "");
    char packet[2048];
    char cursor[CHAT_CURSOR_MAX + 2];

    memset(cursor, 'x', sizeof(cursor));
    cursor[sizeof(cursor) - 1] = '\0';
    snprintf(packet, sizeof(packet), "0{\"token\":\"" TOKEN_ES256 "\",\"cursor\":\"%s\"}",
             cursor);
    user_tell(u, packet);
    fetched(w, 0, KEYS);
    user_expect(u, '0');
    expect_json(user_expect_event(u, "ready"), "recovered", "false");
}

static void a_key_that_is_nowhere_is_refused(void **state)
{
    struct api_world *w = start_at_url(state);
    struct user *u = begin_to_join(w);

    fetched(w, 0, OTHERS);
    expect_json(user_expect(u, '4'), "data.code", "\"token_invalid\"");
    assert_int_equal(errors(w, API_TOKEN_INVALID), 1);
    user_tell(u, "0{\"token\":\"" TOKEN_ES256 "\"}"); // for a token this time
    assert_int_equal(w->fetcher.n_fetched, 2);
    fetched(w, 0, OTHERS);
    expect_json(user_expect(u, '4'), "data.code", "\"token_invalid\"");
    user_tell(u, "0{\"token\":\"" TOKEN_ES256 "\"}"); // at once
    expect_json(user_expect(u, '4'), "data.code", "\"token_invalid\"");
    assert_int_equal(w->fetcher.n_fetched, 2);
    api_world_pass(w, AUTH_ISSUER_KEYS_AGAIN_MS);
    user_tell(u, "0{\"token\":\"" TOKEN_ES256 "\"}");
    fetched(w, 0, KEYS); // a rotation
    expect_joined(u);
}

static void a_wrong_signature_is_refused_at_once(void **state)
{
    struct api_world *w = start_at_url(state);

    fetched(w, 0, MISTAKEN);
    expect_json(user_expect(begin_to_join(w), '4'), "data.code", "\"token_invalid\"");
    assert_int_equal(w->fetcher.n_fetched, 1);
}

/** As a network would: it comes back by itself. */
static void where_nobody_can_tell_the_connection_is_dropped(void **state)
{
    struct api_world *w = start_at_url(state);
    struct user *waits = begin_to_join(w);

    fetched(w, AUTH_FETCH_FAILED, (str){0});
    user_expect_closed(waits);
    user_expect_closed(begin_to_join(w)); // at once, until it is tried again
    assert_int_equal(w->fetcher.n_fetched, 1);
    assert_int_equal(api_counters(w->api)->refused_connects, 2);
    assert_int_equal(errors(w, API_LOGIN_UNAVAILABLE), 0); // nobody was told
    api_world_pass(w, AUTH_ISSUER_KEYS_AGAIN_MS);
    struct user *back = begin_to_join(w);
    fetched(w, 0, KEYS);
    expect_joined(back);
}

static void a_client_may_leave_while_it_waits(void **state)
{
    struct api_world *w = start_at_url(state);
    struct user *lost = begin_to_join(w);
    struct user *stays = begin_to_join(w);

    client_lose(&w->eio, lost->client);
    fetched(w, 0, KEYS);
    expect_joined(stays);
    assert_int_equal(api_counters(w->api)->connects, 1);
    assert_true(api_is_idle(w->api));
}

static void it_does_not_wait_for_longer_than_it_may_take_to_join(void **state)
{
    struct api_world *w = *state;

    w->sio_config.connect_timeout_ms = 3000;
    start_at_url(state);
    struct user *u = begin_to_join(w);
    api_world_pass(w, 2999);
    user_expect_nothing(u);
    api_world_pass(w, 1);
    user_expect_closed(u);
    assert_true(api_is_idle(w->api));
}

static void a_client_that_polls_waits_as_well(void **state)
{
    struct api_world *w = start_at_url(state);
    struct client *c = client_new(&w->eio);
    char query[128];
    char sid[64];

    client_send(c, &(struct request){.query = "EIO=4&transport=polling"});
    api_world_settle(w);
    str open = client_take_answer(c).body;
    str_take(&open, STR("0{\"sid\":\"").len);
    const str name = str_take_until(&open, '"');
    assert_true(name.len < sizeof(sid));
    str_copy(sid, name);
    sid[name.len] = '\0';
    snprintf(query, sizeof(query), "EIO=4&transport=polling&sid=%s", sid);
    client_send(c, &(struct request){.method = "POST",
                                     .query = query,
                                     .body = STR("40{\"token\":\"" TOKEN_ES256 "\"}"),
                                     .has_body = true});
    api_world_settle(w);
    assert_int_equal(client_take_answer(c).status, 200);
    client_send(c, &(struct request){.query = query});
    api_world_settle(w);
    assert_int_equal(client_take_answer(c).status, 0); // the poll waits, too
    fetched(w, AUTH_FETCH_FAILED, (str){0});
    const struct answer end = client_take_answer(c);
    assert_int_equal(end.status, 200);
    expect_str("closed", end.body, STR("1"));
}

// Clients that bring a new token.

#define REFRESH "[\"auth.refresh\",{\"token\":\"" TOKEN_ES256 "\"}]"

/** Send it; its answer may come later. */
static void begin_to_refresh(struct user *u)
{
    char packet[2048];

    snprintf(packet, sizeof(packet), "2%u" REFRESH, u->n_asked++);
    user_tell(u, packet);
}

static void expect_refresh_refused(struct user *u, const char *code)
{
    const struct json *answer = user_expect(u, '3');

    expect_json(answer, "0.status", "\"error\"");
    expect_json(answer, "0.error.code", code);
    expect_json(answer, "0.error.field", "\"token\"");
}

static void a_new_token_waits_for_its_key(void **state)
{
    struct api_world *w = start_at_url(state);
    struct user *alice = user_new(w, ALICE);

    begin_to_refresh(alice);
    user_expect_nothing(alice);
    fetched(w, 0, KEYS);
    expect_json(user_expect(alice, '3'), "0.expires_at", "\"2033-05-18T03:33:20.000Z\"");
    expect_json(user_ask(alice, REFRESH), "status", "\"ok\"");
}

static void a_new_token_that_can_not_be_checked_may_be_brought_again(void **state)
{
    struct api_world *w = start_at_url(state);
    struct user *alice = user_new(w, ALICE);

    begin_to_refresh(alice);
    fetched(w, AUTH_FETCH_FAILED, (str){0});
    expect_refresh_refused(alice, "\"login_unavailable\"");
    begin_to_refresh(alice); // at once
    expect_refresh_refused(alice, "\"login_unavailable\"");
    assert_int_equal(errors(w, API_LOGIN_UNAVAILABLE), 2);
    api_world_pass(w, AUTH_ISSUER_KEYS_AGAIN_MS);
    fetched(w, 0, OTHERS);
    begin_to_refresh(alice);
    fetched(w, 0, OTHERS);
    expect_refresh_refused(alice, "\"token_invalid\"");
    api_world_pass(w, 0);
    user_expect_nothing(alice); // it goes on with the one that it has
}

static void of_another_account_it_is_forbidden_after_the_wait_as_well(void **state)
{
    struct api_world *w = start_at_url(state);
    struct user *bob = user_new(w, BOB);

    begin_to_refresh(bob);
    fetched(w, 0, KEYS);
    expect_refresh_refused(bob, "\"forbidden\"");
}

static void who_brings_a_token_may_leave_while_it_waits(void **state)
{
    struct api_world *w = start_at_url(state);
    struct user *alice = user_new(w, ALICE);

    begin_to_refresh(alice);
    client_lose(&w->eio, alice->client);
    assert_false(api_is_idle(w->api));
    fetched(w, 0, KEYS);
    assert_true(api_is_idle(w->api));
}

static void what_waits_was_counted(void **state)
{
    struct api_world *w = *state;

    w->chat_config = (struct chat_config){
        .rate_limits = true, .sends = {9, 9, 1000}, .requests = {3, 1, 1000}, .sessions = 9};
    start_at_url(state);
    struct user *alice = user_new(w, ALICE);
    for (size_t i = 0; i < 4; i++)
        begin_to_refresh(alice);
    expect_json(user_expect(alice, '3'), "0.error.code", "\"rate_limited\"");
    assert_int_equal(alice->id, 3);
    fetched(w, 0, KEYS);
    for (size_t i = 0; i < 3; i++)
        expect_json(user_expect(alice, '3'), "0.status", "\"ok\"");
    user_expect_nothing(alice);
}

// Over HTTP.

static struct client *begin_to_log_out(struct api_world *w)
{
    struct client *c = client_new(&w->eio);

    client_send(c, &(struct request){.method = "POST",
                                     .path = "/v1/auth/logout",
                                     .fields = "Authorization: Bearer " TOKEN_ES256 "\r\n",
                                     .body = STR("{}"),
                                     .has_body = true});
    api_world_settle(w);
    return c;
}

static void expect_logged_out(struct client *c, unsigned status, const char *code)
{
    struct reply r = {0};

    reply_take(&r, c);
    expect_reply("logout", &r, status, code);
    if (status == 503)
        expect_str("Retry-After", reply_field(&r, "Retry-After"), STR("1"));
    reply_fini(&r);
}

static void a_logout_waits_for_the_keys(void **state)
{
    struct api_world *w = start_at_url(state);
    struct client *c = begin_to_log_out(w);

    assert_int_equal(client_take_answer(c).status, 0);
    fetched(w, 0, KEYS);
    expect_logged_out(c, 200, NULL);
    expect_json(user_expect(begin_to_join(w), '4'), "data.code", "\"token_revoked\"");
}

static void a_logout_that_can_not_be_checked_says_so(void **state)
{
    struct api_world *w = start_at_url(state);
    struct client *c = begin_to_log_out(w);

    fetched(w, AUTH_FETCH_FAILED, (str){0});
    expect_logged_out(c, 503, "login_unavailable");
    expect_logged_out(begin_to_log_out(w), 503, "login_unavailable");
    api_world_pass(w, AUTH_ISSUER_KEYS_AGAIN_MS);
    struct client *again = begin_to_log_out(w);
    fetched(w, 0, OTHERS);
    expect_logged_out(again, 401, "token_invalid");
}

static void who_logs_out_may_leave_while_it_waits(void **state)
{
    struct api_world *w = start_at_url(state);

    client_lose(&w->eio, begin_to_log_out(w));
    assert_false(api_is_idle(w->api));
    fetched(w, 0, KEYS);
    assert_true(api_is_idle(w->api));
    expect_json(user_expect(begin_to_join(w), '4'), "data.code", "\"token_revoked\"");
}

// All of them.

static void so_many_tokens_wait_and_no_more(void **state)
{
    struct api_world *w = start_at_url(state);
    struct user *alice = user_new(w, ALICE);
    struct user *late = user_new(w, ALICE);

    for (size_t i = 0; i < API_WAITING_TOKENS_MAX - 1; i++)
        begin_to_refresh(alice);
    user_expect_nothing(alice);
    struct user *last = begin_to_join(w);
    user_expect_nothing(last);
    user_expect_closed(begin_to_join(w)); // one more
    begin_to_refresh(late);
    expect_refresh_refused(late, "\"busy\"");
    expect_logged_out(begin_to_log_out(w), 503, "busy");
    client_lose(&w->eio, last->client); // makes room for one
    begin_to_refresh(late);
    user_expect_nothing(late);
    fetched(w, 0, KEYS);
    for (size_t i = 0; i < API_WAITING_TOKENS_MAX - 1; i++)
        expect_json(user_expect(alice, '3'), "0.status", "\"ok\"");
    expect_json(user_expect(late, '3'), "0.status", "\"ok\"");
    assert_true(api_is_idle(w->api));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_client_waits_for_the_keys_and_is_let_in),
        TEST(it_goes_on_where_it_was),
        TEST(a_cursor_that_is_too_long_counts_as_none),
        TEST(a_key_that_is_nowhere_is_refused),
        TEST(a_wrong_signature_is_refused_at_once),
        TEST(where_nobody_can_tell_the_connection_is_dropped),
        TEST(a_client_may_leave_while_it_waits),
        TEST(it_does_not_wait_for_longer_than_it_may_take_to_join),
        TEST(a_client_that_polls_waits_as_well),
        TEST(a_new_token_waits_for_its_key),
        TEST(a_new_token_that_can_not_be_checked_may_be_brought_again),
        TEST(of_another_account_it_is_forbidden_after_the_wait_as_well),
        TEST(who_brings_a_token_may_leave_while_it_waits),
        TEST(what_waits_was_counted),
        TEST(a_logout_waits_for_the_keys),
        TEST(a_logout_that_can_not_be_checked_says_so),
        TEST(who_logs_out_may_leave_while_it_waits),
        TEST(so_many_tokens_wait_and_no_more),
    };
    return cmocka_run_group_tests_name("api/waiting", tests, NULL, NULL);
}
