/**
 * How long things take: counts by duration, for Prometheus. Numbers alone, so that those of
 * several are added up as their other numbers are.
 */
#pragma once

#include "base/base.h"

#define HISTOGRAM_BOUNDS 16

/** Each is a uint64_t. */
struct histogram {
    uint64_t counts[HISTOGRAM_BOUNDS + 1]; // the last one: longer than any bound
    uint64_t sum_us;
};

/** Microseconds: a duration of at most that counts there. */
static const uint32_t histogram_bounds_us[HISTOGRAM_BOUNDS] = {
    100,   250,    500,    1000,   2500,    5000,    10000,   25000,
    50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000};

/** @param us  below 0: a clock was set, and it counts as 0 */
static inline void histogram_add(struct histogram *h, int64_t us)
{
    const uint64_t duration = us > 0 ? (uint64_t)us : 0;
    unsigned i = 0;

    while (i < HISTOGRAM_BOUNDS && duration > histogram_bounds_us[i])
        i++;
    h->counts[i]++;
    h->sum_us += duration;
}
