#include "support/chat_world.h"
#include "support/lossy_bus.h"

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

static int start_lossy(void **state)
{
    struct chat_world *w = NEW(struct chat_world);

    w->later = JOB_QUEUE_INIT(w->later);
    w->rand.bytes = world_rand;
    world_start(w, &lossy_new(bus_local_new(&w->later, &w->rand))->bus);
    *state = w;
    return 0;
}

static int start_late(void **state)
{
    struct chat_world *w = NEW(struct chat_world);

    w->reads_late = true;
    world_start(w, NULL);
    *state = w;
    return 0;
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
    settle(w);
    expect_seqs(&bob, 1, 3);
    ack_from(&bob, 0);
    assert_int_equal(alice.n_receipts, 0);
    lossy_gap(w->bus);
    settle(w);
    assert_int_equal(alice.n_receipts, 1);
    close_device(&alice);
    close_device(&bob);
}

// Whatever happens, in whatever order: a run by chance, checked against what must hold.

#define WALLETS  3
#define DEVICES  5
#define SEQS_MAX 4000

struct chaos {
    struct chat_world *w;
    uint64_t seed;
    bool loses;
    struct device devices[DEVICES];
    char cursors[DEVICES][CHAT_CURSOR_MAX + 1];   // what each kept, over all its connections
    size_t looked_at[DEVICES];                    // events of the connection
    uint64_t last_seq[DEVICES][WALLETS + 1];      // on the connection, by peer
    bool has[DEVICES][WALLETS + 1][SEQS_MAX];     // over all connections, by peer and seq
    uint64_t n_sent[WALLETS + 1][WALLETS + 1];    // by both wallets
    uint64_t last_from[WALLETS + 1][WALLETS + 1]; // the seq of the last one, by sender and peer
    uint64_t told[DEVICES][WALLETS + 1];          // what the peer has, as the device was told
    size_t receipts_looked_at[DEVICES];
};

static uint64_t chance(struct chaos *c, uint64_t n)
{
    c->seed = c->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (c->seed >> 33) % n;
}

static bool lose_some(void *arg, const struct bus_event *e)
{
    (void)e;
    return chance(arg, 4) == 0;
}

static uint8_t wallet_of(size_t device)
{
    return (uint8_t)(1 + device % WALLETS);
}

/** The contents are "<from><to>". */
static uint8_t peer_of(size_t device, const struct got *got)
{
    const uint8_t from = (uint8_t)(got->text[0] - '0');
    const uint8_t to = (uint8_t)(got->text[1] - '0');
    return from == wallet_of(device) ? to : from;
}

/** On one connection each seq comes once, and in order. */
static void look(struct chaos *c, size_t i)
{
    const struct device *d = &c->devices[i];

    for (; c->looked_at[i] < d->n_got; c->looked_at[i]++) {
        const struct got *got = &d->got[c->looked_at[i]];
        const uint8_t peer = peer_of(i, got);
        if (got->seq <= c->last_seq[i][peer]) {
            fail_msg("device %zu: seq %d after %d", i, (int)got->seq,
                     (int)c->last_seq[i][peer]);
        }
        c->last_seq[i][peer] = got->seq;
        c->has[i][peer][got->seq] = true;
    }
    for (; c->receipts_looked_at[i] < d->n_receipts; c->receipts_looked_at[i]++) {
        const struct chat_receipt *r = &d->receipts[c->receipts_looked_at[i]];
        uint64_t *told = &c->told[i][r->by.bytes[r->by.len - 1]];
        if (r->mark == CHAT_MARK_DELIVERED && r->seq > *told)
            *told = r->seq;
    }
    if (d->cursor[0])
        memcpy(c->cursors[i], d->cursor, sizeof(d->cursor));
}

static void leave(struct chaos *c, size_t i)
{
    look(c, i);
    close_device(&c->devices[i]);
}

static void join(struct chaos *c, size_t i)
{
    open_device(c->w, &c->devices[i], wallet(wallet_of(i)), c->cursors[i]);
    c->looked_at[i] = 0;
    c->receipts_looked_at[i] = 0;
    memset(c->last_seq[i], 0, sizeof(c->last_seq[i]));
}

struct chaos_send {
    struct chaos *c;
    size_t device;
    uint8_t peer;
};

/** Who sent a message has it. */
static void on_chaos_sent(void *arg, int r, const struct store_appended *a)
{
    const struct chaos_send *s = arg;

    assert_int_equal(r, 0);
    s->c->has[s->device][s->peer][a->message.seq] = true;
    s->c->last_from[wallet_of(s->device)][s->peer] = a->message.seq;
    free(arg);
}

static void send_something(struct chaos *c, size_t i)
{
    const uint8_t from = wallet_of(i);
    const uint8_t to = (uint8_t)(1 + (from + chance(c, WALLETS - 1)) % WALLETS);
    struct chaos_send *s = NEW(struct chaos_send);
    char text[8];

    *s = (struct chaos_send){c, i, to};
    snprintf(text, sizeof(text), "%d%d", from, to);
    const struct chat_send send = text_to(wallet(to), text, NULL);
    assert_int_equal(
        chat_send(chat_session_actor(c->devices[i].session), &send, on_chaos_sent, s), 0);
    c->n_sent[from < to ? from : to][from < to ? to : from]++;
}

static void acknowledge_something(struct chaos *c, size_t i)
{
    const struct device *d = &c->devices[i];

    if (d->n_got > 0)
        chat_session_ack(d->session, d->got[chance(c, d->n_got)].token);
}

static void step(struct chaos *c)
{
    const size_t i = chance(c, DEVICES);
    struct device *d = &c->devices[i];

    if (!d->session) {
        join(c, i);
        return;
    }
    switch (chance(c, 14)) {
    case 0: leave(c, i); return;
    case 1: settle(c->w); break;
    case 2:
    case 3: job_run_all(&c->w->later); break;
    case 4: ack_from(d, 0); break;
    case 5:
    case 6: acknowledge_something(c, i); break;
    case 7: store_mem_fail_reads(c->w->mem, (unsigned)chance(c, 2)); break;
    case 8: pass(c->w, (int64_t)chance(c, 1500)); break;
    default: send_something(c, i); break;
    }
    look(c, i);
}

/** Until nothing moves any more, with every hint that was lost made good. */
static void come_to_rest(struct chaos *c)
{
    for (size_t i = 0; i < DEVICES; i++) {
        if (!c->devices[i].session)
            join(c, i);
    }
    for (int round = 0; round < 40; round++) {
        pass(c->w, 1100); // a store that was away is asked again
        for (size_t i = 0; i < DEVICES; i++)
            ack_from(&c->devices[i], 0);
        if (c->loses)
            lossy_gap(c->w->bus);
    }
}

static void expect_everything(const struct chaos *c)
{
    for (size_t i = 0; i < DEVICES; i++) {
        const uint8_t self = wallet_of(i);
        for (uint8_t peer = 1; peer <= WALLETS; peer++) {
            const uint64_t n = c->n_sent[self < peer ? self : peer][self < peer ? peer : self];
            assert_true(n < SEQS_MAX);
            for (uint64_t seq = 1; seq <= n; seq++) {
                if (!c->has[i][peer][seq])
                    fail_msg("device %zu never had seq %d of %d", i, (int)seq, peer);
            }
            if (c->told[i][peer] < c->last_from[self][peer]) {
                fail_msg("device %zu was told %d of %d, which has %d", i, (int)c->told[i][peer],
                         peer, (int)c->last_from[self][peer]);
            }
        }
    }
}

/** What both sides were told last is what was acknowledged: everything. */
static void expect_all_delivered(struct chaos *c)
{
    struct device fresh;

    for (uint8_t n = 1; n <= WALLETS; n++) {
        connect_device(c->w, &fresh, wallet(n), "");
        assert_int_equal(fresh.n_got, 0);
        close_device(&fresh);
    }
}

static void run_chaos(struct chat_world *w, uint64_t seed, bool loses)
{
    struct chaos *c = NEW(struct chaos);

    c->w = w;
    c->seed = seed;
    c->loses = loses;
    if (loses) {
        lossy_of(w->bus)->loses = lose_some;
        lossy_of(w->bus)->arg = c;
    }
    for (size_t i = 0; i < DEVICES; i++)
        join(c, i); // with nothing to get: from here on each has a cursor
    settle(w);
    for (size_t i = 0; i < DEVICES; i++)
        look(c, i);
    for (int i = 0; i < 1500; i++)
        step(c);
    store_mem_fail_reads(w->mem, 0);
    come_to_rest(c);
    for (size_t i = 0; i < DEVICES; i++)
        look(c, i);
    expect_everything(c);
    expect_all_delivered(c);
    for (size_t i = 0; i < DEVICES; i++)
        leave(c, i);
    if (loses)
        lossy_of(w->bus)->loses = NULL;
    free(c);
}

static void keeps_what_it_promises(void **state)
{
    const char *given = getenv("SEED"); // NOLINT(concurrency-mt-unsafe): one thread
    const uint64_t first = given ? strtoull(given, NULL, 0) : 1;

    (void)state;
    for (uint64_t seed = first; seed < first + (given ? 1 : 20); seed++) {
        void *w = NULL;
        print_message("# SEED=%llu\n", (unsigned long long)seed);
        world_setup(&w);
        run_chaos(w, seed, false);
        world_teardown(&w);
        start_late(&w);
        run_chaos(w, seed, false);
        world_teardown(&w);
        start_lossy(&w);
        run_chaos(w, seed, true);
        world_teardown(&w);
    }
}

int main(void)
{
#define TEST(name)       cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
#define LOSSY_TEST(name) cmocka_unit_test_setup_teardown(name, start_lossy, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_idle_account_is_ready_and_synced),
        TEST(what_was_missed_comes_oldest_first),
        TEST(sends_no_more_than_the_window),
        TEST(a_full_window_holds_back_what_is_live),
        TEST(a_large_message_passes_an_empty_window),
        TEST(a_cursor_brings_what_came_since_whoever_had_it),
        TEST(a_foreign_cursor_counts_as_none),
        TEST(no_cursor_of_a_backlog_skips_anything),
        TEST(receipts_since_the_cursor_come_again),
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
        LOSSY_TEST(the_next_hint_shows_what_was_lost),
        LOSSY_TEST(a_gap_makes_it_look),
        cmocka_unit_test(keeps_what_it_promises),
    };
    return cmocka_run_group_tests_name("pump", tests, NULL, NULL);
}
