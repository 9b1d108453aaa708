/**
 * A copy of the log, made while others write it, in a file of its own: what there was at one
 * moment, all of it. It may be stopped, or killed, and goes on.
 *
 * Tables that only grow are copied by portions, each with a snapshot for some milliseconds.
 * What is left then, the tables that do not, and what has changed behind the copy's back, comes
 * with one last snapshot: the copy is as the log was then. That snapshot holds nobody up, but
 * the log's
 * *-wal grows while it lasts.
 *
 * Threads: one.
 */
#pragma once

#include "base/progress.h"
#include "store/sqlite_db.h"

#define SQLITE_COPY_ROWS 2000 // of a portion

struct sqlite_copy {
    struct sqlite_db db; // the copy, with the log as schema src
    size_t n_rows;       // of a portion
    bool is_resumed;
};

enum sqlite_copy_refusal {
    SQLITE_COPY_OTHER = 1, // what is there already is of another log: remove it first
};

/**
 * @param path  of the copy, which is made where it is missing
 * @param log   of parley.db, which is there
 * @return 0, SQLITE_COPY_OTHER, or a fault; in any case sqlite_copy_close()
 */
MUST_CHECK int sqlite_copy_open(struct sqlite_copy *c, const char *path, const char *log);

/** Again it brings what is new, and the copy is as the log is then. @return 0 or a fault: it
 * can be tried again */
MUST_CHECK int sqlite_copy_run(struct sqlite_copy *c, const struct progress_to *to);

/** It is whole, and gets the triggers of a log: nothing is copied any more. @return 0 or a
 * fault
 */
MUST_CHECK int sqlite_copy_end(struct sqlite_copy *c);

void sqlite_copy_close(struct sqlite_copy *c);
