/** What the sides of a conversation are counted by, in the backends that count ahead. */
#pragma once

#include "chat/types.h"

/** So many messages, with so much in them. */
struct tally {
    uint64_t n;
    uint64_t bytes; // of contents
};

/** None of a is where rows are gone, and b counts them. */
static inline struct tally tally_minus(struct tally a, struct tally b)
{
    return (struct tally){a.n > b.n ? a.n - b.n : 0, a.bytes > b.bytes ? a.bytes - b.bytes : 0};
}

static inline struct tally tally_plus(struct tally a, struct tally b)
{
    return (struct tally){a.n + b.n, a.bytes + b.bytes};
}

struct thread_mark {
    uint64_t seq;
    int64_t at_ms;
    int64_t position;
};

/** @param marks  by enum chat_mark */
static inline struct chat_marks thread_marks_of(const struct thread_mark marks[2])
{
    return (struct chat_marks){.delivered_seq = marks[CHAT_MARK_DELIVERED].seq,
                               .read_seq = marks[CHAT_MARK_READ].seq};
}

/** Of a mailbox: messages that are neither delivered nor withheld. */
struct mailbox_share {
    uint64_t n;
    uint64_t n_of_strangers; // from peers that the account has not accepted
};
