/**
 * The tables of sqlite_look_table.h, and where their columns are in the log (sqlite_file.c).
 *
 * What the index has of messages is `placed`, of a conversation's last ones `kept`; all behind
 * `indexed` is read from the end of the log, which the server keeps short. Where there is no
 * index these are empty and that is 0: it is the same SQL, and goes through the log. Of a
 * `mark` and a `contact` the log has no order but its own, so that whoever asks how a side
 * stands goes through all of those.
 */
#include "store/sqlite_look_table.h"

#define ADDRESS "TEXT COLLATE NOCASE"

#define AT(ms)         "strftime('%Y-%m-%dT%H:%M:%fZ', nullif(" ms ", 0) / 1000.0, 'unixepoch')"
#define ADDRESS_OF(id) "address((SELECT bytes FROM account WHERE id = " id "))"
#define OF_SIDE(side)  "CASE " side " WHEN 0 THEN c.a ELSE c.b END"
#define IS_KEY(id)     id " = (SELECT id FROM account WHERE bytes = ?4)"

// Ids of `placed`: what is above the lower half of a conversation's id, and the seq.
#define PLACES_OF(id)   "p.id BETWEEN " id " >> 32 << 32 AND (" id " >> 32 << 32) + 4294967295"
#define MESSAGES_PLACED "placed p CROSS JOIN message m ON m.position = p.position"
#define MESSAGES_KEPT   "kept k CROSS JOIN message m ON m.position = k.position"
#define IS_LATER        "m.position > (SELECT position FROM indexed)"

#define MESSAGES_OF_KEY                                                                        \
    "conversation c CROSS JOIN placed p ON " PLACES_OF(                                        \
        "c.id") " CROSS JOIN message m ON m.position = p.position"
#define KEPT_OF_KEY                                                                            \
    "conversation c CROSS JOIN kept k ON k.number = c.id >> 32"                                \
    " CROSS JOIN message m ON m.position = k.position"
#define LATER_OF_KEY "message m CROSS JOIN conversation c ON c.id = m.conversation"
#define KEY_HAS_SENT IS_KEY(OF_SIDE("m.sender"))
#define KEY_HAS_GOT  IS_KEY(OF_SIDE("1 - m.sender"))
#define KEY_IS_EITHER                                                                          \
    "(c.a = (SELECT id FROM account WHERE bytes = ?4)"                                         \
    " OR c.b = (SELECT id FROM account WHERE bytes = ?4))"

static const struct sqlite_look_table messages = {
    .name = "messages",
    .key = "position",
    .columns =
        {
            {"conversation", "TEXT", "conversation_text(m.conversation)", {NULL}},
            {"seq", "INTEGER", "m.seq", {NULL}},
            {"from",
             ADDRESS,
             "(SELECT " ADDRESS_OF(OF_SIDE("m.sender")) " FROM conversation c"
                                                        " WHERE c.id = m.conversation)",
             {NULL}},
            {"to",
             ADDRESS,
             "(SELECT " ADDRESS_OF(OF_SIDE("1 - m.sender")) " FROM conversation c"
                                                            " WHERE c.id = m.conversation)",
             {NULL}},
            {"type", "TEXT", "m.type", {NULL}},
            {"content", "TEXT", "m.content", {NULL}},
            {"client_msg_id", "TEXT", "CASE WHEN m.key NOT LIKE '~%' THEN m.key END", {NULL}},
            {"reply_to", "INTEGER", "nullif(m.reply_to, 0)", {NULL}},
            {"created_at", "TEXT", AT("m.created_at_ms"), {NULL}},
            {"position", "INTEGER", "m.position", {NULL}},
        },
    .ways = {
        {"conversation",
         LOOK_CONVERSATION,
         "seq",
         {"seq", "position"},
         {{MESSAGES_PLACED,
           "p.id BETWEEN (?1 >> 32 << 32) + min(max(?2, 0), 4294967295)"
           " AND (?1 >> 32 << 32) + min(max(?3, 0), 4294967295) AND m.conversation = ?1",
           "p.id"},
          {MESSAGES_KEPT,
           "k.number = ?1 >> 32 AND m.conversation = ?1 AND m.seq BETWEEN ?2 AND ?3",
           "m.position"},
          {"message m", IS_LATER " AND m.conversation = ?1 AND m.seq BETWEEN ?2 AND ?3",
           "m.position"}},
         1e4,
         1000},
        {"from",
         LOOK_ACCOUNT,
         NULL,
         {NULL},
         {{MESSAGES_OF_KEY, KEY_IS_EITHER " AND " KEY_HAS_SENT, NULL},
          {KEPT_OF_KEY, KEY_IS_EITHER " AND " KEY_HAS_SENT, NULL},
          {LATER_OF_KEY, IS_LATER " AND " KEY_HAS_SENT, NULL}},
         1e6,
         10000},
        {"to",
         LOOK_ACCOUNT,
         NULL,
         {NULL},
         {{MESSAGES_OF_KEY, KEY_IS_EITHER " AND " KEY_HAS_GOT, NULL},
          {KEPT_OF_KEY, KEY_IS_EITHER " AND " KEY_HAS_GOT, NULL},
          {LATER_OF_KEY, IS_LATER " AND " KEY_HAS_GOT, NULL}},
         1e6,
         10000},
        {NULL,
         LOOK_NO_KEY,
         "position",
         {"position"},
         {{"message m", "m.position BETWEEN ?2 AND ?3", "m.position"}},
         1e8,
         10000000},
    }};

// A conversation's last message: l is that which the index has, and t what the end of the log
// has, or one that is gone, if that is later.
#define LAST                                                                                   \
    " LEFT JOIN message l ON l.position = ifnull("                                             \
    " (SELECT k.position FROM last_kept k WHERE k.number = c.id >> 32),"                       \
    " (SELECT p.position FROM placed p WHERE " PLACES_OF("c.id") " ORDER BY p.id DESC LIMIT 1))" \
    " LEFT JOIN (SELECT conversation, max(seq) AS seq, sender, ordinal, created_at_ms FROM ("  \
    "   SELECT conversation, seq, sender, ordinal, created_at_ms FROM message m"               \
    "   WHERE " IS_LATER " UNION ALL"                                                          \
    "   SELECT conversation, seq, sender, ordinal, created_at_ms FROM removed)"                \
    " WHERE ?1 IS NULL OR conversation = ?1 GROUP BY conversation) t ON t.conversation = c.id"
#define LAST_PLACED "ifnull(l.seq, 0)"
#define LAST_SEQ    "max(" LAST_PLACED ", ifnull(t.seq, 0))"
#define OF_LAST(field)                                                                         \
    "CASE WHEN ifnull(t.seq, 0) >= " LAST_PLACED " THEN t." field " ELSE l." field " END"

static const struct sqlite_look_table conversations = {
    .name = "conversations",
    .key = "conversation",
    .columns =
        {
            {"conversation", "TEXT", "conversation_text(c.id)", {NULL}},
            {"a", ADDRESS, ADDRESS_OF("c.a"), {NULL}},
            {"b", ADDRESS, ADDRESS_OF("c.b"), {NULL}},
            {"first_seq", "INTEGER", "c.first_seq", {NULL}},
            {"last_seq", "INTEGER", LAST_SEQ, {LAST}},
            {"updated_at", "TEXT", AT(OF_LAST("created_at_ms")), {LAST}},
        },
    .ways = {
        {"conversation",
         LOOK_CONVERSATION,
         NULL,
         {NULL},
         {{"conversation c", "c.id = ?1", NULL}},
         10,
         1},
        {"a",
         LOOK_ACCOUNT,
         NULL,
         {NULL},
         {{"conversation c", "c.kind = 0 AND " IS_KEY("c.a"), NULL}},
         100,
         20},
        {"b", LOOK_ACCOUNT, NULL, {NULL}, {{"conversation c", IS_KEY("c.b"), NULL}}, 1e5, 20},
        {NULL, LOOK_NO_KEY, NULL, {NULL}, {{"conversation c", NULL, NULL}}, 1e6, 1000000},
    }};

#define N_CONVERSATIONS                                                                        \
    " LEFT JOIN (SELECT id, count(*) AS n FROM (SELECT a AS id FROM conversation"              \
    " UNION ALL SELECT b FROM conversation) WHERE ?4 IS NULL OR " IS_KEY(                      \
        "id") " GROUP BY id) k ON k.id = x.id"

static const struct sqlite_look_table accounts = {
    .name = "accounts",
    .key = "account",
    .columns =
        {
            {"account", ADDRESS, "address(x.bytes)", {NULL}},
            {"last_seen", "TEXT", AT("x.seen_ms"), {NULL}},
            {"conversations", "INTEGER", "ifnull(k.n, 0)", {N_CONVERSATIONS}},
        },
    .ways = {
        {"account", LOOK_ACCOUNT, NULL, {NULL}, {{"account x", "x.bytes = ?4", NULL}}, 10, 1},
        {NULL, LOOK_NO_KEY, NULL, {NULL}, {{"account x", NULL, NULL}}, 1e6, 1000000},
    }};

// How the sides stand, of the conversation that is given, or of all.

#define MARKS                                                                                  \
    "(SELECT conversation, side, max(delivered_seq) AS delivered_seq,"                         \
    " max(read_seq) AS read_seq FROM mark"                                                     \
    " WHERE ?1 IS NULL OR conversation = ?1 GROUP BY conversation, side)"
#define CONTACTS                                                                               \
    "(SELECT conversation, side, max(position), accepted, blocked, block_seq FROM contact"     \
    " WHERE ?1 IS NULL OR conversation = ?1 GROUP BY conversation, side)"

// The messages of what is given: of one conversation, of one account, or all.
#define FIELDS          "SELECT m.conversation, m.seq, m.sender, m.created_at_ms FROM "
#define MORE            " UNION ALL " FIELDS
#define OF_CONVERSATION " WHERE ?1 IS NOT NULL AND m.conversation = ?1"
#define OF_ACCOUNT      " WHERE ?4 IS NOT NULL AND " KEY_IS_EITHER

// clang-format off: it takes what stands between two texts for the arguments of one
#define MESSAGES_GIVEN                                                                         \
    "(" FIELDS                                                                                 \
    "message m WHERE ?1 IS NULL AND ?4 IS NULL" MORE MESSAGES_PLACED OF_CONVERSATION           \
    " AND " PLACES_OF("?1") MORE MESSAGES_KEPT OF_CONVERSATION                                 \
        " AND k.number = ?1 >> 32" MORE "message m" OF_CONVERSATION                            \
        " AND " IS_LATER MORE MESSAGES_OF_KEY OF_ACCOUNT MORE KEPT_OF_KEY OF_ACCOUNT MORE      \
            LATER_OF_KEY OF_ACCOUNT " AND " IS_LATER ")"

// What is neither delivered nor withheld (docs/decisions/0015), by the side that shall have it.
#define UNDELIVERED                                                                            \
    "(SELECT m.conversation, 1 - m.sender AS side, count(*) AS n,"                             \
    " min(m.created_at_ms) AS oldest_ms FROM " MESSAGES_GIVEN                                  \
    " m"                                                                                       \
    " LEFT JOIN " MARKS                                                                        \
    " k ON k.conversation = m.conversation AND k.side = 1 - m.sender"                          \
    " LEFT JOIN " CONTACTS                                                                     \
    " o ON o.conversation = m.conversation AND o.side = 1 - m.sender"                          \
    " WHERE m.seq > ifnull(k.delivered_seq, 0)"                                                \
    " AND NOT (ifnull(o.blocked, 0) AND m.seq > o.block_seq)"                                  \
    " AND NOT EXISTS (SELECT 1 FROM withheld h WHERE h.conversation = m.conversation"          \
    " AND h.side = 1 - m.sender AND h.upto_seq >= m.seq AND h.after_seq < m.seq)"              \
    " GROUP BY m.conversation, m.sender)"
// clang-format on

#define JOIN_SIDE(what, as)                                                                    \
    " LEFT JOIN " what " " as " ON " as ".conversation = c.id AND " as ".side = s.side"
#define JOIN_MARKS    JOIN_SIDE(MARKS, "k")
#define JOIN_CONTACTS JOIN_SIDE(CONTACTS, "o")

#define SIDES   "conversation c CROSS JOIN (SELECT 0 AS side UNION ALL SELECT 1) s"
#define ACCOUNT OF_SIDE("s.side")
#define PEER    OF_SIDE("1 - s.side")

// Who has written to a peer has accepted it, and there is no contact that says so.
#define N_SENT                                                                                 \
    "CASE s.side WHEN " OF_LAST("sender") " THEN " OF_LAST(                                    \
        "ordinal") " ELSE " LAST_SEQ " - " OF_LAST("ordinal") " END"

static const struct sqlite_look_table sides = {
    .name = "sides",
    .key = "conversation, account",
    .columns =
        {
            {"conversation", "TEXT", "conversation_text(c.id)", {NULL}},
            {"account", ADDRESS, ADDRESS_OF(ACCOUNT), {NULL}},
            {"peer", ADDRESS, ADDRESS_OF(PEER), {NULL}},
            {"accepted",
             "INTEGER",
             "ifnull(o.accepted, 0) OR ifnull(" N_SENT ", 0) > 0",
             {JOIN_CONTACTS, LAST}},
            {"blocked", "INTEGER", "ifnull(o.blocked, 0)", {JOIN_CONTACTS}},
            {"delivered_seq", "INTEGER", "ifnull(k.delivered_seq, 0)", {JOIN_MARKS}},
            {"read_seq", "INTEGER", "ifnull(k.read_seq, 0)", {JOIN_MARKS}},
            {"undelivered", "INTEGER", "ifnull(u.n, 0)", {JOIN_SIDE(UNDELIVERED, "u")}},
        },
    .ways = {
        {"conversation", LOOK_CONVERSATION, NULL, {NULL}, {{SIDES, "c.id = ?1", NULL}}, 1e5, 2},
        {"account", LOOK_ACCOUNT, NULL, {NULL}, {{SIDES, IS_KEY(ACCOUNT), NULL}}, 1e6, 20},
        {"peer", LOOK_ACCOUNT, NULL, {NULL}, {{SIDES, IS_KEY(PEER), NULL}}, 1e6, 20},
        {NULL, LOOK_NO_KEY, NULL, {NULL}, {{SIDES, NULL, NULL}}, 1e8, 2000000},
    }};

#define WAITING                                                                                \
    "(SELECT " OF_SIDE("u.side") " AS id, count(*) AS n_conversations, sum(u.n) AS n,"         \
    " min(u.oldest_ms) AS oldest_ms FROM " UNDELIVERED " u"                                    \
    " CROSS JOIN conversation c ON c.id = u.conversation GROUP BY 1) w"                        \
    " CROSS JOIN account x ON x.id = w.id"

static const struct sqlite_look_table undelivered = {
    .name = "undelivered",
    .key = "account",
    .columns =
        {
            {"account", ADDRESS, "address(x.bytes)", {NULL}},
            {"conversations", "INTEGER", "w.n_conversations", {NULL}},
            {"messages", "INTEGER", "w.n", {NULL}},
            {"oldest_at", "TEXT", AT("w.oldest_ms"), {NULL}},
        },
    .ways = {
        {"account", LOOK_ACCOUNT, NULL, {NULL}, {{WAITING, "x.bytes = ?4", NULL}}, 1e6, 1},
        {NULL, LOOK_NO_KEY, NULL, {NULL}, {{WAITING, NULL, NULL}}, 1e8, 100000},
    }};

static const struct sqlite_look_table sessions = {
    .name = "sessions",
    .key = "session",
    .columns =
        {
            {"session", "TEXT", "s.name", {NULL}},
            {"account", ADDRESS, "address(s.account)", {NULL}},
            {"began_at", "TEXT", AT("s.began_at_ms"), {NULL}},
            {"refreshed_at", "TEXT", AT("s.refreshed_at_ms"), {NULL}},
            {"expires_at", "TEXT", AT("s.expires_at_ms"), {NULL}},
        },
    .ways = {
        {"session", LOOK_TEXT, NULL, {NULL}, {{"session s", "s.name = ?5", NULL}}, 10, 1},
        {"account", LOOK_ACCOUNT, NULL, {NULL}, {{"session s", "s.account = ?4", NULL}}, 20, 5},
        {NULL, LOOK_NO_KEY, NULL, {NULL}, {{"session s", NULL, NULL}}, 1e6, 1000000},
    }};

static const struct sqlite_look_table uploads = {
    .name = "uploads",
    .key = "upload",
    .columns =
        {
            {"upload", "TEXT", "u.id", {NULL}},
            {"account", ADDRESS, "address(u.owner)", {NULL}},
            {"state",
             "TEXT",
             "CASE u.state WHEN 0 THEN 'pending' WHEN 1 THEN 'accepted' WHEN 2 THEN 'rejected'"
             " ELSE 'deleting' END",
             {NULL}},
            {"name", "TEXT", "u.name", {NULL}},
            {"mime", "TEXT", "u.mime", {NULL}},
            {"size", "INTEGER", "u.size", {NULL}},
            {"sha256", "TEXT", "nullif(lower(hex(u.sha256)), '')", {NULL}},
            {"created_at", "TEXT", AT("u.created_at_ms"), {NULL}},
            {"expires_at", "TEXT", AT("u.until_ms"), {NULL}},
            {"messages",
             "INTEGER",
             "(SELECT count(*) FROM attachment t WHERE t.upload = u.id)",
             {NULL}},
        },
    .ways = {
        {"upload", LOOK_TEXT, NULL, {NULL}, {{"upload u", "u.id = ?5", NULL}}, 10, 1},
        {"account", LOOK_ACCOUNT, NULL, {NULL}, {{"upload u", "u.owner = ?4", NULL}}, 1e5, 20},
        {NULL, LOOK_NO_KEY, NULL, {NULL}, {{"upload u", NULL, NULL}}, 1e6, 1000000},
    }};

const struct sqlite_look_table *const sqlite_look_tables[] = {
    &messages, &conversations, &accounts, &sides, &undelivered, &sessions, &uploads,
};
const size_t sqlite_look_n_tables = COUNT_OF(sqlite_look_tables);
