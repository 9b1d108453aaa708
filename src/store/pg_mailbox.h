/**
 * How much waits in accounts' mailboxes, in all of their conversations: asked of the database
 * for those who get a message, and kept for a while, so that a full mailbox is not counted anew
 * for each message that does not get in. Other nodes change it meanwhile: it may be passed by
 * what these store in that time.
 */
#pragma once

#include "base/account.h"
#include "base/hash.h"
#include "base/map.h"
#include "store/thread.h"

#define PG_MAILBOX_MS      10000 // that it is believed, where others write as well
#define PG_MAILBOX_FULL_MS 2000  // likewise, once it is half full

struct pg_mailbox {
    struct map_node by_account;
    account account;
    struct mailbox_share waiting;
    int64_t read_ms;
    bool is_known;
};

struct pg_mailboxes {
    struct map by_account;
    uint8_t key[HASH_KEY_SIZE];
    uint64_t half;    // of what an account may have
    bool is_one_node; // nobody else changes them: what is known stays so
};

void pg_mailboxes_init(struct pg_mailboxes *m, const uint8_t key[HASH_KEY_SIZE], uint64_t most);

/** Need the database not be asked? */
bool pg_mailbox_is_good(const struct pg_mailboxes *m, const struct pg_mailbox *mailbox,
                        int64_t now_ms);
void pg_mailboxes_drop(struct pg_mailboxes *m); // forget all

/** Made where it is new; not known then. Too many are forgotten first. @return borrowed until
 * pg_mailboxes_trim() or _drop() */
struct pg_mailbox *pg_mailboxes_get(struct pg_mailboxes *m, const account *a);

/** @return NULL: it is not there */
struct pg_mailbox *pg_mailboxes_find(const struct pg_mailboxes *m, const account *a);

/** Forget all, where they are too many. */
void pg_mailboxes_trim(struct pg_mailboxes *m);

/** A conversation's share was `from`, and is `to`. */
void pg_mailbox_change(struct pg_mailbox *m, const struct mailbox_share *from,
                       const struct mailbox_share *to);
