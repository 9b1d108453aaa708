/** The operations of the memory store: each is done by a job, when it is answered. For the
 * files mem*.c alone. */
#pragma once

#include "base/job.h"
#include "store/mem_auth.h"
#include "store/mem_faults.h"
#include "store/mem_model.h"
#include "store/mem_uploads.h"

struct store_mem {
    struct store store;
    struct job_queue *later;
    struct mem_model model;
    size_t queued_bytes; // of waiting appends
    struct mem_faults faults;
    struct mem_auth auth;
    struct mem_uploads uploads;
};

/** What an operation embeds as its first member. */
struct mem_op {
    struct job job;
    struct store_mem *s;
    int64_t horizon; // when it was called
    void *arg;
};

static inline struct store_mem *mem_of(struct store *s)
{
    return container_of(s, struct store_mem, store);
}

/** @param op  owned by its job from now on; free() */
static inline void mem_op_push(struct mem_op *op, struct store *s, void *arg,
                               void (*run)(struct job *job))
{
    op->s = mem_of(s);
    op->horizon = op->s->model.position;
    op->arg = arg;
    s->counters.queued++;
    job_push(op->s->later, &op->job, run);
}

/** Before its callback, which may look at the counters. @return the counters */
static inline struct store_counters *mem_op_begin(struct mem_op *op)
{
    op->s->store.counters.queued--;
    return &op->s->store.counters;
}

/** @return 0, or what a change is answered with instead of being done */
static inline int mem_op_begin_change(struct mem_op *op)
{
    return mem_faults_before(&op->s->faults, mem_op_begin(op));
}

/** @return what a change is answered with that was done with r */
static inline int mem_op_end_change(struct mem_op *op, int r)
{
    return mem_faults_after(&op->s->faults, r);
}

/** @return 0, or what a read is answered with */
static inline int mem_op_begin_read(struct mem_op *op)
{
    struct store_counters *counters = mem_op_begin(op);

    counters->reads++;
    return mem_faults_of_read(&op->s->faults, counters);
}

// mem_append.c
void mem_append(struct store *base, const struct store_append *a, store_append_fn *done,
                void *arg);

// mem_contact.c
void mem_receipt(struct store *base, const struct store_receipt *r, store_receipt_fn *done,
                 void *arg);
void mem_contact(struct store *base, const struct store_contact *c, store_contact_fn *done,
                 void *arg);
void mem_seen(struct store *base, const account *a, int64_t at_ms, store_seen_fn *done,
              void *arg);

// mem_messages.c
void mem_read(struct store *base, const struct store_read *r, store_read_fn *done, void *arg);
void mem_receipts(struct store *base, const struct store_receipts *r, store_receipts_fn *done,
                  void *arg);
void mem_history(struct store *base, const struct store_history *h, store_history_fn *done,
                 void *arg);

// mem_conversations.c
void mem_list(struct store *base, const struct store_list *l, store_list_fn *done, void *arg);
void mem_conversation(struct store *base, const struct store_conversation *c,
                      store_conversation_fn *done, void *arg);
void mem_changes(struct store *base, const struct store_changes *c, store_changes_fn *done,
                 void *arg);
void mem_relations(struct store *base, const struct store_relations *r,
                   store_relations_fn *done, void *arg);
void mem_touched(struct store *base, const struct store_touched *t, store_touched_fn *done,
                 void *arg);
void mem_unread(struct store *base, const account *a, store_unread_fn *done, void *arg);
