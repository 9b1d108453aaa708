/**
 * Writing conversations back. One statement for each set of columns: SQLite renews the entries
 * of every index that a statement's columns are in, whether they change or not.
 */
#include "store/sqlite_text.h"
#include "store/sqlite_withheld.h"

static sqlite3_stmt *of_side(struct threads *ts, enum writer_statement which,
                             const struct thread *t, unsigned side)
{
    sqlite3_stmt *stmt = ts->db->stmts[which];

    sqlite_db_bind(stmt, 1, (int64_t)t->id);
    sqlite_db_bind(stmt, 2, t->sides[side].id);
    return stmt;
}

static void bind_tally(sqlite3_stmt *stmt, int i, struct tally tally)
{
    sqlite_db_bind(stmt, i, (int64_t)tally.n);
    sqlite_db_bind(stmt, i + 1, (int64_t)tally.bytes);
}

static void bind_growth(sqlite3_stmt *stmt, const struct thread *t, unsigned side)
{
    const struct thread_side *s = &t->sides[side];

    sqlite_db_bind(stmt, 3, (int64_t)thread_last_seq(t));
    bind_tally(stmt, 4, t->sides[1 - side].sent);
    sqlite_db_bind(stmt, 6, s->last_at_ms);
    sqlite_db_bind(stmt, 7, s->accepted);
    sqlite_db_bind(stmt, 8, s->message_pos);
}

/** @param at  of the time, which the position is behind */
static void bind_mark(sqlite3_stmt *stmt, int seq, int at, const struct thread_mark *mark)
{
    sqlite_db_bind(stmt, seq, (int64_t)mark->seq);
    sqlite_db_bind(stmt, at, mark->at_ms);
    sqlite_db_bind(stmt, at + 1, mark->position);
}

static void bind_marks(sqlite3_stmt *stmt, const struct thread_side *s)
{
    sqlite_db_bind(stmt, 9, s->receipt_pos);
    bind_mark(stmt, 10, 13, &s->marks[CHAT_MARK_DELIVERED]);
    bind_tally(stmt, 11, s->up_to[CHAT_MARK_DELIVERED]);
    bind_mark(stmt, 15, 17, &s->marks[CHAT_MARK_READ]);
    sqlite_db_bind(stmt, 16, (int64_t)s->up_to[CHAT_MARK_READ].n);
    bind_mark(stmt, 19, 20, &s->theirs[CHAT_MARK_DELIVERED]);
    bind_mark(stmt, 22, 23, &s->theirs[CHAT_MARK_READ]);
    sqlite_db_bind(stmt, 25, s->due_pos);
}

/** Each statement costs all of the row: one, if it can be. */
static int write_messages_and_marks(struct threads *ts, struct thread *t, unsigned side)
{
    struct thread_side *s = &t->sides[side];
    enum writer_statement which = W_GROW_AND_MARK;

    if (!t->has_grown && !s->marks_moved)
        return 0;
    if (!t->has_grown)
        which = W_MARK;
    if (!s->marks_moved)
        which = W_GROW;
    sqlite3_stmt *stmt = of_side(ts, which, t, side);
    if (t->has_grown)
        bind_growth(stmt, t, side);
    if (s->marks_moved)
        bind_marks(stmt, s);
    if (s->marks_moved)
        s->was_due_pos = s->due_pos;
    s->marks_moved = false;
    return sqlite_db_run(ts->db, stmt);
}

static int write_contact(struct threads *ts, struct thread *t, unsigned side)
{
    sqlite3_stmt *stmt = of_side(ts, W_CONTACT, t, side);
    struct thread_side *s = &t->sides[side];

    sqlite_db_bind(stmt, 3, s->contact_pos);
    sqlite_db_bind(stmt, 4, s->accepted);
    sqlite_db_bind(stmt, 5, s->blocked);
    sqlite_db_bind(stmt, 6, (int64_t)s->block_seq);
    bind_tally(stmt, 7, s->block_after);
    bind_tally(stmt, 9, s->withheld);
    s->has_contacted = false;
    return sqlite_db_run(ts->db, stmt);
}

static int write_flags(struct threads *ts, struct thread *t, unsigned side)
{
    struct thread_side *s = &t->sides[side];
    const bool is_unread = thread_above(t, side, CHAT_MARK_READ).n > 0;

    if (s->due_pos == s->was_due_pos && is_unread == s->was_unread)
        return 0;
    s->was_due_pos = s->due_pos;
    s->was_unread = is_unread;
    sqlite3_stmt *stmt = of_side(ts, W_FLAGS, t, side);
    sqlite_db_bind(stmt, 3, s->due_pos);
    sqlite_db_bind(stmt, 4, is_unread);
    return sqlite_db_run(ts->db, stmt);
}

/** Above 0 if, and only if, something is undelivered, also where messages are gone. */
static int settle_due(struct threads *ts, struct thread *t, unsigned side)
{
    struct thread_side *s = &t->sides[side];
    const uint64_t mark = s->marks[CHAT_MARK_DELIVERED].seq;
    const bool is_undelivered = thread_above(t, side, CHAT_MARK_DELIVERED).n > 0;
    int r = 0;

    if (is_undelivered && s->due_moved)
        r = withheld_next_visible(ts, t, side, mark, &s->due_pos);
    s->due_moved = false;
    if (!is_undelivered)
        s->due_pos = 0;
    if (is_undelivered && s->due_pos == 0)
        s->due_pos = 1;
    return r;
}

static int write_side(struct threads *ts, struct thread *t, unsigned side)
{
    int r = settle_due(ts, t, side);

    if (r == 0)
        r = write_messages_and_marks(ts, t, side);
    if (r == 0 && t->sides[side].has_contacted)
        r = write_contact(ts, t, side);
    return r == 0 ? write_flags(ts, t, side) : r;
}

static int write_thread(struct threads *ts, struct thread *t)
{
    int r = write_side(ts, t, 0);

    if (r == 0)
        r = write_side(ts, t, 1);
    t->has_grown = false;
    return r;
}

int threads_write_back(struct threads *ts)
{
    int r = 0;

    while (r == 0 && !list_is_empty(&ts->dirty))
        r = write_thread(ts, container_of(list_shift(&ts->dirty), struct thread, dirty));
    return r;
}
