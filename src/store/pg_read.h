/** The questions of a front, answered from PostgreSQL: each from one snapshot. */
#pragma once

#include "store/op.h"
#include "store/pg_link.h"

struct pg_reader {
    struct pg_link *link;
    struct store_engine *engine; // whose `durable` what was seen is put to
};

/** Answer them: what can't be asked is STORE_UNAVAILABLE. @param reads  of struct read_op */
void pg_reader_run(struct pg_reader *rd, struct list *reads);
