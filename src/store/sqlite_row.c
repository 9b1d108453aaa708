#include "store/sqlite_row.h"

#include "base/mem.h"

// A conversation as the member m sees it; p is its peer.
#define COLUMNS                                                                                \
    "m.conversation, m.side, m.last_seq, m.n_from_peer, m.accepted, m.blocked,"                \
    " m.message_pos, m.last_at_ms, m.delivered_seq, m.read_seq, p.delivered_seq, p.read_seq,"  \
    " m.read_n, c.first_seq, x.bytes"
#define PEERS                                                                                  \
    " CROSS JOIN member p ON p.conversation = m.conversation AND p.account = m.peer"           \
    " CROSS JOIN conversation c ON c.id = m.conversation"                                      \
    " CROSS JOIN account x ON x.id = m.peer"
#define OF_ACCOUNT " m.account = (SELECT id FROM account WHERE bytes = ?1)"
#define MESSAGE                                                                                \
    "SELECT seq, position, sender, created_at_ms, reply_to, type, key, content FROM message"   \
    " WHERE conversation = ?1"

// CROSS JOIN and INDEXED BY: the order in which tables are looked at is ours, whatever an
// operator's ANALYZE finds.
const char *const sqlite_row_texts[R_COUNT] = {
    [R_BEGIN] = "BEGIN",
    [R_COMMIT] = "COMMIT",
    [R_TOUCHED] = "SELECT " COLUMNS " FROM member m INDEXED BY member_by_message" PEERS
                  " WHERE" OF_ACCOUNT " AND m.message_pos > ?2",
    [R_UNDELIVERED] = "SELECT " COLUMNS " FROM member m INDEXED BY member_undelivered" PEERS
                      " WHERE" OF_ACCOUNT
                      " AND m.is_undelivered = 1"
                      " AND m.message_pos > ?2 AND m.message_pos <= ?3",
    [R_BY_ID] =
        "SELECT " COLUMNS " FROM member m" PEERS " WHERE" OF_ACCOUNT " AND m.conversation = ?2",
    [R_BY_PEER] = "SELECT " COLUMNS
                  " FROM account y CROSS JOIN account z"
                  " CROSS JOIN conversation d ON d.kind = 0 AND d.context = ''"
                  " AND ((d.a = y.id AND d.b = z.id) OR (d.a = z.id AND d.b = y.id))"
                  " CROSS JOIN member m ON m.conversation = d.id AND m.account = y.id" PEERS
                  " WHERE y.bytes = ?1 AND z.bytes = ?2",
    [R_LATEST] = "SELECT " COLUMNS " FROM member m INDEXED BY member_by_message" PEERS
                 " WHERE" OF_ACCOUNT
                 " AND m.message_pos < ?2 AND m.message_pos > 0"
                 " ORDER BY m.message_pos DESC",
    [R_MARKED] =
        "SELECT m.conversation, x.bytes,"
        " m.delivered_seq, m.delivered_at_ms, m.delivered_pos,"
        " m.read_seq, m.read_at_ms, m.read_pos,"
        " p.delivered_seq, p.delivered_at_ms, p.delivered_pos,"
        " p.read_seq, p.read_at_ms, p.read_pos"
        " FROM member m INDEXED BY member_by_receipt" PEERS " WHERE" OF_ACCOUNT
        " AND m.receipt_pos > ?2 AND m.receipt_pos > 0",
    [R_UNREAD] =
        "SELECT count(*) FROM member m INDEXED BY member_unread"
        " WHERE" OF_ACCOUNT " AND m.is_unread = 1",
    [R_PROBE] =
        "SELECT seq, position, sender, ordinal FROM message"
        " WHERE conversation = ?1 AND seq >= ?2 ORDER BY seq LIMIT 1",
    [R_UP] = MESSAGE " AND seq >= ?2 AND seq < ?3 ORDER BY seq",
    [R_DOWN] = MESSAGE " AND seq >= ?2 AND seq < ?3 ORDER BY seq DESC",
    [R_REVOCATIONS] =
        "SELECT position, session, account, before_ms, until_ms"
        " FROM revocation NOT INDEXED WHERE position > ?1 AND until_ms > ?2 ORDER BY position",
};

struct sqlite_view sqlite_row_view(sqlite3_stmt *stmt)
{
    return (struct sqlite_view){
        .conversation = sqlite_row_u64(stmt, 0),
        .side = sqlite3_column_int(stmt, 1) != 0,
        .last_seq = sqlite_row_u64(stmt, 2),
        .n_from_peer = sqlite_row_u64(stmt, 3),
        .accepted = sqlite3_column_int(stmt, 4),
        .blocked = sqlite3_column_int(stmt, 5),
        .message_pos = sqlite3_column_int64(stmt, 6),
        .last_at_ms = sqlite3_column_int64(stmt, 7),
        .mine = {.delivered_seq = sqlite_row_u64(stmt, 8), .read_seq = sqlite_row_u64(stmt, 9)},
        .theirs = {.delivered_seq = sqlite_row_u64(stmt, 10),
                   .read_seq = sqlite_row_u64(stmt, 11)},
        .read_n = sqlite_row_u64(stmt, 12),
        .first_seq = sqlite_row_u64(stmt, 13),
        .peer = account_of(sqlite_db_str(stmt, 14)),
    };
}

// Messages. Their strings are copied, for the page outlives the snapshot.

char *sqlite_row_keep(struct sqlite_read *op, size_t size)
{
    struct strings *s = mem_alloc(sizeof(*s) + size);

    s->next = op->strings;
    op->strings = s;
    return s->bytes;
}

struct chat_message sqlite_row_message(struct sqlite_read *op, const account *viewer,
                                       const struct sqlite_view *v, sqlite3_stmt *stmt)
{
    const bool is_mine = sqlite3_column_int(stmt, 2) == (int)v->side;
    const str type = sqlite_db_str(stmt, 5);
    const str key = is_mine ? sqlite_db_str(stmt, 6) : (str){0};
    const str content = sqlite_db_str(stmt, 7);
    char *bytes = sqlite_row_keep(op, type.len + key.len + content.len);
    struct chat_message m = {
        .conversation = v->conversation,
        .seq = sqlite_row_u64(stmt, 0),
        .position = sqlite3_column_int64(stmt, 1),
        .created_at_ms = sqlite3_column_int64(stmt, 3),
        .reply_to = sqlite_row_u64(stmt, 4),
        .type = str_copy(bytes, type),
        .key = str_copy(bytes + type.len, key),
        .content = str_copy(bytes + type.len + key.len, content),
        .from = is_mine ? *viewer : v->peer,
        .to = is_mine ? v->peer : *viewer,
    };

    m.status = chat_status_of(m.seq, is_mine ? &v->theirs : &v->mine);
    return m;
}

size_t sqlite_row_content_bytes(sqlite3_stmt *stmt)
{
    return (size_t)sqlite3_column_bytes(stmt, 7);
}

sqlite3_stmt *sqlite_row_messages(struct sqlite_reader *rd, enum sqlite_row_statement which,
                                  const struct sqlite_view *v, uint64_t first, uint64_t end)
{
    sqlite3_stmt *stmt = rd->db.stmts[which];

    sqlite_db_bind(stmt, 1, (int64_t)v->conversation);
    sqlite_db_bind(stmt, 2, (int64_t)first);
    sqlite_db_bind(stmt, 3, (int64_t)end);
    return stmt;
}

void *sqlite_row_room(struct sqlite_read *op, size_t n, size_t size)
{
    if (n == 0 || (n & (n - 1)) == 0)
        op->items = mem_resize(op->items, (n > 0 ? 2 * n : 1) * size);
    return op->items;
}

void sqlite_row_add(struct sqlite_read *op, size_t n, const struct chat_message *m)
{
    struct chat_message *all = sqlite_row_room(op, n, sizeof(*all));
    all[n] = *m;
}

sqlite3_stmt *sqlite_row_of_account(struct sqlite_reader *rd, enum sqlite_row_statement which,
                                    const account *a)
{
    sqlite3_stmt *stmt = rd->db.stmts[which];

    sqlite_db_bind_bytes(stmt, 1, account_str(a));
    return stmt;
}
