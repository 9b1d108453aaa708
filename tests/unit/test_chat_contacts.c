#include "support/chat_world.h"

static void expect_change(const struct device *d, size_t i, account peer, bool accepted,
                          bool blocked)
{
    assert_true(i < d->n_changes);
    assert_true(account_eq(&d->changes[i].peer, &peer));
    assert_int_equal(d->changes[i].accepted, accepted);
    assert_int_equal(d->changes[i].blocked, blocked);
}

static size_t n_marks(const struct device *d, account by, enum chat_mark mark)
{
    size_t n = 0;

    for (size_t i = 0; i < d->n_receipts; i++)
        n += account_eq(&d->receipts[i].by, &by) && d->receipts[i].mark == mark;
    return n;
}

static uint64_t last_mark(const struct device *d, account by, enum chat_mark mark)
{
    uint64_t seq = 0;

    for (size_t i = 0; i < d->n_receipts; i++) {
        if (account_eq(&d->receipts[i].by, &by) && d->receipts[i].mark == mark)
            seq = d->receipts[i].seq;
    }
    return seq;
}

// What is told, and to whom.

static void a_change_is_told_to_all_own_devices_and_to_nobody_else(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;
    struct device laptop;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    connect_device(w, &laptop, wallet(2), "");
    say(&alice, wallet(2), "hi");
    const struct answer answer = want(&bob, wallet(1), CHAT_ACCEPT);
    assert_int_equal(answer.r, 0);
    assert_true(answer.accepted);
    assert_false(answer.blocked);
    assert_int_equal(answer.conversation, bob.got[0].conversation);
    struct device *const own[] = {&bob, &laptop};
    for (size_t i = 0; i < COUNT_OF(own); i++) {
        assert_int_equal(own[i]->n_changes, 1);
        expect_change(own[i], 0, wallet(1), true, false);
        assert_int_equal(own[i]->changes[0].last_seq, 1);
    }
    want(&laptop, wallet(1), CHAT_BLOCK);
    want(&laptop, wallet(1), CHAT_UNBLOCK);
    for (size_t i = 0; i < COUNT_OF(own); i++) {
        assert_int_equal(own[i]->n_changes, 3);
        expect_change(own[i], 1, wallet(1), true, true);
        expect_change(own[i], 2, wallet(1), true, false);
    }
    assert_int_equal(alice.n_changes, 0);
    assert_int_equal(chat_counters(w->chat)->contacts, 3);
    close_device(&alice);
    close_device(&bob);
    close_device(&laptop);
}

struct order {
    const struct device *device;
    size_t n_changes; // that the device had been told when the answer came
};

static void note_order(void *arg, int r, const struct chat_conversation *c)
{
    struct order *order = arg;

    assert_int_equal(r, 0);
    assert_true(c->blocked);
    order->n_changes = order->device->n_changes;
}

static void the_answer_comes_before_the_event(void **state)
{
    struct chat_world *w = *state;
    struct device bob;
    const struct chat_place place = {.peer = wallet(1)};

    connect_device(w, &bob, wallet(2), "");
    struct order order = {.device = &bob, .n_changes = 99};
    assert_int_equal(
        chat_contact(chat_session_actor(bob.session), &place, CHAT_BLOCK, note_order, &order),
        0);
    settle(w);
    assert_int_equal(order.n_changes, 0);
    assert_int_equal(bob.n_changes, 1);
    close_device(&bob);
}

static void what_is_so_already_is_no_change(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    say(&bob, wallet(1), "hi"); // which accepts
    const struct answer answer = want(&bob, wallet(1), CHAT_ACCEPT);
    assert_int_equal(answer.r, 0);
    assert_true(answer.accepted);
    want(&bob, wallet(1), CHAT_UNBLOCK);
    assert_int_equal(bob.n_changes, 0);
    assert_int_equal(chat_counters(w->chat)->contacts, 0);
    close_device(&alice);
    close_device(&bob);
}

static void some_are_refused(void **state)
{
    struct chat_world *w = *state;
    struct device bob;

    connect_device(w, &bob, wallet(2), "");
    assert_int_equal(want(&bob, wallet(2), CHAT_BLOCK).r, CHAT_RECIPIENT_INVALID);
    assert_int_equal(want(&bob, wallet(3), CHAT_UNBLOCK).r, CHAT_NOT_FOUND);
    assert_int_equal(want(&bob, wallet(3), CHAT_BLOCK).r, 0); // who has never written
    assert_int_equal(want(&bob, wallet(3), CHAT_UNBLOCK).r, 0);
    close_device(&bob);
}

static void a_store_that_is_away_is_said_and_one_that_goes_away_is_not(void **state)
{
    struct chat_world *w = *state;
    struct device bob;

    connect_device(w, &bob, wallet(2), "");
    store_mem_fail(w->mem, STORE_UNAVAILABLE, 1);
    assert_int_equal(want(&bob, wallet(1), CHAT_BLOCK).r, CHAT_UNAVAILABLE);
    store_mem_fail_reads(w->mem, 1); // it is done, but what it is now can't be read
    assert_int_equal(want(&bob, wallet(1), CHAT_BLOCK).r, CHAT_UNANSWERED);
    assert_int_equal(bob.end, CHAT_END_NO_ANSWER);
    close_device(&bob);
    connect_device(w, &bob, wallet(2), "");
    assert_true(want(&bob, wallet(1), CHAT_BLOCK).blocked);
    close_device(&bob);
}

static struct answer read_first(struct device *d)
{
    return mark(d, wallet(1), CHAT_MARK_READ, 1);
}

static struct answer block(struct device *d)
{
    return want(d, wallet(1), CHAT_BLOCK);
}

static void where_nobody_knows_there_is_no_answer_and_the_session_ends(void **state)
{
    static struct answer (*const changes[])(struct device *) = {read_first, block};
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    say(&alice, wallet(2), "hi");
    for (unsigned i = 0; i < 2 * COUNT_OF(changes); i++) {
        connect_device(w, &bob, wallet(2), "");
        if (i % 2 == 0) {
            store_mem_fail(w->mem, STORE_UNCERTAIN, 1);
        } else {
            store_mem_lose(w->mem, 1); // and it is done
        }
        assert_int_equal(changes[i / 2](&bob).r, CHAT_UNANSWERED);
        assert_int_equal(bob.n_ends, 1);
        assert_int_equal(bob.end, CHAT_END_NO_ANSWER);
        close_device(&bob);

        connect_device(w, &bob, wallet(2), "");
        assert_int_equal(changes[i / 2](&bob).r, 0);
        assert_int_equal(bob.n_ends, 0);
        close_device(&bob);
    }
    close_device(&alice);
}

// Resuming.

static void a_device_that_was_away_is_told_what_has_changed(void **state)
{
    struct chat_world *w = *state;
    struct device bob;
    struct device laptop;

    connect_device(w, &bob, wallet(2), "");
    connect_device(w, &laptop, wallet(2), "");
    want(&bob, wallet(1), CHAT_ACCEPT);
    const struct change first = laptop.changes[0];
    char cursor[CHAT_CURSOR_MAX + 1];
    memcpy(cursor, laptop.cursor, sizeof(cursor));
    close_device(&laptop);
    want(&bob, wallet(3), CHAT_BLOCK);
    want(&bob, wallet(1), CHAT_BLOCK);

    connect_device(w, &laptop, wallet(2), cursor);
    assert_true(laptop.recovered);
    size_t i = laptop.n_changes - 2; // the first one may come again
    assert_true(i <= 1);
    expect_change(&laptop, i, wallet(3), false, true);
    expect_change(&laptop, i + 1, wallet(1), true, true);
    assert_int_equal(laptop.n_synced, 1);
    close_device(&laptop);

    connect_device(w, &laptop, wallet(2), first.cursor); // as it was before that one
    i = laptop.n_changes - 1;
    expect_change(&laptop, i, wallet(1), true, true);
    close_device(&laptop);
    close_device(&bob);
}

static void without_a_cursor_nothing_that_was_before_is_told(void **state)
{
    struct chat_world *w = *state;
    struct device bob;
    struct device laptop;

    connect_device(w, &bob, wallet(2), "");
    want(&bob, wallet(1), CHAT_BLOCK);
    connect_device(w, &laptop, wallet(2), "");
    assert_int_equal(laptop.n_changes, 0);
    want(&bob, wallet(1), CHAT_UNBLOCK);
    assert_int_equal(laptop.n_changes, 1);
    close_device(&bob);
    close_device(&laptop);
}

static void many_changes_come_in_pages(void **state)
{
    struct chat_world *w = *state;
    struct device bob;
    struct device laptop;

    connect_device(w, &laptop, wallet(2), "");
    char cursor[CHAT_CURSOR_MAX + 1];
    memcpy(cursor, laptop.cursor, sizeof(cursor));
    close_device(&laptop);
    connect_device(w, &bob, wallet(2), "");
    for (uint8_t i = 10; i < 210; i++)
        want(&bob, wallet(i), CHAT_BLOCK);
    connect_device(w, &laptop, wallet(2), cursor);
    assert_int_equal(laptop.n_changes, 200);
    for (uint8_t i = 0; i < 200; i++)
        expect_change(&laptop, i, wallet((uint8_t)(10 + i)), false, true);
    close_device(&bob);
    close_device(&laptop);
}

/** Whatever a session is at when something changes, it is told in the end. */
static void a_change_comes_through_in_every_state(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;
    struct device laptop;

    connect_device(w, &alice, wallet(1), "");
    for (int i = 0; i < CHAT_WINDOW_MESSAGES_MAX + 10; i++)
        say(&alice, wallet(2), "hi");
    connect_device(w, &laptop, wallet(2), ""); // its window is full
    assert_int_equal(laptop.n_got, CHAT_WINDOW_MESSAGES_MAX);
    connect_device(w, &bob, wallet(2), "");
    want(&bob, wallet(3), CHAT_BLOCK);
    ack_from(&laptop, 0);
    assert_int_equal(laptop.n_got, CHAT_WINDOW_MESSAGES_MAX + 10);
    assert_int_equal(laptop.n_changes, 1);
    close_device(&laptop);

    open_device(w, &laptop, wallet(2), bob.cursor); // still opening
    want(&bob, wallet(3), CHAT_UNBLOCK);
    assert_true(laptop.n_changes >= 1);
    expect_change(&laptop, laptop.n_changes - 1, wallet(3), false, false);
    close_device(&alice);
    close_device(&bob);
    close_device(&laptop);
}

// Blocking.

static void who_is_blocked_does_not_get_through_and_does_not_notice(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device desktop; // alice's other one
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &desktop, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    assert_int_equal(say(&alice, wallet(2), "one"), 1);
    ack_from(&bob, 0);
    want(&bob, wallet(1), CHAT_BLOCK);
    assert_int_equal(say(&alice, wallet(2), "two"), 2);
    assert_int_equal(bob.n_got, 1);
    assert_int_equal(desktop.n_got, 2);
    assert_int_equal(want(&bob, wallet(1), CHAT_UNBLOCK).r, 0);
    assert_int_equal(bob.n_got, 1); // never
    assert_int_equal(say(&alice, wallet(2), "three"), 3);
    assert_int_equal(bob.n_got, 2);
    assert_int_equal(bob.got[1].seq, 3);
    ack_from(&bob, 1);
    assert_int_equal(last_mark(&alice, wallet(2), CHAT_MARK_DELIVERED), 3); // over the second
    close_device(&alice);
    close_device(&desktop);
    close_device(&bob);
}

static void blocking_withholds_what_waits(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;
    struct answer answer = {0};
    struct chat_actor actor;
    const account who = wallet(2);
    const struct chat_place place = {.peer = wallet(1)};

    connect_device(w, &alice, wallet(1), "");
    for (int i = 0; i < 3; i++)
        say(&alice, wallet(2), "hi");
    chat_actor_init(&actor, w->chat, &who, NULL); // bob has no connection
    assert_int_equal(chat_contact(&actor, &place, CHAT_BLOCK, on_contacted, &answer), 0);
    settle(w);
    assert_true(answer.blocked);
    connect_device(w, &bob, wallet(2), "");
    assert_int_equal(bob.n_got, 0);
    assert_int_equal(bob.unread, 0);
    close_device(&alice);
    close_device(&bob);
}

static void whom_one_has_blocked_one_can_not_write_to(void **state)
{
    struct chat_world *w = *state;
    struct device bob;
    struct answer answer;

    connect_device(w, &bob, wallet(2), "");
    want(&bob, wallet(1), CHAT_BLOCK);
    assert_int_equal(start_send(&bob, wallet(1), "hi", NULL, &answer), 0);
    settle(w);
    assert_int_equal(answer.r, CHAT_FORBIDDEN);
    want(&bob, wallet(1), CHAT_UNBLOCK);
    assert_int_equal(say(&bob, wallet(1), "hi"), 1);
    close_device(&bob);
}

static void who_is_blocked_gets_no_receipts(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    say(&alice, wallet(2), "hi");
    ack_from(&bob, 0);
    want(&bob, wallet(1), CHAT_BLOCK);
    mark(&bob, wallet(1), CHAT_MARK_READ, 1);
    assert_int_equal(n_marks(&alice, wallet(2), CHAT_MARK_READ), 0);
    assert_int_equal(n_marks(&bob, wallet(2), CHAT_MARK_READ), 1);
    want(&bob, wallet(1), CHAT_UNBLOCK);
    assert_int_equal(last_mark(&alice, wallet(2), CHAT_MARK_READ), 1);
    close_device(&alice);
    close_device(&bob);
}

// Receipts that wait for acceptance.

static int setup_strict(void **state)
{
    struct chat_world *w = NEW(struct chat_world);

    w->only_accepted_know = true;
    world_start(w, NULL);
    *state = w;
    return 0;
}

static void receipts_wait_for_acceptance(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    say(&alice, wallet(2), "hi");
    ack_from(&bob, 0);
    mark(&bob, wallet(1), CHAT_MARK_READ, 1);
    assert_int_equal(alice.n_receipts, 0);
    assert_int_equal(last_mark(&bob, wallet(2), CHAT_MARK_READ), 1);
    want(&bob, wallet(1), CHAT_ACCEPT);
    assert_int_equal(last_mark(&alice, wallet(2), CHAT_MARK_DELIVERED), 1);
    assert_int_equal(last_mark(&alice, wallet(2), CHAT_MARK_READ), 1);
    close_device(&alice);
    close_device(&bob);
}

static void who_answers_has_accepted(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    say(&alice, wallet(2), "hi");
    ack_from(&bob, 0);
    assert_int_equal(alice.n_receipts, 0);
    say(&bob, wallet(1), "hello");
    assert_int_equal(alice.n_got, 1);
    assert_int_equal(last_mark(&alice, wallet(2), CHAT_MARK_DELIVERED), 1);
    assert_int_equal(n_marks(&alice, wallet(2), CHAT_MARK_READ), 0);
    close_device(&alice);
    close_device(&bob);
}

static void who_writes_to_one_who_has_blocked_it_has_accepted_as_well(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    say(&bob, wallet(1), "hi");
    ack_from(&alice, 0);
    want(&bob, wallet(1), CHAT_BLOCK);
    assert_int_equal(bob.n_receipts, 0);
    say(&alice, wallet(2), "withheld");
    assert_int_equal(bob.n_got, 0);
    assert_int_equal(last_mark(&bob, wallet(1), CHAT_MARK_DELIVERED), 1);
    close_device(&alice);
    close_device(&bob);
}

// Without a session.

static void what_an_account_sends_without_a_session_reaches_all_of_its_devices(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;
    struct answer answer = {0};
    struct chat_actor actor;
    const account who = wallet(1);
    const struct chat_send send = text_to(wallet(2), "hi", "k");

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    chat_actor_init(&actor, w->chat, &who, NULL);
    assert_int_equal(chat_send(&actor, &send, on_sent, &answer), 0);
    assert_int_equal(actor.n_requests, 1);
    settle(w);
    assert_int_equal(answer.seq, 1);
    assert_int_equal(actor.n_requests, 0);
    assert_int_equal(alice.n_got, 1);
    assert_int_equal(bob.n_got, 1);
    close_device(&alice);
    close_device(&bob);
}

static void where_nobody_knows_an_actor_gets_no_answer(void **state)
{
    struct chat_world *w = *state;
    struct answer answer = {0};
    struct chat_actor actor;
    const account who = wallet(1);
    const struct chat_send send = text_to(wallet(2), "hi", "k");

    chat_actor_init(&actor, w->chat, &who, NULL);
    store_mem_fail(w->mem, STORE_UNCERTAIN, 1000);
    assert_int_equal(chat_send(&actor, &send, on_sent, &answer), 0);
    pass(w, CHAT_UNCERTAIN_MS + 1000);
    assert_int_equal(answer.times, 1);
    assert_int_equal(answer.r, CHAT_UNANSWERED);
    assert_int_equal(actor.n_requests, 0);
    store_mem_fail(w->mem, 0, 0);
}

#define TEST(test)   cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
#define STRICT(test) cmocka_unit_test_setup_teardown(test, setup_strict, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_change_is_told_to_all_own_devices_and_to_nobody_else),
        TEST(the_answer_comes_before_the_event),
        TEST(what_is_so_already_is_no_change),
        TEST(some_are_refused),
        TEST(a_store_that_is_away_is_said_and_one_that_goes_away_is_not),
        TEST(where_nobody_knows_there_is_no_answer_and_the_session_ends),
        TEST(a_device_that_was_away_is_told_what_has_changed),
        TEST(without_a_cursor_nothing_that_was_before_is_told),
        TEST(many_changes_come_in_pages),
        TEST(a_change_comes_through_in_every_state),
        TEST(who_is_blocked_does_not_get_through_and_does_not_notice),
        TEST(blocking_withholds_what_waits),
        TEST(whom_one_has_blocked_one_can_not_write_to),
        TEST(who_is_blocked_gets_no_receipts),
        STRICT(receipts_wait_for_acceptance),
        STRICT(who_answers_has_accepted),
        STRICT(who_writes_to_one_who_has_blocked_it_has_accepted_as_well),
        TEST(what_an_account_sends_without_a_session_reaches_all_of_its_devices),
        TEST(where_nobody_knows_an_actor_gets_no_answer),
    };
    return cmocka_run_group_tests_name("chat_contacts", tests, NULL, NULL);
}
