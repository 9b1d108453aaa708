/**
 * A store on SQLite under test: on a disk that is full, or can't read or sync (the system's,
 * with three methods of ours), and with an operator who looks into the databases, and writes.
 */
#pragma once

#include <stdatomic.h>

#include <sqlite3.h>

#include "store/sqlite_ask.h"
#include "support/auth_store_world.h"
#include "support/limits.h"
#include "support/store_contacts.h"

/** What a disk does to the files of one database; below 0 nothing is left to be done. */
struct faults {
    atomic_int writes_left; // then one fails
    atomic_int reads_left;  // likewise
    atomic_bool is_full;    // all writes fail
};

struct methods {
    sqlite3_io_methods ours; // first: what a file points to
    const sqlite3_io_methods *real;
    struct faults *faults;
};

static struct methods methods[4]; // of the two databases, and of the logs of each
static sqlite3_vfs disk;
static struct faults of_log;
static struct faults of_index;
static atomic_bool is_broken; // all syncs fail
static atomic_uint n_syncs;   // of the log

static inline const struct methods *methods_of(const sqlite3_file *f)
{
    return (const struct methods *)f->pMethods;
}

static inline int disk_read(sqlite3_file *f, void *bytes, int n, sqlite3_int64 at)
{
    const struct methods *m = methods_of(f);

    if (atomic_fetch_sub(&m->faults->reads_left, 1) == 0)
        return SQLITE_IOERR_READ;
    return m->real->xRead(f, bytes, n, at);
}

static inline int disk_write(sqlite3_file *f, const void *bytes, int n, sqlite3_int64 at)
{
    const struct methods *m = methods_of(f);

    if (atomic_load(&m->faults->is_full) || atomic_fetch_sub(&m->faults->writes_left, 1) == 0)
        return SQLITE_FULL;
    return m->real->xWrite(f, bytes, n, at);
}

static inline int disk_sync(sqlite3_file *f, int flags)
{
    const struct methods *m = methods_of(f);

    atomic_fetch_add(&n_syncs, m->faults == &of_log);
    return atomic_load(&is_broken) ? SQLITE_IOERR_FSYNC : m->real->xSync(f, flags);
}

static inline int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags,
                            int *got)
{
    const sqlite3_vfs *parent = vfs->pAppData;
    struct faults *faults = strstr(name, "/index.db") ? &of_index : &of_log;
    const int r = parent->xOpen(sqlite3_vfs_find(parent->zName), name, f, flags, got);

    if (r != SQLITE_OK)
        return r;
    struct methods *m = methods;
    while (m->real && (m->real != f->pMethods || m->faults != faults))
        m++;
    assert(m < methods + COUNT_OF(methods));
    if (!m->real) {
        m->real = f->pMethods;
        m->faults = faults;
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
    atomic_store(&of_log.writes_left, -1);
    atomic_store(&of_log.reads_left, -1);
    atomic_store(&of_index.writes_left, -1);
    atomic_store(&of_index.reads_left, -1);
}

/** The log, and attached the index, where there is one. @return owned; sqlite3_close() */
static inline sqlite3 *open_both(const struct store_world *w)
{
    char path[128];
    char text[160];
    sqlite3 *db = NULL;

    snprintf(path, sizeof(path), "%s/parley.db", w->dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    snprintf(path, sizeof(path), "%s/index.db", w->dir);
    snprintf(text, sizeof(text), "ATTACH '%s' AS ix", path);
    if (access(path, F_OK) == 0)
        assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    return db;
}

static inline void run_sql(const struct store_world *w, const char *text)
{
    sqlite3 *db = open_both(w);
    char *why = NULL;

    if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", text, why);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static inline int64_t sql_number(const struct store_world *w, const char *text)
{
    sqlite3 *db = open_both(w);
    sqlite3_stmt *stmt = NULL;

    if (sqlite3_prepare_v2(db, text, -1, &stmt, NULL) != SQLITE_OK)
        fail_msg("%s: %s", text, sqlite3_errmsg(db));
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    const int64_t n = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return n;
}

// The index.

/** Its store takes into the index what it can at once. */
static inline void index_at_once(struct store_world *w)
{
    store_world_close(w);
    w->index_after = 1;
    store_world_open(w);
}

/** Somebody blocks or unblocks: a generation of the tail ends with a change behind it. */
static inline void change_elsewhere(struct store_world *w)
{
    struct store_contact c = {
        .by = who('y'), .place.peer = who('z'), .what = CHAT_BLOCK, .now_ms = NOW};

    if (ask_contact(w, &c, 0, NULL).position == 0) {
        c.what = CHAT_UNBLOCK;
        ask_contact(w, &c, 0, NULL);
    }
}

static inline bool is_indexed(struct store_world *w)
{
    return sql_number(w, "SELECT position FROM ix.state") == store_horizon(w->store);
}

/** Wait until the index has all there is; index_at_once() was called. */
static inline void await_index(struct store_world *w)
{
    struct tail *tail = &sqlite_of(w->store)->writer.tail;

    while (!is_indexed(w)) {
        while (tail_is_filling(tail))
            loop_run_once(w->loop);
        if (!is_indexed(w))
            change_elsewhere(w);
    }
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
