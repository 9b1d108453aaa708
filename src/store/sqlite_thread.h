/**
 * The conversations that the writer has before its eyes: loaded once, changed in memory by
 * the appends and receipts of a group, and written back once at its end.
 *
 * A side is 0 or 1: conversation.a, whose bytes are the smaller, or b.
 */
#pragma once

#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "chat/types.h"
#include "store/sqlite_db.h"

struct thread_mark {
    uint64_t seq;
    uint64_t n; // messages of the peer up to it
    int64_t at_ms;
    int64_t position;
};

struct thread_side {
    account account;
    int64_t id;           // of the account
    uint64_t n_sent;      // messages
    bool accepted;        // the peer
    bool was_undelivered; // as its row has it
    bool was_unread;
    bool marks_moved;            // since it was written back
    struct thread_mark marks[2]; // by enum chat_mark
};

struct thread {
    struct map_node by_pair;
    struct map_node by_id;
    struct list node;  // in all of them
    struct list dirty; // in those to be written back
    conversation_id id;
    int64_t last_at_ms;
    int64_t message_pos;
    int64_t receipt_pos;
    bool has_grown; // since it was written back
    struct thread_side sides[2];
};

struct threads {
    struct sqlite_db *db;
    uint8_t key[HASH_KEY_SIZE];
    uint64_t n_made; // conversations, ever
    struct map by_pair;
    struct map by_id;
    struct list all;
    struct list dirty;
};

/** What the statements of the two files of the writer are. */
enum writer_statement {
    W_BEGIN,
    W_COMMIT,
    W_ROLLBACK,
    W_DATA_VERSION,
    W_META,
    W_SET_META,
    W_ACCOUNT,
    W_ADD_ACCOUNT,
    W_FIND_PAIR,
    W_FIND_ID,
    W_ADD_CONVERSATION,
    W_ADD_MEMBER,
    W_MEMBERS,
    W_GROW,
    W_MARK,
    W_TOUCH,
    W_FLAGS,
    W_ADD_MESSAGE,
    W_FIND_KEY,
    W_ORDINAL,
    W_COUNT,
};

static inline uint64_t thread_last_seq(const struct thread *t)
{
    return t->sides[0].n_sent + t->sides[1].n_sent; // there are no gaps
}

/** @return 0 or 1, or 2: neither of the two */
static inline unsigned thread_side_of(const struct thread *t, const account *a)
{
    unsigned side = 0;

    while (side < 2 && !account_eq(&t->sides[side].account, a))
        side++;
    return side;
}

/** @param key  of the hashes, and of what makes conversation ids unlike another store's */
void threads_init(struct threads *ts, struct sqlite_db *db, const uint8_t key[HASH_KEY_SIZE]);
void threads_fini(struct threads *ts);

/** Forget them all, with what was not written back. */
void threads_drop(struct threads *ts);

enum threads_refusal {
    THREADS_NONE = 1, // there is no such conversation
    THREADS_FULL,     // there can be no more conversations
};

/** @param out  borrowed until threads_drop() @return 0, THREADS_NONE, or a fault */
MUST_CHECK int threads_find_pair(struct threads *ts, const account *x, const account *y,
                                 struct thread **out);

/** @return 0, THREADS_NONE, or a fault */
MUST_CHECK int threads_find_id(struct threads *ts, conversation_id id, struct thread **out);

/** The pair has none yet; its accounts may be new, too. @return 0, THREADS_FULL, or a fault */
MUST_CHECK int threads_add(struct threads *ts, const account *x, const account *y,
                           struct thread **out);

/** It has changed: threads_write_back() will see to it. */
void threads_touch(struct threads *ts, struct thread *t);

/** @return 0 or a fault: threads_drop() */
MUST_CHECK int threads_write_back(struct threads *ts);
