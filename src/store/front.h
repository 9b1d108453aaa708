/**
 * The ports of a store whose work is done on threads: one that writes, in groups, and one that
 * reads. What does the work is an engine (sqlite.c, pg.c). Each loop has a front of its own,
 * with what it has asked for and was not answered yet; the engine and its threads are one for
 * all.
 */
#pragma once

#include <stdatomic.h>

#include "base/pool.h"
#include "io/loop.h"
#include "store/op.h"

#define STORE_RECEIPT_MS 50 // receipts, and what was seen, wait so for an append

struct store_engine;

struct store_engine_ops {
    const char *name;  // of the backend
    size_t max_writes; // of one group
    size_t max_reads;  // of one batch: those that are done wait for the others

    /** Answer them: durable, where r is 0. Thread: the one that writes. @param writes  of
     * struct write_op */
    void (*run_writes)(struct store_engine *e, struct list *writes);

    /** Answer them. Thread: the one that reads. @param reads  of struct read_op */
    void (*run_reads)(struct store_engine *e, struct list *reads);

    /** The threads have ended. */
    void (*free)(struct store_engine *e);
};

/** An engine embeds this. */
struct store_engine {
    const struct store_engine_ops *ops;
    uint64_t epoch;
    // Up to here all is on the disk, whoever has written it. Never goes back.
    atomic_int_fast64_t durable;
    // By several fronts, or several processes; from before it is used. store_read() of one that
    // is not brings nothing that was not answered when it was called.
    bool is_shared;
    bool has_other_writers; // as struct store has it; from before it is used
};

/** Thread: any. */
static inline void store_engine_reach(struct store_engine *e, int64_t position)
{
    int_fast64_t now = atomic_load(&e->durable);

    while (now < position && !atomic_compare_exchange_weak(&e->durable, &now, position))
        ;
}

struct store_front {
    struct store store;
    struct store_ops ops; // the same for all, but for the backend's name
    struct auth_store auth;
    struct uploads uploads;
    struct loop *loop;
    struct store_engine *engine;
    bool is_owner; // of the engine
    struct worker *write_thread;
    struct worker *read_thread;
    struct pool *mark_pool;   // of struct write_op
    struct pool *append_pool; // likewise
    int64_t horizon;          // the last position that was answered here
    size_t queued_bytes;      // of waiting appends
    size_t n_auth_queued;     // waiting changes of sessions
    size_t n_upload_queued;   // waiting changes of uploads
    struct list held;         // receipts, and what was seen, that wait for an append
    struct timer held_long;   // enough
};

static inline struct store_front *store_front_of(struct store *s)
{
    return container_of(s, struct store_front, store);
}

/**
 * The first front, and the engine's threads.
 *
 * @param e    opened; owned from now on, also after a fault
 * @param out  owned; store_free() @return 0 or a fault
 */
MUST_CHECK int store_front_new(struct store **out, struct loop *l, struct store_engine *e);

/**
 * One more, for another loop. What the one has stored the other has, as soon as it is answered;
 * an operation is answered on the loop that it was called on.
 *
 * Thread: that of `with`, before either is used.
 *
 * @param with  outlives it
 * @param out   owned; store_free() @return 0 or a fault
 */
MUST_CHECK int store_front_share(struct store **out, struct store *with, struct loop *l);

/** Borrowed, for the store's life. Its changes are in the groups of the store's. */
struct auth_store *store_front_auth(struct store *s);

/** Likewise. */
struct uploads *store_front_uploads(struct store *s);
