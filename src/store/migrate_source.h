/**
 * What is to be moved: a data directory, whose server is stopped, and which is this process's
 * from the opening to the closing. It is read, and not changed but for what a start of the
 * server does: an index that is missing is made.
 *
 * What a conversation is, by its sides, is what the writer would begin with: from the index,
 * and the log behind it. All else is read from the log.
 */
#pragma once

#include "store/migrate.h"
#include "store/migrate_kinds.h"
#include "store/sqlite_write.h"

/** One that has changed is not the one that it was. */
struct migrate_mark {
    int64_t epoch;
    int64_t position;
    int64_t chain;
    int64_t n_conversations; // ever made
    int64_t n_messages;      // that are there
    int64_t revocations;     // the last position of them
};

struct migrate_source {
    struct sqlite_writer writer;
    struct sqlite_index index;
    struct sqlite_db db; // the log once more, for what is read row by row
    sqlite3_stmt *selects[MIGRATE_KINDS];
    int lock;
    bool is_looking; // within a snapshot of the index
    struct migrate_mark mark;
};

/** @param s  zeroes @return 0, MIGRATE_NO_STORE, or a fault; in any case migrate_source_close()
 */
MUST_CHECK int migrate_source_open(struct migrate_source *s, const char *dir,
                                   struct rand *rand);
void migrate_source_close(struct migrate_source *s);

/** From where on a kind is read. */
struct migrate_at {
    int64_t number;
    str bytes;
};

/**
 * The next rows of a kind, until there are as many as there may be, or much is in them.
 *
 * @param rows  cleared before; none: that was all
 * @return 0 or a fault
 */
MUST_CHECK int migrate_source_read(struct migrate_source *s, enum migrate_kind_id kind,
                                   const struct migrate_at *after, struct migrate_rows *rows);

/** Rows of conversations by their ids, one: as migrate_source_read() has them.
 * @return 0 or a fault */
MUST_CHECK int migrate_source_conversation(struct migrate_source *s, conversation_id id,
                                           struct migrate_rows *rows);
