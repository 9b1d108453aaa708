/** What the bus has lost is found out, also where nothing comes after it. */
#include "chat/core.h"
#include "chat/cursor.h"
#include "support/node_world.h"

#define ROUND_MS INT64_C(7000)

static_assert(ROUND_MS >= CHAT_HINTS_MS + CHAT_HINTS_LATE_MS, "a check is over by then");

struct losing {
    enum bus_kind kind;
    unsigned n;
};

static bool loses(void *arg, const struct bus_event *e)
{
    struct losing *l = arg;

    if (l->n == 0 || e->kind != l->kind)
        return false;
    l->n--;
    return true;
}

/** The next so many. */
static void lose(struct chat_world *w, struct losing *l)
{
    lossy_of(w->bus)->loses = loses;
    lossy_of(w->bus)->arg = l;
}

static void connect_both(struct chat_world *w, struct device *alice, struct device *bob)
{
    connect_device(w, alice, wallet(1), "");
    connect_device(w, bob, wallet(2), "");
}

static void close_both(struct device *alice, struct device *bob)
{
    close_device(alice);
    close_device(bob);
}

static uint64_t unhinted(const struct chat_world *w)
{
    return chat_counters(w->chat)->unhinted;
}

static int64_t position_of(const struct chat_world *w, const struct device *d,
                           const char *cursor)
{
    int64_t position = 0;

    const int r = cursor_parse(str_of(cursor), w->store->epoch, &d->account, &position);
    assert_int_equal(r, 0);
    return position;
}

static void the_last_message_of_a_conversation_comes_all_the_same(void **state)
{
    struct chat_world *w = *state;
    struct losing l = {BUS_MESSAGE, 2}; // of both sides
    struct device alice;
    struct device bob;

    connect_both(w, &alice, &bob);
    say(&alice, wallet(2), "1");
    assert_int_equal(bob.n_got, 1);
    lose(w, &l);
    say(&alice, wallet(2), "2");
    assert_int_equal(l.n, 0);
    assert_int_equal(bob.n_got, 1);
    pass(w, ROUND_MS);
    assert_int_equal(bob.n_got, 2);
    assert_int_equal(bob.got[1].seq, 2);
    assert_int_equal(unhinted(w), 1); // and alice had it by the answer
    close_both(&alice, &bob);
}

static void so_does_the_first(void **state)
{
    struct chat_world *w = *state;
    struct losing l = {BUS_MESSAGE, 2};
    struct device alice;
    struct device bob;

    connect_both(w, &alice, &bob);
    lose(w, &l);
    say(&alice, wallet(2), "1");
    pass(w, ROUND_MS);
    assert_int_equal(bob.n_got, 1);
    close_both(&alice, &bob);
}

static void so_do_marks_and_contacts(void **state)
{
    struct chat_world *w = *state;
    struct losing l = {BUS_RECEIPT, 2};
    struct device alice;
    struct device bob;
    struct device phone; // bob's

    connect_both(w, &alice, &bob);
    connect_device(w, &phone, wallet(2), "");
    say(&alice, wallet(2), "1");
    lose(w, &l);
    ack_from(&bob, 0);
    assert_int_equal(alice.n_receipts, 0);
    pass(w, ROUND_MS);
    assert_int_equal(alice.n_receipts, 1);
    assert_int_equal(bob.n_receipts, 1);
    assert_int_equal(phone.n_receipts, 1);
    l = (struct losing){BUS_CHANGE, 1};
    want(&bob, wallet(1), CHAT_ACCEPT);
    assert_int_equal(phone.n_changes, 0);
    pass(w, ROUND_MS);
    assert_int_equal(phone.n_changes, 1);
    assert_int_equal(bob.n_changes, 1);
    close_both(&alice, &bob);
    close_device(&phone);
}

static void where_nothing_is_lost_nothing_is_read_and_cursors_move(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;

    connect_both(w, &alice, &bob);
    say(&alice, wallet(2), "1"); // both fill: it is of a new conversation
    say(&alice, wallet(2), "2");
    ack_from(&bob, 0);
    const int64_t before = position_of(w, &bob, bob.cursor);
    const uint64_t fills = chat_counters(w->chat)->fills;
    const uint64_t reads = w->mem->counters.reads;
    pass(w, ROUND_MS);
    assert_int_equal(w->mem->counters.reads, reads + 1); // one question, for both
    assert_int_equal(chat_counters(w->chat)->fills, fills);
    assert_int_equal(unhinted(w), 0);
    say(&alice, wallet(2), "3");
    assert_true(position_of(w, &bob, bob.cursor) > before);
    close_both(&alice, &bob);
}

static void where_nothing_happens_nobody_asks(void **state)
{
    struct chat_world *w = *state;
    struct device alice;

    connect_device(w, &alice, wallet(1), "");
    const uint64_t reads = w->mem->counters.reads;
    pass(w, 10 * ROUND_MS);
    assert_int_equal(w->mem->counters.reads, reads);
    close_device(&alice);
}

/** A hint that is late is no hint that is lost. */
static void who_is_not_touched_by_what_happens_reads_nothing(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device carol;

    connect_device(w, &alice, wallet(1), "");
    say(&alice, wallet(2), "1");
    close_device(&alice);
    connect_device(w, &carol, wallet(3), "");
    const uint64_t fills = chat_counters(w->chat)->fills;
    pass(w, ROUND_MS);
    assert_int_equal(chat_counters(w->chat)->fills, fills);
    assert_int_equal(unhinted(w), 0);
    close_device(&carol);
}

static void what_has_just_happened_is_not_missed_yet(void **state)
{
    struct chat_world *w = *state;
    struct losing l = {BUS_MESSAGE, 2};
    struct device alice;
    struct device bob;

    connect_both(w, &alice, &bob);
    lose(w, &l);
    say(&alice, wallet(2), "1");
    const uint64_t reads = w->mem->counters.reads;
    while (w->mem->counters.reads == reads)
        pass(w, 50);
    pass(w, CHAT_HINTS_LATE_MS - 50);
    assert_int_equal(bob.n_got, 0);
    pass(w, 50);
    assert_int_equal(bob.n_got, 1);
    close_both(&alice, &bob);
}

/** The next question is not later for having waited. */
static void what_comes_right_behind_a_question_waits_for_the_next_alone(void **state)
{
    struct chat_world *w = *state;
    struct losing l = {BUS_MESSAGE, 2};
    struct device alice;
    struct device bob;

    connect_both(w, &alice, &bob);
    say(&alice, wallet(2), "1");
    const uint64_t reads = w->mem->counters.reads;
    while (w->mem->counters.reads == reads)
        pass(w, 50);
    lose(w, &l);
    say(&alice, wallet(2), "2");
    pass(w, CHAT_HINTS_LATE_MS);
    assert_int_equal(bob.n_got, 1);
    pass(w, CHAT_HINTS_MS);
    assert_int_equal(bob.n_got, 2);
    close_both(&alice, &bob);
}

static void a_store_that_was_away_is_asked_again_for_the_same(void **state)
{
    struct chat_world *w = *state;
    struct losing l = {BUS_MESSAGE, 2};
    struct device alice;
    struct device bob;

    connect_both(w, &alice, &bob);
    lose(w, &l);
    say(&alice, wallet(2), "1");
    store_mem_fail_reads(w->mem, 1);
    pass(w, CHAT_HINTS_MS);
    store_mem_fail_reads(w->mem, 0);
    assert_int_equal(bob.n_got, 0);
    pass(w, ROUND_MS);
    assert_int_equal(bob.n_got, 1);
    close_both(&alice, &bob);
}

static void more_accounts_than_one_question_takes_are_asked_for(void **state)
{
    struct chat_world *w = *state;
    struct losing l = {BUS_MESSAGE, 2};
    const size_t n = STORE_TOUCHED_MAX + 1;
    struct device *all = mem_alloc((n + 1) * sizeof(*all));

    for (size_t i = 0; i <= n; i++) {
        account a = wallet(1);
        a.bytes[1] = (uint8_t)(i >> 8);
        a.bytes[2] = (uint8_t)i;
        connect_device(w, &all[i], a, "");
    }
    for (size_t i = 1; i <= n; i++) {
        l.n = 2;
        lose(w, &l);
        say(&all[0], all[i].account, "1");
    }
    const uint64_t reads = w->mem->counters.reads;
    pass(w, ROUND_MS);
    assert_int_equal(unhinted(w), n);
    for (size_t i = 1; i <= n; i++)
        assert_int_equal(all[i].n_got, 1);
    assert_true(w->mem->counters.reads <= reads + 2 + 3 * n);
    for (size_t i = 0; i <= n; i++)
        close_device(&all[i]);
    free(all);
}

/** The store has more than CHAT_TOUCHES_MAX to say. */
static void too_much(struct store *s, const struct store_touched *t, store_touched_fn *done,
                     void *arg);

static struct store_ops too_much_ops;
static const struct store_ops *true_ops;

static void on_much(void *arg, int r, const struct store_touched_page *page)
{
    void **call = arg;
    store_touched_fn *done = (store_touched_fn *)call[0];
    struct store_touched_page cut = *page;

    assert_int_equal(r, 0);
    cut.has_more = true;
    done(call[1], 0, &cut);
    free((void *)call);
}

static void too_much(struct store *s, const struct store_touched *t, store_touched_fn *done,
                     void *arg)
{
    void **call = (void **)mem_alloc(2 * sizeof(void *));

    assert_int_equal(t->max_touches, CHAT_TOUCHES_MAX);
    call[0] = (void *)done;
    call[1] = arg;
    true_ops->touched(s, t, on_much, (void *)call);
}

/** Both of them hear of a message by events; then a round that the store answers like this. */
static void expect_fills(struct chat_world *w,
                         void (*touched)(struct store *s, const struct store_touched *t,
                                         store_touched_fn *done, void *arg),
                         uint64_t n)
{
    struct device alice;
    struct device bob;

    true_ops = w->mem->ops;
    too_much_ops = *true_ops;
    too_much_ops.touched = touched;
    connect_both(w, &alice, &bob);
    say(&alice, wallet(2), "1");
    w->mem->ops = &too_much_ops;
    const uint64_t fills = chat_counters(w->chat)->fills;
    pass(w, ROUND_MS);
    w->mem->ops = true_ops;
    assert_int_equal(chat_counters(w->chat)->fills, fills + n);
    assert_int_equal(bob.n_got, 1);
    close_both(&alice, &bob);
}

static void where_too_much_has_happened_all_read(void **state)
{
    expect_fills(*state, too_much, 2);
}

static void too_much_of_two(struct store *s, const struct store_touched *t,
                            store_touched_fn *done, void *arg)
{
    if (t->n_accounts > 1) {
        too_much(s, t, done, arg);
    } else {
        true_ops->touched(s, t, done, arg);
    }
}

static void where_it_is_too_much_of_several_fewer_are_asked_for(void **state)
{
    expect_fills(*state, too_much_of_two, 0);
}

/** Of two nodes' announcements the older may come last. */
static void a_mark_that_comes_late_does_not_go_back(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;

    connect_both(w, &alice, &bob);
    say(&alice, wallet(2), "1");
    say(&alice, wallet(2), "2");
    ack_from(&bob, 0);
    const size_t n = alice.n_receipts;
    assert_int_equal(alice.receipts[n - 1].seq, 2);
    struct bus_event e = {
        .kind = BUS_RECEIPT, .to = wallet(1), .receipt = alice.receipts[n - 1]};
    e.receipt.seq = 1;
    bus_publish(w->bus, &e);
    e.receipt.seq = 2; // twice
    bus_publish(w->bus, &e);
    settle(w);
    assert_int_equal(alice.n_receipts, n);
    close_both(&alice, &bob);
}

/** It fills while the check goes on: what was lost meanwhile is not forgotten. */
static void a_session_that_is_full_reads_what_was_lost_later(void **state)
{
    struct chat_world *w = *state;
    struct losing l = {BUS_MESSAGE, 2};
    struct device alice;
    struct device bob;

    connect_both(w, &alice, &bob);
    for (unsigned i = 0; i < CHAT_WINDOW_MESSAGES_MAX + 1; i++)
        say(&alice, wallet(2), "1");
    assert_int_equal(bob.n_got, CHAT_WINDOW_MESSAGES_MAX);
    lose(w, &l);
    say(&alice, wallet(2), "2");
    pass(w, ROUND_MS);
    ack_from(&bob, 0);
    pass(w, 2 * ROUND_MS);
    assert_int_equal(bob.n_got, CHAT_WINDOW_MESSAGES_MAX + 2);
    close_both(&alice, &bob);
}

/** A node that has not heard of the last commits, until a read is answered. */
static bool is_behind;

static int64_t horizon_behind(struct store *s)
{
    return is_behind ? 0 : true_ops->horizon(s);
}

static void unread_catches_up(struct store *s, const account *a, store_unread_fn *done,
                              void *arg)
{
    is_behind = false;
    true_ops->unread(s, a, done, arg);
}

static void a_cursor_of_a_node_that_is_further_counts(void **state)
{
    static struct store_ops ops;
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;
    char cursor[CHAT_CURSOR_MAX + 1];

    true_ops = w->mem->ops;
    ops = *true_ops;
    ops.horizon = horizon_behind;
    ops.unread = unread_catches_up;
    connect_both(w, &alice, &bob);
    say(&alice, wallet(2), "1");
    ack_from(&bob, 0);
    pass(w, ROUND_MS);
    say(&alice, wallet(2), "3");
    memcpy(cursor, bob.cursor, sizeof(cursor));
    assert_true(position_of(w, &bob, cursor) > 0);
    close_device(&bob);
    w->mem->ops = &ops;
    is_behind = true;
    connect_device(w, &bob, wallet(2), cursor);
    assert_true(bob.recovered);
    w->mem->ops = true_ops;
    close_both(&alice, &bob);
}

/** Also of the conversations that it has forgotten, which the check finds touched. */
static void nothing_comes_twice_where_a_session_forgets(void **state)
{
    const unsigned n = 2 * CHAT_THREADS_MAX + 76;
    struct chat_world *w = *state;
    struct device bob;

    connect_device(w, &bob, wallet(2), "");
    for (unsigned i = 0; i < n; i++) {
        struct device stranger;
        account a = wallet(1);
        a.bytes[0] = ACCOUNT_EVM;
        a.bytes[1] = (uint8_t)(i >> 8);
        a.bytes[2] = (uint8_t)i;
        connect_device(w, &stranger, a, "");
        say(&stranger, wallet(2), "1");
        ack_from(&bob, i);
        assert_int_equal(stranger.n_receipts, 1);
        close_device(&stranger);
    }
    assert_in_range(bob.session->threads.n_nodes, 1, 2 * CHAT_THREADS_MAX - 1);
    pass(w, ROUND_MS);
    pass(w, ROUND_MS);
    assert_int_equal(bob.n_got, n);
    assert_int_equal(bob.n_receipts, n);
    close_device(&bob);
}

static void an_ordered_bus_is_not_checked(void **state)
{
    struct chat_world *w = *state;
    struct device alice;

    connect_device(w, &alice, wallet(1), "");
    say(&alice, wallet(2), "1");
    const uint64_t reads = w->mem->counters.reads;
    pass(w, 2 * ROUND_MS);
    assert_int_equal(w->mem->counters.reads, reads);
    close_device(&alice);
}

int main(void)
{
#define LOSSY(test) cmocka_unit_test_setup_teardown(test, start_lossy, world_teardown)
    const struct CMUnitTest tests[] = {
        LOSSY(the_last_message_of_a_conversation_comes_all_the_same),
        LOSSY(so_does_the_first),
        LOSSY(so_do_marks_and_contacts),
        LOSSY(where_nothing_is_lost_nothing_is_read_and_cursors_move),
        LOSSY(where_nothing_happens_nobody_asks),
        LOSSY(who_is_not_touched_by_what_happens_reads_nothing),
        LOSSY(what_has_just_happened_is_not_missed_yet),
        LOSSY(what_comes_right_behind_a_question_waits_for_the_next_alone),
        LOSSY(a_store_that_was_away_is_asked_again_for_the_same),
        LOSSY(more_accounts_than_one_question_takes_are_asked_for),
        LOSSY(where_too_much_has_happened_all_read),
        LOSSY(where_it_is_too_much_of_several_fewer_are_asked_for),
        LOSSY(a_mark_that_comes_late_does_not_go_back),
        LOSSY(a_session_that_is_full_reads_what_was_lost_later),
        LOSSY(a_cursor_of_a_node_that_is_further_counts),
        LOSSY(nothing_comes_twice_where_a_session_forgets),
        cmocka_unit_test_setup_teardown(an_ordered_bus_is_not_checked, world_setup,
                                        world_teardown),
    };
    return cmocka_run_group_tests_name("chat/hints", tests, NULL, NULL);
}
