#include <stdio.h>

#include "base/mem.h"
#include "bus/hub.h"
#include "bus/local.h"
#include "bus/nats.h"
#include "support/lossy_bus.h"
#include "support/nats_world.h"
#include "support/t.h"

/** What every bus owes the chat (chat/bus.h). Each test gets a new one. */
struct world {
    struct job_queue later; // where there is no loop
    struct loop *loop;
    struct rand rand;
    struct bus *bus;
    struct bus *publisher; // of what is not by the bus itself; the same, or another one
    struct bus_hub *hub;
    struct nats_node_world nats[2]; // the publisher's own is the second
    struct bus *observer;           // of settle(), where there is NATS
    uint64_t n_settled;
    char has_settled; // 's' once the observer is subscribed, 'm' once it was published to
    bool is_inside;   // a call of the bus is under way: nothing may come
    bool hears_all;   // what the publisher hears is noted as well
    char said[512];
};

static void no_chance(struct rand *r, void *out, size_t n)
{
    (void)r;
    memset(out, 7, n);
}

/** @return false: nothing was to be done */
static bool turn(struct world *w)
{
    const bool has_work = w->later.head != NULL;

    job_run_all(&w->later);
    return has_work;
}

#define TURNS 8 // of a loop: more than there is from one front to another

static account wallet(uint8_t n)
{
    return (account){.len = 3, .bytes = {1, 2, n}};
}

static void settle_here(struct world *w)
{
    for (unsigned i = 0; w->loop && i < TURNS; i++)
        loop_run_once(w->loop);
    while (!w->loop && turn(w)) {
    }
}

/** What was done before is done where NATS is once another one on the same way is confirmed,
 * and has come once what is published behind it has. */
static void settle_afar(struct world *w)
{
    const uint64_t n = ++w->n_settled;
    const account mark = {.len = 3, .bytes = {9, (uint8_t)(n >> 8), (uint8_t)n}};
    const struct bus_event e = {.kind = BUS_CROWDED, .to = mark};

    bus_subscribe(w->observer, &mark);
    while (w->has_settled != 's')
        loop_run_once(w->loop);
    bus_publish(w->publisher, &e);
    while (w->has_settled != 'm')
        loop_run_once(w->loop);
    bus_unsubscribe(w->observer, &mark);
}

static void settle(struct world *w)
{
    settle_here(w);
    if (!w->observer)
        return;
    settle_afar(w);
    settle_here(w);
}

static void note(struct world *w, const char *what, const account *a, str text)
{
    const size_t n = strlen(w->said);

    assert_false(w->is_inside);
    snprintf(w->said + n, sizeof(w->said) - n, "%s%d" STR_FMT " ", what, a->bytes[2],
             STR_ARG(text));
}

static void note_number(struct world *w, const char *what, const account *a, uint64_t n)
{
    char text[24];

    snprintf(text, sizeof(text), "#%llu", (unsigned long long)n);
    note(w, what, a, str_of(text));
}

static void on_event(void *arg, const struct bus_event *e)
{
    assert_int_equal(e->origin, 5);
    switch (e->kind) {
    case BUS_MESSAGE:
        note(arg, "m", &e->to, e->message.content);
        assert_true(str_eq(e->message.type, STR("text")));
        assert_true(str_eq(e->message.key, STR("k")));
        assert_int_equal(e->previous, 6);
        break;
    case BUS_RECEIPT: note_number(arg, "r", &e->to, e->receipt.seq); break;
    case BUS_CHANGE: note_number(arg, "c", &e->to, (uint64_t)e->position); break;
    case BUS_TYPING:
        note_number(arg, e->typing.is_on ? "t" : "u", &e->typing.from, e->typing.conversation);
        break;
    case BUS_ASK: note(arg, "a", &e->to, (str){0}); break;
    case BUS_CROWDED: note(arg, "x", &e->to, (str){0}); break;
    case BUS_PRESENCE:
        assert_true(account_eq(&e->to, &e->presence.account));
        note_number(arg, e->presence.is_online ? "on" : "off", &e->to,
                    (uint64_t)e->presence.last_seen_ms);
        break;
    }
}

static void on_gap(void *arg)
{
    const account nobody = {0};
    note(arg, "gap", &nobody, (str){0});
}

static void on_subscribed(void *arg, const account *a)
{
    note(arg, "s", a, (str){0});
}

static void on_reach(void *arg, int64_t position)
{
    const account nobody = {0};
    note_number(arg, "reach", &nobody, (uint64_t)position);
}

static struct world *world_new(void **state)
{
    struct world *w = NEW(struct world);

    w->later = JOB_QUEUE_INIT(w->later);
    w->rand.bytes = no_chance;
    *state = w;
    return w;
}

static void attach(struct world *w, struct bus *bus)
{
    static const struct bus_handler handler = {on_event, on_gap, on_subscribed, on_reach};

    w->bus = w->publisher = bus;
    bus_attach(w->bus, &handler, w);
}

static int open_local(void **state)
{
    struct world *w = world_new(state);

    attach(w, bus_local_new(&w->later, &w->rand));
    return 0;
}

/** Of the tests of the domain: it must not promise more than what it stands for. */
static int open_lossy(void **state)
{
    struct world *w = world_new(state);

    attach(w, &lossy_new(bus_local_new(&w->later, &w->rand))->bus);
    return 0;
}

static void join(struct world *w, struct bus **out)
{
    assert_int_equal(bus_hub_join(out, w->hub, w->loop, &w->rand), 0);
}

/** A loop that is alone there. */
static int open_hub(void **state)
{
    struct world *w = world_new(state);
    struct bus *bus = NULL;

    assert_int_equal(loop_new(&w->loop), 0);
    w->hub = bus_hub_new(&w->rand, NULL);
    join(w, &bus);
    attach(w, bus);
    return 0;
}

/** All but what a test asks for is for nobody. */
static void nothing_comes(void *arg, const struct bus_event *e)
{
    struct world *w = arg;

    if (w->hears_all) {
        on_event(w, e);
    } else {
        fail_msg("an event for nobody");
    }
}

static void no_gap(void *arg)
{
    (void)arg;
    fail_msg("a gap");
}

static void nobody_subscribes(void *arg, const account *a)
{
    struct world *w = arg;

    if (w->hears_all) {
        on_subscribed(w, a);
    } else {
        fail_msg("a subscription of nobody's");
    }
}

static void is_told_too(void *arg, int64_t position)
{
    (void)arg;
    assert_true(position > 0);
}

static const struct bus_handler publishers = {nothing_comes, no_gap, nobody_subscribes,
                                              is_told_too};

/** All is published by another one. */
static int open_hub_of_two(void **state)
{
    const int r = open_hub(state);
    struct world *w = *state;

    join(w, &w->publisher);
    bus_attach(w->publisher, &publishers, w);
    return r;
}

static void mark_comes(void *arg, const struct bus_event *e)
{
    (void)e;
    ((struct world *)arg)->has_settled = 'm';
}

static void mark_is_subscribed(void *arg, const account *a)
{
    (void)a;
    ((struct world *)arg)->has_settled = 's';
}

static int open_nats(void **state)
{
    static const struct bus_handler observers = {mark_comes, no_gap, mark_is_subscribed, NULL};
    struct world *w = world_new(state);
    struct bus *bus = NULL;

    assert_int_equal(loop_new(&w->loop), 0);
    nats_node_open_as(&w->nats[0], (struct bus_nats_config){0});
    bus = nats_node_join(&w->nats[0], w->loop);
    attach(w, bus);
    w->observer = nats_node_join(&w->nats[0], w->loop);
    bus_attach(w->observer, &observers, w);
    return 0;
}

/** All is published by another process. */
static int open_nats_of_two(void **state)
{
    const int r = open_nats(state);
    struct world *w = *state;

    nats_node_open_as(&w->nats[1], (struct bus_nats_config){.node = "b"});
    w->publisher = nats_node_join(&w->nats[1], w->loop);
    bus_attach(w->publisher, &publishers, w);
    return r;
}

static int close_bus(void **state)
{
    struct world *w = *state;

    if (w->publisher != w->bus)
        bus_free(w->publisher);
    bus_free(w->bus);
    bus_free(w->observer);
    settle_here(w);
    bus_hub_free(w->hub);
    for (unsigned i = 0; i < COUNT_OF(w->nats); i++)
        nats_node_close(&w->nats[i]);
    if (w->loop)
        loop_free(w->loop);
    free(w);
    return 0;
}

static void subscribe(struct world *w, uint8_t n)
{
    const account a = wallet(n);

    w->is_inside = true;
    bus_subscribe(w->bus, &a);
    w->is_inside = false;
}

static void unsubscribe(struct world *w, uint8_t n)
{
    const account a = wallet(n);

    w->is_inside = true;
    bus_unsubscribe(w->bus, &a);
    w->is_inside = false;
}

static void publish(struct world *w, uint8_t n, const char *text)
{
    char bytes[16]; // borrowed: overwritten as soon as the call has returned
    snprintf(bytes, sizeof(bytes), "%s", text);
    const struct bus_event e = {
        .kind = BUS_MESSAGE,
        .to = wallet(n),
        .origin = 5,
        .message = {.type = STR("text"), .key = STR("k"), .content = str_of(bytes)},
        .previous = 6,
    };

    w->is_inside = true;
    bus_publish(w->publisher, &e);
    w->is_inside = false;
    memset(bytes, 'X', sizeof(bytes) - 1);
}

static void publish_event(struct world *w, uint8_t n, struct bus_event e)
{
    e.to = wallet(n);
    e.origin = 5;
    w->is_inside = true;
    bus_publish(w->publisher, &e);
    w->is_inside = false;
}

static void publish_receipt(struct world *w, uint8_t n, uint64_t seq)
{
    publish_event(w, n, (struct bus_event){.kind = BUS_RECEIPT, .receipt = {.seq = seq}});
}

static void publish_ask(struct world *w, uint8_t n)
{
    publish_event(w, n, (struct bus_event){.kind = BUS_ASK});
}

/** @param seen_ms  0: online */
static void publish_presence(struct world *w, uint8_t n, int64_t seen_ms)
{
    publish_event(w, n,
                  (struct bus_event){.kind = BUS_PRESENCE,
                                     .presence = {.account = wallet(n),
                                                  .is_online = seen_ms == 0,
                                                  .last_seen_ms = seen_ms}});
}

static void watch(struct world *w, uint8_t n)
{
    const account a = wallet(n);

    w->is_inside = true;
    bus_watch(w->bus, &a);
    w->is_inside = false;
}

static void unwatch(struct world *w, uint8_t n)
{
    const account a = wallet(n);

    w->is_inside = true;
    bus_unwatch(w->bus, &a);
    w->is_inside = false;
}

static void confirms_then_brings_what_is_published(void **state)
{
    struct world *w = *state;

    subscribe(w, 1);
    settle(w);
    assert_string_equal(w->said, "s1 ");
    publish(w, 1, "a");
    publish_receipt(w, 1, 7);
    publish(w, 1, "b");
    settle(w);
    assert_string_equal(w->said, "s1 m1a r1#7 m1b ");
}

static void brings_nothing_for_others(void **state)
{
    struct world *w = *state;

    subscribe(w, 1);
    subscribe(w, 2);
    settle(w);
    publish(w, 3, "x");
    publish(w, 2, "a");
    publish(w, 1, "b");
    settle(w);
    assert_string_equal(w->said, "s1 s2 m2a m1b ");
}

static void brings_nothing_after_unsubscribing(void **state)
{
    struct world *w = *state;

    subscribe(w, 1);
    settle(w);
    publish(w, 1, "a");
    unsubscribe(w, 1);
    publish(w, 1, "b");
    settle(w);
    assert_string_equal(w->said, "s1 ");
}

static void does_not_confirm_what_was_taken_back(void **state)
{
    struct world *w = *state;

    subscribe(w, 1);
    unsubscribe(w, 1);
    settle(w);
    assert_string_equal(w->said, "");
    subscribe(w, 1);
    settle(w);
    assert_string_equal(w->said, "s1 ");
}

static void brings_each_kind_as_it_was_published(void **state)
{
    struct world *w = *state;

    subscribe(w, 1);
    settle(w);
    publish_event(w, 1, (struct bus_event){.kind = BUS_CHANGE, .position = 9});
    publish_event(
        w, 1,
        (struct bus_event){.kind = BUS_TYPING,
                           .typing = {.conversation = 4, .from = wallet(3), .is_on = true}});
    publish_event(w, 1,
                  (struct bus_event){.kind = BUS_TYPING,
                                     .typing = {.conversation = 4, .from = wallet(3)}});
    publish_ask(w, 1);
    publish_event(w, 1, (struct bus_event){.kind = BUS_CROWDED});
    settle(w);
    assert_string_equal(w->said, "s1 c1#9 t3#4 u3#4 a1 x1 ");
}

static void brings_presence_to_those_who_watch_and_only_that(void **state)
{
    struct world *w = *state;

    watch(w, 2);
    settle(w);
    assert_string_equal(w->said, ""); // nobody is told that it watches
    publish_presence(w, 2, 0);
    publish_presence(w, 3, 0);
    publish_presence(w, 2, 77);
    publish_ask(w, 2);
    publish(w, 2, "x");
    settle(w);
    assert_string_equal(w->said, "on2#0 off2#77 ");
}

static void does_not_bring_an_account_its_own_presence(void **state)
{
    struct world *w = *state;

    subscribe(w, 1);
    settle(w);
    publish_presence(w, 1, 0);
    settle(w);
    assert_string_equal(w->said, "s1 ");
}

/** The answer to what is asked right after watching is not missed. */
static void watches_before_what_is_published_next_arrives(void **state)
{
    struct world *w = *state;
    const account a = wallet(2);
    const struct bus_event ask = {.kind = BUS_ASK, .to = a, .origin = 5};

    w->hears_all = true;
    bus_subscribe(w->publisher, &a);
    settle(w);
    while (!strstr(w->said, "s2")) // it may be by another way than what settles
        loop_run_once(w->loop);
    watch(w, 2);
    bus_publish(w->bus, &ask);
    for (unsigned i = 0; (w->observer || i < TURNS) && !strstr(w->said, "a2"); i++) {
        if (w->loop) {
            loop_run_once(w->loop);
        } else {
            turn(w);
        }
    }
    publish_presence(w, 2, 0); // as soon as the question is there
    settle(w);
    assert_string_equal(w->said, "s2 a2 on2#0 ");
}

static void brings_no_presence_after_unwatching(void **state)
{
    struct world *w = *state;

    watch(w, 2);
    publish_presence(w, 2, 0);
    unwatch(w, 2);
    publish_presence(w, 2, 5);
    settle(w);
    assert_string_equal(w->said, "");
    watch(w, 2);
    settle(w); // another one publishes
    publish_presence(w, 2, 6);
    settle(w);
    assert_string_equal(w->said, "off2#6 ");
}

static void may_be_freed_while_it_watches(void **state)
{
    struct world *w = *state;

    watch(w, 1);
    publish_presence(w, 1, 0);
    // close_bus() frees it now
}

static void may_be_freed_with_events_under_way(void **state)
{
    struct world *w = *state;

    subscribe(w, 1);
    settle(w);
    publish(w, 1, "a");
    unsubscribe(w, 1);
    // close_bus() frees it now
}

/** Of a bus that loses nothing. */
static void says_how_far_all_has_come_behind_it(void **state)
{
    struct world *w = *state;

    assert_true(w->bus->loses_nothing);
    subscribe(w, 1);
    settle(w);
    publish(w, 1, "a");
    bus_reach(w->publisher, 7);
    if (w->publisher != w->bus) {
        settle(w);
        assert_string_equal(w->said, "s1 m1a "); // not all have come so far
        bus_reach(w->bus, 9);
    }
    settle(w);
    assert_string_equal(w->said, "s1 m1a reach0#7 ");
    publish(w, 1, "b");
    bus_reach(w->publisher, 12);
    settle(w);
    assert_string_equal(w->said, w->publisher == w->bus ? "s1 m1a reach0#7 m1b reach0#12 "
                                                        : "s1 m1a reach0#7 m1b reach0#9 ");
}

int main(void)
{
#define FOR_BACKEND(test, backend)                                                             \
    {                                                                                          \
        #backend ": " #test, test, open_##backend, close_bus, NULL                             \
    }
#define SUITE(backend)                                                                         \
    FOR_BACKEND(confirms_then_brings_what_is_published, backend),                              \
        FOR_BACKEND(brings_nothing_for_others, backend),                                       \
        FOR_BACKEND(brings_nothing_after_unsubscribing, backend),                              \
        FOR_BACKEND(does_not_confirm_what_was_taken_back, backend),                            \
        FOR_BACKEND(brings_each_kind_as_it_was_published, backend),                            \
        FOR_BACKEND(brings_presence_to_those_who_watch_and_only_that, backend),                \
        FOR_BACKEND(does_not_bring_an_account_its_own_presence, backend),                      \
        FOR_BACKEND(watches_before_what_is_published_next_arrives, backend),                   \
        FOR_BACKEND(brings_no_presence_after_unwatching, backend),                             \
        FOR_BACKEND(may_be_freed_while_it_watches, backend),                                   \
        FOR_BACKEND(may_be_freed_with_events_under_way, backend)
#define WHOLE_SUITE(backend)                                                                   \
    SUITE(backend), FOR_BACKEND(says_how_far_all_has_come_behind_it, backend)
    struct CMUnitTest tests[] = {WHOLE_SUITE(local),      SUITE(lossy), WHOLE_SUITE(hub),
                                 WHOLE_SUITE(hub_of_two), SUITE(nats),  SUITE(nats_of_two)};

    for (size_t i = 0; i < COUNT_OF(tests); i++) {
        if (tests[i].setup_func == open_nats || tests[i].setup_func == open_nats_of_two)
            nats_world_skip_if_absent(&tests[i]);
    }
    return cmocka_run_group_tests_name("bus", tests, NULL, NULL);
}
