#include <stdio.h>

#include "base/buf.h"
#include "server/stop.h"
#include "support/t.h"

/** A server with so many clients, and what is asked of it, a letter each. */
struct world {
    struct timers timers;
    struct stop stop;
    size_t n_clients;
    size_t n_under_way; // what closing does not end
    bool cut_ends;      // what is under way
    struct buf log;
};

static void note(struct world *w, const char *what)
{
    assert_int_equal(buf_add(&w->log, str_of(what)), 0);
}

static void refuse(void *arg)
{
    note(arg, "r");
}

static size_t let_go(void *arg, size_t n_steps)
{
    struct world *w = arg;
    const size_t n = (w->n_clients + n_steps - 1) / n_steps;

    note(w, "l");
    w->n_clients -= n;
    return w->n_clients;
}

static void close_all(void *arg)
{
    struct world *w = arg;

    note(w, "c");
    w->n_clients = 0;
}

static bool is_over(void *arg)
{
    const struct world *w = arg;
    return w->n_clients == 0 && w->n_under_way == 0;
}

static void cut(void *arg)
{
    struct world *w = arg;

    note(w, "x");
    if (w->cut_ends)
        w->n_under_way = 0;
}

static void on_end(void *arg, bool is_clean)
{
    note(arg, is_clean ? "." : "!");
}

static const struct stop_ops ops = {refuse, let_go, close_all, is_over, cut, on_end};

static int setup(void **state)
{
    static struct world w;

    w = (struct world){.timers.now_ms = 1000};
    buf_init(&w.log, 10000);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    fsm_fini(&w->stop.fsm);
    buf_fini(&w->log);
    return 0;
}

static void begin(struct world *w, size_t n_clients, int64_t drain_ms)
{
    w->n_clients = n_clients;
    stop_init(&w->stop, &w->timers, drain_ms, &ops, w);
    stop_ask(&w->stop);
}

/** @return how long it took until on_end, or until ms have passed */
static int64_t pass(struct world *w, int64_t ms)
{
    const int64_t start_ms = w->timers.now_ms;

    while (timers_next_ms(&w->timers) <= start_ms + ms) {
        const int64_t next_ms = timers_next_ms(&w->timers);
        timers_run(&w->timers, next_ms > w->timers.now_ms ? next_ms : w->timers.now_ms);
    }
    return w->timers.now_ms - start_ms;
}

static void expect_log(const char *what, struct world *w, const char *want)
{
    expect_str(what, buf_str(&w->log), str_of(want));
    buf_clear(&w->log);
}

static void without_clients_it_ends_at_once(void **state)
{
    struct world *w = *state;

    begin(w, 0, 2000);
    assert_int_equal(pass(w, 10000), 0);
    expect_log("all", w, "rlc.");
}

static void clients_go_one_by_one_within_the_drain(void **state)
{
    static const struct {
        const char *name;
        size_t n;
        int64_t drain_ms;
        int64_t at_least_ms;
    } rows[] = {
        {"one", 1, 2000, 0},
        {"a few", 5, 2000, INT64_C(4) * STOP_PART_EVERY},
        {"many", 10000, 2000, 2000 - INT64_C(2) * STOP_PART_EVERY},
        {"no drain", 10000, 0, 0},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world *w = *state;
        begin(w, rows[i].n, rows[i].drain_ms);
        const int64_t took_ms = pass(w, 100000);
        expect_int(rows[i].name, took_ms >= rows[i].at_least_ms && took_ms <= rows[i].drain_ms,
                   true);
        fsm_fini(&w->stop.fsm);
    }
}

static void it_waits_for_what_is_under_way(void **state)
{
    struct world *w = *state;

    begin(w, 0, 0);
    w->n_under_way = 1;
    pass(w, STOP_CLOSE_MS / 2);
    expect_log("waits", w, "rc");
    w->n_under_way = 0;
    pass(w, STOP_CLOSE_MS);
    expect_log("done", w, ".");
}

static void what_does_not_end_is_cut(void **state)
{
    struct world *w = *state;

    w->cut_ends = true;
    w->n_under_way = 1;
    begin(w, 0, 0);
    const int64_t took_ms = pass(w, 100000);
    expect_log("cut", w, "rcx.");
    assert_true(took_ms >= STOP_CLOSE_MS && took_ms <= STOP_CLOSE_MS + 2 * STOP_LOOK_EVERY);
}

static void what_is_not_cut_either_is_left_there(void **state)
{
    struct world *w = *state;

    w->n_under_way = 1;
    begin(w, 0, 0);
    const int64_t took_ms = pass(w, 100000);
    assert_true(took_ms <= STOP_CLOSE_MS + STOP_CUT_MS + 2 * STOP_LOOK_EVERY);
    const str log = buf_str(&w->log);
    assert(log.ptr);
    expect_int("cut again and again", log.len > 5, true);
    expect_int("unclean", log.ptr[log.len - 1], '!');
}

static void asked_again_it_hurries(void **state)
{
    struct world *w = *state;

    begin(w, 100, 1000000);
    pass(w, 1000);
    assert_true(w->n_clients > 0);
    w->n_under_way = 1;
    buf_clear(&w->log);
    stop_ask(&w->stop);
    pass(w, STOP_LOOK_EVERY);
    expect_log("no drain", w, "c");
    stop_ask(&w->stop);
    pass(w, STOP_LOOK_EVERY);
    assert_true(str_starts(buf_str(&w->log), STR("x")));
    stop_ask(&w->stop);
    pass(w, STOP_LOOK_EVERY);
    const str log = buf_str(&w->log);
    assert(log.ptr);
    assert_int_equal(log.ptr[log.len - 1], '!');
    stop_ask(&w->stop); // means nothing any more
    assert_int_equal(timers_next_ms(&w->timers), INT64_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_clients_it_ends_at_once),
        TEST(clients_go_one_by_one_within_the_drain),
        TEST(it_waits_for_what_is_under_way),
        TEST(what_does_not_end_is_cut),
        TEST(what_is_not_cut_either_is_left_there),
        TEST(asked_again_it_hurries),
    };
    return cmocka_run_group_tests_name("server/stop", tests, NULL, NULL);
}
