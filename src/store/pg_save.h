/** What a group has changed, to the database: within its transaction, and without an answer
 * that anything depends on. */
#pragma once

#include "store/pg_group.h"

/** Queued. @return how many results that makes, of no rows */
size_t pg_save_send(struct pg_group *g, struct pg_link *l, struct pg_args *args);

/** When accounts were seen, that were known before the group: queued, one result. Before
 * pg_save_send(). */
void pg_save_send_seen(struct pg_group *g, struct pg_link *l, struct pg_args *args);
