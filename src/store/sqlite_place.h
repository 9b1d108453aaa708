/**
 * Where messages are in the log: asked of the tail, and else of the index. One thread at a
 * time, within one snapshot of the index.
 */
#pragma once

#include "store/sqlite_db.h"
#include "store/sqlite_tail.h"

#define PLACES_KEYED_MAX 16 // messages of a conversation whose keys have hashes that meet

enum places_refusal {
    PLACES_NONE = 1,
};

/** What the index knows a message by: a seq, or the hash of its key, in its conversation. */
static inline int64_t index_id(conversation_id id, uint32_t of)
{
    return (int64_t)(conversation_number(id) << 32 | of);
}

enum place_statement {
    P_PLACE,
    P_KEYED,
    P_THREAD,
    P_KEPT,
    P_MEMBERS,
    P_COUNT,
};

extern const char *const place_texts[P_COUNT];

struct sqlite_places {
    struct tail *tail;
    struct sqlite_db *db; // it has the index, by itself or attached
    uint8_t key[HASH_KEY_SIZE];
    sqlite3_stmt *stmts[P_COUNT];
    struct tail_view view;   // while they are held
    conversation_id kept_of; // in this time; 0: nothing was looked for yet
    struct kept_places kept;
};

/** @param tail, db  borrowed, for its life @return 0 or a fault */
MUST_CHECK int places_init(struct sqlite_places *p, struct tail *tail, struct sqlite_db *db);

/** From before the snapshot begins to its end. */
void places_hold(struct sqlite_places *p);
void places_release(struct sqlite_places *p);

/** @param position  0: it is not known where; whoever looks there may find nothing, too: rows
 * can be gone
 * @return 0 or a fault */
MUST_CHECK int places_find(struct sqlite_places *p, conversation_id id, uint64_t seq,
                           int64_t *position);

/** Messages of a conversation, most likely with this key. @return 0 with *n, or a fault */
MUST_CHECK int places_keyed(struct sqlite_places *p, conversation_id id, uint32_t hash,
                            int64_t out[PLACES_KEYED_MAX], size_t *n);

/** What the index knows a message's key by, a number of 31 bits. @param sender  a side */
uint32_t places_hash(const struct sqlite_places *p, unsigned sender, str key);

/** What the index keeps in a conversation's row of its last messages: of one that it has not,
 * none. @param stmt  P_KEPT, or the same of another connection, d @return 0 or a fault */
MUST_CHECK int places_kept(struct sqlite_db *d, sqlite3_stmt *stmt, conversation_id id,
                           struct kept_places *out);

/** How a conversation stands, without its accounts, and where in the tail. @return 0,
 * PLACES_NONE: neither the tail nor the index has anything of it, or a fault */
MUST_CHECK int places_thread(struct sqlite_places *p, conversation_id id,
                             struct thread_side sides[2], struct thread_keys *keys,
                             struct tail_spot *spot);

/** The same, of a conversation that the tail has nothing of. */
MUST_CHECK int places_indexed(struct sqlite_places *p, conversation_id id,
                              struct thread_side sides[2], struct thread_keys *keys);

/** @return 0 or a fault, which ends it */
typedef int places_member_fn(void *arg, const struct member *m);

/**
 * What the index has of an account's conversations, but for those of which the tail has
 * something newer. They come by number.
 *
 * @param id      of the account
 * @param moment  of what the tail had
 * @param fn      may ask for all else
 * @return        0 or a fault
 */
MUST_CHECK int places_members(struct sqlite_places *p, int64_t id, uint64_t moment,
                              places_member_fn *fn, void *arg);
