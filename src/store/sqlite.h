/**
 * The embedded store: a log and its index, SQLite databases in a directory of their own, for
 * one process.
 *
 * A thread writes, in groups: all that waits becomes one transaction of the log, synced to the
 * disk before any of it is answered. Another one brings the index up to that, seldom and much
 * at a time, and another reads both, and in between what is in memory. An error that leaves
 * open whether a commit is on the disk ends the process.
 */
#pragma once

#include "base/rand.h"
#include "chat/store.h"
#include "io/loop.h"

#define STORE_SQLITE_GROUP_MAX 4096      // changes, of whatever kind, of one transaction
#define STORE_SQLITE_TAIL_SIZE 67108864  // bytes of memory; then the index takes what is there
#define STORE_SQLITE_TAIL_MAX  268435456 // bytes, if it does not; then nothing more is stored

struct store_sqlite_config {
    const char
        *dir; // made where it is missing; the log is dir/parley.db, the index dir/index.db
    size_t index_after;  // bytes of what the index has not; 0: STORE_SQLITE_TAIL_SIZE
    size_t tail_max;     // 0: STORE_SQLITE_TAIL_MAX
    size_t index_slice;  // conversations that the index takes at once; 0: SQLITE_INDEX_SLICE
    size_t threads_kept; // conversations that the writer remembers; 0: SQLITE_THREADS_KEPT
    struct store_limits limits;
    struct rand *rand; // used while opening only
};

/**
 * @param out  owned; store_free()
 * @return 0 or a fault: another process has the directory, a newer Parley wrote it, or it can't
 *         be read and written
 */
MUST_CHECK int store_sqlite_open(struct store **out, struct loop *l,
                                 const struct store_sqlite_config *config);
