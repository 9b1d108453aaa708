/** Which conversation two accounts have. They have it for ever, so that what was found once is
 * remembered. */
#pragma once

#include "base/hash.h"
#include "chat/types.h"
#include "store/pg_link.h"

/** Two accounts, and what is to be known of them. */
struct pg_pair {
    account x;
    account y;
    bool is_made;                 // where there is none, make it
    conversation_id conversation; // 0: none
    unsigned x_side;
};

struct pg_pairs {
    uint8_t key[HASH_KEY_SIZE];
    struct pg_pair *known; // each where its hash says
    struct pg_args args;
};

void pg_pairs_init(struct pg_pairs *p, const uint8_t key[HASH_KEY_SIZE]);
void pg_pairs_fini(struct pg_pairs *p);

/** Forget all. */
void pg_pairs_drop(struct pg_pairs *p);

/**
 * Outside of a transaction: what is made is committed.
 *
 * @return 0 or an enum pg_refusal
 */
MUST_CHECK int pg_pairs_find(struct pg_pairs *p, struct pg_link *l, struct pg_pair *all,
                             size_t n);
