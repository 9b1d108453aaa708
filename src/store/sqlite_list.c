#include "store/sqlite_list.h"

#include "base/mem.h"
#include "store/page.h"
#include "store/sqlite_row.h"

// One conversation.

/** Its last message, which R_AT is at. */
struct last {
    sqlite3_stmt *stmt; // NULL: there is none
    bool is_gone;
    size_t content_bytes;
};

/** That row, or where it is gone the last one that is left. @return as sqlite_db_step() */
static int find_last(struct sqlite_reader *rd, const struct sqlite_view *v)
{
    struct sqlite_messages ms = sqlite_row_messages(v, v->first_seq, v->last_seq + 1, -1);

    const int r = sqlite_row_at(rd, v, v->message_pos);
    return r == SQLITE_DB_NO_ROW ? sqlite_row_next(rd, &ms) : r;
}

/** @return 0 or a fault */
static int look_at_last(struct sqlite_reader *rd, const struct sqlite_view *v, struct last *out)
{
    sqlite3_stmt *stmt = rd->db.stmts[R_AT];
    struct sqlite_gone gone = {0};

    *out = (struct last){0};
    if (v->message_pos == 0)
        return 0;
    int r = find_last(rd, v);
    if (r != 0)
        return r < 0 ? r : 0;
    r = sqlite_row_is_gone(rd, v, stmt, &gone, &out->is_gone);
    out->content_bytes = sqlite_row_content_bytes(stmt, out->is_gone);
    out->stmt = stmt;
    return r;
}

static void reset(struct sqlite_reader *rd)
{
    sqlite3_reset(rd->db.stmts[R_AT]);
}

static struct chat_conversation conversation_of(struct read_op *op, const account *viewer,
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

int sqlite_list_one(struct sqlite_reader *rd, struct read_op *op)
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
static struct chat_conversation *add(struct read_op *op, size_t n, const account *viewer,
                                     const struct sqlite_view *v, const struct last *last)
{
    struct chat_conversation *all = read_op_grow(op, n, sizeof(*all));

    all[n] = conversation_of(op, viewer, v, last);
    return all;
}

/** Goes into the page, while there is room. @return 0 or a fault */
typedef int take_fn(struct sqlite_reader *rd, struct read_op *op, const account *of,
                    const struct sqlite_view *v, struct page_room *room, bool *is_full);

/** @param is_full  there are more than the page has room for @return 0 or a fault */
static int take_each(struct sqlite_reader *rd, struct read_op *op,
                     const struct sqlite_query *query, struct page_room *room, take_fn *take,
                     bool *is_full)
{
    struct sqlite_views vs;
    struct sqlite_view v;

    *is_full = false;
    int r = sqlite_views_open(&vs, rd, query);
    while (r == 0 && !*is_full) {
        r = sqlite_views_next(&vs, &v);
        if (r == 0)
            r = take(rd, op, query->account, &v, room, is_full);
        reset(rd);
    }
    sqlite_views_close(&vs);
    return r < 0 ? r : 0;
}

static int take_latest(struct sqlite_reader *rd, struct read_op *op, const account *of,
                       const struct sqlite_view *v, struct page_room *room, bool *is_full)
{
    struct store_list_page *page = &op->answer.list;
    struct last last;

    const int r = look_at_last(rd, v, &last);
    if (r < 0 || !last.stmt)
        return r;
    *is_full = !page_take(room, last.content_bytes);
    if (*is_full)
        return 0;
    page->conversations = add(op, page->n_conversations++, of, v, &last);
    page->next = v->message_pos;
    return 0;
}

int sqlite_list_read(struct sqlite_reader *rd, struct read_op *op)
{
    const struct store_list *l = &op->asked.list;
    struct page_room room = page_room_of(l->max_conversations, l->max_bytes);
    const struct sqlite_query query = {.kind = QUERY_LATEST,
                                       .account = &l->account,
                                       .upto = l->before == 0 ? INT64_MAX : l->before};

    bool is_full = false;

    const int r = take_each(rd, op, &query, &room, take_latest, &is_full);
    if (!is_full)
        op->answer.list.next = 0; // that was all
    return r;
}

static int take_changed(struct sqlite_reader *rd, struct read_op *op, const account *of,
                        const struct sqlite_view *v, struct page_room *room, bool *is_full)
{
    struct store_changes_page *page = &op->answer.changes;
    struct last last;

    const int r = look_at_last(rd, v, &last);
    if (r < 0)
        return r;
    *is_full = !page_take(room, last.content_bytes);
    if (*is_full)
        return 0;
    page->conversations = add(op, page->n_conversations++, of, v, &last);
    page->upto = v->contact_pos;
    return 0;
}

int sqlite_list_changes(struct sqlite_reader *rd, struct read_op *op)
{
    const struct store_changes *asked = &op->asked.changes;
    struct page_room room = page_room_of(asked->max_conversations, asked->max_bytes);
    const struct sqlite_query query = {
        .kind = QUERY_CHANGED, .account = &asked->account, .after = asked->after};

    const int r = take_each(rd, op, &query, &room, take_changed, &op->answer.changes.has_more);
    if (!op->answer.changes.has_more)
        op->answer.changes.upto = rd->places.view.upto;
    return r;
}

// Touched.

static struct store_mark mark_of(const struct thread_mark *mark)
{
    return (struct store_mark){.seq = mark->seq, .position = mark->position};
}

static int take_touch(struct sqlite_reader *rd, struct read_op *op, const account *of,
                      const struct sqlite_view *v, struct page_room *room, bool *is_full)
{
    struct store_touched_page *page = &op->answer.touched;

    *is_full = !page_take(room, 0);
    if (*is_full)
        return 0;
    const int r = v->message_pos == 0 ? SQLITE_DB_NO_ROW : sqlite_row_at(rd, v, v->message_pos);
    if (r < 0)
        return r;
    struct store_touch *all = read_op_grow(op, page->n_touches, sizeof(*all));
    all[page->n_touches++] = (struct store_touch){
        .account = *of,
        .conversation = v->conversation,
        .message_seq = r == 0 ? sqlite_row_u64(rd->db.stmts[R_AT], 0) : 0,
        .message_position = v->message_pos,
        .change_position = v->contact_pos,
        .mine = {mark_of(&v->my_marks[0]), mark_of(&v->my_marks[1])},
        .theirs = {mark_of(&v->their_marks[0]), mark_of(&v->their_marks[1])},
    };
    return 0;
}

int sqlite_list_touched(struct sqlite_reader *rd, struct read_op *op)
{
    const struct store_touched *asked = &op->asked.touched;
    struct store_touched_page *page = &op->answer.touched;
    struct page_room room = page_room_of(asked->max_touches, 0);
    int r = 0;

    for (size_t i = 0; r == 0 && !page->has_more && i < asked->n_accounts; i++) {
        const struct sqlite_query query = {
            .kind = QUERY_TOUCHES, .account = &asked->accounts[i], .after = asked->after};
        r = take_each(rd, op, &query, &room, take_touch, &page->has_more);
    }
    page->touches = op->items;
    return r;
}

// Numbers.

int sqlite_list_unread(struct sqlite_reader *rd, struct read_op *op)
{
    const struct sqlite_query query = {.kind = QUERY_UNREAD, .account = &op->asked.unread};

    return sqlite_views_count(rd, &query, &op->answer.unread);
}

// Relations.

/** @return 0 or a fault */
static int find_mutual(struct sqlite_reader *rd, conversation_id id, bool *is_mutual)
{
    struct thread_side s[2] = {0};
    struct thread_keys keys;
    struct tail_spot spot;

    const int r = places_thread(&rd->places, id, s, &keys, &spot);
    *is_mutual = r == 0 && s[0].accepted && s[1].accepted && !s[0].blocked && !s[1].blocked;
    return r < 0 ? r : 0;
}

/** @return 0 or a fault */
static int find_relation(struct sqlite_reader *rd, const account *a, const account *peer,
                         struct chat_relation *out)
{
    sqlite3_stmt *stmt = sqlite_row_of_account(rd, R_PAIR, a);

    *out = (struct chat_relation){0};
    sqlite_db_bind_bytes(stmt, 2, account_str(peer));
    int r = sqlite_db_step(&rd->db, stmt);
    if (r != 0)
        return r < 0 ? r : 0;
    out->conversation = sqlite_row_u64(stmt, 0);
    const int64_t seen_ms = sqlite3_column_int64(stmt, 1);
    sqlite3_reset(stmt);
    r = find_mutual(rd, out->conversation, &out->is_mutual);
    out->peer_seen_ms = out->is_mutual ? seen_ms : 0;
    return r;
}

int sqlite_list_relations(struct sqlite_reader *rd, struct read_op *op)
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
