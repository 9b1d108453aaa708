/**
 * A look into a store, whether a server has it open or not: SQL that reads, over the tables of
 * sqlite_look_table.h and those of the log itself. Nothing can be changed by it, and nobody is
 * held up: each statement has its own snapshot, for a limited time.
 *
 * The databases are opened for reading only. SQLite then needs to write beside them all the
 * same, in the files by which processes agree on a log (*-shm), so that it takes the server's
 * rights; beside a stopped server's it may leave them. Threads: one.
 */
#pragma once

#include "base/buf.h"

#define SQLITE_LOOK_WHY_SIZE 512 // bytes of a reason, NUL included; a longer one is cut

struct sqlite_look;

struct sqlite_look_config {
    const char *dir;
    uint64_t home_chain;
    int64_t timeout_ms; // of a statement, with what its rows are made into
    bool without_index; // go through the log alone
};

enum sqlite_look_kind {
    LOOK_NULL,
    LOOK_NUMBER, // finite; its text is JSON
    LOOK_STRING,
    LOOK_BYTES,
};

struct sqlite_look_value {
    enum sqlite_look_kind kind;
    str text; // borrowed
};

/** Where rows go; in the order of a result. */
struct sqlite_look_rows {
    /** @return 0, or anything else if rows of this statement have gone out and it would begin
     * anew */
    int (*on_columns)(void *arg, size_t n, const char *const *names);
    /** @return 0, or anything else: enough */
    int (*on_row)(void *arg, size_t n, const struct sqlite_look_value *values);
    void *arg;
};

enum sqlite_look_refusal {
    LOOK_NO_STORE = 1, // of opening: there is none in dir
    LOOK_UNREADABLE,   // of opening: it can't be read, or is of another version; see the reason
    LOOK_WRONG,        // SQLite does not take the statement, or fails with it; see the reason
    LOOK_READS_ONLY,   // the statement does not only read
    LOOK_LATE,         // it took longer than it may
    LOOK_STOPPED,      // by whom the rows went to
    LOOK_INDEX_DAMAGED, // that was found when rows had gone out
};

/**
 * @param out  owned; sqlite_look_close(), also after a refusal, for its reason
 * @return 0, LOOK_NO_STORE or LOOK_UNREADABLE
 */
MUST_CHECK int sqlite_look_open(struct sqlite_look **out, const struct sqlite_look_config *c);
void sqlite_look_close(struct sqlite_look *l);

/** Why the index is not used, if it should be and is not; NULL else. A damaged one is found to
 * be when it is read. */
const char *sqlite_look_without_index(const struct sqlite_look *l);

/** Of the last refusal. Borrowed until the next call. */
const char *sqlite_look_why(const struct sqlite_look *l);

/** What is left of the time of this statement, or of the last one; 0: nothing. */
int64_t sqlite_look_left_ms(const struct sqlite_look *l);

/** Does this end with a statement, so that it can be run? */
bool sqlite_look_is_whole(const char *text);

/**
 * Take the first statement off the text and run it.
 *
 * @return 0, also where there was none but space; or an enum sqlite_look_refusal from
 * LOOK_WRONG on
 */
MUST_CHECK int sqlite_look_run(struct sqlite_look *l, str *text,
                               const struct sqlite_look_rows *rows);
