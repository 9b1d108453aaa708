#include "api/client.h"
#include "support/sign_in_world.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)

static const struct json *ask_refresh(struct user *u, const char *token)
{
    char event[1200];

    snprintf(event, sizeof(event), "[\"auth.refresh\",{\"token\":\"%s\"}]", token);
    return user_ask(u, event);
}

static struct granted refresh(struct api_world *w, const char *token)
{
    struct reply r = {0};

    post_refresh(w, &r, token);
    const struct granted g = granted_of(&r);
    reply_fini(&r);
    return g;
}

static void log_out(struct api_world *w, const char *access, const char *body)
{
    struct reply r = {0};

    post_logout(w, &r, access, body);
    expect_reply("logout", &r, 200, NULL);
    reply_fini(&r);
}

// Tokens that end.

static void a_socket_goes_on_with_a_new_token(void **state)
{
    struct api_world *w = start_with_site(state);
    const struct granted first = log_in(w, 7);
    struct user *u = join_with(w, first.access);

    api_world_pass(w, 9 * MINUTE_MS);
    expect_json(user_expect_event(u, "auth.expiring"), "expires_at",
                "\"2023-11-14T22:23:20.000Z\"");
    const struct granted second = refresh(w, first.refresh);
    const struct json *answer = ask_refresh(u, second.access);
    expect_json(answer, "status", "\"ok\"");
    expect_json(answer, "expires_at", "\"2023-11-14T22:32:20.000Z\"");
    api_world_pass(w, 9 * MINUTE_MS - 1);
    user_expect_nothing(u); // the first token's end was on the way
    api_world_pass(w, 1);
    user_expect_event(u, "auth.expiring");
    api_world_pass(w, MINUTE_MS + AUTH_SKEW_MS);
    expect_json(user_expect_event(u, "error"), "error.code", "\"token_expired\"");
    user_expect_closed(u);
}

static void a_short_token_is_warned_of_in_its_middle(void **state)
{
    struct api_world *w = start(state);
    struct user *u = user_open(w, "");
    char packet[1024];

    snprintf(packet, sizeof(packet), "0{\"token\":\"" STR_FMT "\"}",
             STR_ARG(api_world_token(w, ALICE, 10000)));
    user_tell(u, packet);
    user_expect(u, '0');
    user_expect_event(u, "ready");
    user_expect_event(u, "synced");
    api_world_pass(w, 4999);
    user_expect_nothing(u);
    api_world_pass(w, 1);
    user_expect_event(u, "auth.expiring");
}

static void a_token_that_is_over_by_the_skew_alone_is_warned_of_at_once(void **state)
{
    struct api_world *w = start_with_site(state);
    const struct granted g = log_in(w, 7);
    char packet[2048];

    api_world_pass(w, 10 * MINUTE_MS + AUTH_SKEW_MS - 1000);
    struct user *u = user_open(w, "");
    snprintf(packet, sizeof(packet), "0{\"token\":\"%s\"}", g.access);
    user_tell(u, packet);
    user_expect(u, '0');
    user_expect_event(u, "ready");
    user_expect_event(u, "synced");
    api_world_pass(w, 0);
    user_expect_event(u, "auth.expiring");
    api_world_pass(w, 1000);
    expect_json(user_expect_event(u, "error"), "error.code", "\"token_expired\"");
    user_expect_closed(u);
}

static void a_socket_takes_no_other_token(void **state)
{
    struct api_world *w = start_with_site(state);
    const struct granted mine = log_in(w, 7);
    const struct granted gone = log_in(w, 7);
    const struct granted other = log_in(w, 8);
    struct user *u = join_with(w, mine.access);
    char over[1024];
    const struct {
        const char *token;
        const char *code;
        const char *field;
    } rows[] = {
        {other.access, "\"forbidden\"", "\"token\""},
        {gone.access, "\"token_revoked\"", "\"token\""},
        {"", "\"token_missing\"", "\"token\""},
        {"x.y.z", "\"token_invalid\"", "\"token\""},
        {over, "\"token_expired\"", "\"token\""},
    };

    const str text = api_world_token(w, ALICE, 1000);
    over[str_copy(over, text).len] = '\0';
    log_out(w, gone.access, "{}");
    api_world_pass(w, 1000 + AUTH_SKEW_MS);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct json *answer = ask_refresh(u, rows[i].token);
        expect_json(answer, "error.code", rows[i].code);
        expect_json(answer, "error.field", rows[i].field);
    }
    expect_json(user_ask(u, "[\"auth.refresh\",{\"token\":5}]"), "error.code",
                "\"bad_request\"");
    expect_json(user_ask(u, "[\"auth.refresh\",{}]"), "error.code", "\"token_missing\"");
    expect_json(user_ask(u, "[\"auth.refresh\"]"), "error.code", "\"bad_request\"");
    expect_json(ask_refresh(u, mine.access), "status", "\"ok\""); // and lives on
}

static void a_refresh_of_the_token_counts_as_a_request(void **state)
{
    struct api_world *w = *state;

    w->chat_config = (struct chat_config){
        .rate_limits = true, .sends = {9, 9, 1000}, .requests = {1, 1, 1000}, .sessions = 9};
    start_with_site(state);
    const struct granted g = log_in(w, 7);
    struct user *u = join_with(w, g.access);
    expect_json(ask_refresh(u, g.access), "status", "\"ok\"");
    const struct json *answer = ask_refresh(u, g.access);
    expect_json(answer, "error.code", "\"rate_limited\"");
    expect_json(answer, "error.retry_after_ms", "1000");
}

// Refreshing.

static void a_refresh_gives_the_next_tokens(void **state)
{
    struct api_world *w = start_with_site(state);
    const struct granted first = log_in(w, 7);

    api_world_pass(w, 5000);
    const struct granted second = refresh(w, first.refresh);
    expect_str("account", str_of(second.account), str_of(first.account));
    expect_str("session", str_of(second.session), str_of(first.session));
    assert_string_not_equal(second.access, first.access);
    assert_string_not_equal(second.refresh, first.refresh);
    const struct granted third = refresh(w, second.refresh);
    assert_string_not_equal(third.refresh, second.refresh);
    join_with(w, third.access);
}

static void two_tabs_and_a_lost_answer_get_the_same(void **state)
{
    struct api_world *w = start_with_site(state);
    const struct granted first = log_in(w, 7);
    const struct granted second = refresh(w, first.refresh);

    api_world_pass(w, AUTH_REFRESH_GRACE_MS);
    const struct granted again = refresh(w, first.refresh);
    expect_str("the same", str_of(again.refresh), str_of(second.refresh));
    api_world_pass(w, 1);
    expect_no_refresh(w, first.refresh, "token_expired"); // too late, and that is all
    refresh(w, second.refresh);
}

static void a_stolen_token_ends_the_session(void **state)
{
    struct api_world *w = start_with_site(state);
    const struct granted first = log_in(w, 7);
    const struct granted apart = log_in(w, 7);
    struct user *u = join_with(w, first.access);
    struct user *other = join_with(w, apart.access);
    const struct granted second = refresh(w, first.refresh);
    const struct granted third = refresh(w, second.refresh);

    expect_no_refresh(w, first.refresh, "token_revoked");
    expect_ended(u);
    expect_no_refresh(w, third.refresh, "token_revoked");
    expect_refused(w, third.access);
    user_expect_nothing(other);
    refresh(w, apart.refresh);
}

static void a_forged_refresh_token_ends_nothing(void **state)
{
    struct api_world *w = start_with_site(state);
    const struct granted g = log_in(w, 7);
    char forged[sizeof(g.refresh)];

    for (size_t i = 0; i < strlen(g.refresh); i++) {
        memcpy(forged, g.refresh, sizeof(forged));
        forged[i] = forged[i] == 'A' ? 'B' : 'A';
        expect_no_refresh(w, forged, "token_invalid");
    }
    refresh(w, g.refresh);
}

static void a_session_ends_a_month_after_its_sign_in(void **state)
{
    struct api_world *w = start_with_site(state);
    struct granted g = log_in(w, 7);
    struct reply r = {0};

    for (int day = 1; day < 30; day++) {
        api_world_pass(w, DAY_MS);
        g = refresh(w, g.refresh);
    }
    api_world_pass(w, DAY_MS - 5 * MINUTE_MS);
    post_refresh(w, &r, g.refresh);
    g = granted_of(&r);
    expect_json(r.json, "expires_at", "\"2023-12-14T22:13:20.000Z\""); // with the session
    reply_fini(&r);
    api_world_pass(w, 5 * MINUTE_MS);
    expect_no_refresh(w, g.refresh, "token_expired");
}

static void a_session_ends_with_its_message(void **state)
{
    struct api_world *w = start_with_site(state);
    struct reply r = {0};

    log_in_with(w, &r, &(struct draft){.more = "\nExpiration Time: 2023-11-14T22:15:20Z"}, 7);
    const struct granted g = granted_of(&r);
    expect_json(r.json, "expires_at", "\"2023-11-14T22:15:20.000Z\"");
    reply_fini(&r);
    api_world_pass(w, 2 * MINUTE_MS);
    expect_no_refresh(w, g.refresh, "token_expired");
}

// Logging out.

static void a_logout_ends_its_session_at_once(void **state)
{
    struct api_world *w = start_with_site(state);
    const struct granted g = log_in(w, 7);
    const struct granted apart = log_in(w, 7);
    struct user *tab = join_with(w, g.access);
    struct user *another_tab = join_with(w, g.access);
    struct user *other = join_with(w, apart.access);

    log_out(w, g.access, "{}");
    expect_ended(tab);
    expect_ended(another_tab);
    expect_refused(w, g.access);
    expect_no_refresh(w, g.refresh, "token_revoked");
    assert_int_equal(api_counters(w->api)->revoked, 2);
    log_out(w, g.access, "{}"); // again is fine
    assert_int_equal(api_counters(w->api)->logouts, 2);
    user_expect_nothing(other);
    expect_json(user_ask(other, "[\"conversation.list\",{}]"), "status", "\"ok\"");
}

static void a_logout_may_come_by_the_refresh_token(void **state)
{
    struct api_world *w = start_with_site(state);
    const struct granted g = log_in(w, 7);
    struct user *u = join_with(w, g.access);
    char body[512];

    snprintf(body, sizeof(body), "{\"refresh_token\":\"%s\"}", g.refresh);
    log_out(w, NULL, body);
    expect_ended(u);
    expect_no_refresh(w, g.refresh, "token_revoked");
}

static void a_socket_that_has_moved_ends_with_its_new_session(void **state)
{
    struct api_world *w = start_with_site(state);
    const struct granted first = log_in(w, 7);
    const struct granted second = log_in(w, 7);
    struct user *u = join_with(w, first.access);

    expect_json(ask_refresh(u, second.access), "status", "\"ok\"");
    log_out(w, first.access, "{}");
    user_expect_nothing(u);
    log_out(w, second.access, "{}");
    expect_ended(u);
}

static void all_ends_whatever_the_wallet_has(void **state)
{
    struct api_world *w = start_with_site(state);
    const struct granted first = log_in(w, 7);
    const struct granted second = log_in(w, 7);
    const struct granted other = log_in(w, 8);
    struct user *one = join_with(w, first.access);
    struct user *two = join_with(w, second.access);
    struct user *apart = join_with(w, other.access);
    char own[1024]; // of no session that the store has

    const str text = api_world_token(w, first.account, HOUR_MS);
    own[str_copy(own, text).len] = '\0';
    struct user *three = join_with(w, own);
    log_out(w, first.access, "{\"all\":true}");
    expect_ended(one);
    expect_ended(two);
    expect_ended(three);
    user_expect_nothing(apart);
    expect_refused(w, own);
    expect_refused(w, second.access);
    expect_no_refresh(w, second.refresh, "token_revoked");
    refresh(w, other.refresh);
}

/** Without a second having passed, and over and over. */
static void who_has_left_everywhere_can_come_back_at_once(void **state)
{
    struct api_world *w = start_with_site(state);
    struct granted g = log_in(w, 7);
    struct user *u = join_with(w, g.access);
    char body[512];

    api_world_pass(w, 300);
    for (int i = 0; i < 3; i++) {
        snprintf(body, sizeof(body), "{\"refresh_token\":\"%s\",\"all\":true}", g.refresh);
        log_out(w, NULL, body);
        expect_ended(u);
        expect_refused(w, g.access);
        api_world_pass(w, i);
        const struct granted again = log_in(w, 7);
        u = join_with(w, again.access);
        expect_refused(w, g.access);
        g = again;
    }
}

/** Whoever has found it can't throw the wallet out again and again. */
static void what_is_over_ends_no_other_session(void **state)
{
    struct api_world *w = start_with_site(state);
    const struct granted over = log_in(w, 7);
    struct reply r = {0};
    char body[512];

    snprintf(body, sizeof(body), "{\"refresh_token\":\"%s\",\"all\":true}", over.refresh);
    log_out(w, NULL, body);
    const struct granted again = log_in(w, 7);
    struct user *u = join_with(w, again.access);
    ask_post(w, &r, "/v1/auth/logout", NULL, str_of(body));
    expect_reply("by refresh token", &r, 401, "token_revoked");
    post_logout(w, &r, over.access, "{\"all\":true}");
    expect_reply("by access token", &r, 401, "token_revoked");
    reply_fini(&r);
    user_expect_nothing(u);
    refresh(w, again.refresh);
}

static void a_logout_needs_a_token(void **state)
{
    static const struct {
        const char *name;
        const char *access;
        const char *body;
        const char *code;
        unsigned status;
    } rows[] = {
        {"none", NULL, "{}", "token_missing", 401},
        {"nonsense", "x.y.z", "{}", "token_invalid", 401},
        {"nonsense for a refresh token", NULL, "{\"refresh_token\":\"x\"}", "token_invalid",
         401},
        {"a number for one", NULL, "{\"refresh_token\":1}", "bad_request", 400},
    };
    struct api_world *w = start_with_site(state);
    struct reply r = {0};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        post_logout(w, &r, rows[i].access, rows[i].body);
        expect_reply(rows[i].name, &r, rows[i].status, rows[i].code);
    }
    reply_fini(&r);
}

static void one_session_too_many_ends_the_oldest(void **state)
{
    struct api_world *w = start_with_site(state);
    const struct granted first = log_in(w, 7);
    struct user *u = join_with(w, first.access);

    for (int i = 1; i < AUTH_SESSIONS_MAX; i++)
        log_in(w, 7);
    user_expect_nothing(u);
    log_in(w, 7);
    expect_ended(u);
    expect_no_refresh(w, first.refresh, "token_revoked");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_socket_goes_on_with_a_new_token),
        TEST(a_short_token_is_warned_of_in_its_middle),
        TEST(a_token_that_is_over_by_the_skew_alone_is_warned_of_at_once),
        TEST(a_socket_takes_no_other_token),
        TEST(a_refresh_of_the_token_counts_as_a_request),
        TEST(a_refresh_gives_the_next_tokens),
        TEST(two_tabs_and_a_lost_answer_get_the_same),
        TEST(a_stolen_token_ends_the_session),
        TEST(a_forged_refresh_token_ends_nothing),
        TEST(a_session_ends_a_month_after_its_sign_in),
        TEST(a_session_ends_with_its_message),
        TEST(a_logout_ends_its_session_at_once),
        TEST(a_logout_may_come_by_the_refresh_token),
        TEST(a_socket_that_has_moved_ends_with_its_new_session),
        TEST(all_ends_whatever_the_wallet_has),
        TEST(who_has_left_everywhere_can_come_back_at_once),
        TEST(what_is_over_ends_no_other_session),
        TEST(a_logout_needs_a_token),
        TEST(one_session_too_many_ends_the_oldest),
    };
    return cmocka_run_group_tests_name("api_session", tests, NULL, NULL);
}
