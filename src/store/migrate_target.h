/**
 * Where it is moved to: a PostgreSQL that nobody else writes to meanwhile, as a server that is
 * alone. How far it is stands in the table `migration`, of one row, and moves with what is
 * written: so it can be stopped at any moment. No server starts on it until that is done
 * (pg_schema_check_moved()).
 */
#pragma once

#include "store/migrate.h"
#include "store/migrate_source.h"
#include "store/pg_txn.h"

struct migrate_state {
    bool is_there; // some of it; else nothing at all was written
    bool is_done;
    struct migrate_mark mark; // of what is moved
    int64_t kind;             // enum migrate_kind_id; MIGRATE_KINDS: all is there but its end
    int64_t n;                // rows of that kind that are there
    struct migrate_at at;     // the last of them; its bytes are the target's
};

struct migrate_target {
    struct pg_link *link;
    struct pg_txn txn;
    struct pg_args args;
    struct buf at_bytes;
    struct migrate_state state;
    bool is_read_only;
};

struct migrate_target_config {
    const char *url;
    struct rand *rand;
    uint64_t epoch;    // of a database that is made
    bool is_read_only; // only looked at: nobody is kept out
};

/** @param t  zeroes @return 0, MIGRATE_NOT_EMPTY, MIGRATE_AWAY, or a fault; in any case
 * migrate_target_close() */
MUST_CHECK int migrate_target_open(struct migrate_target *t,
                                   const struct migrate_target_config *config);
void migrate_target_close(struct migrate_target *t);

// Each @return 0 or MIGRATE_AWAY. t->state is then what is there.

MUST_CHECK int migrate_target_begin(struct migrate_target *t, const struct migrate_mark *mark);

/** Rows of the kind that it is at, or none: on to the next kind. All that is in the buffers of
 * both must be there until it returns. */
MUST_CHECK int migrate_target_put(struct migrate_target *t, const struct migrate_rows *rows);

/** All rows are there: what counts on from them, and indices. */
MUST_CHECK int migrate_target_finish(struct migrate_target *t);

/** It is compared: servers may start. */
MUST_CHECK int migrate_target_end(struct migrate_target *t);
