#include "store/sqlite_db.h"

#include <errno.h>
#include <time.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

// For whoever looks into a running store with sqlite3, and writes.
#define BUSY_MS 5000

// How long who finds a file locked sleeps before it looks again: a lock is mostly one of our
// own and for less than a millisecond, and a writer that sleeps for longer keeps many waiting.
#define LOOK_US      200
#define LOOKS        100
#define LOOK_LATE_US 5000

int sqlite_db_fault(struct sqlite_db *d, const char *what)
{
    if (d->is_failing)
        return -EIO;
    d->is_failing = true;
    // What SQLite says first: a long statement behind it may be cut.
    return err_fault(-EIO, "sqlite: %s (%d): %s", sqlite3_errmsg(d->db),
                     sqlite3_extended_errcode(d->db), what);
}

void sqlite_db_works(struct sqlite_db *d)
{
    if (!d->is_failing)
        return;
    d->is_failing = false;
    log_info(NULL, "store_works", "%s", "again=yes");
}

bool sqlite_db_needs_checkpoint(int n_pages, int *n_checked, int every)
{
    if (n_pages < *n_checked)
        *n_checked = 0;
    return n_pages >= *n_checked + every;
}

/** @param n  how often it has waited already, for this lock */
static int wait_for_lock(void *arg, int n)
{
    const struct sqlite_db *d = arg;
    const int64_t n_late = n > LOOKS ? n - LOOKS : 0;
    const int64_t waited_us = (n - n_late) * LOOK_US + n_late * LOOK_LATE_US;

    if (waited_us >= (int64_t)d->patience_ms * 1000)
        return 0;
    const struct timespec nap = {.tv_nsec = (n < LOOKS ? LOOK_US : LOOK_LATE_US) * 1000L};
    nanosleep(&nap, NULL);
    return 1;
}

int sqlite_db_open_as(struct sqlite_db *d, const char *path, int flags)
{
    // Each connection is used by one thread at a time: SQLite needs no lock on it.
    if (sqlite3_open_v2(path, &d->db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        return sqlite_db_fault(d, path);
    sqlite3_extended_result_codes(d->db, 1);
    d->patience_ms = BUSY_MS;
    sqlite3_busy_handler(d->db, wait_for_lock, d);
    return 0;
}

int sqlite_db_open(struct sqlite_db *d, const char *path)
{
    return sqlite_db_open_as(d, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
}

int sqlite_db_sync(struct sqlite_db *d)
{
    sqlite3_file *file = NULL;

    int r = sqlite3_file_control(d->db, "main", SQLITE_FCNTL_FILE_POINTER, (void *)&file);
    if (r == SQLITE_OK)
        r = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
    return r == SQLITE_OK ? 0 : sqlite_db_fault(d, "sync");
}

int sqlite_db_prepare_into(struct sqlite_db *d, const char *const *texts, size_t n,
                           sqlite3_stmt **out)
{
    for (size_t i = 0; i < n; i++) {
        if (sqlite3_prepare_v3(d->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &out[i], NULL) !=
            SQLITE_OK)
            return sqlite_db_fault(d, texts[i]);
    }
    return 0;
}

int sqlite_db_prepare(struct sqlite_db *d, const char *const *texts, size_t n)
{
    d->stmts = (sqlite3_stmt **)mem_alloc(n * sizeof(sqlite3_stmt *));
    return sqlite_db_prepare_into(d, texts, n, d->stmts);
}

void sqlite_db_close(struct sqlite_db *d)
{
    if (!d->db)
        return;
    for (sqlite3_stmt *s = sqlite3_next_stmt(d->db, NULL); s;
         s = sqlite3_next_stmt(d->db, NULL))
        sqlite3_finalize(s);
    free((void *)d->stmts);
    const int r = sqlite3_close(d->db);
    assert(r == SQLITE_OK);
    (void)r;
    *d = (struct sqlite_db){0};
}

int sqlite_db_exec(struct sqlite_db *d, const char *text)
{
    return sqlite3_exec(d->db, text, NULL, NULL, NULL) == SQLITE_OK ? 0
                                                                    : sqlite_db_fault(d, text);
}

int sqlite_db_number(struct sqlite_db *d, const char *text, int64_t *out)
{
    sqlite3_stmt *stmt = NULL;

    if (sqlite3_prepare_v2(d->db, text, -1, &stmt, NULL) != SQLITE_OK)
        return sqlite_db_fault(d, text);
    const int r = sqlite3_step(stmt) == SQLITE_ROW ? 0 : sqlite_db_fault(d, text);
    if (r == 0)
        *out = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return r;
}

int sqlite_db_step(struct sqlite_db *d, sqlite3_stmt *stmt)
{
    const int r = sqlite3_step(stmt);

    if (r == SQLITE_ROW)
        return 0;
    const int result =
        r == SQLITE_DONE ? SQLITE_DB_NO_ROW : sqlite_db_fault(d, sqlite3_sql(stmt));
    sqlite3_reset(stmt);
    return result;
}

int sqlite_db_run(struct sqlite_db *d, sqlite3_stmt *stmt)
{
    const int r = sqlite_db_step(d, stmt);

    assert(r != 0);
    return r < 0 ? r : 0;
}
