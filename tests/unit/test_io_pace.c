#include "io/pace.h"
#include "support/t.h"

#define S_NS     INT64_C(1000000000)
#define START_NS (100 * S_NS)

static void what_was_not_used_counts_up_to_the_burst(void **state)
{
    struct pace p = {.bytes_per_s = 1000, .burst_bytes = 500};

    (void)state;
    assert_int_equal(pace_take(&p, 500, START_NS), 0);
    assert_int_equal(pace_take(&p, 1, START_NS), S_NS / 1000);
    assert_int_equal(pace_take(&p, 499, START_NS + 1000 * S_NS), 0);
    assert_int_equal(pace_take(&p, 2, START_NS + 1000 * S_NS), S_NS / 1000);
}

static void it_is_as_fast_as_it_may_be_in_the_long_run(void **state)
{
    struct pace p = {.bytes_per_s = 1000, .burst_bytes = 100};
    int64_t now_ns = START_NS;

    (void)state;
    for (int i = 0; i < 1000; i++)
        now_ns += pace_take(&p, 50, now_ns);
    assert_int_equal(now_ns - START_NS, (1000 * 50 - 100) * (S_NS / 1000));
}

static void no_rate_and_no_size_overflow(void **state)
{
    struct pace slow = {.bytes_per_s = 1, .burst_bytes = 1};
    struct pace fast = {.bytes_per_s = UINT64_MAX, .burst_bytes = 1};

    (void)state;
    assert_true(pace_take(&slow, UINT64_MAX, START_NS) > S_NS);
    assert_true(pace_take(&slow, UINT64_MAX, START_NS) > S_NS);
    assert_true(pace_take(&fast, UINT64_MAX, START_NS) <= S_NS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_not_used_counts_up_to_the_burst),
        cmocka_unit_test(it_is_as_fast_as_it_may_be_in_the_long_run),
        cmocka_unit_test(no_rate_and_no_size_overflow),
    };
    return cmocka_run_group_tests_name("io_pace", tests, NULL, NULL);
}
