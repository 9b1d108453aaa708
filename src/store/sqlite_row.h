/**
 * What the reader's pages are made of: its statements, a conversation as one of its sides sees
 * it, and messages. Private to the reader.
 */
#pragma once

#include "store/sqlite_read.h"

enum sqlite_row_statement {
    R_BEGIN,
    R_FIX, // the snapshot of the index
    R_COMMIT,
    R_ACCOUNT,
    R_CONVERSATION,
    R_PAIR,
    R_NEAR,
    R_PROBE,
    R_AT,
    R_WITHHELD,
    R_REVOCATIONS,
    R_UPLOAD,
    R_COUNT,
};

extern const char *const sqlite_row_texts[R_COUNT];

/** A conversation, as one of its sides sees it. */
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
    struct thread_mark my_marks[2]; // the same, by enum chat_mark
    struct thread_mark their_marks[2];
    uint64_t read_n;
    int64_t due_pos; // 0: nothing is undelivered; else what is is not below
    uint64_t first_seq;
    account peer;
};

/** Which of an account's conversations. */
enum sqlite_query_kind {
    QUERY_TOUCHED,     // message_pos > after
    QUERY_UNDELIVERED, // 0 < due_pos <= upto, and message_pos > after; by due_pos
    QUERY_LATEST,      // 0 < message_pos < upto; the latest first
    QUERY_CHANGED,     // contact_pos above 0 and after; by contact_pos
    QUERY_MARKED,      // receipt_pos above 0 and after
    QUERY_UNREAD,      // with something unread
    QUERY_TOUCHES,     // message_pos, receipt_pos or contact_pos above 0 and after
};

struct sqlite_query {
    enum sqlite_query_kind kind;
    const account *account;
    int64_t after;
    int64_t upto;
};

/** One of those that are wanted. */
struct sqlite_candidate {
    int64_t key; // what they are in the order of, the least first
    conversation_id id;
    unsigned side;
    const struct tail_thread *tail; // NULL: it is the index's
};

/**
 * Conversations of an account, as the index and the tail have them together: as a heap, so that
 * who wants the first few does not pay for the order of all.
 */
struct sqlite_views {
    struct sqlite_reader *rd;
    struct sqlite_query query;
    struct tail_found found;       // owned
    struct sqlite_candidate *heap; // owned
    size_t n;
};

/** @return 0 or a fault; in either case sqlite_views_close() */
MUST_CHECK int sqlite_views_open(struct sqlite_views *vs, struct sqlite_reader *rd,
                                 const struct sqlite_query *query);
void sqlite_views_close(struct sqlite_views *vs);

/** @return 0, SQLITE_DB_NO_ROW: that was all, or a fault */
MUST_CHECK int sqlite_views_next(struct sqlite_views *vs, struct sqlite_view *out);

/** How many there are. @return 0 or a fault */
MUST_CHECK int sqlite_views_count(struct sqlite_reader *rd, const struct sqlite_query *query,
                                  uint64_t *n);

/** One of them by its id. @return 0, STORE_NOT_FOUND, or a fault */
MUST_CHECK int sqlite_row_by_id(struct sqlite_reader *rd, const account *a, conversation_id id,
                                struct sqlite_view *out);

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

/** Messages of a conversation, those that are there. */
struct sqlite_messages {
    const struct sqlite_view *view;
    uint64_t next; // seq
    uint64_t n;    // of them, or of those that are gone
    int step;      // 1 or -1
};

/** first <= seq < end. @param step  1: from the first one, -1: from the last */
struct sqlite_messages sqlite_row_messages(const struct sqlite_view *v, uint64_t first,
                                           uint64_t end, int step);

/** On to the next one, on which R_AT is then. @return 0, SQLITE_DB_NO_ROW, or a fault */
MUST_CHECK int sqlite_row_next(struct sqlite_reader *rd, struct sqlite_messages *ms);

/** The message at this position; R_AT is on it. @return likewise */
MUST_CHECK int sqlite_row_at(struct sqlite_reader *rd, const struct sqlite_view *v,
                             int64_t position);

/**
 * Of the row that R_AT is at; its strings are op's, for the page outlives the
 * snapshot. The key is for the sender's eyes.
 *
 * @param is_gone  it is withheld from the viewer
 */
struct chat_message sqlite_row_message(struct read_op *op, const account *viewer,
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

/** Is the message that R_AT is at withheld from the view's side?
 * @return 0 or a fault */
MUST_CHECK int sqlite_row_is_gone(struct sqlite_reader *rd, const struct sqlite_view *v,
                                  sqlite3_stmt *stmt, struct sqlite_gone *gone, bool *is);
