/** Chats on loops of their own, each on a thread, that share the numbers of their accounts. */
#include <stdatomic.h>

#include "bus/hub.h"
#include "chat/limits.h"
#include "crypto/random.h"
#include "store/mem.h"
#include "support/crowd.h"
#include "support/limits.h"

#define ACCOUNTS  3
#define MAX       2   // sessions of an account
#define STEPS     400 // of each loop
#define SESSIONS  64  // of a loop at once, at most
#define TICK_MS   1
#define PATIENCE  20000 // ticks until all must be as it should
#define OPENS_AT  (STEPS / 2)
#define LAST_ONES (STEPS - OPENS_AT)

static_assert(LAST_ONES >= ACCOUNTS * MAX, "at the end each has as many as it may");

/** Of all loops. */
struct all {
    atomic_int n_open[ACCOUNTS];
    atomic_uint n_done; // loops that have opened all
    struct chat_limits *limits;
    struct bus_hub *hub;
};

struct session {
    struct node *node;
    struct chat_session *session; // NULL: there is none
    unsigned of;
};

struct node {
    struct all *all;
    struct loop *loop;
    struct store *store;
    struct bus *bus;
    struct chat *chat;
    struct timer tick;
    uint64_t seed;
    unsigned n_ticks;
    unsigned n_ended;   // for others
    bool is_impatient;  // it was not to be, for long
    bool has_wrong_end; // one that is not for others
    struct session sessions[SESSIONS];
};

static account wallet(unsigned n)
{
    return (account){.len = 3, .bytes = {1, 2, (uint8_t)n}};
}

static unsigned pick(struct node *n, unsigned of)
{
    n->seed = n->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((n->seed >> 33) % of);
}

static void on_ready(void *arg, bool is_recovered, uint64_t unread)
{
    (void)arg;
    (void)is_recovered;
    (void)unread;
}

static void on_synced(void *arg, str cursor)
{
    (void)arg;
    (void)cursor;
}

static void on_over(struct session *s)
{
    s->session = NULL;
    atomic_fetch_sub(&s->node->all->n_open[s->of], 1);
}

static void on_end(void *arg, enum chat_end why)
{
    struct session *s = arg;

    s->node->n_ended++;
    s->node->has_wrong_end |= why != CHAT_END_TOO_MANY;
    on_over(s);
}

static void open_session(struct node *n, struct session *s, unsigned of)
{
    static const struct chat_session_events events = {
        .on_ready = on_ready, .on_synced = on_synced, .on_end = on_end};
    const account a = wallet(of);

    s->node = n;
    s->of = of;
    atomic_fetch_add(&n->all->n_open[of], 1);
    s->session = chat_session_open(n->chat, &a, (str){0}, NULL, &events, s);
}

static void close_session(struct session *s)
{
    chat_session_close(s->session);
    on_over(s);
}

/** Then only open, so that in the end each account has all that it may have. */
static void step(struct node *n)
{
    struct session *s = &n->sessions[pick(n, SESSIONS)];

    if (s->session && n->n_ticks < OPENS_AT) {
        close_session(s);
        return;
    }
    while (s->session)
        s = &n->sessions[pick(n, SESSIONS)];
    open_session(n, s, n->n_ticks % ACCOUNTS);
}

static bool is_as_it_should(const struct all *all)
{
    for (size_t i = 0; i < ACCOUNTS; i++) {
        if (atomic_load(&all->n_open[i]) > MAX)
            return false;
    }
    return atomic_load(&all->n_done) == CROWD_THREADS;
}

static void on_tick(struct timer *t)
{
    struct node *n = container_of(t, struct node, tick);

    if (n->n_ticks < STEPS)
        step(n);
    if (++n->n_ticks == STEPS)
        atomic_fetch_add(&n->all->n_done, 1);
    n->is_impatient = n->n_ticks == PATIENCE;
    if (n->is_impatient || is_as_it_should(n->all)) {
        loop_stop(n->loop);
    } else {
        timer_set(&n->loop->timers, t, n->loop->timers.now_ms + TICK_MS);
    }
}

static void *run_node(void *arg)
{
    struct node *n = arg;

    loop_run(n->loop);
    return NULL;
}

static void node_init(struct node *n, struct all *all, const struct chat_config *config,
                      uint64_t seed)
{
    const struct store_limits limits = limits_of(1, 1);

    *n = (struct node){.all = all, .seed = seed};
    assert_int_equal(loop_new(&n->loop), 0);
    assert_int_equal(bus_hub_join(&n->bus, all->hub, n->loop, crypto_random()), 0);
    n->store = store_mem_new(&n->loop->later, crypto_random(), &limits);
    n->chat = chat_new(&(struct chat_ports){.store = n->store,
                                            .bus = n->bus,
                                            .timers = &n->loop->timers,
                                            .later = &n->loop->later,
                                            .clock = &n->loop->clock,
                                            .rand = crypto_random()},
                       config);
    timer_init(&n->tick, on_tick);
    timer_set(&n->loop->timers, &n->tick, n->loop->timers.now_ms);
}

static void node_fini(struct node *n)
{
    for (size_t i = 0; i < SESSIONS; i++) {
        if (n->sessions[i].session)
            close_session(&n->sessions[i]);
    }
    chat_shut_down(n->chat);
    while (!chat_is_idle(n->chat) || n->loop->later.head)
        loop_run_once(n->loop);
    chat_free(n->chat);
    bus_free(n->bus);
    while (n->loop->later.head)
        loop_run_once(n->loop);
    store_free(n->store);
    loop_free(n->loop);
}

/** Nobody has too many, and none has ended in vain. */
static void whoever_comes_where_all_keep_as_many_as_may_be(void **state)
{
    struct all all = {0};
    struct node nodes[CROWD_THREADS];
    struct chat_config config = {
        .rate_limits = true, .sends = {1, 1, 1}, .requests = {1, 1, 1}, .sessions = MAX};

    (void)state;
    all.hub = bus_hub_new(crypto_random(), NULL);
    all.limits = config.limits = chat_limits_new(&config, crypto_random());
    for (size_t i = 0; i < CROWD_THREADS; i++)
        node_init(&nodes[i], &all, &config, i + 1);
    crowd(run_node, nodes, sizeof(nodes[0]));
    for (size_t i = 0; i < ACCOUNTS; i++)
        assert_int_equal(all.n_open[i], MAX);
    for (size_t i = 0; i < CROWD_THREADS; i++) {
        assert_false(nodes[i].is_impatient);
        assert_false(nodes[i].has_wrong_end);
        assert_true(nodes[i].n_ended > 0);
    }
    for (size_t i = 0; i < CROWD_THREADS; i++)
        node_fini(&nodes[i]);
    chat_limits_free(all.limits);
    bus_hub_free(all.hub);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoever_comes_where_all_keep_as_many_as_may_be),
    };
    return cmocka_run_group_tests_name("chat_loops", tests, NULL, NULL);
}
