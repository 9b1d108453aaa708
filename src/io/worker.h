/**
 * A thread with a queue, for what would block the loop. It takes all that is queued at once:
 * what comes while it works makes the next batch, so that a slow disk makes batches larger and
 * not the queue longer.
 *
 * Tasks are moved: to the thread with worker_submit(), back to the loop with on_done. What
 * they hold is nobody else's in between.
 *
 * Several loops may use one thread, each by a worker of its own: it takes the tasks of all of
 * them together, and gives to each its own.
 */
#pragma once

#include "base/list.h"
#include "io/loop.h"

struct worker;

/** Embedded in what is to be done. */
struct worker_task {
    struct list node; // in no list while it is the caller's
    struct worker *from;
};

struct worker_ops {
    /** Thread: the worker's. tasks is a list of what was submitted, not empty; of each loop's
     * in that order. @param arg  the thread's */
    void (*run)(void *arg, struct list *tasks);

    /** On the loop, once a run that had tasks of its: these, in the order that run() left them
     * in. @param arg  the worker's */
    void (*on_done)(void *arg, struct list *tasks);
};

struct worker_config {
    const char *name; // of the thread; at most 15 bytes
    size_t max_batch; // tasks of one run
    const struct worker_ops *ops;
    void *arg; // of run()
};

static inline struct worker_task *worker_task_of(struct list *node)
{
    return container_of(node, struct worker_task, node);
}

/** With a thread of its own. @param arg  of on_done() @param out  owned; worker_free()
 * @return 0 or a fault */
MUST_CHECK int worker_new(struct worker **out, struct loop *l,
                          const struct worker_config *config, void *arg);

/**
 * With the thread of another one.
 *
 * Thread: that of l, or l does not run yet.
 *
 * @param with  outlives it
 * @param out   owned; worker_free() @return 0 or a fault
 */
MUST_CHECK int worker_share(struct worker **out, struct worker *with, struct loop *l,
                            void *arg);

/** Submit one. Order is kept. */
void worker_submit(struct worker *w, struct worker_task *task);

/** Waits for the end of what runs. What waits is dropped, to run or for on_done: the tasks are
 * the caller's again. NULL is fine. */
void worker_free(struct worker *w);
