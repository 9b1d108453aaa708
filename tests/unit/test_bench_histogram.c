#include "base/mem.h"
#include "bench/histogram.h"
#include "support/t.h"

#define LONGEST ((INT64_C(1) << 41) - 1)

/** What comes out where this alone went in. */
static int64_t out_of(int64_t us)
{
    struct histogram *h = NEW(struct histogram);

    histogram_add(h, us);
    assert_int_equal(h->n, 1);
    const int64_t out = histogram_at(h, 1);
    assert_int_equal(histogram_at(h, 0), out);
    assert_int_equal(histogram_at(h, 0.5), out);
    free(h);
    return out;
}

static void below_128_it_is_exact(void **state)
{
    (void)state;
    for (int64_t us = 0; us < 128; us++)
        assert_int_equal(out_of(us), us);
    assert_int_equal(out_of(128), 129);
}

static void check_bounds(int64_t us)
{
    const int64_t out = out_of(us);

    if (out < us || out - us > us / 64)
        fail_msg("%lld comes out as %lld", (long long)us, (long long)out);
}

static void what_comes_out_is_never_below_and_at_most_a_64th_above(void **state)
{
    (void)state;
    for (unsigned octave = 0; octave < 41; octave++) {
        const int64_t power = INT64_C(1) << octave;
        check_bounds(power - 1);
        check_bounds(power);
        check_bounds(power + 1);
        check_bounds(power + power / 3);
    }
    check_bounds(LONGEST - 1);
    check_bounds(LONGEST);
    for (int64_t us = 1; us < LONGEST; us += 1 + us / 37)
        check_bounds(us);
}

static void what_is_longer_counts_as_the_longest(void **state)
{
    (void)state;
    assert_int_equal(out_of(LONGEST), LONGEST);
    assert_int_equal(out_of(LONGEST + 1), LONGEST);
    assert_int_equal(out_of(LONGEST * 2), LONGEST);
    assert_int_equal(out_of(INT64_MAX), LONGEST);
}

static void what_is_negative_counts_as_nothing(void **state)
{
    (void)state;
    assert_int_equal(out_of(-1), 0);
    assert_int_equal(out_of(INT64_MIN), 0);
}

static void an_empty_one_has_no_durations(void **state)
{
    struct histogram *h = NEW(struct histogram);

    (void)state;
    assert_int_equal(histogram_at(h, 0), 0);
    assert_int_equal(histogram_at(h, 0.99), 0);
    assert_int_equal(histogram_at(h, 1), 0);
    free(h);
}

/** 1 to 100, each as often. */
static void shares_of_an_even_distribution(void **state)
{
    static const struct {
        const char *name;
        double share;
        int64_t want;
    } rows[] = {
        {"none of it", 0, 1},  {"a hundredth", 0.01, 1},  {"a bit more", 0.0101, 2},
        {"the half", 0.5, 50}, {"a bit more", 0.501, 51}, {"p99", 0.99, 99},
        {"p99.9", 0.999, 100}, {"all", 1, 100},
    };
    struct histogram *h = NEW(struct histogram);

    (void)state;
    for (int64_t us = 100; us > 0; us--) {
        for (unsigned times = 0; times < 10; times++)
            histogram_add(h, us);
    }
    assert_int_equal(h->n, 1000);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect_int(rows[i].name, histogram_at(h, rows[i].share), rows[i].want);
    free(h);
}

static void few_long_ones_are_seen_at_the_end_alone(void **state)
{
    struct histogram *h = NEW(struct histogram);

    (void)state;
    for (unsigned i = 0; i < 998; i++)
        histogram_add(h, 10);
    histogram_add(h, 5000000);
    histogram_add(h, 5000000);
    assert_int_equal(histogram_at(h, 0.5), 10);
    assert_int_equal(histogram_at(h, 0.998), 10);
    assert_true(histogram_at(h, 0.999) >= 5000000);
    assert_true(histogram_at(h, 0.999) <= 5000000 + 5000000 / 64);
    free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(below_128_it_is_exact),
        cmocka_unit_test(what_comes_out_is_never_below_and_at_most_a_64th_above),
        cmocka_unit_test(what_is_longer_counts_as_the_longest),
        cmocka_unit_test(what_is_negative_counts_as_nothing),
        cmocka_unit_test(an_empty_one_has_no_durations),
        cmocka_unit_test(shares_of_an_even_distribution),
        cmocka_unit_test(few_long_ones_are_seen_at_the_end_alone),
    };
    return cmocka_run_group_tests_name("bench/histogram", tests, NULL, NULL);
}
