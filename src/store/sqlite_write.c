#include "store/sqlite_write.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "store/sqlite.h"
#include "store/sqlite_change.h"
#include "store/sqlite_file.h"
#include "store/sqlite_replay.h"
#include "store/sqlite_text.h"

// Where the index can't follow, each group waits for it a little; and where it does not come at
// all, the tail does not grow any more.
#define WAIT_MS 20

#define MAILBOXES_KEPT 65536 // in memory between groups: 150 bytes each

// Sessions and uploads.

static int change_auth(struct sqlite_writer *w, struct write_op *op)
{
    const int r = sqlite_auth_change(&w->auth, &op->auth);

    op->has_changed = op->auth.has_changed;
    return r;
}

static int change_upload(struct sqlite_writer *w, struct write_op *op)
{
    const int r = sqlite_uploads_change(&w->uploads, &op->upload);

    op->has_changed = op->upload.has_changed;
    return r;
}

// Groups.

int64_t sqlite_change_take(struct sqlite_writer *w, struct write_op *op, struct thread *t)
{
    op->has_changed = true;
    op->position = ++w->position;
    threads_touch(&w->threads, t);
    return op->position;
}

// What an operation of a group that has failed is answered with, whichever port it is of.
static_assert((int)STORE_UNAVAILABLE == (int)AUTH_STORE_UNAVAILABLE, "one answer for all");
static_assert((int)STORE_UNAVAILABLE == (int)UPLOADS_UNAVAILABLE, "one answer for all");

static int read_meta(struct sqlite_writer *w)
{
    sqlite3_stmt *stmt = w->db.stmts[W_META];

    const int r = sqlite_db_step(&w->db, stmt);
    if (r != 0)
        return r < 0 ? r : sqlite_db_fault(&w->db, "meta has no row");
    w->position = sqlite3_column_int64(stmt, 0);
    w->threads.n_made = (uint64_t)sqlite3_column_int64(stmt, 1);
    w->epoch = (uint64_t)sqlite3_column_int64(stmt, 2);
    w->chain = (uint64_t)sqlite3_column_int64(stmt, 3);
    sqlite3_reset(stmt);
    return 0;
}

/** Has somebody else written? An operator may, with sqlite3; and nothing we know is sure then.
 */
static int refresh(struct sqlite_writer *w)
{
    sqlite3_stmt *stmt = w->db.stmts[W_DATA_VERSION];

    const int r = sqlite_db_step(&w->db, stmt);
    if (r != 0)
        return r < 0 ? r : sqlite_db_fault(&w->db, "no data_version");
    const int64_t version = sqlite3_column_int64(stmt, 0);
    sqlite3_reset(stmt);
    if (version == w->data_version)
        return 0;
    threads_drop(&w->threads);
    w->data_version = version;
    return read_meta(w);
}

static int write_meta(struct sqlite_writer *w)
{
    sqlite3_stmt *stmt = w->db.stmts[W_SET_META];

    sqlite_db_bind(stmt, 1, w->position);
    sqlite_db_bind(stmt, 2, (int64_t)w->threads.n_made);
    sqlite_db_bind(stmt, 3, (int64_t)w->chain);
    return sqlite_db_run(&w->db, stmt);
}

/** @return 0, a refusal, which has left the group as it was, or a fault */
static int write_one(struct sqlite_writer *w, struct write_op *op)
{
    if (w->is_over && op->kind < WRITE_SEEN)
        return STORE_UNAVAILABLE;
    switch (op->kind) {
    case WRITE_APPEND: return sqlite_change_append(w, op);
    case WRITE_RECEIPT: return sqlite_change_receipt(w, op);
    case WRITE_CONTACT: return sqlite_change_contact(w, op);
    case WRITE_SEEN: return sqlite_change_seen(w, op);
    case WRITE_AUTH: return change_auth(w, op);
    case WRITE_UPLOAD: break;
    }
    return change_upload(w, op);
}

// What the index says.

enum look_statement {
    X_BEGIN,
    X_FIX, // the snapshot
    X_COMMIT,
    X_COUNT,
};

static const char *const look_texts[X_COUNT] = {
    [X_BEGIN] = "BEGIN",
    [X_FIX] = "SELECT position FROM state",
    [X_COMMIT] = "COMMIT",
};

int sqlite_writer_look(struct sqlite_writer *w)
{
    places_hold(&w->places); // from before the snapshot
    int r = sqlite_db_run(&w->index, w->index.stmts[X_BEGIN]);
    if (r == 0)
        r = sqlite_db_step(&w->index, w->index.stmts[X_FIX]);
    sqlite3_reset(w->index.stmts[X_FIX]);
    return r == SQLITE_DB_NO_ROW ? sqlite_db_fault(&w->index, "state has no row") : r;
}

int sqlite_writer_unlook(struct sqlite_writer *w)
{
    int r = 0;

    if (!sqlite3_get_autocommit(w->index.db))
        r = sqlite_db_run(&w->index, w->index.stmts[X_COMMIT]);
    places_release(&w->places);
    return r;
}

void sqlite_writer_trim(struct sqlite_writer *w)
{
    const bool is_over = w->threads.mailboxes.by_account.n_nodes > MAILBOXES_KEPT;

    threads_trim(&w->threads, w->threads_kept / 2);
    if (!is_over)
        return;
    threads_forget(&w->threads); // they know their mailboxes
    mailboxes_drop(&w->threads.mailboxes);
}

// A group.

static int write_all(struct sqlite_writer *w, struct list *writes)
{
    list_each (node, writes) {
        struct write_op *op = container_of(worker_task_of(node), struct write_op, task);
        op->r = write_one(w, op);
        if (op->r < 0)
            return op->r;
        w->has_changed |= op->has_changed;
    }
    return 0;
}

/** The index is behind. */
static void wait_for_index(struct sqlite_writer *w)
{
    const bool was_over = w->is_over;
    const size_t cost = tail_cost(&w->tail);

    if (cost >= w->tail_max / 2)
        tail_await_filled(&w->tail, WAIT_MS);
    w->is_over = cost >= w->tail_max && tail_is_filling(&w->tail);
    if (w->is_over && !was_over) {
        log_error(NULL, "store_tail_full",
                  "bytes=%zu why=\"the index does not take it: see what was said before\"",
                  cost);
    }
}

/** Where the tail is worth it, its generation ends with this group. */
static int end_generation(struct sqlite_writer *w)
{
    sqlite3_stmt *stmt = w->db.stmts[W_ADD_MILESTONE];

    w->ages = tail_cost(&w->tail) >= w->index_after && !tail_is_filling(&w->tail);
    if (!w->ages)
        return 0;
    sqlite_db_bind(stmt, 1, w->position);
    sqlite_db_bind(stmt, 2, (int64_t)w->chain);
    return sqlite_db_run(&w->db, stmt);
}

/** All but the end: whatever goes wrong here, nothing of the group is stored. */
static int write_group(struct sqlite_writer *w, struct list *writes)
{
    int r = sqlite_db_run(&w->db, w->db.stmts[W_BEGIN]);
    if (r == 0)
        r = refresh(w);
    if (r == 0)
        r = sqlite_writer_look(w);
    if (r < 0)
        return r;
    const int64_t before = w->position;
    w->has_changed = false;
    w->ages = false;
    r = write_all(w, writes);
    if (r < 0 || w->position == before) // no conversation has changed
        return r;
    r = threads_log(&w->threads);
    if (r == 0)
        r = end_generation(w);
    return r == 0 ? write_meta(w) : r;
}

/** It is on the disk: from now on it can be read. */
static void publish(struct sqlite_writer *w)
{
    threads_publish(&w->threads, w->position);
    if (w->ages) {
        tail_age(&w->tail, (struct tail_end){.position = w->position, .chain = w->chain});
    }
    w->durable = w->position;
}

/** Nobody can say whether it is on the disk: who asks the next process will find out. */
static void end_process(const struct sqlite_writer *w, const char *what)
{
    char quoted[LOG_QUOTE_SIZE];

    log_fatal(NULL, "store_unknown",
              "what=%s why=%s code=%d ends=\"the process: what became of the last messages is "
              "known after the next start\"",
              what, log_quote(quoted, str_of(sqlite3_errmsg(w->db.db))),
              sqlite3_extended_errcode(w->db.db));
    abort();
}

static void roll_back(struct sqlite_writer *w)
{
    // SQLite has done it by itself after some failures.
    if (!sqlite3_get_autocommit(w->db.db) && sqlite_db_run(&w->db, w->db.stmts[W_ROLLBACK]) < 0)
        end_process(w, "rollback");
}

/** Of a commit these say that the log has not taken it; after all else it may have. */
static bool is_surely_undone(int code)
{
    const int primary = code & 0xff;
    return primary == SQLITE_FULL || primary == SQLITE_BUSY || primary == SQLITE_READONLY;
}

static int commit(struct sqlite_writer *w)
{
    const int r = sqlite_db_run(&w->db, w->db.stmts[W_COMMIT]);

    if (r < 0 && !is_surely_undone(sqlite3_extended_errcode(w->db.db)))
        end_process(w, "commit");
    return r;
}

static void fail_group(struct sqlite_writer *w, struct list *writes)
{
    roll_back(w);
    threads_drop(&w->threads);
    w->data_version = -1; // what is in meta, too, is to be read again
    list_each (node, writes) {
        struct write_op *op = container_of(worker_task_of(node), struct write_op, task);
        op->r = STORE_UNAVAILABLE;
        op->has_changed = false;
        op->position = 0;
    }
}

void sqlite_writer_run(struct sqlite_writer *w, struct list *writes)
{
    wait_for_index(w);
    int r = write_group(w, writes);
    if (r == 0)
        r = commit(w);
    if (r == 0) {
        publish(w);
    } else {
        fail_group(w, writes);
    }
    if (sqlite_writer_unlook(w) == 0 && r == 0)
        sqlite_db_works(&w->index);
    if (r == 0 && w->has_changed) // what changes nothing gets through to a full disk, too
        sqlite_db_works(&w->db);
    sqlite_writer_trim(w);
}

// Life.

static int on_wal(void *arg, sqlite3 *db, const char *name, int n_pages)
{
    struct sqlite_writer *w = arg;

    (void)db, (void)name;
    atomic_store(&w->wal_pages, n_pages);
    return SQLITE_OK;
}

// FULL: the log is synced with each commit. After a flood the log is cut to its limit.
// No mmap: a bad sector would end the process, and not one operation; it gains nothing here.
// What is appended is not looked at again: a large cache would only push out others' memory.
static const char pragmas[] =
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = FULL;"
    "PRAGMA wal_autocheckpoint = 0;"
    "PRAGMA journal_size_limit = 134217728;"
    "PRAGMA cache_size = -16384;"
    "PRAGMA mmap_size = 0;"
    "PRAGMA temp_store = MEMORY";

// Of an ANALYZE by an operator: a table that was nearly empty then would be gone through whole.
static const char no_statistics[] =
    "DROP TABLE IF EXISTS sqlite_stat1; DROP TABLE IF EXISTS sqlite_stat4";

/** SQLite stays with another journal where it can't share memory: some network disks. */
static int expect_wal(struct sqlite_db *db)
{
    int64_t is_wal = 0;

    const int r =
        sqlite_db_number(db, "SELECT journal_mode = 'wal' FROM pragma_journal_mode", &is_wal);
    if (r < 0)
        return r;
    return is_wal ? 0 : err_fault(-ENOTSUP, "no WAL in this directory: is it a local disk?");
}

static int open_log(struct sqlite_writer *w, const struct sqlite_writer_config *config)
{
    int r = sqlite_db_open(&w->db, config->path);
    if (r == 0)
        r = sqlite_file_migrate(&w->db, config->epoch);
    if (r == 0)
        r = sqlite_db_exec(&w->db, no_statistics);
    if (r == 0)
        r = sqlite_db_exec(&w->db, pragmas);
    if (r == 0)
        r = expect_wal(&w->db);
    if (r == 0)
        r = sqlite_db_prepare(&w->db, writer_texts, W_COUNT);
    if (r == 0)
        r = sqlite_auth_open(&w->auth, &w->db);
    if (r == 0)
        r = sqlite_uploads_open(&w->uploads, &w->db);
    return r == 0 ? read_meta(w) : r;
}

static int open_index(struct sqlite_writer *w, struct sqlite_index *ix,
                      const struct sqlite_writer_config *config, int64_t *from)
{
    const struct sqlite_index_log log = {
        .db = &w->db, .epoch = w->epoch, .position = w->position};

    ix->slice = config->index_slice;
    int r = sqlite_index_open(ix, config->index_path, &log, config->index_key, from);
    if (r == 0)
        r = sqlite_db_open(&w->index, config->index_path);
    if (r == 0)
        r = sqlite_db_exec(&w->index, "PRAGMA query_only = 1; PRAGMA cache_size = -65536");
    if (r == 0)
        r = sqlite_db_prepare(&w->index, look_texts, X_COUNT);
    return r == 0 ? places_init(&w->places, &w->tail, &w->index) : r;
}

/** The index, and the tail with what it lacks. @return 0, SQLITE_REPLAY_UNFIT, or a fault */
static int find_all(struct sqlite_writer *w, struct sqlite_index *ix,
                    const struct sqlite_writer_config *config)
{
    int64_t from = 0;

    const int r = open_index(w, ix, config, &from);
    return r == 0 ? sqlite_replay(w, ix, from) : r;
}

/** As find_all(), with an index that has nothing yet. */
static int find_all_anew(struct sqlite_writer *w, struct sqlite_index *ix,
                         const struct sqlite_writer_config *config)
{
    threads_drop(&w->threads);
    sqlite_db_close(&w->index);
    tail_fini(&w->tail);
    tail_init(&w->tail, config->key);
    const int r = sqlite_index_discard(ix, config->index_path, "it contradicts the log");
    return r == 0 ? find_all(w, ix, config) : r;
}

int sqlite_writer_open(struct sqlite_writer *w, struct sqlite_index *ix,
                       const struct sqlite_writer_config *config)
{
    w->limits = config->limits;
    w->index_after = config->index_after;
    w->tail_max = config->tail_max;
    w->threads_kept = config->threads_kept;
    w->data_version = -1;
    tail_init(&w->tail, config->key);
    threads_init(&w->threads, &w->db, &w->places, config->key);
    int r = open_log(w, config);
    if (r == 0)
        r = find_all(w, ix, config);
    if (r == SQLITE_REPLAY_UNFIT)
        r = find_all_anew(w, ix, config);
    if (r == SQLITE_REPLAY_UNFIT) {
        r = err_fault(-EBADMSG, "put back an older copy of %s: its messages are out of order",
                      config->path);
    }
    if (r < 0)
        return err_up(r);
    w->durable = w->position;
    sqlite3_wal_hook(w->db.db, on_wal, w);
    return 0;
}

int sqlite_writer_open_alone(struct sqlite_writer *w, struct sqlite_index *ix,
                             const struct sqlite_paths *paths, struct rand *rand)
{
    uint8_t key[HASH_KEY_SIZE];
    uint8_t index_key[HASH_KEY_SIZE];
    const struct sqlite_writer_config config = {
        .path = paths->log,
        .index_path = paths->index,
        .index_after = STORE_SQLITE_TAIL_SIZE,
        .index_slice = SQLITE_INDEX_SLICE,
        .threads_kept = SQLITE_THREADS_KEPT,
        .tail_max = STORE_SQLITE_TAIL_MAX,
        .key = key,
        .index_key = index_key,
    };

    rand_bytes(rand, key, sizeof(key));
    rand_bytes(rand, index_key, sizeof(index_key));
    const int r = sqlite_writer_open(w, ix, &config);
    return r < 0 ? err_up(r) : 0;
}

void sqlite_writer_close(struct sqlite_writer *w)
{
    if (!w->tail.young)
        return;
    threads_fini(&w->threads);
    sqlite_db_close(&w->index);
    sqlite_db_close(&w->db);
    tail_fini(&w->tail);
}
