/**
 * What the reader's pages are made of: its statements, a conversation as one of its sides sees
 * it, and messages. Private to the reader.
 */
#pragma once

#include "store/sqlite_read.h"

enum sqlite_row_statement {
    R_BEGIN,
    R_COMMIT,
    R_TOUCHED,
    R_UNDELIVERED,
    R_BY_ID,
    R_BY_PEER,
    R_LATEST,
    R_MARKED,
    R_UNREAD,
    R_PROBE,
    R_UP,
    R_DOWN,
    R_REVOCATIONS,
    R_COUNT,
};

extern const char *const sqlite_row_texts[R_COUNT];

/** A conversation, as R_TOUCHED, R_UNDELIVERED, R_BY_ID, R_BY_PEER and R_LATEST return it. */
struct sqlite_view {
    conversation_id conversation;
    unsigned side;
    uint64_t last_seq;
    uint64_t n_from_peer;
    bool accepted;
    bool blocked;
    int64_t message_pos;
    int64_t last_at_ms;
    struct chat_marks mine;
    struct chat_marks theirs;
    uint64_t read_n;
    uint64_t first_seq;
    account peer;
};

struct sqlite_view sqlite_row_view(sqlite3_stmt *stmt);

static inline uint64_t sqlite_row_u64(sqlite3_stmt *stmt, int column)
{
    return (uint64_t)sqlite3_column_int64(stmt, column);
}

/** The statement, its first parameter bound. */
sqlite3_stmt *sqlite_row_of_account(struct sqlite_reader *rd, enum sqlite_row_statement which,
                                    const account *a);

/** R_UP or R_DOWN over first <= seq < end. */
sqlite3_stmt *sqlite_row_messages(struct sqlite_reader *rd, enum sqlite_row_statement which,
                                  const struct sqlite_view *v, uint64_t first, uint64_t end);

/**
 * Of the row that R_UP or R_DOWN is at; its strings are op's, for the page outlives the
 * snapshot. The key is for the sender's eyes.
 */
struct chat_message sqlite_row_message(struct sqlite_read *op, const account *viewer,
                                       const struct sqlite_view *v, sqlite3_stmt *stmt);
size_t sqlite_row_content_bytes(sqlite3_stmt *stmt);

/** Room for strings of a page, of this size; freed with op. */
char *sqlite_row_keep(struct sqlite_read *op, size_t size);

/** Room for one more in op->items, which grows at every power of two. */
void *sqlite_row_room(struct sqlite_read *op, size_t n, size_t size);

/** Make it item n of op->items. */
void sqlite_row_add(struct sqlite_read *op, size_t n, const struct chat_message *m);
