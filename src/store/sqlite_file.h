/** The data directory: whose it is, and that its database is one of ours, in today's form. */
#pragma once

#include "store/sqlite_db.h"

#define SQLITE_FILE_PATH_SIZE 4096 // bytes, NUL included

/**
 * Take the directory for this process. It is made where it is missing, and so is the database,
 * both for their owner's eyes alone.
 *
 * @param fd    close() gives the directory back, also after a fault unless it is -1
 * @param path  of the database
 * @return 0 or a fault: another process has it
 */
MUST_CHECK int sqlite_file_take(int *fd, const char *dir, char path[SQLITE_FILE_PATH_SIZE]);

/**
 * The files in it are there after a power cut, once the store is open: SQLite syncs the
 * directory with its first commit, and does not look at what that gives.
 *
 * @return 0 or a fault
 */
MUST_CHECK int sqlite_file_sync(const char *dir);

/**
 * Make the database what this program knows, in one transaction: new, or of an older version.
 *
 * @param epoch  of a new store
 * @return 0 or a fault: it is newer, or no store of Parley's, or broken
 */
MUST_CHECK int sqlite_file_migrate(struct sqlite_db *d, uint64_t epoch);
