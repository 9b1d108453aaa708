#include "store/sqlite_text.h"

#define OF_SIDE " WHERE conversation = ?1 AND account = ?2"
#define GROWTH                                                                                 \
    " last_seq = ?3, n_from_peer = ?4, bytes_from_peer = ?5, last_at_ms = ?6,"                 \
    " accepted = ?7, message_pos = ?8"
#define MARKS                                                                                  \
    " receipt_pos = ?9, delivered_seq = ?10, delivered_n = ?11, delivered_bytes = ?12,"        \
    " delivered_at_ms = ?13, delivered_pos = ?14,"                                             \
    " read_seq = ?15, read_n = ?16, read_at_ms = ?17, read_pos = ?18,"                         \
    " their_delivered_seq = ?19, their_delivered_at_ms = ?20, their_delivered_pos = ?21,"      \
    " their_read_seq = ?22, their_read_at_ms = ?23, their_read_pos = ?24, due_pos = ?25"
#define WITHHELD "SELECT upto_seq, after_seq, after_n, after_bytes, before_n, before_bytes"

const char *const writer_texts[W_COUNT] = {
    [W_BEGIN] = "BEGIN IMMEDIATE",
    [W_COMMIT] = "COMMIT",
    [W_ROLLBACK] = "ROLLBACK",
    [W_DATA_VERSION] = "PRAGMA data_version",
    [W_META] = "SELECT position, conversations, epoch FROM meta",
    [W_SET_META] = "UPDATE meta SET position = ?, conversations = ?",

    [W_ACCOUNT] = "SELECT id FROM account WHERE bytes = ?",
    [W_ADD_ACCOUNT] = "INSERT INTO account (bytes) VALUES (?)",
    [W_SEEN] = "UPDATE account SET seen_ms = ?2 WHERE bytes = ?1 AND seen_ms < ?2",
    // INDEXED BY: whatever an operator's ANALYZE finds. One that is blocked has no row in it.
    [W_MAILBOX] =
        "SELECT sum(n), sum(CASE WHEN accepted THEN 0 ELSE n END) FROM"
        " (SELECT accepted, max(0, n_from_peer - withheld_n - delivered_n) AS n"
        " FROM member INDEXED BY member_undelivered"
        " WHERE account = (SELECT id FROM account WHERE bytes = ?) AND due_pos > 0)",

    [W_FIND_PAIR] =
        "SELECT c.id FROM account x, account y, conversation c"
        " WHERE x.bytes = ?1 AND y.bytes = ?2"
        " AND c.kind = 0 AND c.a = x.id AND c.b = y.id AND c.context = ''",
    [W_FIND_ID] =
        "SELECT x.bytes, y.bytes FROM conversation c"
        " JOIN account x ON x.id = c.a JOIN account y ON y.id = c.b WHERE c.id = ?",
    [W_ADD_CONVERSATION] =
        "INSERT INTO conversation (id, kind, a, b, context, first_seq)"
        " VALUES (?, 0, ?, ?, '', 1)",
    [W_ADD_MEMBER] =
        "INSERT INTO member (conversation, account, peer, side)"
        " VALUES (?, ?, ?, ?)",

    // In the order of sqlite_thread.c.
    [W_MEMBERS] =
        "SELECT side, account, n_from_peer, bytes_from_peer, accepted, blocked,"
        " block_seq, block_n, block_bytes, withheld_n, withheld_bytes,"
        " last_at_ms, message_pos, receipt_pos, contact_pos, due_pos, is_unread,"
        " delivered_seq, delivered_n, delivered_bytes, delivered_at_ms, delivered_pos,"
        " read_seq, read_n, read_at_ms, read_pos,"
        " their_delivered_seq, their_delivered_at_ms, their_delivered_pos,"
        " their_read_seq, their_read_at_ms, their_read_pos"
        " FROM member WHERE conversation = ?",
    [W_GROW] = "UPDATE member SET" GROWTH OF_SIDE,
    [W_MARK] = "UPDATE member SET" MARKS OF_SIDE,
    [W_GROW_AND_MARK] = "UPDATE member SET" GROWTH "," MARKS OF_SIDE,
    [W_CONTACT] =
        "UPDATE member SET contact_pos = ?3, accepted = ?4, blocked = ?5, block_seq = ?6,"
        " block_n = ?7, block_bytes = ?8, withheld_n = ?9, withheld_bytes = ?10" OF_SIDE,
    [W_FLAGS] = "UPDATE member SET due_pos = ?3, is_unread = ?4" OF_SIDE,

    [W_ADD_MESSAGE] =
        "INSERT INTO message (position, conversation, seq, sender, ordinal, sent_bytes,"
        " got_bytes, created_at_ms, reply_to, type, key, digest, content)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (conversation, sender, key) DO NOTHING",
    [W_FIND_KEY] =
        "SELECT position, seq, created_at_ms, reply_to, digest, type, content"
        " FROM message WHERE conversation = ? AND sender = ? AND key = ?",
    [W_TALLIES] =
        "SELECT seq, sender, ordinal, sent_bytes, got_bytes FROM message"
        " WHERE conversation = ? AND seq <= ? ORDER BY seq DESC LIMIT 1",
    [W_NEXT] =
        "SELECT seq, position, sender, ordinal FROM message"
        " WHERE conversation = ? AND seq >= ? ORDER BY seq LIMIT 1",

    [W_WITHHELD_AT] = WITHHELD
    " FROM withheld WHERE conversation = ? AND side = ?"
    " AND upto_seq >= ? ORDER BY upto_seq LIMIT 1",
    [W_WITHHELD_LAST] = WITHHELD
    " FROM withheld WHERE conversation = ? AND side = ?"
    " ORDER BY upto_seq DESC LIMIT 1",
    [W_WITHHOLD] =
        "INSERT INTO withheld (conversation, side, upto_seq, after_seq, after_n, after_bytes,"
        " before_n, before_bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    [W_FORGET_WITHHELD] =
        "DELETE FROM withheld WHERE conversation = ? AND side = ? AND upto_seq = ?",
};
