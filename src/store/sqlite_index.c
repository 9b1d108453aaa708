#include "store/sqlite_index.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "store/sqlite_file.h"
#include "store/sqlite_place.h"

#define INDEX_ID      1349676137 // "Prli"
#define INDEX_VERSION 1

/**
 * `state` says which log it is of, and how far it has that. A message's `place` is its position
 * in the log; its key is found by a hash of it and its sender, and compared there. Rows are
 * found by one number where that can be: it is half of what looking for two costs.
 *
 * For `member` see sqlite_file.c.
 */
static const char schema[] =
    "CREATE TABLE state ("
    "  id INTEGER PRIMARY KEY CHECK (id = 1),"
    "  epoch INTEGER NOT NULL,"
    "  position INTEGER NOT NULL,"
    "  chain INTEGER NOT NULL,"
    "  hash_key BLOB NOT NULL"
    ") STRICT;"

    "CREATE TABLE place ("
    "  id INTEGER PRIMARY KEY," // INDEX_PLACE_ID
    "  position INTEGER NOT NULL"
    ") STRICT;"

    "CREATE TABLE sent ("
    "  conversation INTEGER NOT NULL,"
    "  hash INTEGER NOT NULL,"
    "  position INTEGER NOT NULL,"
    "  PRIMARY KEY (conversation, hash, position)"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE member ("
    "  id INTEGER PRIMARY KEY," // INDEX_MEMBER_ID
    "  conversation INTEGER NOT NULL,"
    "  account INTEGER NOT NULL,"
    "  peer INTEGER NOT NULL,"
    "  side INTEGER NOT NULL,"
    "  last_seq INTEGER NOT NULL,"
    "  n_from_peer INTEGER NOT NULL,"
    "  bytes_from_peer INTEGER NOT NULL," // of contents
    "  last_at_ms INTEGER NOT NULL,"      // of the last message, see message_pos
    "  accepted INTEGER NOT NULL,"
    "  blocked INTEGER NOT NULL,"
    "  block_seq INTEGER NOT NULL,"   // behind it all of the peer's is withheld
    "  block_n INTEGER NOT NULL,"     // messages of the peer up to it
    "  block_bytes INTEGER NOT NULL," // likewise
    "  withheld_n INTEGER NOT NULL,"  // by blocks that are over
    "  withheld_bytes INTEGER NOT NULL,"
    "  delivered_seq INTEGER NOT NULL,"
    "  delivered_n INTEGER NOT NULL," // messages up to it, none that is withheld
    "  delivered_bytes INTEGER NOT NULL,"
    "  delivered_at_ms INTEGER NOT NULL,"
    "  delivered_pos INTEGER NOT NULL,"
    "  read_seq INTEGER NOT NULL,"
    "  read_n INTEGER NOT NULL,"
    "  read_at_ms INTEGER NOT NULL,"
    "  read_pos INTEGER NOT NULL,"
    "  their_delivered_seq INTEGER NOT NULL," // the peer's, as far as it is known
    "  their_delivered_at_ms INTEGER NOT NULL,"
    "  their_delivered_pos INTEGER NOT NULL,"
    "  their_read_seq INTEGER NOT NULL,"
    "  their_read_at_ms INTEGER NOT NULL,"
    "  their_read_pos INTEGER NOT NULL,"
    "  message_pos INTEGER NOT NULL," // of the last message that it may see
    "  receipt_pos INTEGER NOT NULL," // of the last change of the marks above
    "  contact_pos INTEGER NOT NULL," // of the last contact
    "  due_pos INTEGER NOT NULL,"     // of the first message above delivered_n
    "  is_unread INTEGER NOT NULL"    // there are more than read_n
    ") STRICT;"
    "CREATE INDEX member_by_message ON member (account, message_pos);"
    "CREATE INDEX member_by_receipt ON member (account, receipt_pos) WHERE receipt_pos > 0;"
    "CREATE INDEX member_by_contact ON member (account, contact_pos) WHERE contact_pos > 0;"
    "CREATE INDEX member_undelivered ON member (account, due_pos) WHERE due_pos > 0;"
    "CREATE INDEX member_unread ON member (account) WHERE is_unread = 1;";

#define OF_SIDE " WHERE id = ?1"

// SQLite renews the entries of every index that a statement's columns are in, whether they
// change or not: so those that seldom do have statements of their own.
const char *const sqlite_index_texts[I_COUNT] = {
    [I_BEGIN] = "BEGIN IMMEDIATE",
    [I_COMMIT] = "COMMIT",
    [I_ROLLBACK] = "ROLLBACK",
    [I_PLACE] = "INSERT OR REPLACE INTO place (id, position) VALUES (?, ?)",
    [I_SENT] = "INSERT OR IGNORE INTO sent (conversation, hash, position) VALUES (?, ?, ?)",
    [I_LOOK] = "SELECT contact_pos, due_pos, is_unread FROM member" OF_SIDE,
    [I_ADD] =
        "INSERT INTO member (id, account, last_seq, n_from_peer, bytes_from_peer,"
        " last_at_ms, message_pos, receipt_pos,"
        " delivered_seq, delivered_n, delivered_bytes, delivered_at_ms, delivered_pos,"
        " read_seq, read_n, read_at_ms, read_pos,"
        " their_delivered_seq, their_delivered_at_ms, their_delivered_pos,"
        " their_read_seq, their_read_at_ms, their_read_pos, accepted, peer, side,"
        " conversation, blocked, block_seq, block_n, block_bytes, withheld_n, withheld_bytes, "
        "contact_pos,"
        " due_pos, is_unread) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
        " ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26,"
        " ?27, 0, 0, 0, 0, 0, 0, 0, 0, 0)",
    [I_CHANGE] =
        "UPDATE member SET last_seq = ?3, n_from_peer = ?4, bytes_from_peer = ?5,"
        " last_at_ms = ?6, message_pos = ?7, receipt_pos = ?8,"
        " delivered_seq = ?9, delivered_n = ?10, delivered_bytes = ?11, delivered_at_ms = ?12,"
        " delivered_pos = ?13, read_seq = ?14, read_n = ?15, read_at_ms = ?16, read_pos = ?17,"
        " their_delivered_seq = ?18, their_delivered_at_ms = ?19, their_delivered_pos = ?20,"
        " their_read_seq = ?21, their_read_at_ms = ?22, their_read_pos = ?23,"
        " accepted = ?24" OF_SIDE,
    [I_CONTACT] =
        "UPDATE member SET contact_pos = ?3, blocked = ?4, block_seq = ?5, block_n = ?6,"
        " block_bytes = ?7, withheld_n = ?8, withheld_bytes = ?9" OF_SIDE,
    [I_FLAGS] = "UPDATE member SET due_pos = ?3, is_unread = ?4" OF_SIDE,
    [I_STATE] = "UPDATE state SET position = ?, chain = ?",
};

uint64_t sqlite_index_chain(uint64_t before, int64_t position, conversation_id conversation,
                            uint64_t seq, unsigned sender)
{
    static const uint8_t key[HASH_KEY_SIZE]; // it hides nothing
    const uint64_t all[] = {before, (uint64_t)position, conversation, seq, sender};

    return hash_keyed(key, (str){(const char *)all, sizeof(all)});
}

// Filling.

static void bind_tally(sqlite3_stmt *stmt, int i, struct tally tally)
{
    sqlite_db_bind(stmt, i, (int64_t)tally.n);
    sqlite_db_bind(stmt, i + 1, (int64_t)tally.bytes);
}

/** @param at  of the time, which the position is behind */
static void bind_mark(sqlite3_stmt *stmt, int seq, int at, const struct thread_mark *mark)
{
    sqlite_db_bind(stmt, seq, (int64_t)mark->seq);
    sqlite_db_bind(stmt, at, mark->at_ms);
    sqlite_db_bind(stmt, at + 1, mark->position);
}

static sqlite3_stmt *of_side(struct sqlite_index *ix, enum index_statement which,
                             const struct tail_thread *t, unsigned side)
{
    sqlite3_stmt *stmt = ix->db.stmts[which];

    sqlite_db_bind(stmt, 1, INDEX_MEMBER_ID(t->id, side));
    return stmt;
}

/** I_ADD or I_CHANGE. */
static int put_state(struct sqlite_index *ix, enum index_statement which,
                     const struct tail_thread *t, unsigned side)
{
    sqlite3_stmt *stmt = of_side(ix, which, t, side);
    const struct thread_side *s = &t->sides[side];

    sqlite_db_bind(stmt, 3, (int64_t)(t->sides[0].sent.n + t->sides[1].sent.n));
    bind_tally(stmt, 4, t->sides[1 - side].sent);
    sqlite_db_bind(stmt, 6, s->last_at_ms);
    sqlite_db_bind(stmt, 7, s->message_pos);
    sqlite_db_bind(stmt, 8, s->receipt_pos);
    bind_mark(stmt, 9, 12, &s->marks[CHAT_MARK_DELIVERED]);
    bind_tally(stmt, 10, s->up_to[CHAT_MARK_DELIVERED]);
    bind_mark(stmt, 14, 16, &s->marks[CHAT_MARK_READ]);
    sqlite_db_bind(stmt, 15, (int64_t)s->up_to[CHAT_MARK_READ].n);
    bind_mark(stmt, 18, 19, &s->theirs[CHAT_MARK_DELIVERED]);
    bind_mark(stmt, 21, 22, &s->theirs[CHAT_MARK_READ]);
    sqlite_db_bind(stmt, 24, s->accepted);
    if (which == I_ADD) {
        sqlite_db_bind(stmt, 2, s->id);
        sqlite_db_bind(stmt, 25, t->sides[1 - side].id);
        sqlite_db_bind(stmt, 26, side);
        sqlite_db_bind(stmt, 27, (int64_t)t->id);
    }
    return sqlite_db_run(&ix->db, stmt);
}

static int put_contact(struct sqlite_index *ix, const struct tail_thread *t, unsigned side)
{
    sqlite3_stmt *stmt = of_side(ix, I_CONTACT, t, side);
    const struct thread_side *s = &t->sides[side];

    sqlite_db_bind(stmt, 3, s->contact_pos);
    sqlite_db_bind(stmt, 4, s->blocked);
    sqlite_db_bind(stmt, 5, (int64_t)s->block_seq);
    bind_tally(stmt, 6, s->block_after);
    bind_tally(stmt, 8, s->withheld);
    return sqlite_db_run(&ix->db, stmt);
}

static int put_flags(struct sqlite_index *ix, const struct tail_thread *t, unsigned side,
                     bool is_unread)
{
    sqlite3_stmt *stmt = of_side(ix, I_FLAGS, t, side);

    sqlite_db_bind(stmt, 3, t->sides[side].due_pos);
    sqlite_db_bind(stmt, 4, is_unread);
    return sqlite_db_run(&ix->db, stmt);
}

/** What seldom changes, as the index has it. */
struct had {
    bool is_there;
    int64_t contact_pos;
    int64_t due_pos;
    bool is_unread;
};

static int look(struct sqlite_index *ix, const struct tail_thread *t, unsigned side,
                struct had *had)
{
    sqlite3_stmt *stmt = of_side(ix, I_LOOK, t, side);

    *had = (struct had){0};
    const int r = sqlite_db_step(&ix->db, stmt);
    if (r != 0)
        return r < 0 ? r : 0;
    *had = (struct had){.is_there = true,
                        .contact_pos = sqlite3_column_int64(stmt, 0),
                        .due_pos = sqlite3_column_int64(stmt, 1),
                        .is_unread = sqlite3_column_int(stmt, 2)};
    sqlite3_reset(stmt);
    return 0;
}

static int put_side(struct sqlite_index *ix, const struct tail_thread *t, unsigned side)
{
    const struct thread_side *s = &t->sides[side];
    const bool is_unread = sides_above(t->sides, side, CHAT_MARK_READ).n > 0;
    struct had had;

    int r = look(ix, t, side, &had);
    if (r == 0)
        r = put_state(ix, had.is_there ? I_CHANGE : I_ADD, t, side);
    if (r == 0 && s->contact_pos != had.contact_pos)
        r = put_contact(ix, t, side);
    if (r == 0 && (s->due_pos != had.due_pos || is_unread != had.is_unread))
        r = put_flags(ix, t, side, is_unread);
    return r;
}

static int put_entry(struct sqlite_index *ix, const struct tail_item *item, size_t i)
{
    const struct tail_entry *entry = &item->entries[i];
    sqlite3_stmt *place = ix->db.stmts[I_PLACE];
    sqlite3_stmt *sent = ix->db.stmts[I_SENT];

    if (entry->position == 0)
        return 0;
    sqlite_db_bind(place, 1, INDEX_PLACE_ID(item->thread->id, item->first_seq + i));
    sqlite_db_bind(place, 2, entry->position);
    const int r = sqlite_db_run(&ix->db, place);
    if (r < 0)
        return r;
    sqlite_db_bind(sent, 1, (int64_t)item->thread->id);
    sqlite_db_bind(sent, 2, (int64_t)entry->hash);
    sqlite_db_bind(sent, 3, entry->position);
    return sqlite_db_run(&ix->db, sent);
}

static int put_item(struct sqlite_index *ix, const struct tail_item *item)
{
    int r = put_side(ix, item->thread, 0);

    if (r == 0)
        r = put_side(ix, item->thread, 1);
    for (size_t i = 0; r == 0 && i < item->n_entries; i++)
        r = put_entry(ix, item, i);
    return r;
}

static int put_end(struct sqlite_index *ix, struct tail_end end)
{
    sqlite3_stmt *stmt = ix->db.stmts[I_STATE];

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

/** @param end  where the index is then, or NULL: there are more */
static int put_slice(struct sqlite_index *ix, const struct tail_item *items, size_t n,
                     const struct tail_end *end)
{
    int r = sqlite_db_run(&ix->db, ix->db.stmts[I_BEGIN]);

    for (size_t i = 0; r == 0 && i < n; i++)
        r = put_item(ix, &items[i]);
    if (r == 0 && end)
        r = put_end(ix, *end);
    if (r == 0)
        r = sqlite_db_run(&ix->db, ix->db.stmts[I_COMMIT]);
    if (r < 0)
        distrust(ix, sqlite3_extended_errcode(ix->db.db));
    // What becomes of the slice makes no difference: it is put again, all of it.
    if (r < 0 && !sqlite3_get_autocommit(ix->db.db)) {
        const int undone = sqlite_db_run(&ix->db, ix->db.stmts[I_ROLLBACK]);
        return undone < 0 ? undone : r;
    }
    return r;
}

static int put_all(struct sqlite_index *ix, const struct tail_item *items, size_t n,
                   struct tail_end end)
{
    bool is_last = false;
    int r = 0;

    for (size_t from = 0; r == 0 && !is_last; from += ix->slice) {
        is_last = n - from <= ix->slice;
        r = put_slice(ix, items + from, is_last ? n - from : ix->slice, is_last ? &end : NULL);
    }
    return r;
}

int sqlite_index_fill(struct sqlite_index *ix, struct tail *tail)
{
    struct tail_end end = {0};
    size_t n = 0;

    struct tail_item *items = tail_old(tail, &n, &end);
    if (!items)
        return 0;
    const int r = put_all(ix, items, n, end);
    free(items);
    if (r < 0)
        return r;
    tail_drop_old(tail);
    sqlite_db_works(&ix->db);
    return 0;
}

int sqlite_index_checkpoint(struct sqlite_index *ix)
{
    const int r =
        sqlite3_wal_checkpoint_v2(ix->db.db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);

    distrust(ix, r);
    return r == SQLITE_OK || r == SQLITE_BUSY ? 0 : sqlite_db_fault(&ix->db, "checkpoint");
}

// Opening.

// NORMAL: it may lose its last slices with the power, and has what was before them.
static const char pragmas[] =
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = NORMAL;"
    "PRAGMA wal_autocheckpoint = 0;"
    "PRAGMA journal_size_limit = 134217728;"
    "PRAGMA cache_size = -65536;"
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

    int r = sqlite_db_number(d, "SELECT epoch FROM state", &epoch);
    if (r == 0)
        r = sqlite_db_number(d, "SELECT chain FROM state", &chain);
    if (r == 0)
        r = sqlite_db_number(d, "SELECT position FROM state", from);
    if (r < 0)
        return r;
    return (uint64_t)epoch == log->epoch && *from <= log->position
               ? find_milestone(log->db, *from, chain)
               : INDEX_STALE;
}

static int make(struct sqlite_db *d, const struct sqlite_index_log *log, const uint8_t *key)
{
    char text[256];

    int r = sqlite_db_exec(d, "BEGIN IMMEDIATE");
    if (r == 0)
        r = sqlite_db_exec(d, schema);
    int n = snprintf(text, sizeof(text), "INSERT INTO state VALUES (1, %lld, 0, 0, x'",
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

int sqlite_index_open(struct sqlite_index *ix, const char *path,
                      const struct sqlite_index_log *log, const uint8_t *key, int64_t *from)
{
    int r = open_and_check(ix, path, log, key, from);

    if (r == INDEX_STALE || (r < 0 && is_damaged(ix))) {
        log_warn(NULL, "store_index", "made=anew why=\"%s\"",
                 r < 0 ? "it is damaged" : "it is of another store, or of another version");
        sqlite_index_close(ix);
        r = remove_all(path);
        if (r == 0)
            r = sqlite_file_make(path);
        if (r == 0)
            r = open_and_check(ix, path, log, key, from);
    }
    if (r == 0)
        r = sqlite_db_prepare(&ix->db, sqlite_index_texts, I_COUNT);
    return r < 0 ? err_up(r) : 0;
}

void sqlite_index_close(struct sqlite_index *ix)
{
    sqlite_db_close(&ix->db);
}
