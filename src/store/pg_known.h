/**
 * Conversations as a writer has left them, or found them: they need not be loaded again while
 * nobody else has changed them, which their row says by `changed_pos`, once it is locked. Those
 * that were used longest ago are forgotten.
 *
 * With each its latest messages, as far as they are from here and somebody may have yet to
 * mark them: what a mark passes over is mostly among these.
 */
#pragma once

#include "base/account.h"
#include "base/list.h"
#include "base/map.h"
#include "chat/types.h"
#include "store/thread.h"

#define PG_KNOWN_KEPT  32768 // about 700 bytes each
#define PG_RECENT_KEPT 64    // messages of a conversation, 16 bytes each

/** The last message that somebody may see. */
struct pg_last {
    uint64_t seq;
    int64_t position;
    int64_t at_ms;
};

/** What a conversation has of a side. */
struct pg_side {
    int64_t account_id;
    account account;
    struct pg_last shown;
    bool accepted;
    bool blocked;
    uint64_t block_seq;
    int64_t contact_pos;
    struct tally undelivered;
    int64_t due_pos;
    struct tally withheld;
    uint64_t unread;
    struct thread_mark marks[2];      // by enum chat_mark
    struct thread_mark peer_marks[2]; // the peer's, as the side knows them
};

/** What is counted of a conversation. */
struct pg_sides {
    struct pg_last last;
    struct pg_side of[2];
};

struct pg_recent {
    int64_t position;
    uint32_t bytes; // of the content
    uint8_t side;   // of the sender
    bool is_withheld;
};

struct pg_known {
    struct map_node by_id;
    struct list node; // the one that was used longest ago first
    conversation_id id;
    int64_t changed_pos; // of the row that was like this
    struct pg_sides sides;
    uint64_t floor; // the recent ones are all that are behind this seq
    struct pg_recent *recent;
    uint32_t n_recent;
    uint32_t n_slots;
};

struct pg_all_known {
    struct map by_id;
    struct list used;
};

void pg_known_init(struct pg_all_known *all);
void pg_known_fini(struct pg_all_known *all);

/** @return NULL: it is not there; else borrowed, and not forgotten before PG_KNOWN_KEPT others
 * were used */
struct pg_known *pg_known_find(struct pg_all_known *all, conversation_id id);

/** Found, or made: then it has nothing. @return borrowed, likewise */
struct pg_known *pg_known_get(struct pg_all_known *all, conversation_id id);

/** As it is now, with no recent messages. */
void pg_known_set(struct pg_known *k, const struct pg_sides *sides, int64_t changed_pos);

/** The last one that there is. What both sides have read is forgotten, or the first half where
 * there would be more than PG_RECENT_KEPT. */
void pg_known_add(struct pg_known *k, const struct pg_recent *message);

/** What its peer has sent to a side, is not withheld and above `from`, up to `to`.
 * @return false: that is not known */
bool pg_known_count(const struct pg_known *k, unsigned side, uint64_t from, uint64_t to,
                    struct tally *out);

/** Likewise the position of the first one above seq. @param out  0: there is none */
bool pg_known_first(const struct pg_known *k, unsigned side, uint64_t seq, int64_t *out);
