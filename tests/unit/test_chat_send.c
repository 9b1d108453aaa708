#include "support/chat_world.h"

static void stores_then_answers_then_delivers(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;
    struct answer answer;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    assert_int_equal(start_send(&alice, wallet(2), "hi", "k", &answer), 0);
    assert_int_equal(bob.n_got, 0);
    settle(w);
    assert_int_equal(answer.times, 1);
    assert_int_equal(answer.seq, 1);
    assert_int_equal(bob.n_got, 1);
    assert_string_equal(bob.got[0].text, "hi");
    assert_int_equal(alice.n_got, 0); // the sender has the answer
    close_device(&alice);
    close_device(&bob);
}

static void a_resend_is_a_duplicate_and_reaches_nobody_again(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;
    struct answer first;
    struct answer second;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    // the second while the first is under way
    assert_int_equal(start_send(&alice, wallet(2), "hi", "k", &first), 0);
    assert_int_equal(start_send(&alice, wallet(2), "hi", "k", &second), 0);
    settle(w);
    assert_false(first.duplicate);
    assert_true(second.duplicate);
    assert_int_equal(second.seq, first.seq);
    assert_int_equal(bob.n_got, 1);

    assert_int_equal(start_send(&alice, wallet(2), "other", "k", &second), 0);
    settle(w);
    assert_int_equal(second.r, CHAT_CONFLICT);
    close_device(&alice);
    close_device(&bob);
}

static void sends_without_a_key_are_all_different(void **state)
{
    struct chat_world *w = *state;
    struct device alice;

    connect_device(w, &alice, wallet(1), "");
    assert_int_equal(say(&alice, wallet(2), "hi"), 1);
    assert_int_equal(say(&alice, wallet(2), "hi"), 2);
    close_device(&alice);
}

static void refuses_oneself(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct answer answer;

    connect_device(w, &alice, wallet(1), "");
    assert_int_equal(start_send(&alice, wallet(1), "hi", "k", &answer), CHAT_RECIPIENT_INVALID);
    settle(w);
    assert_int_equal(answer.times, 0);
    close_device(&alice);
}

static void tells_each_refusal_of_the_store(void **state)
{
    static const struct {
        const char *name;
        int r;
        int want;
    } rows[] = {
        {"full", STORE_UNAVAILABLE, CHAT_UNAVAILABLE},
        {"busy", STORE_BUSY, CHAT_BUSY},
        {"mailbox", STORE_MAILBOX_FULL, CHAT_MAILBOX_FULL},
        {"reply", STORE_NO_SUCH_SEQ, CHAT_NO_SUCH_SEQ},
        {"a fault", -EIO, -EIO},
    };
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct answer answer;
        store_mem_fail(w->mem, rows[i].r, 1);
        assert_int_equal(start_send(&alice, wallet(2), "hi", "k", &answer), 0);
        settle(w);
        expect_int(rows[i].name, answer.times, 1);
        expect_int(rows[i].name, answer.r, rows[i].want);
        expect_int(rows[i].name, bob.n_got, 0);
    }
    close_device(&alice);
    close_device(&bob);
}

// The store has it, or not, and can't say: the append is repeated until somebody knows.

static void an_uncertain_send_that_was_stored_is_answered_once_and_delivered(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;
    struct answer answer;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    store_mem_lose(w->mem, 2);
    assert_int_equal(start_send(&alice, wallet(2), "hi", NULL, &answer), 0); // nor a key
    settle(w);
    assert_int_equal(answer.times, 0);
    pass(w, 1000);
    assert_int_equal(answer.times, 1);
    assert_int_equal(answer.r, 0);
    assert_int_equal(answer.seq, 1);
    assert_int_equal(bob.n_got, 1);
    close_device(&alice);
    close_device(&bob);
}

static void an_uncertain_send_is_not_answered_by_a_later_refusal(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct answer answer;

    connect_device(w, &alice, wallet(1), "");
    store_mem_lose(w->mem, 1);
    assert_int_equal(start_send(&alice, wallet(2), "hi", "k", &answer), 0);
    settle(w);
    store_mem_fail(w->mem, STORE_UNAVAILABLE, 3); // says nothing of the first attempt
    pass(w, 600);
    assert_int_equal(answer.times, 0);
    pass(w, 1000);
    assert_int_equal(answer.times, 1);
    assert_int_equal(answer.r, 0);
    close_device(&alice);
}

static void gives_no_answer_after_ten_seconds_and_ends_the_session(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct answer answer;

    connect_device(w, &alice, wallet(1), "");
    store_mem_fail(w->mem, STORE_UNCERTAIN, 1000);
    assert_int_equal(start_send(&alice, wallet(2), "hi", "k", &answer), 0);
    pass(w, CHAT_UNCERTAIN_MS - 100);
    assert_int_equal(answer.times, 0);
    assert_int_equal(alice.n_ends, 0);
    pass(w, 500);
    assert_int_equal(answer.times, 1);
    assert_int_equal(answer.r, CHAT_UNANSWERED);
    assert_int_equal(alice.n_ends, 1);
    assert_int_equal(alice.end, CHAT_END_NO_ANSWER);
    store_mem_fail(w->mem, 0, 0);
    close_device(&alice);
}

static void stopping_gives_up_what_is_uncertain(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct answer answers[3];

    connect_device(w, &alice, wallet(1), "");
    store_mem_fail(w->mem, STORE_UNCERTAIN, 1000);
    for (size_t i = 0; i < COUNT_OF(answers); i++)
        assert_int_equal(start_send(&alice, wallet(2), "hi", NULL, &answers[i]), 0);
    settle(w);
    assert_false(chat_is_idle(w->chat));
    chat_stop(w->chat);
    settle(w);
    for (size_t i = 0; i < COUNT_OF(answers); i++)
        assert_int_equal(answers[i].r, CHAT_UNANSWERED);
    assert_int_equal(alice.n_ends, 1);
    assert_true(chat_is_idle(w->chat));
    close_device(&alice);
}

static void a_request_outlives_its_session(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;
    struct answer answer;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    assert_int_equal(start_send(&alice, wallet(2), "hi", "k", &answer), 0);
    close_device(&alice);
    assert_int_equal(answer.times, 1);
    assert_int_equal(answer.r, 0);
    assert_int_equal(bob.n_got, 1);
    close_device(&bob);
}

// Limits.

static void refuses_more_requests_than_a_session_may_have(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    static struct answer answers[CHAT_REQUESTS_MAX + 1];

    connect_device(w, &alice, wallet(1), "");
    for (size_t i = 0; i < CHAT_REQUESTS_MAX; i++)
        assert_int_equal(start_send(&alice, wallet(2), "hi", NULL, &answers[i]), 0);
    assert_int_equal(start_send(&alice, wallet(2), "hi", NULL, &answers[CHAT_REQUESTS_MAX]),
                     CHAT_BUSY);
    settle(w);
    assert_int_equal(answers[CHAT_REQUESTS_MAX - 1].times, 1);
    assert_int_equal(answers[CHAT_REQUESTS_MAX].times, 0);
    assert_int_equal(start_send(&alice, wallet(2), "hi", NULL, &answers[0]), 0);
    settle(w);
    close_device(&alice);
}

static int start_with_limits(void **state)
{
    struct chat_world *w = NEW(struct chat_world);

    w->config = (struct chat_config){
        .rate_limits = true,
        .sends = {2, 10, 1000},
        .requests = {1, 1, 1000},
        .sessions = 2,
    };
    world_start(w, NULL);
    *state = w;
    return 0;
}

static void refuses_a_flood_and_says_for_how_long(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device other;
    struct answer answer;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &other, wallet(1), "");
    say(&alice, wallet(2), "1");
    say(&other, wallet(2), "2"); // the rate is the account's, whatever the device
    assert_int_equal(start_send(&alice, wallet(2), "3", NULL, &answer), CHAT_RATE_LIMITED);
    assert_int_equal(chat_session_actor(alice.session)->retry_after_ms, 100);
    pass(w, 100);
    assert_int_equal(say(&alice, wallet(2), "3"), 3);
    close_device(&alice);
    close_device(&other);
}

static void ends_the_session_that_is_silent_longest(void **state)
{
    struct chat_world *w = *state;
    struct device first;
    struct device second;
    struct device third;

    connect_device(w, &first, wallet(1), "");
    pass(w, 1000);
    connect_device(w, &second, wallet(1), "");
    pass(w, 1000);
    say(&first, wallet(2), "still here");
    open_device(w, &third, wallet(1), "");
    assert_int_equal(second.n_ends, 0); // never inside the call
    settle(w);
    assert_int_equal(second.n_ends, 1);
    assert_int_equal(second.end, CHAT_END_TOO_MANY);
    assert_int_equal(first.n_ends + third.n_ends, 0);
    assert_int_equal(third.n_synced, 1);
    close_device(&first);
    close_device(&second);
    close_device(&third);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
#define LIMITED_TEST(name)                                                                     \
    cmocka_unit_test_setup_teardown(name, start_with_limits, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(stores_then_answers_then_delivers),
        TEST(a_resend_is_a_duplicate_and_reaches_nobody_again),
        TEST(sends_without_a_key_are_all_different),
        TEST(refuses_oneself),
        TEST(tells_each_refusal_of_the_store),
        TEST(an_uncertain_send_that_was_stored_is_answered_once_and_delivered),
        TEST(an_uncertain_send_is_not_answered_by_a_later_refusal),
        TEST(gives_no_answer_after_ten_seconds_and_ends_the_session),
        TEST(stopping_gives_up_what_is_uncertain),
        TEST(a_request_outlives_its_session),
        TEST(refuses_more_requests_than_a_session_may_have),
        LIMITED_TEST(refuses_a_flood_and_says_for_how_long),
        LIMITED_TEST(ends_the_session_that_is_silent_longest),
    };
    return cmocka_run_group_tests_name("send", tests, NULL, NULL);
}
