/**
 * The merge: what an account has to get, of all of its conversations, by position. Each
 * conversation that can have something is a stream, at the first message that is due. Up to
 * `since` that is what is undelivered, and behind it all: the one comes before the other
 * (docs/decisions/0016).
 */
#include "store/sqlite_due.h"

#include "base/mem.h"
#include "store/page.h"
#include "store/sqlite_row.h"

#define FEW 4 // conversations: they are looked into at once

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

/** The message seq. @return 0, SQLITE_DB_NO_ROW: it is gone, or a fault */
static int probe_one(struct sqlite_reader *rd, const struct sqlite_view *v, uint64_t seq,
                     struct probe *out)
{
    sqlite3_stmt *stmt = rd->db.stmts[R_PROBE];
    int64_t position = 0;

    int r = places_find(&rd->places, v->conversation, seq, &position);
    if (r < 0 || position == 0)
        return r < 0 ? r : SQLITE_DB_NO_ROW;
    sqlite_db_bind(stmt, 1, position);
    r = sqlite_db_step(&rd->db, stmt);
    if (r != 0)
        return r;
    const uint64_t ordinal = sqlite_row_u64(stmt, 3);
    const bool is_it = sqlite_row_u64(stmt, 0) == v->conversation;
    out->seq = seq;
    out->position = position;
    out->is_mine = sqlite3_column_int(stmt, 2) == (int)v->side;
    out->n_from_peer = out->is_mine ? out->seq - ordinal : ordinal;
    sqlite3_reset(stmt);
    return is_it ? 0 : SQLITE_DB_NO_ROW;
}

/** The first message at or above seq. @return 0, SQLITE_DB_NO_ROW, or a fault */
static int probe(struct sqlite_reader *rd, const struct sqlite_view *v, uint64_t seq,
                 struct probe *out)
{
    int r = SQLITE_DB_NO_ROW;

    for (; r == SQLITE_DB_NO_ROW && seq <= v->last_seq; seq++)
        r = probe_one(rd, v, seq, out);
    return r;
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

/** At the first undelivered message behind `after`. @return as probe() */
static int start_undelivered(struct sqlite_reader *rd, struct stream *s, int64_t after)
{
    const uint64_t undelivered = s->view.mine.delivered_seq + 1;
    uint64_t first = 0;
    int r = 0;

    s->all_from = s->view.last_seq + 1;
    if (s->view.due_pos <= after)
        r = first_behind(rd, &s->view, after, &first);
    if (r < 0)
        return r;
    return seek(rd, s, first > undelivered ? first : undelivered);
}

/** At the first message behind `after`, whoever has got it. @return as probe() */
static int start_all(struct sqlite_reader *rd, struct stream *s, int64_t after)
{
    const int r = first_behind(rd, &s->view, after, &s->all_from);
    return r < 0 ? r : seek(rd, s, s->all_from);
}

/**
 * Streams with something due; as a heap, that with the least position first. What is known to
 * begin later than that is not started yet: a page costs what is in it, and not what waits.
 */
struct merge {
    struct stream **heap; // owned, and so is each
    size_t n;
    int64_t after;
    int64_t upto;
    struct sqlite_views waiting; // for the rest, in the order of due_pos
    bool is_more;                // of them
    struct sqlite_view next;     // and the first
};

static int64_t position_in(const struct merge *m, size_t i)
{
    return m->heap[i]->at.position;
}

static void swap(struct merge *m, size_t i, size_t k)
{
    struct stream *s = m->heap[i];
    m->heap[i] = m->heap[k];
    m->heap[k] = s;
}

static void sift_down(struct merge *m, size_t i)
{
    for (size_t child = 2 * i + 1; child < m->n; child = 2 * i + 1) {
        if (child + 1 < m->n && position_in(m, child + 1) < position_in(m, child))
            child++;
        if (position_in(m, i) <= position_in(m, child))
            return;
        swap(m, i, child);
        i = child;
    }
}

static void sift_up(struct merge *m, size_t i)
{
    for (; i > 0 && position_in(m, i) < position_in(m, (i - 1) / 2); i = (i - 1) / 2)
        swap(m, i, (i - 1) / 2);
}

static void push(struct merge *m, const struct stream *s)
{
    if ((m->n & (m->n - 1)) == 0) {
        const size_t n = m->n > 0 ? 2 * m->n : 1;
        m->heap = (struct stream **)mem_resize((void *)m->heap, n * sizeof(struct stream *));
    }
    m->heap[m->n] = NEW(struct stream);
    *m->heap[m->n] = *s;
    sift_up(m, m->n++);
}

static void drop_first(struct merge *m)
{
    free(m->heap[0]);
    m->heap[0] = m->heap[--m->n];
}

static void drop_all(struct merge *m)
{
    sqlite_views_close(&m->waiting);
    while (m->n > 0)
        free(m->heap[--m->n]);
    free((void *)m->heap);
}

/** Start what was touched behind `after`. */
static int start_touched(struct sqlite_reader *rd, struct merge *m, const account *a)
{
    const struct sqlite_query query = {.kind = QUERY_TOUCHED, .account = a, .after = m->after};
    struct sqlite_views vs;
    struct stream s = {0};

    int r = sqlite_views_open(&vs, rd, &query);
    if (r == 0)
        r = sqlite_views_next(&vs, &s.view);
    for (; r == 0; r = sqlite_views_next(&vs, &s.view)) {
        s = (struct stream){.view = s.view};
        r = start_all(rd, &s, m->after);
        if (r < 0)
            break;
        if (r == 0)
            push(m, &s);
    }
    sqlite_views_close(&vs);
    return r < 0 ? r : 0;
}

static int next_waiting(struct merge *m)
{
    const int r = sqlite_views_next(&m->waiting, &m->next);

    m->is_more = r == 0;
    return r < 0 ? r : 0;
}

static int find_undelivered(struct sqlite_reader *rd, struct merge *m, const account *a)
{
    const struct sqlite_query query = {
        .kind = QUERY_UNDELIVERED, .account = a, .after = m->after, .upto = m->upto};

    const int r = sqlite_views_open(&m->waiting, rd, &query);
    return r == 0 ? next_waiting(m) : r;
}

/** Start what may have the next message. */
static int start_waiting(struct sqlite_reader *rd, struct merge *m)
{
    int r = 0;

    while (r == 0 && m->is_more && (m->n == 0 || m->next.due_pos < position_in(m, 0))) {
        struct stream s = {.view = m->next};
        r = start_undelivered(rd, &s, m->after);
        if (r == 0)
            push(m, &s);
        if (r >= 0)
            r = next_waiting(m);
    }
    return r;
}

/** The message there, if the view's side may see it. @return 0, SQLITE_DB_NO_ROW: the page is
 * full, or a fault */
static int take(struct sqlite_reader *rd, struct read_op *op, const struct sqlite_view *v,
                int64_t position, struct sqlite_gone *gone, struct page_room *room)
{
    struct store_page *page = &op->answer.read;
    sqlite3_stmt *stmt = rd->db.stmts[R_AT];
    bool is_gone = false;

    int r = sqlite_row_at(rd, v, position);
    if (r != 0)
        return r < 0 ? r : sqlite_db_fault(&rd->db, "a message has gone within a snapshot");
    r = sqlite_row_is_gone(rd, v, stmt, gone, &is_gone);
    if (r == 0 && !is_gone && !page_take(room, sqlite_row_content_bytes(stmt, false)))
        r = SQLITE_DB_NO_ROW;
    if (r == 0 && !is_gone) {
        const struct chat_message m =
            sqlite_row_message(op, &op->asked.read.account, v, stmt, false);
        read_op_add_message(op, page->n_messages++, &m);
    }
    sqlite3_reset(stmt);
    return r;
}

/** @return as take() */
static int take_first(struct sqlite_reader *rd, struct read_op *op, struct merge *m,
                      struct page_room *room)
{
    struct stream *s = m->heap[0];

    int r = take(rd, op, &s->view, s->at.position, &s->gone, room);
    if (r != 0)
        return r;
    r = seek(rd, s, s->at.seq + 1);
    if (r == SQLITE_DB_NO_ROW)
        drop_first(m);
    sift_down(m, 0);
    return r < 0 ? r : 0;
}

/** @return as take() */
static int take_all(struct sqlite_reader *rd, struct read_op *op, struct merge *m,
                    struct page_room *room)
{
    int r = start_waiting(rd, m);

    while (r == 0 && m->n > 0 && position_in(m, 0) <= m->upto) {
        r = take_first(rd, op, m, room);
        if (r == 0)
            r = start_waiting(rd, m);
    }
    return r;
}

/** Up to `since`: what is undelivered. @return as take() */
static int take_undelivered(struct sqlite_reader *rd, struct read_op *op,
                            struct page_room *room)
{
    const struct store_read *asked = &op->asked.read;
    struct merge m = {.after = asked->after,
                      .upto = asked->since < op->horizon ? asked->since : op->horizon};

    int r = find_undelivered(rd, &m, &asked->account);
    if (r == 0)
        r = take_all(rd, op, &m, room);
    drop_all(&m);
    return r;
}

/** The message that R_NEAR is on, if it is this account's. @return as take() */
static int take_if_mine(struct sqlite_reader *rd, struct read_op *op, sqlite3_stmt *stmt,
                        struct page_room *room)
{
    struct sqlite_gone gone = {0};
    struct sqlite_view v;

    const int r = sqlite_row_by_id(rd, &op->asked.read.account, sqlite_row_u64(stmt, 0), &v);
    if (r != 0)
        return r < 0 ? r : 0;
    return take(rd, op, &v, sqlite3_column_int64(stmt, 1), &gone, room);
}

/** All that lies between two positions, whosever messages are in between. @return as take() */
static int take_near(struct sqlite_reader *rd, struct read_op *op, int64_t after, int64_t upto,
                     struct page_room *room)
{
    sqlite3_stmt *stmt = rd->db.stmts[R_NEAR];
    int r = 0;

    sqlite_db_bind(stmt, 1, after);
    sqlite_db_bind(stmt, 2, upto);
    for (r = sqlite_db_step(&rd->db, stmt); r == 0; r = sqlite_db_step(&rd->db, stmt)) {
        r = take_if_mine(rd, op, stmt, room);
        if (r != 0) {
            sqlite3_reset(stmt);
            return r;
        }
    }
    return r < 0 ? r : 0;
}

/** What lies behind `after`, of each conversation that was touched. @return as take() */
static int take_touched(struct sqlite_reader *rd, struct read_op *op, int64_t after,
                        struct page_room *room)
{
    struct merge m = {.after = after, .upto = op->horizon};

    int r = start_touched(rd, &m, &op->asked.read.account);
    if (r == 0)
        r = take_all(rd, op, &m, room);
    drop_all(&m);
    return r;
}

/**
 * Behind `since`: all. To start many streams for a page costs more than to go through as many
 * positions, and most of those are this account's own where it is the one that is flooded.
 *
 * @return as take()
 */
static int take_rest(struct sqlite_reader *rd, struct read_op *op, struct page_room *room)
{
    const struct store_read *asked = &op->asked.read;
    int64_t after = asked->since > asked->after ? asked->since : asked->after;
    uint64_t n_touched = 0;

    if (after >= op->horizon)
        return 0;
    if (after < 0)
        after = 0;
    const struct sqlite_query query = {
        .kind = QUERY_TOUCHED, .account = &asked->account, .after = after};
    int r = sqlite_views_count(rd, &query, &n_touched);
    const int64_t n = (int64_t)n_touched;
    if (r == 0 && n >= FEW) {
        const int64_t upto = op->horizon - after > n ? after + n : op->horizon;
        r = take_near(rd, op, after, upto, room);
        after = upto;
    }
    return r == 0 && n > 0 && after < op->horizon ? take_touched(rd, op, after, room) : r;
}

int sqlite_due_read(struct sqlite_reader *rd, struct read_op *op)
{
    const struct store_read *asked = &op->asked.read;
    struct store_page *page = &op->answer.read;
    struct page_room room = page_room_of(asked->max_messages, asked->max_bytes);
    int r = 0;

    if (asked->after < asked->since)
        r = take_undelivered(rd, op, &room);
    if (r == 0)
        r = take_rest(rd, op, &room);
    if (r < 0)
        return r;
    page->messages = op->items;
    page->has_more = r == SQLITE_DB_NO_ROW;
    page->upto = page->has_more ? page->messages[page->n_messages - 1].position : op->horizon;
    return 0;
}
