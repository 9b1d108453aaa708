#include <math.h>

#include "bench/figures.h"
#include "support/t.h"

#define NONE ((double)NAN)

struct row {
    const char *name;
    size_t n;
    double of[5]; // each run's
    double least;
    double median;
    double most;
};

// clang-format off
static const struct row rows[] = {
    {"none",                  0, {0},               NONE, NONE, NONE},
    {"one",                   1, {7},               7, 7, 7},
    {"two",                   2, {9, 4},            4, 6.5, 9},
    {"three",                 3, {9, 4, 5},         4, 5, 9},
    {"five",                  5, {3, 5, 1, 4, 2},   1, 3, 5},
    {"five alike",            5, {2, 2, 2, 2, 2},   2, 2, 2},
    {"one not measured",      3, {8, NONE, 6},      6, 7, 8},
    {"none measured",         2, {NONE, NONE},      NONE, NONE, NONE},
    {"below zero",            3, {-1, 0, -5},       -5, -1, 0},
};
// clang-format on

static void expect_double(const char *name, double got, double want)
{
    if (isnan(got) != isnan(want) || fabs(got - want) > 1e-9)
        fail_msg("%s: %f, want %f", name, got, want);
}

/** In each figure by itself: in the others the order is another one. */
static void check_row(const struct row *row, enum figure figure)
{
    struct figures all[5] = {0};
    struct figures at;

    for (size_t k = 0; k < row->n; k++) {
        for (size_t i = 0; i < FIGURES; i++)
            all[k].of[i] = (double)(i * k);
        all[k].of[figure] = row->of[k];
    }
    figures_at(&at, all, row->n, 0);
    expect_double(row->name, at.of[figure], row->least);
    figures_at(&at, all, row->n, 0.5);
    expect_double(row->name, at.of[figure], row->median);
    figures_at(&at, all, row->n, 1);
    expect_double(row->name, at.of[figure], row->most);
}

static void of_several_runs_the_least_the_median_and_the_most(void **state)
{
    (void)state;
    for (size_t k = 0; k < COUNT_OF(rows); k++) {
        for (unsigned figure = 0; figure < FIGURES; figure++)
            check_row(&rows[k], (enum figure)figure);
    }
}

static void latencies_have_places_of_their_own(void **state)
{
    (void)state;
    assert_int_equal(FIGURE_DELIVERY_MS - FIGURE_ACK_MS, FIGURES_SHARES);
    assert_int_equal(FIGURE_SERVER_CPU_US - FIGURE_DELIVERY_MS, FIGURES_SHARES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_several_runs_the_least_the_median_and_the_most),
        cmocka_unit_test(latencies_have_places_of_their_own),
    };
    return cmocka_run_group_tests_name("bench/figures", tests, NULL, NULL);
}
