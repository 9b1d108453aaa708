/**
 * What a store has, kind by kind, in the order in which it is copied: how it is read from the
 * log, and written to PostgreSQL. What of it is compared, and how, is in migrate_compare.h.
 */
#pragma once

#include "store/migrate_rows.h"

enum migrate_kind_id {
    MIGRATE_ACCOUNTS,
    MIGRATE_CONVERSATIONS,
    MIGRATE_MESSAGES,
    MIGRATE_SESSIONS,
    MIGRATE_NONCES,
    MIGRATE_REVOCATIONS,
    MIGRATE_UPLOADS,
    MIGRATE_QUOTAS,
    MIGRATE_KINDS,
};

struct migrate_kind {
    const char *name;
    const char *types;  // of columns: migrate_rows_args()
    const char *select; // ?1 is the key of the last row that is there already, ?2 how many
    // Of rows: the first column is the key, which they are in the order of: i a number above
    // 0, t text, b bytes.
    char key;
    struct pg_statement insert;
};

extern const struct migrate_kind migrate_kinds[MIGRATE_KINDS];

/** Rows of conversations, from PostgreSQL. */
extern const char migrate_conversations_there[];

/**
 * Of a message m in the log: is it withheld from who it was for? 1 by a block that there is, 2
 * by one that is over, as PostgreSQL has it (pg_schema.c). temp.block is of
 * migrate_source_open().
 */
#define MIGRATE_WITHHELD                                                                       \
    "CASE WHEN coalesce((SELECT w.after_seq < m.seq FROM withheld w"                           \
    "  WHERE w.conversation = m.conversation AND w.side = 1 - m.sender"                        \
    "  AND w.upto_seq >= m.seq ORDER BY w.upto_seq LIMIT 1), 0) THEN 2"                        \
    " WHEN EXISTS (SELECT 1 FROM temp.block k WHERE k.conversation = m.conversation"           \
    "  AND k.side = 1 - m.sender AND k.block_seq < m.seq) THEN 1 ELSE 0 END"

/** Of who blocks now. */
#define MIGRATE_BLOCKS                                                                         \
    "CREATE TEMP TABLE block (conversation INTEGER, side INTEGER, block_seq INTEGER,"          \
    " PRIMARY KEY (conversation, side)) WITHOUT ROWID;"                                        \
    "INSERT INTO temp.block SELECT conversation, side, block_seq FROM"                         \
    " (SELECT conversation, side, max(position), blocked, block_seq FROM contact"              \
    "  GROUP BY conversation, side) WHERE blocked"
