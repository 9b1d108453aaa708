/**
 * A group of changes of conversations, as one transaction: what they are about is locked and
 * looked at, then all is decided in here, then written. Two turns to the database for all of
 * it.
 *
 * Positions of the group are not known before it is written: until then they are -1, -2, … in
 * the order of the operations.
 */
#pragma once

#include "base/arena.h"
#include "base/map.h"
#include "store/op.h"
#include "store/pg_known.h"
#include "store/pg_mailbox.h"
#include "store/pg_txn.h"
#include "store/pg_uploads.h"
#include "store/thread.h"

/** A message of this group. */
struct pg_message {
    struct pg_message *next; // of the group, the one before it
    struct pg_message *next_of_thread;
    const struct store_append *asked;
    struct pg_thread *thread;
    uint64_t seq;
    int64_t position;
    int64_t previous;
    unsigned side; // of the sender
    bool is_withheld;
    int64_t created_at_ms;
};

/** A conversation. */
struct pg_thread {
    struct map_node by_id;
    struct pg_thread *next; // of those of the group
    conversation_id id;
    struct pg_known *known; // what the writer remembers of it; NULL: nothing, or too little
    int64_t changed_pos;    // of its row
    struct pg_sides now;
    struct pg_sides before;      // the group
    struct pg_message *messages; // of this group, the last one first
    bool is_there;
    bool is_behind; // what was known of it is
    bool has_changed;
    bool is_unusual; // it has changed in what seldom does
};

/** What an append finds of its key, or a receipt of the messages that it is for. */
struct pg_found {
    bool is_there;
    // Of an append.
    uint64_t seq;
    int64_t position;
    int64_t created_at_ms;
    uint64_t reply_to;
    bool is_withheld;
    bool is_same; // the digest
    str type;     // in the group's arena
    str content;
    // Of a receipt: what is visible, and above the mark as it was loaded, up to the new one.
    struct tally delivered;
    uint64_t read;
    int64_t next_due; // the position of the first one above that; 0: none
};

/** An operation, and what it is about. */
struct pg_item {
    struct write_op *op;
    conversation_id conversation; // 0: there is none
    unsigned side;                // of who sends, or says what has come
    bool is_counted;              // a receipt: the database is asked what its marks pass over
    struct pg_thread *thread;     // NULL: likewise
    struct pg_upload *upload;     // NULL: it names none
    struct pg_found found;
};

/** What a contact does to messages that are there. */
struct pg_withhold {
    conversation_id conversation; // 0: nothing
    unsigned sender;              // their side
    uint64_t behind;              // a seq
    int from;                     // `withheld`, as it is
    int to;                       // and as it will be
};

struct pg_group {
    struct arena arena;
    struct map threads; // by id
    struct pg_thread *all;
    struct pg_message *messages; // the last one first
    struct pg_item *items;
    size_t n_items;
    size_t n_messages;
    int64_t n_taken; // positions
    struct pg_withhold withhold;
    bool has_appends;
    bool has_unknown; // conversations
    bool has_seen;
    size_t n_sums; // of mailboxes
    struct pg_upload *uploads;
    size_t n_uploads;
    struct pg_upload **kept;
    size_t n_kept;
};

/** @return 0 or 1, or 2: neither of the two */
static inline unsigned pg_thread_side_of(const struct pg_thread *t, const account *a)
{
    unsigned side = 0;

    while (side < 2 && !account_eq(&t->now.of[side].account, a))
        side++;
    return side;
}

/** @return NULL: none of this group's */
struct pg_thread *pg_group_find(const struct pg_group *g, conversation_id id);
