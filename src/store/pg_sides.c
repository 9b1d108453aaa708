/** How the sides of conversations stand with each other, and what they have of them. */
#include "base/mem.h"
#include "store/pg_row.h"
#include "store/pg_schema.h"

// Receipts.

enum {
    MARK_CONVERSATION = 1,
    MARK_IS_MINE,
    MARK_WHICH,
    MARK_SEQ,
    MARK_AT,
    MARK_POSITION,
    MARK_PEER,
};

// clang-format off

static const char receipts_text[] =
    "WITH " PG_ROW_ME ","
    " page AS ("
    "  SELECT s.conversation, s.peer, k.* FROM member s CROSS JOIN LATERAL (VALUES"
    "   (true, 0::int8, s.delivered_seq, s.delivered_at_ms, s.delivered_pos),"
    "   (true, 1, s.read_seq, s.read_at_ms, s.read_pos),"
    "   (false, 0, s.peer_delivered_seq, s.peer_delivered_at_ms, s.peer_delivered_pos),"
    "   (false, 1, s.peer_read_seq, s.peer_read_at_ms, s.peer_read_pos))"
    "   k (is_mine, which, seq, at_ms, position)"
    "  WHERE s.account = " PG_ROW_MY_ID " AND s.era > 0 AND s.era >= " PG_ERA_OF("$2::int8") " AND s.marked_pos > $2"
    "  AND k.position > $2"
    "  ORDER BY k.position, k.which LIMIT $3::int8)"
    " SELECT x.position, p.conversation, p.is_mine, p.which, p.seq, p.at_ms, p.position,"
    "  (SELECT y.address FROM account y WHERE y.id = p.peer)"
    " FROM meta x LEFT JOIN page p ON true";

// clang-format on

static void ask_receipts(const struct read_op *op, struct pg_args *a)
{
    const struct store_receipts *asked = &op->asked.receipts;

    pg_arg_account(a, &asked->account);
    pg_arg_i64(a, pg_row_after(asked->after));
    pg_arg_i64(a, pg_row_n(asked->max_receipts));
}

static struct chat_receipt receipt_at(const PGresult *r, int row, const account *me)
{
    const bool is_mine = pg_bool(r, row, MARK_IS_MINE);
    const account peer = pg_account(r, row, MARK_PEER);

    return (struct chat_receipt){
        .conversation = pg_row_u64(r, row, MARK_CONVERSATION),
        .by = is_mine ? *me : peer,
        .peer = is_mine ? peer : *me,
        .mark = (enum chat_mark)pg_i64(r, row, MARK_WHICH),
        .seq = pg_row_u64(r, row, MARK_SEQ),
        .at_ms = pg_i64(r, row, MARK_AT),
        .position = pg_i64(r, row, MARK_POSITION),
    };
}

static int take_receipts(struct read_op *op, const PGresult *r)
{
    const struct store_receipts *asked = &op->asked.receipts;
    size_t n = 0;

    for (int row = 0; pg_row_is(r, row); row++) {
        struct chat_receipt *all = read_op_grow(op, n, sizeof(*all));
        all[n++] = receipt_at(r, row, &asked->account);
    }
    op->answer.receipts =
        page_of_receipts(op->items, n, asked->max_receipts, pg_row_horizon(r));
    return 0;
}

const struct pg_question pg_receipts = {
    .statement = {37, receipts_text}, .ask = ask_receipts, .take = take_receipts};

// Relations.

enum {
    RELATION_CONVERSATION = 1,
    RELATION_IS_MUTUAL,
    RELATION_SEEN,
};

// clang-format off

static const char relations_text[] =
    "WITH " PG_ROW_ME
    " SELECT x.position, CASE WHEN s.is_there THEN c.id END, s.is_mutual, y.seen_ms"
    " FROM meta x CROSS JOIN unnest($2::bytea[]) WITH ORDINALITY AS p (address, n)"
    " LEFT JOIN LATERAL ("
    "  SELECT y.id, y.seen_ms FROM account y WHERE y.address = p.address LIMIT 1) y ON true"
    " LEFT JOIN LATERAL ("
    "  SELECT c.id FROM conversation c"
    "  WHERE c.a = LEAST(y.id, " PG_ROW_MY_ID ") AND c.b = GREATEST(y.id, " PG_ROW_MY_ID ")"
    "  LIMIT 1) c ON true"
    " CROSS JOIN LATERAL ("
    "  SELECT bool_and(s.accepted AND NOT s.blocked) AS is_mutual,"
    "   bool_or(s.last_seq > 0 OR s.contact_pos > 0) AS is_there"
    "  FROM member s WHERE s.conversation = c.id) s"
    " ORDER BY p.n";

// clang-format on

static void ask_accounts(struct pg_args *a, const account *accounts, size_t n)
{
    pg_arg_array(a, PG_BYTEA);
    for (size_t i = 0; i < n; i++)
        pg_arg_array_bytes(a, account_str(&accounts[i]));
    pg_arg_array_end(a);
}

static void ask_relations(const struct read_op *op, struct pg_args *a)
{
    const struct store_relations *asked = &op->asked.relations;

    pg_arg_account(a, &asked->account);
    ask_accounts(a, asked->peers, asked->n_peers);
}

static int take_relations(struct read_op *op, const PGresult *r)
{
    const size_t n = op->asked.relations.n_peers;
    struct chat_relation *all = mem_alloc(n * sizeof(*all));

    assert((size_t)PQntuples(r) == n);
    for (size_t i = 0; i < n; i++) {
        all[i].conversation = pg_row_u64(r, (int)i, RELATION_CONVERSATION);
        all[i].is_mutual = pg_bool(r, (int)i, RELATION_IS_MUTUAL);
        all[i].peer_seen_ms = all[i].is_mutual ? pg_i64(r, (int)i, RELATION_SEEN) : 0;
    }
    op->items = all;
    op->answer.relations = all;
    return 0;
}

const struct pg_question pg_relations = {
    .statement = {38, relations_text}, .ask = ask_relations, .take = take_relations};

// Touched.

enum {
    TOUCH_CONVERSATION = 1,
    TOUCH_ACCOUNT, // which of those that were asked for, from 1
    TOUCH_SEQ,
    TOUCH_POSITION,
    TOUCH_CHANGED,
    TOUCH_MINE, // by enum chat_mark, each with its position
    TOUCH_THEIRS = TOUCH_MINE + 4,
};

// clang-format off

static const char touched_text[] =
    "WITH page AS ("
    "  SELECT p.n, s.* FROM unnest($1::bytea[]) WITH ORDINALITY AS p (address, n)"
    "  CROSS JOIN LATERAL ("
    "   SELECT a.id FROM account a WHERE a.address = p.address LIMIT 1) a"
    "  CROSS JOIN LATERAL ("
    "   SELECT * FROM member s WHERE s.account = a.id"
    "   AND s.era > 0 AND s.era >= " PG_ERA_OF("$2::int8") " AND s.changed_pos > $2"
    "   AND (s.shown_pos > $2 OR s.marked_pos > $2 OR s.contact_pos > $2)) s" // or it was withheld
    "  ORDER BY p.n LIMIT $3::int8)"
    " SELECT x.position, p.conversation, p.n, p.shown_seq, p.shown_pos, p.contact_pos,"
    "  p.delivered_seq, p.delivered_pos, p.read_seq, p.read_pos,"
    "  p.peer_delivered_seq, p.peer_delivered_pos, p.peer_read_seq, p.peer_read_pos"
    " FROM meta x LEFT JOIN page p ON true ORDER BY p.n";

// clang-format on

static void ask_touched(const struct read_op *op, struct pg_args *a)
{
    const struct store_touched *asked = &op->asked.touched;

    ask_accounts(a, asked->accounts, asked->n_accounts);
    pg_arg_i64(a, pg_row_after(asked->after));
    pg_arg_i64(a, pg_row_n(asked->max_touches));
}

static struct store_touch touch_at(const PGresult *r, int row, const account *accounts)
{
    struct store_touch touch = {
        .account = accounts[pg_i64(r, row, TOUCH_ACCOUNT) - 1],
        .conversation = pg_row_u64(r, row, TOUCH_CONVERSATION),
        .message_seq = pg_row_u64(r, row, TOUCH_SEQ),
        .message_position = pg_i64(r, row, TOUCH_POSITION),
        .change_position = pg_i64(r, row, TOUCH_CHANGED),
    };

    for (int i = 0; i < 2; i++) {
        touch.mine[i] = (struct store_mark){pg_row_u64(r, row, TOUCH_MINE + 2 * i),
                                            pg_i64(r, row, TOUCH_MINE + 2 * i + 1)};
        touch.theirs[i] = (struct store_mark){pg_row_u64(r, row, TOUCH_THEIRS + 2 * i),
                                              pg_i64(r, row, TOUCH_THEIRS + 2 * i + 1)};
    }
    return touch;
}

static int take_touched(struct read_op *op, const PGresult *r)
{
    const struct store_touched *asked = &op->asked.touched;
    struct store_touched_page *page = &op->answer.touched;

    for (int row = 0; pg_row_is(r, row) && !page->has_more; row++) {
        page->has_more = page->n_touches == asked->max_touches;
        if (page->has_more)
            break;
        struct store_touch *all = read_op_grow(op, page->n_touches, sizeof(*all));
        all[page->n_touches++] = touch_at(r, row, asked->accounts);
    }
    page->touches = op->items;
    return 0;
}

const struct pg_question pg_touched = {
    .statement = {39, touched_text}, .ask = ask_touched, .take = take_touched};

// Unread.

static const char unread_text[] =
    "WITH " PG_ROW_ME
    " SELECT x.position, (SELECT count(*) FROM member s"
    " WHERE s.account = " PG_ROW_MY_ID " AND s.has_unread AND s.unread > 0) FROM meta x";

static void ask_unread(const struct read_op *op, struct pg_args *a)
{
    pg_arg_account(a, &op->asked.unread);
}

static int take_unread(struct read_op *op, const PGresult *r)
{
    op->answer.unread = pg_row_u64(r, 0, 1);
    return 0;
}

const struct pg_question pg_unread = {
    .statement = {40, unread_text}, .ask = ask_unread, .take = take_unread};
