/** Marks, and who knows of them. */
#include "store/sqlite_change.h"
#include "store/sqlite_withheld.h"

bool sqlite_marks_are_known(const struct sqlite_writer *w, const struct thread *t,
                            unsigned side)
{
    const struct thread_side *s = &t->sides[side];
    return !s->blocked && (s->accepted || !w->limits.only_accepted_know);
}

size_t sqlite_marks_tell_anyway(struct thread *t, unsigned side, int64_t position,
                                struct chat_receipt out[2])
{
    const struct thread_side *mine = &t->sides[side];
    struct thread_side *peer = &t->sides[1 - side];
    size_t n = 0;

    for (unsigned which = 0; which < 2; which++) {
        struct thread_mark *known = &peer->theirs[which];
        if (known->seq == mine->marks[which].seq)
            continue;
        *known = mine->marks[which];
        known->position = peer->receipt_pos = position;
        out[n++] = (struct chat_receipt){.conversation = t->id,
                                         .by = mine->account,
                                         .peer = peer->account,
                                         .mark = (enum chat_mark)which,
                                         .seq = known->seq,
                                         .at_ms = known->at_ms,
                                         .position = position};
    }
    return n;
}

size_t sqlite_marks_tell(const struct sqlite_writer *w, struct thread *t, unsigned side,
                         int64_t position, struct chat_receipt out[2])
{
    if (!sqlite_marks_are_known(w, t, side))
        return 0;
    return sqlite_marks_tell_anyway(t, side, position, out);
}

/** @return 0 with *moved, or a fault */
static int move_mark(struct sqlite_writer *w, struct thread *t, unsigned side,
                     enum chat_mark which, const struct thread_mark *to, bool *moved)
{
    struct thread_side *s = &t->sides[side];

    *moved = to->seq > s->marks[which].seq;
    if (!*moved)
        return 0;
    const int r = withheld_visible_up_to(&w->threads, t, side, to->seq, &s->up_to[which]);
    if (r < 0)
        return r;
    s->marks[which] = *to;
    s->due_moved |= which == CHAT_MARK_DELIVERED;
    return 0;
}

static void answer(struct sqlite_writer *w, struct write_op *op, struct thread *t,
                   unsigned side)
{
    struct store_receipted *out = &op->receipt.answer;
    struct thread_side *mine = &t->sides[side];
    struct chat_receipt known[2]; // are what has moved

    out->conversation = t->id;
    out->peer = t->sides[1 - side].account;
    out->marks = thread_marks_of(mine->marks);
    out->is_known = sqlite_marks_are_known(w, t, side);
    if (!out->delivered_moved && !out->read_moved)
        return;
    out->at_ms = op->receipt.asked.now_ms;
    out->position = mine->receipt_pos = sqlite_change_take(w, op, t);
    sqlite_marks_tell(w, t, side, out->position, known);
}

static int move_marks(struct sqlite_writer *w, struct write_op *op, struct thread *t)
{
    const struct store_receipt *asked = &op->receipt.asked;
    struct store_receipted *out = &op->receipt.answer;
    const unsigned side = thread_side_of(t, &asked->by);
    struct thread_mark to = {.at_ms = asked->now_ms, .position = w->position + 1};

    if (asked->delivered_seq > thread_last_seq(t) || asked->read_seq > thread_last_seq(t))
        return STORE_NO_SUCH_SEQ;

    int r = threads_open_mailbox(&w->threads, t, side);
    to.seq = asked->read_seq;
    if (r == 0)
        r = move_mark(w, t, side, CHAT_MARK_READ, &to, &out->read_moved);
    if (asked->delivered_seq > to.seq)
        to.seq = asked->delivered_seq;
    if (r == 0)
        r = move_mark(w, t, side, CHAT_MARK_DELIVERED, &to, &out->delivered_moved);
    if (r == 0)
        answer(w, op, t, side);
    return r;
}

int sqlite_change_receipt(struct sqlite_writer *w, struct write_op *op)
{
    const struct store_receipt *asked = &op->receipt.asked;
    struct thread *t = NULL;

    const int r = threads_find_place(&w->threads, &asked->by, &asked->place, &t);
    if (r != 0)
        return r < 0 ? r : STORE_NOT_FOUND;
    return move_marks(w, op, t);
}
