#include "support/presence_world.h"

static int setup(void **state)
{
    struct chat_world *w = NEW(struct chat_world);

    w->fakes_relations = true;
    world_start(w, NULL);
    for (uint8_t i = 1; i <= 4; i++) { // all of them with all, but for the fifth
        for (uint8_t k = (uint8_t)(i + 1); k <= 4; k++)
            fake_relate(w->relations, wallet(i), wallet(k), true);
    }
    *state = w;
    return 0;
}

static unsigned times_seen(struct chat_world *w, account a)
{
    return fake_seen_of(w->relations, &a)->n;
}

static void whoever_watches_is_told_who_comes_and_goes(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;
    const account bobs = wallet(2);

    connect_device(w, &alice, wallet(1), "");
    assert_false(watch(&alice, wallet(2)).is_online);
    connect_device(w, &bob, wallet(2), "");
    expect_presences(&alice, "+");
    assert_true(account_eq(&last(&alice)->account, &bobs));
    assert_int_equal(last(&alice)->last_seen_ms, 0);
    close_device(&bob);
    const int64_t left_ms = w->unix_ms;
    pass(w, CHAT_OFFLINE_MS - 1);
    expect_presences(&alice, "+");
    pass(w, 1);
    expect_presences(&alice, "+-");
    assert_int_equal(last(&alice)->last_seen_ms, left_ms);
    assert_int_equal(fake_seen_of(w->relations, &bobs)->at_ms, left_ms);
    assert_int_equal(times_seen(w, bobs), 1);
    assert_int_equal(chat_counters(w->chat)->presences, 2);
    assert_int_equal(chat_counters(w->chat)->watches, 1);
    close_device(&alice);
    assert_int_equal(chat_counters(w->chat)->watches, 0);
}

static void the_answer_says_how_it_is(void **state)
{
    struct chat_world *w = *state;
    const account all[] = {wallet(2), wallet(3), wallet(5), wallet(1), wallet(4), wallet(2)};
    struct watched_answer answer;
    struct device alice;
    struct device bob;
    struct device eve; // the fifth

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    connect_device(w, &eve, wallet(5), "");
    fake_seen_of(w->relations, &all[1])->at_ms = 77;
    fake_seen_of(w->relations, &all[2])->at_ms = 88;
    assert_int_equal(start_watch(&alice, all, COUNT_OF(all), &answer), 0);
    settle(w);
    assert_int_equal(answer.times, 1);
    assert_int_equal(answer.n, COUNT_OF(all));
    static const struct {
        const char *name;
        bool is_online;
        int64_t last_seen_ms;
    } rows[] = {
        {"one who is online", true, 0},         {"one who is not", false, 77},
        {"one who has not accepted", false, 0}, {"oneself", true, 0},
        {"one who was never seen", false, 0},   {"the first one again", true, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_true(account_eq(&answer.p[i].account, &all[i]));
        expect_int(rows[i].name, answer.p[i].is_online, rows[i].is_online);
        expect_int(rows[i].name, answer.p[i].last_seen_ms, rows[i].last_seen_ms);
    }
    assert_int_equal(chat_counters(w->chat)->watches, 4); // neither oneself nor one twice
    close_device(&alice);
    close_device(&bob);
    close_device(&eve);
}

static void one_that_comes_back_was_never_away(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    assert_true(watch(&alice, wallet(2)).is_online);
    for (int i = 0; i < 3; i++) {
        close_device(&bob);
        assert_int_equal(chat_counters(w->chat)->accounts, 1);
        pass(w, CHAT_OFFLINE_MS - 1);
        assert_true(watch(&alice, wallet(2)).is_online); // as long as nobody was told
        connect_device(w, &bob, wallet(2), "");
        assert_int_equal(chat_counters(w->chat)->accounts, 2);
    }
    pass(w, LONG_MS);
    expect_presences(&alice, "");
    assert_int_equal(times_seen(w, wallet(2)), 0);
    close_device(&alice);
    close_device(&bob);
}

static void one_of_two_devices_may_go(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device phone; // bob's
    struct device laptop;

    connect_device(w, &alice, wallet(1), "");
    watch(&alice, wallet(2));
    connect_device(w, &phone, wallet(2), "");
    connect_device(w, &laptop, wallet(2), "");
    expect_presences(&alice, "+");
    close_device(&phone);
    pass(w, LONG_MS);
    expect_presences(&alice, "+");
    close_device(&laptop);
    pass(w, CHAT_OFFLINE_MS);
    expect_presences(&alice, "+-");
    close_device(&alice);
}

static void what_comes_while_one_is_away_for_a_moment_is_not_missed(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    close_device(&bob);
    say(&alice, wallet(2), "hi");
    connect_device(w, &bob, wallet(2), "");
    assert_int_equal(bob.n_got, 1);
    close_device(&alice);
    close_device(&bob);
}

// Who may know.

static void those_who_have_not_accepted_each_other_are_told_nothing(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device eve;

    connect_device(w, &eve, wallet(5), "");
    watch(&eve, wallet(1));
    connect_device(w, &alice, wallet(1), "");
    close_device(&alice);
    pass(w, CHAT_OFFLINE_MS);
    expect_presences(&eve, "");
    close_device(&eve);
}

static void to_accept_and_to_block_are_told_at_once(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device eve;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &eve, wallet(5), "");
    assert_false(watch(&eve, wallet(1)).is_online);
    assert_false(watch(&alice, wallet(5)).is_online);
    relate(w, wallet(1), wallet(5), true);
    expect_presences(&eve, "+");
    expect_presences(&alice, "+");
    relate(w, wallet(1), wallet(5), true); // again
    expect_presences(&eve, "+");
    relate(w, wallet(1), wallet(5), false);
    expect_presences(&eve, "+-");
    expect_presences(&alice, "+-");
    assert_int_equal(last(&eve)->last_seen_ms, 0);
    close_device(&alice);
    pass(w, CHAT_OFFLINE_MS);
    expect_presences(&eve, "+-");
    close_device(&eve);
}

/** Strangers write to whom they like: that must not cost a question for each who watches. */
static void what_two_want_of_each_other_is_asked_of_them_alone(void **state)
{
    struct chat_world *w = *state;
    struct device bob;
    struct device watching[3];

    connect_device(w, &bob, wallet(2), "");
    for (size_t i = 0; i < COUNT_OF(watching); i++) {
        connect_device(w, &watching[i], wallet((uint8_t[]){1, 3, 4}[i]), "");
        assert_true(watch(&watching[i], wallet(2)).is_online);
    }
    unsigned before = w->relations->n_questions;
    relate(w, wallet(5), wallet(2), false); // who does not watch
    assert_int_equal(w->relations->n_questions, before);
    w->relations->max_peers = 0;
    relate(w, wallet(3), wallet(2), false);
    assert_int_equal(w->relations->n_questions, before + 1);
    assert_int_equal(w->relations->max_peers, 1);
    expect_presences(&watching[1], "-");

    w->relations->is_holding = true; // and another one while the answer is on its way
    fake_relate(w->relations, wallet(3), wallet(2), true);
    before = w->relations->n_questions;
    relate(w, wallet(3), wallet(2), true);
    relate(w, wallet(3), wallet(2), false);
    assert_int_equal(w->relations->n_questions, before + 1);
    fake_release(w->relations);
    settle(w);
    assert_int_equal(w->relations->n_questions, before + 2);
    expect_presences(&watching[1], "-+-"); // as it was when each was asked
    expect_presences(&watching[0], "");
    for (size_t i = 0; i < COUNT_OF(watching); i++)
        close_device(&watching[i]);
    close_device(&bob);
}

static void a_block_hides_when_one_was_seen(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    assert_true(watch(&alice, wallet(2)).is_online);
    fake_relate(w->relations, wallet(1), wallet(2), false); // and nobody says so
    close_device(&bob);
    pass(w, CHAT_OFFLINE_MS);
    expect_presences(&alice, "-");
    assert_int_equal(last(&alice)->last_seen_ms, 0);
    assert_int_equal(watch(&alice, wallet(2)).last_seen_ms, 0);
    close_device(&alice);
}

// Watching.

static void unwatching_ends_it(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device laptop; // alice's other one
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &laptop, wallet(1), "");
    watch(&alice, wallet(2));
    watch(&laptop, wallet(2));
    unwatch(&alice, wallet(2));
    unwatch(&alice, wallet(3)); // which it does not watch
    connect_device(w, &bob, wallet(2), "");
    expect_presences(&alice, "");
    expect_presences(&laptop, "+");
    unwatch(&laptop, wallet(2));
    assert_int_equal(chat_counters(w->chat)->watches, 0);
    assert_true(watch(&alice, wallet(2)).is_online);
    close_device(&bob);
    pass(w, CHAT_OFFLINE_MS);
    expect_presences(&alice, "-");
    expect_presences(&laptop, "+");
    close_device(&alice);
    close_device(&laptop);
}

static void watches_so_many_and_no_more(void **state)
{
    struct chat_world *w = *state;
    struct watched_answer answer;
    struct device alice;
    account all[CHAT_WATCHES_MAX];

    for (unsigned i = 0; i < CHAT_WATCHES_MAX; i++)
        all[i] = numbered(i);
    connect_device(w, &alice, wallet(1), "");
    assert_int_equal(start_watch(&alice, all, CHAT_WATCHES_MAX - 1, &answer), 0);
    settle(w);
    assert_int_equal(answer.r, 0);
    const account two[] = {numbered(1000), numbered(1001)};
    assert_int_equal(start_watch(&alice, two, 2, &answer), CHAT_TOO_MANY);
    assert_int_equal(chat_counters(w->chat)->watches, CHAT_WATCHES_MAX - 1); // nor the first
    assert_int_equal(chat_counters(w->chat)->refused, 1);
    assert_int_equal(start_watch(&alice, all, CHAT_WATCHES_MAX, &answer), 0); // one is new
    settle(w);
    assert_int_equal(answer.r, 0);
    assert_int_equal(start_watch(&alice, two, 1, &answer), CHAT_TOO_MANY);
    unwatch(&alice, all[7]);
    assert_int_equal(start_watch(&alice, two, 1, &answer), 0);
    settle(w);
    assert_int_equal(chat_counters(w->chat)->watches, CHAT_WATCHES_MAX);
    close_device(&alice);
    assert_int_equal(chat_counters(w->chat)->watches, 0);
    assert_true(chat_is_idle(w->chat));
}

static void watching_counts_as_a_request(void **state)
{
    struct chat_world *w = *state;
    static struct watched_answer answer;
    const account bob = wallet(2);
    struct device alice;
    int n_done = 0;

    connect_device(w, &alice, wallet(1), "");
    w->relations->is_holding = true;
    for (int i = 0; i < CHAT_REQUESTS_MAX; i++)
        assert_int_equal(chat_watch(alice.session, &bob, 1, on_watched, &answer), 0);
    assert_int_equal(start_watch(&alice, &bob, 1, &answer), CHAT_BUSY);
    assert_int_equal(chat_unwatch(alice.session, &bob, 1, on_done, &n_done), CHAT_BUSY);
    fake_release(w->relations);
    settle(w);
    assert_int_equal(answer.times, CHAT_REQUESTS_MAX);
    close_device(&alice);
}

static void where_the_store_fails_nothing_is_watched(void **state)
{
    struct chat_world *w = *state;
    struct watched_answer answer;
    const account both[] = {wallet(2), wallet(3)};
    struct device alice;
    struct device carol;

    connect_device(w, &alice, wallet(1), "");
    watch(&alice, wallet(3));
    w->relations->n_failing = 1;
    assert_int_equal(start_watch(&alice, both, 2, &answer), 0);
    settle(w);
    assert_int_equal(answer.r, CHAT_UNAVAILABLE);
    assert_int_equal(chat_counters(w->chat)->watches, 1);
    connect_device(w, &carol, wallet(3), "");
    expect_presences(&alice, "+"); // it is watched as before
    close_device(&alice);
    close_device(&carol);
}

static void what_changes_while_it_is_asked_is_told(void **state)
{
    struct chat_world *w = *state;
    struct watched_answer answer;
    const account bobs = wallet(2);
    struct device alice;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    w->relations->is_holding = true;
    assert_int_equal(start_watch(&alice, &bobs, 1, &answer), 0);
    settle(w);
    relate(w, wallet(1), wallet(2), false);
    assert_int_equal(answer.times, 0);
    fake_release(w->relations);
    settle(w);
    assert_int_equal(answer.times, 1);
    assert_true(answer.p[0].is_online); // as the store said it was
    expect_presences(&alice, "-");      // and is not any more
    close_device(&alice);
    close_device(&bob);
}

static void one_that_goes_while_it_is_asked_is_told_by_the_answer(void **state)
{
    struct chat_world *w = *state;
    struct watched_answer answer;
    const account bobs = wallet(2);
    struct device alice;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    close_device(&bob);
    const int64_t left_ms = w->unix_ms;
    pass(w, CHAT_OFFLINE_MS - 1);
    w->relations->is_holding = true;
    assert_int_equal(start_watch(&alice, &bobs, 1, &answer), 0);
    settle(w);
    pass(w, 1);
    fake_release(w->relations);
    settle(w);
    assert_int_equal(answer.times, 1);
    assert_false(answer.p[0].is_online);
    assert_int_equal(answer.p[0].last_seen_ms, left_ms); // though the store did not have it
    expect_presences(&alice, "");
    close_device(&alice);
}

static void one_who_leaves_while_it_asks_is_answered(void **state)
{
    struct chat_world *w = *state;
    struct watched_answer answer;
    const account bobs = wallet(2);
    struct device alice;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    w->relations->is_holding = true;
    assert_int_equal(start_watch(&alice, &bobs, 1, &answer), 0);
    close_device(&alice);
    assert_int_equal(chat_counters(w->chat)->watches, 0);
    assert_false(chat_is_idle(w->chat));
    fake_release(w->relations);
    settle(w);
    assert_int_equal(answer.times, 1);
    assert_true(chat_is_idle(w->chat));
    close_device(&bob);
}

/** What it asks with is of the session, and that one of the account. */
static void one_who_is_offline_before_it_is_answered_is_answered(void **state)
{
    struct chat_world *w = *state;
    const account both[] = {wallet(1), wallet(2)};
    struct watched_answer answer;
    struct device alice;

    connect_device(w, &alice, wallet(1), "");
    w->relations->is_holding = true;
    assert_int_equal(start_watch(&alice, both, COUNT_OF(both), &answer), 0);
    settle(w);
    close_device(&alice);
    pass(w, CHAT_OFFLINE_MS);
    connect_device(w, &alice, wallet(1), ""); // it comes back as a new one
    fake_release(w->relations);
    settle(w);
    assert_int_equal(answer.times, 1);
    assert_int_equal(answer.r, 0);
    assert_true(answer.p[0].is_online); // to itself, as ever
    close_device(&alice);
}

static void one_who_leaves_while_it_is_judged_is_not_told(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device laptop; // alice's other one
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &laptop, wallet(1), "");
    watch(&alice, wallet(2));
    watch(&laptop, wallet(2));
    w->relations->is_holding = true;
    connect_device(w, &bob, wallet(2), "");
    close_device(&alice);
    fake_release(w->relations);
    settle(w);
    expect_presences(&laptop, "+");
    w->relations->is_holding = true;
    relate(w, wallet(1), wallet(2), false);
    close_device(&laptop); // the last one
    fake_release(w->relations);
    settle(w);
    assert_int_equal(chat_counters(w->chat)->watches, 0);
    close_device(&bob);
}

static void two_requests_about_one_and_an_end_between(void **state)
{
    struct chat_world *w = *state;
    struct watched_answer answers[3];
    const account bobs = wallet(2);
    struct device alice;
    struct device bob;
    int n_done = 0;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    w->relations->is_holding = true;
    assert_int_equal(start_watch(&alice, &bobs, 1, &answers[0]), 0);
    assert_int_equal(start_watch(&alice, &bobs, 1, &answers[1]), 0);
    assert_int_equal(chat_unwatch(alice.session, &bobs, 1, on_done, &n_done), 0);
    assert_int_equal(start_watch(&alice, &bobs, 1, &answers[2]), 0);
    fake_release(w->relations);
    settle(w);
    for (size_t i = 0; i < COUNT_OF(answers); i++)
        assert_int_equal(answers[i].times, 1);
    assert_true(answers[2].p[0].is_online); // the last word is right
    assert_int_equal(chat_counters(w->chat)->watches, 1);
    close_device(&bob);
    pass(w, CHAT_OFFLINE_MS);
    expect_presences(&alice, "-");
    close_device(&alice);
}

// Many.

static void what_happens_meanwhile_makes_one_more_round(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    watch(&alice, wallet(2));
    w->relations->is_holding = true;
    const unsigned before = w->relations->n_questions;
    for (int i = 0; i < 20; i++)
        relate(w, wallet(1), wallet(2), i % 2 == 0);
    relate(w, wallet(1), wallet(2), false);
    assert_int_equal(w->relations->n_questions, before + 1);
    fake_release(w->relations);
    settle(w);
    assert_int_equal(w->relations->n_questions, before + 2);
    expect_presences(&alice, "-");
    close_device(&alice);
    close_device(&bob);
}

#define N_FANS (STORE_RELATIONS_MAX * 2 + 10)

static void very_many_who_watch_are_asked_about_in_parts(void **state)
{
    struct chat_world *w = *state;
    struct device *fans = (struct device *)mem_alloc(N_FANS * sizeof(*fans));
    struct device star;

    for (unsigned i = 0; i < N_FANS; i++) {
        connect_device(w, &fans[i], numbered(i), "");
        fake_relate(w->relations, wallet(1), numbered(i), i % 2 == 0);
        watch(&fans[i], wallet(1));
    }
    const unsigned before = w->relations->n_questions;
    connect_device(w, &star, wallet(1), "");
    for (unsigned i = 0; i < N_FANS; i++)
        expect_presences(&fans[i], i % 2 == 0 ? "+" : "");
    assert_int_equal(w->relations->max_peers, STORE_RELATIONS_MAX);
    assert_int_equal(w->relations->n_questions, before + 3);

    // Who was not told that it came need not be told that it goes.
    close_device(&star);
    pass(w, CHAT_OFFLINE_MS);
    for (unsigned i = 0; i < N_FANS; i++)
        expect_presences(&fans[i], i % 2 == 0 ? "+-" : "");
    assert_int_equal(w->relations->n_questions, before + 5);
    for (unsigned i = 0; i < N_FANS; i++)
        close_device(&fans[i]);
    free(fans);
}

// Later.

static void one_who_has_much_to_take_is_told_the_latest_later(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device carol;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &carol, wallet(3), "");
    watch(&alice, wallet(2));
    watch(&carol, wallet(2));
    alice.is_stuffed = true;
    connect_device(w, &bob, wallet(2), "");
    expect_presences(&carol, "+");
    const unsigned before = w->relations->n_questions;
    pass(w, 5 * SECOND_MS);
    assert_int_equal(w->relations->n_questions, before); // looking costs the store nothing
    alice.is_stuffed = false;
    pass(w, SECOND_MS);
    expect_presences(&alice, "+");

    alice.is_stuffed = true;
    close_device(&bob);
    pass(w, CHAT_OFFLINE_MS);
    connect_device(w, &bob, wallet(2), "");
    alice.is_stuffed = false;
    pass(w, SECOND_MS);
    expect_presences(&alice, "+"); // it is online, as it was
    expect_presences(&carol, "+-+");
    close_device(&alice);
    close_device(&carol);
    close_device(&bob);
}

static void one_that_becomes_stuffed_while_it_is_judged_is_told_later(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    watch(&alice, wallet(2));
    w->relations->is_holding = true;
    connect_device(w, &bob, wallet(2), "");
    alice.is_stuffed = true;
    fake_release(w->relations);
    settle(w);
    alice.is_stuffed = false;
    expect_presences(&alice, "");
    pass(w, SECOND_MS);
    expect_presences(&alice, "+");
    close_device(&alice);
    close_device(&bob);
}

static void one_that_could_not_be_judged_is_told_later(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    watch(&alice, wallet(2));
    w->relations->n_failing = 2;
    connect_device(w, &bob, wallet(2), "");
    pass(w, SECOND_MS);
    expect_presences(&alice, "");
    pass(w, SECOND_MS);
    expect_presences(&alice, "+");
    close_device(&alice);
    close_device(&bob);
}

/** Nothing is told before ready, whatever a client asks for before that. */
static void one_that_is_not_ready_is_told_later(void **state)
{
    struct chat_world *w = *state;
    struct watched_answer answer;
    const account bobs = wallet(2);
    struct device alice;
    struct device bob;

    store_mem_fail_reads(w->mem, 1); // it is ready a second later
    open_device(w, &alice, wallet(1), "");
    assert_int_equal(start_watch(&alice, &bobs, 1, &answer), 0);
    settle(w);
    assert_int_equal(answer.times, 1);
    assert_int_equal(alice.n_ready, 0);
    connect_device(w, &bob, wallet(2), "");
    pass(w, 2 * SECOND_MS);
    assert_int_equal(alice.n_ready, 1);
    expect_presences(&alice, "+");
    close_device(&alice);
    close_device(&bob);
}

// The end.

static void at_the_end_all_are_seen(void **state)
{
    struct chat_world *w = *state;
    const account alices = wallet(1);
    const account bobs = wallet(2);
    struct device alice;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    close_device(&bob);
    const int64_t left_ms = w->unix_ms;
    pass(w, 3 * SECOND_MS);
    w->relations->is_holding = true;
    chat_shut_down(w->chat);
    chat_stop(w->chat); // which does it no second time
    assert_false(chat_is_idle(w->chat));
    fake_release(w->relations);
    settle(w);
    assert_true(chat_is_idle(w->chat));
    close_device(&alice);
    pass(w, LONG_MS);
    assert_int_equal(fake_seen_of(w->relations, &bobs)->at_ms, left_ms);
    assert_int_equal(fake_seen_of(w->relations, &alices)->at_ms, left_ms + 3 * SECOND_MS);
    assert_int_equal(times_seen(w, bobs), 1);
    assert_int_equal(times_seen(w, alices), 1);
}

static void may_end_while_some_are_away_for_a_moment(void **state)
{
    struct chat_world *w = *state;
    struct device alice;

    connect_device(w, &alice, wallet(1), "");
    close_device(&alice);
    assert_int_equal(chat_counters(w->chat)->accounts, 0);
    // world_teardown() frees the chat now
}

int main(void)
{
#define PRESENCE(test) cmocka_unit_test_setup_teardown(test, setup, world_teardown)
    const struct CMUnitTest tests[] = {
        PRESENCE(whoever_watches_is_told_who_comes_and_goes),
        PRESENCE(the_answer_says_how_it_is),
        PRESENCE(one_that_comes_back_was_never_away),
        PRESENCE(one_of_two_devices_may_go),
        PRESENCE(what_comes_while_one_is_away_for_a_moment_is_not_missed),
        PRESENCE(those_who_have_not_accepted_each_other_are_told_nothing),
        PRESENCE(to_accept_and_to_block_are_told_at_once),
        PRESENCE(what_two_want_of_each_other_is_asked_of_them_alone),
        PRESENCE(a_block_hides_when_one_was_seen),
        PRESENCE(unwatching_ends_it),
        PRESENCE(watches_so_many_and_no_more),
        PRESENCE(watching_counts_as_a_request),
        PRESENCE(where_the_store_fails_nothing_is_watched),
        PRESENCE(what_changes_while_it_is_asked_is_told),
        PRESENCE(one_that_goes_while_it_is_asked_is_told_by_the_answer),
        PRESENCE(one_who_leaves_while_it_asks_is_answered),
        PRESENCE(one_who_is_offline_before_it_is_answered_is_answered),
        PRESENCE(one_who_leaves_while_it_is_judged_is_not_told),
        PRESENCE(two_requests_about_one_and_an_end_between),
        PRESENCE(what_happens_meanwhile_makes_one_more_round),
        PRESENCE(very_many_who_watch_are_asked_about_in_parts),
        PRESENCE(one_who_has_much_to_take_is_told_the_latest_later),
        PRESENCE(one_that_becomes_stuffed_while_it_is_judged_is_told_later),
        PRESENCE(one_that_could_not_be_judged_is_told_later),
        PRESENCE(one_that_is_not_ready_is_told_later),
        PRESENCE(at_the_end_all_are_seen),
        PRESENCE(may_end_while_some_are_away_for_a_moment),
    };
    return cmocka_run_group_tests_name("chat/presence", tests, NULL, NULL);
}
