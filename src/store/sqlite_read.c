#include "store/sqlite_read.h"

#include "base/err.h"
#include "base/mem.h"
#include "store/page.h"
#include "store/sqlite_auth.h"
#include "store/sqlite_due.h"
#include "store/sqlite_row.h"

// History.

/** @return 0, STORE_NOT_FOUND, or a fault */
static int find_place(struct sqlite_reader *rd, const account *a,
                      const struct chat_place *place, struct sqlite_view *out)
{
    sqlite3_stmt *stmt =
        sqlite_row_of_account(rd, place->conversation != 0 ? R_BY_ID : R_BY_PEER, a);

    if (place->conversation != 0) {
        sqlite_db_bind(stmt, 2, (int64_t)place->conversation);
    } else {
        sqlite_db_bind_bytes(stmt, 2, account_str(&place->peer));
    }
    const int r = sqlite_db_step(&rd->db, stmt);
    if (r != 0)
        return r < 0 ? r : STORE_NOT_FOUND;
    *out = sqlite_row_view(stmt);
    sqlite3_reset(stmt);
    return 0;
}

static void reverse(struct chat_message *messages, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        const struct chat_message m = messages[i];
        messages[i] = messages[n - 1 - i];
        messages[n - 1 - i] = m;
    }
}

static int history(struct sqlite_reader *rd, struct sqlite_read *op)
{
    const struct store_history *h = &op->asked.history;
    struct store_history_page *page = &op->answer.history;
    struct page_room room = page_room_of(h->max_messages, h->max_bytes);
    struct sqlite_view v;

    int r = find_place(rd, &h->account, &h->place, &v);
    if (r != 0)
        return r;
    const uint64_t end = h->before == 0 || h->before > v.last_seq ? v.last_seq + 1 : h->before;
    const uint64_t first = h->after < end ? h->after + 1 : end;
    sqlite3_stmt *stmt = sqlite_row_messages(rd, h->after > 0 ? R_UP : R_DOWN, &v, first, end);

    for (r = sqlite_db_step(&rd->db, stmt); r == 0; r = sqlite_db_step(&rd->db, stmt)) {
        page->has_more = !page_take(&room, sqlite_row_content_bytes(stmt));
        if (page->has_more)
            break;
        const struct chat_message m = sqlite_row_message(op, &h->account, &v, stmt);
        sqlite_row_add(op, page->n_messages++, &m);
    }
    sqlite3_reset(stmt);
    if (h->after == 0)
        reverse(op->items, page->n_messages);
    page->messages = op->items;
    page->first_seq = v.first_seq;
    return r < 0 ? r : 0;
}

// Conversations.

/** @return 0, SQLITE_DB_NO_ROW: it holds no message any more, or a fault */
static int last_message(struct sqlite_reader *rd, const struct sqlite_view *v,
                        sqlite3_stmt **stmt)
{
    *stmt = sqlite_row_messages(rd, R_DOWN, v, v->first_seq, v->last_seq + 1);
    return sqlite_db_step(&rd->db, *stmt);
}

static struct chat_conversation conversation_of(const struct sqlite_view *v)
{
    return (struct chat_conversation){
        .id = v->conversation,
        .peer = v->peer,
        .accepted = v->accepted,
        .blocked = v->blocked,
        .first_seq = v->first_seq,
        .last_seq = v->last_seq,
        .unread = v->n_from_peer - v->read_n,
        .mine = v->mine,
        .theirs = v->theirs,
        .updated_at_ms = v->last_at_ms,
    };
}

static void add_conversation(struct sqlite_read *op, const struct sqlite_view *v,
                             sqlite3_stmt *last)
{
    struct store_list_page *page = &op->answer.list;
    struct chat_conversation *all = sqlite_row_room(op, page->n_conversations, sizeof(*all));
    struct chat_conversation *c = &all[page->n_conversations++];

    *c = conversation_of(v);
    c->last_message = sqlite_row_message(op, &op->asked.list.account, v, last);
    page->conversations = all;
}

static int list_conversations(struct sqlite_reader *rd, struct sqlite_read *op)
{
    const struct store_list *l = &op->asked.list;
    struct store_list_page *page = &op->answer.list;
    struct page_room room = page_room_of(l->max_conversations, l->max_bytes);
    sqlite3_stmt *stmt = sqlite_row_of_account(rd, R_LATEST, &l->account);
    sqlite3_stmt *last = NULL;
    int64_t position = 0; // of the last one in the page
    int r = 0;

    sqlite_db_bind(stmt, 2, l->before == 0 ? INT64_MAX : l->before);
    for (r = sqlite_db_step(&rd->db, stmt); r == 0; r = sqlite_db_step(&rd->db, stmt)) {
        const struct sqlite_view v = sqlite_row_view(stmt);
        r = last_message(rd, &v, &last);
        if (r < 0)
            break;
        if (r == SQLITE_DB_NO_ROW)
            continue;
        if (!page_take(&room, sqlite_row_content_bytes(last))) {
            page->next = position;
            break;
        }
        position = v.message_pos;
        add_conversation(op, &v, last);
        sqlite3_reset(last);
    }
    sqlite3_reset(rd->db.stmts[R_DOWN]);
    sqlite3_reset(stmt);
    return r < 0 ? r : 0;
}

static int count_unread(struct sqlite_reader *rd, struct sqlite_read *op)
{
    sqlite3_stmt *stmt = sqlite_row_of_account(rd, R_UNREAD, &op->asked.unread);

    const int r = sqlite_db_step(&rd->db, stmt);
    if (r != 0)
        return r < 0 ? r : 0;
    op->answer.unread = sqlite_row_u64(stmt, 0);
    sqlite3_reset(stmt);
    return 0;
}

// Receipts.

/** Three columns from this one: seq, time, position. @return 1, or 0 if it has not moved */
static size_t add_mark(struct sqlite_read *op, size_t n, sqlite3_stmt *stmt, int column,
                       enum chat_mark mark)
{
    const account peer = account_of(sqlite_db_str(stmt, 1));
    const bool is_mine = column < 8;

    const int64_t position = sqlite3_column_int64(stmt, column + 2);
    if (position <= op->asked.receipts.after || position > op->horizon)
        return 0;
    struct chat_receipt *all = sqlite_row_room(op, n, sizeof(*all));
    all[n] = (struct chat_receipt){
        .conversation = sqlite_row_u64(stmt, 0),
        .by = is_mine ? op->asked.receipts.account : peer,
        .peer = is_mine ? peer : op->asked.receipts.account,
        .mark = mark,
        .seq = sqlite_row_u64(stmt, column),
        .at_ms = sqlite3_column_int64(stmt, column + 1),
        .position = position,
    };
    return 1;
}

static int receipts(struct sqlite_reader *rd, struct sqlite_read *op)
{
    const struct store_receipts *asked = &op->asked.receipts;
    sqlite3_stmt *stmt = sqlite_row_of_account(rd, R_MARKED, &asked->account);
    size_t n = 0;
    int r = 0;

    sqlite_db_bind(stmt, 2, asked->after);
    for (r = sqlite_db_step(&rd->db, stmt); r == 0; r = sqlite_db_step(&rd->db, stmt)) {
        n += add_mark(op, n, stmt, 2, CHAT_MARK_DELIVERED);
        n += add_mark(op, n, stmt, 5, CHAT_MARK_READ);
        n += add_mark(op, n, stmt, 8, CHAT_MARK_DELIVERED);
        n += add_mark(op, n, stmt, 11, CHAT_MARK_READ);
    }
    op->answer.receipts = page_of_receipts(op->items, n, asked->max_receipts, op->horizon);
    return r < 0 ? r : 0;
}

// Life.

static int answer(struct sqlite_reader *rd, struct sqlite_read *op)
{
    switch (op->kind) {
    case READ_DUE: return sqlite_due_read(rd, op);
    case READ_RECEIPTS: return receipts(rd, op);
    case READ_HISTORY: return history(rd, op);
    case READ_LIST: return list_conversations(rd, op);
    case READ_UNREAD: return count_unread(rd, op);
    case READ_REVOCATIONS: break;
    }
    return sqlite_auth_revocations(rd, op);
}

void sqlite_reader_run(struct sqlite_reader *rd, struct sqlite_read *op)
{
    int r = sqlite_db_run(&rd->db, rd->db.stmts[R_BEGIN]);

    if (r == 0)
        r = answer(rd, op);
    if (!sqlite3_get_autocommit(rd->db.db)) {
        const int end = sqlite_db_run(&rd->db, rd->db.stmts[R_COMMIT]);
        r = end < 0 ? end : r;
    }
    if (r >= 0)
        sqlite_db_works(&rd->db);
    op->r = r < 0 ? STORE_UNAVAILABLE : r;
}

static const char pragmas[] =
    "PRAGMA query_only = 1;"
    "PRAGMA cache_size = -16384;"
    "PRAGMA mmap_size = 0";

int sqlite_reader_open(struct sqlite_reader *rd, const char *path)
{
    int r = sqlite_db_open(&rd->db, path);

    if (r == 0)
        r = sqlite_db_exec(&rd->db, pragmas);
    if (r == 0)
        r = sqlite_db_prepare(&rd->db, sqlite_row_texts, R_COUNT);
    return r < 0 ? err_up(r) : 0;
}

void sqlite_reader_close(struct sqlite_reader *rd)
{
    sqlite_db_close(&rd->db);
}

void sqlite_read_free(struct sqlite_read *op)
{
    while (op->strings) {
        struct strings *s = op->strings;
        op->strings = s->next;
        free(s);
    }
    free(op->items);
    free(op);
}
