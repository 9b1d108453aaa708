/**
 * Timers: what shall happen when. Pure: whoever drives them (the loop, a test, the
 * simulator) says what time it is.
 *
 * Deadlines are met in their order, those of the same millisecond in the order in
 * which they were set. A timer costs nothing while it is not set.
 */
#pragma once

#include "base/base.h"

struct timer;
typedef void timer_fn(struct timer *t);

struct timer {
    struct timer *child; // pairing heap: first child, next sibling, previous or parent
    struct timer *next;
    struct timer *prev;
    int64_t at_ms;
    uint64_t order; // of being set; 0: it is not
    timer_fn *fire;
};

struct timers {
    struct timer *root;
    uint64_t order;
    int64_t now_ms; // monotonic; set by the driver, before anything else happens
};

static inline void timer_init(struct timer *t, timer_fn *fire)
{
    *t = (struct timer){.fire = fire};
}

static inline bool timer_is_set(const struct timer *t)
{
    return t->order != 0;
}

/**
 * Set t, or set it anew. A deadline in the past counts as now: it fires at the next
 * timers_run(), behind what was due before it, so that a timer that always sets itself
 * into the past holds up no other.
 */
void timer_set(struct timers *ts, struct timer *t, int64_t at_ms);

/** Harmless when it is not set. */
void timer_cancel(struct timers *ts, struct timer *t);

/** @return the earliest deadline, or INT64_MAX */
int64_t timers_next_ms(const struct timers *ts);

/**
 * Make now_ms the time and fire what is due. A timer is no longer set when its
 * function is called; the function may set it again, and may free it. What is set
 * for a time already due waits for the next call.
 */
void timers_run(struct timers *ts, int64_t now_ms);
