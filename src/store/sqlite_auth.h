/**
 * Nonces, sessions and revocations: changes on the writer's connection, within the transaction
 * of its group, and pages on the reader's.
 */
#pragma once

#include "store/auth_change.h"
#include "store/sqlite_read.h"

enum sqlite_auth_statement {
    A_USE_NONCE,
    A_FIND,
    A_SURPLUS,
    A_ADD,
    A_REFRESH,
    A_END,
    A_END_ALL,
    A_REVOKE,
    A_REVOKE_ALL,
    A_FORGET_NONCES, // from here on: two parameters, until when, and how many
    A_FORGET_SESSIONS,
    A_FORGET_REVOCATIONS,
    A_COUNT,
};

struct sqlite_auth {
    struct sqlite_db *db;
    sqlite3_stmt *stmts[A_COUNT];
};

/** Its statements live as long as the connection. @return 0 or a fault */
MUST_CHECK int sqlite_auth_open(struct sqlite_auth *a, struct sqlite_db *db);

/** @return 0 with the answer in c, an enum auth_store_refusal, or a fault */
MUST_CHECK int sqlite_auth_change(struct sqlite_auth *a, struct auth_change *c);

/** Answer op, within a snapshot. @return 0 or a fault */
MUST_CHECK int sqlite_auth_revocations(struct sqlite_reader *rd, struct read_op *op);
