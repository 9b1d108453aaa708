/** Two workers with a loop each, both turned by the test: one of them may stand still. */
#include <time.h>

#include "base/mem.h"
#include "server/watchdog.h"
#include "support/manager.h"

#define EVERY_MS   40
#define GIVE_UP_MS INT64_C(10000)

struct world {
    struct manager manager;
    struct service service;
    struct loop *loops[2];
    struct posts *posts;
    struct watchdog watchdog;
};

static int setup(void **state)
{
    struct world *w = NEW(struct world);

    *state = w;
    manager_open(&w->manager);
    const struct service_env env = {.notify_socket = w->manager.path, .watchdog_usec = "40000"};
    assert_int_equal(service_read(&w->service, &env, 99), 0);
    assert_int_equal(w->service.watchdog_ms, EVERY_MS);
    w->posts = posts_new(2);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(loop_new(&w->loops[i]), 0);
        assert_int_equal(posts_open(w->posts, i, w->loops[i], w), 0);
    }
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    posts_close(w->posts, 1);
    posts_close(w->posts, 0);
    watchdog_stop(&w->watchdog);
    for (unsigned i = 0; i < 2; i++) {
        loop_run_once(w->loops[i]);
        loop_free(w->loops[i]);
    }
    posts_free(w->posts);
    manager_close(&w->manager);
    free(w);
    return 0;
}

static void start(struct world *w)
{
    watchdog_start(&w->watchdog, &w->service, w->posts, &w->loops[0]->timers);
}

/** @return how often it has said that all are alive, until it has so often or time is up */
static unsigned hear(struct world *w, unsigned n, bool second_turns, int64_t ms)
{
    const int64_t end_ns = loop_now_ns() + ms * 1000000;
    const struct timespec nap = {.tv_nsec = 1000000};
    unsigned n_heard = 0;

    while (n_heard < n && loop_now_ns() < end_ns) {
        loop_run_once(w->loops[0]);
        if (second_turns)
            loop_run_once(w->loops[1]);
        for (const char *said = manager_hears(&w->manager); *said;
             said = manager_hears(&w->manager)) {
            assert_string_equal(said, "WATCHDOG=1");
            n_heard++;
        }
        nanosleep(&nap, NULL);
    }
    return n_heard;
}

static void says_again_and_again_that_all_are_alive(void **state)
{
    struct world *w = *state;
    const int64_t from_ns = loop_now_ns();

    start(w);
    assert_int_equal(hear(w, 5, true, GIVE_UP_MS), 5);
    assert_true(loop_now_ns() - from_ns >= INT64_C(5) * (EVERY_MS / 2) * 1000000);
}

static void says_nothing_while_one_stands_still(void **state)
{
    struct world *w = *state;

    start(w);
    assert_int_equal(hear(w, 1, true, GIVE_UP_MS), 1);
    // One may be on its way back; from then on none is.
    assert_true(hear(w, 2, false, INT64_C(5) * EVERY_MS) <= 1);
    assert_int_equal(hear(w, 1, false, INT64_C(5) * EVERY_MS), 0);
    assert_int_equal(hear(w, 2, true, GIVE_UP_MS), 2); // it goes on with it
}

static void says_nothing_to_who_does_not_want_to_know(void **state)
{
    struct world *w = *state;

    w->service.watchdog_ms = 0;
    start(w);
    assert_int_equal(hear(w, 1, true, INT64_C(5) * EVERY_MS), 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(says_again_and_again_that_all_are_alive),
        TEST(says_nothing_while_one_stands_still),
        TEST(says_nothing_to_who_does_not_want_to_know),
    };
    return cmocka_run_group_tests_name("server/watchdog", tests, NULL, NULL);
}
