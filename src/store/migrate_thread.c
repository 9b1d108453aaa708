#include "store/migrate_thread.h"

/** What is written of one, column by column. */
struct out {
    struct migrate_value *next;
};

static void put(struct out *o, int64_t number)
{
    *o->next++ = migrate_number(number);
}

static void put_null(struct out *o, size_t n)
{
    for (size_t i = 0; i < n; i++)
        *o->next++ = (struct migrate_value){0};
}

static void put_mark(struct out *o, const struct thread_mark *m)
{
    put(o, (int64_t)m->seq);
    put(o, m->at_ms);
    put(o, m->position);
}

static bool is_mark(const struct thread_mark *a, const struct thread_mark *b)
{
    return a->seq == b->seq && a->at_ms == b->at_ms && a->position == b->position;
}

static int64_t era_of(int64_t position)
{
    return position > 0 ? (position >> 20) + 1 : 0; // PG_ERA_OF()
}

/** By the block that there is. */
static struct tally withheld_of(const struct thread *t, unsigned side)
{
    const struct thread_side *s = &t->sides[side];

    return s->blocked ? tally_minus(t->sides[1 - side].sent, s->block_after)
                      : (struct tally){0};
}

/** The last message that it has seen come: NULL where that is the conversation's. */
static int put_shown(struct out *o, const struct thread *t, unsigned side,
                     migrate_seq_fn *seq_at, void *arg)
{
    const struct thread_side *s = &t->sides[side];
    uint64_t seq = 0;

    if (s->message_pos == thread_last_position(t)) {
        put_null(o, 3);
        return 0;
    }
    const int r = s->message_pos > 0 ? seq_at(arg, s->message_pos, &seq) : 0;
    put(o, (int64_t)seq);
    put(o, s->message_pos);
    put(o, s->last_at_ms);
    return r;
}

/** What it knows of its peer's marks: NULL where that is what they are. */
static void put_theirs(struct out *o, const struct thread *t, unsigned side)
{
    const struct thread_side *s = &t->sides[side];
    const struct thread_mark *marks = t->sides[1 - side].marks;

    if (is_mark(&s->theirs[0], &marks[0]) && is_mark(&s->theirs[1], &marks[1])) {
        put_null(o, 6);
        return;
    }
    put_mark(o, &s->theirs[CHAT_MARK_DELIVERED]);
    put_mark(o, &s->theirs[CHAT_MARK_READ]);
}

static int put_side(struct out *o, const struct thread *t, unsigned side,
                    migrate_seq_fn *seq_at, void *arg)
{
    const struct thread_side *s = &t->sides[side];
    const struct tally undelivered = thread_above(t, side, CHAT_MARK_DELIVERED);
    const struct tally unread = thread_above(t, side, CHAT_MARK_READ);
    const struct tally withheld = withheld_of(t, side);

    put(o, (int64_t)undelivered.n);
    put(o, (int64_t)undelivered.bytes);
    put(o, s->due_pos);
    put(o, (int64_t)unread.n);
    put_mark(o, &s->marks[CHAT_MARK_DELIVERED]);
    put_mark(o, &s->marks[CHAT_MARK_READ]);
    put(o, s->accepted);
    put(o, s->due_pos != 0);
    put(o, unread.n > 0);
    put(o, s->blocked);
    put(o, (int64_t)s->block_seq);
    put(o, s->contact_pos);
    put(o, (int64_t)withheld.n);
    put(o, (int64_t)withheld.bytes);
    const int r = put_shown(o, t, side, seq_at, arg);
    put_theirs(o, t, side);
    return r;
}

int migrate_thread_add(struct migrate_rows *rows, const struct thread *t,
                       migrate_seq_fn *seq_at, void *arg)
{
    struct migrate_value *row = migrate_rows_add(rows);
    struct out o = {.next = row};
    // There the first side is who has the smaller bytes, in PostgreSQL who has the smaller id.
    const unsigned first = t->sides[0].id > t->sides[1].id;

    put(&o, (int64_t)t->id);
    put(&o, t->sides[first].id);
    put(&o, t->sides[1 - first].id);
    put(&o, sides_position(t->sides));
    put(&o, era_of(sides_position(t->sides)));
    put(&o, (int64_t)thread_last_seq(t));
    put(&o, thread_last_position(t));
    put(&o, thread_last_at_ms(t));
    int r = put_side(&o, t, first, seq_at, arg);
    if (r == 0)
        r = put_side(&o, t, 1 - first, seq_at, arg);
    assert(r < 0 || o.next == row + rows->n_columns);
    return r;
}
