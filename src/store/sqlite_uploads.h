/**
 * Uploads (chat/uploads.h): changes on the writer's connection, within the transaction of its
 * group, what an append does with the one that it names, and a question on the reader's.
 */
#pragma once

#include "chat/store.h"
#include "store/sqlite_read.h"
#include "store/upload_change.h"

enum sqlite_uploads_statement {
    U_OWNER,
    U_SET_OWNER,
    U_ADD,
    U_STATE,
    U_SET,
    U_OVER,
    U_REMOVE,
    U_ACCEPTED,
    U_ATTACH,
    U_KEEP,
    U_COUNT,
};

extern const char *const sqlite_uploads_texts[U_COUNT];

struct sqlite_uploads {
    struct sqlite_db *db;
    sqlite3_stmt *stmts[U_COUNT];
};

/** Its statements live as long as the connection. @return 0 or a fault */
MUST_CHECK int sqlite_uploads_open(struct sqlite_uploads *u, struct sqlite_db *db);

/** @return 0 with the answer in c, an enum uploads_refusal, or a fault */
MUST_CHECK int sqlite_uploads_change(struct sqlite_uploads *u, struct upload_change *c);

/** May the message have the upload that it names? One that names none may.
 * @return 0, STORE_NO_UPLOAD, or a fault */
MUST_CHECK int sqlite_uploads_check(struct sqlite_uploads *u, const struct store_append *a);

/** It was stored at this position, and keeps what it names. @return 0 or a fault */
MUST_CHECK int sqlite_uploads_keep(struct sqlite_uploads *u, const struct store_append *a,
                                   int64_t position);

/** Answer op, within a snapshot. @return 0, UPLOADS_NOT_FOUND, or a fault */
MUST_CHECK int sqlite_uploads_find(struct sqlite_reader *rd, struct read_op *op);
