#include "chat/limits.h"
#include "support/t.h"

static const account alice = {.len = 3, .bytes = {1, 2, 3}};
static const account bob = {.len = 3, .bytes = {1, 2, 4}};
static const struct chat_rate rates[LIMITS_N_BUCKETS] = {
    [LIMITS_SENDS] = {.burst = 3, .per_s = 10},
    [LIMITS_REQUESTS] = {.burst = 1, .per_s = 1},
};

static void no_chance(struct rand *r, void *out, size_t n)
{
    (void)r;
    memset(out, 7, n);
}

static int start(void **state)
{
    static struct limits l;
    static struct rand rand = {.bytes = no_chance};

    limits_init(&l, rates, &rand);
    *state = &l;
    return 0;
}

static int stop(void **state)
{
    limits_fini(*state);
    return 0;
}

static void gives_the_burst_then_the_rate(void **state)
{
    struct limits *l = *state;

    for (int i = 0; i < 3; i++)
        assert_int_equal(limits_take(l, &alice, LIMITS_SENDS, 1000), 0);
    assert_int_equal(limits_take(l, &alice, LIMITS_SENDS, 1000), 100);
    assert_int_equal(limits_take(l, &alice, LIMITS_SENDS, 1099), 1);
    assert_int_equal(limits_take(l, &alice, LIMITS_SENDS, 1100), 0);
    assert_int_equal(limits_take(l, &alice, LIMITS_SENDS, 1100), 100);
}

static void counts_accounts_and_kinds_apart(void **state)
{
    struct limits *l = *state;

    assert_int_equal(limits_take(l, &alice, LIMITS_REQUESTS, 0), 0);
    assert_int_equal(limits_take(l, &alice, LIMITS_REQUESTS, 0), 1000);
    assert_int_equal(limits_take(l, &alice, LIMITS_SENDS, 0), 0);
    assert_int_equal(limits_take(l, &bob, LIMITS_REQUESTS, 0), 0);
}

static void never_saves_up_more_than_the_burst(void **state)
{
    struct limits *l = *state;

    assert_int_equal(limits_take(l, &alice, LIMITS_SENDS, 0), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(limits_take(l, &alice, LIMITS_SENDS, 1000000000), 0);
    assert_true(limits_take(l, &alice, LIMITS_SENDS, 1000000000) > 0);
}

static void forgets_whoever_has_been_quiet(void **state)
{
    struct limits *l = *state;

    for (uint8_t i = 0; i < 200; i++) {
        const account a = {.len = 1, .bytes = {i}};
        assert_int_equal(limits_take(l, &a, LIMITS_SENDS, i), 0);
    }
    assert_true(l->accounts.n_nodes >= 100); // not full again yet
    for (int64_t i = 0; i < 200; i++)
        assert_int_equal(limits_take(l, &alice, LIMITS_SENDS, 10000 + i * 1000), 0);
    assert_int_equal(l->accounts.n_nodes, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(gives_the_burst_then_the_rate, start, stop),
        cmocka_unit_test_setup_teardown(counts_accounts_and_kinds_apart, start, stop),
        cmocka_unit_test_setup_teardown(never_saves_up_more_than_the_burst, start, stop),
        cmocka_unit_test_setup_teardown(forgets_whoever_has_been_quiet, start, stop),
    };
    return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
