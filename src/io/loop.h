/**
 * The event loop: one thread, which owns all that is made with it.
 *
 * A turn is: wait for the network, call back for what came, run the timers that are
 * due, run the jobs for later, write what was gathered. Timers come after the network
 * on purpose: a loop that was held up reads the pongs that have been waiting before it
 * decides who is dead.
 */
#pragma once

#include <pthread.h>

#include "base/clock.h"
#include "base/job.h"
#include "base/timer.h"

struct loop {
    struct timers timers;
    struct job_queue later; // run at the end of the turn
    struct clock clock;
    size_t n_streams; // open, or still closing
};

/** What libuv allocates can't fail (base/mem.h). Before the first loop, or not at all. */
void loop_set_mem(void);

/** The wall clock, for who has no loop. Borrowed, for ever. */
struct clock *loop_wall_clock(void);

/** The monotonic time, for threads of their own: who is on a loop has its timers'. Thread: any.
 */
int64_t loop_now_ns(void);

/** SIGPIPE is ignored from here on. @param out  owned; loop_free() @return 0 or a fault */
MUST_CHECK int loop_new(struct loop **out);

/** After loop_run() has returned, and all listeners and streams have been closed. */
void loop_free(struct loop *l);

/** Run until loop_stop(). */
void loop_run(struct loop *l);

/** loop_run() returns at the end of this turn. */
void loop_stop(struct loop *l);

/**
 * Cut every stream that is still closing, and tell the owners of the others that theirs
 * are lost. Call it again for those that they close in answer.
 */
void loop_abort_streams(struct loop *l);

/** One pass over what is ready, without waiting; for tests and for closing down. */
void loop_run_once(struct loop *l);

#define LOOP_THREAD_NAME_SIZE 16 // bytes, NUL included (pthread_setname_np(3))

/** A thread that a loop is run on. */
struct loop_thread {
    pthread_t id;
    char name[LOOP_THREAD_NAME_SIZE];
    void (*run)(void *arg);
    void *arg;
};

/**
 * Run run(arg) on a thread of its own.
 *
 * @param t     the caller's, until loop_thread_join()
 * @param name  at most 15 bytes @return 0 or a fault
 */
MUST_CHECK int loop_thread_start(struct loop_thread *t, const char *name,
                                 void (*run)(void *arg), void *arg);

/** Wait for its end. */
void loop_thread_join(struct loop_thread *t);

typedef void loop_signal_fn(void *arg, int signal);

/** Call fn on the loop for this signal, as often as it comes, until loop_free(). @return 0 or a
 * fault */
MUST_CHECK int loop_on_signal(struct loop *l, int signal, loop_signal_fn *fn, void *arg);
