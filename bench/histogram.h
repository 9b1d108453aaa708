/**
 * Durations, counted in classes of 1/64 of an octave: what comes out is at most 1.6 % too
 * large, and never too small. No more memory for more of them.
 */
#pragma once

#include "base/base.h"

#define HISTOGRAM_CLASSES (UINT64_C(64) * 36) // up to 2^41 µs, 25 days; longer counts as that

struct histogram {
    uint64_t n;
    uint64_t counts[HISTOGRAM_CLASSES];
};

/** Less than 0 counts as 0. */
void histogram_add(struct histogram *h, int64_t us);

/** The duration that `share` (0.99) of all do not pass; 0 if there are none. */
int64_t histogram_at(const struct histogram *h, double share);
