/** The reference model of chat/uploads.h: a part of the memory store, and as simple. For the
 * files mem*.c alone. */
#pragma once

#include "base/job.h"
#include "base/list.h"
#include "chat/uploads.h"
#include "store/mem_faults.h"

struct mem_uploads {
    struct uploads uploads;
    struct job_queue *later;
    struct store_counters *counters;
    struct mem_faults *faults;
    struct list all;    // uploads, in the order of their creation
    struct list owners; // accounts that have ever announced one
    size_t n_waiting;   // changes
};

/** @param later, counters, faults  borrowed for its life; all are the store's */
void mem_uploads_init(struct mem_uploads *m, struct job_queue *later,
                      struct store_counters *counters, struct mem_faults *faults);

/** No operation may wait. */
void mem_uploads_fini(struct mem_uploads *m);

/** May the message have the upload that it names? One that names none may.
 * @return 0 or STORE_NO_UPLOAD */
MUST_CHECK int mem_uploads_check(struct mem_uploads *m, const struct store_append *a);

/** It was stored, and keeps what it names, for good: no message goes in here. */
void mem_uploads_keep(struct mem_uploads *m, const struct store_append *a);
