/**
 * A turn to PostgreSQL and back: some statements that go out together, and their results. For
 * who does one turn after the other.
 */
#pragma once

#include "store/pg_link.h"

#define PG_TURN_STATEMENTS 8 // of one turn, at most

struct pg_turn {
    struct pg_link *link;                  // borrowed
    struct pg_args args;                   // of the next statement
    PGresult *results[PG_TURN_STATEMENTS]; // of the last turn's, in their order; owned
    size_t n_queued;
};

void pg_turn_init(struct pg_turn *t, struct pg_link *link);
void pg_turn_fini(struct pg_turn *t);

/** Those of the next statement: none yet. */
struct pg_args *pg_turn_args(struct pg_turn *t);

/** One more, with these; the last turn's results stay. */
void pg_turn_queue(struct pg_turn *t, const struct pg_statement *s);

/** Go there and back. @return 0 with the results, or an enum pg_refusal: one was refused */
MUST_CHECK int pg_turn_go(struct pg_turn *t);
