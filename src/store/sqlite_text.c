#include "store/sqlite_text.h"

#define WITHHELD "SELECT upto_seq, after_seq, after_n, after_bytes, before_n, before_bytes"

const char *const writer_texts[W_COUNT] = {
    [W_BEGIN] = "BEGIN IMMEDIATE",
    [W_COMMIT] = "COMMIT",
    [W_ROLLBACK] = "ROLLBACK",
    [W_DATA_VERSION] = "PRAGMA data_version",
    [W_META] = "SELECT position, conversations, epoch, chain FROM meta",
    [W_SET_META] = "UPDATE meta SET position = ?, conversations = ?, chain = ?",

    [W_ACCOUNT] = "SELECT id FROM account WHERE bytes = ?",
    [W_ADD_ACCOUNT] = "INSERT INTO account (bytes) VALUES (?)",
    [W_SEEN] = "UPDATE account SET seen_ms = ?2 WHERE bytes = ?1 AND seen_ms < ?2",
    [W_FIND_PAIR] =
        "SELECT id FROM conversation"
        " WHERE kind = 0 AND a = ? AND b = ? AND context = ''",
    [W_FIND_ID] =
        "SELECT x.bytes, y.bytes, x.id, y.id FROM conversation c"
        " JOIN account x ON x.id = c.a JOIN account y ON y.id = c.b WHERE c.id = ?",
    [W_ADD_CONVERSATION] =
        "INSERT INTO conversation (id, kind, a, b, context, first_seq)"
        " VALUES (?, 0, ?, ?, '', 1)",

    [W_ADD_MESSAGE] =
        "INSERT INTO message (position, conversation, seq, sender, ordinal, sent_bytes,"
        " got_bytes, created_at_ms, reply_to, type, key, digest, content)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [W_ADD_MARK] =
        "INSERT INTO mark (position, conversation, side, delivered_seq, read_seq, at_ms,"
        " is_known) VALUES (?, ?, ?, ?, ?, ?, ?)",
    [W_ADD_CONTACT] =
        "INSERT INTO contact (position, conversation, side, is_known, accepted, blocked,"
        " block_seq, block_n, block_bytes, withheld_n, withheld_bytes)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [W_AT] =
        "SELECT position, seq, created_at_ms, reply_to, digest, type, content,"
        " conversation, sender, key FROM message WHERE position = ?",
    [W_TALLIES_AT] =
        "SELECT conversation, seq, sender, ordinal, sent_bytes, got_bytes FROM message"
        " WHERE position = ?",
    [W_ADD_MILESTONE] = "INSERT OR REPLACE INTO milestone (position, chain) VALUES (?, ?)",

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
