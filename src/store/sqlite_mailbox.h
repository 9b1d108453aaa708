/**
 * What waits in the mailboxes of the accounts that the writer has before its eyes: summed up
 * once, and kept exact from then on by whoever changes a conversation. Never written: a
 * message costs no row more for it.
 */
#pragma once

#include "base/account.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "store/sqlite_db.h"
#include "store/thread.h"

struct mailbox {
    struct map_node by_account;
    struct list node;
    account account;
    int64_t id;                   // of the account in the log; 0: it is not known, or none yet
    bool is_summed;               // what waits is known
    struct mailbox_share waiting; // of all of its conversations
    struct tail_account *in_tail; // where the tail has it,
    uint64_t in_generation;       // while that is the young one
};

struct tail_account;
struct threads;

struct mailboxes {
    struct threads *threads; // whose these are
    uint8_t key[HASH_KEY_SIZE];
    struct map by_account;
    struct list all;
};

void mailboxes_init(struct mailboxes *m, struct threads *ts, const uint8_t key[HASH_KEY_SIZE]);
void mailboxes_fini(struct mailboxes *m);

/** Forget them all. */
void mailboxes_drop(struct mailboxes *m);

/** An account's, with its id, if the log has one. @param out  borrowed until mailboxes_drop()
 * @return 0 or a fault */
MUST_CHECK int mailboxes_find(struct mailboxes *m, const account *a, struct mailbox **out);

/** From the tail and the index, where it is not yet: what has changed in neither must be none
 * of this account's. @return 0 or a fault */
MUST_CHECK int mailboxes_sum_up(struct mailboxes *m, struct mailbox *mailbox);

/** A conversation's share was `from`, and is `to`. */
void mailbox_change(struct mailbox *m, const struct mailbox_share *from,
                    const struct mailbox_share *to);
