/**
 * A store on SQLite under test: on a disk that is full, or can't read or sync (the system's,
 * with three methods of ours), and with an operator who looks into the databases, and writes.
 */
#pragma once

#include <stdatomic.h>

#include <sqlite3.h>

#include "store/sqlite_engine.h"
#include "support/auth_store_world.h"
#include "support/index_sql.h"
#include "support/limits.h"
#include "support/store_contacts.h"

/** What a disk does to the files of one database; below 0 nothing is left to be done. */
struct faults {
    atomic_int writes_left; // then one fails
    atomic_int reads_left;  // likewise
    atomic_bool is_full;    // all writes fail
    atomic_bool is_unsafe;  // all syncs fail
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
    return atomic_load(&is_broken) || atomic_load(&m->faults->is_unsafe)
               ? SQLITE_IOERR_FSYNC
               : m->real->xSync(f, flags);
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
    sqlite3_busy_timeout(db, 10000); // a checkpoint of the store has it for a moment
    snprintf(path, sizeof(path), "%s/index.db", w->dir);
    snprintf(text, sizeof(text), "ATTACH '%s' AS ix", path);
    if (access(path, F_OK) == 0) {
        assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
        index_sql_register(db);
    }
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
    struct tail *tail = &sqlite_engine_in(w->store)->writer.tail;

    while (!is_indexed(w)) {
        while (tail_is_filling(tail))
            loop_run_once(w->loop);
        if (!is_indexed(w))
            change_elsewhere(w);
    }
}

/** In a child process, which has none of its parent's threads. */
static inline struct store_world *store_world_in(const char *dir)
{
    struct store_world *w = NEW(struct store_world);

    w->backend = BACKEND_SQLITE;
    w->limits = limits_of(FROM_ACCEPTED, FROM_STRANGER);
    w->chance = seeded_of(1);
    assert_int_equal(loop_new(&w->loop), 0);
    str_copy(w->dir, str_of(dir));
    store_world_open(w);
    return w;
}

// By chance.

#define LETTERS     "abcs"
#define CHANGES_MAX 6

static inline uint64_t below(struct seeded *chance, uint64_t n)
{
    return next_u64(chance) % n;
}

/** a has to do with all of them, and the others with a; their keys are new. */
static inline void change_one(struct store_world *w, struct seeded *chance, bool is_message,
                              struct store_answer *a)
{
    static const enum chat_contact kinds[] = {CHAT_BLOCK, CHAT_UNBLOCK, CHAT_UNBLOCK,
                                              CHAT_ACCEPT};
    const char by = LETTERS[below(chance, 4)];
    const char peer = LETTERS[by == 'a' ? 1 + below(chance, 3) : 0];
    char key[24];
    const uint64_t delivered = below(chance, 40);
    const struct store_receipt r = {.by = who(by),
                                    .place.peer = who(peer),
                                    .delivered_seq = delivered,
                                    .read_seq = below(chance, 2) * below(chance, 30),
                                    .now_ms = NOW};
    const struct store_contact c = {
        .by = who(by), .place.peer = who(peer), .what = kinds[below(chance, 4)], .now_ms = NOW};

    switch (is_message ? 8 : below(chance, 8)) {
    case 0: store_contact(w->store, &c, on_contact, a); return;
    case 1:
    case 2: store_receipt(w->store, &r, on_receipt, a); return;
    default: break;
    }
    snprintf(key, sizeof(key), "%llx", (unsigned long long)next_u64(chance));
    const struct store_append what = message(by, peer, key, key);
    store_append(w->store, &what, on_append, a);
}

/** Most of them in one group: a message comes last, for receipts wait for one. */
static inline void change_some(struct store_world *w, struct seeded *chance)
{
    struct store_answer answers[CHANGES_MAX];
    const uint64_t n = 1 + below(chance, CHANGES_MAX);

    for (uint64_t i = 0; i < n; i++) {
        answer_init(&answers[i], w);
        change_one(w, chance, i == n - 1, &answers[i]);
    }
    for (uint64_t i = 0; i < n; i++) {
        answer_await(&answers[i]);
        answer_fini(&answers[i]);
    }
}

// All there is.

#define SAID_EACH (6 + sizeof(LETTERS) - 1)

/** Pages of this account, without an end. */
static inline size_t ask_pages(struct store_world *w, char letter, struct store_answer *a)
{
    const account of = who(letter);
    const struct store_read read = {SOME_OF(letter)};
    const struct store_read undelivered = {SOME_OF(letter), .since = INT64_MAX};
    const struct store_receipts receipts = {.account = of, .max_receipts = PLENTY};
    const struct store_list list = {
        .account = of, .max_conversations = PLENTY, .max_bytes = PLENTY};
    const struct store_changes changes = {
        .account = of, .max_conversations = PLENTY, .max_bytes = PLENTY};

    store_read(w->store, &read, on_read, &a[0]);
    store_read(w->store, &undelivered, on_read, &a[1]);
    store_receipts(w->store, &receipts, on_receipts, &a[2]);
    store_list(w->store, &list, on_list, &a[3]);
    store_changes(w->store, &changes, on_changes, &a[4]);
    store_unread(w->store, &of, on_unread, &a[5]);
    return 6;
}

static inline size_t ask_histories(struct store_world *w, char letter, struct store_answer *a)
{
    size_t n = 0;

    for (size_t i = 0; LETTERS[i] != '\0'; i++) {
        const struct store_history h = {SOME_OF(letter), .place.peer = who(LETTERS[i])};
        if (LETTERS[i] != letter)
            store_history(w->store, &h, on_history, &a[n++]);
    }
    return n;
}

/** All that these accounts can get, as one text. */
static inline void say_all(struct store_world *w, struct buf *out)
{
    struct store_answer a[SAID_EACH];

    for (size_t i = 0; LETTERS[i] != '\0'; i++) {
        for (size_t k = 0; k < COUNT_OF(a); k++)
            answer_init(&a[k], w);
        size_t n = ask_pages(w, LETTERS[i], a);
        n += ask_histories(w, LETTERS[i], a + n);
        for (size_t k = 0; k < n; k++) {
            answer_await(&a[k]);
            int r = buf_addf(out, "%d ", a[k].r);
            r = r ? r : buf_add(out, buf_str(&a[k].text));
            r = r ? r : buf_add(out, STR("\n"));
            assert_int_equal(r, 0);
        }
        for (size_t k = 0; k < COUNT_OF(a); k++)
            answer_fini(&a[k]);
    }
}
