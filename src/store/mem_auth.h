/**
 * The reference model of auth/store.h: a part of the memory store, and as simple. It forgets
 * nothing: what is over is only as good as gone, so that a backend which does remove it must
 * not be told from this one.
 */
#pragma once

#include "auth/store.h"
#include "base/job.h"
#include "base/list.h"
#include "store/mem_faults.h"

struct mem_auth {
    struct auth_store store;
    struct job_queue *later;
    struct store_counters *counters;
    struct list sessions;    // in the order of their beginnings
    struct list nonces;      // that were ever used
    struct list revocations; // in the order of positions
    int64_t position;        // the last one taken
    size_t n_waiting;        // changes
    struct mem_faults faults;
};

/** @param later, counters  borrowed for its life; both are the store's */
void mem_auth_init(struct mem_auth *m, struct job_queue *later,
                   struct store_counters *counters);

/** No operation may wait. */
void mem_auth_fini(struct mem_auth *m);
