/**
 * What is done in the background, on a thread of its own, while others write and read: the
 * index is filled, and what SQLite keeps in its own logs (the files *-wal) is copied into the
 * databases.
 */
#pragma once

#include "store/sqlite_write.h"

struct sqlite_keep {
    struct sqlite_writer *writer;
    struct sqlite_index index;
    struct sqlite_db log; // a connection of its own
    int n_checked;        // pages of its *-wal at the last checkpoint
};

/** The index is open. @param w  borrowed, for its life @return 0 or a fault;
 * sqlite_keep_close() */
MUST_CHECK int sqlite_keep_open(struct sqlite_keep *k, struct sqlite_writer *w,
                                const char *path);

/** Zeroes will do. */
void sqlite_keep_close(struct sqlite_keep *k);

/** Is there anything to do? */
bool sqlite_keep_is_due(struct sqlite_keep *k);

/** Do it. @return 0 or a fault: it can be tried again */
MUST_CHECK int sqlite_keep_run(struct sqlite_keep *k);
