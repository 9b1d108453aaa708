#include "chat/limits.h"
#include "support/lossy_bus.h"
#include "support/presence_world.h"

/** Two nodes: a chat each, one store, and buses that are linked. */
struct nodes {
    struct chat_world w; // its chat is the one that devices are opened on
    struct lossy_bus *buses[2];
    struct chat *chats[2];
    struct chat_limits *limits; // of both; NULL: there are none
    unsigned n_lost;
    enum bus_kind lost;         // what is lost, of n_lost
    struct bus_event last_lost; // its texts are gone
};

static bool loses(void *arg, const struct bus_event *e)
{
    struct nodes *n = arg;

    if (n->n_lost == 0 || e->kind != n->lost)
        return false;
    n->n_lost--;
    n->last_lost = *e;
    return true;
}

static struct lossy_bus *bus_new(struct nodes *n)
{
    struct lossy_bus *b = lossy_new(bus_local_new(&n->w.later, &n->w.rand));

    b->loses = loses;
    b->arg = n;
    return b;
}

static void start_nodes(struct nodes *n)
{
    struct chat_world *w = &n->w;

    w->later = JOB_QUEUE_INIT(w->later);
    w->rand.bytes = world_rand;
    n->buses[0] = bus_new(n);
    n->buses[1] = bus_new(n);
    world_start(w, &n->buses[0]->bus);
    lossy_link(n->buses[0], n->buses[1]);
    n->chats[0] = w->chat;
    n->chats[1] = chat_new(&(struct chat_ports){.store = w->store,
                                                .bus = &n->buses[1]->bus,
                                                .timers = &w->timers,
                                                .later = &w->later,
                                                .clock = &w->clock,
                                                .rand = &w->rand},
                           &w->config);
}

static void start_related(struct nodes *n)
{
    n->w.fakes_relations = true;
    start_nodes(n);
    fake_relate(n->w.relations, wallet(1), wallet(2), true);
    fake_relate(n->w.relations, wallet(1), wallet(3), true);
}

static int setup(void **state)
{
    struct nodes *n = NEW(struct nodes);

    start_related(n);
    *state = n;
    return 0;
}

/** Who wants whom is in the store. */
static int setup_strangers(void **state)
{
    struct nodes *n = NEW(struct nodes);

    start_nodes(n);
    *state = n;
    return 0;
}

/** Two sessions of an account, and two sends at once, on both nodes together. */
static int setup_limited(void **state)
{
    struct nodes *n = NEW(struct nodes);
    struct chat_config *config = &n->w.config;

    *config = (struct chat_config){
        .rate_limits = true, .sends = {2, 10, 1000}, .requests = {9, 9, 1000}, .sessions = 2};
    n->w.rand.bytes = world_rand;
    config->limits = n->limits = chat_limits_new(config, &n->w.rand);
    config->sends.burst = 9; // and these do not count
    config->sessions = 9;
    start_related(n);
    *state = n;
    return 0;
}

static int teardown(void **state)
{
    struct nodes *n = *state;

    settle(&n->w);
    if (chat_counters(n->chats[0])->sessions + chat_counters(n->chats[1])->sessions > 0)
        return 0; // as in world_stop()
    assert_true(chat_is_idle(n->chats[1]));
    chat_free(n->chats[1]);
    settle(&n->w);
    bus_free(&n->buses[1]->bus);
    settle(&n->w);
    n->w.chat = n->chats[0];
    world_stop(&n->w);
    chat_limits_free(n->limits);
    free(n);
    return 0;
}

static void connect_at(struct nodes *n, unsigned node, struct device *d, account a)
{
    n->w.chat = n->chats[node];
    connect_device(&n->w, d, a, "");
}

static void another_node_is_asked_and_tells(void **state)
{
    struct nodes *n = *state;
    struct watched_answer answer;
    const account both[] = {wallet(2), wallet(3)};
    struct device alice;
    struct device bob;

    connect_at(n, 1, &bob, wallet(2));
    connect_at(n, 0, &alice, wallet(1));
    assert_int_equal(start_watch(&alice, both, 2, &answer), 0);
    settle(&n->w);
    pass(&n->w, CHAT_ASKED_MS - 1);
    assert_int_equal(answer.times, 0); // somebody might still say that it has carol
    pass(&n->w, 1);
    assert_int_equal(answer.times, 1);
    assert_true(answer.p[0].is_online);
    assert_false(answer.p[1].is_online);
    expect_presences(&alice, ""); // the answer says all there is to say
    close_device(&bob);
    pass(&n->w, CHAT_OFFLINE_MS);
    expect_presences(&alice, "");
    pass(&n->w, CHAT_ASKED_MS);
    expect_presences(&alice, "-");
    connect_at(n, 1, &bob, wallet(2));
    expect_presences(&alice, "-+");
    close_device(&alice);
    close_device(&bob);
}

static void those_who_are_here_are_not_waited_for(void **state)
{
    struct nodes *n = *state;
    struct watched_answer answer;
    const account all[] = {wallet(2), wallet(9)};
    struct device alice;
    struct device bob;

    connect_at(n, 0, &alice, wallet(1));
    connect_at(n, 0, &bob, wallet(2));
    assert_int_equal(start_watch(&alice, all, 2, &answer), 0);
    settle(&n->w);
    assert_int_equal(answer.times, 1); // nor are those of whom it may not know
    assert_true(answer.p[0].is_online);
    close_device(&alice);
    close_device(&bob);
}

static void what_changes_while_nodes_are_asked_is_in_the_answer(void **state)
{
    struct nodes *n = *state;
    struct watched_answer answer;
    const account bobs = wallet(2);
    struct device alice;
    struct device bob;

    connect_at(n, 0, &alice, wallet(1));
    connect_at(n, 1, &bob, wallet(2));
    assert_int_equal(start_watch(&alice, &bobs, 1, &answer), 0);
    settle(&n->w);
    assert_int_equal(answer.times, 0);
    relate(&n->w, wallet(1), wallet(2), false);
    pass(&n->w, CHAT_ASKED_MS);
    assert_int_equal(answer.times, 1);
    assert_false(answer.p[0].is_online);
    expect_presences(&alice, "");
    close_device(&alice);
    close_device(&bob);
}

static void one_who_leaves_while_nodes_are_asked_is_answered(void **state)
{
    struct nodes *n = *state;
    struct watched_answer answer;
    const account bobs = wallet(2);
    struct device alice;

    connect_at(n, 0, &alice, wallet(1));
    assert_int_equal(start_watch(&alice, &bobs, 1, &answer), 0);
    settle(&n->w);
    close_device(&alice);
    pass(&n->w, CHAT_ASKED_MS);
    assert_int_equal(answer.times, 1);
    assert_true(chat_is_idle(n->chats[0]));
}

static void one_is_online_as_long_as_some_node_has_it(void **state)
{
    struct nodes *n = *state;
    struct device alice;
    struct device phone; // bob's
    struct device laptop;

    connect_at(n, 0, &alice, wallet(1));
    connect_at(n, 0, &phone, wallet(2));
    connect_at(n, 1, &laptop, wallet(2));
    assert_true(watch(&alice, wallet(2)).is_online);
    close_device(&laptop);
    pass(&n->w, LONG_MS);
    expect_presences(&alice, "");
    connect_at(n, 1, &laptop, wallet(2));
    close_device(&phone);
    pass(&n->w, LONG_MS);
    expect_presences(&alice, "");
    close_device(&laptop);
    pass(&n->w, CHAT_OFFLINE_MS + CHAT_ASKED_MS);
    expect_presences(&alice, "-");
    close_device(&alice);
}

static void a_block_is_told_on_the_other_node(void **state)
{
    struct nodes *n = *state;
    struct device alice;
    struct device bob;

    connect_at(n, 0, &alice, wallet(1));
    connect_at(n, 1, &bob, wallet(2));
    assert_true(watch(&alice, wallet(2)).is_online);
    relate(&n->w, wallet(1), wallet(2), false);
    expect_presences(&alice, "-");
    relate(&n->w, wallet(1), wallet(2), true);
    expect_presences(&alice, "-+");
    close_device(&alice);
    close_device(&bob);
}

/** It was stored before the block, and is withheld since. */
static void what_comes_late_from_one_who_is_blocked_meanwhile_is_not_shown(void **state)
{
    struct nodes *n = *state;
    struct device alice;
    struct device bob;

    connect_at(n, 0, &alice, wallet(1));
    connect_at(n, 1, &bob, wallet(2));
    say(&alice, wallet(2), "in time");
    assert_int_equal(bob.n_got, 1);
    n->n_lost = 2;
    n->lost = BUS_MESSAGE;
    say(&alice, wallet(2), "late");
    assert_int_equal(n->n_lost, 0);
    assert_int_equal(want(&bob, wallet(1), CHAT_BLOCK).r, 0);
    struct bus_event late = n->last_lost;
    late.to = wallet(2);
    late.message.type = STR("text");
    late.message.content = late.message.key = STR("late");
    bus_publish(&n->buses[0]->bus, &late);
    settle(&n->w);
    assert_int_equal(bob.n_got, 1);
    close_device(&alice);
    close_device(&bob);
}

/** Who goes on from behind it has it, and would have it after a cursor that is behind it. */
static void a_receipt_that_comes_late_is_told_to_whom_it_was_not_read(void **state)
{
    struct nodes *n = *state;
    struct device alice;
    struct device laptop;
    struct device bob;

    connect_at(n, 0, &alice, wallet(1));
    connect_at(n, 1, &bob, wallet(2));
    n->n_lost = 2;
    n->lost = BUS_RECEIPT;
    say(&alice, wallet(2), "delivered");
    ack_one(&bob, 0);
    assert_int_equal(n->n_lost, 0);
    connect_at(n, 0, &laptop, wallet(1));
    assert_int_equal(alice.n_receipts, 0);
    struct bus_event late = n->last_lost;
    assert_true(account_eq(&late.receipt.by, &bob.account));
    late.to = wallet(1);
    bus_publish(&n->buses[0]->bus, &late);
    settle(&n->w);
    assert_int_equal(alice.n_receipts, 1);
    assert_int_equal(laptop.n_receipts, 0);
    close_device(&alice);
    close_device(&laptop);
    close_device(&bob);
}

static void typing_goes_to_the_other_node_and_ends_without_its_stop(void **state)
{
    struct nodes *n = *state;
    const struct bus_event start = {
        .kind = BUS_TYPING,
        .to = wallet(2),
        .typing = {.conversation = 1, .from = wallet(1), .is_on = true},
    };
    struct bus_event stop = start;
    struct device bob;

    stop.typing.is_on = false;
    connect_at(n, 1, &bob, wallet(2));
    bus_publish(&n->buses[0]->bus, &start);
    n->n_lost = 1;
    n->lost = BUS_TYPING;
    bus_publish(&n->buses[0]->bus, &stop);
    settle(&n->w);
    assert_int_equal(bob.n_typings, 1);
    pass(&n->w, CHAT_TYPING_MS);
    assert_int_equal(bob.n_typings, 2);
    assert_false(bob.typings[1].is_on);
    close_device(&bob);
}

static void what_was_lost_is_found_out_after_a_gap(void **state)
{
    struct nodes *n = *state;
    struct device alice;
    struct device bob;
    struct device carol;

    connect_at(n, 0, &alice, wallet(1));
    connect_at(n, 1, &bob, wallet(2));
    assert_true(watch(&alice, wallet(2)).is_online);
    assert_false(watch(&alice, wallet(3)).is_online);
    n->n_lost = 2;
    n->lost = BUS_PRESENCE;
    connect_at(n, 1, &carol, wallet(3));
    close_device(&bob);
    pass(&n->w, LONG_MS);
    assert_int_equal(n->n_lost, 0);
    expect_presences(&alice, "");
    lossy_gap(&n->buses[0]->bus);
    pass(&n->w, SECOND_MS);
    assert_int_equal(alice.n_presences, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct chat_presence *p = &alice.presences[i];
        assert_int_equal(p->is_online, account_eq(&p->account, &carol.account));
    }
    close_device(&alice);
    close_device(&carol);
}

static void after_a_gap_not_all_are_asked_for_at_once(void **state)
{
    struct nodes *n = *state;
    struct watched_answer answer;
    account all[CHAT_WATCHES_MAX];
    struct device alice;

    for (unsigned i = 0; i < CHAT_WATCHES_MAX; i++)
        all[i] = numbered(i);
    connect_at(n, 0, &alice, wallet(1));
    assert_int_equal(start_watch(&alice, all, CHAT_WATCHES_MAX, &answer), 0);
    settle(&n->w);
    assert_int_equal(answer.times, 1);
    n->n_lost = 1000;
    n->lost = BUS_ASK;
    lossy_gap(&n->buses[0]->bus);
    lossy_gap(&n->buses[0]->bus);
    assert_int_equal(n->n_lost, 1000);
    unsigned left = 1000;
    for (int i = 0; i < 20; i++) {
        pass(&n->w, 50);
        assert_true(left - n->n_lost <= 64);
        left = n->n_lost;
    }
    assert_int_equal(1000 - n->n_lost, CHAT_WATCHES_MAX);
    close_device(&alice);
}

static void a_gap_with_an_end_in_the_middle(void **state)
{
    struct nodes *n = *state;
    struct device alice;

    connect_at(n, 0, &alice, wallet(1));
    watch(&alice, wallet(2));
    lossy_gap(&n->buses[0]->bus);
    close_device(&alice);
    pass(&n->w, SECOND_MS);
    assert_true(chat_is_idle(n->chats[0]));
    assert_int_equal(chat_counters(n->chats[0])->watches, 0);
}

// What counts on all nodes together.

static void the_rate_of_an_account_is_that_on_both_nodes(void **state)
{
    struct nodes *n = *state;
    struct device devices[2];
    struct answer answer;

    for (unsigned i = 0; i < 2; i++)
        connect_at(n, i, &devices[i], wallet(1));
    for (unsigned i = 0; i < 2; i++)
        say(&devices[i], wallet(2), "hi");
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(start_send(&devices[i], wallet(2), "3", NULL, &answer),
                         CHAT_RATE_LIMITED);
        assert_int_equal(chat_session_actor(devices[i].session)->retry_after_ms, 100);
    }
    pass(&n->w, 100);
    say(&devices[1], wallet(2), "3");
    for (unsigned i = 0; i < 2; i++)
        close_device(&devices[i]);
}

/** @param want  of each device: '+' its session is there, '-' it was one too many */
static void expect_there(const struct device *devices, const char *want)
{
    char got[16] = {0};

    for (size_t i = 0; want[i]; i++) {
        got[i] = devices[i].session ? '+' : '-';
        assert_int_equal(devices[i].n_ends, want[i] == '-');
        if (devices[i].n_ends > 0)
            assert_int_equal(devices[i].end, CHAT_END_TOO_MANY);
    }
    assert_string_equal(got, want);
}

static void close_all(struct device *devices, size_t n)
{
    for (size_t i = 0; i < n; i++)
        close_device(&devices[i]);
}

/** So many of an account, a second after each other, on the nodes in turn. */
static void connect_in_turn(struct nodes *n, struct device *devices, unsigned n_devices)
{
    for (unsigned i = 0; i < n_devices; i++) {
        connect_at(n, i % 2, &devices[i], wallet(1));
        pass(&n->w, 1000);
    }
}

static void of_all_nodes_the_session_silent_longest_ends(void **state)
{
    struct nodes *n = *state;
    struct device devices[4];

    connect_in_turn(n, devices, 2);
    say(&devices[0], wallet(2), "still here");
    n->w.chat = n->chats[0];
    open_device(&n->w, &devices[2], wallet(1), "");
    assert_int_equal(devices[1].n_ends, 0); // never inside the call
    settle(&n->w);
    expect_there(devices, "+-+");
    pass(&n->w, 1000);
    say(&devices[2], wallet(2), "and here");
    connect_at(n, 0, &devices[3], wallet(1));
    expect_there(devices, "--++");
    close_all(devices, 4);
}

static void newcomers_at_once_leave_as_many_as_may_be(void **state)
{
    struct nodes *n = *state;
    struct device devices[6];

    for (unsigned i = 0; i < 6; i++) {
        n->w.chat = n->chats[i % 2];
        open_device(&n->w, &devices[i], wallet(1), "");
    }
    settle(&n->w);
    expect_there(devices, "----++");
    close_all(devices, 6);
}

static void who_leaves_before_it_is_told_costs_no_other_its_session(void **state)
{
    struct nodes *n = *state;
    struct device devices[4];

    connect_in_turn(n, devices, 2);
    n->w.chat = n->chats[1];
    open_device(&n->w, &devices[2], wallet(1), "");
    chat_session_close(devices[0].session); // which must go: it has gone by itself
    devices[0].session = NULL;
    settle(&n->w);
    assert_int_equal(devices[0].n_ends, 0);
    expect_there(devices + 1, "++");
    chat_session_close(devices[2].session); // a newcomer that does not stay
    devices[2].session = NULL;
    connect_at(n, 1, &devices[3], wallet(1));
    expect_there(devices + 1, "+");
    expect_there(devices + 3, "+");
    close_all(devices, 4);
}

static void whom_it_is_not_told_of_goes_with_the_next(void **state)
{
    struct nodes *n = *state;
    struct device devices[4];

    connect_in_turn(n, devices, 2);
    n->n_lost = 1;
    n->lost = BUS_CROWDED;
    connect_at(n, 1, &devices[2], wallet(1));
    assert_int_equal(n->n_lost, 0);
    expect_there(devices, "+++"); // one more than may be
    close_device(&devices[2]);
    connect_at(n, 1, &devices[2], wallet(1)); // there is room for it
    expect_there(devices, "-++");
    close_all(devices, 3);
}

static void whom_it_is_not_told_of_goes_after_a_gap(void **state)
{
    struct nodes *n = *state;
    struct device devices[3];

    connect_in_turn(n, devices, 2);
    n->n_lost = 1;
    n->lost = BUS_CROWDED;
    connect_at(n, 1, &devices[2], wallet(1));
    expect_there(devices, "+++");
    lossy_gap(&n->buses[0]->bus);
    settle(&n->w);
    expect_there(devices, "-++");
    close_all(devices, 3);
}

/** What is published before the bus has confirmed an account may not come. */
static void whom_it_is_not_told_of_goes_when_it_can_be_told(void **state)
{
    struct nodes *n = *state;
    struct device devices[3];

    connect_at(n, 0, &devices[0], wallet(1));
    n->w.chat = n->chats[1];
    open_device(&n->w, &devices[1], wallet(1), "");
    n->w.timers.now_ms += 10;
    chat_session_ack(devices[0].session, 1);
    n->n_lost = 1;
    n->lost = BUS_CROWDED;
    n->w.chat = n->chats[0];
    open_device(&n->w, &devices[2], wallet(1), "");
    settle(&n->w);
    assert_int_equal(n->n_lost, 0);
    expect_there(devices, "+-+");
    close_all(devices, 3);
}

// By chance: whatever happens, in the end each was told how it is.

#define N_DEVICES  8
#define N_ACCOUNTS 4

struct chance {
    struct nodes *n;
    uint64_t seed;
    struct device devices[N_DEVICES]; // the i-th is of account i % N_ACCOUNTS
    bool watches[N_DEVICES][N_ACCOUNTS];
    bool told[N_DEVICES][N_ACCOUNTS]; // by the last answer or event
    size_t n_read[N_DEVICES];         // of its events
};

static unsigned pick(struct chance *c, unsigned n)
{
    c->seed = c->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((c->seed >> 33) % n);
}

static account nth(unsigned i)
{
    return wallet((uint8_t)(1 + i % N_ACCOUNTS));
}

static void read_events(struct chance *c, unsigned i)
{
    const struct device *d = &c->devices[i];

    for (; c->n_read[i] < d->n_presences; c->n_read[i]++) {
        const struct chat_presence *p = &d->presences[c->n_read[i]];
        const unsigned of = p->account.bytes[ACCOUNT_EVM_SIZE - 1] - 1U;
        assert_true(c->watches[i][of]);
        assert_true(c->told[i][of] != p->is_online); // nobody is told what it knows
        c->told[i][of] = p->is_online;
    }
}

static void come_or_go(struct chance *c, unsigned i)
{
    struct device *d = &c->devices[i];

    if (d->session) {
        d->is_stuffed = false;
        close_device(d);
        return;
    }
    connect_at(c->n, pick(c, 2), d, nth(i));
    memset(c->watches[i], 0, sizeof(c->watches[i]));
    memset(c->told[i], 0, sizeof(c->told[i]));
    c->n_read[i] = 0;
}

static void watch_or_not(struct chance *c, unsigned i, unsigned of)
{
    struct device *d = &c->devices[i];

    if (!d->session || of == i % N_ACCOUNTS)
        return;
    read_events(c, i);
    if (c->watches[i][of] && pick(c, 2) == 0) {
        unwatch(d, nth(of));
        c->watches[i][of] = c->told[i][of] = false;
        return;
    }
    struct watched_answer answer;
    const account a = nth(of);
    assert_int_equal(start_watch(d, &a, 1, &answer), 0);
    while (answer.times == 0) {
        pass(&c->n->w, 10);
        if (answer.times == 0)
            read_events(c, i); // of others, and of this one if it was watched before
    }
    c->told[i][of] = answer.p[0].is_online;
    c->watches[i][of] = true;
    // What came since the answer, in the same step, is read next.
}

static void relate_anew(struct chance *c)
{
    const unsigned a = pick(c, N_ACCOUNTS);
    const unsigned b = pick(c, N_ACCOUNTS);

    if (a != b)
        relate(&c->n->w, nth(a), nth(b), pick(c, 3) > 0);
}

static void step(struct chance *c)
{
    const unsigned i = pick(c, N_DEVICES);

    switch (pick(c, 8)) {
    case 0:
    case 1: come_or_go(c, i); break;
    case 2:
    case 3: watch_or_not(c, i, pick(c, N_ACCOUNTS)); break;
    case 4: relate_anew(c); break;
    case 5: c->devices[i].is_stuffed = c->devices[i].session && pick(c, 2) == 0; break;
    case 6: lossy_gap(&c->n->buses[pick(c, 2)]->bus); break;
    default: pass(&c->n->w, pick(c, CHAT_OFFLINE_MS)); break;
    }
    for (unsigned k = 0; k < N_DEVICES; k++)
        read_events(c, k);
}

static bool is_connected(const struct chance *c, unsigned of)
{
    for (unsigned i = of; i < N_DEVICES; i += N_ACCOUNTS) {
        if (c->devices[i].session)
            return true;
    }
    return false;
}

static void expect_all_told(struct chance *c)
{
    for (unsigned i = 0; i < N_DEVICES; i++) {
        for (unsigned of = 0; of < N_ACCOUNTS; of++) {
            const account a = nth(i);
            const account b = nth(of);
            const struct fake_pair *p = fake_find(c->n->w.relations, &a, &b);
            if (c->devices[i].session && c->watches[i][of])
                assert_int_equal(c->told[i][of], p && p->is_mutual && is_connected(c, of));
        }
    }
}

static void run_chance(struct nodes *n, uint64_t seed)
{
    struct chance *c = NEW(struct chance);

    c->n = n;
    c->seed = seed;
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 40; i++)
            step(c);
        for (unsigned i = 0; i < N_DEVICES; i++)
            c->devices[i].is_stuffed = false;
        pass(&n->w, CHAT_OFFLINE_MS + CHAT_ASKED_MS + 2 * SECOND_MS);
        for (unsigned i = 0; i < N_DEVICES; i++)
            read_events(c, i);
        expect_all_told(c);
    }
    for (unsigned i = 0; i < N_DEVICES; i++) {
        if (c->devices[i].session)
            close_device(&c->devices[i]);
    }
    free(c);
}

static void in_the_end_each_was_told_how_it_is(void **state)
{
    const char *given = getenv("SEED"); // NOLINT(concurrency-mt-unsafe): one thread
    const uint64_t first = given ? strtoull(given, NULL, 0) : 1;

    (void)state;
    for (uint64_t seed = first; seed < first + (given ? 1 : 20); seed++) {
        void *n = NULL;
        print_message("# SEED=%llu\n", (unsigned long long)seed);
        setup(&n);
        run_chance(n, seed);
        teardown(&n);
    }
}

int main(void)
{
#define NODES(test)   cmocka_unit_test_setup_teardown(test, setup, teardown)
#define LIMITED(test) cmocka_unit_test_setup_teardown(test, setup_limited, teardown)
    const struct CMUnitTest tests[] = {
        NODES(another_node_is_asked_and_tells),
        NODES(what_changes_while_nodes_are_asked_is_in_the_answer),
        NODES(one_who_leaves_while_nodes_are_asked_is_answered),
        NODES(those_who_are_here_are_not_waited_for),
        NODES(one_is_online_as_long_as_some_node_has_it),
        NODES(a_block_is_told_on_the_other_node),
        cmocka_unit_test_setup_teardown(
            what_comes_late_from_one_who_is_blocked_meanwhile_is_not_shown, setup_strangers,
            teardown),
        NODES(a_receipt_that_comes_late_is_told_to_whom_it_was_not_read),
        NODES(typing_goes_to_the_other_node_and_ends_without_its_stop),
        NODES(what_was_lost_is_found_out_after_a_gap),
        NODES(after_a_gap_not_all_are_asked_for_at_once),
        NODES(a_gap_with_an_end_in_the_middle),
        LIMITED(the_rate_of_an_account_is_that_on_both_nodes),
        LIMITED(of_all_nodes_the_session_silent_longest_ends),
        LIMITED(newcomers_at_once_leave_as_many_as_may_be),
        LIMITED(who_leaves_before_it_is_told_costs_no_other_its_session),
        LIMITED(whom_it_is_not_told_of_goes_with_the_next),
        LIMITED(whom_it_is_not_told_of_goes_after_a_gap),
        LIMITED(whom_it_is_not_told_of_goes_when_it_can_be_told),
        cmocka_unit_test(in_the_end_each_was_told_how_it_is),
    };
    return cmocka_run_group_tests_name("chat/nodes", tests, NULL, NULL);
}
