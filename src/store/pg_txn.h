/**
 * Transactions of a writer on PostgreSQL, one after the other: repeated where that does no
 * harm, and known to be done, or not, also where the connection is lost while they are
 * committed.
 *
 * Each takes the lock of the writer's own row first, and counts itself in there before it
 * commits. After a reconnect the row is locked anew, which waits for the end of what the lost
 * connection was about; then it says whether the last one is in it.
 */
#pragma once

#include "base/rand.h"
#include "store/pg_link.h"

// For one transaction, with a database that is out of reach, or with what is in its way; and
// then as long as the last try takes.
#define PG_PATIENCE_MS 5000

struct pg_txn {
    struct pg_link *link;
    bool is_alone;      // nobody else may write to the database
    bool is_taken;      // another one has it, and that was said
    int64_t writer;     // whose row it is
    int64_t n_done;     // transactions that were committed
    int64_t position;   // of the store, after the last one
    int64_t down_ns;    // since when no transaction got through; 0: the last one did
    int pid;            // of the connection that was settled
    int64_t lost_pid;   // of one that was lost, and may not have ended
    bool is_settled;    // the row was locked on this connection
    bool is_committing; // one more may be committed
    bool is_refused;    // the last one was, by itself: in another group it may be done
    struct pg_args args;
    uint64_t chance; // of how long to wait
};

enum pg_txn_refusal { // as those of the three ports
    PG_TXN_UNCERTAIN = 1,
    PG_TXN_UNAVAILABLE,
};

/** @param link  borrowed @param rand  used in here only */
void pg_txn_init(struct pg_txn *t, struct pg_link *link, struct rand *rand);
void pg_txn_fini(struct pg_txn *t);

/**
 * All of a transaction, from pg_txn_send_begin() to pg_txn_send_commit() and the results of
 * both. It may be called again, and then does the same as if it had not been called before.
 *
 * @return 0 or an enum pg_refusal
 */
typedef int pg_txn_fn(struct pg_txn *t, void *arg);

/**
 * @param fn  NULL: only to be in reach, and to know what has become of the last one
 * @return 0: it is done; or an enum pg_txn_refusal
 */
MUST_CHECK int pg_txn_do(struct pg_txn *t, pg_txn_fn *fn, void *arg);

/** Queued, one after the other; two results. */
void pg_txn_send_begin(struct pg_txn *t);
MUST_CHECK int pg_txn_begun(struct pg_txn *t);

/** Likewise: from now on it may be done. @return of pg_txn_committed(): 0, with t->position, or
 * an enum pg_refusal */
void pg_txn_send_commit(struct pg_txn *t);
MUST_CHECK int pg_txn_committed(struct pg_txn *t);

/** Instead: it has changed nothing that is to last. */
void pg_txn_send_end(struct pg_txn *t);
MUST_CHECK int pg_txn_ended(struct pg_txn *t);
