#include "support/node_world.h"

#define ROUND_MS (CHAT_HINTS_MS + CHAT_HINTS_LATE_MS) // a check of hints is over by then

static void expect_seqs(const struct device *d, uint64_t first, size_t n)
{
    assert_int_equal(d->n_got, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(d->got[i].seq, first + i);
}

static void say_n(struct device *d, account to, int n)
{
    for (int i = 0; i < n; i++)
        say(d, to, "hi");
}

static void an_idle_account_is_ready_and_synced(void **state)
{
    struct chat_world *w = *state;
    struct device alice;

    open_device(w, &alice, wallet(1), "");
    assert_int_equal(alice.n_ready, 0); // nothing inside the call
    settle(w);
    assert_int_equal(alice.n_ready, 1);
    assert_int_equal(alice.n_synced, 1);
    assert_false(alice.recovered);
    close_device(&alice);
}

static void one_question_brings_what_is_unread_and_what_was_missed(void **state)
{
    struct chat_world *w = *state;
    const struct store_counters *counters = &w->mem->counters;
    struct device alice;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    say_n(&alice, wallet(2), 2);
    const uint64_t before = counters->reads;
    connect_device(w, &bob, wallet(2), "");
    assert_int_equal(counters->reads - before, 1);
    assert_int_equal(bob.unread, 1);
    expect_seqs(&bob, 1, 2);
    assert_int_equal(bob.n_synced, 1);
    close_device(&alice);
    close_device(&bob);
}

static void what_was_missed_comes_oldest_first(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device carol;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &carol, wallet(3), "");
    say(&alice, wallet(2), "1");
    say(&carol, wallet(2), "2");
    say(&alice, wallet(2), "3");
    connect_device(w, &bob, wallet(2), "");
    assert_int_equal(bob.unread, 2); // conversations
    assert_int_equal(bob.n_got, 3);
    assert_string_equal(bob.got[0].text, "1");
    assert_string_equal(bob.got[1].text, "2");
    assert_string_equal(bob.got[2].text, "3");
    assert_int_equal(bob.n_synced, 1);
    close_device(&alice);
    close_device(&carol);
    close_device(&bob);
}

static void sends_no_more_than_the_window(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    say_n(&alice, wallet(2), 600);
    connect_device(w, &bob, wallet(2), "");
    expect_seqs(&bob, 1, CHAT_WINDOW_MESSAGES_MAX);
    assert_int_equal(bob.n_synced, 0);
    say_n(&alice, wallet(2), 3); // meanwhile
    for (size_t i = 0; i < CHAT_WINDOW_MESSAGES_MAX / 2 - 1; i++)
        ack_one(&bob, i);
    assert_int_equal(bob.n_got, CHAT_WINDOW_MESSAGES_MAX);
    for (size_t i = CHAT_WINDOW_MESSAGES_MAX / 2 - 1; i < bob.n_got; i++)
        ack_one(&bob, i);
    expect_seqs(&bob, 1, 603);
    assert_int_equal(bob.n_synced, 1);
    close_device(&alice);
    close_device(&bob);
}

static void a_full_window_holds_back_what_is_live(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    say_n(&alice, wallet(2), 300);
    expect_seqs(&bob, 1, CHAT_WINDOW_MESSAGES_MAX);
    ack_from(&bob, 0);
    expect_seqs(&bob, 1, 300);
    ack_from(&bob, 0);
    say(&alice, wallet(2), "live again");
    expect_seqs(&bob, 1, 301);
    assert_int_equal(bob.n_synced, 1);
    close_device(&alice);
    close_device(&bob);
}

static void a_large_message_passes_an_empty_window(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;
    struct answer answer;
    const size_t size = CHAT_WINDOW_BYTES_MAX + 1;
    char *const large = mem_alloc(size);

    memset(large, 'x', size);
    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    const struct chat_send send = {
        .to = wallet(2), .type = STR("text"), .content = {large, size}};
    for (int i = 0; i < 2; i++) {
        answer = (struct answer){0};
        assert_int_equal(chat_send(chat_session_actor(alice.session), &send, on_sent, &answer),
                         0);
        settle(w);
        assert_int_equal(answer.r, 0);
    }
    expect_seqs(&bob, 1, 1);
    ack_one(&bob, 0);
    expect_seqs(&bob, 1, 2);
    free(large);
    close_device(&alice);
    close_device(&bob);
}

// Cursors.

static void a_cursor_brings_what_came_since_whoever_had_it(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device phone; // bob's
    struct device laptop;
    char cursor[CHAT_CURSOR_MAX + 1];

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &phone, wallet(2), "");
    connect_device(w, &laptop, wallet(2), "");
    say(&alice, wallet(2), "1");
    ack_from(&laptop, 0);
    memcpy(cursor, laptop.cursor, sizeof(cursor));
    close_device(&laptop);

    say(&alice, wallet(2), "2");
    ack_from(&phone, 0); // delivered, but not to the laptop
    say(&phone, wallet(1), "3");
    connect_device(w, &laptop, wallet(2), cursor);
    assert_true(laptop.recovered);
    expect_seqs(&laptop, 2, 2); // its own account's message, too
    assert_true(laptop.n_receipts >= 1);
    close_device(&laptop);

    connect_device(w, &laptop, wallet(2), ""); // a new device: nothing is undelivered
    assert_false(laptop.recovered);
    assert_int_equal(laptop.n_got, 0);
    close_device(&alice);
    close_device(&phone);
    close_device(&laptop);
}

static void a_foreign_cursor_counts_as_none(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;
    char cursor[CHAT_CURSOR_MAX + 1];

    connect_device(w, &alice, wallet(1), "");
    memcpy(cursor, alice.cursor, sizeof(cursor));
    say(&alice, wallet(2), "hi");
    connect_device(w, &bob, wallet(2), cursor);
    assert_false(bob.recovered);
    expect_seqs(&bob, 1, 1);
    close_device(&bob);

    connect_device(w, &bob, wallet(2), "");
    memcpy(cursor, bob.cursor, sizeof(cursor));
    close_device(&bob);
    str_copy(cursor + 32, STR("7fffffffffffffff")); // a place that the store has not reached
    connect_device(w, &bob, wallet(2), cursor);
    assert_false(bob.recovered);
    close_device(&alice);
    close_device(&bob);
}

static void no_cursor_of_a_backlog_skips_anything(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;
    struct device again;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    char first[CHAT_CURSOR_MAX + 1];
    memcpy(first, bob.cursor, sizeof(first));
    close_device(&bob);
    say_n(&alice, wallet(2), 100);
    connect_device(w, &bob, wallet(2), first);
    expect_seqs(&bob, 1, 100);
    for (size_t i = 0; i < bob.n_got; i++) {
        connect_device(w, &again, wallet(2), bob.got[i].cursor);
        assert_true(again.recovered);
        assert_int_equal(again.got[0].seq, 1); // nothing is acknowledged
        close_device(&again);
    }
    mark(&bob, wallet(1), CHAT_MARK_DELIVERED, 100);
    for (size_t i = 0; i < bob.n_got; i++) {
        connect_device(w, &again, wallet(2), bob.got[i].cursor);
        // of what came after the cursor's event all, and perhaps more
        assert_true(again.n_got >= 100 - bob.got[i].seq);
        if (again.n_got > 0)
            assert_int_equal(again.got[again.n_got - 1].seq, 100);
        close_device(&again);
    }
    close_device(&alice);
    close_device(&bob);
}

static void receipts_since_the_cursor_come_again(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;
    char cursor[CHAT_CURSOR_MAX + 1];

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    say_n(&alice, wallet(2), 2);
    ack_one(&bob, 0);
    memcpy(cursor, alice.cursor, sizeof(cursor));
    close_device(&alice);
    ack_one(&bob, 1);
    mark(&bob, wallet(1), CHAT_MARK_READ, 2);
    connect_device(w, &alice, wallet(1), cursor);
    assert_int_equal(alice.n_receipts, 2);
    assert_int_equal(alice.receipts[0].mark, CHAT_MARK_DELIVERED);
    assert_int_equal(alice.receipts[0].seq, 2);
    assert_int_equal(alice.receipts[1].mark, CHAT_MARK_READ);
    assert_int_equal(alice.receipts[1].seq, 2);
    close_device(&alice);
    connect_device(w, &alice, wallet(1), "");
    assert_int_equal(alice.n_receipts, 0);
    close_device(&alice);
    close_device(&bob);
}

static void no_cursor_of_one_of_two_receipts_skips_the_other(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;
    struct device again;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    say(&alice, wallet(2), "hi");
    mark(&bob, wallet(1), CHAT_MARK_READ, 1); // which delivers it, too
    for (struct device *d = &alice; d; d = d == &alice ? &bob : NULL) {
        assert_int_equal(d->n_receipts, 2);
        assert_int_equal(d->receipts[0].position, d->receipts[1].position);
        connect_device(w, &again, d->account, d->receipt_cursors[0]);
        assert_int_equal(again.n_receipts, 2);
        assert_int_equal(again.receipts[1].mark, CHAT_MARK_READ);
        close_device(&again);
        connect_device(w, &again, d->account, d->receipt_cursors[1]);
        assert_int_equal(again.n_receipts, 0);
        close_device(&again);
    }
    close_device(&alice);
    close_device(&bob);
}

/** A store whose last change was done, and is not answered yet. */
static struct {
    const struct store_ops *inner;
    struct store_ops ops;
    store_receipt_fn *receipt_done;
    struct store_receipted receipted;
    store_contact_fn *contact_done;
    struct store_contacted contacted;
    void *arg;
    int times;
} unanswered;

static void receipt_was_done(void *arg, int r, const struct store_receipted *a)
{
    (void)arg;
    assert_int_equal(r, 0);
    unanswered.receipted = *a;
    unanswered.times++;
}

static void do_receipt(struct store *s, const struct store_receipt *r, store_receipt_fn *done,
                       void *arg)
{
    unanswered.receipt_done = done;
    unanswered.arg = arg;
    unanswered.inner->receipt(s, r, receipt_was_done, NULL);
}

static void contact_was_done(void *arg, int r, const struct store_contacted *a)
{
    (void)arg;
    assert_int_equal(r, 0);
    unanswered.contacted = *a;
    unanswered.times++;
}

static void do_contact(struct store *s, const struct store_contact *c, store_contact_fn *done,
                       void *arg)
{
    unanswered.contact_done = done;
    unanswered.arg = arg;
    unanswered.inner->contact(s, c, contact_was_done, NULL);
}

/** From now on, until answer_now(). */
static void answer_no_change(struct chat_world *w)
{
    memset(&unanswered, 0, sizeof(unanswered));
    unanswered.inner = w->mem->ops;
    unanswered.ops = *w->mem->ops;
    unanswered.ops.receipt = do_receipt;
    unanswered.ops.contact = do_contact;
    w->mem->ops = &unanswered.ops;
}

static void answer_now(struct chat_world *w)
{
    assert_int_equal(unanswered.times, 1);
    w->mem->ops = unanswered.inner;
    if (unanswered.receipt_done)
        unanswered.receipt_done(unanswered.arg, 0, &unanswered.receipted);
    if (unanswered.contact_done)
        unanswered.contact_done(unanswered.arg, 0, &unanswered.contacted);
    settle(w);
}

/**
 * Run until it is synced. Before turn `at` something is done, of which the store says so later.
 *
 * @return how many turns it took
 */
static unsigned sync_device(struct device *d, unsigned at, void (*change)(struct device *by),
                            struct device *by)
{
    unsigned n = 0;

    for (; d->n_synced == 0; n++) {
        if (n == at)
            change(by);
        assert_non_null(d->w->later.head);
        job_run_all(&d->w->later);
    }
    return n;
}

static void ack_second(struct device *bob)
{
    chat_session_ack(bob->session, bob->got[1].token);
}

/** The one before it was told before; the newer one, of which it will hear, does not hide it.
 */
static void a_mark_that_moves_while_it_is_read_is_there_before_synced(void **state)
{
    struct chat_world *w = *state;
    unsigned n_turns = 1;

    for (unsigned at = 0; at < n_turns; at++) {
        struct device alice;
        struct device bob;
        char cursor[CHAT_CURSOR_MAX + 1];

        connect_device(w, &alice, wallet(1), "");
        connect_device(w, &bob, wallet(2), "");
        const uint64_t seq = say(&alice, wallet(2), "1");
        assert_int_equal(say(&alice, wallet(2), "2"), seq + 1);
        pass(w, ROUND_MS);
        memcpy(cursor, alice.cursor, sizeof(cursor));
        ack_one(&bob, 0);
        assert_int_equal(alice.n_receipts, 1);
        close_device(&alice);
        answer_no_change(w);
        open_device(w, &alice, wallet(1), cursor);
        n_turns = sync_device(&alice, at, ack_second, &bob);
        assert_true(alice.n_receipts > 0);
        answer_now(w);
        assert_int_equal(alice.receipts[alice.n_receipts - 1].seq, seq + 1);
        for (size_t i = 0; i + 1 < alice.n_receipts; i++)
            assert_true(alice.receipts[i].seq < alice.receipts[i + 1].seq); // none twice
        close_device(&alice);
        close_device(&bob);
    }
    assert_true(n_turns > 2);
}

static void on_unblocked(void *arg, int r, const struct chat_conversation *c)
{
    (void)arg, (void)c;
    assert_int_equal(r, 0);
}

static void unblock(struct device *d)
{
    const struct chat_place bob = {.peer = wallet(2)};
    struct chat_actor *actor = chat_session_actor(d->session);

    assert_int_equal(chat_contact(actor, &bob, CHAT_UNBLOCK, on_unblocked, NULL), 0);
}

static void a_block_that_ends_while_it_is_read_is_there_before_synced(void **state)
{
    struct chat_world *w = *state;
    struct device laptop;
    struct device bob;
    unsigned n_turns = 1;

    connect_device(w, &laptop, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    say(&bob, wallet(1), "1");
    for (unsigned at = 0; at < n_turns; at++) {
        struct device phone;
        char cursor[CHAT_CURSOR_MAX + 1];

        connect_device(w, &phone, wallet(1), "");
        pass(w, ROUND_MS);
        memcpy(cursor, phone.cursor, sizeof(cursor));
        assert_int_equal(want(&laptop, wallet(2), CHAT_BLOCK).r, 0);
        assert_int_equal(phone.n_changes, 1);
        close_device(&phone);
        answer_no_change(w);
        open_device(w, &phone, wallet(1), cursor);
        n_turns = sync_device(&phone, at, unblock, &laptop);
        assert_true(phone.n_changes > 0);
        answer_now(w);
        assert_false(phone.changes[phone.n_changes - 1].blocked);
        assert_in_range(phone.n_changes, 1, 2);
        close_device(&phone);
    }
    assert_true(n_turns > 2);
    close_device(&laptop);
    close_device(&bob);
}

// What is one's own.

static void what_a_session_sends_before_it_is_synced_is_no_event(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;
    struct answer answers[3];

    connect_device(w, &alice, wallet(1), "");
    say(&alice, wallet(2), "1");
    open_device(w, &bob, wallet(2), "");
    for (size_t i = 0; i < COUNT_OF(answers); i++)
        assert_int_equal(start_send(&bob, wallet(1), "early", NULL, &answers[i]), 0);
    settle(w);
    assert_int_equal(answers[2].seq, 4);
    expect_seqs(&bob, 1, 1);
    assert_int_equal(bob.n_synced, 1);
    close_device(&alice);
    close_device(&bob);
}

static void what_a_session_sends_while_it_is_behind_is_no_event(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    say_n(&alice, wallet(2), CHAT_WINDOW_MESSAGES_MAX + 50);
    say_n(&bob, wallet(1), 300); // while 50 wait for him to acknowledge some
    expect_seqs(&bob, 1, CHAT_WINDOW_MESSAGES_MAX);
    ack_from(&bob, 0);
    settle(w);
    expect_seqs(&bob, 1, CHAT_WINDOW_MESSAGES_MAX + 50);
    say(&alice, wallet(2), "and he is live again");
    assert_int_equal(bob.n_got, CHAT_WINDOW_MESSAGES_MAX + 51);
    close_device(&alice);
    close_device(&bob);
}

static void another_device_gets_what_one_sends(void **state)
{
    struct chat_world *w = *state;
    struct device phone;
    struct device laptop;

    connect_device(w, &phone, wallet(1), "");
    connect_device(w, &laptop, wallet(1), "");
    say(&phone, wallet(2), "hi");
    assert_int_equal(phone.n_got, 0);
    expect_seqs(&laptop, 1, 1);
    close_device(&phone);
    close_device(&laptop);
}

// A client that acknowledges nothing.

static void a_silent_client_is_warned_and_its_messages_stay_undelivered(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    say_n(&alice, wallet(2), 600);
    expect_seqs(&bob, 1, CHAT_WINDOW_MESSAGES_MAX);
    pass(w, CHAT_UNACKED_MS - 100);
    assert_int_equal(bob.n_warnings, 0);
    bob.takes_all = false; // its connection is full, too
    pass(w, 5000);
    assert_int_equal(bob.n_warnings, 1);
    assert_int_equal(bob.n_got, CHAT_WINDOW_MESSAGES_MAX);
    bob.takes_all = true;
    pass(w, 5000);
    expect_seqs(&bob, 1, 600);
    assert_int_equal(bob.n_warnings, 1);
    assert_int_equal(alice.n_receipts, 0);

    // It wakes up: what it acknowledges now does not vouch for what was forgotten.
    say(&alice, wallet(2), "601");
    ack_one(&bob, bob.n_got - 1);
    assert_int_equal(alice.n_receipts, 0);
    close_device(&bob);
    connect_device(w, &bob, wallet(2), "");
    assert_int_equal(bob.got[0].seq, 1);
    close_device(&alice);
    close_device(&bob);
}

static void an_explicit_mark_heals_what_was_forgotten(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    say_n(&alice, wallet(2), 3);
    pass(w, CHAT_UNACKED_MS + 1000);
    assert_int_equal(bob.n_warnings, 1);
    mark(&bob, wallet(1), CHAT_MARK_DELIVERED, 3);
    assert_int_equal(alice.n_receipts, 1);
    say(&alice, wallet(2), "4");
    ack_one(&bob, 3);
    assert_int_equal(alice.n_receipts, 2);
    close_device(&alice);
    close_device(&bob);
}

static void who_acknowledges_something_is_not_silent(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    say_n(&alice, wallet(2), 10);
    for (size_t i = 1; i < 5; i++) { // the first one never
        pass(w, CHAT_UNACKED_MS - 1000);
        ack_one(&bob, i);
    }
    assert_int_equal(bob.n_warnings, 0);
    close_device(&alice);
    close_device(&bob);
}

// A store that is away.

static void waits_for_a_store_that_is_away(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    say_n(&alice, wallet(2), 3);
    store_mem_fail_reads(w->mem, 3);
    open_device(w, &bob, wallet(2), "");
    pass(w, 1900);
    assert_int_equal(bob.n_ready, 0);
    pass(w, 5000);
    assert_int_equal(bob.n_ready, 1);
    expect_seqs(&bob, 1, 3);
    assert_int_equal(bob.n_synced, 1);
    ack_from(&bob, 0);

    store_mem_fail_reads(w->mem, 1);
    close_device(&bob);
    open_device(w, &bob, wallet(2), "");
    close_device(&bob); // while it waits
    close_device(&alice);
}

// Several nodes: a bus that loses.

static bool lose_all(void *arg, const struct bus_event *e)
{
    const bool *on = arg;
    (void)e;
    return *on;
}

static void what_comes_while_it_is_read_is_not_missed(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;
    struct answer answers[20];

    connect_device(w, &alice, wallet(1), "");
    open_device(w, &bob, wallet(2), "");
    for (size_t i = 0; i < COUNT_OF(answers); i++) { // in each turn of opening
        assert_int_equal(start_send(&alice, wallet(2), "hi", NULL, &answers[i]), 0);
        job_run_all(&w->later);
    }
    settle(w);
    expect_seqs(&bob, 1, COUNT_OF(answers));
    assert_int_equal(bob.n_synced, 1);
    close_device(&alice);
    close_device(&bob);
}

/** Its event comes while the page that it is in is on its way. */
static void what_was_read_is_not_read_again_for_its_event(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;
    struct answer answer = {0};

    connect_device(w, &alice, wallet(1), "");
    const uint64_t fills = chat_counters(w->chat)->fills;
    assert_int_equal(start_send(&alice, wallet(2), "hi", NULL, &answer), 0);
    open_device(w, &bob, wallet(2), "");
    settle(w);
    expect_seqs(&bob, 1, 1);
    assert_int_equal(chat_counters(w->chat)->fills, fills + 1);
    close_device(&alice);
    close_device(&bob);
}

static void the_next_hint_shows_what_was_lost(void **state)
{
    struct chat_world *w = *state;
    struct lossy_bus *bus = lossy_of(w->bus);
    struct device alice;
    struct device bob;
    bool on = false;

    bus->loses = lose_all;
    bus->arg = &on;
    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    say(&alice, wallet(2), "1"); // a conversation that the session has not seen: it reads
    expect_seqs(&bob, 1, 1);
    on = true;
    say(&alice, wallet(2), "2");
    say(&alice, wallet(2), "3");
    expect_seqs(&bob, 1, 1);
    on = false;
    say(&alice, wallet(2), "4");
    expect_seqs(&bob, 1, 4);
    assert_int_equal(alice.n_got, 0);
    close_device(&alice);
    close_device(&bob);
}

static void a_gap_makes_it_look(void **state)
{
    struct chat_world *w = *state;
    struct lossy_bus *bus = lossy_of(w->bus);
    struct device alice;
    struct device bob;
    bool on = true;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    bus->loses = lose_all;
    bus->arg = &on;
    say_n(&alice, wallet(2), 3);
    assert_int_equal(bob.n_got, 0);
    lossy_gap(w->bus);
    pass(w, AFTER_GAP_MS);
    expect_seqs(&bob, 1, 3);
    ack_from(&bob, 0);
    settle(w);
    assert_int_equal(alice.n_receipts, 0);
    lossy_gap(w->bus);
    pass(w, AFTER_GAP_MS);
    assert_int_equal(alice.n_receipts, 1);
    close_device(&alice);
    close_device(&bob);
}

int main(void)
{
#define TEST(name)       cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
#define LOSSY_TEST(name) cmocka_unit_test_setup_teardown(name, start_lossy, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_idle_account_is_ready_and_synced),
        TEST(one_question_brings_what_is_unread_and_what_was_missed),
        TEST(what_was_missed_comes_oldest_first),
        TEST(sends_no_more_than_the_window),
        TEST(a_full_window_holds_back_what_is_live),
        TEST(a_large_message_passes_an_empty_window),
        TEST(a_cursor_brings_what_came_since_whoever_had_it),
        TEST(a_foreign_cursor_counts_as_none),
        TEST(no_cursor_of_a_backlog_skips_anything),
        TEST(receipts_since_the_cursor_come_again),
        TEST(no_cursor_of_one_of_two_receipts_skips_the_other),
        TEST(a_mark_that_moves_while_it_is_read_is_there_before_synced),
        LOSSY_TEST(a_mark_that_moves_while_it_is_read_is_there_before_synced),
        TEST(a_block_that_ends_while_it_is_read_is_there_before_synced),
        LOSSY_TEST(a_block_that_ends_while_it_is_read_is_there_before_synced),
        TEST(what_a_session_sends_before_it_is_synced_is_no_event),
        TEST(what_a_session_sends_while_it_is_behind_is_no_event),
        LOSSY_TEST(what_a_session_sends_while_it_is_behind_is_no_event),
        TEST(another_device_gets_what_one_sends),
        TEST(a_silent_client_is_warned_and_its_messages_stay_undelivered),
        TEST(an_explicit_mark_heals_what_was_forgotten),
        TEST(who_acknowledges_something_is_not_silent),
        TEST(waits_for_a_store_that_is_away),
        cmocka_unit_test_setup_teardown(what_comes_while_it_is_read_is_not_missed, start_late,
                                        world_teardown),
        LOSSY_TEST(what_was_read_is_not_read_again_for_its_event),
        LOSSY_TEST(the_next_hint_shows_what_was_lost),
        LOSSY_TEST(a_gap_makes_it_look),
    };
    return cmocka_run_group_tests_name("pump", tests, NULL, NULL);
}
