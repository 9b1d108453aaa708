/** What is SQLite's own about contacts: rows, mailboxes in memory, groups, the disk. */
#include "support/sqlite_world.h"

static int setup(void **state)
{
    *state = store_world_new(BACKEND_SQLITE);
    return 0;
}

static int teardown(void **state)
{
    store_world_free(*state);
    return 0;
}

static void reopen(struct store_world *w)
{
    store_world_close(w);
    store_world_open(w);
}

// Operations.

static void on_contacted(void *arg, int r, const struct store_contacted *c)
{
    struct store_answer *a = answer_begin(arg, r);

    assert_int_equal(c != NULL, r == 0);
    a->position = c ? c->position : 0;
    a->n = c ? c->n_known : 0;
}

static void on_was_seen(void *arg, int r)
{
    answer_begin(arg, r);
}

static struct store_contact contact_of(char by, enum chat_contact what, char peer)
{
    return (struct store_contact){
        .by = who(by), .place.peer = who(peer), .what = what, .now_ms = NOW};
}

static struct store_answer change(struct store_world *w, char by, enum chat_contact what,
                                  char peer)
{
    const struct store_contact c = contact_of(by, what, peer);
    struct store_answer a;

    answer_init(&a, w);
    store_contact(w->store, &c, on_contacted, &a);
    answer_await(&a);
    answer_fini(&a);
    return a;
}

static void block(struct store_world *w, char by, char peer)
{
    assert_true(change(w, by, CHAT_BLOCK, peer).position > 0);
}

static void unblock(struct store_world *w, char by, char peer)
{
    assert_true(change(w, by, CHAT_UNBLOCK, peer).position > 0);
}

/** The next message of this sender to the other; its key is its seq. */
static struct store_answer put_next(struct store_world *w, char from, char to, uint64_t seq)
{
    char key[24];

    snprintf(key, sizeof(key), "%llu", (unsigned long long)seq);
    return put(w, from, to, key, seq);
}

static int try_one(struct store_world *w, char from, char to)
{
    const struct store_append what = message(from, to, "refused", "1");
    return append(w, &what).r;
}

static void get(struct store_world *w, char by, char peer, uint64_t seq)
{
    const struct store_receipt r = {
        .by = who(by), .place.peer = who(peer), .delivered_seq = seq, .now_ms = NOW};
    ask_receipt(w, &r, 0, NULL);
}

/** a1 b2x: who has sent it, its seq, and whether it is gone. */
static void say_short(struct store_answer *a, const struct chat_message *m)
{
    say(a, "%s%c%llu%s", a->text.len > 0 ? " " : "", letter_of(&m->from),
        (unsigned long long)m->seq, str_eq(m->type, STR(CHAT_TYPE_GONE)) ? "x" : "");
}

static void on_shown(void *arg, int r, const struct store_history_page *page)
{
    struct store_answer *a = answer_begin(arg, r);

    assert_int_equal(r, 0);
    for (size_t i = 0; i < page->n_messages; i++)
        say_short(a, &page->messages[i]);
}

static void expect_history(struct store_world *w, char letter, char peer, const char *want)
{
    const struct store_history h = {
        .account = who(letter), .place.peer = who(peer), .max_messages = 99, .max_bytes = 99};
    struct store_answer a;

    answer_init(&a, w);
    store_history(w->store, &h, on_shown, &a);
    answer_await(&a);
    expect_str("history", buf_str(&a.text), str_of(want));
    answer_fini(&a);
}

static void on_one(void *arg, int r, const struct chat_conversation *c)
{
    struct store_answer *a = answer_begin(arg, r);

    assert_int_equal(r, 0);
    say_short(a, &c->last_message);
    a->n = c->unread;
}

static void expect_last(struct store_world *w, char letter, char peer, const char *want)
{
    const struct store_conversation c = {.account = who(letter), .place.peer = who(peer)};
    struct store_answer a;

    answer_init(&a, w);
    store_conversation(w->store, &c, on_one, &a);
    answer_await(&a);
    expect_str("last", buf_str(&a.text), str_of(want));
    answer_fini(&a);
}

// Rows.

static int64_t count_ranges(const struct store_world *w)
{
    return sql_number(w, "SELECT count(*) FROM withheld");
}

static void a_block_writes_no_row_for_a_message(void **state)
{
    struct store_world *w = *state;

    index_at_once(w);
    for (uint64_t seq = 1; seq <= 100; seq++)
        put_next(w, 'a', 'b', seq);
    block(w, 'b', 'a');
    assert_int_equal(count_ranges(w), 0);
    put_next(w, 'a', 'b', 101);
    unblock(w, 'b', 'a');
    assert_int_equal(count_ranges(w), 1);
    assert_int_equal(sql_number(w, "SELECT upto_seq - after_seq FROM withheld"), 101);
    await_index(w);
    assert_int_equal(sql_number(w,
                                "SELECT withheld_n FROM side WHERE blocked = 0"
                                " ORDER BY withheld_n DESC LIMIT 1"),
                     101);
}

static void blocking_all_day_makes_no_rows(void **state)
{
    struct store_world *w = *state;

    for (unsigned i = 0; i < 10; i++) {
        block(w, 'b', 'a');
        unblock(w, 'b', 'a');
    }
    assert_int_equal(count_ranges(w), 0); // nothing was withheld
    for (uint64_t seq = 1; seq <= 9; seq += 2) {
        block(w, 'b', 'a');
        put_next(w, 'a', 'b', seq);
        unblock(w, 'b', 'a');
        put_next(w, 'b', 'a', seq + 1); // whose own messages do not come between
        block(w, 'b', 'a');
        unblock(w, 'b', 'a');
    }
    assert_int_equal(count_ranges(w), 1);
    assert_int_equal(sql_number(w, "SELECT after_seq FROM withheld"), 0);
    assert_int_equal(sql_number(w, "SELECT upto_seq FROM withheld"), 9);
    put_next(w, 'a', 'b', 11);
    get(w, 'b', 'a', 11);
    block(w, 'b', 'a');
    put_next(w, 'a', 'b', 12);
    unblock(w, 'b', 'a');
    assert_int_equal(count_ranges(w), 2);
    assert_int_equal(sql_number(w, "SELECT before_n FROM withheld WHERE upto_seq = 12"), 5);
    assert_int_equal(ask_unread(w, 'b'), 1);
    expect_history(w, 'b', 'a', "a1x b2 a3x b4 a5x b6 a7x b8 a9x b10 a11 a12x");
}

// Counting.

static uint64_t unread_of(struct store_world *w, char letter, char peer)
{
    const struct store_conversation c = {.account = who(letter), .place.peer = who(peer)};
    struct store_answer a;

    answer_init(&a, w);
    store_conversation(w->store, &c, on_one, &a);
    answer_await(&a);
    answer_fini(&a);
    return a.n;
}

static void a_mark_in_front_of_what_is_withheld_counts_none_of_it(void **state)
{
    struct store_world *w = *state;
    struct store_receipt r = {
        .by = who('b'), .place.peer = who('a'), .delivered_seq = 5, .now_ms = NOW};

    for (uint64_t seq = 1; seq <= 5; seq++)
        put_next(w, 'a', 'b', seq);
    ask_receipt(w, &r, 0, "a 5+ 0");
    block(w, 'b', 'a');
    put_next(w, 'a', 'b', 6);
    put_next(w, 'a', 'b', 7);
    unblock(w, 'b', 'a');
    put_next(w, 'a', 'b', 8);
    assert_int_equal(unread_of(w, 'b', 'a'), 6);
    for (r.read_seq = 3; r.read_seq <= 8; r.read_seq++) {
        static const uint64_t want[] = {3, 2, 1, 1, 1, 0};
        ask_receipt(w, &r, 0, NULL);
        assert_int_equal(unread_of(w, 'b', 'a'), want[r.read_seq - 3]);
    }
}

static void a_mark_at_an_own_message_counts_the_peers_bytes(void **state)
{
    struct store_world *w = *state;
    const struct store_append longer = message('b', 'a', "2", "longer than all of the others");

    store_world_close(w);
    w->limits.accepted.bytes = 2;
    store_world_open(w);
    put_next(w, 'a', 'b', 1);
    assert_int_equal(append(w, &longer).seq, 2);
    put_next(w, 'a', 'b', 3);
    assert_int_equal(try_one(w, 'a', 'b'), STORE_MAILBOX_FULL);
    get(w, 'b', 'a', 2);
    put_next(w, 'a', 'b', 4);
    assert_int_equal(try_one(w, 'a', 'b'), STORE_MAILBOX_FULL);
    reopen(w);
    assert_int_equal(try_one(w, 'a', 'b'), STORE_MAILBOX_FULL);
}

// Reading.

/** What is due among many that are withheld, which nobody goes through one by one. */
static void what_is_due_is_found_behind_what_is_withheld(void **state)
{
    struct store_world *w = *state;
    const struct store_read undelivered = {
        .account = who('b'), .since = 1000, .max_messages = 99, .max_bytes = 99};
    const struct store_read all = {.account = who('b'), .max_messages = 99, .max_bytes = 99};

    put_next(w, 'a', 'b', 1);
    get(w, 'b', 'a', 1);
    for (uint64_t seq = 2; seq <= 60; seq++)
        put_next(w, seq == 30 ? 'b' : 'a', seq == 30 ? 'a' : 'b', seq);
    block(w, 'b', 'a');
    put_next(w, 'a', 'b', 61);
    unblock(w, 'b', 'a');
    put_next(w, 'a', 'b', 62);
    block(w, 'b', 'a'); // withholds that, too
    unblock(w, 'b', 'a');
    put_next(w, 'b', 'a', 63);
    put_next(w, 'a', 'b', 64);
    assert_int_equal(count_ranges(w), 1);
    ask_read(w, &undelivered, 0, "a64");
    ask_read(w, &all, 0, "a1d b30 b63 a64");
    block(w, 'b', 'a');
    ask_read(w, &undelivered, 0, "");
    ask_read(w, &all, 0, "a1d b30 b63");
}

// Mailboxes.

static void limit_mailbox(struct store_world *w, uint64_t n)
{
    store_world_close(w);
    w->limits.mailbox = n;
    store_world_open(w);
}

static void a_mailbox_is_summed_up_after_a_restart(void **state)
{
    struct store_world *w = *state;

    limit_mailbox(w, 4);
    change(w, 'c', CHAT_ACCEPT, 'b');
    put_next(w, 'a', 'c', 1);
    put_next(w, 'b', 'c', 1);
    reopen(w);
    put_next(w, 'a', 'c', 2); // the second of strangers: half of it
    assert_int_equal(try_one(w, 'a', 'c'), STORE_MAILBOX_FULL);
    assert_int_equal(try_one(w, 's', 'c'), STORE_MAILBOX_FULL);
    reopen(w);
    assert_int_equal(try_one(w, 's', 'c'), STORE_MAILBOX_FULL);
    put_next(w, 'b', 'c', 2);
    assert_int_equal(try_one(w, 'b', 'c'), STORE_MAILBOX_FULL);
    run_sql(w, "UPDATE meta SET position = position"); // what is in memory is not believed
    assert_int_equal(try_one(w, 'b', 'c'), STORE_MAILBOX_FULL);
    get(w, 'c', 'a', 1);
    put_next(w, 'b', 'c', 3);
    assert_int_equal(try_one(w, 'b', 'c'), STORE_MAILBOX_FULL);
    block(w, 'c', 'b');
    reopen(w);
    put_next(w, 's', 'c', 1); // of strangers there is one
    assert_int_equal(try_one(w, 's', 'c'), STORE_MAILBOX_FULL);
}

/** From the index, from the tail, or put together from the log; whoever may see it. */
static void what_a_message_is_behind_is_known_after_a_restart(void **state)
{
    struct store_world *w = *state;

    const struct store_answer first = put(w, 'a', 'b', "1", 1);
    reopen(w);
    const struct store_answer second = put(w, 'b', 'a', "2", 2);
    assert_int_equal(second.previous, first.position);
    block(w, 'b', 'a');
    const struct store_answer withheld = put(w, 'a', 'b', "3", 3);
    reopen(w);
    const struct store_answer last = put(w, 'a', 'b', "4", 4);
    assert_int_equal(last.previous, withheld.position);
    run_sql(w, "UPDATE meta SET position = position"); // what is in memory is not believed
    assert_int_equal(put(w, 'a', 'b', "5", 5).previous, last.position);
}

/** A mailbox that is not in memory yet is asked for within a group that has changed it. */
static void a_mailbox_is_exact_within_a_group(void **state)
{
    struct store_world *w = *state;
    const struct store_receipt r = {
        .by = who('c'), .place.peer = who('a'), .delivered_seq = 2, .now_ms = NOW};
    struct store_append texts[4] = {message('c', 'a', "1", "1"), message('b', 'c', "1", "1"),
                                    message('b', 'c', "2", "2"), message('b', 'c', "3", "3")};
    struct store_answer sent[4];
    struct store_answer got;

    limit_mailbox(w, 4);
    put_next(w, 'a', 'c', 1);
    put_next(w, 'a', 'c', 2);
    reopen(w);
    answer_init(&got, w);
    store_receipt(w->store, &r, on_receipt, &got);
    for (unsigned i = 0; i < 4; i++) {
        answer_init(&sent[i], w);
        store_append(w->store, &texts[i], on_append, &sent[i]);
    }
    for (unsigned i = 0; i < 4; i++)
        answer_await(&sent[i]);
    assert_int_equal(w->store->counters.commits, 1);
    assert_int_equal(sent[1].r, 0);
    assert_int_equal(sent[2].r, 0);
    assert_int_equal(sent[3].r, STORE_MAILBOX_FULL);
    for (unsigned i = 0; i < 4; i++)
        answer_fini(&sent[i]);
    answer_fini(&got);
}

static void who_answers_is_no_strangers_mailbox_any_more(void **state)
{
    struct store_world *w = *state;

    limit_mailbox(w, 4);
    put_next(w, 'a', 'c', 1);
    put_next(w, 'a', 'c', 2);
    reopen(w);
    assert_int_equal(try_one(w, 'b', 'c'), STORE_MAILBOX_FULL); // that mailbox is known
    put_next(w, 'c', 'a', 3);                                   // and this conversation was not
    put_next(w, 'b', 'c', 1);
    put_next(w, 'b', 'c', 2);
    assert_int_equal(try_one(w, 'b', 'c'), STORE_MAILBOX_FULL);
}

// Where rows are gone.

static void nothing_is_given_twice_during_a_block(void **state)
{
    struct store_world *w = *state;

    put_next(w, 'a', 'b', 1);
    block(w, 'b', 'a');
    const int64_t last = put_next(w, 'a', 'b', 2).position;
    const struct store_answer blocked = change(w, 'c', CHAT_BLOCK, 'a');
    assert_int_equal(blocked.position, last + 1);
    store_world_close(w);
    run_sql(w,
            "DELETE FROM message WHERE position = (SELECT max(position) FROM message);"
            "DELETE FROM contact WHERE position = (SELECT max(position) FROM contact)");
    store_world_open(w);
    const struct store_answer next = put_next(w, 'a', 'b', 3);
    assert_int_equal(next.position, last + 2);
    run_sql(w, "DELETE FROM message WHERE position = (SELECT max(position) FROM message)");
    assert_int_equal(change(w, 'b', CHAT_UNBLOCK, 'a').position, last + 3);
    assert_int_equal(put_next(w, 'a', 'b', 4).position, last + 4);
    expect_history(w, 'b', 'a', "a1x a4");
    assert_int_equal(ask_unread(w, 'b'), 1);
}

static void what_is_left_has_a_last_message(void **state)
{
    struct store_world *w = *state;

    put_next(w, 'a', 'b', 1);
    put_next(w, 'a', 'b', 2);
    run_sql(w, "DELETE FROM message WHERE position = (SELECT max(position) FROM message)");
    expect_last(w, 'a', 'b', "a1");
    expect_last(w, 'b', 'a', "a1");
}

// Groups.

static void a_contact_waits_for_no_company(void **state)
{
    struct store_world *w = *state;
    const struct store_receipt r = {
        .by = who('b'), .place.peer = who('a'), .delivered_seq = 1, .now_ms = NOW};
    const struct store_contact c = contact_of('b', CHAT_BLOCK, 'a');
    const struct store_front *s = store_front_of(w->store);
    struct store_answer got;
    struct store_answer blocked;

    put_next(w, 'a', 'b', 1);
    answer_init(&got, w);
    answer_init(&blocked, w);
    store_receipt(w->store, &r, on_receipt, &got);
    assert_false(list_is_empty(&s->held));
    store_contact(w->store, &c, on_contacted, &blocked);
    assert_true(list_is_empty(&s->held)); // and nothing else is waited for
    answer_await(&blocked);
    assert_int_equal(got.times, 1); // called before, answered before
    assert_int_equal(got.position + 1, blocked.position);
    assert_int_equal(w->store->counters.commits, 2);
    assert_int_equal(w->store->counters.contacts, 1);
    assert_int_equal(change(w, 'b', CHAT_BLOCK, 'a').position, 0);
    assert_int_equal(w->store->counters.commits, 2);
    assert_int_equal(w->store->counters.contacts, 1);
    answer_fini(&blocked);
    answer_fini(&got);
}

static void see(struct store_world *w, char letter, int64_t at_ms)
{
    const account of = who(letter);
    struct store_answer a;

    answer_init(&a, w);
    store_seen(w->store, &of, at_ms, on_was_seen, &a);
    answer_await(&a);
    assert_int_equal(a.r, 0);
    answer_fini(&a);
}

static void being_seen_waits_for_company_and_costs_a_commit_if_it_is_new(void **state)
{
    struct store_world *w = *state;

    put_next(w, 'a', 'b', 1);
    loop_run_once(w->loop);
    const int64_t asked_ms = w->loop->timers.now_ms;
    see(w, 'a', 7);
    assert_true(w->loop->timers.now_ms - asked_ms >= STORE_RECEIPT_MS);
    assert_int_equal(w->store->counters.commits, 2);
    see(w, 'a', 7);
    see(w, 'a', 6);
    see(w, 'c', 7); // nobody knows it
    assert_int_equal(w->store->counters.commits, 2);
    assert_int_equal(sql_number(w, "SELECT sum(seen_ms) FROM account"), 7);
    assert_int_equal(sql_number(w, "SELECT count(*) FROM account"), 2);
}

// The disk.

static void a_full_disk_refuses_contacts_and_recovers(void **state)
{
    struct store_world *w = *state;

    limit_mailbox(w, 2);
    put_next(w, 'a', 'b', 1);
    atomic_store(&of_log.is_full, true);
    assert_int_equal(change(w, 'b', CHAT_BLOCK, 'a').r, STORE_UNAVAILABLE);
    assert_int_equal(change(w, 'c', CHAT_ACCEPT, 'a').r, STORE_UNAVAILABLE);
    assert_int_equal(change(w, 'b', CHAT_UNBLOCK, 'a').position, 0); // needs no room
    atomic_store(&of_log.is_full, false);
    assert_int_equal(change(w, 'c', CHAT_UNBLOCK, 'a').r, STORE_NOT_FOUND);
    assert_int_equal(try_one(w, 'a', 'b'), STORE_MAILBOX_FULL); // it is still one of a stranger
    assert_int_equal(ask_unread(w, 'b'), 1);
    block(w, 'b', 'a');
    put_next(w, 'a', 'b', 2);
    assert_int_equal(ask_unread(w, 'b'), 0);
    assert_int_equal(w->store->counters.contacts, 1);
}

int main(void)
{
#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        UNIT(a_block_writes_no_row_for_a_message),
        UNIT(blocking_all_day_makes_no_rows),
        UNIT(a_mark_in_front_of_what_is_withheld_counts_none_of_it),
        UNIT(a_mark_at_an_own_message_counts_the_peers_bytes),
        UNIT(what_is_due_is_found_behind_what_is_withheld),
        UNIT(a_mailbox_is_summed_up_after_a_restart),
        UNIT(what_a_message_is_behind_is_known_after_a_restart),
        UNIT(a_mailbox_is_exact_within_a_group),
        UNIT(who_answers_is_no_strangers_mailbox_any_more),
        UNIT(nothing_is_given_twice_during_a_block),
        UNIT(what_is_left_has_a_last_message),
        UNIT(a_contact_waits_for_no_company),
        UNIT(being_seen_waits_for_company_and_costs_a_commit_if_it_is_new),
        UNIT(a_full_disk_refuses_contacts_and_recovers),
    };
    disk_install();
    return cmocka_run_group_tests_name("store_sqlite_contact", tests, NULL, NULL);
}
