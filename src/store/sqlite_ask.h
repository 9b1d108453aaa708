/**
 * The store itself, and the way of its questions to the reader's thread and back. For the files
 * sqlite.c and sqlite_ask.c alone.
 *
 * Each loop has a front of its own, with what it has asked for and was not answered yet; the
 * files and their threads are one engine for all fronts.
 */
#pragma once

#include "base/pool.h"
#include "io/worker.h"
#include "store/sqlite.h"
#include "store/sqlite_keep.h"
#include "store/sqlite_read.h"
#include "store/sqlite_write.h"

// A page may be large: those that are done shall not wait for many others.
#define SQLITE_ASK_BATCH 16

struct sqlite_engine {
    int lock;                    // descriptor of the directory's lock
    struct sqlite_writer writer; // its thread's, while there is one
    struct sqlite_keep keep;     // likewise
    struct sqlite_reader reader; // likewise
    bool is_shared;              // by several fronts; from before they are used
};

struct store_sqlite {
    struct store store;
    struct auth_store auth;
    struct uploads uploads;
    struct loop *loop;
    struct sqlite_engine *engine;
    bool is_owner; // of the engine
    struct worker *write_thread;
    struct worker *read_thread;
    struct pool *mark_pool;   // of struct sqlite_write
    struct pool *append_pool; // likewise
    int64_t horizon;          // the last position that was answered here
    size_t queued_bytes;      // of waiting appends
    size_t n_auth_queued;     // waiting changes of sessions
    size_t n_upload_queued;   // waiting changes of uploads
    struct list held;         // receipts, and what was seen, that wait for an append
    struct timer held_long;   // enough
};

static inline struct store_sqlite *sqlite_of(struct store *s)
{
    return container_of(s, struct store_sqlite, store);
}

/** Where there is one loop, not before what is up to there was answered. */
static inline int64_t sqlite_horizon(const struct store_sqlite *s)
{
    return s->engine->is_shared ? atomic_load(&s->engine->writer.durable) : s->horizon;
}

/** Of the reader's thread; their arg there is the engine. */
extern const struct worker_ops sqlite_ask_ops;

// Operations of the three ports.

void sqlite_ask_read(struct store *base, const struct store_read *r, store_read_fn *done,
                     void *arg);
void sqlite_ask_receipts(struct store *base, const struct store_receipts *r,
                         store_receipts_fn *done, void *arg);
void sqlite_ask_history(struct store *base, const struct store_history *h,
                        store_history_fn *done, void *arg);
void sqlite_ask_list(struct store *base, const struct store_list *l, store_list_fn *done,
                     void *arg);
void sqlite_ask_conversation(struct store *base, const struct store_conversation *c,
                             store_conversation_fn *done, void *arg);
void sqlite_ask_changes(struct store *base, const struct store_changes *c,
                        store_changes_fn *done, void *arg);
void sqlite_ask_relations(struct store *base, const struct store_relations *r,
                          store_relations_fn *done, void *arg);
void sqlite_ask_touched(struct store *base, const struct store_touched *t,
                        store_touched_fn *done, void *arg);
void sqlite_ask_unread(struct store *base, const account *a, store_unread_fn *done, void *arg);
void sqlite_ask_revocations(struct auth_store *base, const struct auth_store_revocations *r,
                            auth_store_revocations_fn *done, void *arg);
void sqlite_ask_upload(struct uploads *base, str id, uploads_find_fn *done, void *arg);
