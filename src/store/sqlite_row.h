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
    R_N_TOUCHED,
    R_NEAR,
    R_UNDELIVERED,
    R_BY_ID,
    R_BY_PEER,
    R_LATEST,
    R_CHANGED,
    R_RELATION,
    R_MARKED,
    R_TOUCHES,
    R_UNREAD,
    R_PROBE,
    R_UP,
    R_DOWN,
    R_AT,
    R_WITHHELD,
    R_REVOCATIONS,
    R_UPLOAD,
    R_COUNT,
};

extern const char *const sqlite_row_texts[R_COUNT];

/** A conversation, as R_TOUCHED to R_CHANGED return it. */
struct sqlite_view {
    conversation_id conversation;
    unsigned side;
    uint64_t last_seq;
    uint64_t n_from_peer;
    bool accepted;
    bool blocked;
    uint64_t block_seq;  // while blocked: behind it all of the peer's is withheld
    uint64_t block_n;    // of the peer's up to it
    uint64_t withheld_n; // by blocks that are over
    int64_t message_pos;
    int64_t contact_pos;
    int64_t last_at_ms;
    struct chat_marks mine;
    struct chat_marks theirs;
    uint64_t read_n;
    int64_t due_pos; // 0: nothing is undelivered; else what is is not below
    uint64_t first_seq;
    account peer;
};

#define SQLITE_VIEW_COLUMNS 20 // of a row; others are behind them

struct sqlite_view sqlite_row_view(sqlite3_stmt *stmt);

static inline uint64_t sqlite_row_u64(sqlite3_stmt *stmt, int column)
{
    return (uint64_t)sqlite3_column_int64(stmt, column);
}

/** The statement, its first parameter bound. */
sqlite3_stmt *sqlite_row_of_account(struct sqlite_reader *rd, enum sqlite_row_statement which,
                                    const account *a);

/** The one that an account means. @return 0, STORE_NOT_FOUND, or a fault */
MUST_CHECK int sqlite_row_find(struct sqlite_reader *rd, const account *a,
                               const struct chat_place *place, struct sqlite_view *out);

/** Messages of the peer that the side may see. */
static inline uint64_t sqlite_row_n_visible(const struct sqlite_view *v)
{
    return (v->blocked ? v->block_n : v->n_from_peer) - v->withheld_n;
}

/** R_UP or R_DOWN over first <= seq < end. */
sqlite3_stmt *sqlite_row_messages(struct sqlite_reader *rd, enum sqlite_row_statement which,
                                  const struct sqlite_view *v, uint64_t first, uint64_t end);

/**
 * Of the row that R_UP, R_DOWN or R_AT is at; its strings are op's, for the page outlives the
 * snapshot. The key is for the sender's eyes.
 *
 * @param is_gone  it is withheld from the viewer
 */
struct chat_message sqlite_row_message(struct sqlite_read *op, const account *viewer,
                                       const struct sqlite_view *v, sqlite3_stmt *stmt,
                                       bool is_gone);

/** Of what that message will have. */
size_t sqlite_row_content_bytes(sqlite3_stmt *stmt, bool is_gone);

/** What is known of a side's withheld messages, from a seq on. Begins as zeroes. */
struct sqlite_gone {
    uint64_t from;
    uint64_t after; // behind it, the peer's are withheld
    uint64_t upto;  // nothing is known of what is behind that
};

/** Get to know what is withheld around seq. @return 0 or a fault */
MUST_CHECK int sqlite_row_look(struct sqlite_reader *rd, const struct sqlite_view *v,
                               uint64_t seq, struct sqlite_gone *gone);

/** Is the message that R_UP, R_DOWN or R_AT is at withheld from the view's side?
 * @return 0 or a fault */
MUST_CHECK int sqlite_row_is_gone(struct sqlite_reader *rd, const struct sqlite_view *v,
                                  sqlite3_stmt *stmt, struct sqlite_gone *gone, bool *is);

/** Room for strings of a page, of this size; freed with op. */
char *sqlite_row_keep(struct sqlite_read *op, size_t size);

/** Room for one more in op->items, which grows at every power of two. */
void *sqlite_row_room(struct sqlite_read *op, size_t n, size_t size);

/** Make it item n of op->items. */
void sqlite_row_add(struct sqlite_read *op, size_t n, const struct chat_message *m);
