#include "store/migrate_compare.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/sent.h"

#define PAGE      500      // rows of PostgreSQL at once
#define SAID_KEYS 3        // columns that say which row it is
#define ROW_MAX   67108864 // bytes

/** What is compared: the same columns on either side, in the same order. */
struct kind {
    const char *name;
    size_t n_columns;
    const char *here;
    const char *there;
};

enum { // of messages
    MESSAGE_POSITION,
    MESSAGE_REPLY_TO = 8,
    MESSAGE_TYPE,
    MESSAGE_DIGEST = 11,
    MESSAGE_CONTENT,
    MESSAGE_COLUMNS = 14,
};

#define SIDES_COLUMNS 62

// clang-format off

// The account of a side of conversation c.
#define SIDE_OF(side) "CASE " side " WHEN 0 THEN c.a ELSE c.b END"

#define LAST_MARK(which, column)                                                               \
    "SELECT conversation, side, " which " AS which, max(position) AS position, "               \
    column " AS seq, at_ms FROM mark WHERE " column " > 0 GROUP BY conversation, side"

#define SENT                                                                                   \
    "(SELECT position, conversation, sender, seq, created_at_ms FROM message"                  \
    " UNION ALL SELECT position, conversation, sender, seq, created_at_ms FROM removed)"

// By going through all messages.
static const char counts_here[] =
     "SELECT m.conversation, x.bytes,"
     " sum(m.withheld = 0 AND m.seq > coalesce(d.seq, 0)) AS n_undelivered,"
     " sum(m.withheld = 0 AND m.seq > coalesce(r.seq, 0)) AS n_unread,"
     " sum(m.withheld = 1) AS n_withheld"
     " FROM (SELECT conversation, sender, seq, " MIGRATE_WITHHELD " AS withheld FROM message m) m"
     " JOIN conversation c ON c.id = m.conversation"
     " JOIN account x ON x.id = " SIDE_OF("1 - m.sender")
     " LEFT JOIN (" LAST_MARK("0", "delivered_seq") ") d"
     "  ON d.conversation = m.conversation AND d.side = 1 - m.sender"
     " LEFT JOIN (" LAST_MARK("1", "read_seq") ") r"
     "  ON r.conversation = m.conversation AND r.side = 1 - m.sender"
     " GROUP BY m.conversation, m.sender HAVING n_undelivered > 0 OR n_unread > 0 OR n_withheld > 0"
     " ORDER BY 1, 2";

static const struct kind kinds[] = {
    {"store", 3,
     "SELECT epoch, position,"
     " coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'revocation'), 0) FROM meta",
     "SELECT epoch, position, revocation_position FROM meta"},

    {"accounts", 2,
     "SELECT bytes, seen_ms FROM account ORDER BY bytes",
     "SELECT address, seen_ms FROM account ORDER BY address"},

    {"conversations", 3,
     "SELECT c.id, x.bytes, y.bytes FROM conversation c LEFT JOIN account x ON x.id = c.a"
     " LEFT JOIN account y ON y.id = c.b ORDER BY c.id",
     "SELECT c.id, least(x.address, y.address), greatest(x.address, y.address)"
     " FROM conversation c LEFT JOIN account x ON x.id = c.a LEFT JOIN account y ON y.id = c.b"
     " ORDER BY c.id"},

    // Where PostgreSQL has the sender is said twice in there.
    {"messages", MESSAGE_COLUMNS,
     "SELECT m.position, m.conversation, m.seq, x.bytes, y.bytes, 1, " MIGRATE_WITHHELD ","
     " m.created_at_ms, m.reply_to, m.type, m.key, m.digest, m.content, t.upload"
     " FROM message m LEFT JOIN conversation c ON c.id = m.conversation"
     " LEFT JOIN account x ON x.id = " SIDE_OF("m.sender")
     " LEFT JOIN account y ON y.id = " SIDE_OF("1 - m.sender")
     " LEFT JOIN attachment t ON t.position = m.position ORDER BY m.position",
     "SELECT m.position, m.conversation, m.seq, x.address, y.address,"
     " m.sender = " SIDE_OF("m.side") " AND m.recipient = " SIDE_OF("1 - m.side") ", m.withheld,"
     " m.created_at_ms, m.reply_to, m.type, m.key, m.digest, m.content, m.upload"
     " FROM message m LEFT JOIN conversation c ON c.id = m.conversation"
     " LEFT JOIN account x ON x.id = m.sender LEFT JOIN account y ON y.id = m.recipient"
     " ORDER BY m.position"},

    {"last messages", 4,
     "SELECT conversation, max(seq), position, created_at_ms FROM " SENT
     " GROUP BY conversation ORDER BY conversation",
     "SELECT id, last_seq, last_pos, last_at_ms FROM conversation WHERE last_seq > 0"
     " ORDER BY id"},

    {"receipts", 6,
     "SELECT k.conversation, x.bytes, k.which, k.seq, k.position, k.at_ms FROM ("
     LAST_MARK("0", "delivered_seq") " UNION ALL " LAST_MARK("1", "read_seq") ") k"
     " JOIN conversation c ON c.id = k.conversation"
     " JOIN account x ON x.id = " SIDE_OF("k.side") " ORDER BY 1, 2, 3",
     "SELECT s.conversation, x.address, k.which, k.seq, k.position, k.at_ms FROM member s"
     " JOIN account x ON x.id = s.account CROSS JOIN LATERAL (VALUES"
     " (0, s.delivered_seq, s.delivered_pos, s.delivered_at_ms),"
     " (1, s.read_seq, s.read_pos, s.read_at_ms)) k(which, seq, position, at_ms)"
     " WHERE k.seq > 0 ORDER BY 1, 2, 3"},

    // Who sends accepts; what came with a message is no change of contacts.
    {"contacts", 6,
     "SELECT c.id, x.bytes,"
     " CASE WHEN coalesce(s.position, 0) > coalesce(k.position, 0) THEN 1"
     "  ELSE coalesce(k.accepted, 0) END,"
     " coalesce(k.blocked, 0), coalesce(k.block_seq, 0), coalesce(o.position, 0)"
     " FROM conversation c CROSS JOIN (SELECT 0 AS side UNION ALL SELECT 1) e"
     " JOIN account x ON x.id = " SIDE_OF("e.side")
     " LEFT JOIN (SELECT conversation, side, max(position) AS position, accepted, blocked,"
     "  block_seq FROM contact GROUP BY conversation, side) k"
     "  ON k.conversation = c.id AND k.side = e.side"
     " LEFT JOIN (SELECT conversation, side, max(position) AS position FROM contact n"
     "  WHERE NOT EXISTS (SELECT 1 FROM message m WHERE m.position = n.position)"
     "  AND NOT EXISTS (SELECT 1 FROM removed m WHERE m.position = n.position)"
     "  GROUP BY conversation, side) o ON o.conversation = c.id AND o.side = e.side"
     " LEFT JOIN (SELECT conversation, sender, max(position) AS position FROM " SENT
     "  GROUP BY conversation, sender) s ON s.conversation = c.id AND s.sender = e.side"
     " ORDER BY 1, 2",
     "SELECT s.conversation, x.address, s.accepted, s.blocked, s.block_seq, s.contact_pos"
     " FROM member s JOIN account x ON x.id = s.account ORDER BY 1, 2"},

    {"counts", 5,
     counts_here,
     "SELECT s.conversation, x.address, s.undelivered, s.unread, s.withheld"
     " FROM member s JOIN account x ON x.id = s.account"
     " WHERE s.undelivered > 0 OR s.unread > 0 OR s.withheld > 0 ORDER BY 1, 2"},

    // What the server counts by: by the same code as it was copied, and read back.
    {"sides", SIDES_COLUMNS, "SELECT id FROM conversation ORDER BY id", migrate_conversations_there},

    {"sessions", 10,
     "SELECT name, id, account, generation, began_at_ms, refreshed_at_ms, expires_at_ms,"
     " proof_chain, CASE WHEN proof_chain <> 0 THEN proof_digest END,"
     " CASE WHEN proof_chain <> 0 THEN proof_signature END FROM session ORDER BY name",
     "SELECT name, id, account, generation, began_at_ms, refreshed_at_ms, expires_at_ms,"
     " proof_chain, proof_digest, proof_signature FROM session ORDER BY name"},

    {"nonces", 2,
     "SELECT bytes, until_ms FROM nonce ORDER BY bytes",
     "SELECT bytes, until_ms FROM nonce ORDER BY bytes"},

    {"revocations", 5,
     "SELECT position, session, account, before_ms, until_ms FROM revocation ORDER BY position",
     "SELECT position, session, account, before_ms, until_ms FROM revocation ORDER BY position"},

    {"uploads", 10,
     "SELECT id, owner, name, mime, size, CASE WHEN length(sha256) > 0 THEN sha256 END, state,"
     " until_ms, cost_ms, until_ms = 0 FROM upload ORDER BY id",
     "SELECT id, owner, name, mime, size, sha256, state, until_ms, cost_ms, is_kept"
     " FROM upload ORDER BY id"},

    {"quotas", 3,
     "SELECT owner, full_at_ms, n_pending FROM uploader ORDER BY owner",
     "SELECT owner, full_at_ms, n_pending FROM upload_quota ORDER BY owner"},
};

// clang-format on

_Static_assert(MIGRATE_DIGEST_SIZE == CRYPTO_SHA256_SIZE, "of the same");

static const struct pg_statement fetch = {156, "FETCH 500 FROM migrate_rows"};
_Static_assert(PAGE == 500, "as the statement says");

struct compare {
    struct migrate_source *source;
    struct migrate_target *target;
    const struct migrate_listener *to;
    const struct kind *kind;
    // Here.
    sqlite3_stmt *stmt;
    struct migrate_rows rows;
    // There.
    PGresult *page;
    int at; // of its rows
    struct migrate_value *there;
    struct crypto_sha256 *hashes[2];
    struct crypto_sha256 *sent;
    struct buf bytes;
    struct buf said[2];
    struct migrate_compared result;
};

// --- rows --------------------------------------------------------------------------

enum next_refusal {
    NO_ROW = MIGRATE_DIFFERS + 1, // there are no more
};

static bool is_sides(const struct kind *k)
{
    return k->there == migrate_conversations_there;
}

/** @return 0, NO_ROW, or a fault */
static int next_here(struct compare *c)
{
    if (!c->stmt)
        return NO_ROW;
    migrate_rows_clear(&c->rows);
    int r = sqlite_db_step(&c->source->db, c->stmt);
    if (r == 0 && is_sides(c->kind)) {
        r = migrate_source_conversation(
            c->source, (conversation_id)sqlite3_column_int64(c->stmt, 0), &c->rows);
    } else if (r == 0) {
        migrate_rows_take(&c->rows, c->stmt);
    }
    if (r != 0) {
        sqlite3_finalize(c->stmt);
        c->stmt = NULL;
    }
    return r == SQLITE_DB_NO_ROW ? NO_ROW : r;
}

/** @return 0, NO_ROW, or MIGRATE_AWAY */
static int next_there(struct compare *c)
{
    if (c->page && c->at == PQntuples(c->page) && c->at < PAGE)
        return NO_ROW;
    if (!c->page || c->at == PQntuples(c->page)) {
        pg_result_free(&c->page);
        pg_link_send(c->target->link, &fetch, NULL);
        pg_link_sync(c->target->link);
        if (pg_link_result(c->target->link, &c->page) != 0)
            return MIGRATE_AWAY;
        c->at = 0;
    }
    if (c->at == PQntuples(c->page))
        return NO_ROW;
    assert((size_t)PQnfields(c->page) == c->kind->n_columns);
    migrate_row_of(c->there, c->page, c->at++);
    return 0;
}

// --- comparing ---------------------------------------------------------------------

static void add(struct compare *c, unsigned of, const struct migrate_value *row)
{
    buf_clear(&c->bytes);
    migrate_row_print(&c->bytes, row, c->kind->n_columns);
    crypto_sha256_add(c->hashes[of], buf_str(&c->bytes));
    c->result.n[of]++;
}

static void say(struct compare *c, unsigned of, const struct migrate_value *row)
{
    const size_t n = c->kind->n_columns < SAID_KEYS ? c->kind->n_columns : SAID_KEYS;

    if (row)
        migrate_row_say(&c->said[of], row, n);
    const int r = buf_add(&c->said[of], STR("\0"));
    assert(r == 0);
    (void)r;
}

static void check_sent(struct compare *c, const struct migrate_value *row)
{
    if (c->kind->n_columns != MESSAGE_COLUMNS)
        return;
    const struct sent sent = {
        .type = row[MESSAGE_TYPE].bytes,
        .reply_to = (uint64_t)row[MESSAGE_REPLY_TO].number,
        .content = row[MESSAGE_CONTENT].bytes,
        .digest = row[MESSAGE_DIGEST].bytes,
    };
    if (sent_is_whole(c->sent, &sent))
        return;
    if (c->result.n_changed++ == 0)
        c->result.changed_at = row[MESSAGE_POSITION].number;
}

/** A row of either, or NULL. */
static void compare_rows(struct compare *c, const struct migrate_value *here,
                         const struct migrate_value *there)
{
    if (here) {
        add(c, 0, here);
        check_sent(c, here);
    }
    if (there)
        add(c, 1, there);
    if (!c->result.is_same ||
        (here && there && migrate_row_eq(here, there, c->kind->n_columns)))
        return;
    c->result.is_same = false;
    say(c, 0, here);
    say(c, 1, there);
}

static void tell_progress(const struct compare *c)
{
    const struct progress p = {
        .what = c->kind->name,
        .n = c->result.n[0],
        .doing = "comparing",
        .of = c->kind->n_columns == MESSAGE_COLUMNS ? c->source->mark.n_messages : 0,
    };

    if (p.n % PAGE == 0)
        progress_tell(&c->to->progress, p);
}

/** All rows of either. @return 0, MIGRATE_AWAY or a fault */
static int compare_all(struct compare *c)
{
    int here = 0;
    int there = 0;

    while (here == 0 || there == 0) {
        here = here == 0 ? next_here(c) : here;
        there = there == 0 ? next_there(c) : there;
        if (here < 0 || there == MIGRATE_AWAY)
            return here < 0 ? here : there;
        if (here == 0 || there == 0) {
            compare_rows(c, here == 0 ? c->rows.values : NULL, there == 0 ? c->there : NULL);
        }
        tell_progress(c);
    }
    return 0;
}

// --- one kind ----------------------------------------------------------------------

/** @return 0 or MIGRATE_AWAY */
static int declare(struct compare *c)
{
    struct buf text;

    buf_init(&text, 1 << 16);
    int r = buf_addf(&text, "DECLARE migrate_rows NO SCROLL CURSOR FOR %s", c->kind->there);
    assert(r == 0);
    r = buf_add(&text, STR("\0"));
    assert(r == 0);
    r = pg_link_run(c->target->link, buf_str(&text).ptr);
    buf_fini(&text);
    return r == 0 ? 0 : MIGRATE_AWAY;
}

static void open_kind(struct compare *c, const struct kind *kind)
{
    c->kind = kind;
    migrate_rows_init(&c->rows, kind->n_columns, 1);
    c->there = mem_alloc(kind->n_columns * sizeof(*c->there));
    buf_init(&c->bytes, ROW_MAX);
    c->sent = crypto_sha256_new();
    for (unsigned i = 0; i < 2; i++) {
        c->hashes[i] = crypto_sha256_new();
        buf_init(&c->said[i], ROW_MAX);
    }
    c->result = (struct migrate_compared){.name = kind->name, .is_same = true};
}

static void close_kind(struct compare *c)
{
    sqlite3_finalize(c->stmt);
    c->stmt = NULL;
    pg_result_free(&c->page);
    migrate_rows_fini(&c->rows);
    free(c->there);
    buf_fini(&c->bytes);
    crypto_sha256_free(c->sent);
    for (unsigned i = 0; i < 2; i++) {
        crypto_sha256_free(c->hashes[i]);
        buf_fini(&c->said[i]);
    }
}

static void tell(struct compare *c)
{
    for (unsigned i = 0; i < 2; i++)
        crypto_sha256_end(c->hashes[i], c->result.digests[i]);
    c->result.here = c->result.is_same ? "" : buf_str(&c->said[0]).ptr;
    c->result.there = c->result.is_same ? "" : buf_str(&c->said[1]).ptr;
    if (c->to->compared)
        c->to->compared(c->to->arg, &c->result);
}

/** @return 0, MIGRATE_DIFFERS, MIGRATE_AWAY or a fault */
static int compare_kind(struct compare *c, const struct kind *kind)
{
    open_kind(c, kind);
    int r = sqlite_db_prepare_into(&c->source->db, &kind->here, 1, &c->stmt);
    if (r == 0)
        r = declare(c);
    if (r == 0)
        r = compare_all(c);
    if (r == 0)
        r = pg_link_run(c->target->link, "CLOSE migrate_rows") == 0 ? 0 : MIGRATE_AWAY;
    if (r == 0) {
        tell(c);
        r = c->result.is_same ? 0 : MIGRATE_DIFFERS;
    }
    close_kind(c);
    return r;
}

int migrate_compare(struct migrate_source *s, struct migrate_target *t,
                    const struct migrate_listener *to)
{
    struct compare c = {.source = s, .target = t, .to = to};
    int64_t has_removed = 0;
    bool differs = false;

    if (pg_link_run(t->link, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") != 0)
        return MIGRATE_AWAY;
    if (sqlite_db_number(&s->db, "SELECT EXISTS (SELECT 1 FROM removed)", &has_removed) < 0)
        return err_up(-EIO);
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        // What was removed is still in the store's counts, and its message is not there.
        if (has_removed && kinds[i].here == counts_here)
            continue;
        const int r = compare_kind(&c, &kinds[i]);
        differs |= r == MIGRATE_DIFFERS;
        if (r < 0)
            return err_up(r);
        if (r == MIGRATE_AWAY)
            return r;
    }
    if (pg_link_run(t->link, "COMMIT") != 0)
        return MIGRATE_AWAY;
    return differs ? MIGRATE_DIFFERS : 0;
}
