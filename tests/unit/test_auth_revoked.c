#include <stdio.h>

#include "auth/revoked.h"
#include "base/mem.h"
#include "support/seeded.h"
#include "support/t.h"

#define NOW    INT64_C(1700000000000)
#define SECOND INT64_C(1000)
#define HOUR   (3600 * SECOND)

static const account alice = {.len = ACCOUNT_EVM_SIZE, .bytes = {ACCOUNT_EVM, [28] = 1}};
static const account bob = {.len = ACCOUNT_EVM_SIZE, .bytes = {ACCOUNT_EVM, [28] = 2}};
static const account carol = {.len = ACCOUNT_SOLANA_SIZE, .bytes = {ACCOUNT_SOLANA, [40] = 1}};

static int setup(void **state)
{
    static struct auth_revoked r;
    struct seeded chance;

    seeded_init(&chance, 1);
    auth_revoked_init(&r, &chance.rand);
    *state = &r;
    return 0;
}

static int teardown(void **state)
{
    auth_revoked_fini(*state);
    return 0;
}

// Times are behind NOW, and those at which one is forgotten behind LATER: it is kept longer.

#define LATER (NOW - AUTH_STORE_KEPT_MS)

static void add_session(struct auth_revoked *r, const char *name, int64_t until, int64_t now)
{
    auth_revoked_add(r,
                     &(struct auth_revocation){.account = alice,
                                               .session = str_of(name),
                                               .before_ms = NOW,
                                               .until_ms = LATER + until},
                     NOW + now);
}

static void add_account(struct auth_revoked *r, const account *a, int64_t before, int64_t until,
                        int64_t now)
{
    auth_revoked_add(r,
                     &(struct auth_revocation){
                         .account = *a, .before_ms = NOW + before, .until_ms = LATER + until},
                     NOW + now);
}

static bool has(const struct auth_revoked *r, const account *a, const char *session,
                int64_t issued_at)
{
    struct auth_identity who = {.account = *a, .issued_at_ms = NOW + issued_at};

    str_copy(who.session, STR("a name of its host's"));
    str_copy(who.key, str_of(session));
    return auth_revoked_has(r, &who);
}

static void an_empty_one_has_nobody(void **state)
{
    assert_false(has(*state, &alice, "tab", 0));
    assert_false(has(*state, &alice, "", -NOW));
    assert_false(auth_revoked_has_session(*state, STR("tab")));
    assert_true(auth_revoked_before_ms(*state, &alice) == INT64_MIN);
}

static void a_session_is_over_for_all_its_tokens(void **state)
{
    add_session(*state, "tab", HOUR, 0);
    assert_true(has(*state, &alice, "tab", -HOUR));
    assert_true(has(*state, &alice, "tab", HOUR)); // whenever it was issued
    assert_true(auth_revoked_has_session(*state, STR("tab")));

    assert_false(has(*state, &alice, "ta", 0));
    assert_false(has(*state, &alice, "tab2", 0));
    assert_false(has(*state, &alice, "TAB", 0));
    assert_false(has(*state, &alice, "", 0));
    assert_true(auth_revoked_before_ms(*state, &alice) == INT64_MIN);
}

/** Which is what an operator knows of it. */
static void a_session_is_over_by_its_name_as_well(void **state)
{
    struct auth_identity who = {.account = alice, .session = "1", .key = "a digest"};

    add_session(*state, "2", HOUR, 0);
    assert_false(auth_revoked_has(*state, &who));
    add_session(*state, "1", HOUR, 0);
    assert_true(auth_revoked_has(*state, &who));
    str_copy(who.session, STR("3"));
    assert_false(auth_revoked_has(*state, &who));
    add_session(*state, "a digest", HOUR, 0);
    assert_true(auth_revoked_has(*state, &who));
}

static void of_an_account_what_was_issued_up_to_then_is_over(void **state)
{
    static const struct {
        const char *name;
        const account *account;
        int64_t issued_at;
        bool want;
    } rows[] = {
        {"long before", &alice, -HOUR, true}, {"at an unknown time", &alice, -NOW, true},
        {"at that moment", &alice, 5, true},  {"a millisecond later", &alice, 6, false},
        {"another's", &bob, 5, false},        {"of a Solana wallet", &carol, 5, false},
    };

    add_account(*state, &alice, 5, HOUR, 5);
    assert_int_equal(auth_revoked_before_ms(*state, &alice), NOW + 5);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        expect_int(rows[i].name, has(*state, rows[i].account, "tab", rows[i].issued_at),
                   rows[i].want);
    }
    assert_false(auth_revoked_has_session(*state, STR("tab")));
}

static void of_two_revocations_of_an_account_the_later_counts(void **state)
{
    add_account(*state, &alice, 5, HOUR, 5);
    add_account(*state, &alice, 9, HOUR, 9);
    assert_int_equal(auth_revoked_before_ms(*state, &alice), NOW + 9);
    add_account(*state, &alice, 7, HOUR, 9); // it comes late
    assert_int_equal(auth_revoked_before_ms(*state, &alice), NOW + 9);
    assert_true(auth_revoked_before_ms(*state, &bob) == INT64_MIN);
}

static void is_forgotten_when_its_time_is_over(void **state)
{
    struct auth_revoked *r = *state;

    add_session(r, "short", 10, 0);
    add_account(r, &alice, 0, 20, 0);
    add_session(r, "long", 30, 9);
    assert_int_equal(r->entries.n_nodes, 3);

    add_session(r, "long", 30, 10);
    assert_int_equal(r->entries.n_nodes, 2);
    assert_false(auth_revoked_has_session(r, STR("short")));
    assert_true(has(r, &alice, "tab", 0));

    add_session(r, "long", 30, 19);
    assert_true(has(r, &alice, "tab", 0));
    add_session(r, "long", 30, 20);
    assert_false(has(r, &alice, "tab", 0));
    assert_true(auth_revoked_has_session(r, STR("long")));
    assert_int_equal(r->entries.n_nodes, 1);
}

static void a_clock_that_is_set_back_finds_what_was_over(void **state)
{
    struct auth_revoked *r = *state;
    const struct auth_revocation soon = {.session = STR("soon"), .until_ms = NOW + 1};

    auth_revoked_add(r, &soon, NOW);
    add_session(r, "clock", 9 * HOUR, AUTH_STORE_KEPT_MS);
    assert_true(auth_revoked_has_session(r, STR("soon")));
    add_session(r, "clock", 9 * HOUR, AUTH_STORE_KEPT_MS + 1);
    assert_false(auth_revoked_has_session(r, STR("soon")));
}

static void the_longer_time_wins(void **state)
{
    struct auth_revoked *r = *state;

    add_session(r, "tab", 10, 0);
    add_session(r, "tab", 100, 1);
    add_session(r, "tab", 50, 2);
    add_account(r, &bob, 0, 10, 2);
    add_account(r, &bob, 1, 100, 2);
    add_account(r, &bob, 2, 50, 2); // of more, but for less long
    add_session(r, "clock", HOUR, 99);
    assert_true(auth_revoked_has_session(r, STR("tab")));
    assert_int_equal(auth_revoked_before_ms(r, &bob), NOW + 2);
    add_session(r, "clock", HOUR, 100);
    assert_false(auth_revoked_has_session(r, STR("tab")));
    assert_true(auth_revoked_before_ms(r, &bob) == INT64_MIN);
}

/** A store may still have what is over. */
static void one_that_is_over_goes_with_the_next(void **state)
{
    struct auth_revoked *r = *state;

    add_session(r, "old", -HOUR, 0);
    add_session(r, "new", HOUR, 0);
    assert_int_equal(r->entries.n_nodes, 1);
    assert_false(auth_revoked_has_session(r, STR("old")));
    assert_true(auth_revoked_has_session(r, STR("new")));
}

static void a_session_with_the_bytes_of_an_account_is_a_session(void **state)
{
    const str name = account_str(&carol);

    auth_revoked_add(*state, &(struct auth_revocation){.session = name, .until_ms = NOW + HOUR},
                     NOW);
    assert_true(auth_revoked_has_session(*state, name));
    assert_true(auth_revoked_before_ms(*state, &carol) == INT64_MIN);
    add_account(*state, &alice, 0, HOUR, 0);
    assert_false(auth_revoked_has_session(*state, account_str(&alice)));
}

static void the_longest_name_is_one(void **state)
{
    char name[AUTH_SESSION_SIZE] = "";

    memset(name, '~', sizeof(name) - 1);
    add_session(*state, name, HOUR, 0);
    assert_true(has(*state, &bob, name, 0));
    name[0] = '!';
    assert_false(has(*state, &bob, name, 0));
}

static void many_are_found_and_forgotten(void **state)
{
    enum {
        MANY = 2000
    };
    struct auth_revoked *r = *state;
    char name[16];

    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "tab-%d", i);
        add_session(r, name, i + 1, 0);
    }
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "tab-%d", i);
        expect_int(name, auth_revoked_has_session(r, str_of(name)), true);
    }
    add_session(r, "clock", HOUR, MANY / 2);
    assert_int_equal(r->entries.n_nodes, MANY / 2 + 1);
    assert_false(auth_revoked_has_session(r, STR("tab-999")));
    assert_true(auth_revoked_has_session(r, STR("tab-1000")));
}

// Times of requests, of issue, and of the end of all.

static int64_t ask(struct auth_revoked *r, int64_t now)
{
    return auth_revoked_ask_ms(r, &alice, NOW + now) - NOW;
}

static int64_t issue(struct auth_revoked *r, int64_t asked)
{
    return auth_revoked_issue_ms(r, &alice, NOW + asked) - NOW;
}

static int64_t end(const struct auth_revoked *r, int64_t now)
{
    return auth_revoked_end_ms(r, &alice, NOW + now) - NOW;
}

static void without_a_revocation_all_times_are_now(void **state)
{
    add_account(*state, &bob, 500, HOUR, 500);
    assert_int_equal(ask(*state, 500), 500);
    assert_int_equal(issue(*state, 500), 500);
    assert_int_equal(end(*state, 500), 500);
}

/** All was ended at 0.5 s. */
static void a_token_says_a_second_that_tells_before_from_after(void **state)
{
    static const struct {
        const char *name;
        int64_t asked;
        int64_t want;
    } rows[] = {
        {"in the second before", -1, -1},
        {"before", 499, 499},
        {"at that moment", 500, 500},
        {"just after", 501, 1000},
        {"at the end of the second", 999, 1000},
        {"on the next", 1000, 1000},
        {"in the next", 1001, 1001},
        {"later", 5500, 5500},
    };
    struct auth_revoked *r = *state;

    add_account(r, &alice, 500, HOUR, 500);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const int64_t issued = issue(r, rows[i].asked);
        const int64_t said = issued - (NOW + issued) % SECOND; // by the token
        expect_int(rows[i].name, issued, rows[i].want);
        expect_int(rows[i].name, has(r, &alice, "tab", said), rows[i].asked <= 500);
    }
}

/** A clock that was read twice in a millisecond, or was set back. */
static void what_is_asked_for_behind_a_revocation_is_behind_it(void **state)
{
    struct auth_revoked *r = *state;

    add_account(r, &alice, 500, HOUR, 500);
    assert_int_equal(ask(r, 500), 501);
    assert_int_equal(ask(r, 100), 501);
    assert_int_equal(ask(r, 501), 501);
    assert_int_equal(ask(r, 502), 502);
    assert_false(has(r, &alice, "tab", issue(r, ask(r, 500))));
}

static void what_was_issued_in_the_next_second_ends_in_this_one(void **state)
{
    struct auth_revoked *r = *state;

    for (int i = 0; i < 10; i++) { // all within a millisecond
        add_account(r, &alice, end(r, 500), HOUR, 500);
        const int64_t asked = ask(r, 500);
        const int64_t issued = issue(r, asked);
        const int64_t said = issued - (NOW + issued) % SECOND;
        assert_false(has(r, &alice, "tab", said));
        add_account(r, &alice, end(r, 500), HOUR, 500);
        assert_true(has(r, &alice, "tab", said));
        assert_true(issue(r, asked) == asked && has(r, &alice, "tab", asked)); // answered late
    }
}

/** It was asked for while the first end was under way, and is answered between the two. */
static void what_was_asked_for_during_one_end_ends_with_the_next(void **state)
{
    struct auth_revoked *r = *state;
    const int64_t asked = ask(r, 700);

    assert_int_equal(asked, 700);
    add_account(r, &alice, end(r, 500), HOUR, 800);
    assert_int_equal(issue(r, asked), 1000);
    add_account(r, &alice, end(r, 900), HOUR, 900);
    assert_true(has(r, &alice, "tab", 1000));
}

/** Or whoever has an old token could put off all that one signs in with. */
static void ends_alone_do_not_run_ahead_of_the_clock(void **state)
{
    struct auth_revoked *r = *state;

    for (int i = 0; i < 1000; i++)
        add_account(r, &alice, end(r, i), HOUR, i);
    assert_int_equal(auth_revoked_before_ms(r, &alice), NOW + 999);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void a_copy_shares_nothing(void **state)
{
    char name[AUTH_SESSION_SIZE] = "phone";
    struct auth_revocation what = {.position = 1,
                                   .session = str_of(name),
                                   .account = alice,
                                   .before_ms = 2,
                                   .until_ms = 3};
    struct auth_revocation *copy = auth_revoked_dup(&what);

    (void)state;
    memset(name, 'X', sizeof(name));
    memset(&what, 'X', sizeof(what));
    assert_true(str_eq(copy->session, STR("phone")));
    assert_true(account_eq(&copy->account, &alice));
    assert_int_equal(copy->position, 1);
    assert_int_equal(copy->before_ms, 2);
    assert_int_equal(copy->until_ms, 3);
    free(copy);
    copy = auth_revoked_dup(&(struct auth_revocation){.account = bob});
    assert_int_equal(copy->session.len, 0);
    assert_true(account_eq(&copy->account, &bob));
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_empty_one_has_nobody),
        TEST(a_session_is_over_for_all_its_tokens),
        TEST(a_session_is_over_by_its_name_as_well),
        TEST(of_an_account_what_was_issued_up_to_then_is_over),
        TEST(of_two_revocations_of_an_account_the_later_counts),
        TEST(is_forgotten_when_its_time_is_over),
        TEST(a_clock_that_is_set_back_finds_what_was_over),
        TEST(the_longer_time_wins),
        TEST(one_that_is_over_goes_with_the_next),
        TEST(a_session_with_the_bytes_of_an_account_is_a_session),
        TEST(the_longest_name_is_one),
        TEST(many_are_found_and_forgotten),
        TEST(without_a_revocation_all_times_are_now),
        TEST(a_token_says_a_second_that_tells_before_from_after),
        TEST(what_is_asked_for_behind_a_revocation_is_behind_it),
        TEST(what_was_issued_in_the_next_second_ends_in_this_one),
        TEST(what_was_asked_for_during_one_end_ends_with_the_next),
        TEST(ends_alone_do_not_run_ahead_of_the_clock),
        TEST(a_copy_shares_nothing),
    };
    return cmocka_run_group_tests_name("auth/revoked", tests, NULL, NULL);
}
