/** A conversation, as the embedded store has it in memory, as a row of PostgreSQL. */
#pragma once

#include "store/migrate_rows.h"
#include "store/sqlite_thread.h"

/** The seqs of messages, where only their positions are known. @return 0 or a fault */
typedef int migrate_seq_fn(void *arg, int64_t position, uint64_t *seq);

/** One more row of MIGRATE_CONVERSATIONS. @return 0 or a fault */
MUST_CHECK int migrate_thread_add(struct migrate_rows *rows, const struct thread *t,
                                  migrate_seq_fn *seq_at, void *arg);
