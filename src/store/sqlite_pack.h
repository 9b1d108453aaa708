/**
 * What the index and the tail keep of conversations, as bytes: how one stands on both sides,
 * and what is asked of an account's. Small numbers take a byte, and most are small: times and
 * positions are told by how far they are from others.
 *
 * Bytes that no pack_…() has made are told from such, but not all of them: who reads a file
 * that somebody has changed gets some state, and nothing worse.
 */
#pragma once

#include "store/sqlite_thread.h"

#define PACK_THREAD_SIZE 640 // bytes
#define PACK_MEMBER_SIZE 64
#define PACK_PLACES_SIZE (10 + PLACES_KEPT * 14)

enum pack_refusal {
    PACK_END = 1, // there is no more
    PACK_DAMAGED, // no such thing was packed
};

/** Of both sides what is not in memory alone, but for their accounts.
 * @param out  PACK_THREAD_SIZE bytes @return how many it has taken */
size_t pack_thread(uint8_t *out, const struct thread_side sides[2],
                   const struct thread_keys *keys);

/** The accounts stay as they are. @return 0 or PACK_DAMAGED: what is there then is any */
MUST_CHECK int unpack_thread(str packed, struct thread_side sides[2], struct thread_keys *keys);

#define PLACES_KEPT 32

/** Where a conversation's last messages are, in the order of seq, without gaps. */
struct kept_places {
    uint64_t first; // seq of the first one
    size_t n;
    struct tail_entry entries[PLACES_KEPT];
};

/** @param out  PACK_PLACES_SIZE bytes @return how many it has taken */
size_t pack_places(uint8_t *out, const struct kept_places *kept);

/** @return 0 or PACK_DAMAGED: what is there then is any */
MUST_CHECK int unpack_places(str packed, struct kept_places *out);

/** A conversation of an account's: what it is looked for by. */
struct member {
    conversation_id id;
    unsigned side;  // the account's
    bool is_unread; // the peer has written what the account has not read
    int64_t message_pos;
    int64_t receipt_pos;
    int64_t contact_pos;
    int64_t due_pos;
};

struct member member_of(conversation_id id, const struct thread_side sides[2], unsigned side);

/** Members of an account, one after the other, by their numbers, which ids begin with. */
struct member_list {
    str rest;
    uint64_t number; // of the one before
};

static inline struct member_list member_list_of(str packed)
{
    return (struct member_list){.rest = packed};
}

/** @return 0, PACK_END, or PACK_DAMAGED */
MUST_CHECK int member_next(struct member_list *list, struct member *out);

/** @param before  the number of the one before, or 0: less than its own
 * @param out  PACK_MEMBER_SIZE bytes @return how many it has taken */
size_t pack_member(uint8_t *out, uint64_t before, const struct member *m);
