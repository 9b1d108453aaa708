#include "base/rates.h"
#include "support/crowd.h"

#define ALICE STR("\1\2\3")
#define BOB   STR("\1\2\4")

enum bucket {
    SENDS,
    REQUESTS,
    LOGINS,
};

static const struct rate some[] = {
    [SENDS] = {3, 10, 1000},
    [REQUESTS] = {1, 1, 1000},
    [LOGINS] = {2, 5, 60000},
};

static void no_chance(struct rand *r, void *out, size_t n)
{
    (void)r;
    memset(out, 7, n);
}

static int start(void **state)
{
    static struct rates r;
    static struct rand rand = {.bytes = no_chance};

    rates_init(&r, some, COUNT_OF(some), &rand);
    *state = &r;
    return 0;
}

static int stop(void **state)
{
    rates_fini(*state);
    return 0;
}

static void gives_the_burst_then_the_rate(void **state)
{
    struct rates *r = *state;

    for (int i = 0; i < 3; i++)
        assert_int_equal(rates_take(r, ALICE, SENDS, 1000), 0);
    assert_int_equal(rates_take(r, ALICE, SENDS, 1000), 100);
    assert_int_equal(rates_take(r, ALICE, SENDS, 1099), 1);
    assert_int_equal(rates_take(r, ALICE, SENDS, 1100), 0);
    assert_int_equal(rates_take(r, ALICE, SENDS, 1100), 100);
}

static void counts_accounts_and_kinds_apart(void **state)
{
    struct rates *r = *state;

    assert_int_equal(rates_take(r, ALICE, REQUESTS, 0), 0);
    assert_int_equal(rates_take(r, ALICE, REQUESTS, 0), 1000);
    assert_int_equal(rates_take(r, ALICE, SENDS, 0), 0);
    assert_int_equal(rates_take(r, BOB, REQUESTS, 0), 0);
}

static void a_rate_may_be_of_any_time(void **state)
{
    struct rates *r = *state;

    assert_int_equal(rates_take(r, ALICE, LOGINS, 0), 0);
    assert_int_equal(rates_take(r, ALICE, LOGINS, 0), 0);
    assert_int_equal(rates_take(r, ALICE, LOGINS, 0), 12000);
    assert_int_equal(rates_take(r, ALICE, LOGINS, 11999), 1);
    assert_int_equal(rates_take(r, ALICE, LOGINS, 12000), 0);
    assert_int_equal(rates_take(r, ALICE, LOGINS, 12000), 12000);
}

static void a_key_is_all_of_its_bytes(void **state)
{
    struct rates *r = *state;
    char longest[RATES_KEY_SIZE] = {0};
    const str key = {longest, sizeof(longest)};

    assert_int_equal(rates_take(r, key, REQUESTS, 0), 0);
    assert_int_equal(rates_take(r, (str){longest, sizeof(longest) - 1}, REQUESTS, 0), 0);
    assert_int_equal(rates_take(r, key, REQUESTS, 0), 1000);
    longest[sizeof(longest) - 1] = 1;
    assert_int_equal(rates_take(r, key, REQUESTS, 0), 0);
}

static void never_saves_up_more_than_the_burst(void **state)
{
    struct rates *r = *state;

    assert_int_equal(rates_take(r, ALICE, SENDS, 0), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(rates_take(r, ALICE, SENDS, 1000000000), 0);
    assert_true(rates_take(r, ALICE, SENDS, 1000000000) > 0);
}

static void forgets_whoever_has_been_quiet(void **state)
{
    struct rates *r = *state;

    for (uint8_t i = 0; i < 200; i++) {
        assert_int_equal(rates_take(r, (str){(const char *)&i, 1}, SENDS, i), 0);
    }
    assert_true(r->keys.n_nodes >= 100); // not full again yet
    for (int64_t i = 0; i < 200; i++)
        assert_int_equal(rates_take(r, ALICE, SENDS, 10000 + i * 1000), 0);
    assert_int_equal(r->keys.n_nodes, 1);
}

/** Loops read the time once in a turn: one may be behind another. */
static void who_is_behind_gets_nothing_for_it(void **state)
{
    struct rates *r = *state;

    for (int i = 0; i < 3; i++)
        assert_int_equal(rates_take(r, ALICE, SENDS, 1000), 0);
    assert_int_equal(rates_take(r, ALICE, SENDS, 900), 100);
    assert_int_equal(rates_take(r, BOB, SENDS, 900), 0); // which may forget who is quiet
    assert_int_equal(rates_take(r, ALICE, SENDS, 1000), 100);
    assert_int_equal(rates_take(r, ALICE, SENDS, 1099), 1);
    assert_int_equal(rates_take(r, ALICE, SENDS, 1100), 0);
}

struct taker {
    struct rates *rates;
    unsigned n_taken;
};

static void *take_many(void *arg)
{
    struct taker *t = arg;

    for (int i = 0; i < 2000; i++) {
        t->n_taken += rates_take(t->rates, ALICE, 0, 1000) == 0;
        // Of another one for each, which comes and goes.
        t->n_taken += rates_take(t->rates, (str){(const char *)&i, sizeof(i)}, 1, i) > 0;
    }
    return NULL;
}

static void threads_share_a_burst(void **state)
{
    static const struct rate rates[] = {{3000, 1, 1000000}, {CROWD_THREADS, 1, 1000}};
    static struct rand rand = {.bytes = no_chance};
    struct taker all[CROWD_THREADS];
    struct rates r;
    unsigned n_taken = 0;

    (void)state;
    rates_init(&r, rates, COUNT_OF(rates), &rand);
    for (size_t i = 0; i < CROWD_THREADS; i++)
        all[i] = (struct taker){.rates = &r};
    crowd(take_many, all, sizeof(all[0]));
    for (size_t i = 0; i < CROWD_THREADS; i++)
        n_taken += all[i].n_taken;
    assert_int_equal(n_taken, 3000);
    rates_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(gives_the_burst_then_the_rate, start, stop),
        cmocka_unit_test_setup_teardown(counts_accounts_and_kinds_apart, start, stop),
        cmocka_unit_test_setup_teardown(a_rate_may_be_of_any_time, start, stop),
        cmocka_unit_test_setup_teardown(a_key_is_all_of_its_bytes, start, stop),
        cmocka_unit_test_setup_teardown(never_saves_up_more_than_the_burst, start, stop),
        cmocka_unit_test_setup_teardown(forgets_whoever_has_been_quiet, start, stop),
        cmocka_unit_test_setup_teardown(who_is_behind_gets_nothing_for_it, start, stop),
        cmocka_unit_test(threads_share_a_burst),
    };
    return cmocka_run_group_tests_name("rates", tests, NULL, NULL);
}
