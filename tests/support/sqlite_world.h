/**
 * A store on SQLite under test: on a disk that is full, or can't read or sync (the system's,
 * with three methods of ours), and with an operator who looks into the database, and writes.
 */
#pragma once

#include <stdatomic.h>

#include <sqlite3.h>

#include "support/auth_store_world.h"
#include "support/limits.h"

struct methods {
    sqlite3_io_methods ours; // first: what a file points to
    const sqlite3_io_methods *real;
};

static struct methods methods[2]; // of the database, and of its log
static sqlite3_vfs disk;
static atomic_int writes_left; // then one fails; below 0: none does
static atomic_int reads_left;  // likewise
static atomic_bool is_full;    // all fail
static atomic_bool is_broken;  // all syncs fail
static atomic_uint n_syncs;

static inline const sqlite3_io_methods *real_of(const sqlite3_file *f)
{
    return ((const struct methods *)f->pMethods)->real;
}

static inline int disk_read(sqlite3_file *f, void *bytes, int n, sqlite3_int64 at)
{
    if (atomic_fetch_sub(&reads_left, 1) == 0)
        return SQLITE_IOERR_READ;
    return real_of(f)->xRead(f, bytes, n, at);
}

static inline int disk_write(sqlite3_file *f, const void *bytes, int n, sqlite3_int64 at)
{
    if (atomic_load(&is_full) || atomic_fetch_sub(&writes_left, 1) == 0)
        return SQLITE_FULL;
    return real_of(f)->xWrite(f, bytes, n, at);
}

static inline int disk_sync(sqlite3_file *f, int flags)
{
    atomic_fetch_add(&n_syncs, 1);
    return atomic_load(&is_broken) ? SQLITE_IOERR_FSYNC : real_of(f)->xSync(f, flags);
}

static inline int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags,
                            int *got)
{
    const sqlite3_vfs *parent = vfs->pAppData;
    const int r = parent->xOpen(sqlite3_vfs_find(parent->zName), name, f, flags, got);

    if (r != SQLITE_OK)
        return r;
    struct methods *m = methods;
    while (m->real && m->real != f->pMethods)
        m++;
    assert(m < methods + COUNT_OF(methods));
    if (!m->real) {
        m->real = f->pMethods;
        m->ours = *m->real;
        m->ours.xRead = disk_read;
        m->ours.xWrite = disk_write;
        m->ours.xSync = disk_sync;
    }
    f->pMethods = &m->ours;
    return r;
}

static inline void disk_install(void)
{
    sqlite3_vfs *parent = sqlite3_vfs_find(NULL);

    disk = *parent;
    disk.zName = "disk";
    disk.pAppData = parent;
    disk.xOpen = disk_open;
    sqlite3_vfs_register(&disk, 1);
    atomic_store(&writes_left, -1);
    atomic_store(&reads_left, -1);
}

static inline void run_sql(const struct store_world *w, const char *text)
{
    char path[128];
    sqlite3 *db = NULL;

    snprintf(path, sizeof(path), "%s/parley.db", w->dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static inline int64_t sql_number(const struct store_world *w, const char *text)
{
    char path[128];
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;

    snprintf(path, sizeof(path), "%s/parley.db", w->dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    const int64_t n = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return n;
}

/** How many sides' rows don't name their first message that is neither delivered nor withheld,
 * looked for in another way than the store's. */
#define N_INEXACT_DUE                                                                          \
    "SELECT count(*) FROM member m WHERE due_pos <> ifnull("                                   \
    "  (SELECT min(x.position) FROM message x"                                                 \
    "    WHERE x.conversation = m.conversation AND x.sender <> m.side"                         \
    "    AND x.seq > m.delivered_seq AND NOT (m.blocked AND x.seq > m.block_seq)"              \
    "    AND NOT EXISTS (SELECT 1 FROM withheld h WHERE h.conversation = m.conversation"       \
    "      AND h.side = m.side AND x.seq > h.after_seq AND x.seq <= h.upto_seq)), 0)"

/** In a child process, which has none of its parent's threads. */
static inline struct store_world *store_world_in(const char *dir)
{
    struct store_world *w = NEW(struct store_world);

    w->limits = limits_of(FROM_ACCEPTED, FROM_STRANGER);
    w->chance = seeded_of(1);
    assert_int_equal(loop_new(&w->loop), 0);
    str_copy(w->dir, str_of(dir));
    store_world_open(w);
    return w;
}
