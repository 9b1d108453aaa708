#include <malloc.h>
#include <stdio.h>

#include "base/mem.h"
#include "bench/ledger.h"
#include "bench/pairing.h"
#include "bench/prng.h"
#include "support/t.h"

#define FROM 7
#define TO   9

/** A ledger with one flow, of which the steps of a table tell. */
struct world {
    struct ledger *ledger;
    struct flow *flow;
};

static int setup(void **state)
{
    struct world *w = NEW(struct world);

    w->ledger = ledger_new();
    w->flow = ledger_flow(w->ledger, FROM, TO);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    ledger_free(w->ledger);
    free(w);
    return 0;
}

/** A message comes, and is planned at n * 10 unless it has come before. */
static bool arrive(struct world *w, uint32_t n, int64_t seq, uint32_t socket)
{
    const struct arrival a = {.from = FROM, .to = TO, .n = n, .socket = socket, .seq = seq};
    int64_t planned_us = -1;

    const bool is_first = ledger_arrived(w->ledger, &a, &planned_us);
    assert_int_equal(planned_us, is_first ? (int64_t)n * 10 : -1);
    return is_first;
}

static void send(struct world *w, uint32_t n)
{
    assert_int_equal(ledger_sent(w->ledger, w->flow, (int64_t)n * 10), n);
}

static void expect_counts(const char *what, const struct ledger *l,
                          const struct ledger_counts *want)
{
    const struct ledger_counts *got = ledger_counts(l);

    expect_int(what, got->lost, want->lost);
    expect_int(what, got->duplicated, want->duplicated);
    expect_int(what, got->reordered, want->reordered);
    expect_int(what, got->invented, want->invented);
    expect_int(what, got->redelivered, want->redelivered);
    expect_int(what, got->awaited, want->awaited);
}

/** One step of a story. */
struct step {
    char what; // 's' sent, 'a' acked, 'r' refused, 'c' came, '.' the end
    uint32_t n;
    int64_t seq;
    uint32_t socket;
};

#define S(n)                                                                                   \
    {                                                                                          \
        's', n, 0, 0                                                                           \
    }
#define A(n, seq)                                                                              \
    {                                                                                          \
        'a', n, seq, 0                                                                         \
    }
#define R(n)                                                                                   \
    {                                                                                          \
        'r', n, 0, 0                                                                           \
    }
#define C(n, seq, socket)                                                                      \
    {                                                                                          \
        'c', n, seq, socket                                                                    \
    }
#define STEPS_MAX 16

static void take_step(struct world *w, const struct step *step)
{
    switch (step->what) {
    case 's': send(w, step->n); break;
    case 'a': ledger_acked(w->ledger, w->flow, step->n, step->seq); break;
    case 'r': ledger_refused(w->ledger, w->flow, step->n); break;
    default: arrive(w, step->n, step->seq, step->socket); break;
    }
}

struct story {
    const char *name;
    struct step steps[STEPS_MAX];
    struct ledger_counts want; // before anything counts as lost
};

// clang-format off
static const struct story stories[] = {
    {"nothing",                      {{0}}, {0}},
    {"sent alone",                   {S(0)}, {0}},
    {"acked, then came",             {S(0), A(0, 1), C(0, 1, 0)}, {0}},
    {"came, then acked",             {S(0), C(0, 1, 0), A(0, 1)}, {0}},
    {"came, and no answer",          {S(0), C(0, 1, 0)}, {0}},
    {"in order",                     {S(0), S(1), S(2), A(0, 1), A(1, 2), C(0, 1, 0), C(1, 2, 0), A(2, 3), C(2, 3, 0)}, {0}},
    {"answers out of order",         {S(0), S(1), A(1, 2), A(0, 1), C(0, 1, 0), C(1, 2, 0)}, {0}},
    {"seqs of the other between",    {S(0), S(1), A(0, 3), A(1, 90), C(0, 3, 0), C(1, 90, 0)}, {0}},
    {"refused",                      {S(0), R(0)}, {0}},
    {"refused between",              {S(0), S(1), S(2), A(0, 1), R(1), A(2, 2), C(0, 1, 0), C(2, 2, 0)}, {0}},
    {"the first on a later socket",  {S(0), A(0, 1), C(0, 1, 5)}, {0}},

    {"awaited",                      {S(0), A(0, 1)}, {.awaited = 1}},
    {"awaited, a later one came",    {S(0), S(1), A(0, 1), A(1, 2), C(1, 2, 0)}, {.awaited = 1}},
    {"all awaited",                  {S(0), S(1), S(2), A(2, 3), A(0, 1), A(1, 2)}, {.awaited = 3}},

    {"twice before the ack",         {S(0), C(0, 1, 0), C(0, 1, 0), A(0, 1)}, {.duplicated = 1}},
    {"twice, the ack between",       {S(0), C(0, 1, 0), A(0, 1), C(0, 1, 0)}, {.duplicated = 1}},
    {"twice behind the ack",         {S(0), A(0, 1), C(0, 1, 0), C(0, 1, 0)}, {.duplicated = 1}},
    {"twice, an older one is open",  {S(0), S(1), A(1, 2), C(1, 2, 0), C(1, 2, 0)}, {.duplicated = 1}},
    {"twice, forgotten long ago",    {S(0), A(0, 1), C(0, 1, 0), S(1), A(1, 2), C(1, 2, 0), C(0, 1, 0)}, {.duplicated = 1}},
    {"three times",                  {S(0), A(0, 1), C(0, 1, 0), C(0, 1, 0), C(0, 1, 0)}, {.duplicated = 2}},
    {"twice on a new socket",        {S(0), A(0, 1), C(0, 1, 0), C(0, 1, 1), C(0, 1, 1)}, {.redelivered = 1, .duplicated = 1}},

    {"by number and by seq",         {S(0), S(1), A(0, 1), A(1, 2), C(1, 2, 0), C(0, 1, 0)}, {.reordered = 1}},
    {"by number alone",              {S(0), S(1), A(0, 2), A(1, 1), C(1, 1, 0), C(0, 2, 0)}, {.reordered = 1}},
    {"by seq alone",                 {S(0), S(1), A(0, 2), A(1, 1), C(0, 2, 0), C(1, 1, 0)}, {.reordered = 1}},
    {"two at one place",             {S(0), S(1), A(0, 1), A(1, 1), C(0, 1, 0), C(1, 1, 0)}, {.reordered = 1}},
    {"out of order on a new socket", {S(0), S(1), S(2), A(0, 1), A(1, 2), A(2, 3), C(0, 1, 0), C(2, 3, 1), C(1, 2, 1)}, {.reordered = 1}},

    {"never sent",                   {C(0, 1, 0)}, {.invented = 1}},
    {"beyond what was sent",         {S(0), A(0, 1), C(0, 1, 0), C(1, 2, 0)}, {.invented = 1}},
    {"the largest number",           {S(0), C(UINT32_MAX, 1, 0)}, {.invented = 1}},
    {"refused, then came",           {S(0), S(1), R(1), C(1, 1, 0)}, {.invented = 1}},
    {"refused, forgotten, came",     {S(0), R(0), C(0, 1, 0)}, {.invented = 1}},
    {"refused, came behind others",  {S(0), S(1), R(0), A(1, 1), C(1, 1, 0), C(0, 2, 0)}, {.invented = 1}},
    {"refused, on a new socket",     {S(0), S(1), R(0), A(1, 1), C(1, 1, 0), C(0, 2, 1)}, {.invented = 1}},
    {"came, then refused",           {S(0), C(0, 1, 0), R(0)}, {.invented = 1}},
    {"many refused, one came",       {S(0), S(1), S(2), S(3), S(4), S(5), R(5), R(0), R(3), R(1), R(4), R(2), C(3, 1, 0)}, {.invented = 1}},
    {"acked as another seq",         {S(0), C(0, 1, 0), A(0, 2)}, {.invented = 1}},
    {"came as another seq",          {S(0), A(0, 1), C(0, 2, 0)}, {.invented = 1}},
    {"came again as another seq",    {S(0), C(0, 1, 0), C(0, 2, 1), A(0, 1)}, {.invented = 1}},

    {"again on a new socket",        {S(0), A(0, 1), C(0, 1, 0), C(0, 1, 1)}, {.redelivered = 1}},
    {"again, before the ack",        {S(0), C(0, 1, 0), C(0, 1, 1), A(0, 1)}, {.redelivered = 1}},
    {"again on each socket",         {S(0), A(0, 1), C(0, 1, 0), C(0, 1, 1), C(0, 1, 2)}, {.redelivered = 2}},
    {"all again",                    {S(0), S(1), A(0, 1), A(1, 2), C(0, 1, 0), C(1, 2, 0), C(0, 1, 1), C(1, 2, 1)}, {.redelivered = 2}},
    {"a gap filled on a new socket", {S(0), S(1), A(0, 1), A(1, 2), C(1, 2, 0), C(0, 1, 1), C(1, 2, 1)}, {.redelivered = 1}},
    {"again, then a new one",        {S(0), S(1), A(0, 1), A(1, 2), C(0, 1, 0), C(0, 1, 1), C(1, 2, 1)}, {.redelivered = 1}},
    {"a new one, nothing again",     {S(0), S(1), A(0, 1), A(1, 2), C(0, 1, 0), C(1, 2, 1)}, {0}},
};
// clang-format on

static void counts_what_each_story_tells(void **state)
{
    (void)state;
    for (const struct story *story = stories; story < stories + COUNT_OF(stories); story++) {
        void *own = NULL;
        setup(&own);
        struct world *w = own;
        struct ledger_counts want = story->want;

        for (size_t i = 0; i < STEPS_MAX && story->steps[i].what; i++)
            take_step(w, &story->steps[i]);
        expect_counts(story->name, w->ledger, &want);

        ledger_count_lost(w->ledger);
        want.lost = want.awaited;
        want.awaited = 0;
        expect_counts(story->name, w->ledger, &want);
        teardown(&own);
    }
}

static void what_no_flow_has_sent_is_invented(void **state)
{
    struct world *w = *state;
    const struct arrival flows[] = {
        {.from = FROM, .to = TO + 1, .seq = 1},
        {.from = FROM + 1, .to = TO, .seq = 1},
        {.from = TO, .to = FROM, .seq = 1},
    };
    int64_t planned_us = -1;

    send(w, 0);
    for (size_t i = 0; i < COUNT_OF(flows); i++)
        assert_false(ledger_arrived(w->ledger, &flows[i], &planned_us));
    ledger_arrived_unsent(w->ledger);
    assert_int_equal(planned_us, -1);
    expect_counts("invented", w->ledger, &(struct ledger_counts){.invented = 4});
}

static void the_planned_moment_is_handed_back_once(void **state)
{
    struct world *w = *state;

    for (uint32_t n = 0; n < 3; n++)
        send(w, n);
    assert_true(arrive(w, 0, 1, 0));
    assert_false(arrive(w, 0, 1, 0));
    assert_false(arrive(w, 0, 1, 1));
    ledger_acked(w->ledger, w->flow, 0, 1);
    assert_false(arrive(w, 0, 1, 1));
    assert_true(arrive(w, 2, 3, 1));
    ledger_refused(w->ledger, w->flow, 1);
    assert_false(arrive(w, 1, 2, 1));
    assert_false(arrive(w, 3, 4, 1));
}

static void a_flow_knows_its_end_and_is_made_once(void **state)
{
    struct world *w = *state;

    assert_ptr_equal(ledger_flow(w->ledger, FROM, TO), w->flow);
    assert_ptr_not_equal(ledger_flow(w->ledger, TO, FROM), w->flow);
    assert_int_equal(flow_to(w->flow), TO);
}

/** Larger than any ring at first, and not where a ring begins. */
static void many_may_be_under_way(void **state)
{
    static const uint32_t window = 5000;
    static const uint32_t before = 3;
    struct world *w = *state;

    for (uint32_t n = 0; n < before; n++) {
        send(w, n);
        ledger_acked(w->ledger, w->flow, n, n + 1);
        assert_true(arrive(w, n, n + 1, 0));
    }
    for (uint32_t n = before; n < before + window; n++)
        send(w, n);
    for (uint32_t n = before + window; n-- > before;)
        ledger_acked(w->ledger, w->flow, n, n + 1);
    expect_counts("acked", w->ledger, &(struct ledger_counts){.awaited = window});
    for (uint32_t n = before; n < before + window; n++)
        assert_true(arrive(w, n, n + 1, 0));
    expect_counts("came", w->ledger, &(struct ledger_counts){0});
    assert_false(arrive(w, before + window / 2, before + window / 2 + 1, 0));
    expect_counts("twice", w->ledger, &(struct ledger_counts){.duplicated = 1});
}

static void many_flows_do_not_mix(void **state)
{
    static const uint32_t n_wallets = 60;
    struct world *w = *state;

    for (uint32_t i = 0; i < n_wallets * n_wallets; i++) {
        struct flow *f = ledger_flow(w->ledger, 100 + i / n_wallets, 100 + i % n_wallets);
        assert_int_equal(ledger_sent(w->ledger, f, i), 0);
        ledger_acked(w->ledger, f, 0, 1);
    }
    expect_counts("acked", w->ledger,
                  &(struct ledger_counts){.awaited = (uint64_t)n_wallets * n_wallets});
    for (uint32_t i = 0; i < n_wallets * n_wallets; i++) {
        const struct arrival a = {
            .from = 100 + i / n_wallets, .to = 100 + i % n_wallets, .seq = 1};
        int64_t planned_us = -1;
        assert_true(ledger_arrived(w->ledger, &a, &planned_us));
        assert_int_equal(planned_us, i);
    }
    expect_counts("came", w->ledger, &(struct ledger_counts){0});
}

#define GROWN_WALLETS       450U
#define GROWN_CONVERSATIONS 100000U
#define GROWN_MESSAGES      1000000U
#define GROWN_BYTES_MAX     160.0 // a conversation: two flows, and their part of the table

/** One of them in this many messages is lost, comes twice, or is changed. */
#define GROWN_FAULTS 1000U

static void grown_message(struct world *w, struct prng *prng, struct ledger_counts *want)
{
    const uint32_t from = prng_below(prng, GROWN_WALLETS);
    const uint32_t to = pairing_draw(prng, GROWN_WALLETS, GROWN_CONVERSATIONS, from);
    const uint32_t fault = prng_below(prng, GROWN_FAULTS);
    struct flow *f = ledger_flow(w->ledger, from, to);
    int64_t planned_us = -1;

    const uint32_t n = ledger_sent(w->ledger, f, 1);
    const struct arrival a = {.from = from, .to = to, .n = n, .seq = n + 1};
    ledger_acked(w->ledger, f, n, fault == 2 ? a.seq + 1 : a.seq);
    want->awaited += fault == 0;
    want->invented += fault == 2;
    if (fault != 0)
        assert_true(ledger_arrived(w->ledger, &a, &planned_us));
    want->duplicated += fault == 1;
    if (fault == 1)
        assert_false(ledger_arrived(w->ledger, &a, &planned_us));
}

/** Glibc's own count; under a sanitizer it has none. */
static double bytes_in_use(void)
{
    const struct mallinfo2 all = mallinfo2();

    return (double)all.uordblks + (double)all.hblkhd;
}

static void many_conversations_are_checked_in_little_memory(void **state)
{
    struct world *w = *state;
    struct prng prng = {1};
    struct ledger_counts want = {0};
    const double before = bytes_in_use();

    for (uint32_t i = 0; i < GROWN_MESSAGES; i++)
        grown_message(w, &prng, &want);
    expect_counts("grown", w->ledger, &want);
    assert_true(want.awaited > 0 && want.duplicated > 0 && want.invented > 0);
    const double each = (bytes_in_use() - before) / GROWN_CONVERSATIONS;
    if (each > GROWN_BYTES_MAX)
        fail_msg("%.1f bytes a conversation", each);
}

// A server by chance.

#define WALLETS 4
#define LANES   16UL // from each to each, itself too
#define SENDS   400
#define WINDOW  12
#define ROUNDS  200 // after the last send there is nothing left to do long before this

enum fault {
    NO_FAULT,
    LOSES,
    DUPLICATES,
    SWAPS,
    RESURRECTS, // delivers what it has refused
    RENUMBERS,  // says one seq, and delivers another
    N_FAULTS,
};

struct stored {
    uint32_t n;
    int64_t seq;
    bool is_answered;
};

/** What one wallet sends another: what the server has stored of it, and how far it is. */
struct lane {
    struct flow *flow;
    uint32_t from;
    int64_t *seq; // of the conversation, which both directions count
    uint32_t n_sent;
    uint32_t n_handled; // stored or refused
    size_t n_stored;
    size_t n_delivered; // on this socket
    size_t n_ever;      // on any
    size_t n_receipted; // by the recipient; a new socket begins here
    struct stored stored[SENDS];
};

struct server {
    struct ledger *ledger;
    struct prng prng;
    enum fault fault;
    bool is_done; // the fault, once
    uint32_t sockets[WALLETS];
    int64_t seqs[LANES];
    struct lane lanes[LANES];
};

static void server_begin(struct server *s, uint64_t seed, enum fault fault)
{
    *s = (struct server){.ledger = ledger_new(), .prng = {seed}, .fault = fault};
    for (uint32_t i = 0; i < LANES; i++) {
        const uint32_t from = i / WALLETS;
        const uint32_t to = i % WALLETS;
        const uint32_t low = from < to ? from : to;
        const uint32_t high = from < to ? to : from;
        s->lanes[i].flow = ledger_flow(s->ledger, from, to);
        s->lanes[i].from = from;
        s->lanes[i].seq = &s->seqs[low * WALLETS + high];
    }
}

static bool is_turn(struct server *s, uint32_t of)
{
    return prng_below(&s->prng, of) == 0;
}

/** Once, somewhere in the middle. */
static bool is_time_for(struct server *s, enum fault fault, const struct lane *lane)
{
    if (s->fault != fault || s->is_done || lane->n_stored < SENDS / 4)
        return false;
    s->is_done = true;
    return true;
}

static void deliver(struct server *s, struct lane *lane, uint32_t n, int64_t seq)
{
    const uint32_t to = flow_to(lane->flow);
    const struct arrival a = {
        .from = lane->from, .to = to, .n = n, .socket = s->sockets[to], .seq = seq};
    int64_t planned_us;

    (void)ledger_arrived(s->ledger, &a, &planned_us);
}

static void deliver_next(struct server *s, struct lane *lane)
{
    const struct stored *next = &lane->stored[lane->n_delivered];
    const bool is_first = lane->n_delivered == lane->n_ever;
    const bool has_two = lane->n_delivered + 1 < lane->n_stored;

    if (is_first && is_time_for(s, LOSES, lane)) {
        lane->n_receipted = lane->n_ever = ++lane->n_delivered; // for good
        return;
    }
    if (is_first && has_two && is_time_for(s, SWAPS, lane)) {
        deliver(s, lane, next[1].n, next[1].seq);
        deliver(s, lane, next[0].n, next[0].seq);
        lane->n_ever = lane->n_delivered += 2;
        return;
    }
    deliver(s, lane, next->n, next->seq);
    if (is_time_for(s, DUPLICATES, lane))
        deliver(s, lane, next->n, next->seq);
    lane->n_delivered++;
    if (lane->n_ever < lane->n_delivered)
        lane->n_ever = lane->n_delivered;
}

static void deliver_all(struct server *s, struct lane *lane)
{
    while (lane->n_delivered < lane->n_stored)
        deliver_next(s, lane);
}

/** Store the next one, or refuse it. */
static void handle(struct server *s, struct lane *lane)
{
    const uint32_t n = lane->n_handled++;

    if (is_turn(s, 20)) {
        ledger_refused(s->ledger, lane->flow, n);
        if (is_time_for(s, RESURRECTS, lane)) {
            deliver_all(s, lane); // what comes behind it would be out of order
            deliver(s, lane, n, ++*lane->seq);
        }
        return;
    }
    lane->stored[lane->n_stored++] = (struct stored){.n = n, .seq = ++*lane->seq};
}

/** In any order, as answers of different turns may be. */
static void answer_some(struct server *s, struct lane *lane, bool all)
{
    for (size_t i = 0; i < lane->n_stored; i++) {
        struct stored *it = &lane->stored[i];
        if (it->is_answered || (!all && is_turn(s, 2)))
            continue;
        it->is_answered = true;
        const bool is_wrong = is_time_for(s, RENUMBERS, lane);
        ledger_acked(s->ledger, lane->flow, it->n, it->seq + is_wrong);
    }
}

static void reconnect(struct server *s, uint32_t to)
{
    s->sockets[to]++;
    for (uint32_t from = 0; from < WALLETS; from++) {
        struct lane *lane = &s->lanes[from * WALLETS + to];
        lane->n_delivered = lane->n_receipted;
    }
}

static void turn(struct server *s, struct lane *lane)
{
    for (unsigned i = 0; i < WINDOW && lane->n_sent < SENDS; i++)
        lane->n_sent = ledger_sent(s->ledger, lane->flow, 0) + 1;
    while (lane->n_handled < lane->n_sent && !is_turn(s, WINDOW))
        handle(s, lane);
    while (lane->n_delivered < lane->n_stored && !is_turn(s, WINDOW))
        deliver_next(s, lane);
    answer_some(s, lane, false);
    if (is_turn(s, 2)) {
        lane->n_receipted +=
            prng_below(&s->prng, (uint32_t)(lane->n_delivered - lane->n_receipted) + 1);
    }
}

/** @return owned; free() */
static struct server *play(uint64_t seed, enum fault fault)
{
    struct server *s = NEW(struct server);

    server_begin(s, seed, fault);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < LANES; i++)
            turn(s, &s->lanes[i]);
        if (is_turn(s, 5))
            reconnect(s, prng_below(&s->prng, WALLETS));
    }
    for (size_t i = 0; i < LANES; i++) {
        struct lane *lane = &s->lanes[i];
        while (lane->n_handled < lane->n_sent)
            handle(s, lane);
        deliver_all(s, lane);
        answer_some(s, lane, true);
        assert_int_equal(lane->n_handled, SENDS);
    }
    ledger_count_lost(s->ledger);
    return s;
}

static void server_end(struct server *s)
{
    ledger_free(s->ledger);
    free(s);
}

#define SEEDS 24

static void a_server_that_keeps_the_contract_passes(void **state)
{
    uint64_t redelivered = 0;

    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct server *s = play(seed, NO_FAULT);
        char name[32];
        struct ledger_counts want = {.redelivered = ledger_counts(s->ledger)->redelivered};

        (void)snprintf(name, sizeof(name), "seed %llu", (unsigned long long)seed);
        expect_counts(name, s->ledger, &want);
        redelivered += want.redelivered;
        server_end(s);
    }
    assert_true(redelivered > SEEDS);
}

/** Exactly that counter rises; a wrong seq counts again with each redelivery. */
static void each_fault_is_seen_for_what_it_is(void **state)
{
    static const struct ledger_counts wants[N_FAULTS] = {
        [LOSES] = {.lost = 1},         [DUPLICATES] = {.duplicated = 1},
        [SWAPS] = {.reordered = 1},    [RESURRECTS] = {.invented = 1},
        [RENUMBERS] = {.invented = 1},
    };

    (void)state;
    for (enum fault fault = LOSES; fault < N_FAULTS; fault++) {
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            struct server *s = play(seed, fault);
            char name[48];
            struct ledger_counts want = wants[fault];

            (void)snprintf(name, sizeof(name), "fault %d, seed %llu", (int)fault,
                           (unsigned long long)seed);
            expect_int(name, s->is_done, true);
            want.redelivered = ledger_counts(s->ledger)->redelivered;
            if (fault == RENUMBERS && ledger_counts(s->ledger)->invented > 1)
                want.invented = ledger_counts(s->ledger)->invented;
            expect_counts(name, s->ledger, &want);
            server_end(s);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_what_each_story_tells),
        TEST(what_no_flow_has_sent_is_invented),
        TEST(the_planned_moment_is_handed_back_once),
        TEST(a_flow_knows_its_end_and_is_made_once),
        TEST(many_may_be_under_way),
        TEST(many_flows_do_not_mix),
        TEST(many_conversations_are_checked_in_little_memory),
        cmocka_unit_test(a_server_that_keeps_the_contract_passes),
        cmocka_unit_test(each_fault_is_seen_for_what_it_is),
    };
    return cmocka_run_group_tests_name("bench/ledger", tests, NULL, NULL);
}
