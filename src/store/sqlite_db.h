/**
 * A connection to an SQLite database, with its statements prepared: what the files of the
 * SQLite backend share. One thread at a time.
 *
 * Faults here are passed up as they are, without err_up(): a disk stays full for long, and
 * many groups fail on it. The first one is logged, and the end of the failure.
 */
#pragma once

#include <sqlite3.h>

#include "base/str.h"

struct sqlite_db {
    sqlite3 *db;
    sqlite3_stmt **stmts; // in the order of the texts of sqlite_db_prepare()
    int patience_ms;      // with who has it locked; may be changed
    bool is_failing;
};

/** d stays where it is. @return 0 or a fault; in either case sqlite_db_close() */
MUST_CHECK int sqlite_db_open(struct sqlite_db *d, const char *path);

/** The same, with flags of sqlite3_open_v2(). */
MUST_CHECK int sqlite_db_open_as(struct sqlite_db *d, const char *path, int flags);
MUST_CHECK int sqlite_db_prepare(struct sqlite_db *d, const char *const *texts, size_t n);

/** Statements of a part of the backend, in an array of its own. */
MUST_CHECK int sqlite_db_prepare_into(struct sqlite_db *d, const char *const *texts, size_t n,
                                      sqlite3_stmt **out);

/** With all that was prepared. A struct of zeroes is closed. */
void sqlite_db_close(struct sqlite_db *d);

/** Statements without results, separated by ';'. @return 0 or a fault */
MUST_CHECK int sqlite_db_exec(struct sqlite_db *d, const char *text);

/** The one number that a query returns. @return 0 or a fault */
MUST_CHECK int sqlite_db_number(struct sqlite_db *d, const char *text, int64_t *out);

/** Log what went wrong last, unless it has been failing since. @return a fault */
int sqlite_db_fault(struct sqlite_db *d, const char *what);

/**
 * A checkpoint writes each page once that the *-wal has many times: the rarer the cheaper.
 *
 * @param n_pages    that the *-wal has
 * @param n_checked  that it had at the last checkpoint; 0 where it has begun anew since
 * @param every      so many pages
 */
bool sqlite_db_needs_checkpoint(int n_pages, int *n_checked, int every);

/**
 * Sync what checkpoints have copied into the database's file. SQLite does so itself where the
 * *-wal begins anew, and there with the file locked: with little left to sync, for a short
 * time.
 *
 * @return 0 or a fault
 */
MUST_CHECK int sqlite_db_sync(struct sqlite_db *d);

/** A transaction has gone well: say so if there was a failure. */
void sqlite_db_works(struct sqlite_db *d);

enum sqlite_db_refusal {
    SQLITE_DB_NO_ROW = 1, // there are no more, and the statement is reset
};

/** On to the next row. @return 0, SQLITE_DB_NO_ROW, or a fault: the statement is reset */
MUST_CHECK int sqlite_db_step(struct sqlite_db *d, sqlite3_stmt *stmt);

/** For a statement that returns no row. @return 0 or a fault */
MUST_CHECK int sqlite_db_run(struct sqlite_db *d, sqlite3_stmt *stmt);

// What is bound is borrowed until the statement is bound or reset. It can fail only by a
// mistake of ours, or without memory.

static inline void sqlite_db_bind(sqlite3_stmt *stmt, int i, int64_t value)
{
    const int r = sqlite3_bind_int64(stmt, i, value);
    assert(r == SQLITE_OK);
    (void)r;
}

/** As text: what operators look at. Any bytes will do. */
static inline void sqlite_db_bind_text(sqlite3_stmt *stmt, int i, str s)
{
    const int r =
        sqlite3_bind_text64(stmt, i, s.len > 0 ? s.ptr : "", s.len, SQLITE_STATIC, SQLITE_UTF8);
    assert(r == SQLITE_OK);
    (void)r;
}

static inline void sqlite_db_bind_bytes(sqlite3_stmt *stmt, int i, str s)
{
    const int r = sqlite3_bind_blob64(stmt, i, s.len > 0 ? s.ptr : "", s.len, SQLITE_STATIC);
    assert(r == SQLITE_OK);
    (void)r;
}

/** Borrowed until the next step or reset. */
static inline str sqlite_db_str(sqlite3_stmt *stmt, int column)
{
    const char *ptr = sqlite3_column_blob(stmt, column);
    return (str){ptr, (size_t)sqlite3_column_bytes(stmt, column)};
}
