#include <stdio.h>

#include "server/health.h"
#include "store/mem.h"
#include "support/eio_world.h"
#include "support/limits.h"
#include "support/t.h"

/** A store, and what keeps an eye on it. */
struct world {
    struct timers timers;
    struct job_queue later;
    struct seeded seeded;
    struct store *store;
    struct health health;
    unsigned n_looks;
};

static void on_look(void *arg)
{
    struct world *w = arg;
    w->n_looks++;
}

static int setup(void **state)
{
    static struct world w;
    const struct store_limits limits = limits_of(1000, 1000);

    w = (struct world){.timers.now_ms = 1000000};
    w.later = JOB_QUEUE_INIT(w.later);
    seeded_init(&w.seeded, 1);
    w.store = store_mem_new(&w.later, &w.seeded.rand, &limits);
    health_start(&w.health, w.store, &w.timers, on_look, &w);
    *state = &w;
    return 0;
}

static void settle(struct world *w)
{
    while (w->later.head)
        job_run_all(&w->later);
}

static void pass(struct world *w, int64_t ms)
{
    const int64_t until_ms = w->timers.now_ms + ms;

    while (timers_next_ms(&w->timers) <= until_ms) {
        timers_run(&w->timers, timers_next_ms(&w->timers));
        settle(w);
    }
    w->timers.now_ms = until_ms;
}

static int teardown(void **state)
{
    struct world *w = *state;

    health_stop(&w->health);
    settle(w);
    assert_false(w->health.is_asking);
    assert_int_equal(timers_next_ms(&w->timers), INT64_MAX);
    store_free(w->store);
    return 0;
}

static void on_appended(void *arg, int r, const struct store_appended *a)
{
    (void)a;
    *(int *)arg = r;
}

static void append(struct world *w, int want)
{
    int r = -1;
    const struct store_append a = {
        .from = {ACCOUNT_EVM_SIZE, {ACCOUNT_EVM, [9] = 1}},
        .to = {ACCOUNT_EVM_SIZE, {ACCOUNT_EVM, [9] = 2}},
        .type = STR("text"),
        .content = STR("\"hi\""),
        .key = {w->store->counters.appended ? "a" : "b", 1},
    };

    store_append(w->store, &a, on_appended, &r);
    settle(w);
    assert_int_equal(r, want);
}

static void a_store_that_answers_is_up(void **state)
{
    struct world *w = *state;

    pass(w, INT64_C(10) * HEALTH_OUT_MS);
    assert_true(health_is_up(&w->health));
    assert_false(health_is_out(&w->health));
    assert_int_equal(w->n_looks, 10 * HEALTH_OUT_MS / HEALTH_INTERVAL);
}

static void time_that_passes_at_once_is_no_silence(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 3; i++) {
        pass(w, INT64_C(2) * HEALTH_INTERVAL);
        w->timers.now_ms += INT64_C(100) * HEALTH_OUT_MS; // as after the machine was suspended
        timers_run(&w->timers, w->timers.now_ms);
        assert_true(health_is_up(&w->health));
        assert_false(health_is_out(&w->health));
        settle(w);
    }
}

static void one_that_refuses_is_down_then_out_and_back_when_it_has_stopped(void **state)
{
    struct world *w = *state;

    store_mem_fail_reads(w->store, 1000);
    pass(w, INT64_C(2) * HEALTH_INTERVAL);
    assert_false(health_is_up(&w->health));
    pass(w, HEALTH_OUT_MS - HEALTH_INTERVAL);
    assert_false(health_is_out(&w->health));
    pass(w, HEALTH_INTERVAL);
    assert_true(health_is_out(&w->health));

    store_mem_fail_reads(w->store, 0);
    pass(w, HEALTH_LATE_MS);
    assert_true(health_is_out(&w->health)); // perhaps it only has not been asked to write
    pass(w, INT64_C(2) * HEALTH_INTERVAL);
    assert_true(health_is_up(&w->health));
    assert_false(health_is_out(&w->health));
}

static void one_that_is_silent_is_not_asked_twice(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 10; i++) { // the answers' jobs do not run
        w->timers.now_ms += HEALTH_INTERVAL;
        timers_run(&w->timers, w->timers.now_ms);
    }
    assert_true(w->health.is_asking);
    assert_false(health_is_up(&w->health));
    assert_true(w->later.head && !w->later.head->next);
    settle(w);
    pass(w, HEALTH_INTERVAL);
    assert_true(health_is_up(&w->health));
}

static void one_that_refuses_to_write_is_down_until_it_writes(void **state)
{
    struct world *w = *state;

    pass(w, HEALTH_INTERVAL);
    store_mem_fail(w->store, STORE_UNAVAILABLE, 1);
    append(w, STORE_UNAVAILABLE);
    pass(w, HEALTH_INTERVAL);
    assert_false(health_is_up(&w->health));
    append(w, 0);
    pass(w, HEALTH_INTERVAL);
    assert_true(health_is_up(&w->health));
}

/** Nobody may try it while new clients are refused, so it is believed again. */
static void one_that_refused_is_up_when_nobody_has_tried_since(void **state)
{
    struct world *w = *state;

    store_mem_fail(w->store, STORE_UNAVAILABLE, 1);
    append(w, STORE_UNAVAILABLE);
    pass(w, HEALTH_INTERVAL);
    assert_false(health_is_up(&w->health));
    pass(w, HEALTH_LATE_MS + HEALTH_INTERVAL);
    assert_true(health_is_up(&w->health));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_store_that_answers_is_up),
        TEST(time_that_passes_at_once_is_no_silence),
        TEST(one_that_refuses_is_down_then_out_and_back_when_it_has_stopped),
        TEST(one_that_is_silent_is_not_asked_twice),
        TEST(one_that_refuses_to_write_is_down_until_it_writes),
        TEST(one_that_refused_is_up_when_nobody_has_tried_since),
    };
    return cmocka_run_group_tests_name("server/health", tests, NULL, NULL);
}
