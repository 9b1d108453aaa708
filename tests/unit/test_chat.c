#include "support/chat_world.h"

static const struct chat_receipt *last_receipt(const struct device *d)
{
    assert_true(d->n_receipts > 0);
    return &d->receipts[d->n_receipts - 1];
}

static uint64_t delivered_seq(const struct device *d)
{
    uint64_t seq = 0;

    for (size_t i = 0; i < d->n_receipts; i++) {
        if (d->receipts[i].mark == CHAT_MARK_DELIVERED)
            seq = d->receipts[i].seq;
    }
    return seq;
}

static void an_acknowledgement_is_a_receipt_for_both_sides(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;
    struct device laptop; // bob's other one

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    connect_device(w, &laptop, wallet(2), "");
    say(&alice, wallet(2), "hi");
    assert_int_equal(alice.n_receipts, 0); // sent is not delivered
    ack_one(&bob, 0);
    const struct device *all[] = {&alice, &bob, &laptop};
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        assert_int_equal(all[i]->n_receipts, 1);
        const struct chat_receipt *r = last_receipt(all[i]);
        assert_int_equal(r->mark, CHAT_MARK_DELIVERED);
        assert_int_equal(r->seq, 1);
        const account by = wallet(2);
        assert_true(account_eq(&r->by, &by));
    }
    ack_one(&laptop, 0); // known already
    assert_int_equal(alice.n_receipts, 1);
    close_device(&alice);
    close_device(&bob);
    close_device(&laptop);
}

static void delivered_waits_for_what_is_missing(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    for (int i = 0; i < 5; i++)
        say(&alice, wallet(2), "hi");
    ack_one(&bob, 4);
    ack_one(&bob, 1);
    assert_int_equal(delivered_seq(&alice), 0);
    ack_one(&bob, 0);
    assert_int_equal(delivered_seq(&alice), 2);
    ack_one(&bob, 3);
    assert_int_equal(delivered_seq(&alice), 2);
    ack_one(&bob, 2);
    assert_int_equal(delivered_seq(&alice), 5);
    close_device(&alice);
    close_device(&bob);
}

static void what_nobody_has_holds_up_all_sockets(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;
    struct device laptop;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    connect_device(w, &laptop, wallet(2), "");
    for (int i = 0; i < 3; i++)
        say(&alice, wallet(2), "hi");
    ack_one(&bob, 1);
    ack_one(&laptop, 2);
    assert_int_equal(delivered_seq(&alice), 0);
    ack_one(&laptop, 0);
    assert_int_equal(delivered_seq(&alice), 3); // one socket had each step of the way
    close_device(&alice);
    close_device(&bob);
    close_device(&laptop);
}

static void a_socket_need_not_acknowledge_what_another_has(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;
    struct device laptop;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    connect_device(w, &laptop, wallet(2), "");
    for (int i = 0; i < 4; i++)
        say(&alice, wallet(2), "hi");
    ack_one(&bob, 0);
    ack_one(&laptop, 2);
    assert_int_equal(delivered_seq(&alice), 1);
    ack_one(&laptop, 1);
    assert_int_equal(delivered_seq(&alice), 3);

    ack_one(&bob, 3);
    assert_int_equal(delivered_seq(&alice), 4);
    close_device(&alice);
    close_device(&bob);
    close_device(&laptop);
}

static void ones_own_message_moves_nothing(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device laptop; // alice's other one
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &laptop, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    say(&alice, wallet(2), "hi");
    assert_int_equal(laptop.n_got, 1);
    ack_one(&laptop, 0);
    assert_int_equal(bob.n_receipts + alice.n_receipts, 0);
    say(&bob, wallet(1), "ho");
    ack_from(&alice, 0);
    assert_int_equal(delivered_seq(&bob), 2);
    close_device(&alice);
    close_device(&laptop);
    close_device(&bob);
}

static void what_is_withheld_comes_again_and_nothing_before_it(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    for (int i = 0; i < 6; i++)
        say(&alice, wallet(2), "hi");
    for (size_t i = 0; i < 6; i++) {
        if (i != 2)
            ack_one(&bob, i);
    }
    close_device(&bob);
    connect_device(w, &bob, wallet(2), "");
    assert_int_equal(bob.n_got, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(bob.got[i].seq, i + 3);
    close_device(&alice);
    close_device(&bob);
}

static void a_mark_moves_at_once_and_never_back(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    for (int i = 0; i < 3; i++)
        say(&alice, wallet(2), "hi");
    struct answer a = mark(&bob, wallet(1), CHAT_MARK_READ, 2);
    assert_int_equal(a.r, 0);
    assert_int_equal(a.seq, 2);
    assert_int_equal(alice.n_receipts, 2); // read is delivered, too
    assert_int_equal(alice.receipts[0].mark, CHAT_MARK_DELIVERED);
    assert_int_equal(alice.receipts[1].mark, CHAT_MARK_READ);
    assert_int_equal(alice.receipts[1].seq, 2);

    a = mark(&bob, wallet(1), CHAT_MARK_READ, 1);
    assert_int_equal(a.r, 0);
    assert_int_equal(a.seq, 2);
    assert_int_equal(alice.n_receipts, 2);

    assert_int_equal(mark(&bob, wallet(1), CHAT_MARK_DELIVERED, 4).r, CHAT_NO_SUCH_SEQ);
    assert_int_equal(mark(&bob, wallet(9), CHAT_MARK_DELIVERED, 1).r, CHAT_NOT_FOUND);
    close_device(&alice);
    close_device(&bob);
}

static void many_acknowledgements_make_few_receipts(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    for (int i = 0; i < 100; i++)
        say(&alice, wallet(2), "hi");
    ack_from(&bob, 0); // before the first of them is stored
    assert_int_equal(alice.n_receipts, 2);
    assert_int_equal(delivered_seq(&alice), 100);
    close_device(&alice);
    close_device(&bob);
}

static void a_mark_that_failed_moves_with_the_next(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    say(&alice, wallet(2), "1");
    say(&alice, wallet(2), "2");
    store_mem_fail(w->mem, STORE_UNAVAILABLE, 1);
    ack_one(&bob, 0);
    assert_int_equal(alice.n_receipts, 0);
    ack_one(&bob, 1);
    assert_int_equal(delivered_seq(&alice), 2);
    close_device(&alice);
    close_device(&bob);
}

static void acknowledgements_of_a_socket_that_left_still_count(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    say(&alice, wallet(2), "1");
    say(&alice, wallet(2), "2");
    chat_session_ack(bob.session, bob.got[0].token);
    chat_session_ack(bob.session, bob.got[1].token); // while the first is being stored
    close_device(&bob);
    assert_int_equal(delivered_seq(&alice), 2);
    close_device(&alice);
}

static void an_unknown_token_is_ignored(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    say(&alice, wallet(2), "hi");
    chat_session_ack(bob.session, 77);
    chat_session_ack(bob.session, -1);
    settle(w);
    assert_int_equal(alice.n_receipts, 0);
    ack_one(&bob, 0);
    ack_one(&bob, 0);
    assert_int_equal(alice.n_receipts, 1);
    close_device(&alice);
    close_device(&bob);
}

struct pages {
    int times;
    int r;
    size_t n;
    uint64_t first;
    bool has_more;
    int64_t next;
};

static void on_history(void *arg, int r, const struct store_history_page *page)
{
    struct pages *p = arg;

    p->times++;
    p->r = r;
    if (r != 0)
        return;
    p->n = page->n_messages;
    p->first = page->n_messages ? page->messages[0].seq : 0;
    p->has_more = page->has_more;
}

static void on_list(void *arg, int r, const struct store_list_page *page)
{
    struct pages *p = arg;

    p->times++;
    p->r = r;
    p->n = r == 0 ? page->n_conversations : 0;
    p->next = r == 0 ? page->next : 0;
}

static void reads_history_and_list(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct pages got = {0};

    connect_device(w, &alice, wallet(1), "");
    for (int i = 0; i < 5; i++)
        say(&alice, wallet(2), "hi");
    say(&alice, wallet(3), "hi");
    const struct chat_history h = {.place = {.peer = wallet(2)}, .limit = 2};
    assert_int_equal(chat_history(chat_session_actor(alice.session), &h, on_history, &got), 0);
    settle(w);
    assert_int_equal(got.times, 1);
    assert_int_equal(got.n, 2);
    assert_int_equal(got.first, 4);
    assert_true(got.has_more);

    const struct chat_history none = {.place = {.peer = wallet(9)}, .limit = 2};
    assert_int_equal(chat_history(chat_session_actor(alice.session), &none, on_history, &got),
                     0);
    settle(w);
    assert_int_equal(got.r, CHAT_NOT_FOUND);

    assert_int_equal(chat_list(chat_session_actor(alice.session), 1, 0, on_list, &got), 0);
    settle(w);
    assert_int_equal(got.r, 0);
    assert_int_equal(got.n, 1);
    assert_true(got.next != 0);
    assert_int_equal(chat_list(chat_session_actor(alice.session), 1, got.next, on_list, &got),
                     0);
    settle(w);
    assert_int_equal(got.n, 1);
    assert_int_equal(got.next, 0);
    close_device(&alice);
}

static bool is_same(const void *arg, const void *key)
{
    return arg == key;
}

struct count {
    unsigned *n;
};

/** Counts, and is never content. */
static bool is_none(const void *arg, const void *key)
{
    const struct count *count = key;

    assert_non_null(arg);
    ++*count->n;
    return false;
}

static void finds_a_session_of_an_account(void **state)
{
    struct chat_world *w = *state;
    struct device phone;
    struct device laptop;
    struct device bob;
    const account alice = wallet(1);
    const account nobody = wallet(3);
    unsigned n_asked = 0;
    const struct count count = {&n_asked};

    assert_null(chat_session_find(w->chat, &alice, is_none, &count));
    connect_device(w, &phone, alice, "");
    connect_device(w, &laptop, alice, "");
    connect_device(w, &bob, wallet(2), "");
    assert_ptr_equal(chat_session_find(w->chat, &alice, is_same, &phone), &phone);
    assert_ptr_equal(chat_session_find(w->chat, &alice, is_same, &laptop), &laptop);
    assert_null(chat_session_find(w->chat, &alice, is_same, &bob)); // of another account
    assert_null(chat_session_find(w->chat, &nobody, is_same, &bob));
    assert_int_equal(n_asked, 0);
    assert_null(chat_session_find(w->chat, &alice, is_none, &count));
    assert_int_equal(n_asked, 2); // each is asked about, once

    close_device(&phone);
    assert_null(chat_session_find(w->chat, &alice, is_same, &phone));
    assert_ptr_equal(chat_session_find(w->chat, &alice, is_same, &laptop), &laptop);
    close_device(&laptop);
    assert_null(chat_session_find(w->chat, &alice, is_none, &count));
    assert_int_equal(n_asked, 2);
    close_device(&bob);
}

static void counts_what_it_does(void **state)
{
    struct chat_world *w = *state;
    struct device alice;
    struct device bob;

    connect_device(w, &alice, wallet(1), "");
    connect_device(w, &bob, wallet(2), "");
    say(&alice, wallet(2), "hi");
    ack_one(&bob, 0);
    const struct chat_counters *c = chat_counters(w->chat);
    assert_int_equal(c->sessions, 2);
    assert_int_equal(c->accounts, 2);
    assert_int_equal(c->sent, 1);
    assert_int_equal(c->emitted, 1);
    assert_int_equal(c->acked, 1);
    assert_int_equal(c->receipts, 1);
    close_device(&alice);
    close_device(&bob);
    assert_int_equal(c->sessions, 0);
    assert_int_equal(c->accounts, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_acknowledgement_is_a_receipt_for_both_sides),
        TEST(delivered_waits_for_what_is_missing),
        TEST(what_nobody_has_holds_up_all_sockets),
        TEST(a_socket_need_not_acknowledge_what_another_has),
        TEST(ones_own_message_moves_nothing),
        TEST(what_is_withheld_comes_again_and_nothing_before_it),
        TEST(a_mark_moves_at_once_and_never_back),
        TEST(many_acknowledgements_make_few_receipts),
        TEST(a_mark_that_failed_moves_with_the_next),
        TEST(acknowledgements_of_a_socket_that_left_still_count),
        TEST(an_unknown_token_is_ignored),
        TEST(reads_history_and_list),
        TEST(finds_a_session_of_an_account),
        TEST(counts_what_it_does),
    };
    return cmocka_run_group_tests_name("chat", tests, NULL, NULL);
}
