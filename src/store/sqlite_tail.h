/**
 * The tail: what the log has and the index (sqlite_index.h) has not yet, in memory. The writer
 * puts each group into it as soon as that is committed; readers look here first.
 *
 * It has at most two generations. The young one takes what is new; the old one has stopped
 * growing and is on its way into the index. Who looks holds both, from before its snapshot of
 * the index begins: what leaves the tail in the meantime is in the index as well, but perhaps
 * not in that snapshot.
 *
 * Threads: all of it may be called on any, but for what only the writer, or the indexer, may
 * do.
 */
#pragma once

#include <pthread.h>

#include "store/sqlite_thread.h"

struct tail_gen;

struct tail {
    pthread_mutex_t mutex; // of what follows, and of what the young one holds
    pthread_cond_t filled; // there is no old one any more
    uint8_t key[HASH_KEY_SIZE];
    struct tail_gen *young;
    struct tail_gen *old; // or NULL
    uint64_t moment;      // rises with each conversation that is new in the young one
};

/** The newer one first; NULL: there is none. */
struct tail_view {
    struct tail *tail;
    struct tail_gen *gens[2];
};

/** A conversation, as it is behind all that the tail has of it. */
struct tail_thread {
    conversation_id id;
    struct thread_side sides[2]; // without what is in memory alone
};

/** Where the index is to be when it has the old generation. */
struct tail_end {
    int64_t position;
    uint64_t chain; // see sqlite_index.h
};

/** @param key  of the hashes */
void tail_init(struct tail *t, const uint8_t key[HASH_KEY_SIZE]);

/** Nobody holds it any more. */
void tail_fini(struct tail *t);

// Looking.

/** @param v  tail_release() */
void tail_hold(struct tail *t, struct tail_view *v);
void tail_release(struct tail_view *v);

/** @return false: the tail has nothing of it */
bool tail_find(const struct tail_view *v, conversation_id id, struct tail_thread *out);

/** @return the position of this message; 0: it is none of the tail's */
int64_t tail_place(const struct tail_view *v, conversation_id id, uint64_t seq);

/** Positions of messages of this conversation whose keys have this hash.
 * @return how many, at most max */
size_t tail_keyed(const struct tail_view *v, conversation_id id, uint64_t hash, int64_t *out,
                  size_t max);

/** @param side  the account's */
typedef bool tail_filter_fn(const struct tail_thread *t, unsigned side, const void *arg);

/** What the tail has of an account, at some moment. */
struct tail_found {
    struct tail_thread *threads; // that the filter has let through, in no order; owned
    size_t n;
    uint64_t moment; // for tail_had()
};

/** @param filter  called with the mutex @return free(threads) */
struct tail_found tail_select(const struct tail_view *v, const account *a,
                              tail_filter_fn *filter, const void *arg);

/** What a conversation's id begins with: no other one of this store has the same. */
static inline uint64_t tail_number(conversation_id id)
{
    return id >> 32;
}

/** Did the tail have anything of the conversation with this number at that moment? Then what
 * the index has of it was out of date. */
bool tail_had(const struct tail_view *v, uint64_t number, uint64_t moment);

// Growing. The writer alone.

/** As t is now, with its fresh messages, which the tail takes. */
void tail_put(struct tail *t, struct thread *thread);

/** What the young generation costs, in bytes, about. */
size_t tail_cost(struct tail *t);

/** Is there an old one? */
bool tail_is_filling(struct tail *t);

/** Wait until there is none, or so long. */
void tail_await_filled(struct tail *t, unsigned ms);

/** The young one is old from now on: there was none. */
void tail_age(struct tail *t, struct tail_end end);

// Filling the index. The indexer alone.

/** A conversation of the old generation. */
struct tail_item {
    const struct tail_thread *thread;
    uint64_t first_seq; // of the entries
    size_t n_entries;
    const struct tail_entry *entries;
};

/** Of the old generation, by conversation. @return owned, borrowing from it; NULL: there is
 * none */
struct tail_item *tail_old(struct tail *t, size_t *n, struct tail_end *end);

/** The index has it. */
void tail_drop_old(struct tail *t);
