/** What is known of files, in PostgreSQL: within a transaction, which may be repeated. */
#pragma once

#include "store/pg_link.h"
#include "store/upload_change.h"

/**
 * Do it, as if it had not been tried before.
 *
 * @param r  0, or an enum uploads_refusal: what it is to be answered with, when the transaction
 *           is committed
 * @return 0 or an enum pg_refusal: the transaction is over
 */
MUST_CHECK int pg_uploads_change(struct pg_link *l, struct upload_change *c, int *r);

/** One that a message names. */
struct pg_upload {
    str id;        // borrowed
    account owner; // who may send it; nobody, unless it is there and accepted
};

/** Look at some, and lock them, in the order of their ids. @param all  by their ids, without
 * doubles @return 0 or an enum pg_refusal */
MUST_CHECK int pg_uploads_look(struct pg_link *l, struct pg_upload *all, size_t n);

/** They are kept by a message from now on: queued, one result, of no rows. */
void pg_uploads_send_keep(struct pg_link *l, const struct pg_upload *const *kept, size_t n);
