#include <stdio.h>

#include "base/mem.h"
#include "base/timer.h"
#include "support/t.h"

/** A timer that writes its letter down when it fires. */
struct lettered {
    struct timer timer;
    char letter;
};

static char fired[64];
static size_t n_fired;

static void note(struct timer *t)
{
    assert_false(timer_is_set(t));
    assert_true(n_fired < sizeof(fired));
    fired[n_fired++] = container_of(t, struct lettered, timer)->letter;
}

/** What fired since the last call, in its order. */
static str take_fired(void)
{
    const str s = {fired, n_fired};
    n_fired = 0;
    return s;
}

static void init_letters(struct lettered *l, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        timer_init(&l[i].timer, note);
        l[i].letter = (char)('a' + i);
    }
}

static void fires_in_the_order_of_deadlines_then_of_setting(void **state)
{
    static const int64_t deadlines_ms[] = {30, 10, 20, 10, 21, -5}; // of a, b, c, ...
    static const struct {
        const char *name;
        int64_t now_ms;
        str fired;
        int64_t next_ms;
    } rows[] = {
        {"one in the past", 9, STR("f"), 10},
        {"up to now", 20, STR("bdc"), 21},
        {"once only", 20, STR(""), 21},
        {"the rest", INT64_MAX, STR("ea"), INT64_MAX},
    };
    struct timers ts = {0};
    struct lettered l[COUNT_OF(deadlines_ms)];

    (void)state;
    init_letters(l, COUNT_OF(l));
    expect_int("nothing set", timers_next_ms(&ts), INT64_MAX);
    for (size_t i = 0; i < COUNT_OF(l); i++)
        timer_set(&ts, &l[i].timer, deadlines_ms[i]);
    expect_int("the past is now", timers_next_ms(&ts), 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        timers_run(&ts, rows[i].now_ms);
        expect_int(rows[i].name, ts.now_ms, rows[i].now_ms);
        expect_str(rows[i].name, take_fired(), rows[i].fired);
        expect_int(rows[i].name, timers_next_ms(&ts), rows[i].next_ms);
    }
}

static void a_cancelled_timer_does_not_fire(void **state)
{
    (void)state;
    struct timers ts = {0};
    struct lettered l[3];

    init_letters(l, 3);
    timer_cancel(&ts, &l[0].timer); // not set: harmless
    for (size_t i = 0; i < 3; i++)
        timer_set(&ts, &l[i].timer, 10);
    timer_cancel(&ts, &l[1].timer);
    timer_cancel(&ts, &l[1].timer);
    assert_false(timer_is_set(&l[1].timer));
    timers_run(&ts, 10);
    expect_str("the others", take_fired(), STR("ac"));
}

static void setting_anew_forgets_the_old_deadline(void **state)
{
    (void)state;
    struct timers ts = {0};
    struct lettered l[3];

    init_letters(l, 3);
    timer_set(&ts, &l[0].timer, 10);
    timer_set(&ts, &l[1].timer, 20);
    timer_set(&ts, &l[2].timer, 20);
    timer_set(&ts, &l[0].timer, 30); // later
    timer_set(&ts, &l[2].timer, 5);  // earlier
    timer_set(&ts, &l[1].timer, 20); // the same
    timers_run(&ts, 10);
    expect_str("earlier", take_fired(), STR("c"));
    timers_run(&ts, 30);
    expect_str("later", take_fired(), STR("ba"));
}

/** Does in its callback whatever a test wants done there. */
struct actor {
    struct lettered it;
    struct timers *ts;
    struct lettered *other;
    int64_t at_ms;
};

static void set_both(struct timer *t)
{
    struct actor *a = container_of(t, struct actor, it.timer);
    note(t);
    timer_set(a->ts, t, a->at_ms);
    timer_set(a->ts, &a->other->timer, a->at_ms);
}

static void what_is_set_in_a_callback_waits_for_the_next_run(void **state)
{
    (void)state;
    struct timers ts = {0};
    struct lettered b;
    struct actor a = {.ts = &ts, .other = &b, .at_ms = 10, .it.letter = 'A'};

    init_letters(&b, 1);
    timer_init(&a.it.timer, set_both);
    timer_set(&ts, &a.it.timer, 10);
    timers_run(&ts, 10);
    expect_str("itself only", take_fired(), STR("A"));
    expect_int("due", timers_next_ms(&ts), 10);
    a.it.timer.fire = note;
    timers_run(&ts, 10);
    expect_str("both, next time", take_fired(), STR("Aa"));
}

static void set_into_the_past(struct timer *t)
{
    note(t);
    timer_set(container_of(t, struct actor, it.timer)->ts, t, 1);
}

static void one_that_sets_itself_into_the_past_holds_up_no_other(void **state)
{
    (void)state;
    struct timers ts = {0};
    struct lettered b;
    struct actor a = {.ts = &ts, .it.letter = 'A'};

    init_letters(&b, 1);
    timer_init(&a.it.timer, set_into_the_past);
    timer_set(&ts, &a.it.timer, 5);
    timer_set(&ts, &b.timer, 10);
    timers_run(&ts, 20);
    expect_str("both were due", take_fired(), STR("Aa"));
    timers_run(&ts, 20);
    expect_str("and it again", take_fired(), STR("A"));
}

static void cancel_other(struct timer *t)
{
    struct actor *a = container_of(t, struct actor, it.timer);
    note(t);
    timer_cancel(a->ts, &a->other->timer);
}

static void a_callback_may_cancel_one_that_is_due(void **state)
{
    (void)state;
    struct timers ts = {0};
    struct lettered l[2];
    struct actor a = {.ts = &ts, .other = &l[0], .it.letter = 'A'};

    init_letters(l, 2);
    timer_init(&a.it.timer, cancel_other);
    timer_set(&ts, &a.it.timer, 1);
    timer_set(&ts, &l[0].timer, 1);
    timer_set(&ts, &l[1].timer, 1);
    timers_run(&ts, 1);
    expect_str("not the cancelled one", take_fired(), STR("Ab"));
}

static void free_itself(struct timer *t)
{
    note(t);
    free(container_of(t, struct lettered, timer));
}

static void a_callback_may_free_its_timer(void **state)
{
    (void)state;
    struct timers ts = {0};

    for (size_t i = 0; i < 20; i++) {
        struct lettered *l = NEW(struct lettered);
        timer_init(&l->timer, free_itself);
        l->letter = (char)('a' + i);
        timer_set(&ts, &l->timer, (int64_t)i);
    }
    timers_run(&ts, 100);
    expect_str("all", take_fired(), STR("abcdefghijklmnopqrst"));
}

// A random walk of the heap beside a model that is too simple to be wrong: an array that
// is searched. Every timer that fires must be the one that the model has next.

enum {
    N_TIMERS = 60,
    N_STEPS = 20000
};

struct walk {
    struct timers ts;
    struct timer timers[N_TIMERS];
    struct {
        bool is_set;
        int64_t at_ms;
        uint64_t order;
    } model[N_TIMERS];
    uint64_t order;
    uint64_t last; // what was set later than this waits for the next run
    uint64_t chance;
};

static struct walk walk;

static unsigned chance(unsigned below)
{
    walk.chance ^= walk.chance << 13; // xorshift64
    walk.chance ^= walk.chance >> 7;
    walk.chance ^= walk.chance << 17;
    return (unsigned)(walk.chance >> 32) % below;
}

/** @return the index of the one that is next, of those set up to `last`; or -1 */
static int model_next(uint64_t last)
{
    int next = -1;

    for (int i = 0; i < N_TIMERS; i++) {
        if (!walk.model[i].is_set || walk.model[i].order > last)
            continue;
        if (next < 0 || walk.model[i].at_ms < walk.model[next].at_ms ||
            (walk.model[i].at_ms == walk.model[next].at_ms &&
             walk.model[i].order < walk.model[next].order))
            next = i;
    }
    return next;
}

/** Set or cancel one of them, in both worlds. */
static void step(int64_t earliest_ms)
{
    const unsigned i = chance(N_TIMERS);

    if (chance(3) == 0) {
        timer_cancel(&walk.ts, &walk.timers[i]);
        walk.model[i].is_set = false;
        return;
    }
    const int64_t at_ms = earliest_ms + chance(50);
    timer_set(&walk.ts, &walk.timers[i], at_ms);
    walk.model[i].is_set = true;
    walk.model[i].at_ms = at_ms > walk.ts.now_ms ? at_ms : walk.ts.now_ms;
    walk.model[i].order = ++walk.order;
}

static void on_walk(struct timer *t)
{
    const int i = (int)(t - walk.timers);

    expect_int("the one that fires", i, model_next(walk.last));
    assert_true(walk.model[i].at_ms <= walk.ts.now_ms);
    walk.model[i].is_set = false;
    for (unsigned n = chance(4); n > 0; n--)
        step(walk.ts.now_ms - 5);
}

static void agrees_with_a_naive_model(void **state)
{
    (void)state;
    const char *given = getenv("SEED"); // NOLINT(concurrency-mt-unsafe): one thread
    const uint64_t seed = given ? strtoull(given, NULL, 0) : 20;
    size_t n_runs = 0;

    print_message("# SEED=%llu\n", (unsigned long long)seed);
    walk = (struct walk){.chance = seed * 2 + 1};
    for (int i = 0; i < N_TIMERS; i++)
        timer_init(&walk.timers[i], on_walk);

    for (int64_t now_ms = 0; n_runs < N_STEPS; n_runs++) {
        for (unsigned n = chance(6); n > 0; n--)
            step(now_ms - 5);
        const int next = model_next(UINT64_MAX);
        expect_int("next", timers_next_ms(&walk.ts),
                   next < 0 ? INT64_MAX : walk.model[next].at_ms);

        now_ms += chance(15);
        walk.last = walk.order;
        timers_run(&walk.ts, now_ms);
        const int left = model_next(walk.last);
        if (left >= 0 && walk.model[left].at_ms <= now_ms)
            fail_msg("timer %d was due and did not fire", left);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fires_in_the_order_of_deadlines_then_of_setting),
        cmocka_unit_test(a_cancelled_timer_does_not_fire),
        cmocka_unit_test(setting_anew_forgets_the_old_deadline),
        cmocka_unit_test(what_is_set_in_a_callback_waits_for_the_next_run),
        cmocka_unit_test(one_that_sets_itself_into_the_past_holds_up_no_other),
        cmocka_unit_test(a_callback_may_cancel_one_that_is_due),
        cmocka_unit_test(a_callback_may_free_its_timer),
        cmocka_unit_test(agrees_with_a_naive_model),
    };
    return cmocka_run_group_tests_name("base/timer", tests, NULL, NULL);
}
