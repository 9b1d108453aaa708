/** Threads that do the same at once. */
#pragma once

#include <pthread.h>

#include "base/base.h"
#include "support/t.h"

#define CROWD_THREADS 4

typedef void *crowd_fn(void *arg);

/** @param args  CROWD_THREADS of them, each of size bytes; none may fail a test */
static inline void crowd(crowd_fn *fn, void *args, size_t size)
{
    pthread_t threads[CROWD_THREADS];

    for (size_t i = 0; i < CROWD_THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, fn, (char *)args + i * size), 0);
    for (size_t i = 0; i < CROWD_THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}
