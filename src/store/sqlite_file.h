/** The data directory: whose it is, and that its database is one of ours, in today's form. */
#pragma once

#include "store/sqlite_db.h"

#define SQLITE_FILE_PATH_SIZE 4096 // bytes, NUL included

struct sqlite_paths {
    char log[SQLITE_FILE_PATH_SIZE];
    char index[SQLITE_FILE_PATH_SIZE];
};

/** @return 0 or a fault */
MUST_CHECK int sqlite_file_paths(struct sqlite_paths *paths, const char *dir);

/**
 * Take the directory for this process. It is made where it is missing, and so are the
 * databases, all for their owner's eyes alone.
 *
 * @param fd  close() gives the directory back, also after a fault unless it is -1
 * @return 0 or a fault: another process has it
 */
MUST_CHECK int sqlite_file_take(int *fd, const char *dir, struct sqlite_paths *paths);

/** An empty database. SQLite would make it for everybody to read; its log gets the mode that
 * the database has. @return 0 or a fault */
MUST_CHECK int sqlite_file_make(const char *path);

/**
 * Make the database what this program knows, in one transaction, if it is new.
 *
 * @param epoch  of a new store
 * @return 0 or a fault: it is newer, or older, or no store of Parley's, or broken
 */
MUST_CHECK int sqlite_file_migrate(struct sqlite_db *d, uint64_t epoch);

/** The tables of an empty database, without triggers: those are for the last. In a transaction
 * of the caller's; all of it but a row of `meta`. @return 0 or a fault */
MUST_CHECK int sqlite_file_make_tables(struct sqlite_db *d);
MUST_CHECK int sqlite_file_make_triggers(struct sqlite_db *d);

/** Those that there are. @return 0 or a fault */
MUST_CHECK int sqlite_file_drop_triggers(struct sqlite_db *d);

enum sqlite_file_refusal {
    SQLITE_FILE_EMPTY = 1, // nothing is in it yet
};

/** Is the database one that this program knows? @param schema  "main", or as it is attached
 * @param name  for people @return 0, SQLITE_FILE_EMPTY, or a fault: it is
 * newer, or older, or nothing of Parley's */
MUST_CHECK int sqlite_file_check(struct sqlite_db *d, const char *schema, const char *name);
