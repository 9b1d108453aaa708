#include "base/rates.h"
#include "support/t.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(gives_the_burst_then_the_rate, start, stop),
        cmocka_unit_test_setup_teardown(counts_accounts_and_kinds_apart, start, stop),
        cmocka_unit_test_setup_teardown(a_rate_may_be_of_any_time, start, stop),
        cmocka_unit_test_setup_teardown(a_key_is_all_of_its_bytes, start, stop),
        cmocka_unit_test_setup_teardown(never_saves_up_more_than_the_burst, start, stop),
        cmocka_unit_test_setup_teardown(forgets_whoever_has_been_quiet, start, stop),
    };
    return cmocka_run_group_tests_name("rates", tests, NULL, NULL);
}
