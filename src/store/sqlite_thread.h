/**
 * The conversations that the writer has before its eyes: loaded once, from the tail or else the
 * index, changed in memory by the appends, receipts and contacts of a group, and put into the
 * tail when that is committed. And the mailboxes of their accounts.
 *
 * A side is 0 or 1: conversation.a, whose bytes are the smaller, or b.
 */
#pragma once

#include "base/arena.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "chat/types.h"
#include "store/sqlite_db.h"
#include "store/sqlite_mailbox.h"
#include "store/thread.h"

struct sqlite_places;
struct tail_node;

struct thread_side {
    account account;
    int64_t id;        // of the account
    struct tally sent; // all
    bool accepted;     // the peer
    bool blocked;      // the peer
    // What the peer has sent and the side may not see: behind block_seq, up to which there are
    // block_after, while it blocks; and what was withheld by blocks that are over.
    uint64_t block_seq;
    struct tally block_after;
    struct tally withheld;
    int64_t last_at_ms; // of the last message that it may see, or might until a block
    int64_t message_pos;
    int64_t receipt_pos;          // of the last change of marks or theirs
    int64_t contact_pos;          // of the last contact
    struct thread_mark marks[2];  // by enum chat_mark
    struct tally up_to[2];        // the marks, of what is not withheld; of read without bytes
    struct thread_mark theirs[2]; // the peer's, as the side knows them
    int64_t due_pos;              // of the first undelivered one, unless due_moved; or 0
    bool due_moved;               // behind a mark: threads_log() looks for it
    int64_t logged[2];            // positions of the marks, as far as the log has them
    struct mailbox *mailbox;      // NULL: not looked for yet
    bool is_counted;              // in its mailbox, with this share:
    struct mailbox_share share;
};

/** Where a message is, and what it is known by. */
struct tail_entry {
    int64_t position; // 0: it is gone
    uint32_t hash;    // of sender and key, see places_hash()
};

/** The hashes of all of a conversation's keys, but not which: a Bloom filter. While there are
 * few it says of nearly all others that they are none of them. */
struct thread_keys {
    uint64_t bits[2];
};

/** Three of its bits. */
static inline struct thread_keys thread_key(uint32_t hash)
{
    struct thread_keys key = {{0, 0}};

    for (unsigned i = 0; i < 3; i++, hash >>= 7)
        key.bits[hash >> 6 & 1] |= UINT64_C(1) << (hash & 63);
    return key;
}

static inline bool thread_may_have_key(const struct thread_keys *keys, uint32_t hash)
{
    const struct thread_keys key = thread_key(hash);

    return (keys->bits[0] & key.bits[0]) == key.bits[0] &&
           (keys->bits[1] & key.bits[1]) == key.bits[1];
}

static inline void thread_add_key(struct thread_keys *keys, uint32_t hash)
{
    const struct thread_keys key = thread_key(hash);

    keys->bits[0] |= key.bits[0];
    keys->bits[1] |= key.bits[1];
}

/** What a conversation's id begins with: no other one of this store has the same. */
static inline uint64_t conversation_number(conversation_id id)
{
    return id >> 32;
}

/** A row of a message: what there was with it of each side. */
struct thread_row {
    uint64_t seq;
    int64_t position;
    struct tally sent[2]; // by side, up to it
    unsigned sender;
};

/** Where the tail has a conversation. */
struct tail_spot {
    struct tail_node *node; // NULL: nowhere
    uint64_t generation;    // while this is the young one
};

#define THREAD_ROWS 4 // of the last messages: a receipt is for one of these, mostly

struct thread {
    struct map_node by_id;
    struct list dirty; // in those that the tail does not have as they are
    conversation_id id;
    struct thread_side sides[2];
    struct thread_keys keys;
    // Messages that the tail does not have, in the order of seq, without gaps.
    uint64_t fresh_seq; // of the first one
    size_t n_fresh;
    size_t n_fresh_room;
    struct tail_entry *fresh;
    struct thread_row rows[THREAD_ROWS]; // each where its seq says; seq 0: none
    struct tail_spot in_tail;
};

/** Two accounts, as the log calls them, and their conversation. */
struct known_pair {
    uint32_t ids[2]; // zeroes: none
    conversation_id conversation;
};

/** Half of them. */
struct threads_half {
    struct arena arena;
    struct map by_id;
};

struct threads {
    struct sqlite_db *db; // the log
    struct sqlite_places *places;
    uint8_t key[HASH_KEY_SIZE];
    uint64_t n_made;               // conversations, ever
    struct threads_half halves[2]; // the first one grows, the other has those from before
    struct list dirty;
    struct mailboxes mailboxes;
    struct known_pair *pairs; // that were looked for, each where its hash says
};

static inline uint64_t thread_last_seq(const struct thread *t)
{
    return t->sides[0].sent.n + t->sides[1].sent.n; // there are no gaps
}

/** Of its last message, whoever sees that. */
static inline int64_t thread_last_at_ms(const struct thread *t)
{
    const int64_t a = t->sides[0].last_at_ms;
    const int64_t b = t->sides[1].last_at_ms;

    return a > b ? a : b; // it is its sender's last one
}

/** Likewise; 0: there is none. */
static inline int64_t thread_last_position(const struct thread *t)
{
    const int64_t a = t->sides[0].message_pos;
    const int64_t b = t->sides[1].message_pos;

    return a > b ? a : b;
}

/** @return 0 or 1, or 2: neither of the two */
static inline unsigned thread_side_of(const struct thread *t, const account *a)
{
    unsigned side = 0;

    while (side < 2 && !account_eq(&t->sides[side].account, a))
        side++;
    return side;
}

/** What the side has got from its peer and may see. */
static inline struct tally sides_visible(const struct thread_side sides[2], unsigned side)
{
    const struct thread_side *s = &sides[side];

    return tally_minus(s->blocked ? s->block_after : sides[1 - side].sent, s->withheld);
}

/** Of that, what is above a mark. */
static inline struct tally sides_above(const struct thread_side sides[2], unsigned side,
                                       enum chat_mark which)
{
    return tally_minus(sides_visible(sides, side), sides[side].up_to[which]);
}

static inline struct tally thread_above(const struct thread *t, unsigned side,
                                        enum chat_mark which)
{
    return sides_above(t->sides, side, which);
}

/** @param key  of the hashes, and of what makes conversation ids unlike another store's */
void threads_init(struct threads *ts, struct sqlite_db *db, struct sqlite_places *places,
                  const uint8_t key[HASH_KEY_SIZE]);
void threads_fini(struct threads *ts);

/** Forget them all, with what the tail does not have; and the mailboxes. */
void threads_drop(struct threads *ts);

/** Forget them all, but not the mailboxes: the tail has them as they are. */
void threads_forget(struct threads *ts);

/** Forget, likewise, those that have been here for longest, where the younger half has so many.
 */
void threads_trim(struct threads *ts, size_t max);

enum threads_refusal {
    THREADS_NONE = 1, // there is no such conversation
    THREADS_FULL,     // there can be no more conversations
};

/** @param out  borrowed until threads_drop(), _forget() or _trim() @return 0, THREADS_NONE, or
 * a fault
 */
MUST_CHECK int threads_find_pair(struct threads *ts, const account *x, const account *y,
                                 struct thread **out);

/** @return 0, THREADS_NONE, or a fault */
MUST_CHECK int threads_find_id(struct threads *ts, conversation_id id, struct thread **out);

/** What an account names. @return 0, THREADS_NONE: it has none such, or a fault */
MUST_CHECK int threads_find_place(struct threads *ts, const account *a,
                                  const struct chat_place *place, struct thread **out);

/** The pair has none yet; its accounts may be new, too. @return 0, THREADS_FULL, or a fault */
MUST_CHECK int threads_add(struct threads *ts, const account *x, const account *y,
                           struct thread **out);

/**
 * To be called before anything changes of what a side has undelivered, or whether it has
 * accepted its peer: its mailbox is known then.
 *
 * @return 0 or a fault
 */
MUST_CHECK int threads_open_mailbox(struct threads *ts, struct thread *t, unsigned side);

/** It has changed: its share of mailboxes is counted, and threads_log() sees to it. */
void threads_touch(struct threads *ts, struct thread *t);

/**
 * The message seq, if it is there, or the first one behind it that is (step 1), or the last one
 * before it (step -1).
 *
 * @return 0, THREADS_NONE, or a fault
 */
MUST_CHECK int threads_find_row(struct threads *ts, const struct thread *t, uint64_t seq,
                                int step, struct thread_row *out);

/** It has grown by this message, which is the last one. */
void threads_add_message(struct threads *ts, struct thread *t, unsigned sender,
                         const struct tail_entry *entry);

/** Of what was touched: the due positions are settled, and the log gets the marks that have
 * moved. @return 0 or a fault: threads_drop() */
MUST_CHECK int threads_log(struct threads *ts);

/** Before the peer ceases to know of this side's marks: the log gets those that have moved.
 * @return 0 or a fault */
MUST_CHECK int threads_log_marks(struct threads *ts, struct thread *t, unsigned side);

/** What was touched is put into the tail. @param position  of the last change of the group */
void threads_publish(struct threads *ts, int64_t position);

/** The position of its last change. */
int64_t sides_position(const struct thread_side sides[2]);
