#include "store/sqlite_row.h"

#include "base/mem.h"

#define GONE_CONTENT STR("null")

// CROSS JOIN and NOT INDEXED: the order in which tables are looked at is ours, whatever an
// operator's ANALYZE finds.
const char *const sqlite_row_texts[R_COUNT] = {
    [R_BEGIN] = "BEGIN",
    [R_FIX] = "SELECT position FROM state",
    [R_COMMIT] = "COMMIT",
    [R_ACCOUNT] = "SELECT id FROM account WHERE bytes = ?1",
    [R_CONVERSATION] =
        "SELECT c.id, c.first_seq, x.bytes, y.bytes FROM conversation c NOT INDEXED"
        " CROSS JOIN account x ON x.id = c.a CROSS JOIN account y ON y.id = c.b"
        " WHERE c.id = ?",
    [R_PAIR] =
        "SELECT d.id, z.seen_ms"
        " FROM account y CROSS JOIN account z"
        " CROSS JOIN conversation d ON d.kind = 0 AND d.context = ''"
        " AND d.a = CASE WHEN y.bytes < z.bytes THEN y.id ELSE z.id END"
        " AND d.b = CASE WHEN y.bytes < z.bytes THEN z.id ELSE y.id END"
        " WHERE y.bytes = ?1 AND z.bytes = ?2",
    [R_NEAR] =
        "SELECT conversation, position FROM message WHERE position > ?1 AND position <= ?2"
        " ORDER BY position",
    [R_PROBE] = "SELECT conversation, seq, sender, ordinal FROM message WHERE position = ?",
    [R_AT] =
        "SELECT seq, position, sender, created_at_ms, reply_to, type, key, content,"
        " conversation FROM message WHERE position = ?",
    [R_WITHHELD] =
        "SELECT after_seq, upto_seq FROM withheld"
        " WHERE conversation = ?1 AND side = ?2 AND upto_seq >= ?3 ORDER BY upto_seq LIMIT 1",
    [R_REVOCATIONS] =
        "SELECT position, session, account, before_ms, until_ms"
        " FROM revocation NOT INDEXED WHERE position > ?1 AND until_ms > ?2 ORDER BY position",
    [R_UPLOAD] = "SELECT state, owner, size, sha256, mime, name FROM upload WHERE id = ?",
};

// Messages. Their strings are copied, for the page outlives the snapshot.

static bool is_mine(const struct sqlite_view *v, sqlite3_stmt *stmt)
{
    return sqlite3_column_int(stmt, 2) == (int)v->side;
}

/** What all may see of a message. */
static struct chat_message stub_of(const account *viewer, const struct sqlite_view *v,
                                   sqlite3_stmt *stmt)
{
    const bool mine = is_mine(v, stmt);
    struct chat_message m = {
        .conversation = v->conversation,
        .seq = sqlite_row_u64(stmt, 0),
        .position = sqlite3_column_int64(stmt, 1),
        .created_at_ms = sqlite3_column_int64(stmt, 3),
        .type = STR(CHAT_TYPE_GONE),
        .content = GONE_CONTENT,
        .from = mine ? *viewer : v->peer,
        .to = mine ? v->peer : *viewer,
    };

    m.status = chat_status_of(m.seq, mine ? &v->theirs : &v->mine);
    return m;
}

struct chat_message sqlite_row_message(struct read_op *op, const account *viewer,
                                       const struct sqlite_view *v, sqlite3_stmt *stmt,
                                       bool is_gone)
{
    struct chat_message m = stub_of(viewer, v, stmt);

    if (is_gone)
        return m;
    const str type = sqlite_db_str(stmt, 5);
    const str key = is_mine(v, stmt) ? sqlite_db_str(stmt, 6) : (str){0};
    const str content = sqlite_db_str(stmt, 7);
    char *bytes = read_op_room(op, type.len + key.len + content.len);
    m.reply_to = sqlite_row_u64(stmt, 4);
    m.type = str_copy(bytes, type);
    m.key = str_copy(bytes + type.len, key);
    m.content = str_copy(bytes + type.len + key.len, content);
    return m;
}

size_t sqlite_row_content_bytes(sqlite3_stmt *stmt, bool is_gone)
{
    return is_gone ? GONE_CONTENT.len : (size_t)sqlite3_column_bytes(stmt, 7);
}

int sqlite_row_look(struct sqlite_reader *rd, const struct sqlite_view *v, uint64_t seq,
                    struct sqlite_gone *gone)
{
    sqlite3_stmt *stmt = rd->db.stmts[R_WITHHELD];

    if (seq >= gone->from && seq <= gone->upto)
        return 0;
    *gone = (struct sqlite_gone){.from = v->withheld_n > 0 ? seq : 0,
                                 .after = v->blocked ? v->block_seq : UINT64_MAX,
                                 .upto = UINT64_MAX};
    if (v->withheld_n == 0 || seq > gone->after)
        return 0;
    sqlite_db_bind(stmt, 1, (int64_t)v->conversation);
    sqlite_db_bind(stmt, 2, v->side);
    sqlite_db_bind(stmt, 3, (int64_t)seq);
    const int r = sqlite_db_step(&rd->db, stmt);
    if (r != 0)
        return r < 0 ? r : 0;
    gone->after = sqlite_row_u64(stmt, 0);
    gone->upto = sqlite_row_u64(stmt, 1);
    if (seq > gone->after)
        gone->from = gone->after + 1;
    sqlite3_reset(stmt);
    return 0;
}

int sqlite_row_is_gone(struct sqlite_reader *rd, const struct sqlite_view *v,
                       sqlite3_stmt *stmt, struct sqlite_gone *gone, bool *is)
{
    const uint64_t seq = sqlite_row_u64(stmt, 0);

    *is = false;
    if (is_mine(v, stmt))
        return 0;
    const int r = sqlite_row_look(rd, v, seq, gone);
    *is = r == 0 && seq > gone->after;
    return r;
}

struct sqlite_messages sqlite_row_messages(const struct sqlite_view *v, uint64_t first,
                                           uint64_t end, int step)
{
    if (end > v->last_seq + 1)
        end = v->last_seq + 1;
    if (first < 1)
        first = 1;
    return (struct sqlite_messages){.view = v,
                                    .next = step > 0 ? first : end - 1,
                                    .n = first < end ? end - first : 0,
                                    .step = step};
}

int sqlite_row_at(struct sqlite_reader *rd, const struct sqlite_view *v, int64_t position)
{
    sqlite3_stmt *stmt = rd->db.stmts[R_AT];

    sqlite_db_bind(stmt, 1, position);
    const int r = sqlite_db_step(&rd->db, stmt);
    if (r == 0 && sqlite_row_u64(stmt, 8) != v->conversation) {
        sqlite3_reset(stmt);
        return SQLITE_DB_NO_ROW;
    }
    return r;
}

int sqlite_row_next(struct sqlite_reader *rd, struct sqlite_messages *ms)
{
    int r = SQLITE_DB_NO_ROW;

    for (sqlite3_reset(rd->db.stmts[R_AT]); r == SQLITE_DB_NO_ROW && ms->n > 0; ms->n--) {
        int64_t position = 0;
        r = places_find(&rd->places, ms->view->conversation, ms->next, &position);
        if (r == 0)
            r = position == 0 ? SQLITE_DB_NO_ROW : sqlite_row_at(rd, ms->view, position);
        ms->next += (uint64_t)ms->step;
    }
    return r;
}

sqlite3_stmt *sqlite_row_of_account(struct sqlite_reader *rd, enum sqlite_row_statement which,
                                    const account *a)
{
    sqlite3_stmt *stmt = rd->db.stmts[which];

    sqlite_db_bind_bytes(stmt, 1, account_str(a));
    return stmt;
}
