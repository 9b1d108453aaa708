/**
 * A program that is run for us, for a time: without a shell, with no file of ours open, and
 * with /dev/null for its input and its outputs. It leads a process group of its own; when its
 * time is over all of that is killed. What it leaves behind in there when it ends by itself is
 * left alone.
 */
#pragma once

#include "io/loop.h"

struct child;

struct child_config {
    const char *const *argv; // the first is its path; NULL at the end
    const char *const *env;  // all that it gets, "NAME=value"; NULL at the end
    int64_t timeout_ms;
};

enum child_end {
    CHILD_EXITED,  // by itself; status is what it said
    CHILD_KILLED,  // by a signal that was not ours; status is its number
    CHILD_STOPPED, // by us: it was too late, or child_kill()
    CHILD_MISSING, // it could not be started; the fault was logged
};

/** It is gone, and nothing of it is left, no zombie either. */
typedef void child_fn(void *arg, enum child_end end, int status);

/** @param config  borrowed until this returns @return borrowed, until done is called */
struct child *child_run(struct loop *l, const struct child_config *config, child_fn *done,
                        void *arg);

/** done comes soon. */
void child_kill(struct child *c);
