/**
 * What an account has to get (store_read()), and the history.
 *
 * Up to `since` that is what is undelivered, and behind it all: the one comes before the other.
 *
 * What is undelivered is looked for twice. First among the messages to the account that come
 * next: who is flooded, or has been away, has the page in those. Where they are mostly
 * delivered ones, conversation by conversation: by due_pos, so that of those that are not begun
 * yet, no more than a page has messages are looked into.
 */
#include "store/pg_row.h"

// clang-format off

// $2 after, $3 since, $4 the larger one, $5 rows, $6 bytes, $7 whether to count.

#define NEAR                                                                                   \
    "near AS MATERIALIZED ("                                                                   \
    "  SELECT m.conversation, m.seq, m.position, m.side, m.withheld FROM message m"            \
    "  WHERE m.recipient = " PG_ROW_MY_ID                                                      \
    "  AND m.position > $2::int8 AND m.position <= $3::int8"                                   \
    "  AND m.position >= ("                                                                    \
    "    SELECT min(s.due_pos) FROM member s"                                                  \
    "    WHERE s.account = " PG_ROW_MY_ID " AND s.is_due AND s.due_pos > 0)"                                \
    "  ORDER BY m.position LIMIT 4 * $5::int8),"                                               \
    " found AS MATERIALIZED ("                                                                 \
    "  SELECT m.conversation, m.seq, m.position, 1 - m.side AS side FROM near m"               \
    "  CROSS JOIN LATERAL ("                                                                   \
    "    SELECT s.delivered_seq FROM member s"                                                 \
    "    WHERE s.conversation = m.conversation AND s.side = 1 - m.side LIMIT 1) s"             \
    "  WHERE m.withheld = 0 AND m.seq > s.delivered_seq ORDER BY m.position LIMIT $5),"        \
    " enough AS MATERIALIZED ("                                                                \
    "  SELECT (SELECT count(*) FROM near) < 4 * $5"                                            \
    "  OR (SELECT count(*) FROM found) = $5 AS so)"

// What is behind the last undelivered one of a conversation is not looked at, be it long.
#define UNDELIVERED                                                                            \
    "waiting AS ("                                                                             \
    "  (SELECT s.conversation, s.side, s.delivered_seq, s.undelivered FROM member s"           \
    "   WHERE s.account = " PG_ROW_MY_ID " AND s.is_due AND s.due_pos > 0 AND s.due_pos <= $2"              \
    "   AND NOT (SELECT so FROM enough))"                                                      \
    "  UNION ALL"                                                                              \
    "  (SELECT s.conversation, s.side, s.delivered_seq, s.undelivered FROM member s"           \
    "   WHERE s.account = " PG_ROW_MY_ID " AND s.is_due AND s.due_pos > 0"                                  \
    "   AND s.due_pos > $2 AND s.due_pos <= $3 AND NOT (SELECT so FROM enough)"                \
    "   ORDER BY s.due_pos LIMIT $5)),"                                                        \
    " undelivered AS MATERIALIZED ("                                                           \
    "  (SELECT conversation, seq, position, side FROM found WHERE (SELECT so FROM enough))"    \
    "  UNION ALL"                                                                              \
    "  (SELECT s.conversation, m.seq, m.position, s.side FROM waiting s CROSS JOIN LATERAL ("  \
    "    SELECT u.seq, u.position FROM ("                                                      \
    "      SELECT m.seq, m.position FROM message m"                                            \
    "      WHERE m.conversation = s.conversation AND m.seq > s.delivered_seq"                  \
    "      AND m.side <> s.side AND m.withheld = 0 ORDER BY m.seq LIMIT s.undelivered) u"      \
    "    WHERE u.position > $2 AND u.position <= $3 ORDER BY u.seq LIMIT $5) m)"               \
    "  ORDER BY position LIMIT $5)"

#define REST                                                                                   \
    "rest AS ("                                                                                \
    "  (SELECT m.conversation, m.seq, m.position, m.side FROM message m"                       \
    "   WHERE m.sender = " PG_ROW_MY_ID " AND m.position > $4::int8" \
    "   AND (SELECT count(*) FROM undelivered) < $5 ORDER BY m.position LIMIT $5)"             \
    "  UNION ALL"                                                                              \
    "  (SELECT m.conversation, m.seq, m.position, 1 - m.side FROM message m"                   \
    "   WHERE m.recipient = " PG_ROW_MY_ID " AND m.position > $4"         \
    "   AND m.withheld = 0"                                                                    \
    "   AND (SELECT count(*) FROM undelivered) < $5 ORDER BY m.position LIMIT $5))"

#define DUE                                                                                    \
    "due AS MATERIALIZED ("                                                                    \
    "  SELECT conversation, seq, position, side FROM undelivered"                              \
    "  UNION ALL SELECT conversation, seq, position, side FROM rest"                           \
    "  ORDER BY position LIMIT $5)"

#define DUE_MESSAGES                                                                           \
    "SELECT" PG_ROW_MESSAGE " FROM due d"                                                      \
    " CROSS JOIN LATERAL (SELECT * FROM message m"                                             \
    "  WHERE m.conversation = d.conversation AND m.seq = d.seq LIMIT 1) m"                     \
    " CROSS JOIN LATERAL (SELECT * FROM member s"                                              \
    "  WHERE s.conversation = d.conversation AND s.side = d.side LIMIT 1) s"

static const char due_text[] =
    "WITH " PG_ROW_ME ", " NEAR ", " UNDELIVERED ", " REST ", " DUE ","
    " page AS (" PG_ROW_CUT(DUE_MESSAGES, "position", "$6::int8") ")"
    " SELECT" PG_ROW_COLUMNS ","
    "  CASE WHEN $7::boolean THEN"
    "   (SELECT count(*) FROM member s WHERE s.account = " PG_ROW_MY_ID " AND s.has_unread AND s.unread > 0) END"
    " FROM meta x LEFT JOIN page p ON true ORDER BY p.position";

// clang-format on

static void ask_due(const struct read_op *op, struct pg_args *a)
{
    const struct store_read *asked = &op->asked.read;
    const int64_t after = pg_row_after(asked->after);

    pg_arg_account(a, &asked->account);
    pg_arg_i64(a, after);
    pg_arg_i64(a, asked->since);
    pg_arg_i64(a, asked->since > after ? asked->since : after);
    pg_arg_i64(a, pg_row_n(asked->max_messages));
    pg_arg_i64(a, pg_row_i64(asked->max_bytes));
    pg_arg_bool(a, asked->counts_unread);
}

/** @return whether there are more than the page has room for */
static bool take_messages(struct read_op *op, const account *viewer, const PGresult *r,
                          struct page_room room, size_t *n)
{
    for (int row = 0; pg_row_is(r, row); row++) {
        if (!page_take(&room, (size_t)pg_i64(r, row, PG_ROW_BYTES)))
            return true;
        const struct chat_message m = pg_row_message(op, viewer, r, row);
        read_op_add_message(op, (*n)++, &m);
    }
    return false;
}

static int take_due(struct read_op *op, const PGresult *r)
{
    const struct store_read *asked = &op->asked.read;
    struct store_page *page = &op->answer.read;

    page->has_more =
        take_messages(op, &asked->account, r,
                      page_room_of(asked->max_messages, asked->max_bytes), &page->n_messages);
    page->messages = op->items;
    page->upto =
        page->has_more ? page->messages[page->n_messages - 1].position : pg_row_horizon(r);
    page->unread = pg_row_u64(r, 0, PG_ROW_MORE);
    return 0;
}

const struct pg_question pg_due = {
    .statement = {32, due_text}, .ask = ask_due, .take = take_due};

// History. From $4 on, or from $5 back, if $4 is 0.

// clang-format off

#define PLACE_MESSAGES(nth, is_wanted, order)                                                  \
    "(SELECT " nth " AS n," PG_ROW_MESSAGE                                                     \
    "  FROM place s CROSS JOIN LATERAL (SELECT * FROM message m"                               \
    "   WHERE m.conversation = s.conversation AND m.seq > $4::int8 AND m.seq < $5::int8"       \
    "   AND " is_wanted " ORDER BY m.seq " order " LIMIT $6::int8) m)"

static const char history_text[] =
    "WITH " PG_ROW_ME ", " PG_ROW_PLACE ","
    " page AS (" PG_ROW_CUT(PLACE_MESSAGES("m.seq", "$4 > 0", "")
                            " UNION ALL " PLACE_MESSAGES("-m.seq", "$4 <= 0", "DESC"),
                            "n", "$7::int8") ")"
    " SELECT" PG_ROW_COLUMNS ", s.conversation IS NOT NULL"
    " FROM meta x LEFT JOIN place s ON true LEFT JOIN page p ON true ORDER BY p.n";

// clang-format on

static void ask_history(const struct read_op *op, struct pg_args *a)
{
    const struct store_history *h = &op->asked.history;

    pg_row_ask_place(a, &h->account, &h->place);
    pg_arg_i64(a, pg_row_i64(h->after));
    pg_arg_i64(a, h->before == 0 ? INT64_MAX : pg_row_i64(h->before));
    pg_arg_i64(a, pg_row_n(h->max_messages));
    pg_arg_i64(a, pg_row_i64(h->max_bytes));
}

static int take_history(struct read_op *op, const PGresult *r)
{
    const struct store_history *h = &op->asked.history;
    struct store_history_page *page = &op->answer.history;

    if (!pg_bool(r, 0, PG_ROW_MORE))
        return STORE_NOT_FOUND;
    page->has_more = take_messages(
        op, &h->account, r, page_room_of(h->max_messages, h->max_bytes), &page->n_messages);
    if (h->after == 0)
        read_op_reverse_messages(op, page->n_messages);
    page->messages = op->items;
    page->first_seq = 1;
    return 0;
}

const struct pg_question pg_history = {
    .statement = {33, history_text}, .ask = ask_history, .take = take_history};
