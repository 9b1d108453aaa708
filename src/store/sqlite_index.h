/**
 * The index: what can be made anew from the log, in a file of its own. It says where a
 * conversation's messages are, by seq and by key, and how its two sides stand.
 *
 * It lags behind: the tail has what it lacks (sqlite_tail.h), and fills it by the generation,
 * in the order of conversations, so that each of its pages is written once for many changes. A
 * generation goes in by slices, each a transaction; which position the index has, all of it, is
 * said with the last one. After a crash it may have some conversations as they were later than
 * that: what the log has of those is left out where it is read again.
 *
 * It is of this log, and no other, if it has been where the log has been: `chain` is a hash
 * over each message there was so far, and a milestone of the log keeps it for each position at
 * which a generation ended. It must have been where the index may have some of it, too: an
 * older copy of the log has not. Else, or where the index can't be read, it is made anew.
 */
#pragma once

#include "store/sqlite_db.h"
#include "store/sqlite_tail.h"

#define SQLITE_INDEX_SLICE 512

// How long a checkpoint waits for who reads: in the meantime nothing is written. Where an
// operator reads for longer, the *-wal begins anew another time.
#define SQLITE_KEEP_PATIENCE 50

enum index_statement {
    I_BEGIN,
    I_COMMIT,
    I_ROLLBACK,
    I_PLACE,
    I_SENT,
    I_SENT_AT,
    I_PLACES,
    I_THREAD,
    I_MEMBERS,
    I_SET_MEMBERS,
    I_STATE,
    I_AHEAD,
    I_COUNT,
};

extern const char *const sqlite_index_texts[I_COUNT];

struct sqlite_index {
    struct sqlite_db db;
    size_t slice; // conversations of a transaction, or accounts
    int n_pages;  // of its *-wal
    int n_checked;
    bool is_distrusted;
};

/** What the log says of itself. */
struct sqlite_index_log {
    struct sqlite_db *db;
    uint64_t epoch;
    int64_t position; // the last one it has
};

/**
 * Open it, or make it anew; it has its slice.
 *
 * @param key   HASH_KEY_SIZE secret bytes, of a new one
 * @param from  gets the position that it has
 * @return      0 or a fault; in either case sqlite_index_close()
 */
MUST_CHECK int sqlite_index_open(struct sqlite_index *ix, const char *path,
                                 const struct sqlite_index_log *log, const uint8_t *key,
                                 int64_t *from);
void sqlite_index_close(struct sqlite_index *ix);

/** An empty file in its place, which sqlite_index_open() makes one of. It is closed. @param why
 * is logged @return 0 or a fault */
MUST_CHECK int sqlite_index_discard(struct sqlite_index *ix, const char *path, const char *why);

/** Put the old generation of the tail in, and drop it there. @return 0 or a fault: the tail has
 * it still, and it can be tried again */
MUST_CHECK int sqlite_index_fill(struct sqlite_index *ix, struct tail *tail);

/** Copy its log into it. @return 0 or a fault */
MUST_CHECK int sqlite_index_checkpoint(struct sqlite_index *ix);

/** @param sender  a side */
uint64_t sqlite_index_chain(uint64_t before, int64_t position, conversation_id conversation,
                            uint64_t seq, unsigned sender);
