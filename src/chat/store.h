/**
 * Port: where messages are kept. The chat owns this interface; src/store/ holds the backends,
 * and tests/conformance/store*.c are what every one of them must pass.
 *
 * Contract for all operations:
 *   thread     loop thread, both the call and its callback
 *   callback   exactly once, and always after the call has returned
 *   arguments  borrowed until the call returns; a backend copies what it keeps
 *   results    passed to a callback are borrowed until the callback returns
 *   order      appends and receipts commit, and are answered, in the order of their positions,
 *              which is the order of the calls but for duplicates. A read that is called
 *              inside or after a callback sees what that callback answered
 *   0          means durable: the machine may lose power the moment after
 *
 * Positions are one sequence for the whole store: each message that is appended, and each
 * receipt and contact that changes something, takes one, larger than any before. They may have
 * gaps, are never reused, and are above 0.
 *
 * Accepted: a side has accepted its peer once it has appended a message, or said so.
 *
 * Blocked: what the peer appends while it is blocked is withheld: it has a seq, and its sender
 * sees it as any other. What it had appended and the blocker has not marked as delivered is
 * withheld with the block itself. A withheld message stays so, also after an unblock. To the
 * one who has blocked it is of CHAT_TYPE_GONE: it is in the history, and in no page of what is
 * due; it is neither undelivered nor unread, and changes neither the order of conversations nor
 * their last message (unless that was withheld afterwards: then it is gone). Marks pass over
 * it.
 *
 * Known: a side's marks are known to its peer while it does not block the peer and, where
 * store_limits.only_accepted_know, has accepted it. What moves at other times becomes known
 * with the contact that ends them. `theirs`, a message's status, and receipts by the other side
 * are what is known.
 *
 * Quotas: a message counts in the mailbox of its recipient until it is delivered or withheld;
 * for what its sender may have undelivered, a withheld one counts until the unblock. A mailbox
 * that is full is full for those who are blocked, too. So no sender learns of a block by having
 * more room than others.
 */
#pragma once

#include "base/histogram.h"
#include "chat/types.h"

#define STORE_QUEUE_MAX     16777216 // bytes of waiting appends; each costs 256 more
#define STORE_RELATIONS_MAX 256      // peers of one question
#define STORE_TOUCHED_MAX   256      // accounts of one question

struct store;

enum store_refusal {
    STORE_UNCERTAIN = 1, // append, receipt, contact: it went away in the middle. Done, or not
    STORE_UNAVAILABLE,   // any: full, or out of reach. Not done
    STORE_BUSY,          // append: over STORE_QUEUE_MAX. Not done
    STORE_CONFLICT,      // append: the key is taken by another message of this sender
    STORE_NO_SUCH_SEQ,   // append: reply_to, receipt: a seq, is above the last one
    STORE_MAILBOX_FULL,  // append: the recipient has too many undelivered ones
    STORE_NOT_FOUND,     // receipt, history, contact, conversation: the account has none such
    STORE_FORBIDDEN,     // append: the sender has blocked the recipient
    STORE_NO_UPLOAD,     // append: the sender has no accepted upload of this id
};

/** A message to append. Both accounts and their conversation are made where they are new. */
struct store_append {
    account from;
    account to;
    str type;
    str content; // canonical JSON
    uint8_t
        digest[CHAT_DIGEST_SIZE]; // of type, content and reply_to: what makes a resend equal
    uint64_t reply_to;
    str key;        // 1 to CHAT_KEY_MAX bytes
    str upload;     // the file that is in it (chat/uploads.h), which it keeps; empty: none
    int64_t now_ms; // Unix; what is stored never goes back within a conversation
};

struct store_appended {
    struct chat_message message; // of a duplicate the first one, as it is now
    // What the conversation had before it is not above this: the position of its message before
    // it, withheld or not; 0: it is the first. Of a duplicate merely its own, less one.
    int64_t previous;
    bool is_duplicate;
    bool is_withheld;             // the recipient has blocked the sender: for the sender alone
    bool is_accepted;             // by this message the sender has accepted the recipient
    struct chat_receipt known[2]; // the sender's marks that the recipient knows from now on
    size_t n_known;
};

/** @param a  NULL unless r is 0 */
typedef void store_append_fn(void *arg, int r, const struct store_appended *a);

/**
 * Move an account's marks in a conversation; they never go back, and `read` takes `delivered`
 * along. A seq at or below its mark is done, and changes nothing.
 */
struct store_receipt {
    account by;
    struct chat_place place;
    uint64_t delivered_seq; // 0: leave it
    uint64_t read_seq;      // 0: leave it
    int64_t now_ms;         // Unix
};

struct store_receipted {
    conversation_id conversation;
    account peer;
    struct chat_marks marks; // as they are now
    bool delivered_moved;
    bool read_moved;
    bool is_known; // to the peer, too
    int64_t at_ms;
    int64_t position; // of the move; 0 if nothing has moved
};

/** @param a  NULL unless r is 0 */
typedef void store_receipt_fn(void *arg, int r, const struct store_receipted *a);

/**
 * Change what an account wants of a peer. To accept or to block one with whom there is no
 * conversation yet makes it, if place says the peer; STORE_NOT_FOUND otherwise. Idempotent.
 */
struct store_contact {
    account by;
    struct chat_place place;
    enum chat_contact what;
    int64_t now_ms; // Unix
};

struct store_contacted {
    conversation_id conversation;
    account peer;
    int64_t position;             // of the change; 0: it was so already
    struct chat_receipt known[2]; // marks of `by` that the peer knows from now on
    size_t n_known;
};

/** @param c  NULL unless r is 0 */
typedef void store_contact_fn(void *arg, int r, const struct store_contacted *c);

/** The account was online until then. Best effort: nothing else depends on it. An account that
 * the store does not know is left out. */
typedef void store_seen_fn(void *arg, int r);

/**
 * A page of what an account has to get: every message behind `after` that was sent to it and
 * is undelivered, and every message behind both `after` and `since` that was sent by it or to
 * it; in the order of positions.
 */
struct store_read {
    account account;
    int64_t since;
    int64_t after;
    size_t max_messages; // at least 1
    size_t max_bytes;    // of contents; passed only by a first message that is larger
    bool counts_unread;  // as store_unread() does, in the same snapshot
};

struct store_page {
    const struct chat_message *messages;
    size_t n_messages;
    bool has_more;
    // Up to here the page is whole: the position of its last message if there are more, else
    // the horizon when the read was called. Nothing above that horizon is in the page.
    int64_t upto;
    uint64_t unread; // conversations with unread messages; 0 unless they were to be counted
};

/** @param page  NULL unless r is 0 */
typedef void store_read_fn(void *arg, int r, const struct store_page *page);

/** A page of the marks that have moved behind `after` in an account's conversations: its own,
 * and its peers' as they became known to it; in the order of positions. All are as they were at
 * one moment, not before the call, which is `upto`: a mark that moves on is never missing. So
 * there may be some whose receipts have not been answered yet. */
struct store_receipts {
    account account;
    int64_t after;
    size_t max_receipts; // at least 2: one move may make two
};

struct store_receipts_page {
    const struct chat_receipt *receipts;
    size_t n_receipts;
    bool has_more;
    int64_t upto; // the position of the last one if there are more, else of the moment
};

typedef void store_receipts_fn(void *arg, int r, const struct store_receipts_page *page);

/**
 * Messages of a conversation with after < seq < before, ascending. Without `after` the last
 * ones, with it the first ones.
 */
struct store_history {
    account account;
    struct chat_place place;
    uint64_t before; // 0: no bound
    uint64_t after;  // 0: no bound
    size_t max_messages;
    size_t max_bytes; // as in store_read
};

struct store_history_page {
    const struct chat_message *messages;
    size_t n_messages;
    bool has_more; // in the direction that was asked for
    uint64_t first_seq;
};

/** r may be STORE_NOT_FOUND */
typedef void store_history_fn(void *arg, int r, const struct store_history_page *page);

/** An account's conversations with a message in them, the one with the latest message first. */
struct store_list {
    account account;
    int64_t before; // a `next`; 0: from the latest
    size_t max_conversations;
    size_t max_bytes; // of contents, as in store_read
};

struct store_list_page {
    const struct chat_conversation *conversations;
    size_t n_conversations;
    int64_t next; // 0: that was all
};

typedef void store_list_fn(void *arg, int r, const struct store_list_page *page);

/** One of an account's conversations. */
struct store_conversation {
    account account;
    struct chat_place place;
};

/** r may be STORE_NOT_FOUND @param c  NULL unless r is 0 */
typedef void store_conversation_fn(void *arg, int r, const struct chat_conversation *c);

/** A page of an account's conversations of which `accepted` or `blocked` was changed by a
 * contact behind `after`; in the order of these changes. As with receipts, all are as they were
 * at one moment. */
struct store_changes {
    account account;
    int64_t after;
    size_t max_conversations;
    size_t max_bytes; // of contents, as in store_read
};

struct store_changes_page {
    const struct chat_conversation *conversations;
    size_t n_conversations;
    bool has_more;
    int64_t upto; // as in store_receipts_page
};

typedef void store_changes_fn(void *arg, int r, const struct store_changes_page *page);

/** How an account stands with each of these peers. */
struct store_relations {
    account account;
    const account *peers;
    size_t n_peers; // 1 to STORE_RELATIONS_MAX
};

/** @param relations  one for each peer, in their order; NULL unless r is 0 */
typedef void store_relations_fn(void *arg, int r, const struct chat_relation *relations);

/**
 * Which conversations of these accounts have been touched behind `after`: a message has come
 * that the account may see, a mark has moved that it knows, or a contact of its own has changed
 * something. The accounts in their order, the conversations of each in any.
 */
struct store_touched {
    const account *accounts;
    size_t n_accounts; // 1 to STORE_TOUCHED_MAX
    int64_t after;
    size_t max_touches; // at least 1
};

struct store_mark {
    uint64_t seq;
    int64_t position; // where it moved, or became known
};

/** A conversation as one of its sides sees it, as it is now: at or above the horizon of the
 * call. Positions are 0 where there was none such. */
struct store_touch {
    account account;
    conversation_id conversation;
    uint64_t message_seq; // of its last message; 0: none that is there
    int64_t message_position;
    int64_t change_position;
    struct store_mark mine[2];   // by enum chat_mark
    struct store_mark theirs[2]; // as far as the account knows them
};

struct store_touched_page {
    const struct store_touch *touches;
    size_t n_touches;
    bool has_more; // and nobody can be told what: ask for fewer accounts, or read
};

/** @param page  NULL unless r is 0 */
typedef void store_touched_fn(void *arg, int r, const struct store_touched_page *page);

/** @param n  conversations with unread messages; 0 unless r is 0 */
typedef void store_unread_fn(void *arg, int r, uint64_t n);

struct store_ops {
    const char *name;
    void (*append)(struct store *s, const struct store_append *a, store_append_fn *done,
                   void *arg);
    void (*receipt)(struct store *s, const struct store_receipt *r, store_receipt_fn *done,
                    void *arg);
    void (*contact)(struct store *s, const struct store_contact *c, store_contact_fn *done,
                    void *arg);
    void (*seen)(struct store *s, const account *a, int64_t at_ms, store_seen_fn *done,
                 void *arg);
    void (*read)(struct store *s, const struct store_read *r, store_read_fn *done, void *arg);
    void (*receipts)(struct store *s, const struct store_receipts *r, store_receipts_fn *done,
                     void *arg);
    void (*history)(struct store *s, const struct store_history *h, store_history_fn *done,
                    void *arg);
    void (*list)(struct store *s, const struct store_list *l, store_list_fn *done, void *arg);
    void (*conversation)(struct store *s, const struct store_conversation *c,
                         store_conversation_fn *done, void *arg);
    void (*changes)(struct store *s, const struct store_changes *c, store_changes_fn *done,
                    void *arg);
    void (*relations)(struct store *s, const struct store_relations *r,
                      store_relations_fn *done, void *arg);
    void (*touched)(struct store *s, const struct store_touched *t, store_touched_fn *done,
                    void *arg);
    void (*unread)(struct store *s, const account *a, store_unread_fn *done, void *arg);
    int64_t (*horizon)(struct store *s);
    void (*free)(struct store *s);
};

struct store_counters {
    uint64_t appended;
    uint64_t duplicates;
    uint64_t receipts; // that moved something
    uint64_t contacts; // that changed something
    uint64_t commits;
    uint64_t reads;
    uint64_t refused;        // STORE_UNAVAILABLE
    uint64_t queued;         // operations that wait, now
    struct histogram append; // from its coming to its answer
    struct histogram wait;   // of that, until its group began
    struct histogram read;   // a question's, likewise from its coming to its answer
};

/** What one sender may have undelivered with one recipient; of contents the bytes. A message
 * is refused when either was reached before it. */
struct store_quota {
    uint64_t messages;
    uint64_t bytes;
};

struct store_limits {
    struct store_quota accepted; // for a sender whom the recipient has accepted
    struct store_quota stranger; // for any other
    uint64_t mailbox;        // undelivered messages of one recipient; of strangers half of it
    bool only_accepted_know; // marks are known to peers that were accepted only
};

/** A backend embeds this as its first member. */
struct store {
    const struct store_ops *ops;
    uint64_t epoch; // random, made with the store and anew when it is restored from a backup
    bool has_other_writers; // of other processes: the horizon is behind, until a read has come
                            // back
    struct store_counters counters;
};

static inline void store_append(struct store *s, const struct store_append *a,
                                store_append_fn *done, void *arg)
{
    s->ops->append(s, a, done, arg);
}

static inline void store_receipt(struct store *s, const struct store_receipt *r,
                                 store_receipt_fn *done, void *arg)
{
    s->ops->receipt(s, r, done, arg);
}

static inline void store_contact(struct store *s, const struct store_contact *c,
                                 store_contact_fn *done, void *arg)
{
    s->ops->contact(s, c, done, arg);
}

static inline void store_seen(struct store *s, const account *a, int64_t at_ms,
                              store_seen_fn *done, void *arg)
{
    s->ops->seen(s, a, at_ms, done, arg);
}

static inline void store_read(struct store *s, const struct store_read *r, store_read_fn *done,
                              void *arg)
{
    s->ops->read(s, r, done, arg);
}

static inline void store_receipts(struct store *s, const struct store_receipts *r,
                                  store_receipts_fn *done, void *arg)
{
    s->ops->receipts(s, r, done, arg);
}

static inline void store_history(struct store *s, const struct store_history *h,
                                 store_history_fn *done, void *arg)
{
    s->ops->history(s, h, done, arg);
}

static inline void store_list(struct store *s, const struct store_list *l, store_list_fn *done,
                              void *arg)
{
    s->ops->list(s, l, done, arg);
}

static inline void store_conversation(struct store *s, const struct store_conversation *c,
                                      store_conversation_fn *done, void *arg)
{
    s->ops->conversation(s, c, done, arg);
}

static inline void store_changes(struct store *s, const struct store_changes *c,
                                 store_changes_fn *done, void *arg)
{
    s->ops->changes(s, c, done, arg);
}

static inline void store_relations(struct store *s, const struct store_relations *r,
                                   store_relations_fn *done, void *arg)
{
    s->ops->relations(s, r, done, arg);
}

static inline void store_touched(struct store *s, const struct store_touched *t,
                                 store_touched_fn *done, void *arg)
{
    s->ops->touched(s, t, done, arg);
}

static inline void store_unread(struct store *s, const account *a, store_unread_fn *done,
                                void *arg)
{
    s->ops->unread(s, a, done, arg);
}

/**
 * A position at or below which nothing can still commit. Never goes back. One of several nodes
 * may lag behind the others; a read that was answered brings it to where the furthest was when
 * the read was called, at least.
 */
static inline int64_t store_horizon(struct store *s)
{
    return s->ops->horizon(s);
}

/** No operation may be under way. NULL is fine. */
static inline void store_free(struct store *s)
{
    if (s)
        s->ops->free(s);
}
