/** The data directory: whose it is, and that its database is one of ours, in today's form. */
#pragma once

#include "store/sqlite_db.h"

/**
 * Take the directory for this process; it is made where it is missing.
 *
 * @param fd  close() gives the directory back
 * @return 0 or a fault: another process has it
 */
MUST_CHECK int sqlite_file_lock(int *fd, const char *dir);

/**
 * Make the database what this program knows, in one transaction: new, or of an older version.
 *
 * @param epoch  of a new store
 * @return 0 or a fault: it is newer, or no store of Parley's, or broken
 */
MUST_CHECK int sqlite_file_migrate(struct sqlite_db *d, uint64_t epoch);
