/** How far all has come, where a bus loses nothing and keeps no order: two nodes, on one store.
 */
#include "chat/cursor.h"
#include "support/node_world.h"

struct two {
    struct chat_world w; // its chat is the one that devices are opened on
    struct lossy_bus *buses[2];
    struct chat *chats[2];
};

static struct lossy_bus *bus_new(struct two *t)
{
    struct lossy_bus *b = lossy_new(bus_local_new(&t->w.later, &t->w.rand));

    b->bus.loses_nothing = true;
    return b;
}

static int setup(void **state)
{
    struct two *t = NEW(struct two);
    struct chat_world *w = &t->w;

    w->later = JOB_QUEUE_INIT(w->later);
    w->rand.bytes = world_rand;
    t->buses[0] = bus_new(t);
    t->buses[1] = bus_new(t);
    world_start(w, &t->buses[0]->bus);
    lossy_link(t->buses[0], t->buses[1]);
    t->chats[0] = w->chat;
    t->chats[1] = chat_new(&(struct chat_ports){.store = w->store,
                                                .bus = &t->buses[1]->bus,
                                                .timers = &w->timers,
                                                .later = &w->later,
                                                .clock = &w->clock,
                                                .rand = &w->rand},
                           &w->config);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct two *t = *state;

    settle(&t->w);
    assert_true(chat_is_idle(t->chats[1]));
    chat_free(t->chats[1]);
    settle(&t->w);
    bus_free(&t->buses[1]->bus);
    settle(&t->w);
    t->w.chat = t->chats[0];
    world_stop(&t->w);
    free(t);
    return 0;
}

static void connect_at(struct two *t, unsigned node, struct device *d, uint8_t who)
{
    t->w.chat = t->chats[node];
    connect_device(&t->w, d, wallet(who), "");
}

/** Where the client may go on, as it was told last. */
static int64_t place_of(const struct device *d)
{
    int64_t position = 0;

    const int r = cursor_parse(str_of(d->cursor), d->w->store->epoch, &d->account, &position);
    assert_int_equal(r, 0);
    return position;
}

/** Without a question to the store. */
static void a_cursor_follows_what_has_come_from_all(void **state)
{
    struct two *t = *state;
    struct device alice;
    struct device bob;

    connect_at(t, 0, &alice, 1);
    connect_at(t, 1, &bob, 2);
    const uint64_t reads = t->w.mem->counters.reads;
    for (int i = 0; i < 10; i++) {
        const int64_t before = store_horizon(t->w.store);
        pass(&t->w, CHAT_REACH_MS);
        say(&alice, wallet(2), "hi");
        assert_int_equal(place_of(&bob), before);
        ack_from(&bob, bob.n_got - 1); // which Alice is told of
        assert_int_equal(place_of(&alice), before);
    }
    assert_int_equal(t->w.mem->counters.reads, reads);
    assert_int_equal(bob.n_got, 10);
    close_device(&alice);
    close_device(&bob);
}

/** What a node has stored and not announced yet, nobody may take for having come. */
static void what_is_not_announced_yet_holds_all_back(void **state)
{
    struct two *t = *state;
    struct device alice;
    struct device bob;
    struct answer answer;

    connect_at(t, 0, &alice, 1);
    connect_at(t, 1, &bob, 2);
    say(&alice, wallet(2), "1");
    const int64_t horizon = store_horizon(t->w.store);
    assert_int_equal(start_send(&alice, wallet(2), "2", NULL, &answer), 0);
    t->w.timers.now_ms += CHAT_REACH_MS;
    timers_run(&t->w.timers, t->w.timers.now_ms);
    assert_int_equal(t->buses[0]->reached, 0);
    assert_int_equal(t->buses[1]->reached, horizon); // it has nothing under way
    settle(&t->w);
    assert_int_equal(answer.times, 1);
    assert_int_equal(t->buses[0]->reached, horizon);
    close_device(&alice);
    close_device(&bob);
}

/** It has not got what has come before it was live. */
static void who_is_behind_stays_there(void **state)
{
    struct two *t = *state;
    struct device alice;
    struct device bob;

    connect_at(t, 0, &alice, 1);
    connect_at(t, 1, &bob, 2);
    for (int i = 0; i < CHAT_WINDOW_MESSAGES_MAX + 9; i++)
        say(&alice, wallet(2), "hi");
    assert_int_equal(bob.n_got, CHAT_WINDOW_MESSAGES_MAX); // and the rest waits
    pass(&t->w, INT64_C(2) * CHAT_REACH_MS);
    mark(&bob, wallet(1), CHAT_MARK_READ, 1);
    ack_from(&bob, 0);
    assert_int_equal(bob.n_got, CHAT_WINDOW_MESSAGES_MAX + 9);
    for (size_t i = 0; i < bob.n_got; i++)
        assert_int_equal(bob.got[i].seq, i + 1);
    close_device(&alice);
    close_device(&bob);
}

static void the_store_is_not_asked_what_was_touched(void **state)
{
    struct two *t = *state;
    struct device alice;
    struct device bob;

    connect_at(t, 0, &alice, 1);
    connect_at(t, 1, &bob, 2);
    say(&alice, wallet(2), "hi");
    const uint64_t reads = t->w.mem->counters.reads;
    pass(&t->w, INT64_C(2) * (CHAT_HINTS_MS + CHAT_HINTS_LATE_MS));
    assert_int_equal(t->w.mem->counters.reads, reads);
    close_device(&alice);
    close_device(&bob);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_cursor_follows_what_has_come_from_all),
        TEST(what_is_not_announced_yet_holds_all_back),
        TEST(who_is_behind_stays_there),
        TEST(the_store_is_not_asked_what_was_touched),
    };
    return cmocka_run_group_tests_name("reach", tests, NULL, NULL);
}
