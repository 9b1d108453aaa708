/** What an account has to get: the page of store_read(). Private to the reader. */
#pragma once

#include "store/sqlite_read.h"

/** Answer op, within a snapshot. @return 0 or a fault */
MUST_CHECK int sqlite_due_read(struct sqlite_reader *rd, struct read_op *op);
