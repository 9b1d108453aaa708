/** What a group is about, from the database: locked, and as it is now. Within its transaction.
 */
#pragma once

#include "store/pg_group.h"

/** Queued; then synced by the caller, then read. @param args  for a while */
void pg_load_send(struct pg_group *g, struct pg_mailboxes *mailboxes, struct pg_link *l,
                  struct pg_args *args, int64_t now_ms);

/** Those that were known, and that others have changed since. Behind pg_load_read(), also where
 * there are none. @return 0 or an enum pg_refusal */
MUST_CHECK int pg_load_changed(struct pg_group *g, struct pg_link *l, struct pg_args *args);

/** What is between the marks of receipts as they are, and as they will be: of most of them that
 * is all there is, or nothing, and the database is asked for the others alone. Behind
 * pg_load_changed(). @return 0 or an enum pg_refusal */
MUST_CHECK int pg_load_marked(struct pg_group *g, struct pg_link *l, struct pg_args *args);

/** All results, also after a refusal. @return 0 or an enum pg_refusal */
MUST_CHECK int pg_load_read(struct pg_group *g, struct pg_mailboxes *mailboxes,
                            struct pg_link *l);
