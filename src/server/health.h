/**
 * Is the store within reach? Every second it is asked something that costs it nothing; and
 * what it refuses, whoever has asked, is noticed.
 */
#pragma once

#include "base/timer.h"
#include "chat/store.h"

#define HEALTH_LATE_MS  5000  // without an answer: out of reach
#define HEALTH_OUT_MS   30000 // out of reach so long: new clients had better come later
#define HEALTH_INTERVAL 1000  // ms, from one question to the next

// MAX is INT64_MAX: never. What was silent is counted from a question on: the clock may go on
// by hours at once, after the machine was suspended.
struct health {
    struct store *store;
    struct timers *timers;
    void (*on_look)(void *arg); // once an interval; perhaps something has changed
    void *arg;
    struct timer timer;
    bool is_asking;
    int64_t unanswered_ms;     // when it was first asked what it has not answered since, or MAX
    int64_t refused_ms;        // when it refused last, and has not written since
    int64_t out_since_ms;      // MAX: it is within reach
    struct store_counters was; // as they were at the last look
};

/** Within reach, until it shows otherwise. */
void health_start(struct health *h, struct store *store, struct timers *timers,
                  void (*on_look)(void *arg), void *arg);

/** Ask no more. A question that is under way is answered all the same: see is_asking. */
void health_stop(struct health *h);

static inline bool health_is_up(const struct health *h)
{
    return h->out_since_ms == INT64_MAX;
}

/** Has it been out of reach for HEALTH_OUT_MS? */
bool health_is_out(const struct health *h);
