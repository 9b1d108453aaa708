#include "support/chat_world.h"
#include "support/lossy_bus.h"

#define SECOND_MS INT64_C(1000)
#define LONG_MS   (INT64_C(2) * CHAT_OFFLINE_MS)

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

// What is asked, and answered.

#define ANSWERED_MAX CHAT_WATCHES_MAX

struct watched_answer {
    int times;
    int r;
    size_t n;
    struct chat_presence p[ANSWERED_MAX];
};

static void on_watched(void *arg, int r, const struct chat_presence *p, size_t n)
{
    struct watched_answer *answer = arg;

    answer->times++;
    answer->r = r;
    answer->n = n;
    assert_true((r == 0) == (p != NULL) && (r == 0) == (n > 0));
    for (size_t i = 0; p && i < n; i++)
        answer->p[i] = p[i];
}

/** Do not wait for the answer. */
static int start_watch(struct device *d, const account *accounts, size_t n,
                       struct watched_answer *answer)
{
    *answer = (struct watched_answer){0};
    const int r = chat_watch(d->session, accounts, n, on_watched, answer);
    assert_int_equal(answer->times, 0); // never inside the call
    return r;
}

static struct chat_presence watch(struct device *d, account a)
{
    struct watched_answer answer;

    assert_int_equal(start_watch(d, &a, 1, &answer), 0);
    settle(d->w);
    if (answer.times == 0)
        pass(d->w, CHAT_ASKED_MS);
    assert_int_equal(answer.times, 1);
    assert_int_equal(answer.r, 0);
    assert_int_equal(answer.n, 1);
    assert_true(account_eq(&answer.p[0].account, &a));
    return answer.p[0];
}

static void on_done(void *arg, int r)
{
    assert_int_equal(r, 0);
    ++*(int *)arg;
}

static void unwatch(struct device *d, account a)
{
    int times = 0;

    assert_int_equal(chat_unwatch(d->session, &a, 1, on_done, &times), 0);
    assert_int_equal(times, 0);
    settle(d->w);
    assert_int_equal(times, 1);
}

/** @param want  '+' for online and '-' for offline, all that it was told */
static void expect_presences(const struct device *d, const char *want)
{
    char got[32] = "";

    assert_true(d->n_presences < sizeof(got));
    for (size_t i = 0; i < d->n_presences; i++)
        got[i] = d->presences[i].is_online ? '+' : '-';
    assert_string_equal(got, want);
}

static const struct chat_presence *last(const struct device *d)
{
    assert_true(d->n_presences > 0);
    return &d->presences[d->n_presences - 1];
}

static void relate(struct chat_world *w, account a, account b, bool is_mutual)
{
    const struct bus_event asks[] = {{.kind = BUS_ASK, .to = a}, {.kind = BUS_ASK, .to = b}};

    // What presence_on_relation() publishes once the store has it.
    fake_relate(w->relations, a, b, is_mutual);
    bus_publish(w->bus, &asks[0]);
    bus_publish(w->bus, &asks[1]);
    settle(w);
}

static unsigned times_seen(struct chat_world *w, account a)
{
    return fake_seen_of(w->relations, &a)->n;
}

// One node.

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

static account numbered(unsigned n)
{
    account a = wallet((uint8_t)n);

    a.bytes[ACCOUNT_KEY_AT] = (uint8_t)(1 + n / 256);
    return a;
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

// Two nodes.

struct nodes {
    struct chat_world w; // its chat is the one that devices are opened on
    struct lossy_bus *buses[2];
    struct chat *chats[2];
    unsigned n_lost;
    enum bus_kind lost; // what is lost, of n_lost
};

static bool loses(void *arg, const struct bus_event *e)
{
    struct nodes *n = arg;

    if (n->n_lost == 0 || e->kind != n->lost)
        return false;
    n->n_lost--;
    return true;
}

static struct lossy_bus *bus_new(struct nodes *n)
{
    struct lossy_bus *b = lossy_new(bus_local_new(&n->w.later, &n->w.rand));

    b->loses = loses;
    b->arg = n;
    return b;
}

static int nodes_setup(void **state)
{
    struct nodes *n = NEW(struct nodes);
    struct chat_world *w = &n->w;

    w->later = JOB_QUEUE_INIT(w->later);
    w->rand.bytes = world_rand;
    w->fakes_relations = true;
    n->buses[0] = bus_new(n);
    n->buses[1] = bus_new(n);
    world_start(w, &n->buses[0]->bus);
    lossy_link(n->buses[0], n->buses[1]);
    n->chats[0] = w->chat;
    n->chats[1] = chat_new(&(struct chat_ports){.store = w->store,
                                                .bus = &n->buses[1]->bus,
                                                .timers = &w->timers,
                                                .later = &w->later,
                                                .clock = &w->clock,
                                                .rand = &w->rand},
                           &w->config);
    fake_relate(w->relations, wallet(1), wallet(2), true);
    fake_relate(w->relations, wallet(1), wallet(3), true);
    *state = n;
    return 0;
}

static int nodes_teardown(void **state)
{
    struct nodes *n = *state;

    settle(&n->w);
    if (chat_counters(n->chats[0])->sessions + chat_counters(n->chats[1])->sessions > 0)
        return 0; // as in world_stop()
    assert_true(chat_is_idle(n->chats[1]));
    chat_free(n->chats[1]);
    settle(&n->w);
    bus_free(&n->buses[1]->bus);
    settle(&n->w);
    n->w.chat = n->chats[0];
    world_stop(&n->w);
    free(n);
    return 0;
}

static void connect_at(struct nodes *n, unsigned node, struct device *d, account a)
{
    n->w.chat = n->chats[node];
    connect_device(&n->w, d, a, "");
}

static void another_node_is_asked_and_tells(void **state)
{
    struct nodes *n = *state;
    struct watched_answer answer;
    const account both[] = {wallet(2), wallet(3)};
    struct device alice;
    struct device bob;

    connect_at(n, 1, &bob, wallet(2));
    connect_at(n, 0, &alice, wallet(1));
    assert_int_equal(start_watch(&alice, both, 2, &answer), 0);
    settle(&n->w);
    pass(&n->w, CHAT_ASKED_MS - 1);
    assert_int_equal(answer.times, 0); // somebody might still say that it has carol
    pass(&n->w, 1);
    assert_int_equal(answer.times, 1);
    assert_true(answer.p[0].is_online);
    assert_false(answer.p[1].is_online);
    expect_presences(&alice, ""); // the answer says all there is to say
    close_device(&bob);
    pass(&n->w, CHAT_OFFLINE_MS);
    expect_presences(&alice, "");
    pass(&n->w, CHAT_ASKED_MS);
    expect_presences(&alice, "-");
    connect_at(n, 1, &bob, wallet(2));
    expect_presences(&alice, "-+");
    close_device(&alice);
    close_device(&bob);
}

static void those_who_are_here_are_not_waited_for(void **state)
{
    struct nodes *n = *state;
    struct watched_answer answer;
    const account all[] = {wallet(2), wallet(9)};
    struct device alice;
    struct device bob;

    connect_at(n, 0, &alice, wallet(1));
    connect_at(n, 0, &bob, wallet(2));
    assert_int_equal(start_watch(&alice, all, 2, &answer), 0);
    settle(&n->w);
    assert_int_equal(answer.times, 1); // nor are those of whom it may not know
    assert_true(answer.p[0].is_online);
    close_device(&alice);
    close_device(&bob);
}

static void what_changes_while_nodes_are_asked_is_in_the_answer(void **state)
{
    struct nodes *n = *state;
    struct watched_answer answer;
    const account bobs = wallet(2);
    struct device alice;
    struct device bob;

    connect_at(n, 0, &alice, wallet(1));
    connect_at(n, 1, &bob, wallet(2));
    assert_int_equal(start_watch(&alice, &bobs, 1, &answer), 0);
    settle(&n->w);
    assert_int_equal(answer.times, 0);
    relate(&n->w, wallet(1), wallet(2), false);
    pass(&n->w, CHAT_ASKED_MS);
    assert_int_equal(answer.times, 1);
    assert_false(answer.p[0].is_online);
    expect_presences(&alice, "");
    close_device(&alice);
    close_device(&bob);
}

static void one_who_leaves_while_nodes_are_asked_is_answered(void **state)
{
    struct nodes *n = *state;
    struct watched_answer answer;
    const account bobs = wallet(2);
    struct device alice;

    connect_at(n, 0, &alice, wallet(1));
    assert_int_equal(start_watch(&alice, &bobs, 1, &answer), 0);
    settle(&n->w);
    close_device(&alice);
    pass(&n->w, CHAT_ASKED_MS);
    assert_int_equal(answer.times, 1);
    assert_true(chat_is_idle(n->chats[0]));
}

static void one_is_online_as_long_as_some_node_has_it(void **state)
{
    struct nodes *n = *state;
    struct device alice;
    struct device phone; // bob's
    struct device laptop;

    connect_at(n, 0, &alice, wallet(1));
    connect_at(n, 0, &phone, wallet(2));
    connect_at(n, 1, &laptop, wallet(2));
    assert_true(watch(&alice, wallet(2)).is_online);
    close_device(&laptop);
    pass(&n->w, LONG_MS);
    expect_presences(&alice, "");
    connect_at(n, 1, &laptop, wallet(2));
    close_device(&phone);
    pass(&n->w, LONG_MS);
    expect_presences(&alice, "");
    close_device(&laptop);
    pass(&n->w, CHAT_OFFLINE_MS + CHAT_ASKED_MS);
    expect_presences(&alice, "-");
    close_device(&alice);
}

static void a_block_is_told_on_the_other_node(void **state)
{
    struct nodes *n = *state;
    struct device alice;
    struct device bob;

    connect_at(n, 0, &alice, wallet(1));
    connect_at(n, 1, &bob, wallet(2));
    assert_true(watch(&alice, wallet(2)).is_online);
    relate(&n->w, wallet(1), wallet(2), false);
    expect_presences(&alice, "-");
    relate(&n->w, wallet(1), wallet(2), true);
    expect_presences(&alice, "-+");
    close_device(&alice);
    close_device(&bob);
}

static void typing_goes_to_the_other_node_and_ends_without_its_stop(void **state)
{
    struct nodes *n = *state;
    const struct bus_event start = {
        .kind = BUS_TYPING,
        .to = wallet(2),
        .typing = {.conversation = 1, .from = wallet(1), .is_on = true},
    };
    struct bus_event stop = start;
    struct device bob;

    stop.typing.is_on = false;
    connect_at(n, 1, &bob, wallet(2));
    bus_publish(&n->buses[0]->bus, &start);
    n->n_lost = 1;
    n->lost = BUS_TYPING;
    bus_publish(&n->buses[0]->bus, &stop);
    settle(&n->w);
    assert_int_equal(bob.n_typings, 1);
    pass(&n->w, CHAT_TYPING_MS);
    assert_int_equal(bob.n_typings, 2);
    assert_false(bob.typings[1].is_on);
    close_device(&bob);
}

static void what_was_lost_is_found_out_after_a_gap(void **state)
{
    struct nodes *n = *state;
    struct device alice;
    struct device bob;
    struct device carol;

    connect_at(n, 0, &alice, wallet(1));
    connect_at(n, 1, &bob, wallet(2));
    assert_true(watch(&alice, wallet(2)).is_online);
    assert_false(watch(&alice, wallet(3)).is_online);
    n->n_lost = 2;
    n->lost = BUS_PRESENCE;
    connect_at(n, 1, &carol, wallet(3));
    close_device(&bob);
    pass(&n->w, LONG_MS);
    assert_int_equal(n->n_lost, 0);
    expect_presences(&alice, "");
    lossy_gap(&n->buses[0]->bus);
    pass(&n->w, SECOND_MS);
    assert_int_equal(alice.n_presences, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct chat_presence *p = &alice.presences[i];
        assert_int_equal(p->is_online, account_eq(&p->account, &carol.account));
    }
    close_device(&alice);
    close_device(&carol);
}

static void after_a_gap_not_all_are_asked_for_at_once(void **state)
{
    struct nodes *n = *state;
    struct watched_answer answer;
    account all[CHAT_WATCHES_MAX];
    struct device alice;

    for (unsigned i = 0; i < CHAT_WATCHES_MAX; i++)
        all[i] = numbered(i);
    connect_at(n, 0, &alice, wallet(1));
    assert_int_equal(start_watch(&alice, all, CHAT_WATCHES_MAX, &answer), 0);
    settle(&n->w);
    assert_int_equal(answer.times, 1);
    n->n_lost = 1000;
    n->lost = BUS_ASK;
    lossy_gap(&n->buses[0]->bus);
    lossy_gap(&n->buses[0]->bus);
    assert_int_equal(n->n_lost, 1000);
    unsigned left = 1000;
    for (int i = 0; i < 20; i++) {
        pass(&n->w, 50);
        assert_true(left - n->n_lost <= 64);
        left = n->n_lost;
    }
    assert_int_equal(1000 - n->n_lost, CHAT_WATCHES_MAX);
    close_device(&alice);
}

static void a_gap_with_an_end_in_the_middle(void **state)
{
    struct nodes *n = *state;
    struct device alice;

    connect_at(n, 0, &alice, wallet(1));
    watch(&alice, wallet(2));
    lossy_gap(&n->buses[0]->bus);
    close_device(&alice);
    pass(&n->w, SECOND_MS);
    assert_true(chat_is_idle(n->chats[0]));
    assert_int_equal(chat_counters(n->chats[0])->watches, 0);
}

// By chance: whatever happens, in the end each was told how it is.

#define N_DEVICES  8
#define N_ACCOUNTS 4

struct chance {
    struct nodes *n;
    uint64_t seed;
    struct device devices[N_DEVICES]; // the i-th is of account i % N_ACCOUNTS
    bool watches[N_DEVICES][N_ACCOUNTS];
    bool told[N_DEVICES][N_ACCOUNTS]; // by the last answer or event
    size_t n_read[N_DEVICES];         // of its events
};

static unsigned pick(struct chance *c, unsigned n)
{
    c->seed = c->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((c->seed >> 33) % n);
}

static account nth(unsigned i)
{
    return wallet((uint8_t)(1 + i % N_ACCOUNTS));
}

static void read_events(struct chance *c, unsigned i)
{
    const struct device *d = &c->devices[i];

    for (; c->n_read[i] < d->n_presences; c->n_read[i]++) {
        const struct chat_presence *p = &d->presences[c->n_read[i]];
        const unsigned of = p->account.bytes[ACCOUNT_EVM_SIZE - 1] - 1U;
        assert_true(c->watches[i][of]);
        assert_true(c->told[i][of] != p->is_online); // nobody is told what it knows
        c->told[i][of] = p->is_online;
    }
}

static void come_or_go(struct chance *c, unsigned i)
{
    struct device *d = &c->devices[i];

    if (d->session) {
        d->is_stuffed = false;
        close_device(d);
        return;
    }
    connect_at(c->n, pick(c, 2), d, nth(i));
    memset(c->watches[i], 0, sizeof(c->watches[i]));
    memset(c->told[i], 0, sizeof(c->told[i]));
    c->n_read[i] = 0;
}

static void watch_or_not(struct chance *c, unsigned i, unsigned of)
{
    struct device *d = &c->devices[i];

    if (!d->session || of == i % N_ACCOUNTS)
        return;
    read_events(c, i);
    if (c->watches[i][of] && pick(c, 2) == 0) {
        unwatch(d, nth(of));
        c->watches[i][of] = c->told[i][of] = false;
        return;
    }
    struct watched_answer answer;
    const account a = nth(of);
    assert_int_equal(start_watch(d, &a, 1, &answer), 0);
    while (answer.times == 0) {
        pass(&c->n->w, 10);
        if (answer.times == 0)
            read_events(c, i); // of others, and of this one if it was watched before
    }
    c->told[i][of] = answer.p[0].is_online;
    c->watches[i][of] = true;
    // What came since the answer, in the same step, is read next.
}

static void relate_anew(struct chance *c)
{
    const unsigned a = pick(c, N_ACCOUNTS);
    const unsigned b = pick(c, N_ACCOUNTS);

    if (a != b)
        relate(&c->n->w, nth(a), nth(b), pick(c, 3) > 0);
}

static void step(struct chance *c)
{
    const unsigned i = pick(c, N_DEVICES);

    switch (pick(c, 8)) {
    case 0:
    case 1: come_or_go(c, i); break;
    case 2:
    case 3: watch_or_not(c, i, pick(c, N_ACCOUNTS)); break;
    case 4: relate_anew(c); break;
    case 5: c->devices[i].is_stuffed = c->devices[i].session && pick(c, 2) == 0; break;
    case 6: lossy_gap(&c->n->buses[pick(c, 2)]->bus); break;
    default: pass(&c->n->w, pick(c, CHAT_OFFLINE_MS)); break;
    }
    for (unsigned k = 0; k < N_DEVICES; k++)
        read_events(c, k);
}

static bool is_connected(const struct chance *c, unsigned of)
{
    for (unsigned i = of; i < N_DEVICES; i += N_ACCOUNTS) {
        if (c->devices[i].session)
            return true;
    }
    return false;
}

static void expect_all_told(struct chance *c)
{
    for (unsigned i = 0; i < N_DEVICES; i++) {
        for (unsigned of = 0; of < N_ACCOUNTS; of++) {
            const account a = nth(i);
            const account b = nth(of);
            const struct fake_pair *p = fake_find(c->n->w.relations, &a, &b);
            if (c->devices[i].session && c->watches[i][of])
                assert_int_equal(c->told[i][of], p && p->is_mutual && is_connected(c, of));
        }
    }
}

static void run_chance(struct nodes *n, uint64_t seed)
{
    struct chance *c = NEW(struct chance);

    c->n = n;
    c->seed = seed;
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 40; i++)
            step(c);
        for (unsigned i = 0; i < N_DEVICES; i++)
            c->devices[i].is_stuffed = false;
        pass(&n->w, CHAT_OFFLINE_MS + CHAT_ASKED_MS + 2 * SECOND_MS);
        for (unsigned i = 0; i < N_DEVICES; i++)
            read_events(c, i);
        expect_all_told(c);
    }
    for (unsigned i = 0; i < N_DEVICES; i++) {
        if (c->devices[i].session)
            close_device(&c->devices[i]);
    }
    free(c);
}

static void in_the_end_each_was_told_how_it_is(void **state)
{
    const char *given = getenv("SEED"); // NOLINT(concurrency-mt-unsafe): one thread
    const uint64_t first = given ? strtoull(given, NULL, 0) : 1;

    (void)state;
    for (uint64_t seed = first; seed < first + (given ? 1 : 20); seed++) {
        void *n = NULL;
        print_message("# SEED=%llu\n", (unsigned long long)seed);
        nodes_setup(&n);
        run_chance(n, seed);
        nodes_teardown(&n);
    }
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, setup, world_teardown)
#define TWO(test) cmocka_unit_test_setup_teardown(test, nodes_setup, nodes_teardown)
    const struct CMUnitTest tests[] = {
        ONE(whoever_watches_is_told_who_comes_and_goes),
        ONE(the_answer_says_how_it_is),
        ONE(one_that_comes_back_was_never_away),
        ONE(one_of_two_devices_may_go),
        ONE(what_comes_while_one_is_away_for_a_moment_is_not_missed),
        ONE(those_who_have_not_accepted_each_other_are_told_nothing),
        ONE(to_accept_and_to_block_are_told_at_once),
        ONE(a_block_hides_when_one_was_seen),
        ONE(unwatching_ends_it),
        ONE(watches_so_many_and_no_more),
        ONE(watching_counts_as_a_request),
        ONE(where_the_store_fails_nothing_is_watched),
        ONE(what_changes_while_it_is_asked_is_told),
        ONE(one_that_goes_while_it_is_asked_is_told_by_the_answer),
        ONE(one_who_leaves_while_it_asks_is_answered),
        ONE(one_who_leaves_while_it_is_judged_is_not_told),
        ONE(two_requests_about_one_and_an_end_between),
        ONE(what_happens_meanwhile_makes_one_more_round),
        ONE(very_many_who_watch_are_asked_about_in_parts),
        ONE(one_who_has_much_to_take_is_told_the_latest_later),
        ONE(one_that_becomes_stuffed_while_it_is_judged_is_told_later),
        ONE(one_that_could_not_be_judged_is_told_later),
        ONE(one_that_is_not_ready_is_told_later),
        ONE(at_the_end_all_are_seen),
        ONE(may_end_while_some_are_away_for_a_moment),
        TWO(another_node_is_asked_and_tells),
        TWO(what_changes_while_nodes_are_asked_is_in_the_answer),
        TWO(one_who_leaves_while_nodes_are_asked_is_answered),
        TWO(those_who_are_here_are_not_waited_for),
        TWO(one_is_online_as_long_as_some_node_has_it),
        TWO(a_block_is_told_on_the_other_node),
        TWO(typing_goes_to_the_other_node_and_ends_without_its_stop),
        TWO(what_was_lost_is_found_out_after_a_gap),
        TWO(after_a_gap_not_all_are_asked_for_at_once),
        TWO(a_gap_with_an_end_in_the_middle),
        cmocka_unit_test(in_the_end_each_was_told_how_it_is),
    };
    return cmocka_run_group_tests_name("chat/presence", tests, NULL, NULL);
}
