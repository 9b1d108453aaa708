/** What an account wants of a peer, and when it was online. */
#include "store/sqlite_change.h"
#include "store/sqlite_text.h"
#include "store/sqlite_withheld.h"

/** @return 0 with *t, STORE_NOT_FOUND, STORE_UNAVAILABLE, or a fault */
static int find_or_add(struct sqlite_writer *w, const struct store_contact *c,
                       struct thread **t)
{
    int r = threads_find_place(&w->threads, &c->by, &c->place, t);

    if (r != THREADS_NONE)
        return r;
    if (c->place.conversation != 0 || c->what == CHAT_UNBLOCK)
        return STORE_NOT_FOUND;
    r = threads_add(&w->threads, &c->by, &c->place.peer, t);
    return r == THREADS_FULL ? STORE_UNAVAILABLE : r;
}

/** @return 0 with *has_changed, or a fault */
static int change(struct sqlite_writer *w, struct thread *t, unsigned side,
                  enum chat_contact what, bool *has_changed)
{
    struct thread_side *s = &t->sides[side];

    if (what == CHAT_ACCEPT) {
        *has_changed = !s->accepted;
        s->accepted = true;
        return 0;
    }
    *has_changed = s->blocked != (what == CHAT_BLOCK);
    if (!*has_changed)
        return 0;
    if (s->blocked)
        return withheld_end(&w->threads, t, side);
    const int r = threads_log_marks(&w->threads, t, side);
    return r == 0 ? withheld_begin(&w->threads, t, side) : r;
}

int sqlite_contact_log(struct sqlite_writer *w, const struct thread *t, unsigned side,
                       int64_t position, bool is_known)
{
    const struct thread_side *s = &t->sides[side];
    sqlite3_stmt *stmt = w->db.stmts[W_ADD_CONTACT];

    sqlite_db_bind(stmt, 1, position);
    sqlite_db_bind(stmt, 2, (int64_t)t->id);
    sqlite_db_bind(stmt, 3, side);
    sqlite_db_bind(stmt, 4, is_known);
    sqlite_db_bind(stmt, 5, s->accepted);
    sqlite_db_bind(stmt, 6, s->blocked);
    sqlite_db_bind(stmt, 7, (int64_t)s->block_seq);
    sqlite_db_bind(stmt, 8, (int64_t)s->block_after.n);
    sqlite_db_bind(stmt, 9, (int64_t)s->block_after.bytes);
    sqlite_db_bind(stmt, 10, (int64_t)s->withheld.n);
    sqlite_db_bind(stmt, 11, (int64_t)s->withheld.bytes);
    return sqlite_db_run(&w->db, stmt);
}

/** @return 0 or a fault */
static int answer(struct sqlite_writer *w, struct write_op *op, struct thread *t, unsigned side,
                  bool has_changed)
{
    struct store_contacted *out = &op->contact.answer;
    struct thread_side *s = &t->sides[side];

    out->conversation = t->id;
    out->peer = t->sides[1 - side].account;
    if (!has_changed)
        return 0;
    out->position = s->contact_pos = sqlite_change_take(w, op, t);
    out->n_known = sqlite_marks_tell(w, t, side, out->position, out->known);
    return sqlite_contact_log(w, t, side, out->position, out->n_known > 0);
}

int sqlite_change_contact(struct sqlite_writer *w, struct write_op *op)
{
    const struct store_contact *c = &op->contact.asked;
    struct thread *t = NULL;
    bool has_changed = false;

    int r = find_or_add(w, c, &t);
    if (r != 0)
        return r;
    const unsigned side = thread_side_of(t, &c->by);
    r = threads_open_mailbox(&w->threads, t, side);
    if (r == 0)
        r = change(w, t, side, c->what, &has_changed);
    return r == 0 ? answer(w, op, t, side, has_changed) : r;
}

int sqlite_change_seen(struct sqlite_writer *w, struct write_op *op)
{
    sqlite3_stmt *stmt = w->db.stmts[W_SEEN];

    sqlite_db_bind_bytes(stmt, 1, account_str(&op->seen.account));
    sqlite_db_bind(stmt, 2, op->seen.at_ms);
    const int r = sqlite_db_run(&w->db, stmt);
    op->has_changed = r == 0 && sqlite3_changes(w->db.db) > 0;
    return r;
}
