/**
 * Where messages are in the log: asked of the tail, and else of the index. One thread at a
 * time, within one snapshot of the index.
 */
#pragma once

#include "store/sqlite_db.h"
#include "store/sqlite_tail.h"

#define PLACES_KEYED_MAX 16 // messages of a conversation whose keys have the same hash

// Ids of rows of the index: what is above the lower half of a conversation's id is its number.
#define INDEX_MEMBER_ID(conversation, side) ((int64_t)((conversation) >> 32 << 1 | (side)))
#define INDEX_PLACE_ID(conversation, seq)   ((int64_t)((conversation) >> 32 << 32 | (seq)))

enum place_statement {
    P_PLACE,
    P_KEYED,
    P_MEMBERS, // in the order of sqlite_thread.c
    P_MAILBOX,
    P_COUNT,
};

extern const char *const place_texts[P_COUNT];

struct sqlite_places {
    struct tail *tail;
    struct sqlite_db *db; // it has the index, by itself or attached
    uint8_t key[HASH_KEY_SIZE];
    sqlite3_stmt *stmts[P_COUNT];
    struct tail_view view; // while they are held
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
MUST_CHECK int places_keyed(struct sqlite_places *p, conversation_id id, uint64_t hash,
                            int64_t out[PLACES_KEYED_MAX], size_t *n);

/** What the index knows a message's key by. @param sender  a side */
uint64_t places_hash(const struct sqlite_places *p, unsigned sender, str key);
