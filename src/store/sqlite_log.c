/**
 * What conversations have of their own in the log: where their marks are. (Messages and
 * contacts are there as they come.) Of all the moves of a mark in a group the log gets the
 * last.
 */
#include "store/sqlite_place.h"
#include "store/sqlite_text.h"
#include "store/sqlite_withheld.h"

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

/** @param seqs  by enum chat_mark; 0: this one has not moved there */
static int add_row(struct threads *ts, const struct thread *t, unsigned side,
                   const struct thread_mark *mark, const uint64_t seqs[2], bool is_known)
{
    sqlite3_stmt *stmt = ts->db->stmts[W_ADD_MARK];

    sqlite_db_bind(stmt, 1, mark->position);
    sqlite_db_bind(stmt, 2, (int64_t)t->id);
    sqlite_db_bind(stmt, 3, side);
    sqlite_db_bind(stmt, 4, (int64_t)seqs[CHAT_MARK_DELIVERED]);
    sqlite_db_bind(stmt, 5, (int64_t)seqs[CHAT_MARK_READ]);
    sqlite_db_bind(stmt, 6, mark->at_ms);
    sqlite_db_bind(stmt, 7, is_known);
    return sqlite_db_run(ts->db, stmt);
}

/** Has the peer got to know of it where it moved? */
static bool is_known(const struct thread *t, unsigned side, unsigned which)
{
    return t->sides[1 - side].theirs[which].position == t->sides[side].marks[which].position;
}

int threads_log_marks(struct threads *ts, struct thread *t, unsigned side)
{
    struct thread_side *s = &t->sides[side];
    const bool is_one_move = s->marks[0].position == s->marks[1].position;
    int r = 0;

    for (unsigned which = 0; r == 0 && which < 2; which++) {
        const struct thread_mark *mark = &s->marks[which];
        uint64_t seqs[2] = {0, 0};
        if (mark->position == s->logged[which])
            continue;
        seqs[which] = mark->seq;
        s->logged[which] = mark->position;
        if (which == 0 && is_one_move) {
            seqs[1] = s->marks[1].seq;
            s->logged[1] = mark->position;
        }
        r = add_row(ts, t, side, mark, seqs, is_known(t, side, which));
    }
    return r;
}

static int log_thread(struct threads *ts, struct thread *t)
{
    int r = settle_due(ts, t, 0);

    if (r == 0)
        r = settle_due(ts, t, 1);
    if (r == 0)
        r = threads_log_marks(ts, t, 0);
    return r == 0 ? threads_log_marks(ts, t, 1) : r;
}

int threads_log(struct threads *ts)
{
    int r = 0;

    list_each (node, &ts->dirty) {
        r = log_thread(ts, container_of(node, struct thread, dirty));
        if (r < 0)
            break;
    }
    return r;
}

void threads_publish(struct threads *ts, int64_t position)
{
    struct tail *tail = ts->places->tail;

    tail_begin_group(tail);
    while (!list_is_empty(&ts->dirty))
        tail_put(tail, container_of(list_shift(&ts->dirty), struct thread, dirty));
    tail_end_group(tail, position);
}
