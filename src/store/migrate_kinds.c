#include "store/migrate_kinds.h"

// clang-format off

#define SIDE(s)                                                                                \
    s "undelivered, " s "undelivered_bytes, " s "due_pos, " s "unread, "                       \
    s "delivered_seq, " s "delivered_at_ms, " s "delivered_pos, "                              \
    s "read_seq, " s "read_at_ms, " s "read_pos, "                                             \
    s "accepted, " s "is_due, " s "has_unread, " s "blocked, " s "block_seq, "                 \
    s "contact_pos, " s "withheld, " s "withheld_bytes, "                                      \
    s "shown_seq, " s "shown_pos, " s "shown_at_ms, "                                          \
    s "peer_delivered_seq, " s "peer_delivered_at_ms, " s "peer_delivered_pos, "               \
    s "peer_read_seq, " s "peer_read_at_ms, " s "peer_read_pos"

#define CONVERSATION                                                                           \
    "id, a, b, changed_pos, era, last_seq, last_pos, last_at_ms, " SIDE("a_") ", " SIDE("b_")

const char migrate_conversations_there[] =
    "SELECT " CONVERSATION " FROM conversation ORDER BY id";

#define SIDE_TYPES "iiiiiiiiiioooo" "iiiiiiiiiiiii"

#define EIGHT(a, b, c, d, e, f, g, h)                                                          \
    "$" #a "::int8[], $" #b "::int8[], $" #c "::int8[], $" #d "::int8[], $" #e "::int8[], $"   \
    #f "::int8[], $" #g "::int8[], $" #h "::int8[], "

static const char accounts[] =
    "SELECT id, bytes, seen_ms FROM account WHERE id > ?1 ORDER BY id LIMIT ?2";

// Which is only read to know which there are: the rest is of migrate_thread.h.
static const char conversations[] =
    "SELECT id FROM conversation WHERE id > ?1 ORDER BY id LIMIT ?2";

// A side there is the place of an account's bytes among the two, and here that of its id.
static const char messages[] =
    "SELECT m.position, m.conversation, m.seq,"
    " CASE m.sender WHEN 0 THEN c.a > c.b ELSE c.a < c.b END, " MIGRATE_WITHHELD ","
    " CASE m.sender WHEN 0 THEN c.a ELSE c.b END, CASE m.sender WHEN 0 THEN c.b ELSE c.a END,"
    " m.created_at_ms, m.reply_to, m.type, m.key, m.digest, m.content, t.upload"
    " FROM message m CROSS JOIN conversation c LEFT JOIN attachment t ON t.position = m.position"
    " WHERE c.id = m.conversation AND m.position > ?1 ORDER BY m.position LIMIT ?2";

static const char sessions[] =
    "SELECT id, name, account, generation, began_at_ms, refreshed_at_ms, expires_at_ms,"
    " proof_chain, CASE WHEN proof_chain <> 0 THEN proof_digest END,"
    " CASE WHEN proof_chain <> 0 THEN proof_signature END"
    " FROM session WHERE id > ?1 ORDER BY id LIMIT ?2";

static const char nonces[] =
    "SELECT bytes, until_ms FROM nonce WHERE bytes > ?1 ORDER BY bytes LIMIT ?2";

static const char revocations[] =
    "SELECT position, session, account, before_ms, until_ms FROM revocation"
    " WHERE position > ?1 ORDER BY position LIMIT ?2";

static const char uploads[] =
    "SELECT id, owner, name, mime, size, CASE WHEN length(sha256) > 0 THEN sha256 END, state,"
    " until_ms, cost_ms, until_ms = 0 FROM upload WHERE id > ?1 ORDER BY id LIMIT ?2";

static const char quotas[] =
    "SELECT owner, full_at_ms, n_pending FROM uploader WHERE owner > ?1 ORDER BY owner LIMIT ?2";

const struct migrate_kind migrate_kinds[MIGRATE_KINDS] = {
    [MIGRATE_ACCOUNTS] = {"accounts", "ibi", accounts, 'i', {144,
        "INSERT INTO account (id, address, seen_ms) OVERRIDING SYSTEM VALUE"
        " SELECT * FROM unnest($1::int8[], $2::bytea[], $3::int8[])"}},

    [MIGRATE_CONVERSATIONS] = {"conversations", "iiiiiiii" SIDE_TYPES SIDE_TYPES,
                               conversations, 'i', {145,
        "INSERT INTO conversation (" CONVERSATION ") SELECT * FROM unnest("
        EIGHT(1, 2, 3, 4, 5, 6, 7, 8) EIGHT(9, 10, 11, 12, 13, 14, 15, 16)
        "$17::int8[], $18::int8[], $19::bool[], $20::bool[], $21::bool[], $22::bool[], "
        "$23::int8[], $24::int8[], $25::int8[], $26::int8[], $27::int8[], "
        EIGHT(28, 29, 30, 31, 32, 33, 34, 35) EIGHT(36, 37, 38, 39, 40, 41, 42, 43)
        "$44::int8[], $45::int8[], $46::bool[], $47::bool[], $48::bool[], $49::bool[], "
        EIGHT(50, 51, 52, 53, 54, 55, 56, 57)
        "$58::int8[], $59::int8[], $60::int8[], $61::int8[], $62::int8[])"}},

    [MIGRATE_MESSAGES] = {"messages", "iiiiiiiiibbbbb", messages, 'i', {146,
        "INSERT INTO message (position, conversation, seq, side, withheld, sender, recipient,"
        " created_at_ms, reply_to, type, key, digest, content, upload) SELECT * FROM unnest("
        EIGHT(1, 2, 3, 4, 5, 6, 7, 8)
        "$9::int8[], $10::bytea[], $11::bytea[], $12::bytea[], $13::bytea[], $14::bytea[])"}},

    [MIGRATE_SESSIONS] = {"sessions", "ibbiiiiibb", sessions, 'i', {147,
        "INSERT INTO session (id, name, account, generation, began_at_ms, refreshed_at_ms,"
        " expires_at_ms, proof_chain, proof_digest, proof_signature) OVERRIDING SYSTEM VALUE"
        " SELECT * FROM unnest($1::int8[], $2::bytea[], $3::bytea[], $4::int8[], $5::int8[],"
        " $6::int8[], $7::int8[], $8::int8[], $9::bytea[], $10::bytea[])"}},

    [MIGRATE_NONCES] = {"nonces", "bi", nonces, 'b', {148,
        "INSERT INTO nonce (bytes, until_ms) SELECT * FROM unnest($1::bytea[], $2::int8[])"}},

    [MIGRATE_REVOCATIONS] = {"revocations", "ibbii", revocations, 'i', {149,
        "INSERT INTO revocation (position, session, account, before_ms, until_ms)"
        " SELECT * FROM unnest($1::int8[], $2::bytea[], $3::bytea[], $4::int8[], $5::int8[])"}},

    [MIGRATE_UPLOADS] = {"uploads", "bbbbibiiio", uploads, 't', {150,
        "INSERT INTO upload (id, owner, name, mime, size, sha256, state, until_ms, cost_ms,"
        " is_kept) SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::bytea[],"
        " $5::int8[], $6::bytea[], $7::int8[], $8::int8[], $9::int8[], $10::bool[])"}},

    [MIGRATE_QUOTAS] = {"quotas", "bii", quotas, 'b', {151,
        "INSERT INTO upload_quota (owner, full_at_ms, n_pending)"
        " SELECT * FROM unnest($1::bytea[], $2::int8[], $3::int8[])"}},
};
