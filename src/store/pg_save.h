/** What a group has changed, to the database: within its transaction, and without an answer
 * that anything depends on. */
#pragma once

#include "store/pg_group.h"

// Of a group that is no larger indices are made to be exact: which conversations have something
// undelivered, or unread. A larger one leaves in there what need not be written.
#define PG_EXACT_CHANGES 32

/** Queued. @return how many results that makes, of no rows */
size_t pg_save_send(struct pg_group *g, struct pg_link *l, struct pg_args *args);

/** When accounts were seen, that were known before the group: queued, one result. Before
 * pg_save_send(). */
void pg_save_send_seen(struct pg_group *g, struct pg_link *l, struct pg_args *args);
