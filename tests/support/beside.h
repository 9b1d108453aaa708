/** What blocks, beside a loop in the same process that it waits for. */
#pragma once

#include <pthread.h>
#include <time.h>

#include "io/loop.h"
#include "support/t.h"

struct beside {
    void (*fn)(void *arg);
    void *arg;
    bool is_done; // atomic
};

static inline void *beside_run(void *arg)
{
    struct beside *b = arg;

    b->fn(b->arg);
    __atomic_store_n(&b->is_done, true, __ATOMIC_RELEASE);
    return NULL;
}

/** Turn the loop until fn, in a thread of its own, has returned. It must not fail a test. */
static inline void beside(struct loop *l, void (*fn)(void *arg), void *arg)
{
    const struct timespec nap = {.tv_nsec = 100000};
    struct beside b = {.fn = fn, .arg = arg};
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, beside_run, &b), 0);
    while (!__atomic_load_n(&b.is_done, __ATOMIC_ACQUIRE)) {
        loop_run_once(l);
        nanosleep(&nap, NULL);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
}
