#include "store/pg_turn.h"

void pg_turn_init(struct pg_turn *t, struct pg_link *link)
{
    *t = (struct pg_turn){.link = link};
    pg_args_init(&t->args);
}

static void drop_results(struct pg_turn *t)
{
    for (size_t i = 0; i < PG_TURN_STATEMENTS; i++)
        pg_result_free(&t->results[i]);
}

void pg_turn_fini(struct pg_turn *t)
{
    assert(t->n_queued == 0);
    drop_results(t);
    pg_args_fini(&t->args);
}

struct pg_args *pg_turn_args(struct pg_turn *t)
{
    pg_args_clear(&t->args);
    return &t->args;
}

void pg_turn_queue(struct pg_turn *t, const struct pg_statement *s)
{
    assert(t->n_queued < PG_TURN_STATEMENTS);
    pg_link_send(t->link, s, &t->args);
    t->n_queued++;
}

int pg_turn_go(struct pg_turn *t)
{
    int r = 0;

    drop_results(t);
    pg_link_sync(t->link);
    for (size_t i = 0; i < t->n_queued; i++) {
        const int of_this = pg_link_result(t->link, &t->results[i]);
        r = r == 0 ? of_this : r;
    }
    t->n_queued = 0;
    return r;
}
