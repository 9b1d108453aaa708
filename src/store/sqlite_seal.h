/**
 * What is in a database, by its rows: each table's count, and a SHA-256 over all of its values,
 * in the order of its key. Two databases with the same rows have the same seals, however their
 * pages are laid out; one that a disk has changed has not.
 *
 * Threads: one.
 */
#pragma once

#include "base/progress.h"
#include "crypto/digest.h"
#include "store/sqlite_db.h"

/** The seal of each table but `seal` itself is put there; what it had goes. @return 0 or a
 * fault */
MUST_CHECK int sqlite_seal_make(struct sqlite_db *d, const struct progress_to *to);

enum sqlite_seal_refusal {
    SQLITE_SEAL_BROKEN = 1, // a table is not what it was; or there is another one, or one less
};

/** @param table  gets its name where it is broken; has room for SQLITE_SEAL_NAME_SIZE
 * @return 0, SQLITE_SEAL_BROKEN, or a fault */
MUST_CHECK int sqlite_seal_check(struct sqlite_db *d, const struct progress_to *to,
                                 char *table);

#define SQLITE_SEAL_NAME_SIZE 64 // bytes, NUL included
