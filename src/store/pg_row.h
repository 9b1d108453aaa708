/**
 * What the reader's answers are made of: a message, and a conversation, as one of its sides has
 * it. Private to the reader.
 *
 * In all statements x is `meta`, m a message, s the row of `member` through which an account
 * sees it; $1 is that account. Each answer has at least one row, for its first column is the
 * horizon of its snapshot.
 *
 * LATERAL (… LIMIT 1) is for one look into an index for each row: how many rows there will be
 * the planner guesses, and a guess must not make it read a table.
 */
#pragma once

#include "store/op.h"
#include "store/page.h"
#include "store/pg_link.h"

/** How one kind of enum read_kind is asked and answered. */
struct pg_question {
    const struct pg_statement statement;

    void (*ask)(const struct read_op *op, struct pg_args *a);

    /** Make op's answer, which r does not outlive. @return 0, or a refusal of its port */
    int (*take)(struct read_op *op, const PGresult *r);
};

extern const struct pg_question *const pg_questions[READ_UPLOAD + 1];

extern const struct pg_question pg_due;
extern const struct pg_question pg_history;
extern const struct pg_question pg_list;
extern const struct pg_question pg_conversation;
extern const struct pg_question pg_changes;
extern const struct pg_question pg_receipts;
extern const struct pg_question pg_relations;
extern const struct pg_question pg_touched;
extern const struct pg_question pg_unread;

enum pg_row_column {
    PG_ROW_HORIZON,
    // A message; where there is none its seq is NULL.
    PG_ROW_CONVERSATION, // NULL: there is nothing
    PG_ROW_PEER,
    PG_ROW_SEQ,
    PG_ROW_POSITION,
    PG_ROW_IS_MINE,
    PG_ROW_CREATED,
    PG_ROW_REPLY_TO,
    PG_ROW_TYPE, // NULL: it is gone
    PG_ROW_KEY,
    PG_ROW_CONTENT, // NULL: likewise, or the page is full
    PG_ROW_BYTES,
    PG_ROW_DELIVERED, // the mark that says whether it is
    PG_ROW_READ,
    PG_ROW_MORE, // a column of one kind
    // A conversation.
    PG_ROW_AT = PG_ROW_MORE, // what the page is in the order of
    PG_ROW_ACCEPTED,
    PG_ROW_BLOCKED,
    PG_ROW_LAST_SEQ,
    PG_ROW_UNREAD,
    PG_ROW_MINE, // the mark of what is delivered, and that of what is read
    PG_ROW_THEIRS = PG_ROW_MINE + 2,
    PG_ROW_UPDATED = PG_ROW_THEIRS + 2,
};

// Text of statements. clang-format off: SQL has lines of its own.
// clang-format off

#define PG_ROW_ME "me AS MATERIALIZED (SELECT id FROM account WHERE address = $1::bytea)"
#define PG_ROW_MY_ID "(SELECT id FROM me)"

/** The row of `member` of a chat_place: $2 is its conversation, $3 its peer. */
#define PG_ROW_PLACE                                                                           \
    "peer AS MATERIALIZED (SELECT id FROM account WHERE address = $3::bytea),"                 \
    " pair AS MATERIALIZED ("                                                                  \
    "  SELECT c.id, c.a, c.b FROM conversation c WHERE c.id = $2::int8 AND $2 <> 0"            \
    "  UNION ALL"                                                                              \
    "  SELECT c.id, c.a, c.b FROM conversation c"                                              \
    "  WHERE c.a = LEAST(" PG_ROW_MY_ID ", (SELECT id FROM peer))"                             \
    "  AND c.b = GREATEST(" PG_ROW_MY_ID ", (SELECT id FROM peer)) AND $2 = 0),"               \
    " place AS MATERIALIZED ("                                                                 \
    "  SELECT s.* FROM pair c CROSS JOIN LATERAL ("                                            \
    "    SELECT * FROM member s WHERE s.conversation = c.id"                                   \
    "    AND s.side = CASE " PG_ROW_MY_ID " WHEN c.a THEN 0 WHEN c.b THEN 1 END LIMIT 1) s"    \
    "  WHERE s.last_seq > 0 OR s.contact_pos > 0 OR ("                                         \
    "    SELECT o.contact_pos > 0 FROM member o"                                               \
    "    WHERE o.conversation = s.conversation AND o.side = 1 - s.side))"

/** What is withheld from s is gone: then a message has neither type nor content. */
#define PG_ROW_MESSAGE                                                                         \
    " s.conversation, s.peer, m.seq, m.position, m.side = s.side AS is_mine,"                  \
    " m.created_at_ms, m.reply_to,"                                                            \
    " CASE WHEN m.side = s.side OR m.withheld = 0 THEN m.type END AS type,"                    \
    " CASE WHEN m.side = s.side THEN m.key END AS key,"                                        \
    " CASE WHEN m.side = s.side OR m.withheld = 0 THEN m.content END AS content,"              \
    " CASE WHEN m.side <> s.side AND m.withheld <> 0 THEN 4"                                   \
    "  ELSE octet_length(m.content) END AS bytes,"                                             \
    " CASE WHEN m.side = s.side THEN s.peer_delivered_seq"                                     \
    "  ELSE s.delivered_seq END AS delivered,"                                                 \
    " CASE WHEN m.side = s.side THEN s.peer_read_seq ELSE s.read_seq END AS read"

/** Those rows, of which `fits` says whether the page has room: else the content is not sent. It
 * is page_take() that cuts. */
#define PG_ROW_CUT(rows, order, max_bytes)                                                     \
    " SELECT v.*, row_number() OVER w = 1 OR sum(v.bytes) OVER w <= " max_bytes " AS fits"     \
    " FROM (" rows ") v WINDOW w AS (ORDER BY v." order " ROWS UNBOUNDED PRECEDING)"

/** The columns up to PG_ROW_MORE, of a row p of such a page. */
#define PG_ROW_COLUMNS                                                                         \
    " x.position, p.conversation, (SELECT y.address FROM account y WHERE y.id = p.peer),"      \
    " p.seq, p.position, p.is_mine, p.created_at_ms, p.reply_to, p.type, p.key,"               \
    " CASE WHEN p.fits THEN p.content END, p.bytes, p.delivered, p.read"

// clang-format on

/** For int8. What is larger is as good as the largest. */
static inline int64_t pg_row_i64(uint64_t n)
{
    return n < INT64_MAX ? (int64_t)n : INT64_MAX;
}

/** Rows of a page, and the one that says that there are more. */
static inline int64_t pg_row_n(size_t max)
{
    return max < INT32_MAX ? (int64_t)max + 1 : INT32_MAX;
}

/** What is behind it has a position: those are above 0. */
static inline int64_t pg_row_after(int64_t after)
{
    return after > 0 ? after : 0;
}

/** Of the snapshot: what is in it is all there is up to here. */
static inline int64_t pg_row_horizon(const PGresult *r)
{
    return pg_i64(r, 0, PG_ROW_HORIZON);
}

/** Has the answer a row at all? */
static inline bool pg_row_is(const PGresult *r, int row)
{
    return row < PQntuples(r) && !pg_is_null(r, row, PG_ROW_CONVERSATION);
}

static inline uint64_t pg_row_u64(const PGresult *r, int row, int column)
{
    return (uint64_t)pg_i64(r, row, column);
}

void pg_row_ask_place(struct pg_args *a, const account *viewer, const struct chat_place *place);

/** A message that the page had room for. Its strings are op's. */
struct chat_message pg_row_message(struct read_op *op, const account *viewer, const PGresult *r,
                                   int row);

/** Likewise, with its last message. */
struct chat_conversation pg_row_conversation(struct read_op *op, const account *viewer,
                                             const PGresult *r, int row);
