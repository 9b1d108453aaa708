/** Conversations, and how their sides stand with each other. Private to the reader. */
#pragma once

#include "store/sqlite_read.h"

// Each answers op, within a snapshot. @return 0, a refusal, or a fault

MUST_CHECK int sqlite_list_read(struct sqlite_reader *rd, struct read_op *op);
MUST_CHECK int sqlite_list_one(struct sqlite_reader *rd, struct read_op *op);
MUST_CHECK int sqlite_list_changes(struct sqlite_reader *rd, struct read_op *op);
MUST_CHECK int sqlite_list_relations(struct sqlite_reader *rd, struct read_op *op);
MUST_CHECK int sqlite_list_touched(struct sqlite_reader *rd, struct read_op *op);
MUST_CHECK int sqlite_list_unread(struct sqlite_reader *rd, struct read_op *op);
