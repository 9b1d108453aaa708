/** Conversations as one of their sides sees them: of the index, but for what the tail has
 * newer. */
#include <stdlib.h>

#include "base/mem.h"
#include "store/sqlite_row.h"

static struct chat_marks marks_of(const struct thread_mark marks[2])
{
    return (struct chat_marks){.delivered_seq = marks[CHAT_MARK_DELIVERED].seq,
                               .read_seq = marks[CHAT_MARK_READ].seq};
}

static struct sqlite_view view_of(conversation_id id, const struct thread_side sides[2],
                                  unsigned side)
{
    const struct thread_side *s = &sides[side];
    const struct thread_side *peer = &sides[1 - side];

    return (struct sqlite_view){
        .conversation = id,
        .side = side,
        .last_seq = s->sent.n + peer->sent.n,
        .n_from_peer = peer->sent.n,
        .accepted = s->accepted,
        .blocked = s->blocked,
        .block_seq = s->block_seq,
        .block_n = s->block_after.n,
        .withheld_n = s->withheld.n,
        .message_pos = s->message_pos,
        .contact_pos = s->contact_pos,
        .last_at_ms = s->last_at_ms,
        .mine = marks_of(s->marks),
        .theirs = marks_of(s->theirs),
        .my_marks = {s->marks[0], s->marks[1]},
        .their_marks = {s->theirs[0], s->theirs[1]},
        .read_n = s->up_to[CHAT_MARK_READ].n,
        .due_pos = s->due_pos,
        .first_seq = 1,
        .peer = peer->account,
    };
}

/** What the log has of it. @return 0, R_CONVERSATION is on it then; SQLITE_DB_NO_ROW, or a
 * fault
 */
static int find_conversation(struct sqlite_reader *rd, conversation_id id)
{
    sqlite3_stmt *stmt = rd->db.stmts[R_CONVERSATION];

    sqlite_db_bind(stmt, 1, (int64_t)id);
    return sqlite_db_step(&rd->db, stmt);
}

/** As the tail has it, which may know more than the snapshot of the log. @return 0 or a fault
 */
static int view_of_tail(struct sqlite_reader *rd, const struct tail_thread *t, unsigned side,
                        struct sqlite_view *out)
{
    *out = view_of(t->id, t->sides, side);
    const int r = find_conversation(rd, t->id);
    if (r == 0)
        out->first_seq = sqlite_row_u64(rd->db.stmts[R_CONVERSATION], 1);
    sqlite3_reset(rd->db.stmts[R_CONVERSATION]);
    return r < 0 ? r : 0;
}

/** A side of what R_CONVERSATION is on, as the index has it; then it is reset.
 * @param of  an account: its side; NULL: of `side` @return 0, SQLITE_DB_NO_ROW, or a fault */
static int view_of_index(struct sqlite_reader *rd, const account *of, unsigned side,
                         struct sqlite_view *out)
{
    sqlite3_stmt *stmt = rd->db.stmts[R_CONVERSATION];
    const conversation_id id = sqlite_row_u64(stmt, 0);
    const uint64_t first_seq = sqlite_row_u64(stmt, 1);
    struct thread_side sides[2] = {{.account = account_of(sqlite_db_str(stmt, 2))},
                                   {.account = account_of(sqlite_db_str(stmt, 3))}};
    struct thread_keys keys;

    sqlite3_reset(stmt);
    for (side = of ? 0 : side; of && side < 2 && !account_eq(&sides[side].account, of);)
        side++;
    if (side == 2)
        return SQLITE_DB_NO_ROW;
    const int r = places_indexed(&rd->places, id, sides, &keys);
    if (r != 0)
        return r < 0 ? r : SQLITE_DB_NO_ROW;
    *out = view_of(id, sides, side);
    out->first_seq = first_seq;
    return 0;
}

// One.

static unsigned side_in(const struct tail_thread *t, const account *a)
{
    unsigned side = 0;

    while (side < 2 && !account_eq(&t->sides[side].account, a))
        side++;
    return side;
}

int sqlite_row_by_id(struct sqlite_reader *rd, const account *a, conversation_id id,
                     struct sqlite_view *out)
{
    struct tail_thread found;

    if (tail_find(&rd->places.view, id, &found)) {
        const unsigned side = side_in(&found, a);
        return side == 2 ? STORE_NOT_FOUND : view_of_tail(rd, &found, side, out);
    }
    int r = find_conversation(rd, id);
    if (r == 0)
        r = view_of_index(rd, a, 0, out);
    return r == SQLITE_DB_NO_ROW ? STORE_NOT_FOUND : r;
}

int sqlite_row_find(struct sqlite_reader *rd, const account *a, const struct chat_place *place,
                    struct sqlite_view *out)
{
    sqlite3_stmt *stmt = NULL;

    if (place->conversation != 0)
        return sqlite_row_by_id(rd, a, place->conversation, out);
    stmt = sqlite_row_of_account(rd, R_PAIR, a);
    sqlite_db_bind_bytes(stmt, 2, account_str(&place->peer));
    const int r = sqlite_db_step(&rd->db, stmt);
    if (r != 0)
        return r < 0 ? r : STORE_NOT_FOUND;
    const conversation_id id = sqlite_row_u64(stmt, 0);
    sqlite3_reset(stmt);
    return sqlite_row_by_id(rd, a, id, out);
}

// Many.

typedef bool is_wanted_fn(const struct member *m, const struct sqlite_query *q);
typedef int64_t key_fn(const struct member *m);

static bool is_touched(const struct member *m, const struct sqlite_query *q)
{
    return m->message_pos > q->after;
}

static bool is_undelivered(const struct member *m, const struct sqlite_query *q)
{
    return m->due_pos > 0 && m->due_pos <= q->upto && m->message_pos > q->after;
}

static bool has_message(const struct member *m, const struct sqlite_query *q)
{
    return m->message_pos > 0 && m->message_pos < q->upto;
}

static bool is_changed(const struct member *m, const struct sqlite_query *q)
{
    return m->contact_pos > 0 && m->contact_pos > q->after;
}

static bool is_marked(const struct member *m, const struct sqlite_query *q)
{
    return m->receipt_pos > 0 && m->receipt_pos > q->after;
}

static bool is_unread(const struct member *m, const struct sqlite_query *q)
{
    (void)q;
    return m->is_unread;
}

static bool is_touched_at_all(const struct member *m, const struct sqlite_query *q)
{
    return m->message_pos > q->after || is_marked(m, q) || is_changed(m, q);
}

static int64_t no_key(const struct member *m)
{
    (void)m;
    return 0;
}

static int64_t due_key(const struct member *m)
{
    return m->due_pos;
}

static int64_t latest_key(const struct member *m)
{
    return -m->message_pos;
}

static int64_t change_key(const struct member *m)
{
    return m->contact_pos;
}

static const struct {
    is_wanted_fn *is_wanted;
    key_fn *key; // what they are in the order of, the least first
} kinds[] = {
    [QUERY_TOUCHED] = {is_touched, no_key},
    [QUERY_UNDELIVERED] = {is_undelivered, due_key},
    [QUERY_LATEST] = {has_message, latest_key},
    [QUERY_CHANGED] = {is_changed, change_key},
    [QUERY_MARKED] = {is_marked, no_key},
    [QUERY_UNREAD] = {is_unread, no_key},
    [QUERY_TOUCHES] = {is_touched_at_all, no_key},
};

static bool filter(const struct tail_thread *t, unsigned side, const void *arg)
{
    const struct sqlite_query *q = arg;
    const struct member m = member_of(t->id, t->sides, side);

    return kinds[q->kind].is_wanted(&m, q);
}

// The heap.

static void swap(struct sqlite_views *vs, size_t i, size_t k)
{
    const struct sqlite_candidate c = vs->heap[i];
    vs->heap[i] = vs->heap[k];
    vs->heap[k] = c;
}

static void sift_down(struct sqlite_views *vs, size_t i)
{
    for (size_t child = 2 * i + 1; child < vs->n; child = 2 * i + 1) {
        if (child + 1 < vs->n && vs->heap[child + 1].key < vs->heap[child].key)
            child++;
        if (vs->heap[i].key <= vs->heap[child].key)
            return;
        swap(vs, i, child);
        i = child;
    }
}

/** Behind all others, in no order. */
static void add(struct sqlite_views *vs, const struct member *m, const struct tail_thread *tail)
{
    if ((vs->n & (vs->n - 1)) == 0)
        vs->heap = mem_resize(vs->heap, (vs->n > 0 ? 2 * vs->n : 1) * sizeof(*vs->heap));
    vs->heap[vs->n++] = (struct sqlite_candidate){
        .key = kinds[vs->query.kind].key(m), .id = m->id, .side = m->side, .tail = tail};
}

static void put_in_order(struct sqlite_views *vs)
{
    for (size_t i = vs->n / 2; i > 0; i--)
        sift_down(vs, i - 1);
}

static struct sqlite_candidate take_first(struct sqlite_views *vs)
{
    const struct sqlite_candidate first = vs->heap[0];

    vs->heap[0] = vs->heap[--vs->n];
    sift_down(vs, 0);
    return first;
}

// Asking.

static int add_if_wanted(void *arg, const struct member *m)
{
    struct sqlite_views *vs = arg;

    if (kinds[vs->query.kind].is_wanted(m, &vs->query))
        add(vs, m, NULL);
    return 0;
}

static void look_into_tail(struct sqlite_views *vs)
{
    const account *a = vs->query.account;

    vs->found = tail_select(&vs->rd->places.view, a, filter, &vs->query);
    for (size_t i = 0; i < vs->found.n; i++) {
        const struct tail_thread *t = &vs->found.threads[i];
        const struct member m = member_of(t->id, t->sides, side_in(t, a));
        add(vs, &m, t);
    }
}

static int look_into_index(struct sqlite_views *vs)
{
    sqlite3_stmt *stmt = sqlite_row_of_account(vs->rd, R_ACCOUNT, vs->query.account);

    const int r = sqlite_db_step(&vs->rd->db, stmt);
    if (r != 0)
        return r < 0 ? r : 0;
    const int64_t id = sqlite3_column_int64(stmt, 0);
    sqlite3_reset(stmt);
    return places_members(&vs->rd->places, id, vs->found.moment, add_if_wanted, vs);
}

int sqlite_views_open(struct sqlite_views *vs, struct sqlite_reader *rd,
                      const struct sqlite_query *query)
{
    *vs = (struct sqlite_views){.rd = rd, .query = *query};
    look_into_tail(vs);
    const int r = look_into_index(vs);
    put_in_order(vs);
    return r;
}

void sqlite_views_close(struct sqlite_views *vs)
{
    free(vs->found.threads);
    free(vs->heap);
    *vs = (struct sqlite_views){0};
}

static int look_at(struct sqlite_views *vs, const struct sqlite_candidate *c,
                   struct sqlite_view *out)
{
    if (c->tail)
        return view_of_tail(vs->rd, c->tail, c->side, out);
    const int r = find_conversation(vs->rd, c->id);
    return r == 0 ? view_of_index(vs->rd, NULL, c->side, out) : r;
}

/** What the log has no conversation of any more is passed over. */
int sqlite_views_next(struct sqlite_views *vs, struct sqlite_view *out)
{
    int r = SQLITE_DB_NO_ROW;

    while (r == SQLITE_DB_NO_ROW && vs->n > 0) {
        const struct sqlite_candidate c = take_first(vs);
        r = look_at(vs, &c, out);
    }
    return r;
}

int sqlite_views_count(struct sqlite_reader *rd, const struct sqlite_query *query, uint64_t *n)
{
    struct sqlite_views vs;

    const int r = sqlite_views_open(&vs, rd, query);
    *n = vs.n;
    sqlite_views_close(&vs);
    return r;
}
