/** Whatever happens, in whatever order: runs by chance, checked against what must hold. */
#include "support/node_world.h"

#define WALLETS  3
#define DEVICES  5
#define SEQS_MAX 4000

struct chaos {
    struct chat_world *w;
    uint64_t seed;
    bool loses;
    struct device devices[DEVICES];
    char cursors[DEVICES][CHAT_CURSOR_MAX + 1];  // what each kept, over all its connections
    size_t looked_at[DEVICES];                   // events of the connection
    uint64_t last_seq[DEVICES][WALLETS + 1];     // on the connection, by peer
    bool has[DEVICES][WALLETS + 1][SEQS_MAX];    // over all connections, by peer and seq
    uint64_t n_stored[WALLETS + 1][WALLETS + 1]; // of both wallets, the lower first
    // By reader, peer and seq: it must never come, and in the end it need not have.
    bool never[WALLETS + 1][WALLETS + 1][SEQS_MAX];
    bool gone[WALLETS + 1][WALLETS + 1][SEQS_MAX];
    uint64_t last_shown[WALLETS + 1][WALLETS + 1]; // the last that is not, of the peer's
    bool blocked[DEVICES][WALLETS + 1];            // as the device was told
    uint64_t told[DEVICES][WALLETS + 1];           // what the peer has, as the device was told
    size_t receipts_looked_at[DEVICES];
    size_t changes_looked_at[DEVICES];
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
        if (c->never[wallet_of(i)][peer][got->seq])
            fail_msg("device %zu: seq %d of %d was withheld", i, (int)got->seq, peer);
        c->last_seq[i][peer] = got->seq;
        c->has[i][peer][got->seq] = true;
    }
    for (; c->receipts_looked_at[i] < d->n_receipts; c->receipts_looked_at[i]++) {
        const struct chat_receipt *r = &d->receipts[c->receipts_looked_at[i]];
        uint64_t *told = &c->told[i][r->by.bytes[r->by.len - 1]];
        if (r->mark == CHAT_MARK_DELIVERED && r->seq > *told)
            *told = r->seq;
    }
    for (; c->changes_looked_at[i] < d->n_changes; c->changes_looked_at[i]++) {
        const struct change *change = &d->changes[c->changes_looked_at[i]];
        c->blocked[i][change->peer.bytes[change->peer.len - 1]] = change->blocked;
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
    if (c->devices[i].w) // its session was ended
        leave(c, i);
    open_device(c->w, &c->devices[i], wallet(wallet_of(i)), c->cursors[i]);
    c->looked_at[i] = 0;
    c->receipts_looked_at[i] = 0;
    c->changes_looked_at[i] = 0;
    memset(c->last_seq[i], 0, sizeof(c->last_seq[i]));
}

struct chaos_send {
    struct chaos *c;
    size_t device;
    uint8_t peer;
};

static uint64_t *n_stored(struct chaos *c, uint8_t from, uint8_t to)
{
    return &c->n_stored[from < to ? from : to][from < to ? to : from];
}

/** Who sent a message has it. */
static void on_chaos_sent(void *arg, int r, const struct store_appended *a)
{
    struct chaos_send *s = arg;
    const uint8_t from = wallet_of(s->device);

    if (r == 0) {
        assert_int_equal(a->message.seq, ++*n_stored(s->c, from, s->peer));
        s->c->has[s->device][s->peer][a->message.seq] = true;
        s->c->never[s->peer][from][a->message.seq] = a->is_withheld;
    } else {
        assert_int_equal(r, CHAT_FORBIDDEN);
    }
    free(s);
}

static uint8_t some_peer(struct chaos *c, uint8_t wallet)
{
    return (uint8_t)(1 + (wallet + chance(c, WALLETS - 1)) % WALLETS);
}

static void send_something(struct chaos *c, size_t i)
{
    const uint8_t from = wallet_of(i);
    const uint8_t to = some_peer(c, from);
    struct chaos_send *s = NEW(struct chaos_send);
    char text[8];

    *s = (struct chaos_send){c, i, to};
    snprintf(text, sizeof(text), "%d%d", from, to);
    const struct chat_send send = text_to(wallet(to), text, NULL);
    assert_int_equal(
        chat_send(chat_session_actor(c->devices[i].session), &send, on_chaos_sent, s), 0);
}

static void on_chaos_contact(void *arg, int r, const struct chat_conversation *conversation)
{
    (void)arg, (void)conversation;
    assert_true(r == 0 || r == CHAT_NOT_FOUND || r == CHAT_UNANSWERED);
}

static void want_of(struct chaos *c, size_t i, uint8_t peer, enum chat_contact what)
{
    const struct chat_place place = {.peer = wallet(peer)};

    assert_int_equal(chat_contact(chat_session_actor(c->devices[i].session), &place, what,
                                  on_chaos_contact, NULL),
                     0);
}

/** Mostly it is unblocked soon. */
static void want_something(struct chaos *c, size_t i)
{
    static const enum chat_contact wishes[] = {CHAT_ACCEPT, CHAT_BLOCK, CHAT_UNBLOCK,
                                               CHAT_UNBLOCK};

    want_of(c, i, some_peer(c, wallet_of(i)), wishes[chance(c, COUNT_OF(wishes))]);
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
    switch (chance(c, 15)) {
    case 0: leave(c, i); return;
    case 1: settle(c->w); break;
    case 2:
    case 3: job_run_all(&c->w->later); break;
    case 4: ack_from(d, 0); break;
    case 5:
    case 6: acknowledge_something(c, i); break;
    case 7: store_mem_fail_reads(c->w->mem, (unsigned)chance(c, 2)); break;
    case 8: pass(c->w, (int64_t)chance(c, 1500)); break;
    case 9: want_something(c, i); break;
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
    for (size_t i = 0; i < WALLETS; i++) { // the first device of each
        for (uint8_t peer = 1; peer <= WALLETS; peer++) {
            if (peer != wallet_of(i))
                want_of(c, i, peer, CHAT_UNBLOCK);
        }
    }
    for (int round = 0; round < 40; round++) {
        pass(c->w, 1100); // a store that was away is asked again
        for (size_t i = 0; i < DEVICES; i++)
            ack_from(&c->devices[i], 0);
        if (c->loses)
            lossy_gap(c->w->bus);
    }
}

struct reading {
    struct chaos *c;
    uint8_t reader;
    uint8_t peer;
};

static void on_history(void *arg, int r, const struct store_history_page *page)
{
    const struct reading *h = arg;
    const account peer = wallet(h->peer);

    if (r == STORE_NOT_FOUND)
        return;
    assert_int_equal(r, 0);
    assert_false(page->has_more);
    assert_int_equal(page->n_messages, *n_stored(h->c, h->reader, h->peer));
    for (size_t i = 0; i < page->n_messages; i++) {
        const struct chat_message *m = &page->messages[i];
        const bool is_gone = str_eq(m->type, STR(CHAT_TYPE_GONE));
        assert_int_equal(m->seq, i + 1);
        h->c->gone[h->reader][h->peer][m->seq] = is_gone;
        if (!is_gone && account_eq(&m->from, &peer))
            h->c->last_shown[h->reader][h->peer] = m->seq;
    }
}

static void read_history(struct chaos *c, uint8_t reader, uint8_t peer)
{
    struct reading h = {c, reader, peer};
    const struct store_history read = {
        .account = wallet(reader),
        .place = {.peer = wallet(peer)},
        .max_messages = SEQS_MAX,
        .max_bytes = SIZE_MAX,
    };

    store_history(c->w->mem, &read, on_history, &h);
    settle(c->w);
}

static void expect_all_of(struct chaos *c, size_t i, uint8_t peer)
{
    const uint8_t self = wallet_of(i);
    const uint64_t n = *n_stored(c, self, peer);

    assert_true(n < SEQS_MAX);
    for (uint64_t seq = 1; seq <= n; seq++) {
        if (!c->has[i][peer][seq] && !c->gone[self][peer][seq])
            fail_msg("device %zu never had seq %d of %d", i, (int)seq, peer);
        if (c->never[self][peer][seq] && !c->gone[self][peer][seq])
            fail_msg("device %zu may read seq %d of %d", i, (int)seq, peer);
    }
    if (c->told[i][peer] < c->last_shown[peer][self]) {
        fail_msg("device %zu was told %d of %d, which has %d", i, (int)c->told[i][peer], peer,
                 (int)c->last_shown[peer][self]);
    }
    if (c->blocked[i][peer])
        fail_msg("device %zu does not know that %d is unblocked", i, peer);
}

static void expect_everything(struct chaos *c)
{
    for (uint8_t reader = 1; reader <= WALLETS; reader++) {
        for (uint8_t peer = 1; peer <= WALLETS; peer++) {
            if (peer != reader)
                read_history(c, reader, peer);
        }
    }
    for (size_t i = 0; i < DEVICES; i++) {
        for (uint8_t peer = 1; peer <= WALLETS; peer++) {
            if (peer != wallet_of(i))
                expect_all_of(c, i, peer);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(keeps_what_it_promises)};
    return cmocka_run_group_tests_name("chat_chaos", tests, NULL, NULL);
}
