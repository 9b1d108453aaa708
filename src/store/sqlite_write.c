#include "store/sqlite_write.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/sqlite_file.h"

// A checkpoint writes each page once that the log has many times: the rarer the cheaper. 32
// MiB.
#define CHECKPOINT_PAGES 8192

#define THREADS_KEPT 32768 // conversations in memory between groups; about 500 bytes each

static const char *const texts[W_COUNT] = {
    [W_BEGIN] = "BEGIN IMMEDIATE",
    [W_COMMIT] = "COMMIT",
    [W_ROLLBACK] = "ROLLBACK",
    [W_DATA_VERSION] = "PRAGMA data_version",
    [W_META] = "SELECT position, conversations, epoch FROM meta",
    [W_SET_META] = "UPDATE meta SET position = ?, conversations = ?",
    [W_ACCOUNT] = "SELECT id FROM account WHERE bytes = ?",
    [W_ADD_ACCOUNT] = "INSERT INTO account (bytes) VALUES (?)",
    [W_FIND_PAIR] =
        "SELECT c.id FROM account x, account y, conversation c"
        " WHERE x.bytes = ?1 AND y.bytes = ?2"
        " AND c.kind = 0 AND c.a = x.id AND c.b = y.id AND c.context = ''",
    [W_FIND_ID] =
        "SELECT x.bytes, y.bytes FROM conversation c"
        " JOIN account x ON x.id = c.a JOIN account y ON y.id = c.b WHERE c.id = ?",
    [W_ADD_CONVERSATION] =
        "INSERT INTO conversation (id, kind, a, b, context, first_seq)"
        " VALUES (?, 0, ?, ?, '', 1)",
    [W_ADD_MEMBER] =
        "INSERT INTO member (conversation, account, peer, side)"
        " VALUES (?, ?, ?, ?)",
    [W_MEMBERS] =
        "SELECT side, account, n_from_peer, last_at_ms, message_pos, receipt_pos,"
        " accepted, is_undelivered, is_unread,"
        " delivered_seq, delivered_n, delivered_at_ms, delivered_pos,"
        " read_seq, read_n, read_at_ms, read_pos FROM member WHERE conversation = ?",
    [W_GROW] =
        "UPDATE member SET last_seq = ?3, last_at_ms = ?4, n_from_peer = ?5,"
        " accepted = ?6, message_pos = ?7 WHERE conversation = ?1 AND account = ?2",
    [W_MARK] =
        "UPDATE member SET delivered_seq = ?3, delivered_n = ?4, delivered_at_ms = ?5,"
        " delivered_pos = ?6, read_seq = ?7, read_n = ?8, read_at_ms = ?9,"
        " read_pos = ?10 WHERE conversation = ?1 AND account = ?2",
    [W_TOUCH] = "UPDATE member SET receipt_pos = ?3 WHERE conversation = ?1 AND account = ?2",
    [W_FLAGS] =
        "UPDATE member SET is_undelivered = ?3, is_unread = ?4"
        " WHERE conversation = ?1 AND account = ?2",
    [W_ADD_MESSAGE] =
        "INSERT INTO message (position, conversation, seq, sender, ordinal,"
        " created_at_ms, reply_to, type, key, digest, content)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (conversation, sender, key) DO NOTHING",
    [W_FIND_KEY] =
        "SELECT position, seq, created_at_ms, reply_to, digest, type, content"
        " FROM message WHERE conversation = ? AND sender = ? AND key = ?",
    [W_ORDINAL] =
        "SELECT seq, sender, ordinal FROM message"
        " WHERE conversation = ? AND seq <= ? ORDER BY seq DESC LIMIT 1",
};

// Append.

static void answer_append(struct sqlite_write *op, const struct thread *t,
                          const struct chat_message *m)
{
    const unsigned recipient = 1 - thread_side_of(t, &op->append.asked.from);
    const struct thread_mark *marks = t->sides[recipient].marks;
    const struct chat_marks theirs = {.delivered_seq = marks[CHAT_MARK_DELIVERED].seq,
                                      .read_seq = marks[CHAT_MARK_READ].seq};
    struct chat_message *out = &op->append.answer.message;

    *out = *m;
    out->conversation = t->id;
    out->from = op->append.asked.from;
    out->to = op->append.asked.to;
    out->key = op->append.asked.key;
    out->status = chat_status_of(m->seq, &theirs);
}

static void answer_duplicate(struct sqlite_write *op, const struct thread *t,
                             sqlite3_stmt *found)
{
    const str type = sqlite_db_str(found, 5);
    const str content = sqlite_db_str(found, 6);

    op->append.found = mem_alloc(type.len + content.len + 1);
    op->append.answer.is_duplicate = true;
    answer_append(op, t,
                  &(struct chat_message){
                      .position = sqlite3_column_int64(found, 0),
                      .seq = (uint64_t)sqlite3_column_int64(found, 1),
                      .created_at_ms = sqlite3_column_int64(found, 2),
                      .reply_to = (uint64_t)sqlite3_column_int64(found, 3),
                      .type = str_copy(op->append.found, type),
                      .content = str_copy(op->append.found + type.len, content),
                  });
}

/** Is its key taken? @return `otherwise` if it isn't, 0 with the answer, or STORE_CONFLICT */
static int find_key(struct sqlite_writer *w, struct sqlite_write *op, const struct thread *t,
                    int otherwise)
{
    const struct store_append *a = &op->append.asked;
    sqlite3_stmt *stmt = w->db.stmts[W_FIND_KEY];
    const str digest = {(const char *)a->digest, CHAT_DIGEST_SIZE};

    sqlite_db_bind(stmt, 1, (int64_t)t->id);
    sqlite_db_bind(stmt, 2, thread_side_of(t, &a->from));
    sqlite_db_bind_text(stmt, 3, a->key);
    int r = sqlite_db_step(&w->db, stmt);
    if (r != 0)
        return r < 0 ? r : otherwise;
    if (str_eq(sqlite_db_str(stmt, 4), digest)) {
        answer_duplicate(op, t, stmt);
    } else {
        r = STORE_CONFLICT;
    }
    sqlite3_reset(stmt);
    return r;
}

/** @param t  NULL: there is no conversation yet @return 0, or why it is refused if it is new */
static int check_append(const struct sqlite_writer *w, const struct thread *t,
                        const struct store_append *a)
{
    bool accepted = false;
    uint64_t n_undelivered = 0;

    if (a->reply_to > (t ? thread_last_seq(t) : 0))
        return STORE_NO_SUCH_SEQ;
    if (t) {
        const unsigned sender = thread_side_of(t, &a->from);
        const struct thread_side *recipient = &t->sides[1 - sender];
        accepted = recipient->accepted;
        n_undelivered = t->sides[sender].n_sent - recipient->marks[CHAT_MARK_DELIVERED].n;
    }
    const uint64_t limit = accepted ? w->limits.accepted.messages : w->limits.stranger.messages;
    return n_undelivered >= limit ? STORE_MAILBOX_FULL : 0;
}

static int insert(struct sqlite_writer *w, const struct thread *t, const struct store_append *a,
                  const struct chat_message *m)
{
    sqlite3_stmt *stmt = w->db.stmts[W_ADD_MESSAGE];
    const unsigned sender = thread_side_of(t, &a->from);

    sqlite_db_bind(stmt, 1, m->position);
    sqlite_db_bind(stmt, 2, (int64_t)t->id);
    sqlite_db_bind(stmt, 3, (int64_t)m->seq);
    sqlite_db_bind(stmt, 4, sender);
    sqlite_db_bind(stmt, 5, (int64_t)t->sides[sender].n_sent + 1);
    sqlite_db_bind(stmt, 6, m->created_at_ms);
    sqlite_db_bind(stmt, 7, (int64_t)a->reply_to);
    sqlite_db_bind_text(stmt, 8, a->type);
    sqlite_db_bind_text(stmt, 9, a->key);
    sqlite_db_bind_bytes(stmt, 10, (str){(const char *)a->digest, CHAT_DIGEST_SIZE});
    sqlite_db_bind_text(stmt, 11, a->content);
    return sqlite_db_run(&w->db, stmt);
}

/** The common case costs one look into the index of keys: the one of inserting. */
static int add_message(struct sqlite_writer *w, struct sqlite_write *op, struct thread *t)
{
    const struct store_append *a = &op->append.asked;
    const struct chat_message m = {
        .seq = thread_last_seq(t) + 1,
        .position = w->position + 1,
        .created_at_ms = a->now_ms > t->last_at_ms ? a->now_ms : t->last_at_ms,
        .type = a->type,
        .content = a->content,
        .reply_to = a->reply_to,
    };

    const int r = insert(w, t, a, &m);
    if (r < 0)
        return r;
    if (sqlite3_changes(w->db.db) == 0)
        return find_key(w, op, t, STORE_UNAVAILABLE);
    const unsigned sender = thread_side_of(t, &a->from);
    t->sides[sender].n_sent++;
    t->sides[sender].accepted = true; // who writes to the peer has accepted it
    t->last_at_ms = m.created_at_ms;
    t->message_pos = op->position = w->position = m.position;
    t->has_grown = op->has_changed = true;
    threads_touch(&w->threads, t);
    answer_append(op, t, &m);
    return 0;
}

static int append(struct sqlite_writer *w, struct sqlite_write *op)
{
    const struct store_append *a = &op->append.asked;
    struct thread *t = NULL;

    int r = threads_find_pair(&w->threads, &a->from, &a->to, &t);
    if (r < 0)
        return r;
    const bool is_new = r == THREADS_NONE;
    r = check_append(w, is_new ? NULL : t, a);
    if (r != 0)
        return is_new ? r : find_key(w, op, t, r);
    if (is_new)
        r = threads_add(&w->threads, &a->from, &a->to, &t);
    if (r == THREADS_FULL)
        return STORE_UNAVAILABLE;
    return r < 0 ? r : add_message(w, op, t);
}

// Receipts.

/** @param n  messages up to seq that the side has got from its peer */
static int count_up_to(struct sqlite_writer *w, const struct thread *t, unsigned side,
                       uint64_t seq, uint64_t *n)
{
    sqlite3_stmt *stmt = w->db.stmts[W_ORDINAL];

    *n = t->sides[1 - side].n_sent;
    if (seq == thread_last_seq(t))
        return 0;
    *n = 0;
    sqlite_db_bind(stmt, 1, (int64_t)t->id);
    sqlite_db_bind(stmt, 2, (int64_t)seq);
    const int r = sqlite_db_step(&w->db, stmt);
    if (r != 0)
        return r < 0 ? r : 0;
    const uint64_t ordinal = (uint64_t)sqlite3_column_int64(stmt, 2);
    const bool is_ours = sqlite3_column_int(stmt, 1) == (int)side;
    *n = is_ours ? (uint64_t)sqlite3_column_int64(stmt, 0) - ordinal : ordinal;
    sqlite3_reset(stmt);
    return 0;
}

/** @return 0 with *moved, or a fault */
static int move_mark(struct sqlite_writer *w, struct thread *t, unsigned side,
                     enum chat_mark which, const struct thread_mark *to, bool *moved)
{
    struct thread_mark *mark = &t->sides[side].marks[which];
    uint64_t n = 0;

    *moved = to->seq > mark->seq;
    if (!*moved)
        return 0;
    const int r = count_up_to(w, t, side, to->seq, &n);
    if (r < 0)
        return r;
    *mark = *to;
    mark->n = n;
    return 0;
}

static void answer_receipt(struct sqlite_writer *w, struct sqlite_write *op, struct thread *t,
                           unsigned side, int64_t position)
{
    struct store_receipted *out = &op->receipt.answer;
    struct thread_side *mine = &t->sides[side];

    out->conversation = t->id;
    out->peer = t->sides[1 - side].account;
    out->marks = (struct chat_marks){.delivered_seq = mine->marks[CHAT_MARK_DELIVERED].seq,
                                     .read_seq = mine->marks[CHAT_MARK_READ].seq};
    if (!out->delivered_moved && !out->read_moved)
        return;
    out->at_ms = op->receipt.asked.now_ms;
    out->position = op->position = w->position = t->receipt_pos = position;
    mine->marks_moved = op->has_changed = true;
    threads_touch(&w->threads, t);
}

static int move_marks(struct sqlite_writer *w, struct sqlite_write *op, struct thread *t)
{
    const struct store_receipt *asked = &op->receipt.asked;
    const unsigned side = thread_side_of(t, &asked->by);
    struct thread_mark to = {.at_ms = asked->now_ms, .position = w->position + 1};

    if (side == 2)
        return STORE_NOT_FOUND;
    if (asked->delivered_seq > thread_last_seq(t) || asked->read_seq > thread_last_seq(t))
        return STORE_NO_SUCH_SEQ;

    to.seq = asked->read_seq;
    int r = move_mark(w, t, side, CHAT_MARK_READ, &to, &op->receipt.answer.read_moved);
    if (asked->delivered_seq > to.seq)
        to.seq = asked->delivered_seq;
    if (r == 0) {
        r = move_mark(w, t, side, CHAT_MARK_DELIVERED, &to,
                      &op->receipt.answer.delivered_moved);
    }
    if (r == 0)
        answer_receipt(w, op, t, side, to.position);
    return r;
}

static int receipt(struct sqlite_writer *w, struct sqlite_write *op)
{
    const struct store_receipt *asked = &op->receipt.asked;
    struct thread *t = NULL;

    const int r = asked->place.conversation != 0
                      ? threads_find_id(&w->threads, asked->place.conversation, &t)
                      : threads_find_pair(&w->threads, &asked->by, &asked->place.peer, &t);
    if (r != 0)
        return r < 0 ? r : STORE_NOT_FOUND;
    return move_marks(w, op, t);
}

// Sessions.

static int change_auth(struct sqlite_writer *w, struct sqlite_write *op)
{
    const int r = sqlite_auth_change(&w->auth, &op->auth);

    op->has_changed = op->auth.has_changed;
    return r;
}

// Groups.

// What an operation of a group that has failed is answered with, whichever port it is of.
static_assert((int)STORE_UNAVAILABLE == (int)AUTH_STORE_UNAVAILABLE, "one answer for all");

static int read_meta(struct sqlite_writer *w)
{
    sqlite3_stmt *stmt = w->db.stmts[W_META];

    const int r = sqlite_db_step(&w->db, stmt);
    if (r != 0)
        return r < 0 ? r : sqlite_db_fault(&w->db, "meta has no row");
    w->position = sqlite3_column_int64(stmt, 0);
    w->threads.n_made = (uint64_t)sqlite3_column_int64(stmt, 1);
    w->epoch = (uint64_t)sqlite3_column_int64(stmt, 2);
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
    return sqlite_db_run(&w->db, stmt);
}

/** @return 0, a refusal, which has left the group as it was, or a fault */
static int write_one(struct sqlite_writer *w, struct sqlite_write *op)
{
    switch (op->kind) {
    case WRITE_APPEND: return append(w, op);
    case WRITE_RECEIPT: return receipt(w, op);
    case WRITE_AUTH: break;
    }
    return change_auth(w, op);
}

/** All but the end: whatever goes wrong here, nothing of the group is stored. */
static int write_group(struct sqlite_writer *w, struct list *writes)
{
    int r = sqlite_db_run(&w->db, w->db.stmts[W_BEGIN]);
    if (r == 0)
        r = refresh(w);
    if (r < 0)
        return r;
    const int64_t before = w->position;
    w->has_changed = false;
    list_each (node, writes) {
        struct sqlite_write *op = container_of(node, struct sqlite_write, node);
        op->r = write_one(w, op);
        if (op->r < 0)
            return op->r;
        w->has_changed |= op->has_changed;
    }
    if (w->position == before) // no conversation has changed
        return 0;
    r = threads_write_back(&w->threads);
    return r == 0 ? write_meta(w) : r;
}

/** Nobody can say whether it is on the disk: who asks the next process will find out. */
static void end_process(const struct sqlite_writer *w, const char *what)
{
    char quoted[LOG_QUOTE_SIZE];

    log_error(NULL, "store_unknown",
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
        struct sqlite_write *op = container_of(node, struct sqlite_write, node);
        op->r = STORE_UNAVAILABLE;
        op->has_changed = false;
        op->position = 0;
    }
}

/** Before a group, not after it: so its own answers do not wait for this. */
static void checkpoint(struct sqlite_writer *w)
{
    if (w->wal_pages < w->wal_checked)
        w->wal_checked = 0; // the log has begun anew
    if (w->wal_pages < w->wal_checked + CHECKPOINT_PAGES)
        return;
    w->wal_checked = w->wal_pages;
    const int r =
        sqlite3_wal_checkpoint_v2(w->db.db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (r != SQLITE_OK && r != SQLITE_BUSY) // nothing is lost: all of it is in the log
        log_error(NULL, "store_checkpoint", "code=%d", r);
}

void sqlite_writer_run(struct sqlite_writer *w, struct list *writes)
{
    checkpoint(w);
    int r = write_group(w, writes);
    if (r == 0)
        r = commit(w);
    if (r < 0) {
        fail_group(w, writes);
        return;
    }
    if (w->has_changed) // what changes nothing gets through to a full disk, too
        sqlite_db_works(&w->db);
    if (w->threads.by_id.n_nodes > THREADS_KEPT)
        threads_drop(&w->threads);
}

// Life.

static int on_wal(void *arg, sqlite3 *db, const char *name, int n_pages)
{
    struct sqlite_writer *w = arg;

    (void)db, (void)name;
    w->wal_pages = n_pages;
    return SQLITE_OK;
}

// FULL: the log is synced with each commit. After a flood the log is cut to its limit.
// No mmap: a bad sector would end the process, and not one operation; it gains nothing here.
static const char pragmas[] =
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = FULL;"
    "PRAGMA wal_autocheckpoint = 0;"
    "PRAGMA journal_size_limit = 134217728;"
    "PRAGMA cache_size = -65536;"
    "PRAGMA mmap_size = 0;"
    "PRAGMA temp_store = MEMORY";

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

int sqlite_writer_open(struct sqlite_writer *w, const char *path,
                       const struct store_limits *limits, const uint8_t *key, uint64_t epoch)
{
    w->limits = *limits;
    w->data_version = -1;
    threads_init(&w->threads, &w->db, key);
    int r = sqlite_db_open(&w->db, path);
    if (r == 0)
        r = sqlite_file_migrate(&w->db, epoch);
    if (r == 0)
        r = sqlite_db_exec(&w->db, pragmas);
    if (r == 0)
        r = expect_wal(&w->db);
    if (r == 0)
        r = sqlite_db_prepare(&w->db, texts, W_COUNT);
    if (r == 0)
        r = sqlite_auth_open(&w->auth, &w->db);
    if (r == 0)
        r = read_meta(w);
    if (r < 0)
        return err_up(r);
    sqlite3_wal_hook(w->db.db, on_wal, w);
    return 0;
}

void sqlite_writer_close(struct sqlite_writer *w)
{
    if (!w->db.db)
        return;
    threads_fini(&w->threads);
    sqlite_db_close(&w->db);
}
