/** Conversations as one of their sides has them. */
#include "base/mem.h"
#include "store/pg_row.h"

// clang-format off

/** Rows s of `member`, each with its last message. */
#define CONVERSATIONS(rows, at)                                                                \
    "SELECT" PG_ROW_MESSAGE ", " at " AS at, s.accepted, s.blocked, s.last_seq, s.unread,"     \
    "  s.delivered_seq AS my_delivered, s.read_seq AS my_read,"                                \
    "  s.peer_delivered_seq AS their_delivered, s.peer_read_seq AS their_read, s.shown_at_ms"  \
    " FROM (" rows ") s LEFT JOIN LATERAL (SELECT * FROM message m"                            \
    "  WHERE m.conversation = s.conversation AND m.seq = s.shown_seq LIMIT 1) m ON true"

#define COLUMNS                                                                                \
    PG_ROW_COLUMNS ", abs(p.at), p.accepted, p.blocked, p.last_seq, p.unread,"                 \
    " p.my_delivered, p.my_read, p.their_delivered, p.their_read, p.shown_at_ms"

/** A page of them, and of none one row. */
#define PAGE(with, rows, at, max_bytes)                                                        \
    "WITH " PG_ROW_ME with ","                                                                 \
    " page AS (" PG_ROW_CUT(CONVERSATIONS(rows, at), "at", max_bytes) ")"                      \
    " SELECT" COLUMNS " FROM meta x LEFT JOIN page p ON true ORDER BY p.at"

#define LATEST                                                                                 \
    "SELECT * FROM member s WHERE s.account = " PG_ROW_MY_ID                                   \
    " AND s.era > 0 AND s.shown_pos > 0 AND s.shown_pos < $2::int8 ORDER BY s.shown_pos DESC LIMIT $3::int8"

#define CHANGED                                                                                \
    "SELECT * FROM member s WHERE s.account = " PG_ROW_MY_ID                                   \
    " AND s.contact_pos > 0 AND s.contact_pos > $2::int8"        \
    " ORDER BY s.contact_pos LIMIT $3::int8"

static const char list_text[] = PAGE("", LATEST, "-s.shown_pos", "$4::int8");
static const char changes_text[] = PAGE("", CHANGED, "s.contact_pos", "$4::int8");
static const char conversation_text[] =
    PAGE(", " PG_ROW_PLACE, "SELECT * FROM place", "s.shown_pos", "0");

// clang-format on

/** @return whether there are more than the page has room for */
static bool take_conversations(struct read_op *op, const account *viewer, const PGresult *r,
                               struct page_room room, size_t *n)
{
    for (int row = 0; pg_row_is(r, row); row++) {
        if (!page_take(&room, (size_t)pg_i64(r, row, PG_ROW_BYTES)))
            return true;
        struct chat_conversation *all = read_op_grow(op, *n, sizeof(*all));
        all[(*n)++] = pg_row_conversation(op, viewer, r, row);
    }
    return false;
}

// The list.

static void ask_list(const struct read_op *op, struct pg_args *a)
{
    const struct store_list *l = &op->asked.list;

    pg_arg_account(a, &l->account);
    pg_arg_i64(a, l->before == 0 ? INT64_MAX : l->before);
    pg_arg_i64(a, pg_row_n(l->max_conversations));
    pg_arg_i64(a, pg_row_i64(l->max_bytes));
}

static int take_list(struct read_op *op, const PGresult *r)
{
    const struct store_list *l = &op->asked.list;
    struct store_list_page *page = &op->answer.list;

    const bool has_more =
        take_conversations(op, &l->account, r, page_room_of(l->max_conversations, l->max_bytes),
                           &page->n_conversations);
    page->conversations = op->items;
    if (has_more)
        page->next = pg_i64(r, (int)page->n_conversations - 1, PG_ROW_AT);
    return 0;
}

const struct pg_question pg_list = {
    .statement = {34, list_text}, .ask = ask_list, .take = take_list};

// One.

static void ask_conversation(const struct read_op *op, struct pg_args *a)
{
    pg_row_ask_place(a, &op->asked.conversation.account, &op->asked.conversation.place);
}

static int take_conversation(struct read_op *op, const PGresult *r)
{
    if (!pg_row_is(r, 0))
        return STORE_NOT_FOUND;
    op->answer.conversation = pg_row_conversation(op, &op->asked.conversation.account, r, 0);
    return 0;
}

const struct pg_question pg_conversation = {
    .statement = {35, conversation_text}, .ask = ask_conversation, .take = take_conversation};

// Changes.

static void ask_changes(const struct read_op *op, struct pg_args *a)
{
    const struct store_changes *c = &op->asked.changes;

    pg_arg_account(a, &c->account);
    pg_arg_i64(a, c->after);
    pg_arg_i64(a, pg_row_n(c->max_conversations));
    pg_arg_i64(a, pg_row_i64(c->max_bytes));
}

static int take_changes(struct read_op *op, const PGresult *r)
{
    const struct store_changes *c = &op->asked.changes;
    struct store_changes_page *page = &op->answer.changes;

    page->has_more =
        take_conversations(op, &c->account, r, page_room_of(c->max_conversations, c->max_bytes),
                           &page->n_conversations);
    page->conversations = op->items;
    page->upto = page->has_more ? pg_i64(r, (int)page->n_conversations - 1, PG_ROW_AT)
                                : pg_row_horizon(r);
    return 0;
}

const struct pg_question pg_changes = {
    .statement = {36, changes_text}, .ask = ask_changes, .take = take_changes};
