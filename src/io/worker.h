/**
 * A thread with a queue, for what would block the loop. It takes all that is queued at once:
 * what comes while it works makes the next batch, so that a slow disk makes batches larger and
 * not the queue longer.
 *
 * Tasks are moved: to the thread with worker_submit(), back to the loop with on_done. What
 * they hold is nobody else's in between.
 */
#pragma once

#include "base/list.h"
#include "io/loop.h"

struct worker;

struct worker_ops {
    /** Thread: the worker's. tasks is a list of what was submitted, in that order, not empty.
     */
    void (*run)(void *arg, struct list *tasks);

    /** On the loop, once a run: the same tasks, in the order that run() left them in. */
    void (*on_done)(void *arg, struct list *tasks);
};

struct worker_config {
    const char *name; // of the thread; at most 15 bytes
    size_t max_batch; // tasks of one run
    int nice;         // as nice() has it: others come first where processors are few
    const struct worker_ops *ops;
    void *arg;
};

/** @param out  owned; worker_free() @return 0 or a fault */
MUST_CHECK int worker_new(struct worker **out, struct loop *l,
                          const struct worker_config *config);

/** Submit one; the node must be in no list. Order is kept. */
void worker_submit(struct worker *w, struct list *task);

/** Waits for the end of what runs. What waits is dropped, to run or for on_done: the tasks are
 * the caller's again. */
void worker_free(struct worker *w);
