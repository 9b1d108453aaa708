/**
 * Is what is in PostgreSQL what is in the data directory? Both are read once more, row by row,
 * in one order, as accounts and conversations are named outside: what a side is called in
 * either plays no part. What one has and the other has not is found as well.
 *
 * What the log says of receipts and contacts is compared with what PostgreSQL says of
 * conversations. What was copied of these came from the index: so that a damaged index is
 * found.
 */
#pragma once

#include "store/migrate.h"
#include "store/migrate_source.h"
#include "store/migrate_target.h"

/** @return 0, MIGRATE_DIFFERS, MIGRATE_AWAY, or a fault */
MUST_CHECK int migrate_compare(struct migrate_source *s, struct migrate_target *t,
                               const struct migrate_listener *to);
