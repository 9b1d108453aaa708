#include "store/pg_remember.h"

#include "store/pg.h"

static void settle(int64_t *position, int64_t before)
{
    if (*position < 0)
        *position = before - *position;
}

static void settle_side(struct pg_side *s, int64_t before)
{
    settle(&s->shown.position, before);
    settle(&s->contact_pos, before);
    settle(&s->due_pos, before);
    for (unsigned i = 0; i < 2; i++) {
        settle(&s->marks[i].position, before);
        settle(&s->peer_marks[i].position, before);
    }
}

static struct pg_sides settled(const struct pg_thread *t, int64_t before)
{
    struct pg_sides sides = t->now;

    settle(&sides.last.position, before);
    for (unsigned i = 0; i < 2; i++)
        settle_side(&sides.of[i], before);
    return sides;
}

/** The first one first. */
static void add_messages(struct pg_known *k, const struct pg_message *last, int64_t before)
{
    const struct pg_message *m = last;
    struct pg_recent recent[PG_RECENT_KEPT];
    size_t n = 0;

    for (; m && n < COUNT_OF(recent); m = m->next_of_thread) {
        recent[n++] = (struct pg_recent){.position = before - m->position,
                                         .bytes = (uint32_t)m->asked->content.len,
                                         .side = (uint8_t)m->side,
                                         .is_withheld = m->is_withheld};
    }
    if (m) { // those before them are more than are kept
        k->n_recent = 0;
        k->floor = m->seq;
    }
    while (n > 0)
        pg_known_add(k, &recent[--n]);
}

static void remember_change(const struct pg_group *g, const struct pg_thread *t,
                            struct pg_known *k, int64_t position)
{
    const int64_t before = position - g->n_taken;

    k->sides = settled(t, before);
    k->changed_pos = position;
    add_messages(k, t->messages, before);
    if (t->id == g->withhold.conversation) // of any of them
        pg_known_set(k, &k->sides, position);
}

void pg_remember(const struct pg_group *g, struct pg_all_known *all, int64_t position)
{
    static_assert(PG_KNOWN_KEPT > 2 * STORE_PG_GROUP_MAX, "t->known is there, for each");

    for (const struct pg_thread *t = g->all; t; t = t->next) {
        if (!t->is_there || (t->known && !t->has_changed))
            continue;
        struct pg_known *k = pg_known_get(all, t->id);
        if (!t->known)
            pg_known_set(k, &t->before, t->changed_pos);
        if (t->has_changed)
            remember_change(g, t, k, position);
    }
}
