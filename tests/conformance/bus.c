#include <stdio.h>

#include "base/mem.h"
#include "bus/local.h"
#include "support/t.h"

/** What every bus owes the chat (chat/bus.h). Each test gets a new one. */
struct world {
    struct job_queue later;
    struct rand rand;
    struct bus *bus;
    bool is_inside; // a call of the bus is under way: nothing may come
    char said[512];
};

static void no_chance(struct rand *r, void *out, size_t n)
{
    (void)r;
    memset(out, 7, n);
}

static void settle(struct world *w)
{
    while (w->later.head)
        job_run_all(&w->later);
}

static account wallet(uint8_t n)
{
    return (account){.len = 3, .bytes = {1, 2, n}};
}

static void note(struct world *w, const char *what, const account *a, str text)
{
    const size_t n = strlen(w->said);

    assert_false(w->is_inside);
    snprintf(w->said + n, sizeof(w->said) - n, "%s%d" STR_FMT " ", what, a->bytes[2],
             STR_ARG(text));
}

static void on_event(void *arg, const struct bus_event *e)
{
    if (e->kind == BUS_MESSAGE) {
        note(arg, "m", &e->to, e->message.content);
        assert_true(str_eq(e->message.type, STR("text")));
        assert_true(str_eq(e->message.key, STR("k")));
    } else {
        char seq[24];
        snprintf(seq, sizeof(seq), "#%llu", (unsigned long long)e->receipt.seq);
        note(arg, "r", &e->to, str_of(seq));
    }
    assert_int_equal(e->origin, 5);
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

static int open_local(void **state)
{
    static const struct bus_handler handler = {on_event, on_gap, on_subscribed};
    struct world *w = NEW(struct world);

    w->later = JOB_QUEUE_INIT(w->later);
    w->rand.bytes = no_chance;
    w->bus = bus_local_new(&w->later, &w->rand);
    bus_attach(w->bus, &handler, w);
    *state = w;
    return 0;
}

static int close_bus(void **state)
{
    struct world *w = *state;

    bus_free(w->bus);
    settle(w);
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
    };

    w->is_inside = true;
    bus_publish(w->bus, &e);
    w->is_inside = false;
    memset(bytes, 'X', sizeof(bytes) - 1);
}

static void publish_receipt(struct world *w, uint8_t n, uint64_t seq)
{
    const struct bus_event e = {
        .kind = BUS_RECEIPT, .to = wallet(n), .origin = 5, .receipt = {.seq = seq}};

    w->is_inside = true;
    bus_publish(w->bus, &e);
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

static void may_be_freed_with_events_under_way(void **state)
{
    struct world *w = *state;

    subscribe(w, 1);
    settle(w);
    publish(w, 1, "a");
    unsubscribe(w, 1);
    // close_bus() frees it now
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
        FOR_BACKEND(may_be_freed_with_events_under_way, backend)
    const struct CMUnitTest tests[] = {SUITE(local)};
    return cmocka_run_group_tests_name("bus", tests, NULL, NULL);
}
