/**
 * How a server ends: nobody new comes in, its clients are let go of a few at a time, then all
 * that is left is closed; and then it waits for the last of them, but not for ever. Asked a
 * second time it waits no longer for what it is waiting for.
 *
 * Pure: what to do is the caller's, and so are the timers.
 */
#pragma once

#include "base/fsm.h"
#include "base/timer.h"

#define STOP_CLOSE_MS   4000 // for clients to take their farewell; then they are cut
#define STOP_CUT_MS     1000 // for what is under way to end all the same; then it is left there
#define STOP_LOOK_EVERY 50   // ms, from one look to the next

/**
 * ms, from one part of the clients to the next. It is also for how long a request that was
 * under way may still be answered: as long as a slow disk takes to sync.
 */
#define STOP_PART_EVERY 200

struct stop_ops {
    /** Nobody new from now on. */
    void (*refuse)(void *arg);

    /** Let go of a part of the clients: 1/n_steps. @return how many are left */
    size_t (*let_go)(void *arg, size_t n_steps);

    /** Let go of all, and close what they have left open. */
    void (*close)(void *arg);

    /** Is nothing left, and nothing under way? */
    bool (*is_over)(void *arg);

    /** Time is up: cut what is left, give up what is under way. Perhaps more than once. */
    void (*cut)(void *arg);

    /** Last of all. @param is_clean  nothing was left */
    void (*on_end)(void *arg, bool is_clean);
};

struct stop {
    struct timers *timers;
    const struct stop_ops *ops;
    void *arg;
    int64_t drain_ms;
    struct fsm fsm;
    struct timer timer;
    int64_t until_ms; // of what it is waiting for
};

/** @param drain_ms  that letting go of the clients takes at most */
void stop_init(struct stop *s, struct timers *timers, int64_t drain_ms,
               const struct stop_ops *ops, void *arg);

/** Begin, or hurry. */
void stop_ask(struct stop *s);
