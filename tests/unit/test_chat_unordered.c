/** What a live session sends on at once, and for what it reads, where a bus keeps no order. */
#include "support/node_world.h"

/** Alice and Bob, who are live, and events to one of them that come late or never. */
struct two {
    struct chat_world *w;
    struct device alice;
    struct device bob;
    uint64_t fills; // until both were live
    account to;
    unsigned n_to_keep;
    unsigned n_kept;
    struct bus_event kept[4];
};

static bool keeps(void *arg, const struct bus_event *e)
{
    struct two *t = arg;

    if (t->n_to_keep == 0 || e->kind != BUS_MESSAGE || !account_eq(&e->to, &t->to))
        return false;
    t->n_to_keep--;
    assert_true(t->n_kept < COUNT_OF(t->kept));
    struct bus_event *kept = &t->kept[t->n_kept++];
    *kept = *e; // but for its texts, which are gone then
    kept->message.type = kept->message.content = STR("late");
    kept->message.key = (str){0};
    return true;
}

static uint64_t fills(const struct two *t)
{
    return chat_counters(t->w->chat)->fills - t->fills;
}

static int setup(void **state)
{
    struct two *t = NEW(struct two);
    void *w = NULL;

    start_lossy(&w);
    t->w = w;
    lossy_of(t->w->bus)->loses = keeps;
    lossy_of(t->w->bus)->arg = t;
    connect_device(t->w, &t->alice, wallet(1), "");
    connect_device(t->w, &t->bob, wallet(2), "");
    t->fills = fills(t);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct two *t = *state;
    void *w = t->w;

    close_device(&t->alice);
    close_device(&t->bob);
    world_teardown(&w);
    free(t);
    return 0;
}

/** The next one to an account. */
static void keep_one(struct two *t, uint8_t to)
{
    t->to = wallet(to);
    t->n_to_keep = 1;
}

/** What was kept back as the i-th. */
static void let_come(struct two *t, unsigned i)
{
    assert_int_equal(t->n_to_keep, 0);
    assert_true(i < t->n_kept);
    bus_publish(t->w->bus, &t->kept[i]);
    settle(t->w);
}

static void alice_says(struct two *t)
{
    say(&t->alice, wallet(2), "a");
}

static void bob_says(struct two *t)
{
    say(&t->bob, wallet(1), "b");
}

/** @param seqs  of all that it has got, in this order */
static void expect_got(const struct device *d, const char *seqs)
{
    char got[64] = "";

    for (size_t i = 0; i < d->n_got; i++) {
        const size_t n = strlen(got);
        snprintf(got + n, sizeof(got) - n, "%llu ", (unsigned long long)d->got[i].seq);
    }
    assert_string_equal(got, seqs);
}

static void the_first_message_of_a_conversation_is_sent_on(void **state)
{
    struct two *t = *state;

    alice_says(t);
    alice_says(t);
    bob_says(t);
    expect_got(&t->bob, "1 2 ");
    expect_got(&t->alice, "3 ");
    assert_int_equal(fills(t), 0);
}

/** All that was there before it came, it has. */
static void the_first_one_that_comes_of_an_old_conversation_is_sent_on(void **state)
{
    struct two *t = *state;
    struct device laptop;

    alice_says(t);
    ack_from(&t->bob, 0);
    connect_device(t->w, &laptop, wallet(2), "");
    expect_got(&laptop, "");
    const uint64_t before = fills(t);
    alice_says(t);
    expect_got(&laptop, "2 ");
    bob_says(t);
    expect_got(&laptop, "2 3 ");
    assert_int_equal(fills(t), before);
    close_device(&laptop);
}

static void one_behind_what_did_not_come_is_read_for(void **state)
{
    struct two *t = *state;

    keep_one(t, 2);
    alice_says(t);
    expect_got(&t->bob, "");
    alice_says(t);
    expect_got(&t->bob, "1 2 ");
    assert_int_equal(fills(t), 1);
    alice_says(t); // and then nothing is missing any more
    expect_got(&t->bob, "1 2 3 ");
    assert_int_equal(fills(t), 1);
}

static void one_that_comes_behind_the_next_one_is_not_sent_twice(void **state)
{
    struct two *t = *state;

    alice_says(t);
    keep_one(t, 2);
    alice_says(t);
    alice_says(t);
    let_come(t, 0);
    expect_got(&t->bob, "1 2 3 ");
    assert_int_equal(fills(t), 1);
}

/** Of a duplicate nobody says what is before it. */
static void one_that_is_announced_as_a_duplicate_is_read_for(void **state)
{
    struct two *t = *state;
    struct answer answer;

    keep_one(t, 2);
    alice_says(t);
    store_mem_lose(t->w->mem, 1);
    assert_int_equal(start_send(&t->alice, wallet(2), "a", NULL, &answer), 0);
    settle(t->w);
    assert_int_equal(answer.times, 0);
    pass(t->w, 1000);
    assert_int_equal(answer.times, 1);
    assert_true(answer.duplicate);
    expect_got(&t->bob, "1 2 ");
    assert_int_equal(fills(t), 1);
}

/** It was stored before the block, as the first one, and is withheld since. */
static void a_late_one_of_whom_is_blocked_meanwhile_is_for_the_store_to_judge(void **state)
{
    struct two *t = *state;

    keep_one(t, 2);
    alice_says(t);
    assert_int_equal(want(&t->bob, wallet(1), CHAT_BLOCK).r, 0);
    let_come(t, 0);
    expect_got(&t->bob, "");
    assert_int_equal(fills(t), 1);
}

static void what_comes_behind_what_was_withheld_is_read_for(void **state)
{
    struct two *t = *state;

    alice_says(t);
    assert_int_equal(want(&t->bob, wallet(1), CHAT_BLOCK).r, 0);
    alice_says(t);
    assert_int_equal(want(&t->bob, wallet(1), CHAT_UNBLOCK).r, 0);
    alice_says(t);
    alice_says(t);
    expect_got(&t->bob, "1 3 4 ");
    assert_int_equal(fills(t), 1);
}

static void a_gap_is_read_for_once(void **state)
{
    struct two *t = *state;

    keep_one(t, 2);
    alice_says(t);
    lossy_gap(t->w->bus);
    pass(t->w, AFTER_GAP_MS);
    expect_got(&t->bob, "1 ");
    const uint64_t before = fills(t);
    let_come(t, 0);
    alice_says(t);
    expect_got(&t->bob, "1 2 ");
    assert_int_equal(fills(t), before);
}

// Its own, which it has from the answer.

static void what_is_before_ones_own_may_come_behind_it(void **state)
{
    struct two *t = *state;

    keep_one(t, 1);
    bob_says(t);
    alice_says(t);
    alice_says(t);
    expect_got(&t->alice, "");
    let_come(t, 0);
    expect_got(&t->alice, "1 ");
    bob_says(t);
    alice_says(t);
    expect_got(&t->alice, "1 4 ");
    expect_got(&t->bob, "2 3 5 ");
    assert_int_equal(fills(t), 0);
}

static void what_is_before_ones_own_and_never_comes_is_read_with_the_next(void **state)
{
    struct two *t = *state;

    keep_one(t, 1);
    bob_says(t);
    alice_says(t);
    bob_says(t);
    expect_got(&t->alice, "1 3 ");
    assert_int_equal(fills(t), 1);
    alice_says(t);
    bob_says(t);
    expect_got(&t->alice, "1 3 5 ");
    assert_int_equal(fills(t), 1);
}

static void what_is_before_ones_own_and_never_comes_is_found_by_a_check(void **state)
{
    struct two *t = *state;

    keep_one(t, 1);
    bob_says(t);
    alice_says(t);
    pass(t->w, CHAT_HINTS_MS + CHAT_HINTS_LATE_MS);
    expect_got(&t->alice, "1 ");
}

static void where_ones_own_have_others_between_them_it_is_read(void **state)
{
    struct two *t = *state;

    keep_one(t, 1);
    bob_says(t);
    alice_says(t);
    keep_one(t, 1);
    bob_says(t);
    alice_says(t);
    expect_got(&t->alice, "1 3 ");
    assert_int_equal(fills(t), 1);
    let_come(t, 0);
    let_come(t, 1);
    bob_says(t);
    expect_got(&t->alice, "1 3 5 ");
    assert_int_equal(fills(t), 1);
}

/** To the sender's other device. */
static void one_that_comes_behind_its_marks_has_them(void **state)
{
    static const enum chat_status want[] = {CHAT_READ, CHAT_DELIVERED, CHAT_UNDELIVERED};
    struct two *t = *state;
    struct device laptop;

    connect_device(t->w, &laptop, wallet(1), "");
    for (unsigned i = 0; i < COUNT_OF(want); i++) {
        keep_one(t, 1);
        alice_says(t);
        if (want[i] != CHAT_UNDELIVERED)
            ack_from(&t->bob, i);
        if (want[i] == CHAT_READ)
            mark(&t->bob, wallet(1), CHAT_MARK_READ, i + 1);
        assert_int_equal(laptop.n_got, i);
        let_come(t, i);
        assert_int_equal(laptop.n_got, i + 1);
        assert_int_equal(laptop.got[i].status, want[i]);
    }
    close_device(&laptop);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_first_message_of_a_conversation_is_sent_on),
        TEST(the_first_one_that_comes_of_an_old_conversation_is_sent_on),
        TEST(one_behind_what_did_not_come_is_read_for),
        TEST(one_that_comes_behind_the_next_one_is_not_sent_twice),
        TEST(one_that_is_announced_as_a_duplicate_is_read_for),
        TEST(a_late_one_of_whom_is_blocked_meanwhile_is_for_the_store_to_judge),
        TEST(what_comes_behind_what_was_withheld_is_read_for),
        TEST(a_gap_is_read_for_once),
        TEST(what_is_before_ones_own_may_come_behind_it),
        TEST(what_is_before_ones_own_and_never_comes_is_read_with_the_next),
        TEST(what_is_before_ones_own_and_never_comes_is_found_by_a_check),
        TEST(where_ones_own_have_others_between_them_it_is_read),
        TEST(one_that_comes_behind_its_marks_has_them),
    };
    return cmocka_run_group_tests_name("unordered", tests, NULL, NULL);
}
