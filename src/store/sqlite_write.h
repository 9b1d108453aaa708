/**
 * The writer: appends, receipts, contacts and changes of sessions and uploads, in groups, each
 * group one transaction.
 * It belongs to one thread from its opening to its closing.
 */
#pragma once

#include <stdatomic.h>

#include "store/op.h"
#include "store/sqlite_auth.h"
#include "store/sqlite_file.h"
#include "store/sqlite_index.h"
#include "store/sqlite_place.h"
#include "store/sqlite_thread.h"
#include "store/sqlite_uploads.h"

#define SQLITE_THREADS_KEPT 32768 // a KiB each

struct sqlite_writer {
    struct sqlite_db db;    // the log
    struct sqlite_db index; // to look into it
    struct store_limits limits;
    struct tail tail;
    struct sqlite_places places;
    struct threads threads;
    struct sqlite_auth auth;
    struct sqlite_uploads uploads;
    uint64_t epoch;
    int64_t position;   // the last one taken
    int64_t durable;    // the last one that is on the disk
    uint64_t chain;     // of all messages, see sqlite_index.h
    size_t index_after; // bytes of the tail that are worth filling the index
    size_t tail_max;    // bytes of it that are too many
    size_t threads_kept;
    int64_t data_version; // changes when somebody else writes
    bool has_changed;     // anything, in this group
    bool ages;            // the generation of the tail that it is in ends with it
    bool is_over;         // the tail is as large as it may be
    atomic_int wal_pages; // of the log's own log, which keep_run() copies into it
};

struct sqlite_writer_config {
    const char *path; // of the log
    const char *index_path;
    struct store_limits limits;
    size_t index_after;
    size_t index_slice;
    size_t threads_kept;
    size_t tail_max;
    const uint8_t *key;       // HASH_KEY_SIZE secret bytes
    const uint8_t *index_key; // likewise, of a new index
    uint64_t epoch;           // of a new store
};

/**
 * The tail is as it was, at the end.
 *
 * @param ix  is opened; sqlite_index_close() after the writer
 * @return    0 or a fault; then sqlite_writer_close()
 */
MUST_CHECK int sqlite_writer_open(struct sqlite_writer *w, struct sqlite_index *ix,
                                  const struct sqlite_writer_config *config);

/** The same of a store that there is, with what a server has by default.
 * @param rand  used while it opens only */
MUST_CHECK int sqlite_writer_open_alone(struct sqlite_writer *w, struct sqlite_index *ix,
                                        const struct sqlite_paths *paths, struct rand *rand);

/** Zeroes will do. */
void sqlite_writer_close(struct sqlite_writer *w);

/** @param writes  of struct write_op: answered, and if 0, durable */
void sqlite_writer_run(struct sqlite_writer *w, struct list *writes);

// For what is done outside of groups, while the store opens.

/** A snapshot of the tail and the index begins. @return 0 or a fault; sqlite_writer_unlook() */
MUST_CHECK int sqlite_writer_look(struct sqlite_writer *w);

/** @return 0 or a fault: nothing was changed by it */
MUST_CHECK int sqlite_writer_unlook(struct sqlite_writer *w);

/** Forget conversations where they are too many. */
void sqlite_writer_trim(struct sqlite_writer *w);
