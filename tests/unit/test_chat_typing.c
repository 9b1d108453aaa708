#include "support/chat_world.h"

/** Alice and Bob, who have accepted each other, and Carol, whom nobody has. */
struct trio {
    struct chat_world *w;
    struct device alice;
    struct device bob;
    struct device carol;
    conversation_id conversation;
};

static int setup(void **state)
{
    struct trio *t = NEW(struct trio);
    struct answer answer;

    t->w = NEW(struct chat_world);
    t->w->fakes_relations = true;
    world_start(t->w, NULL);
    connect_device(t->w, &t->alice, wallet(1), "");
    connect_device(t->w, &t->bob, wallet(2), "");
    connect_device(t->w, &t->carol, wallet(3), "");
    assert_int_equal(start_send(&t->alice, wallet(2), "hi", NULL, &answer), 0);
    settle(t->w);
    fake_relate(t->w->relations, wallet(1), wallet(2), true);
    fake_relate(t->w->relations, wallet(1), wallet(3), false);
    t->conversation = answer.conversation;
    fake_find(t->w->relations, &t->alice.account, &t->bob.account)->conversation =
        t->conversation;
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct trio *t = *state;

    close_device(&t->alice);
    close_device(&t->bob);
    close_device(&t->carol);
    world_stop(t->w);
    free(t->w);
    free(t);
    return 0;
}

static void on_done(void *arg, int r)
{
    struct answer *answer = arg;

    answer->times++;
    answer->r = r;
}

/** @return the answer, or the refusal at once */
static int type_at(struct device *d, struct chat_place place, bool is_on)
{
    struct answer answer = {0};
    const int r = chat_type(chat_session_actor(d->session), &place, is_on, on_done, &answer);

    assert_int_equal(answer.times, 0); // never inside the call
    if (r != 0)
        return r;
    settle(d->w);
    assert_int_equal(answer.times, 1);
    return answer.r;
}

static int type(struct device *d, account peer, bool is_on)
{
    return type_at(d, (struct chat_place){.peer = peer}, is_on);
}

static void start(struct device *d, account peer)
{
    assert_int_equal(type(d, peer, true), 0);
}

static void stop(struct device *d, account peer)
{
    assert_int_equal(type(d, peer, false), 0);
}

/** @param want  '+' for a start and '-' for a stop, all that were told */
static void expect_typings(const struct device *d, const char *want)
{
    char got[64] = "";

    assert_true(d->n_typings < sizeof(got));
    for (size_t i = 0; i < d->n_typings; i++)
        got[i] = d->typings[i].is_on ? '+' : '-';
    assert_string_equal(got, want);
}

static void each_device_of_the_peer_is_told(void **state)
{
    struct trio *t = *state;
    struct device laptop; // bob's other one
    const account alice = wallet(1);

    connect_device(t->w, &laptop, wallet(2), "");
    start(&t->alice, wallet(2));
    stop(&t->alice, wallet(2));
    expect_typings(&t->bob, "+-");
    expect_typings(&laptop, "+-");
    for (size_t i = 0; i < 2; i++) {
        assert_true(account_eq(&laptop.typings[i].from, &alice));
        assert_int_equal(laptop.typings[i].conversation, t->conversation);
    }
    expect_typings(&t->alice, "");
    expect_typings(&t->carol, "");
    assert_int_equal(chat_counters(t->w->chat)->typings, 4);
    close_device(&laptop);
}

static void a_conversation_says_the_peer_as_well(void **state)
{
    struct trio *t = *state;

    assert_int_equal(
        type_at(&t->alice, (struct chat_place){.conversation = t->conversation}, true), 0);
    expect_typings(&t->bob, "+");
}

static void refuses_what_is_no_peer(void **state)
{
    struct trio *t = *state;
    const struct chat_place unknown = {.conversation = 999};
    const struct chat_place foreign = {.conversation = t->conversation};

    assert_int_equal(type(&t->alice, wallet(1), true), CHAT_RECIPIENT_INVALID);
    assert_int_equal(type_at(&t->alice, unknown, true), CHAT_NOT_FOUND);
    assert_int_equal(type_at(&t->carol, foreign, true), CHAT_NOT_FOUND);
    assert_int_equal(chat_counters(t->w->chat)->refused, 3);
    expect_typings(&t->bob, "");
}

/** Neither whether one is accepted nor whether one is blocked can be told by it. */
static void to_whom_it_may_not_go_the_answer_is_the_same(void **state)
{
    struct trio *t = *state;

    assert_int_equal(type(&t->alice, wallet(3), true), 0);  // not accepted
    assert_int_equal(type(&t->alice, wallet(99), true), 0); // unknown
    expect_typings(&t->carol, "");
    fake_relate(t->w->relations, wallet(1), wallet(2), false); // blocked
    assert_int_equal(type(&t->alice, wallet(2), true), 0);
    expect_typings(&t->bob, "");
}

static void says_that_the_store_is_out_of_reach(void **state)
{
    struct trio *t = *state;

    t->w->relations->n_failing = 1;
    assert_int_equal(type(&t->alice, wallet(2), true), CHAT_UNAVAILABLE);
    expect_typings(&t->bob, "");
}

static void counts_as_a_request(void **state)
{
    struct trio *t = *state;
    struct chat_actor *actor = chat_session_actor(t->alice.session);
    const struct chat_place place = {.peer = wallet(2)};
    struct answer answer = {0};

    t->w->relations->is_holding = true;
    for (int i = 0; i < CHAT_REQUESTS_MAX; i++)
        assert_int_equal(chat_type(actor, &place, true, on_done, &answer), 0);
    assert_int_equal(chat_type(actor, &place, true, on_done, &answer), CHAT_BUSY);
    fake_release(t->w->relations);
    settle(t->w);
    assert_int_equal(answer.times, CHAT_REQUESTS_MAX);
    assert_true(chat_is_idle(t->w->chat));
}

static void one_who_leaves_in_the_middle_is_told_about_all_the_same(void **state)
{
    struct trio *t = *state;
    const struct chat_place place = {.peer = wallet(2)};
    struct answer answer = {0};

    t->w->relations->is_holding = true;
    assert_int_equal(
        chat_type(chat_session_actor(t->alice.session), &place, true, on_done, &answer), 0);
    close_device(&t->alice);
    fake_release(t->w->relations);
    settle(t->w);
    assert_int_equal(answer.times, 1);
    expect_typings(&t->bob, "+");
    connect_device(t->w, &t->alice, wallet(1), "");
}

static void ends_by_itself(void **state)
{
    struct trio *t = *state;

    start(&t->alice, wallet(2));
    pass(t->w, CHAT_TYPING_MS - 1);
    expect_typings(&t->bob, "+");
    pass(t->w, 1);
    expect_typings(&t->bob, "+-");
    pass(t->w, INT64_C(2) * CHAT_TYPING_MS);
    expect_typings(&t->bob, "+-"); // once
}

static void a_start_again_is_told_and_goes_on_for_longer(void **state)
{
    struct trio *t = *state;

    start(&t->alice, wallet(2));
    pass(t->w, CHAT_TYPING_MS - 100);
    start(&t->alice, wallet(2));
    expect_typings(&t->bob, "++");
    pass(t->w, CHAT_TYPING_MS - 1);
    expect_typings(&t->bob, "++");
    pass(t->w, 1);
    expect_typings(&t->bob, "++-");
}

static void a_stop_is_told_once_and_only_after_a_start(void **state)
{
    struct trio *t = *state;

    stop(&t->alice, wallet(2));
    expect_typings(&t->bob, "");
    start(&t->alice, wallet(2));
    stop(&t->alice, wallet(2));
    stop(&t->alice, wallet(2));
    pass(t->w, CHAT_TYPING_MS);
    expect_typings(&t->bob, "+-");
}

static void a_message_ends_it(void **state)
{
    struct trio *t = *state;

    start(&t->alice, wallet(2));
    say(&t->bob, wallet(1), "not hers");
    expect_typings(&t->bob, "+");
    say(&t->alice, wallet(2), "done");
    expect_typings(&t->bob, "+-");
    pass(t->w, CHAT_TYPING_MS);
    expect_typings(&t->bob, "+-");
}

static void one_who_has_much_to_take_is_left_out(void **state)
{
    struct trio *t = *state;
    struct device laptop; // bob's other one

    connect_device(t->w, &laptop, wallet(2), "");
    t->bob.is_stuffed = true;
    start(&t->alice, wallet(2));
    t->bob.is_stuffed = false;
    stop(&t->alice, wallet(2));
    expect_typings(&laptop, "+-");
    expect_typings(&t->bob, "-");
    close_device(&laptop);
}

static void one_that_is_not_ready_is_left_out(void **state)
{
    struct trio *t = *state;
    struct device laptop; // bob's other one

    start(&t->alice, wallet(2));
    open_device(t->w, &laptop, wallet(2), "");
    pass(t->w, 0);
    const struct bus_event e = {
        .kind = BUS_TYPING,
        .to = wallet(2),
        .typing = {.conversation = t->conversation, .from = wallet(1), .is_on = true},
    };
    bus_publish(t->w->bus, &e); // there before its unread messages have been counted
    job_run_all(&t->w->later);
    assert_int_equal(laptop.n_ready, 0);
    expect_typings(&t->bob, "++");
    settle(t->w);
    assert_int_equal(laptop.n_ready, 1);
    expect_typings(&laptop, "");
    close_device(&laptop);
}

/** With the last session all is forgotten, and a new one starts with nothing. */
static void nothing_is_kept_for_one_who_is_away(void **state)
{
    struct trio *t = *state;

    start(&t->alice, wallet(2));
    close_device(&t->bob);
    start(&t->alice, wallet(2)); // while its account is still online
    connect_device(t->w, &t->bob, wallet(2), "");
    pass(t->w, CHAT_TYPING_MS);
    expect_typings(&t->bob, "");
}

static void of_very_many_the_oldest_ends(void **state)
{
    struct trio *t = *state;
    struct bus_event e = {.kind = BUS_TYPING, .to = wallet(2), .typing = {.is_on = true}};

    for (int i = 0; i <= CHAT_TYPINGS_MAX; i++) {
        if (i == CHAT_TYPINGS_MAX) {
            e.typing.from = wallet(100); // the first one says so again, and is the last
            e.typing.conversation = 1000;
            bus_publish(t->w->bus, &e);
            settle(t->w);
            assert_int_equal(t->bob.n_typings, CHAT_TYPINGS_MAX + 1);
        }
        e.typing.from = wallet((uint8_t)(100 + i));
        e.typing.conversation = 1000 + (conversation_id)i;
        bus_publish(t->w->bus, &e);
    }
    settle(t->w);
    assert_int_equal(t->bob.n_typings, CHAT_TYPINGS_MAX + 3);
    const struct chat_typing *ended = &t->bob.typings[CHAT_TYPINGS_MAX + 1];
    assert_false(ended->is_on);
    assert_int_equal(ended->conversation, 1001);
    assert_true(t->bob.typings[CHAT_TYPINGS_MAX + 2].is_on);
    pass(t->w, CHAT_TYPING_MS);
    assert_int_equal(t->bob.n_typings, 2 * CHAT_TYPINGS_MAX + 3);
}

static void ends_with_the_chat(void **state)
{
    struct trio *t = *state;

    start(&t->alice, wallet(2));
    expect_typings(&t->bob, "+");
    // teardown() closes all while it is under way
}

int main(void)
{
#define TYPING(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        TYPING(each_device_of_the_peer_is_told),
        TYPING(a_conversation_says_the_peer_as_well),
        TYPING(refuses_what_is_no_peer),
        TYPING(to_whom_it_may_not_go_the_answer_is_the_same),
        TYPING(says_that_the_store_is_out_of_reach),
        TYPING(counts_as_a_request),
        TYPING(one_who_leaves_in_the_middle_is_told_about_all_the_same),
        TYPING(ends_by_itself),
        TYPING(a_start_again_is_told_and_goes_on_for_longer),
        TYPING(a_stop_is_told_once_and_only_after_a_start),
        TYPING(a_message_ends_it),
        TYPING(one_who_has_much_to_take_is_left_out),
        TYPING(one_that_is_not_ready_is_left_out),
        TYPING(nothing_is_kept_for_one_who_is_away),
        TYPING(of_very_many_the_oldest_ends),
        TYPING(ends_with_the_chat),
    };
    return cmocka_run_group_tests_name("chat/typing", tests, NULL, NULL);
}
