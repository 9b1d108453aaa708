/**
 * The merge: what an account has to get, of all of its conversations, by position. Each
 * conversation that can have something is a stream, at the first message that is due.
 */
#include "store/sqlite_due.h"

#include "base/mem.h"
#include "store/page.h"
#include "store/sqlite_row.h"

struct probe {
    uint64_t seq;
    int64_t position;
    bool is_mine;
    uint64_t n_from_peer; // up to this one
};

struct stream {
    struct sqlite_view view;
    uint64_t all_from;       // seq: below it only what the peer has sent is due
    struct sqlite_gone gone; // around `at`
    struct probe at;
};

/** The first message at or above seq. @return 0, SQLITE_DB_NO_ROW, or a fault */
static int probe(struct sqlite_reader *rd, const struct sqlite_view *v, uint64_t seq,
                 struct probe *out)
{
    sqlite3_stmt *stmt = rd->db.stmts[R_PROBE];

    sqlite_db_bind(stmt, 1, (int64_t)v->conversation);
    sqlite_db_bind(stmt, 2, (int64_t)seq);
    const int r = sqlite_db_step(&rd->db, stmt);
    if (r != 0)
        return r;
    const uint64_t ordinal = sqlite_row_u64(stmt, 3);
    out->seq = sqlite_row_u64(stmt, 0);
    out->position = sqlite3_column_int64(stmt, 1);
    out->is_mine = sqlite3_column_int(stmt, 2) == (int)v->side;
    out->n_from_peer = out->is_mine ? out->seq - ordinal : ordinal;
    sqlite3_reset(stmt);
    return 0;
}

/** What holds from some message of a conversation on: position and counts rise. */
struct bound {
    int64_t position;     // larger than this
    uint64_t n_from_peer; // and at least this
    uint64_t n_mine;      // and at least this
};

static int is_behind(struct sqlite_reader *rd, const struct sqlite_view *v, uint64_t seq,
                     const struct bound *b, bool *is)
{
    struct probe p;

    const int r = probe(rd, v, seq, &p);
    *is = r != 0 || (p.position > b->position && p.n_from_peer >= b->n_from_peer &&
                     p.seq - p.n_from_peer >= b->n_mine);
    return r < 0 ? r : 0;
}

struct range {
    uint64_t first;
    uint64_t end;
};

/** Narrow the range, in which the first one behind the bound is, or at whose end. */
static int narrow(struct sqlite_reader *rd, const struct sqlite_view *v, const struct bound *b,
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
static int bisect(struct sqlite_reader *rd, const struct sqlite_view *v, const struct bound *b,
                  struct range range, uint64_t *out)
{
    int r = 0;

    while (r == 0 && range.first < range.end)
        r = narrow(rd, v, b, range.first + (range.end - range.first) / 2, &range);
    *out = range.end;
    return r;
}

/** @param out  the first seq whose position is larger, most likely one of the last */
static int first_behind(struct sqlite_reader *rd, const struct sqlite_view *v, int64_t position,
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

/** From a message of mine that is not due: to the peer's next one, or where all is due. */
static int pass_mine(struct sqlite_reader *rd, const struct stream *s, uint64_t *seq)
{
    const struct bound b = {.n_from_peer = s->at.n_from_peer + 1};
    const struct range range = {.first = s->at.seq + 1, .end = s->all_from};

    return bisect(rd, &s->view, &b, range, seq);
}

/** From a message that is withheld: behind the last one, or to one of mine that is due. */
static int pass_gone(struct sqlite_reader *rd, const struct stream *s, uint64_t *seq)
{
    const uint64_t last_seq = s->view.last_seq;
    const uint64_t end = (s->gone.upto < last_seq ? s->gone.upto : last_seq) + 1;
    const struct bound b = {.n_mine = s->at.seq - s->at.n_from_peer + 1};
    struct range range = {.first = s->at.seq + 1, .end = end};

    if (range.first < s->all_from)
        range.first = s->all_from < end ? s->all_from : end;
    return bisect(rd, &s->view, &b, range, seq);
}

/** Is the stream at a message that is due? If not, seq is where the next one may be.
 * @return 0 or a fault */
static int settle(struct sqlite_reader *rd, struct stream *s, bool *is_due, uint64_t *seq)
{
    *is_due = s->at.is_mine && s->at.seq >= s->all_from;
    if (*is_due)
        return 0;
    if (s->at.is_mine)
        return pass_mine(rd, s, seq);
    const int r = sqlite_row_look(rd, &s->view, s->at.seq, &s->gone);
    if (r < 0)
        return r;
    *is_due = s->at.seq <= s->gone.after;
    return *is_due ? 0 : pass_gone(rd, s, seq);
}

/** On to the first message at or above seq that is due. @return as probe() */
static int seek(struct sqlite_reader *rd, struct stream *s, uint64_t seq)
{
    bool is_due = false;
    int r = 0;

    while (r == 0 && !is_due) {
        r = probe(rd, &s->view, seq, &s->at);
        if (r == 0)
            r = settle(rd, s, &is_due, &seq);
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
        *s = (struct stream){.view = sqlite_row_view(stmt)};
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
    sqlite3_stmt *touched = sqlite_row_of_account(rd, R_TOUCHED, &asked->account);
    sqlite3_stmt *undelivered = sqlite_row_of_account(rd, R_UNDELIVERED, &asked->account);

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
    sqlite3_stmt *stmt = sqlite_row_messages(rd, R_UP, &s->view, s->at.seq, s->at.seq + 1);

    int r = sqlite_db_step(&rd->db, stmt);
    if (r != 0)
        return r < 0 ? r : sqlite_db_fault(&rd->db, "a message has gone within a snapshot");
    if (!page_take(room, sqlite_row_content_bytes(stmt, false))) {
        sqlite3_reset(stmt);
        return SQLITE_DB_NO_ROW;
    }
    const struct chat_message message =
        sqlite_row_message(op, &op->asked.read.account, &s->view, stmt, false);
    sqlite3_reset(stmt);
    sqlite_row_add(op, page->n_messages++, &message);

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

int sqlite_due_read(struct sqlite_reader *rd, struct sqlite_read *op)
{
    struct merge m = {0};

    const int r = merge(rd, op, &m);
    free((void *)m.heap);
    free(m.streams);
    return r;
}
