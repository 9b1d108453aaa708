#include "store/sqlite_read.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/page.h"
#include "store/sqlite_auth.h"
#include "store/sqlite_due.h"
#include "store/sqlite_list.h"
#include "store/sqlite_row.h"
#include "store/sqlite_uploads.h"

// History.

static int history(struct sqlite_reader *rd, struct read_op *op)
{
    const struct store_history *h = &op->asked.history;
    struct store_history_page *page = &op->answer.history;
    struct page_room room = page_room_of(h->max_messages, h->max_bytes);
    sqlite3_stmt *stmt = rd->db.stmts[R_AT];
    struct sqlite_gone gone = {0};
    struct sqlite_view v;
    bool is_gone = false;

    int r = sqlite_row_find(rd, &h->account, &h->place, &v);
    if (r != 0)
        return r;
    const uint64_t end = h->before == 0 || h->before > v.last_seq ? v.last_seq + 1 : h->before;
    const uint64_t first = h->after < end ? h->after + 1 : end;
    struct sqlite_messages ms = sqlite_row_messages(&v, first, end, h->after > 0 ? 1 : -1);

    for (r = sqlite_row_next(rd, &ms); r == 0; r = sqlite_row_next(rd, &ms)) {
        r = sqlite_row_is_gone(rd, &v, stmt, &gone, &is_gone);
        if (r < 0)
            break;
        page->has_more = !page_take(&room, sqlite_row_content_bytes(stmt, is_gone));
        if (page->has_more)
            break;
        const struct chat_message m = sqlite_row_message(op, &h->account, &v, stmt, is_gone);
        read_op_add_message(op, page->n_messages++, &m);
    }
    sqlite3_reset(stmt);
    if (h->after == 0)
        read_op_reverse_messages(op, page->n_messages);
    page->messages = op->items;
    page->first_seq = v.first_seq;
    return r < 0 ? r : 0;
}

// Receipts.

/** @return 1, or 0 if it has not moved */
static size_t add_mark(struct read_op *op, size_t n, const struct sqlite_view *v, bool is_mine,
                       enum chat_mark which)
{
    const struct thread_mark *mark = is_mine ? &v->my_marks[which] : &v->their_marks[which];
    const account *me = &op->asked.receipts.account;

    if (mark->position <= op->asked.receipts.after)
        return 0;
    struct chat_receipt *all = read_op_grow(op, n, sizeof(*all));
    all[n] = (struct chat_receipt){
        .conversation = v->conversation,
        .by = is_mine ? *me : v->peer,
        .peer = is_mine ? v->peer : *me,
        .mark = which,
        .seq = mark->seq,
        .at_ms = mark->at_ms,
        .position = mark->position,
    };
    return 1;
}

static int receipts(struct sqlite_reader *rd, struct read_op *op)
{
    const struct store_receipts *asked = &op->asked.receipts;
    const struct sqlite_query query = {
        .kind = QUERY_MARKED, .account = &asked->account, .after = asked->after};
    struct sqlite_views vs;
    struct sqlite_view v;
    size_t n = 0;

    int r = sqlite_views_open(&vs, rd, &query);
    if (r == 0)
        r = sqlite_views_next(&vs, &v);
    for (; r == 0; r = sqlite_views_next(&vs, &v)) {
        n += add_mark(op, n, &v, true, CHAT_MARK_DELIVERED);
        n += add_mark(op, n, &v, true, CHAT_MARK_READ);
        n += add_mark(op, n, &v, false, CHAT_MARK_DELIVERED);
        n += add_mark(op, n, &v, false, CHAT_MARK_READ);
    }
    sqlite_views_close(&vs);
    op->answer.receipts =
        page_of_receipts(op->items, n, asked->max_receipts, rd->places.view.upto);
    return r < 0 ? r : 0;
}

// What is due.

static int due(struct sqlite_reader *rd, struct read_op *op)
{
    const struct store_read *asked = &op->asked.read;
    struct read_op unread = {.asked.unread = asked->account};

    int r = sqlite_due_read(rd, op);
    if (r == 0 && asked->counts_unread)
        r = sqlite_list_unread(rd, &unread);
    op->answer.read.unread = unread.answer.unread;
    return r;
}

// Life.

static int answer(struct sqlite_reader *rd, struct read_op *op)
{
    switch (op->kind) {
    case READ_DUE: return due(rd, op);
    case READ_RECEIPTS: return receipts(rd, op);
    case READ_HISTORY: return history(rd, op);
    case READ_LIST: return sqlite_list_read(rd, op);
    case READ_CONVERSATION: return sqlite_list_one(rd, op);
    case READ_CHANGES: return sqlite_list_changes(rd, op);
    case READ_RELATIONS: return sqlite_list_relations(rd, op);
    case READ_TOUCHED: return sqlite_list_touched(rd, op);
    case READ_UNREAD: return sqlite_list_unread(rd, op);
    case READ_REVOCATIONS: return sqlite_auth_revocations(rd, op);
    case READ_UPLOAD: break;
    }
    return sqlite_uploads_find(rd, op);
}

/** What has left the tail since it is held may not be in the snapshot, and the other way round.
 * And what the tail gets later may not be in the log, as it is read here: answer_now(). */
static int begin(struct sqlite_reader *rd)
{
    places_hold(&rd->places);
    int r = sqlite_db_run(&rd->db, rd->db.stmts[R_BEGIN]);
    if (r == 0)
        r = sqlite_db_step(&rd->db, rd->db.stmts[R_FIX]);
    sqlite3_reset(rd->db.stmts[R_FIX]);
    return r == SQLITE_DB_NO_ROW ? sqlite_db_fault(&rd->db, "state has no row") : r;
}

static void end(struct sqlite_reader *rd)
{
    // What was read was read. After a fault, which was logged, no other one can begin.
    if (!sqlite3_get_autocommit(rd->db.db) &&
        sqlite_db_run(&rd->db, rd->db.stmts[R_COMMIT]) < 0)
        log_debug(NULL, "store_read_goes_on", "%s", "ended=no");
    places_release(&rd->places);
}

#define TRIES 32

static int answer_from(struct sqlite_reader *rd, struct read_op *op)
{
    int r = 0;

    if (!rd->has_begun)
        r = begin(rd);
    rd->has_begun = true;
    return r == 0 ? answer(rd, op) : r;
}

/**
 * How a conversation stands by the tail, and what the log has of it, must be of one moment. If
 * it has changed behind the snapshot, that is over, and all is read anew: it takes a message to
 * one of the few accounts in question, within the time of one, for that to happen again.
 */
static int answer_now(struct sqlite_reader *rd, struct read_op *op)
{
    int r = answer_from(rd, op);

    assert(r < 0 || rd->places.view.upto >= op->horizon);
    for (unsigned i = 0; r >= 0 && rd->places.view.is_passed; i++) {
        read_op_forget(op);
        sqlite_reader_end(rd);
        if (i == TRIES)
            return STORE_UNAVAILABLE;
        r = answer_from(rd, op);
    }
    return r;
}

// Each has all up to its horizon, which was taken before the snapshot; marks and changes all of
// the snapshot.
void sqlite_reader_run(struct sqlite_reader *rd, struct read_op *op)
{
    const int r = answer_now(rd, op);

    if (r < 0) { // the next one shall not suffer for it
        sqlite_reader_end(rd);
    } else {
        sqlite_db_works(&rd->db);
    }
    op->r = r < 0 ? STORE_UNAVAILABLE : r;
}

void sqlite_reader_end(struct sqlite_reader *rd)
{
    if (!rd->has_begun)
        return;
    rd->has_begun = false;
    end(rd);
}

static const char pragmas[] =
    "PRAGMA query_only = 1;"
    "PRAGMA cache_size = -16384;"
    "PRAGMA mmap_size = 0";

static int attach(struct sqlite_db *db, const char *path)
{
    sqlite3_stmt *stmt = NULL;

    int r = sqlite_db_prepare_into(db, (const char *const[]){"ATTACH ? AS ix"}, 1, &stmt);
    if (r < 0)
        return r;
    sqlite_db_bind_text(stmt, 1, str_of(path));
    r = sqlite_db_run(db, stmt);
    sqlite3_finalize(stmt);
    return r;
}

int sqlite_reader_open(struct sqlite_reader *rd, const char *path, const char *index_path,
                       struct tail *tail)
{
    int r = sqlite_db_open(&rd->db, path);

    if (r == 0)
        r = attach(&rd->db, index_path);
    if (r == 0)
        r = sqlite_db_exec(&rd->db, pragmas);
    if (r == 0)
        r = sqlite_db_prepare(&rd->db, sqlite_row_texts, R_COUNT);
    if (r == 0)
        r = places_init(&rd->places, tail, &rd->db);
    return r < 0 ? err_up(r) : 0;
}

void sqlite_reader_close(struct sqlite_reader *rd)
{
    sqlite_db_close(&rd->db);
}
