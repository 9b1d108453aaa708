#include "api/client.h"
#include "support/auth_token.h"
#include "support/sign_in_world.h"

// What an operator ends: sessions in the store, sockets, and tokens that are still good.

#define DAY_MS INT64_C(86400000)

struct revoked {
    unsigned n_calls;
    int r;
    size_t n;
};

static void on_revoked(void *arg, int r, size_t n)
{
    struct revoked *got = arg;

    got->n_calls++;
    got->r = r;
    got->n = n;
}

/** @return sessions that have ended in the store */
static size_t revoke_for(struct api_world *w, const struct auth_revocation *what)
{
    struct revoked got = {0};

    auth_sessions_revoke(w->sessions, what, on_revoked, &got);
    expect_int("never from inside the call", got.n_calls, 0);
    assert_false(auth_sessions_is_idle(w->sessions));
    api_world_settle(w);
    expect_int("calls", got.n_calls, 1);
    expect_int("r", got.r, 0);
    assert_true(auth_sessions_is_idle(w->sessions));
    return got.n;
}

static size_t revoke_session(struct api_world *w, const char *name)
{
    return revoke_for(w, &(struct auth_revocation){.session = str_of(name)});
}

static size_t revoke_account(struct api_world *w, const char *text)
{
    struct auth_revocation what = {0};

    assert_int_equal(auth_account_parse(&what.account, str_of(text), 1), 0);
    return revoke_for(w, &what);
}

static void expect_alive(struct user *u)
{
    user_expect_nothing(u);
    expect_json(user_ask(u, "[\"conversation.list\",{}]"), "status", "\"ok\"");
}

static void a_session_ends_by_its_name_alone(void **state)
{
    struct api_world *w = start_with_site(state);
    const struct granted g = log_in(w, 7);
    const struct granted apart = log_in(w, 7);
    struct user *tab = join_with(w, g.access);
    struct user *another_tab = join_with(w, g.access);
    struct user *other = join_with(w, apart.access);

    expect_int("ended", revoke_session(w, g.session), 1);
    expect_ended(tab);
    expect_ended(another_tab);
    expect_alive(other);
    expect_refused(w, g.access);
    expect_no_refresh(w, g.refresh, "token_revoked");
    assert_int_equal(api_counters(w->api)->revoked, 2);
    expect_int("there is none any more", revoke_session(w, g.session), 0);
}

/** Host applications name theirs as they like, and the store has none of them. */
static void a_name_ends_the_sessions_of_all_accounts_that_have_it(void **state)
{
    struct api_world *w = start_with_site(state);
    const struct granted g = log_in(w, 7);
    struct user *alice = user_new(w, ALICE); // all of them are "tab-1"
    struct user *bob = user_new(w, BOB);
    struct user *bob_again = user_new(w, BOB);
    struct user *other = join_with(w, g.access);

    expect_int("of none in the store", revoke_session(w, "tab-1"), 0);
    expect_ended(alice);
    expect_ended(bob);
    expect_ended(bob_again);
    expect_alive(other);
    struct user *late = user_open(w, "");
    user_join(late, CAROL, "");
    expect_json(user_expect(late, '4'), "data.code", "\"token_revoked\"");
}

static void a_name_that_nobody_has_ends_nothing(void **state)
{
    struct api_world *w = start_with_site(state);
    struct user *alice = user_new(w, ALICE);
    char longest[AUTH_SESSION_SIZE];

    memset(longest, '~', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    expect_int("ended", revoke_session(w, longest), 0);
    expect_int("ended", revoke_session(w, "tab-"), 0);
    expect_int("ended", revoke_session(w, "tab-11"), 0);
    expect_alive(alice);
}

static void an_account_ends_with_all_that_it_was_issued(void **state)
{
    struct api_world *w = start_with_site(state);
    const struct granted first = log_in(w, 7);
    const struct granted second = log_in(w, 7);
    const struct granted other = log_in(w, 8);
    struct user *one = join_with(w, first.access);
    struct user *two = join_with(w, second.access);
    struct user *apart = join_with(w, other.access);
    char own[1024]; // of no session that the store has

    const str text = api_world_token(w, first.account, API_WORLD_TTL_MS);
    own[str_copy(own, text).len] = '\0';
    struct user *three = join_with(w, own);
    api_world_pass(w, 1);
    expect_int("ended", revoke_account(w, first.account), 2);
    expect_ended(one);
    expect_ended(two);
    expect_ended(three);
    expect_alive(apart);
    expect_refused(w, own);
    expect_refused(w, second.access);
    expect_no_refresh(w, first.refresh, "token_revoked");
}

/** Without a second having passed. */
static void who_was_revoked_may_sign_in_at_once(void **state)
{
    struct api_world *w = start_with_site(state);
    const struct granted g = log_in(w, 7);

    api_world_pass(w, 300);
    expect_int("ended", revoke_account(w, g.account), 1);
    expect_refused(w, g.access);
    api_world_pass(w, 1);
    const struct granted again = log_in(w, 7);
    expect_alive(join_with(w, again.access));
    expect_refused(w, g.access);
}

static void it_is_remembered_for_as_long_as_any_token_may_be_good(void **state)
{
    struct api_world *w = start_with_site(state);
    const struct granted g = log_in(w, 7);
    struct auth_identity who = {.issued_at_ms = 0}; // a host's, which is good for years
    struct auth_identity of_session = {.session = "host-1", .issued_at_ms = INT64_MAX};

    assert_int_equal(auth_account_parse(&who.account, str_of(g.account), 1), 0);
    expect_int("ended", revoke_account(w, g.account), 1);
    expect_int("ended", revoke_session(w, "host-1"), 0);
    api_world_pass(w, AUTH_REVOKED_MS - 1);
    assert_true(auth_sessions_is_revoked(w->sessions, &who));
    assert_true(auth_sessions_is_revoked(w->sessions, &of_session));
    api_world_pass(w, 1 + AUTH_STORE_KEPT_MS);
    revoke_session(w, "another"); // what is over goes with the next
    assert_false(auth_sessions_is_revoked(w->sessions, &who));
    assert_false(auth_sessions_is_revoked(w->sessions, &of_session));
}

static void nothing_ends_while_the_store_is_out_of_reach(void **state)
{
    struct api_world *w = start_with_site(state);
    const struct granted g = log_in(w, 7);
    struct user *u = join_with(w, g.access);
    struct revoked got = {0};

    store_mem_fail_auth(w->store, AUTH_STORE_UNAVAILABLE, 1);
    auth_sessions_revoke(w->sessions, &(struct auth_revocation){.session = str_of(g.session)},
                         on_revoked, &got);
    api_world_settle(w);
    expect_int("r", got.r, AUTH_SESSIONS_UNAVAILABLE);
    expect_int("ended", got.n, 0);
    expect_alive(u);
}

static void what_another_instance_has_ended_ends_here(void **state)
{
    struct api_world *w = start_with_site(state);
    const struct granted g = log_in(w, 7);
    const struct granted apart = log_in(w, 7);
    const struct granted other = log_in(w, 8);
    struct auth_revocation what = {.session = str_of(g.session), .until_ms = INT64_MAX};
    struct user *tab = join_with(w, g.access);
    struct user *second = join_with(w, apart.access);
    struct user *third = join_with(w, other.access);

    assert_int_equal(auth_account_parse(&what.account, str_of(g.account), 1), 0);
    for (int i = 0; i < 2; i++) {
        auth_sessions_hear(w->sessions, &what);
        api_world_settle(w);
        assert_int_equal(api_counters(w->api)->revoked, 1);
    }
    expect_ended(tab);
    expect_refused(w, g.access);
    expect_alive(second);
    what.session = (str){0}; // and now all of the account's
    what.before_ms = clock_unix_ms(&w->clock);
    auth_sessions_hear(w->sessions, &what);
    expect_ended(second);
    expect_refused(w, apart.access);
    expect_alive(third);
}

/** What the store says of a session is its key, and not whose it is. */
static void a_host_s_session_that_another_instance_has_ended_ends_here(void **state)
{
    const struct auth_issuer host = {.iss = STR("host"), .key = TOKEN_SECRET};
    struct api_world *w = start_with_site(state);
    struct user *bob = user_new(w, BOB); // "tab-1", too
    struct user *alice = user_open(w, "");
    struct auth_identity who;
    char text[TOKEN_SIZE];
    char packet[1024];
    const char *why;

    assert_int_equal(auth_add_issuer(w->auth, &host, &why), 0);
    const str token = token_sign(
        text, TOKEN_SECRET, STR("{\"alg\":\"HS256\"}"),
        STR("{\"iss\":\"host\",\"sub\":\"" ALICE "\",\"sid\":\"tab-1\",\"exp\":253402300799}"));
    assert_int_equal(auth_verify(w->auth, token, clock_unix_ms(&w->clock), &who, &why), 0);
    snprintf(packet, sizeof(packet), "0{\"token\":\"" STR_FMT "\"}", STR_ARG(token));
    user_tell(alice, packet);
    user_expect(alice, '0');
    user_expect_event(alice, "ready");
    user_expect_event(alice, "synced");
    assert_string_not_equal(who.key, who.session);
    auth_sessions_learn(w->sessions, &(struct auth_revocation){.session = str_of(who.key),
                                                               .until_ms = INT64_MAX});
    expect_ended(alice);
    expect_alive(bob);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_session_ends_by_its_name_alone),
        TEST(a_name_ends_the_sessions_of_all_accounts_that_have_it),
        TEST(a_name_that_nobody_has_ends_nothing),
        TEST(an_account_ends_with_all_that_it_was_issued),
        TEST(who_was_revoked_may_sign_in_at_once),
        TEST(it_is_remembered_for_as_long_as_any_token_may_be_good),
        TEST(nothing_ends_while_the_store_is_out_of_reach),
        TEST(what_another_instance_has_ended_ends_here),
        TEST(a_host_s_session_that_another_instance_has_ended_ends_here),
    };
    return cmocka_run_group_tests_name("api/revoke", tests, NULL, NULL);
}
