#include "store/sqlite_list.h"

#include "base/mem.h"
#include "store/page.h"
#include "store/sqlite_row.h"

// One conversation.

/** Its last message, which a statement is at. */
struct last {
    sqlite3_stmt *stmt; // NULL: there is none. reset() it
    bool is_gone;
    size_t content_bytes;
};

/** That row, or where it is gone the last one that is left. @return as sqlite_db_step() */
static int find_last(struct sqlite_reader *rd, const struct sqlite_view *v, sqlite3_stmt **stmt)
{
    *stmt = rd->db.stmts[R_AT];
    sqlite_db_bind(*stmt, 1, v->message_pos);
    const int r = sqlite_db_step(&rd->db, *stmt);
    if (r != SQLITE_DB_NO_ROW)
        return r;
    *stmt = sqlite_row_messages(rd, R_DOWN, v, v->first_seq, v->last_seq + 1);
    return sqlite_db_step(&rd->db, *stmt);
}

/** @return 0 or a fault */
static int look_at_last(struct sqlite_reader *rd, const struct sqlite_view *v, struct last *out)
{
    struct sqlite_gone gone = {0};
    sqlite3_stmt *stmt = NULL;

    *out = (struct last){0};
    if (v->message_pos == 0)
        return 0;
    int r = find_last(rd, v, &stmt);
    if (r != 0)
        return r < 0 ? r : 0;
    r = sqlite_row_is_gone(rd, v, stmt, &gone, &out->is_gone);
    out->content_bytes = sqlite_row_content_bytes(stmt, out->is_gone);
    out->stmt = stmt;
    return r;
}

/** Either of its two statements. */
static void reset(struct sqlite_reader *rd)
{
    sqlite3_reset(rd->db.stmts[R_AT]);
    sqlite3_reset(rd->db.stmts[R_DOWN]);
}

static struct chat_conversation conversation_of(struct sqlite_read *op, const account *viewer,
                                                const struct sqlite_view *v,
                                                const struct last *last)
{
    struct chat_conversation c = {
        .id = v->conversation,
        .peer = v->peer,
        .accepted = v->accepted,
        .blocked = v->blocked,
        .first_seq = v->first_seq,
        .last_seq = v->last_seq,
        .unread = sqlite_row_n_visible(v) - v->read_n,
        .mine = v->mine,
        .theirs = v->theirs,
    };

    if (last->stmt) {
        c.last_message = sqlite_row_message(op, viewer, v, last->stmt, last->is_gone);
        c.updated_at_ms = v->last_at_ms;
    }
    return c;
}

int sqlite_list_one(struct sqlite_reader *rd, struct sqlite_read *op)
{
    const struct store_conversation *asked = &op->asked.conversation;
    struct sqlite_view v;
    struct last last;

    int r = sqlite_row_find(rd, &asked->account, &asked->place, &v);
    if (r == 0)
        r = look_at_last(rd, &v, &last);
    if (r == 0)
        op->answer.conversation = conversation_of(op, &asked->account, &v, &last);
    reset(rd);
    return r;
}

// Many.

/** Into op->items, as number n. */
static struct chat_conversation *add(struct sqlite_read *op, size_t n, const account *viewer,
                                     const struct sqlite_view *v, const struct last *last)
{
    struct chat_conversation *all = sqlite_row_room(op, n, sizeof(*all));

    all[n] = conversation_of(op, viewer, v, last);
    return all;
}

int sqlite_list_read(struct sqlite_reader *rd, struct sqlite_read *op)
{
    const struct store_list *l = &op->asked.list;
    struct store_list_page *page = &op->answer.list;
    struct page_room room = page_room_of(l->max_conversations, l->max_bytes);
    sqlite3_stmt *stmt = sqlite_row_of_account(rd, R_LATEST, &l->account);
    struct last last;
    int64_t position = 0; // of the last one in the page
    int r = 0;

    sqlite_db_bind(stmt, 2, l->before == 0 ? INT64_MAX : l->before);
    for (r = sqlite_db_step(&rd->db, stmt); r == 0; r = sqlite_db_step(&rd->db, stmt)) {
        const struct sqlite_view v = sqlite_row_view(stmt);
        r = look_at_last(rd, &v, &last);
        if (r < 0)
            break;
        if (!last.stmt)
            continue;
        if (!page_take(&room, last.content_bytes)) {
            page->next = position;
            break;
        }
        position = v.message_pos;
        page->conversations = add(op, page->n_conversations++, &l->account, &v, &last);
        reset(rd);
    }
    reset(rd);
    sqlite3_reset(stmt);
    return r < 0 ? r : 0;
}

int sqlite_list_changes(struct sqlite_reader *rd, struct sqlite_read *op)
{
    const struct store_changes *asked = &op->asked.changes;
    struct store_changes_page *page = &op->answer.changes;
    struct page_room room = page_room_of(asked->max_conversations, asked->max_bytes);
    sqlite3_stmt *stmt = sqlite_row_of_account(rd, R_CHANGED, &asked->account);
    struct last last;
    int64_t position = 0; // of the last one in the page
    int r = 0;

    sqlite_db_bind(stmt, 2, asked->after);
    sqlite_db_bind(stmt, 3, op->horizon);
    for (r = sqlite_db_step(&rd->db, stmt); r == 0; r = sqlite_db_step(&rd->db, stmt)) {
        const struct sqlite_view v = sqlite_row_view(stmt);
        r = look_at_last(rd, &v, &last);
        if (r < 0)
            break;
        page->has_more = !page_take(&room, last.content_bytes);
        if (page->has_more)
            break;
        position = v.contact_pos;
        page->conversations = add(op, page->n_conversations++, &asked->account, &v, &last);
        reset(rd);
    }
    reset(rd);
    sqlite3_reset(stmt);
    page->upto = page->has_more ? position : op->horizon;
    return r < 0 ? r : 0;
}

// Touched.

static struct store_mark mark_at(sqlite3_stmt *stmt, int column)
{
    return (struct store_mark){.seq = sqlite_row_u64(stmt, column),
                               .position = sqlite3_column_int64(stmt, column + 1)};
}

static struct store_touch touch_of(const account *a, sqlite3_stmt *stmt)
{
    return (struct store_touch){
        .account = *a,
        .conversation = sqlite_row_u64(stmt, 0),
        .message_position = sqlite3_column_int64(stmt, 1),
        .message_seq = sqlite_row_u64(stmt, 2), // NULL, where it is not there, is 0
        .change_position = sqlite3_column_int64(stmt, 3),
        .mine = {mark_at(stmt, 4), mark_at(stmt, 6)},
        .theirs = {mark_at(stmt, 8), mark_at(stmt, 10)},
    };
}

/** Of one account, as many as there is room for. @return 0 or a fault */
static int find_touches(struct sqlite_reader *rd, struct sqlite_read *op, const account *a)
{
    const struct store_touched *asked = &op->asked.touched;
    struct store_touched_page *page = &op->answer.touched;
    sqlite3_stmt *stmt = sqlite_row_of_account(rd, R_TOUCHES, a);
    int r = 0;

    sqlite_db_bind(stmt, 2, asked->after);
    for (r = sqlite_db_step(&rd->db, stmt); r == 0; r = sqlite_db_step(&rd->db, stmt)) {
        page->has_more = page->n_touches == asked->max_touches;
        if (page->has_more)
            break;
        struct store_touch *all = sqlite_row_room(op, page->n_touches, sizeof(*all));
        all[page->n_touches++] = touch_of(a, stmt);
    }
    sqlite3_reset(stmt);
    return r < 0 ? r : 0;
}

int sqlite_list_touched(struct sqlite_reader *rd, struct sqlite_read *op)
{
    const struct store_touched *asked = &op->asked.touched;
    struct store_touched_page *page = &op->answer.touched;
    int r = 0;

    for (size_t i = 0; r == 0 && !page->has_more && i < asked->n_accounts; i++)
        r = find_touches(rd, op, &asked->accounts[i]);
    page->touches = op->items;
    return r;
}

// Numbers.

int sqlite_list_unread(struct sqlite_reader *rd, struct sqlite_read *op)
{
    sqlite3_stmt *stmt = sqlite_row_of_account(rd, R_UNREAD, &op->asked.unread);

    const int r = sqlite_db_step(&rd->db, stmt);
    if (r != 0)
        return r < 0 ? r : 0;
    op->answer.unread = sqlite_row_u64(stmt, 0);
    sqlite3_reset(stmt);
    return 0;
}

// Relations.

/** @return 0 or a fault */
static int find_relation(struct sqlite_reader *rd, const account *a, const account *peer,
                         struct chat_relation *out)
{
    sqlite3_stmt *stmt = sqlite_row_of_account(rd, R_RELATION, a);

    *out = (struct chat_relation){0};
    sqlite_db_bind_bytes(stmt, 2, account_str(peer));
    const int r = sqlite_db_step(&rd->db, stmt);
    if (r != 0)
        return r < 0 ? r : 0;
    out->conversation = sqlite_row_u64(stmt, 0);
    out->is_mutual = sqlite3_column_int(stmt, 1);
    out->peer_seen_ms = out->is_mutual ? sqlite3_column_int64(stmt, 2) : 0;
    sqlite3_reset(stmt);
    return 0;
}

int sqlite_list_relations(struct sqlite_reader *rd, struct sqlite_read *op)
{
    const struct store_relations *asked = &op->asked.relations;
    struct chat_relation *all = mem_alloc(asked->n_peers * sizeof(*all));
    int r = 0;

    op->items = all;
    op->answer.relations = all;
    for (size_t i = 0; r == 0 && i < asked->n_peers; i++)
        r = find_relation(rd, &asked->account, &asked->peers[i], &all[i]);
    return r;
}
