/**
 * Changes of sessions, in PostgreSQL: within a transaction, which may be repeated.
 *
 * What they revoke is written last, right before the commit: it takes positions, which nobody
 * else can take until then.
 */
#pragma once

#include "store/auth_change.h"
#include "store/pg_link.h"

/**
 * Do it, as if it had not been tried before, but for what it revokes: pg_auth_send_revoked().
 *
 * @param r  0, or an enum auth_store_refusal: what it is to be answered with, when the
 *           transaction is committed
 * @return 0 or an enum pg_refusal: the transaction is over
 */
MUST_CHECK int pg_auth_change(struct pg_link *l, struct auth_change *c, int *r);

/**
 * What it revokes gets its position: queued. In the order of the changes, and behind all that
 * may have to wait for another transaction.
 *
 * @param r  of pg_auth_change() @return is there something: one result, of no rows
 */
MUST_CHECK bool pg_auth_send_revoked(struct pg_link *l, const struct auth_change *c, int r);
