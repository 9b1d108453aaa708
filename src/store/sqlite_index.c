#include "store/sqlite_index.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "store/sqlite_file.h"
#include "store/sqlite_place.h"

#define INDEX_ID      1349676137 // "Prli"
#define INDEX_VERSION 3

// 8 MiB. Few of its pages come twice in a generation, and while that much of them is synced the
// log's own sync waits.
#define CHECKPOINT_PAGES 1024

/**
 * `state` says which log it is of, how far it has that, and, in `ahead`, how far it may have
 * some of it.
 *
 * Rows are found by one number: that is half of what looking for two costs. A message's is the
 * conversation's with its seq, and with a hash of its sender and key; where two meet, the
 * second is put behind the first. Its place is its position in the log; keys are compared
 * there.
 *
 * How a conversation stands is one row for both sides, and what an account's conversations are
 * looked for by is one row for all of them (sqlite_pack.h): a tree of its own for each question
 * would cost a page for each message, in each tree. So who asks for some of an account's
 * conversations goes through what there is of all; it is some ten bytes each.
 */
static const char schema[] =
    "CREATE TABLE state ("
    "  id INTEGER PRIMARY KEY CHECK (id = 1),"
    "  epoch INTEGER NOT NULL,"
    "  position INTEGER NOT NULL,"
    "  chain INTEGER NOT NULL,"
    "  ahead INTEGER NOT NULL,"
    "  ahead_chain INTEGER NOT NULL,"
    "  hash_key BLOB NOT NULL"
    ") STRICT;"

    "CREATE TABLE place ("
    "  id INTEGER PRIMARY KEY," // index_id() of the seq
    "  position INTEGER NOT NULL"
    ") STRICT;"

    "CREATE TABLE sent ("
    "  id INTEGER PRIMARY KEY," // index_id() of the hash
    "  position INTEGER NOT NULL"
    ") STRICT;"

    "CREATE TABLE thread ("
    "  id INTEGER PRIMARY KEY," // the conversation's number
    "  state BLOB NOT NULL,"    // pack_thread()
    "  places BLOB NOT NULL"    // pack_places() of its last messages
    ") STRICT;"

    "CREATE TABLE member ("
    "  account INTEGER PRIMARY KEY,"
    "  list BLOB NOT NULL" // pack_member() of each
    ") STRICT;";

const char *const sqlite_index_texts[I_COUNT] = {
    [I_BEGIN] = "BEGIN IMMEDIATE",
    [I_COMMIT] = "COMMIT",
    [I_ROLLBACK] = "ROLLBACK",
    [I_PLACE] = "INSERT OR REPLACE INTO place (id, position) VALUES (?, ?)",
    [I_SENT] = "INSERT OR IGNORE INTO sent (id, position) VALUES (?, ?)",
    [I_SENT_AT] = "SELECT position FROM sent WHERE id = ?",
    [I_PLACES] = "SELECT places FROM thread WHERE id = ?",
    [I_THREAD] = "INSERT OR REPLACE INTO thread (id, state, places) VALUES (?, ?, ?)",
    [I_MEMBERS] = "SELECT list FROM member WHERE account = ?",
    [I_SET_MEMBERS] = "INSERT OR REPLACE INTO member (account, list) VALUES (?, ?)",
    [I_STATE] = "UPDATE state SET position = ?, chain = ?",
    [I_AHEAD] = "UPDATE state SET ahead = ?1, ahead_chain = ?2 WHERE ahead < ?1",
};

uint64_t sqlite_index_chain(uint64_t before, int64_t position, conversation_id conversation,
                            uint64_t seq, unsigned sender)
{
    static const uint8_t key[HASH_KEY_SIZE]; // it hides nothing
    const uint64_t all[] = {before, (uint64_t)position, conversation, seq, sender};

    return hash_keyed(key, (str){(const char *)all, sizeof(all)});
}

// Filling.

/** Is it this message that is there? @return 0 with *is, or a fault */
static int is_there(struct sqlite_index *ix, int64_t id, int64_t position, bool *is)
{
    sqlite3_stmt *stmt = ix->db.stmts[I_SENT_AT];

    sqlite_db_bind(stmt, 1, id);
    const int r = sqlite_db_step(&ix->db, stmt);
    *is = r == 0 && sqlite3_column_int64(stmt, 0) == position;
    sqlite3_reset(stmt);
    return r < 0 ? r : 0;
}

/** A slice may be put again. */
static int put_sent(struct sqlite_index *ix, int64_t id, int64_t position)
{
    sqlite3_stmt *stmt = ix->db.stmts[I_SENT];
    bool is_done = false;
    int r = 0;

    for (; r == 0 && !is_done; id++) {
        sqlite_db_bind(stmt, 1, id);
        sqlite_db_bind(stmt, 2, position);
        r = sqlite_db_run(&ix->db, stmt);
        is_done = r == 0 && sqlite3_changes(ix->db.db) == 1;
        if (r == 0 && !is_done)
            r = is_there(ix, id, position, &is_done);
    }
    return r;
}

static int put_row(struct sqlite_index *ix, conversation_id id, uint64_t seq,
                   const struct tail_entry *entry)
{
    sqlite3_stmt *place = ix->db.stmts[I_PLACE];

    if (entry->position == 0)
        return 0;
    sqlite_db_bind(place, 1, index_id(id, (uint32_t)seq));
    sqlite_db_bind(place, 2, entry->position);
    const int r = sqlite_db_run(&ix->db, place);
    return r < 0 ? r : put_sent(ix, index_id(id, entry->hash), entry->position);
}

/** The first n get rows of their own. */
static int spill(struct sqlite_index *ix, conversation_id id, struct kept_places *kept,
                 size_t n)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < n; i++)
        r = put_row(ix, id, kept->first + i, &kept->entries[i]);
    kept->first += n;
    kept->n -= n;
    memmove(kept->entries, kept->entries + n, kept->n * sizeof(*kept->entries));
    return r;
}

static int keep(struct sqlite_index *ix, conversation_id id, struct kept_places *kept,
                const struct tail_entry *entry)
{
    const int r = kept->n < PLACES_KEPT ? 0 : spill(ix, id, kept, PLACES_KEPT / 2);

    kept->entries[kept->n++] = *entry;
    return r;
}

/** Nothing is between what is kept and seq: there may be seqs that have no message any more. */
static int fill_gap(struct sqlite_index *ix, conversation_id id, struct kept_places *kept,
                    uint64_t seq)
{
    int r = 0;

    if (seq - (kept->first + kept->n) > PLACES_KEPT)
        r = spill(ix, id, kept, kept->n);
    if (kept->n == 0)
        kept->first = seq;
    while (r == 0 && kept->first + kept->n < seq)
        r = keep(ix, id, kept, &(struct tail_entry){0});
    return r;
}

/** A slice may be put again: what is there stays. */
static int keep_item(struct sqlite_index *ix, const struct tail_item *item,
                     struct kept_places *kept)
{
    const uint64_t next = kept->first + kept->n;
    const uint64_t end = item->first_seq + item->n_entries;
    uint64_t seq = item->first_seq < next ? next : item->first_seq;
    int r = 0;

    if (seq < end)
        r = fill_gap(ix, item->id, kept, seq);
    for (; r == 0 && seq < end; seq++)
        r = keep(ix, item->id, kept, &item->entries[seq - item->first_seq]);
    return r;
}

static int put_thread(struct sqlite_index *ix, const struct tail_node *node)
{
    const struct tail_item item = tail_item_of(node);
    sqlite3_stmt *stmt = ix->db.stmts[I_THREAD];
    uint8_t packed[PACK_PLACES_SIZE];
    struct kept_places kept;

    int r = places_kept(&ix->db, ix->db.stmts[I_PLACES], item.id, &kept);
    if (r == 0)
        r = keep_item(ix, &item, &kept);
    if (r < 0)
        return r;
    const str places = {(const char *)packed, pack_places(packed, &kept)};
    sqlite_db_bind(stmt, 1, (int64_t)conversation_number(item.id));
    sqlite_db_bind_bytes(stmt, 2, item.state);
    sqlite_db_bind_bytes(stmt, 3, places);
    return sqlite_db_run(&ix->db, stmt);
}

/** A list that is being written. */
struct writing {
    struct buf bytes;
    uint64_t before;
};

static void add_member(struct writing *to, const struct member *m)
{
    uint8_t *at = (uint8_t *)buf_room(&to->bytes, PACK_MEMBER_SIZE);

    buf_added(&to->bytes, pack_member(at, to->before, m));
    to->before = conversation_number(m->id);
}

/** What there was, and instead of some of that, or beside it, what is new; both by number.
 * @return 0 or PACK_DAMAGED */
static int merge(struct writing *to, str had, const struct member *fresh, size_t n)
{
    struct member_list list = member_list_of(had);
    struct member m;
    int r = 0;

    while (r == 0) {
        r = member_next(&list, &m);
        for (; n > 0 && (r == PACK_END || (r == 0 && fresh->id <= m.id)); n--) {
            add_member(to, fresh);
            if (r == 0 && fresh->id == m.id)
                r = member_next(&list, &m);
            fresh++;
        }
        if (r == 0)
            add_member(to, &m);
    }
    return r == PACK_END ? 0 : r;
}

/** @return 0 or a fault */
static int change_list(struct sqlite_index *ix, int64_t id, struct writing *to,
                       const struct member *fresh, size_t n)
{
    sqlite3_stmt *had = ix->db.stmts[I_MEMBERS];
    sqlite3_stmt *set = ix->db.stmts[I_SET_MEMBERS];

    sqlite_db_bind(had, 1, id);
    int r = sqlite_db_step(&ix->db, had);
    if (r < 0)
        return r;
    if (merge(to, r == 0 ? sqlite_db_str(had, 0) : (str){0}, fresh, n) != 0)
        r = sqlite_db_fault(&ix->db, "the index is damaged: an account");
    sqlite3_reset(had);
    if (r < 0)
        return r;
    sqlite_db_bind(set, 1, id);
    sqlite_db_bind_bytes(set, 2, buf_str(&to->bytes));
    return sqlite_db_run(&ix->db, set);
}

static int put_account(struct sqlite_index *ix, const struct tail_account *a)
{
    struct writing to = {0};
    size_t n = 0;

    struct member *fresh = tail_account_members(a, &n);
    buf_init(&to.bytes, SIZE_MAX);
    const int r = change_list(ix, tail_account_id(a), &to, fresh, n);
    buf_fini(&to.bytes);
    free(fresh);
    return r;
}

/** @param stmt  I_AHEAD, before anything of a generation, or I_STATE, behind all of it */
static int put_end(struct sqlite_index *ix, sqlite3_stmt *stmt, struct tail_end end)
{
    sqlite_db_bind(stmt, 1, end.position);
    sqlite_db_bind(stmt, 2, (int64_t)end.chain);
    return sqlite_db_run(&ix->db, stmt);
}

static int remove_one(const char *path, const char *suffix)
{
    char name[SQLITE_FILE_PATH_SIZE + 8];
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

    snprintf(name, sizeof(name), "%s%s", path, suffix);
    const int r = vfs->xDelete(vfs, name, 1);
    return r == SQLITE_OK || r == SQLITE_IOERR_DELETE_NOENT
               ? 0
               : err_fault(-EIO, "remove %s (%d)", name, r);
}

/**
 * After a sync that has failed nobody knows what the disk has of it, and the next sync may say
 * that all is well. So the file loses its name: who has it open goes on with it, and the next
 * start makes it anew. The log has all of it.
 */
static void distrust(struct sqlite_index *ix, int code)
{
    const char *path = sqlite3_db_filename(ix->db.db, "main");

    if (ix->is_distrusted || (code != SQLITE_IOERR_FSYNC && code != SQLITE_IOERR_DIR_FSYNC))
        return;
    ix->is_distrusted = remove_one(path, "") == 0;
    log_warn(NULL, "store_index", "removed=%s why=\"it could not be synced\"",
             ix->is_distrusted ? "yes" : "no");
}

/** A part of a generation: how far it goes, or some of its accounts, or some of its threads,
 * or the end. */
struct slice {
    const struct tail_end *ahead;
    const struct tail_account *const *accounts;
    const struct tail_node *const *threads;
    size_t n;
    const struct tail_end *end;
};

/** By id they are all over the memory. */
static void fetch_ahead(const struct slice *s, size_t i)
{
    if (i + 8 < s->n)
        tail_fetch(s->threads[i + 8]);
    if (i + 4 < s->n)
        tail_fetch_item(s->threads[i + 4]);
}

static int put_parts(struct sqlite_index *ix, const struct slice *s)
{
    int r = s->ahead ? put_end(ix, ix->db.stmts[I_AHEAD], *s->ahead) : 0;

    for (size_t i = 0; r == 0 && s->accounts && i < s->n; i++)
        r = put_account(ix, s->accounts[i]);
    for (size_t i = 0; r == 0 && s->threads && i < s->n; i++) {
        fetch_ahead(s, i);
        r = put_thread(ix, s->threads[i]);
    }
    return r == 0 && s->end ? put_end(ix, ix->db.stmts[I_STATE], *s->end) : r;
}

static int put_slice(struct sqlite_index *ix, const struct slice *s)
{
    int r = sqlite_db_run(&ix->db, ix->db.stmts[I_BEGIN]);

    if (r == 0)
        r = put_parts(ix, s);
    if (r == 0)
        r = sqlite_db_run(&ix->db, ix->db.stmts[I_COMMIT]);
    if (r < 0)
        distrust(ix, sqlite3_extended_errcode(ix->db.db));
    // What becomes of the slice makes no difference: it is put again, all of it.
    if (r < 0 && !sqlite3_get_autocommit(ix->db.db)) {
        const int undone = sqlite_db_run(&ix->db, ix->db.stmts[I_ROLLBACK]);
        return undone < 0 ? undone : r;
    }
    return r == 0 && sqlite_db_needs_checkpoint(ix->n_pages, &ix->n_checked, CHECKPOINT_PAGES)
               ? sqlite_index_checkpoint(ix)
               : r;
}

static int put_accounts(struct sqlite_index *ix, const struct tail_gen *g)
{
    size_t n = 0;
    int r = 0;

    const struct tail_account **all = tail_gen_accounts(g, &n);
    for (size_t from = 0; r == 0 && from < n; from += ix->slice) {
        r = put_slice(ix, &(struct slice){.accounts = all + from,
                                          .n = n - from < ix->slice ? n - from : ix->slice});
    }
    free((void *)all);
    return r;
}

static int put_threads(struct sqlite_index *ix, const struct tail_gen *g)
{
    const struct tail_end end = tail_gen_end(g);
    bool is_last = false;
    size_t n = 0;
    int r = 0;

    const struct tail_node **all = tail_gen_threads(g, &n);
    for (size_t from = 0; r == 0 && !is_last; from += ix->slice) {
        is_last = n - from <= ix->slice;
        r = put_slice(ix, &(struct slice){.threads = all + from,
                                          .n = is_last ? n - from : ix->slice,
                                          .end = is_last ? &end : NULL});
    }
    free((void *)all);
    return r;
}

int sqlite_index_fill(struct sqlite_index *ix, struct tail *tail)
{
    const struct tail_gen *g = tail_old(tail);

    if (!g)
        return 0;
    const struct tail_end end = tail_gen_end(g);
    // In this order: what of a conversation is not put again after a crash, because it is
    // there, must be in its accounts' lists.
    int r = put_slice(ix, &(struct slice){.ahead = &end});
    if (r == 0)
        r = put_accounts(ix, g);
    if (r == 0)
        r = put_threads(ix, g);
    if (r < 0)
        return r;
    tail_drop_old(tail);
    sqlite_db_works(&ix->db);
    return 0;
}

int sqlite_index_checkpoint(struct sqlite_index *ix)
{
    // Nobody else writes there, and who reads does so for as long as a group takes.
    const int r =
        sqlite3_wal_checkpoint_v2(ix->db.db, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);

    ix->n_checked = ix->n_pages;
    distrust(ix, r);
    return r == SQLITE_OK || r == SQLITE_BUSY ? 0 : sqlite_db_fault(&ix->db, "checkpoint");
}

// Opening.

// NORMAL: it may lose its last slices with the power, and has what was before them. Where a
// generation comes to nearly every page, half as many of them cost less.
static const char pragmas[] =
    "PRAGMA page_size = 8192;" // of a new one
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = NORMAL;"
    "PRAGMA wal_autocheckpoint = 0;"
    "PRAGMA journal_size_limit = 134217728;"
    "PRAGMA cache_size = -2048;" // it goes from one end to the other
    "PRAGMA mmap_size = 0;"
    "PRAGMA temp_store = MEMORY";

enum index_refusal {
    INDEX_STALE = 1, // it is none of ours, or none of this log
};

/** Is it one that this program has made? @return 0, INDEX_STALE, or a fault */
static int check_form(struct sqlite_db *d)
{
    int64_t id = 0;
    int64_t version = 0;

    int r = sqlite_db_number(d, "PRAGMA application_id", &id);
    if (r == 0)
        r = sqlite_db_number(d, "PRAGMA user_version", &version);
    if (r < 0)
        return r;
    return id == INDEX_ID && version == INDEX_VERSION ? 0 : INDEX_STALE;
}

/** Has the log been there? @return 0, INDEX_STALE, or a fault */
static int find_milestone(struct sqlite_db *log, int64_t position, int64_t chain)
{
    char text[128];
    int64_t n = 0;

    snprintf(text, sizeof(text),
             "SELECT count(*) FROM milestone WHERE position = %lld AND chain = %lld",
             (long long)position, (long long)chain);
    const int r = sqlite_db_number(log, text, &n);
    if (r < 0)
        return r;
    return n == 1 || position == 0 ? 0 : INDEX_STALE;
}

/** @return 0, INDEX_STALE, or a fault */
static int check_log(struct sqlite_db *d, const struct sqlite_index_log *log, int64_t *from)
{
    int64_t epoch = 0;
    int64_t chain = 0;
    int64_t ahead = 0;
    int64_t ahead_chain = 0;

    int r = sqlite_db_number(d, "SELECT epoch FROM state", &epoch);
    if (r == 0)
        r = sqlite_db_number(d, "SELECT chain FROM state", &chain);
    if (r == 0)
        r = sqlite_db_number(d, "SELECT position FROM state", from);
    if (r == 0)
        r = sqlite_db_number(d, "SELECT ahead FROM state", &ahead);
    if (r == 0)
        r = sqlite_db_number(d, "SELECT ahead_chain FROM state", &ahead_chain);
    if (r < 0)
        return r;
    if ((uint64_t)epoch != log->epoch || ahead > log->position)
        return INDEX_STALE;
    r = find_milestone(log->db, *from, chain);
    return r == 0 ? find_milestone(log->db, ahead, ahead_chain) : r;
}

static int make(struct sqlite_db *d, const struct sqlite_index_log *log, const uint8_t *key)
{
    char text[256];

    int r = sqlite_db_exec(d, "BEGIN IMMEDIATE");
    if (r == 0)
        r = sqlite_db_exec(d, schema);
    int n = snprintf(text, sizeof(text), "INSERT INTO state VALUES (1, %lld, 0, 0, 0, 0, x'",
                     (long long)log->epoch);
    for (unsigned i = 0; i < HASH_KEY_SIZE; i++)
        n += snprintf(text + n, sizeof(text) - (size_t)n, "%02x", key[i]);
    snprintf(text + n, sizeof(text) - (size_t)n,
             "'); PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT", INDEX_ID,
             INDEX_VERSION);
    return r == 0 ? sqlite_db_exec(d, text) : r;
}

/** @return 0, INDEX_STALE: also where it can't be read, or a fault */
static int open_and_check(struct sqlite_index *ix, const char *path,
                          const struct sqlite_index_log *log, const uint8_t *key, int64_t *from)
{
    int64_t n_tables = 0;

    int r = sqlite_db_open(&ix->db, path);
    if (r == 0)
        r = sqlite_db_exec(&ix->db, pragmas);
    if (r == 0)
        r = sqlite_db_number(&ix->db, "SELECT count(*) FROM sqlite_schema", &n_tables);
    if (r == 0 && n_tables == 0)
        r = make(&ix->db, log, key);
    if (r == 0)
        r = check_form(&ix->db);
    return r == 0 ? check_log(&ix->db, log, from) : r;
}

/** Its file is damaged: what is to be done about that is the same as with a strange one. */
static bool is_damaged(struct sqlite_index *ix)
{
    const int code = ix->db.db ? sqlite3_errcode(ix->db.db) & 0xff : 0;
    return code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_ERROR;
}

/** The file last: while it is there, what belongs to it is not taken for another's. */
static int remove_all(const char *path)
{
    int r = remove_one(path, "-wal");

    if (r == 0)
        r = remove_one(path, "-shm");
    return r == 0 ? remove_one(path, "") : r;
}

static int on_wal(void *arg, sqlite3 *db, const char *name, int n_pages)
{
    struct sqlite_index *ix = arg;

    (void)db, (void)name;
    ix->n_pages = n_pages;
    return SQLITE_OK;
}

int sqlite_index_discard(struct sqlite_index *ix, const char *path, const char *why)
{
    log_warn(NULL, "store_index", "made=anew why=\"%s\"", why);
    sqlite_index_close(ix);
    const int r = remove_all(path);
    return r == 0 ? sqlite_file_make(path) : r;
}

int sqlite_index_open(struct sqlite_index *ix, const char *path,
                      const struct sqlite_index_log *log, const uint8_t *key, int64_t *from)
{
    int r = open_and_check(ix, path, log, key, from);

    if (r == INDEX_STALE || (r < 0 && is_damaged(ix))) {
        r = sqlite_index_discard(ix, path,
                                 r < 0 ? "it is damaged"
                                       : "it is of another store, or of another version");
        if (r == 0)
            r = open_and_check(ix, path, log, key, from);
    }
    if (r == 0)
        r = sqlite_db_prepare(&ix->db, sqlite_index_texts, I_COUNT);
    if (r < 0)
        return err_up(r);
    ix->db.patience_ms = SQLITE_KEEP_PATIENCE;
    sqlite3_wal_hook(ix->db.db, on_wal, ix);
    return 0;
}

void sqlite_index_close(struct sqlite_index *ix)
{
    sqlite_db_close(&ix->db);
}
