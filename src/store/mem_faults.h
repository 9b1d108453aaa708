/** Faults that tests have asked the memory store for. */
#pragma once

#include "chat/store.h"

struct mem_faults {
    int fail_with;
    unsigned n_fail;       // changes
    unsigned n_lose;       // changes
    unsigned n_fail_reads; // all else
};

static inline bool mem_faults_take(unsigned *n)
{
    if (*n == 0)
        return false;
    (*n)--;
    return true;
}

/** @return what a change is answered with instead of being done, or 0 */
static inline int mem_faults_before(struct mem_faults *f, struct store_counters *counters)
{
    if (!mem_faults_take(&f->n_fail))
        return 0;
    counters->refused += f->fail_with == STORE_UNAVAILABLE;
    return f->fail_with;
}

/** @return what a change that was done is answered with, if not with r */
static inline int mem_faults_after(struct mem_faults *f, int r)
{
    return mem_faults_take(&f->n_lose) ? (int)STORE_UNCERTAIN : r;
}

/** @return what a read is answered with, or 0 */
static inline int mem_faults_of_read(struct mem_faults *f, struct store_counters *counters)
{
    if (!mem_faults_take(&f->n_fail_reads))
        return 0;
    counters->refused++;
    return STORE_UNAVAILABLE;
}
