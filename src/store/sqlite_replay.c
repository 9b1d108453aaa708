#include "store/sqlite_replay.h"

#include "base/err.h"
#include "base/log.h"
#include "io/loop.h"
#include "store/sqlite_change.h"
#include "store/sqlite_text.h"
#include "store/sqlite_withheld.h"

#define WINDOW      4096 // positions that are looked at at once
#define PROGRESS_NS INT64_C(5000000000)

#define WINDOW_OF " WHERE position > ?1 AND position <= ?2 ORDER BY position"

const char *const sqlite_replay_texts[L_COUNT] = {
    [L_MESSAGES] =
        "SELECT position, conversation, seq, sender, ordinal, sent_bytes, got_bytes,"
        " created_at_ms, key FROM message" WINDOW_OF,
    [L_REMOVED] =
        "SELECT position, conversation, seq, sender, ordinal, sent_bytes, got_bytes,"
        " created_at_ms FROM removed" WINDOW_OF,
    [L_MARKS] =
        "SELECT position, conversation, side, delivered_seq, read_seq, at_ms, is_known"
        " FROM mark" WINDOW_OF,
    [L_CONTACTS] =
        "SELECT position, conversation, side, is_known, accepted, blocked, block_seq, block_n,"
        " block_bytes, withheld_n, withheld_bytes FROM contact" WINDOW_OF,
};

struct replay {
    struct sqlite_writer *w;
    struct sqlite_index *ix;
    sqlite3_stmt *stmts[L_COUNT];
    bool has_row[L_COUNT];
    int64_t message_at; // of the last message that the index did not have
    uint64_t chain;
    int64_t from;
    int64_t told_at_ns;
};

static uint64_t u64(sqlite3_stmt *stmt, int column)
{
    return (uint64_t)sqlite3_column_int64(stmt, column);
}

static struct tally read_tally(sqlite3_stmt *stmt, int column)
{
    return (struct tally){.n = u64(stmt, column), .bytes = u64(stmt, column + 1)};
}

/** @return 0 with *t, or NULL where what the row says is known already, or there is nobody
 * whose it is; or a fault */
static int find_thread(struct replay *rp, sqlite3_stmt *stmt, int64_t known_too,
                       struct thread **t)
{
    const int64_t position = sqlite3_column_int64(stmt, 0);

    const int r = threads_find_id(&rp->w->threads, u64(stmt, 1), t);
    if (r < 0)
        return r;
    if (r == THREADS_NONE || (sides_position((*t)->sides) >= position && position != known_too))
        *t = NULL;
    return 0;
}

static void grow(struct thread *t, sqlite3_stmt *stmt)
{
    const int64_t position = sqlite3_column_int64(stmt, 0);
    const unsigned sender = sqlite3_column_int(stmt, 3) == 0 ? 0 : 1;
    const struct tally sent = read_tally(stmt, 4);
    struct thread_side *from = &t->sides[sender];
    struct thread_side *to = &t->sides[1 - sender];

    from->sent = sent;
    to->sent = (struct tally){.n = u64(stmt, 2) - sent.n, .bytes = u64(stmt, 6)};
    from->accepted = true;
    from->last_at_ms = sqlite3_column_int64(stmt, 7);
    from->message_pos = position;
    if (to->blocked)
        return;
    to->last_at_ms = from->last_at_ms;
    to->message_pos = position;
    if (to->due_pos == 0)
        to->due_pos = position;
}

/** @param is_removed  there was one, and it has no place any more
 * @return 0, SQLITE_REPLAY_UNFIT, or a fault */
static int replay_message(struct replay *rp, sqlite3_stmt *stmt, bool is_removed)
{
    const int64_t position = sqlite3_column_int64(stmt, 0);
    const uint64_t seq = u64(stmt, 2);
    const unsigned sender = sqlite3_column_int(stmt, 3) == 0 ? 0 : 1;
    struct thread *t = NULL;

    rp->chain = sqlite_index_chain(rp->chain, position, u64(stmt, 1), seq, sender);
    const int r = find_thread(rp, stmt, 0, &t);
    if (r < 0 || !t)
        return r;
    if (seq <= thread_last_seq(t))
        return SQLITE_REPLAY_UNFIT;
    rp->message_at = position;
    struct tail_entry entry = {0};
    if (!is_removed) {
        entry.position = position;
        entry.hash = places_hash(&rp->w->places, sender, sqlite_db_str(stmt, 8));
    }
    grow(t, stmt);
    threads_add_message(&rp->w->threads, t, sender, &entry);
    threads_touch(&rp->w->threads, t);
    return 0;
}

static int move_mark(struct replay *rp, struct thread *t, unsigned side, enum chat_mark which,
                     const struct thread_mark *to)
{
    struct thread_side *s = &t->sides[side];

    if (to->seq == 0)
        return 0;
    const int r = withheld_visible_up_to(&rp->w->threads, t, side, to->seq, &s->up_to[which]);
    if (r < 0)
        return r;
    s->marks[which] = *to;
    s->logged[which] = to->position;
    s->due_moved |= which == CHAT_MARK_DELIVERED;
    return 0;
}

static int replay_mark(struct replay *rp, sqlite3_stmt *stmt)
{
    const unsigned side = sqlite3_column_int(stmt, 2) == 0 ? 0 : 1;
    struct thread_mark to = {.position = sqlite3_column_int64(stmt, 0),
                             .at_ms = sqlite3_column_int64(stmt, 5)};
    struct chat_receipt told[2];
    struct thread *t = NULL;

    int r = find_thread(rp, stmt, 0, &t);
    if (r < 0 || !t)
        return r;
    to.seq = u64(stmt, 3);
    r = move_mark(rp, t, side, CHAT_MARK_DELIVERED, &to);
    to.seq = u64(stmt, 4);
    if (r == 0)
        r = move_mark(rp, t, side, CHAT_MARK_READ, &to);
    t->sides[side].receipt_pos = to.position;
    if (sqlite3_column_int(stmt, 6))
        sqlite_marks_tell_anyway(t, side, to.position, told);
    threads_touch(&rp->w->threads, t);
    return r;
}

/** Where a message has the same position, the contact came with it. */
static int replay_contact(struct replay *rp, sqlite3_stmt *stmt)
{
    const int64_t position = sqlite3_column_int64(stmt, 0);
    const unsigned side = sqlite3_column_int(stmt, 2) == 0 ? 0 : 1;
    struct chat_receipt told[2];
    struct thread *t = NULL;

    const int r = find_thread(rp, stmt, rp->message_at, &t);
    if (r < 0 || !t)
        return r;
    struct thread_side *s = &t->sides[side];
    s->accepted = sqlite3_column_int(stmt, 4);
    s->blocked = sqlite3_column_int(stmt, 5);
    s->block_seq = u64(stmt, 6);
    s->block_after = read_tally(stmt, 7);
    s->withheld = read_tally(stmt, 9);
    s->due_moved = true;
    if (s->blocked)
        s->due_pos = 0;
    if (position != rp->message_at)
        s->contact_pos = position;
    if (sqlite3_column_int(stmt, 3))
        sqlite_marks_tell_anyway(t, side, position, told);
    threads_touch(&rp->w->threads, t);
    return 0;
}

static int step(struct replay *rp, unsigned which)
{
    const int r = sqlite_db_step(&rp->w->db, rp->stmts[which]);
    rp->has_row[which] = r == 0;
    return r < 0 ? r : 0;
}

/** Of those that have a row the one with the least position, and of equal ones the first. */
static unsigned next(const struct replay *rp)
{
    unsigned best = L_COUNT;

    for (unsigned i = 0; i < L_COUNT; i++) {
        if (rp->has_row[i] && (best == L_COUNT || sqlite3_column_int64(rp->stmts[i], 0) <
                                                      sqlite3_column_int64(rp->stmts[best], 0)))
            best = i;
    }
    return best;
}

static int replay_row(struct replay *rp, unsigned which)
{
    sqlite3_stmt *stmt = rp->stmts[which];
    int r = 0;

    switch (which) {
    case L_MESSAGES: r = replay_message(rp, stmt, false); break;
    case L_REMOVED: r = replay_message(rp, stmt, true); break;
    case L_MARKS: r = replay_mark(rp, stmt); break;
    default: r = replay_contact(rp, stmt);
    }
    return r == 0 ? step(rp, which) : r;
}

static int replay_window(struct replay *rp, int64_t after, int64_t upto)
{
    int r = 0;

    for (unsigned i = 0; r == 0 && i < L_COUNT; i++) {
        sqlite_db_bind(rp->stmts[i], 1, after);
        sqlite_db_bind(rp->stmts[i], 2, upto);
        r = step(rp, i);
    }
    for (unsigned i = next(rp); r == 0 && i < L_COUNT; i = next(rp))
        r = replay_row(rp, i);
    for (unsigned i = 0; i < L_COUNT; i++) {
        sqlite3_reset(rp->stmts[i]);
        rp->has_row[i] = false;
    }
    return r;
}

/** What is in the tail is put into the index, which the log knows of before. */
static int fill(struct replay *rp, int64_t upto)
{
    struct sqlite_writer *w = rp->w;
    sqlite3_stmt *stmt = w->db.stmts[W_ADD_MILESTONE];
    const struct tail_end end = {.position = upto, .chain = rp->chain};

    sqlite_db_bind(stmt, 1, end.position);
    sqlite_db_bind(stmt, 2, (int64_t)end.chain);
    int r = sqlite_db_run(&w->db, stmt);
    if (r < 0)
        return r;
    tail_age(&w->tail, end);
    r = sqlite_index_fill(rp->ix, &w->tail);
    return r == 0 ? sqlite_index_checkpoint(rp->ix) : r;
}

static void tell_progress(struct replay *rp, int64_t at)
{
    const int64_t now = loop_now_ns();

    if (now - rp->told_at_ns < PROGRESS_NS)
        return;
    rp->told_at_ns = now;
    log_info(NULL, "store_indexing", "percent=%lld",
             (long long)(100 * (at - rp->from) / (rp->w->position - rp->from)));
}

/** One window, within a snapshot. */
static int run_window(struct replay *rp, int64_t after, int64_t upto)
{
    struct sqlite_writer *w = rp->w;

    int r = sqlite_writer_look(w);
    if (r == 0)
        r = replay_window(rp, after, upto);
    if (r == 0)
        r = threads_log(&w->threads); // there is nothing to log: it settles what is due
    if (r == 0)
        threads_publish(&w->threads, upto);
    const int over = sqlite_writer_unlook(w);
    return r == 0 ? over : r;
}

static int run(struct replay *rp)
{
    struct sqlite_writer *w = rp->w;
    int r = 0;

    for (int64_t at = rp->from; r == 0 && at < w->position;) {
        const int64_t upto = w->position - at > WINDOW ? at + WINDOW : w->position;
        r = run_window(rp, at, upto);
        at = upto;
        if (r == 0 && tail_cost(&w->tail) >= w->index_after && at < w->position)
            r = fill(rp, at);
        if (r == 0) // otherwise all goes
            sqlite_writer_trim(w);
        tell_progress(rp, at);
    }
    return r;
}

int sqlite_replay(struct sqlite_writer *w, struct sqlite_index *ix, int64_t from)
{
    struct replay rp = {.w = w, .ix = ix, .from = from, .told_at_ns = loop_now_ns()};

    int r = sqlite_db_number(&ix->db, "SELECT chain FROM state", (int64_t *)&rp.chain);
    if (r == 0)
        r = sqlite_db_prepare_into(&w->db, sqlite_replay_texts, L_COUNT, rp.stmts);
    threads_publish(&w->threads, from); // the index has that
    if (r == 0)
        r = run(&rp);
    for (unsigned i = 0; i < L_COUNT; i++)
        sqlite3_finalize(rp.stmts[i]);
    return r < 0 ? err_up(r) : r;
}
