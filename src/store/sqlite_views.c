/** Conversations as one of their sides sees them: of the index, but for what the tail has
 * newer. */
#include <stdlib.h>

#include "base/mem.h"
#include "store/sqlite_row.h"

// A row, or what the tail has.

/** Three columns: seq, time, position. */
static struct thread_mark read_mark(sqlite3_stmt *stmt, int column)
{
    return (struct thread_mark){.seq = sqlite_row_u64(stmt, column),
                                .at_ms = sqlite3_column_int64(stmt, column + 1),
                                .position = sqlite3_column_int64(stmt, column + 2)};
}

static struct chat_marks marks_of(const struct thread_mark marks[2])
{
    return (struct chat_marks){.delivered_seq = marks[CHAT_MARK_DELIVERED].seq,
                               .read_seq = marks[CHAT_MARK_READ].seq};
}

static struct sqlite_view view_of_row(sqlite3_stmt *stmt)
{
    struct sqlite_view v = {
        .conversation = sqlite_row_u64(stmt, 0),
        .side = sqlite3_column_int(stmt, 1) != 0,
        .last_seq = sqlite_row_u64(stmt, 2),
        .n_from_peer = sqlite_row_u64(stmt, 3),
        .accepted = sqlite3_column_int(stmt, 4),
        .blocked = sqlite3_column_int(stmt, 5),
        .block_seq = sqlite_row_u64(stmt, 6),
        .block_n = sqlite_row_u64(stmt, 7),
        .withheld_n = sqlite_row_u64(stmt, 8),
        .message_pos = sqlite3_column_int64(stmt, 9),
        .contact_pos = sqlite3_column_int64(stmt, 10),
        .receipt_pos = sqlite3_column_int64(stmt, 11),
        .last_at_ms = sqlite3_column_int64(stmt, 12),
        .read_n = sqlite_row_u64(stmt, 13),
        .due_pos = sqlite3_column_int64(stmt, 14),
        .my_marks = {read_mark(stmt, 15), read_mark(stmt, 18)},
        .their_marks = {read_mark(stmt, 21), read_mark(stmt, 24)},
        .first_seq = sqlite_row_u64(stmt, 27),
        .peer = account_of(sqlite_db_str(stmt, 28)),
    };

    v.mine = marks_of(v.my_marks);
    v.theirs = marks_of(v.their_marks);
    return v;
}

static struct sqlite_view view_of_tail(const struct tail_thread *t, unsigned side)
{
    const struct thread_side *s = &t->sides[side];
    const struct thread_side *peer = &t->sides[1 - side];

    return (struct sqlite_view){
        .conversation = t->id,
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
        .receipt_pos = s->receipt_pos,
        .last_at_ms = s->last_at_ms,
        .read_n = s->up_to[CHAT_MARK_READ].n,
        .due_pos = s->due_pos,
        .mine = marks_of(s->marks),
        .theirs = marks_of(s->theirs),
        .my_marks = {s->marks[0], s->marks[1]},
        .their_marks = {s->theirs[0], s->theirs[1]},
        .peer = peer->account,
    };
}

/** Of what the tail has; rows have it. */
static int find_first_seq(struct sqlite_reader *rd, struct sqlite_view *v)
{
    sqlite3_stmt *stmt = rd->db.stmts[R_FIRST_SEQ];

    v->first_seq = 1;
    sqlite_db_bind(stmt, 1, (int64_t)v->conversation);
    const int r = sqlite_db_step(&rd->db, stmt);
    if (r != 0)
        return r < 0 ? r : 0;
    v->first_seq = sqlite_row_u64(stmt, 0);
    sqlite3_reset(stmt);
    return 0;
}

// One.

int sqlite_row_by_id(struct sqlite_reader *rd, const account *a, conversation_id id,
                     struct sqlite_view *out)
{
    sqlite3_stmt *stmt = sqlite_row_of_account(rd, R_BY_ID, a);
    struct tail_thread found;

    if (tail_find(&rd->places.view, id, &found)) {
        unsigned side = 0;
        while (side < 2 && !account_eq(&found.sides[side].account, a))
            side++;
        if (side == 2)
            return STORE_NOT_FOUND;
        *out = view_of_tail(&found, side);
        return find_first_seq(rd, out);
    }
    sqlite_db_bind(stmt, 2, INDEX_MEMBER_ID(id, 0));
    const int r = sqlite_db_step(&rd->db, stmt);
    if (r != 0)
        return r < 0 ? r : STORE_NOT_FOUND;
    if (sqlite_row_u64(stmt, 0) != id) {
        sqlite3_reset(stmt);
        return STORE_NOT_FOUND; // it has the same number, and is another store's
    }
    *out = view_of_row(stmt);
    sqlite3_reset(stmt);
    return 0;
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

typedef bool is_wanted_fn(const struct sqlite_view *v, int64_t after, int64_t upto);
typedef int64_t key_fn(const struct sqlite_view *v);

static bool is_touched(const struct sqlite_view *v, int64_t after, int64_t upto)
{
    (void)upto;
    return v->message_pos > after;
}

static bool is_undelivered(const struct sqlite_view *v, int64_t after, int64_t upto)
{
    return v->due_pos > 0 && v->due_pos <= upto && v->message_pos > after;
}

static bool has_message(const struct sqlite_view *v, int64_t after, int64_t upto)
{
    (void)after;
    return v->message_pos > 0 && v->message_pos < upto;
}

static bool is_changed(const struct sqlite_view *v, int64_t after, int64_t upto)
{
    return v->contact_pos > 0 && v->contact_pos > after && v->contact_pos <= upto;
}

static bool is_marked(const struct sqlite_view *v, int64_t after, int64_t upto)
{
    (void)upto;
    return v->receipt_pos > 0 && v->receipt_pos > after;
}

static bool is_unread(const struct sqlite_view *v, int64_t after, int64_t upto)
{
    (void)after, (void)upto;
    return sqlite_row_n_visible(v) > v->read_n;
}

static bool is_touched_at_all(const struct sqlite_view *v, int64_t after, int64_t upto)
{
    return v->message_pos > after || is_marked(v, after, upto) ||
           (v->contact_pos > 0 && v->contact_pos > after);
}

static int64_t no_key(const struct sqlite_view *v)
{
    (void)v;
    return 0;
}

static int64_t due_key(const struct sqlite_view *v)
{
    return v->due_pos;
}

static int64_t latest_key(const struct sqlite_view *v)
{
    return -v->message_pos;
}

static int64_t change_key(const struct sqlite_view *v)
{
    return v->contact_pos;
}

static int compare(int64_t x, int64_t y)
{
    return x < y ? -1 : x > y;
}

static int by_due(const void *a, const void *b)
{
    return compare(due_key(a), due_key(b));
}

static int by_latest(const void *a, const void *b)
{
    return compare(latest_key(a), latest_key(b));
}

static int by_change(const void *a, const void *b)
{
    return compare(change_key(a), change_key(b));
}

/** What the statements say, for what is no row. */
static const struct {
    is_wanted_fn *is_wanted;
    key_fn *key; // what they are in the order of, the least first
    int (*by_key)(const void *, const void *);
} kinds[R_COUNT] = {
    [R_TOUCHED] = {is_touched, no_key, NULL},
    [R_UNDELIVERED] = {is_undelivered, due_key, by_due},
    [R_LATEST] = {has_message, latest_key, by_latest},
    [R_CHANGED] = {is_changed, change_key, by_change},
    [R_MARKED] = {is_marked, no_key, NULL},
    [R_UNREAD] = {is_unread, no_key, NULL},
    [R_TOUCHES] = {is_touched_at_all, no_key, NULL},
};

static unsigned side_in(const struct tail_thread *t, const account *a)
{
    return account_eq(&t->sides[0].account, a) ? 0 : 1;
}

static bool filter(const struct tail_thread *t, unsigned side, const void *arg)
{
    const struct sqlite_query *q = arg;
    const struct sqlite_view v = view_of_tail(t, side);

    return kinds[q->which].is_wanted(&v, q->after, q->upto);
}

static void look_into_tail(struct sqlite_views *vs)
{
    const struct tail_found f =
        tail_select(&vs->rd->places.view, vs->query.account, filter, &vs->query);

    vs->moment = f.moment;
    vs->n_tail = f.n;
    if (f.n > 0)
        vs->tail = mem_alloc(f.n * sizeof(*vs->tail));
    for (size_t i = 0; i < f.n; i++) {
        const struct tail_thread *t = &f.threads[i];
        vs->tail[i] = view_of_tail(t, side_in(t, vs->query.account));
    }
    free(f.threads);
}

static void sort(struct sqlite_views *vs)
{
    int (*by_key)(const void *, const void *) = kinds[vs->query.which].by_key;

    if (by_key && vs->n_tail > 0)
        qsort(vs->tail, vs->n_tail, sizeof(*vs->tail), by_key);
}

/** On to the next row of the index that the tail has nothing newer of. @return 0 or a fault */
static int next_row(struct sqlite_views *vs)
{
    int r = 0;

    while (r == 0 && vs->stmt) {
        r = sqlite_db_step(&vs->rd->db, vs->stmt);
        if (r != 0) {
            vs->stmt = NULL;
            return r < 0 ? r : 0;
        }
        vs->row = view_of_row(vs->stmt);
        if (!tail_had(&vs->rd->places.view, tail_number(vs->row.conversation), vs->moment))
            return 0;
    }
    return r;
}

int sqlite_views_open(struct sqlite_views *vs, struct sqlite_reader *rd,
                      const struct sqlite_query *query)
{
    *vs = (struct sqlite_views){.rd = rd, .query = *query};
    look_into_tail(vs);
    sort(vs);
    vs->stmt = sqlite_row_of_account(rd, query->which, query->account);
    if (sqlite3_bind_parameter_count(vs->stmt) >= 2)
        sqlite_db_bind(vs->stmt, 2, query->after);
    if (sqlite3_bind_parameter_count(vs->stmt) >= 3)
        sqlite_db_bind(vs->stmt, 3, query->upto);
    return next_row(vs);
}

void sqlite_views_close(struct sqlite_views *vs)
{
    if (vs->stmt)
        sqlite3_reset(vs->stmt);
    free(vs->tail);
    vs->stmt = NULL;
    vs->tail = NULL;
}

int sqlite_views_next(struct sqlite_views *vs, struct sqlite_view *out)
{
    key_fn *key = kinds[vs->query.which].key;
    const bool has_tail = vs->at < vs->n_tail;

    if (!has_tail && !vs->stmt)
        return SQLITE_DB_NO_ROW;
    if (!has_tail || (vs->stmt && key(&vs->row) < key(&vs->tail[vs->at]))) {
        *out = vs->row;
        return next_row(vs);
    }
    *out = vs->tail[vs->at++];
    return find_first_seq(vs->rd, out);
}

int sqlite_views_count_touched(struct sqlite_reader *rd, const account *a, int64_t after,
                               int64_t *n)
{
    const struct sqlite_query query = {.which = R_TOUCHED, .account = a, .after = after};
    const struct tail_found f = tail_select(&rd->places.view, a, filter, &query);
    sqlite3_stmt *stmt = sqlite_row_of_account(rd, R_N_TOUCHED, a);
    int r = 0;

    free(f.threads);
    *n = (int64_t)f.n;
    sqlite_db_bind(stmt, 2, after);
    for (r = sqlite_db_step(&rd->db, stmt); r == 0; r = sqlite_db_step(&rd->db, stmt))
        *n += !tail_had(&rd->places.view, sqlite_row_u64(stmt, 0), f.moment);
    return r < 0 ? r : 0;
}
