#include "store/sqlite_read.h"

#include "base/err.h"
#include "base/mem.h"
#include "store/page.h"

enum statement {
    R_BEGIN,
    R_COMMIT,
    R_TOUCHED,
    R_UNDELIVERED,
    R_BY_ID,
    R_BY_PEER,
    R_LATEST,
    R_MARKED,
    R_UNREAD,
    R_PROBE,
    R_UP,
    R_DOWN,
    R_COUNT,
};

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
static const char *const texts[R_COUNT] = {
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
};

/** A row of COLUMNS. */
struct view {
    conversation_id conversation;
    unsigned side;
    uint64_t last_seq;
    uint64_t n_from_peer;
    bool accepted;
    bool blocked;
    int64_t message_pos;
    int64_t last_at_ms;
    struct chat_marks mine;
    struct chat_marks theirs;
    uint64_t read_n;
    uint64_t first_seq;
    account peer;
};

static uint64_t column_u64(sqlite3_stmt *stmt, int column)
{
    return (uint64_t)sqlite3_column_int64(stmt, column);
}

static struct view view_of(sqlite3_stmt *stmt)
{
    return (struct view){
        .conversation = column_u64(stmt, 0),
        .side = sqlite3_column_int(stmt, 1) != 0,
        .last_seq = column_u64(stmt, 2),
        .n_from_peer = column_u64(stmt, 3),
        .accepted = sqlite3_column_int(stmt, 4),
        .blocked = sqlite3_column_int(stmt, 5),
        .message_pos = sqlite3_column_int64(stmt, 6),
        .last_at_ms = sqlite3_column_int64(stmt, 7),
        .mine = {.delivered_seq = column_u64(stmt, 8), .read_seq = column_u64(stmt, 9)},
        .theirs = {.delivered_seq = column_u64(stmt, 10), .read_seq = column_u64(stmt, 11)},
        .read_n = column_u64(stmt, 12),
        .first_seq = column_u64(stmt, 13),
        .peer = account_of(sqlite_db_str(stmt, 14)),
    };
}

// Messages. Their strings are copied, for the page outlives the snapshot.

static char *keep_strings(struct sqlite_read *op, size_t size)
{
    struct strings *s = mem_alloc(sizeof(*s) + size);

    s->next = op->strings;
    op->strings = s;
    return s->bytes;
}

/** Of the row that R_UP or R_DOWN is at. The key is for the sender's eyes. */
static struct chat_message message_of(struct sqlite_read *op, const account *viewer,
                                      const struct view *v, sqlite3_stmt *stmt)
{
    const bool is_mine = sqlite3_column_int(stmt, 2) == (int)v->side;
    const str type = sqlite_db_str(stmt, 5);
    const str key = is_mine ? sqlite_db_str(stmt, 6) : (str){0};
    const str content = sqlite_db_str(stmt, 7);
    char *bytes = keep_strings(op, type.len + key.len + content.len);
    struct chat_message m = {
        .conversation = v->conversation,
        .seq = column_u64(stmt, 0),
        .position = sqlite3_column_int64(stmt, 1),
        .created_at_ms = sqlite3_column_int64(stmt, 3),
        .reply_to = column_u64(stmt, 4),
        .type = str_copy(bytes, type),
        .key = str_copy(bytes + type.len, key),
        .content = str_copy(bytes + type.len + key.len, content),
        .from = is_mine ? *viewer : v->peer,
        .to = is_mine ? v->peer : *viewer,
    };

    m.status = chat_status_of(m.seq, is_mine ? &v->theirs : &v->mine);
    return m;
}

static size_t content_bytes(sqlite3_stmt *stmt)
{
    return (size_t)sqlite3_column_bytes(stmt, 7);
}

/** R_UP or R_DOWN over first <= seq < end. */
static sqlite3_stmt *messages(struct sqlite_reader *rd, enum statement which,
                              const struct view *v, uint64_t first, uint64_t end)
{
    sqlite3_stmt *stmt = rd->db.stmts[which];

    sqlite_db_bind(stmt, 1, (int64_t)v->conversation);
    sqlite_db_bind(stmt, 2, (int64_t)first);
    sqlite_db_bind(stmt, 3, (int64_t)end);
    return stmt;
}

/** Room for one more in op->items, which grows at every power of two. */
static void *room_for_one(struct sqlite_read *op, size_t n, size_t size)
{
    if (n == 0 || (n & (n - 1)) == 0)
        op->items = mem_resize(op->items, (n > 0 ? 2 * n : 1) * size);
    return op->items;
}

static void add_message(struct sqlite_read *op, size_t n, const struct chat_message *m)
{
    struct chat_message *all = room_for_one(op, n, sizeof(*all));
    all[n] = *m;
}

static sqlite3_stmt *of_account(struct sqlite_reader *rd, enum statement which,
                                const account *a)
{
    sqlite3_stmt *stmt = rd->db.stmts[which];

    sqlite_db_bind_bytes(stmt, 1, account_str(a));
    return stmt;
}

// History.

/** @return 0, STORE_NOT_FOUND, or a fault */
static int find_place(struct sqlite_reader *rd, const account *a,
                      const struct chat_place *place, struct view *out)
{
    sqlite3_stmt *stmt = of_account(rd, place->conversation != 0 ? R_BY_ID : R_BY_PEER, a);

    if (place->conversation != 0) {
        sqlite_db_bind(stmt, 2, (int64_t)place->conversation);
    } else {
        sqlite_db_bind_bytes(stmt, 2, account_str(&place->peer));
    }
    const int r = sqlite_db_step(&rd->db, stmt);
    if (r != 0)
        return r < 0 ? r : STORE_NOT_FOUND;
    *out = view_of(stmt);
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
    struct view v;

    int r = find_place(rd, &h->account, &h->place, &v);
    if (r != 0)
        return r;
    const uint64_t end = h->before == 0 || h->before > v.last_seq ? v.last_seq + 1 : h->before;
    const uint64_t first = h->after < end ? h->after + 1 : end;
    sqlite3_stmt *stmt = messages(rd, h->after > 0 ? R_UP : R_DOWN, &v, first, end);

    for (r = sqlite_db_step(&rd->db, stmt); r == 0; r = sqlite_db_step(&rd->db, stmt)) {
        page->has_more = !page_take(&room, content_bytes(stmt));
        if (page->has_more)
            break;
        const struct chat_message m = message_of(op, &h->account, &v, stmt);
        add_message(op, page->n_messages++, &m);
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
static int last_message(struct sqlite_reader *rd, const struct view *v, sqlite3_stmt **stmt)
{
    *stmt = messages(rd, R_DOWN, v, v->first_seq, v->last_seq + 1);
    return sqlite_db_step(&rd->db, *stmt);
}

static struct chat_conversation conversation_of(const struct view *v)
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

static void add_conversation(struct sqlite_read *op, const struct view *v, sqlite3_stmt *last)
{
    struct store_list_page *page = &op->answer.list;
    struct chat_conversation *all = room_for_one(op, page->n_conversations, sizeof(*all));
    struct chat_conversation *c = &all[page->n_conversations++];

    *c = conversation_of(v);
    c->last_message = message_of(op, &op->asked.list.account, v, last);
    page->conversations = all;
}

static int list_conversations(struct sqlite_reader *rd, struct sqlite_read *op)
{
    const struct store_list *l = &op->asked.list;
    struct store_list_page *page = &op->answer.list;
    struct page_room room = page_room_of(l->max_conversations, l->max_bytes);
    sqlite3_stmt *stmt = of_account(rd, R_LATEST, &l->account);
    sqlite3_stmt *last = NULL;
    int64_t position = 0; // of the last one in the page
    int r = 0;

    sqlite_db_bind(stmt, 2, l->before == 0 ? INT64_MAX : l->before);
    for (r = sqlite_db_step(&rd->db, stmt); r == 0; r = sqlite_db_step(&rd->db, stmt)) {
        const struct view v = view_of(stmt);
        r = last_message(rd, &v, &last);
        if (r < 0)
            break;
        if (r == SQLITE_DB_NO_ROW)
            continue;
        if (!page_take(&room, content_bytes(last))) {
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
    sqlite3_stmt *stmt = of_account(rd, R_UNREAD, &op->asked.unread);

    const int r = sqlite_db_step(&rd->db, stmt);
    if (r != 0)
        return r < 0 ? r : 0;
    op->answer.unread = column_u64(stmt, 0);
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
    struct chat_receipt *all = room_for_one(op, n, sizeof(*all));
    all[n] = (struct chat_receipt){
        .conversation = column_u64(stmt, 0),
        .by = is_mine ? op->asked.receipts.account : peer,
        .peer = is_mine ? peer : op->asked.receipts.account,
        .mark = mark,
        .seq = column_u64(stmt, column),
        .at_ms = sqlite3_column_int64(stmt, column + 1),
        .position = position,
    };
    return 1;
}

static int receipts(struct sqlite_reader *rd, struct sqlite_read *op)
{
    const struct store_receipts *asked = &op->asked.receipts;
    sqlite3_stmt *stmt = of_account(rd, R_MARKED, &asked->account);
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

// The merge: what an account has to get, of all of its conversations, by position. Each
// conversation that can have something is a stream, at the first message that is due.

struct probe {
    uint64_t seq;
    int64_t position;
    bool is_mine;
    uint64_t n_from_peer; // up to this one
};

struct stream {
    struct view view;
    uint64_t all_from; // seq: below it only what the peer has sent is due
    struct probe at;
};

/** The first message at or above seq. @return 0, SQLITE_DB_NO_ROW, or a fault */
static int probe(struct sqlite_reader *rd, const struct view *v, uint64_t seq,
                 struct probe *out)
{
    sqlite3_stmt *stmt = rd->db.stmts[R_PROBE];

    sqlite_db_bind(stmt, 1, (int64_t)v->conversation);
    sqlite_db_bind(stmt, 2, (int64_t)seq);
    const int r = sqlite_db_step(&rd->db, stmt);
    if (r != 0)
        return r;
    const uint64_t ordinal = column_u64(stmt, 3);
    out->seq = column_u64(stmt, 0);
    out->position = sqlite3_column_int64(stmt, 1);
    out->is_mine = sqlite3_column_int(stmt, 2) == (int)v->side;
    out->n_from_peer = out->is_mine ? out->seq - ordinal : ordinal;
    sqlite3_reset(stmt);
    return 0;
}

/** What holds from some message of a conversation on: position and count both rise. */
struct bound {
    int64_t position;     // larger than this
    uint64_t n_from_peer; // and at least this
};

static int is_behind(struct sqlite_reader *rd, const struct view *v, uint64_t seq,
                     const struct bound *b, bool *is)
{
    struct probe p;

    const int r = probe(rd, v, seq, &p);
    *is = r != 0 || (p.position > b->position && p.n_from_peer >= b->n_from_peer);
    return r < 0 ? r : 0;
}

struct range {
    uint64_t first;
    uint64_t end;
};

/** Narrow the range, in which the first one behind the bound is, or at whose end. */
static int narrow(struct sqlite_reader *rd, const struct view *v, const struct bound *b,
                  uint64_t at, struct range *range)
{
    bool is = false;

    const int r = is_behind(rd, v, at, b, &is);
    if (is) {
        range->end = at;
    } else {
        range->first = at + 1;
    }
    return r;
}

/** @param out  the first seq in the range that is behind the bound, or its end */
static int bisect(struct sqlite_reader *rd, const struct view *v, const struct bound *b,
                  struct range range, uint64_t *out)
{
    int r = 0;

    while (r == 0 && range.first < range.end)
        r = narrow(rd, v, b, range.first + (range.end - range.first) / 2, &range);
    *out = range.end;
    return r;
}

/** @param out  the first seq whose position is larger, most likely one of the last */
static int first_behind(struct sqlite_reader *rd, const struct view *v, int64_t position,
                        uint64_t *out)
{
    const struct bound b = {.position = position};
    struct range range = {.first = v->first_seq, .end = v->last_seq + 1};
    uint64_t at = v->last_seq;
    int r = 0;

    if (position <= 0) {
        *out = range.first;
        return 0;
    }
    for (uint64_t step = 1; r == 0 && range.first < range.end; step *= 2) {
        r = narrow(rd, v, &b, at, &range);
        if (range.end != at || at < range.first + step)
            break; // what is left is the gap between two steps, or less than one
        at -= step;
    }
    return r < 0 ? r : bisect(rd, v, &b, range, out);
}

/** On to the first message at or above seq that is due. @return as probe() */
static int seek(struct sqlite_reader *rd, struct stream *s, uint64_t seq)
{
    int r = probe(rd, &s->view, seq, &s->at);

    while (r == 0 && s->at.is_mine && s->at.seq < s->all_from) {
        const struct bound b = {.n_from_peer = s->at.n_from_peer + 1};
        const struct range range = {.first = s->at.seq + 1, .end = s->all_from};
        r = bisect(rd, &s->view, &b, range, &seq);
        if (r == 0)
            r = probe(rd, &s->view, seq, &s->at);
    }
    return r;
}

/** @return as probe() */
static int start(struct sqlite_reader *rd, struct stream *s, const struct store_read *asked)
{
    const int64_t all_behind = asked->since > asked->after ? asked->since : asked->after;
    uint64_t first = 0;

    int r = first_behind(rd, &s->view, all_behind, &s->all_from);
    if (r < 0)
        return r;
    if (asked->since <= asked->after)
        return seek(rd, s, s->all_from);
    r = first_behind(rd, &s->view, asked->after, &first);
    if (r < 0)
        return r;
    if (first <= s->view.mine.delivered_seq)
        first = s->view.mine.delivered_seq + 1;
    return seek(rd, s, first < s->all_from ? first : s->all_from);
}

/** All streams with something due; as a heap, that with the least position first. */
struct merge {
    struct stream *streams;
    size_t n_streams;
    struct stream **heap;
    size_t n;
};

static int64_t position_in(const struct merge *m, size_t i)
{
    return m->heap[i]->at.position;
}

static void sift_down(struct merge *m, size_t i)
{
    for (size_t child = 2 * i + 1; child < m->n; child = 2 * i + 1) {
        if (child + 1 < m->n && position_in(m, child + 1) < position_in(m, child))
            child++;
        if (position_in(m, i) <= position_in(m, child))
            return;
        struct stream *s = m->heap[i];
        m->heap[i] = m->heap[child];
        m->heap[child] = s;
        i = child;
    }
}

static void make_heap(struct merge *m)
{
    m->heap = (struct stream **)mem_alloc((m->n_streams + 1) * sizeof(struct stream *));
    m->n = m->n_streams;
    for (size_t i = 0; i < m->n; i++)
        m->heap[i] = &m->streams[i];
    for (size_t i = m->n / 2; i-- > 0;)
        sift_down(m, i);
}

/** Of a statement that returns conversations. */
static int add_streams(struct sqlite_reader *rd, struct merge *m, sqlite3_stmt *stmt,
                       const struct store_read *asked)
{
    int r = 0;

    for (r = sqlite_db_step(&rd->db, stmt); r == 0; r = sqlite_db_step(&rd->db, stmt)) {
        if ((m->n_streams & (m->n_streams - 1)) == 0) {
            const size_t n = m->n_streams > 0 ? 2 * m->n_streams : 1;
            m->streams = mem_resize(m->streams, n * sizeof(*m->streams));
        }
        struct stream *s = &m->streams[m->n_streams];
        *s = (struct stream){.view = view_of(stmt)};
        r = start(rd, s, asked);
        if (r < 0)
            break;
        if (r == 0)
            m->n_streams++;
    }
    sqlite3_reset(stmt);
    return r < 0 ? r : 0;
}

/** What can have something: what was touched, and what holds undelivered messages. */
static int find_streams(struct sqlite_reader *rd, struct merge *m,
                        const struct store_read *asked)
{
    const bool is_all = asked->since <= asked->after;
    sqlite3_stmt *touched = of_account(rd, R_TOUCHED, &asked->account);
    sqlite3_stmt *undelivered = of_account(rd, R_UNDELIVERED, &asked->account);

    sqlite_db_bind(touched, 2, is_all ? asked->after : asked->since);
    const int r = add_streams(rd, m, touched, asked);
    if (r < 0 || is_all)
        return r;
    sqlite_db_bind(undelivered, 2, asked->after);
    sqlite_db_bind(undelivered, 3, asked->since);
    return add_streams(rd, m, undelivered, asked);
}

/** @return 0, SQLITE_DB_NO_ROW: the page is full, or a fault */
static int take_first(struct sqlite_reader *rd, struct sqlite_read *op, struct merge *m,
                      struct page_room *room)
{
    struct store_page *page = &op->answer.read;
    struct stream *s = m->heap[0];
    sqlite3_stmt *stmt = messages(rd, R_UP, &s->view, s->at.seq, s->at.seq + 1);

    int r = sqlite_db_step(&rd->db, stmt);
    if (r != 0)
        return r < 0 ? r : sqlite_db_fault(&rd->db, "a message has gone within a snapshot");
    if (!page_take(room, content_bytes(stmt))) {
        sqlite3_reset(stmt);
        return SQLITE_DB_NO_ROW;
    }
    const struct chat_message message = message_of(op, &op->asked.read.account, &s->view, stmt);
    sqlite3_reset(stmt);
    add_message(op, page->n_messages++, &message);

    r = seek(rd, s, s->at.seq + 1);
    if (r == SQLITE_DB_NO_ROW)
        m->heap[0] = m->heap[--m->n];
    sift_down(m, 0);
    return r < 0 ? r : 0;
}

static int merge(struct sqlite_reader *rd, struct sqlite_read *op, struct merge *m)
{
    const struct store_read *asked = &op->asked.read;
    struct store_page *page = &op->answer.read;
    struct page_room room = page_room_of(asked->max_messages, asked->max_bytes);

    int r = find_streams(rd, m, asked);
    make_heap(m);
    while (r == 0 && m->n > 0 && position_in(m, 0) <= op->horizon)
        r = take_first(rd, op, m, &room);
    if (r < 0)
        return r;
    page->messages = op->items;
    page->has_more = r == SQLITE_DB_NO_ROW;
    page->upto = page->has_more ? page->messages[page->n_messages - 1].position : op->horizon;
    return 0;
}

static int read_due(struct sqlite_reader *rd, struct sqlite_read *op)
{
    struct merge m = {0};

    const int r = merge(rd, op, &m);
    free((void *)m.heap);
    free(m.streams);
    return r;
}

// Life.

static int answer(struct sqlite_reader *rd, struct sqlite_read *op)
{
    switch (op->kind) {
    case READ_DUE: return read_due(rd, op);
    case READ_RECEIPTS: return receipts(rd, op);
    case READ_HISTORY: return history(rd, op);
    case READ_LIST: return list_conversations(rd, op);
    case READ_UNREAD: break;
    }
    return count_unread(rd, op);
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
    "PRAGMA mmap_size = 268435456";

int sqlite_reader_open(struct sqlite_reader *rd, const char *path)
{
    int r = sqlite_db_open(&rd->db, path);

    if (r == 0)
        r = sqlite_db_exec(&rd->db, pragmas);
    if (r == 0)
        r = sqlite_db_prepare(&rd->db, texts, R_COUNT);
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
