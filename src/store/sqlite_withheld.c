#include "store/sqlite_withheld.h"

#include "store/sqlite_text.h"

/** By a block that is over. */
struct range {
    uint64_t upto_seq;
    uint64_t after_seq;
    struct tally after;  // of the peer, up to after_seq: all
    struct tally before; // withheld by the ranges before
};

static uint64_t u64(sqlite3_stmt *stmt, int column)
{
    return (uint64_t)sqlite3_column_int64(stmt, column);
}

/** Of the one row of a statement, all of whose parameters but the first two are bound.
 * @return 0, SQLITE_DB_NO_ROW, or a fault */
static int read_range(struct threads *ts, sqlite3_stmt *stmt, const struct thread *t,
                      unsigned side, struct range *out)
{
    sqlite_db_bind(stmt, 1, (int64_t)t->id);
    sqlite_db_bind(stmt, 2, side);
    const int r = sqlite_db_step(ts->db, stmt);
    if (r != 0)
        return r;
    *out = (struct range){.upto_seq = u64(stmt, 0),
                          .after_seq = u64(stmt, 1),
                          .after = {u64(stmt, 2), u64(stmt, 3)},
                          .before = {u64(stmt, 4), u64(stmt, 5)}};
    sqlite3_reset(stmt);
    return 0;
}

/** The first one that ends at seq or behind it. @return as read_range() */
static int range_at(struct threads *ts, const struct thread *t, unsigned side, uint64_t seq,
                    struct range *out)
{
    sqlite3_stmt *stmt = ts->db->stmts[W_WITHHELD_AT];

    if (t->sides[side].withheld.n == 0)
        return SQLITE_DB_NO_ROW;
    sqlite_db_bind(stmt, 3, (int64_t)seq);
    return read_range(ts, stmt, t, side, out);
}

/** @return as read_range() */
static int last_range(struct threads *ts, const struct thread *t, unsigned side,
                      struct range *out)
{
    if (t->sides[side].withheld.n == 0)
        return SQLITE_DB_NO_ROW;
    return read_range(ts, ts->db->stmts[W_WITHHELD_LAST], t, side, out);
}

static bool is_behind_block(const struct thread_side *s, uint64_t seq)
{
    return s->blocked && seq > s->block_seq;
}

int withheld_is(struct threads *ts, const struct thread *t, unsigned side, uint64_t seq,
                bool *is)
{
    struct range range;

    *is = is_behind_block(&t->sides[side], seq);
    if (*is)
        return 0;
    const int r = range_at(ts, t, side, seq, &range);
    *is = r == 0 && seq > range.after_seq;
    return r < 0 ? r : 0;
}

// Counting.

/** @param out  all that the side has got from its peer up to seq */
static int all_up_to(struct threads *ts, const struct thread *t, unsigned side, uint64_t seq,
                     struct tally *out)
{
    struct thread_row row;

    *out = t->sides[1 - side].sent;
    if (seq >= thread_last_seq(t))
        return 0;
    const int r = threads_find_row(ts, t, seq, -1, &row);
    if (r < 0)
        return r;
    *out = r == 0 ? row.sent[1 - side] : (struct tally){0};
    return 0;
}

/** @param all  of the peer, up to seq @param out  of these, what is withheld */
static int withheld_up_to(struct threads *ts, const struct thread *t, unsigned side,
                          uint64_t seq, struct tally all, struct tally *out)
{
    const struct thread_side *s = &t->sides[side];
    struct range range;

    *out = s->withheld;
    if (is_behind_block(s, seq)) {
        *out = tally_plus(s->withheld, tally_minus(all, s->block_after));
        return 0;
    }
    const int r = range_at(ts, t, side, seq, &range);
    if (r != 0)
        return r < 0 ? r : 0;
    *out = range.before;
    if (seq > range.after_seq)
        *out = tally_plus(range.before, tally_minus(all, range.after));
    return 0;
}

int withheld_visible_up_to(struct threads *ts, const struct thread *t, unsigned side,
                           uint64_t seq, struct tally *out)
{
    struct tally all;
    struct tally withheld = {0};

    int r = all_up_to(ts, t, side, seq, &all);
    if (r == 0)
        r = withheld_up_to(ts, t, side, seq, all, &withheld);
    if (r == 0)
        *out = tally_minus(all, withheld);
    return r;
}

// Looking for what is next.

struct found {
    uint64_t seq;
    int64_t position;
    bool is_of_peer;
    uint64_t n_from_peer; // up to this one
};

/** The first message at or above seq. @return 0, THREADS_NONE, or a fault */
static int look(struct threads *ts, const struct thread *t, unsigned side, uint64_t seq,
                struct found *out)
{
    struct thread_row row;

    const int r = threads_find_row(ts, t, seq, 1, &row);
    if (r != 0)
        return r;
    *out = (struct found){.seq = row.seq,
                          .position = row.position,
                          .is_of_peer = row.sender != side,
                          .n_from_peer = row.sent[1 - side].n};
    return 0;
}

/** The peer's first message at or above seq. Where own ones are before it, it is looked for in
 * steps that grow, and then halve. @return as look() */
static int look_for_peer(struct threads *ts, const struct thread *t, unsigned side,
                         uint64_t seq, struct found *out)
{
    int r = look(ts, t, side, seq, out);

    if (r != 0 || out->is_of_peer)
        return r;
    const uint64_t n_before = out->n_from_peer;
    uint64_t first = out->seq + 1;
    uint64_t end = thread_last_seq(t) + 1;
    for (uint64_t step = 0; r >= 0 && first < end; step = 2 * step + 1) {
        const uint64_t half = (end - first) / 2;
        const uint64_t at = first + (step < half ? step : half);
        r = look(ts, t, side, at, out);
        if (r != 0 || out->n_from_peer > n_before) {
            end = at;
        } else {
            first = at + 1;
        }
    }
    return r < 0 ? r : look(ts, t, side, end, out);
}

int withheld_next_visible(struct threads *ts, const struct thread *t, unsigned side,
                          uint64_t seq, int64_t *position)
{
    struct found found = {0};
    struct range range = {0};

    for (;;) {
        int r = look_for_peer(ts, t, side, seq + 1, &found);
        if (r != 0)
            return r < 0 ? r : 0;
        r = range_at(ts, t, side, found.seq, &range);
        if (r < 0)
            return r;
        if (r == SQLITE_DB_NO_ROW || found.seq <= range.after_seq)
            break;
        seq = range.upto_seq;
    }
    *position = found.position;
    return 0;
}

// Blocking.

int withheld_begin(struct threads *ts, struct thread *t, unsigned side)
{
    struct thread_side *s = &t->sides[side];
    uint64_t seq = s->marks[CHAT_MARK_DELIVERED].seq;
    struct range last;

    int r = last_range(ts, t, side, &last);
    if (r == 0 && last.upto_seq > seq)
        seq = last.upto_seq; // nothing is withheld twice
    if (r >= 0)
        r = all_up_to(ts, t, side, seq, &s->block_after);
    if (r < 0)
        return r;
    s->block_seq = seq;
    s->blocked = true;
    s->due_pos = 0;
    return 0;
}

static sqlite3_stmt *of_range(struct threads *ts, enum writer_statement which,
                              const struct thread *t, unsigned side, uint64_t upto_seq)
{
    sqlite3_stmt *stmt = ts->db->stmts[which];

    sqlite_db_bind(stmt, 1, (int64_t)t->id);
    sqlite_db_bind(stmt, 2, side);
    sqlite_db_bind(stmt, 3, (int64_t)upto_seq);
    return stmt;
}

static int add_range(struct threads *ts, const struct thread *t, unsigned side,
                     const struct range *range)
{
    sqlite3_stmt *stmt = of_range(ts, W_WITHHOLD, t, side, range->upto_seq);

    sqlite_db_bind(stmt, 4, (int64_t)range->after_seq);
    sqlite_db_bind(stmt, 5, (int64_t)range->after.n);
    sqlite_db_bind(stmt, 6, (int64_t)range->after.bytes);
    sqlite_db_bind(stmt, 7, (int64_t)range->before.n);
    sqlite_db_bind(stmt, 8, (int64_t)range->before.bytes);
    return sqlite_db_run(ts->db, stmt);
}

/** Where the peer has sent nothing between the last range and this one they become one: who
 * blocks and unblocks all day makes no rows. @return 0 or a fault */
static int join_last(struct threads *ts, const struct thread *t, unsigned side,
                     struct range *range)
{
    struct range last;

    const int r = last_range(ts, t, side, &last);
    if (r != 0)
        return r < 0 ? r : 0;
    const struct tally upto = tally_plus(last.after, tally_minus(range->before, last.before));
    if (upto.n != range->after.n)
        return 0;
    range->after_seq = last.after_seq;
    range->after = last.after;
    range->before = last.before;
    return sqlite_db_run(ts->db, of_range(ts, W_FORGET_WITHHELD, t, side, last.upto_seq));
}

static int keep_range(struct threads *ts, const struct thread *t, unsigned side)
{
    const struct thread_side *s = &t->sides[side];
    struct range range = {.upto_seq = thread_last_seq(t),
                          .after_seq = s->block_seq,
                          .after = s->block_after,
                          .before = s->withheld};

    const int r = join_last(ts, t, side, &range);
    return r == 0 ? add_range(ts, t, side, &range) : r;
}

int withheld_end(struct threads *ts, struct thread *t, unsigned side)
{
    struct thread_side *s = &t->sides[side];
    const struct tally withheld = tally_minus(t->sides[1 - side].sent, s->block_after);

    const int r = withheld.n > 0 ? keep_range(ts, t, side) : 0;
    if (r < 0)
        return r;
    s->withheld = tally_plus(s->withheld, withheld);
    s->blocked = false;
    s->block_seq = 0;
    s->block_after = (struct tally){0};
    return 0;
}
