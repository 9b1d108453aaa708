#include "store/sqlite_read.h"

#include "base/err.h"
#include "base/mem.h"
#include "store/page.h"
#include "store/sqlite_auth.h"
#include "store/sqlite_due.h"
#include "store/sqlite_list.h"
#include "store/sqlite_row.h"
#include "store/sqlite_uploads.h"

// History.

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
    struct sqlite_gone gone = {0};
    struct sqlite_view v;
    bool is_gone = false;

    int r = sqlite_row_find(rd, &h->account, &h->place, &v);
    if (r != 0)
        return r;
    const uint64_t end = h->before == 0 || h->before > v.last_seq ? v.last_seq + 1 : h->before;
    const uint64_t first = h->after < end ? h->after + 1 : end;
    sqlite3_stmt *stmt = sqlite_row_messages(rd, h->after > 0 ? R_UP : R_DOWN, &v, first, end);

    for (r = sqlite_db_step(&rd->db, stmt); r == 0; r = sqlite_db_step(&rd->db, stmt)) {
        r = sqlite_row_is_gone(rd, &v, stmt, &gone, &is_gone);
        if (r < 0)
            break;
        page->has_more = !page_take(&room, sqlite_row_content_bytes(stmt, is_gone));
        if (page->has_more)
            break;
        const struct chat_message m = sqlite_row_message(op, &h->account, &v, stmt, is_gone);
        sqlite_row_add(op, page->n_messages++, &m);
    }
    sqlite3_reset(stmt);
    if (h->after == 0)
        reverse(op->items, page->n_messages);
    page->messages = op->items;
    page->first_seq = v.first_seq;
    return r < 0 ? r : 0;
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

void *sqlite_read_keep(struct sqlite_read *op, const void *bytes, size_t size)
{
    return memcpy(sqlite_row_keep(op, size), bytes, size);
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
