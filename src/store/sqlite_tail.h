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

#include "store/sqlite_pack.h"

struct tail_gen;
struct tail_node;
struct tail_account;

struct tail {
    pthread_mutex_t mutex; // of what follows, and of what the young one holds; of whole groups
    pthread_cond_t filled; // there is no old one any more
    uint8_t key[HASH_KEY_SIZE];
    struct tail_gen *young;
    struct tail_gen *old; // or NULL
    uint64_t moment;      // rises with each conversation that is new in the young one
    int64_t position; // of the last change that was put; the index and it have all up to there
};

/** The newer one first; NULL: there is none. */
struct tail_view {
    struct tail *tail;
    struct tail_gen *gens[2];
    int64_t upto;   // what there was when it was held, whole groups: the log has that
    bool is_passed; // something was looked at that has changed behind that
};

/** A conversation, as it is behind all that the tail has of it. */
struct tail_thread {
    conversation_id id;
    struct thread_side sides[2]; // without what is in memory alone
    struct thread_keys keys;
    struct tail_spot spot;
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

/** @param out  gets its spot in any case @return false: the tail has nothing of it */
bool tail_find(struct tail_view *v, conversation_id id, struct tail_thread *out);

/** @return the position of this message; 0: it is none of the tail's */
int64_t tail_place(const struct tail_view *v, conversation_id id, uint64_t seq);

/** Positions of messages of this conversation whose keys have this hash.
 * @return how many, at most max */
size_t tail_keyed(const struct tail_view *v, conversation_id id, uint32_t hash, int64_t *out,
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
struct tail_found tail_select(struct tail_view *v, const account *a, tail_filter_fn *filter,
                              const void *arg);

/** Did the tail have anything of this conversation at that moment? Then what the index has of
 * it was out of date. */
bool tail_had(const struct tail_view *v, conversation_id id, uint64_t moment);

// Growing. The writer alone.

/** A group follows, which who looks sees as a whole: nobody looks until tail_end_group(). */
void tail_begin_group(struct tail *t);

/** As t is now, with its fresh messages, which the tail takes. */
void tail_put(struct tail *t, struct thread *thread);

/** @param position  of the group's last change */
void tail_end_group(struct tail *t, int64_t position);

/** What the young generation costs, in bytes, about. */
size_t tail_cost(struct tail *t);

/** Is there an old one? */
bool tail_is_filling(struct tail *t);

/** Wait until there is none, or so long. */
void tail_await_filled(struct tail *t, unsigned ms);

/** The young one is old from now on: there was none. */
void tail_age(struct tail *t, struct tail_end end);

// Filling the index. The indexer alone: the old generation does not change any more, and nobody
// else drops it.

/** @return the old one, borrowed until tail_drop_old(), or NULL: there is none */
const struct tail_gen *tail_old(struct tail *t);

struct tail_end tail_gen_end(const struct tail_gen *g);

/** Its conversations, by id. @return owned */
const struct tail_node **tail_gen_threads(const struct tail_gen *g, size_t *n);

/** Its accounts, by their ids. @return owned */
const struct tail_account **tail_gen_accounts(const struct tail_gen *g, size_t *n);

/** It will be looked at soon: first the one, some steps later the other. Nothing else comes of
 * it. */
void tail_fetch(const struct tail_node *node);
void tail_fetch_item(const struct tail_node *node);

/** A conversation of it; all of it is borrowed. */
struct tail_item {
    conversation_id id;
    str state;          // as pack_thread() has it
    uint64_t first_seq; // of the entries
    size_t n_entries;
    const struct tail_entry *entries;
};

struct tail_item tail_item_of(const struct tail_node *node);

int64_t tail_account_id(const struct tail_account *a);

/** The conversations that the generation has of it, by number. @return owned */
struct member *tail_account_members(const struct tail_account *a, size_t *n);

/** The index has it. */
void tail_drop_old(struct tail *t);
