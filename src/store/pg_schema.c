#include "store/pg_schema.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "base/log.h"

// What a conversation has of a side.
//
// due_pos is the position of the first message that is undelivered, or 0. What is undelivered
// is neither delivered nor withheld; `withheld` is what a block withholds that there is. is_due
// and has_unread may be of what was so, and is not any more. What is behind them seldom
// changes: behind block_seq a block withholds, while it is there. `shown` is the last message
// that the side has sent, or seen come; NULL: the conversation's. `peer` are the peer's marks
// as far as the side knows them; NULL: as they are.

// clang-format off

#define SIDE(s)                                                                                \
    s "undelivered int8 NOT NULL DEFAULT 0,"                                                   \
    s "undelivered_bytes int8 NOT NULL DEFAULT 0,"                                             \
    s "due_pos int8 NOT NULL DEFAULT 0,"                                                       \
    s "unread int8 NOT NULL DEFAULT 0,"                                                        \
    s "delivered_seq int8 NOT NULL DEFAULT 0,"                                                 \
    s "delivered_at_ms int8 NOT NULL DEFAULT 0,"                                               \
    s "delivered_pos int8 NOT NULL DEFAULT 0,"                                                 \
    s "read_seq int8 NOT NULL DEFAULT 0,"                                                      \
    s "read_at_ms int8 NOT NULL DEFAULT 0,"                                                    \
    s "read_pos int8 NOT NULL DEFAULT 0,"                                                      \
    s "accepted boolean NOT NULL DEFAULT false," /* the peer */                                \
    s "is_due boolean NOT NULL DEFAULT false,"                                                 \
    s "has_unread boolean NOT NULL DEFAULT false,"                                             \
    s "blocked boolean NOT NULL DEFAULT false," /* the peer */                                 \
    s "block_seq int8 NOT NULL DEFAULT 0,"                                                     \
    s "contact_pos int8 NOT NULL DEFAULT 0,"                                                   \
    s "withheld int8 NOT NULL DEFAULT 0,"                                                      \
    s "withheld_bytes int8 NOT NULL DEFAULT 0,"                                                \
    s "shown_seq int8,"                                                                        \
    s "shown_pos int8,"                                                                        \
    s "shown_at_ms int8,"                                                                      \
    s "peer_delivered_seq int8,"                                                               \
    s "peer_delivered_at_ms int8,"                                                             \
    s "peer_delivered_pos int8,"                                                               \
    s "peer_read_seq int8,"                                                                    \
    s "peer_read_at_ms int8,"                                                                  \
    s "peer_read_pos int8,"

#define INDICES(s)                                                                             \
    "CREATE INDEX conversation_of_" s " ON conversation (" s ", era) WHERE era > 0",           \
    "CREATE INDEX conversation_changed_" s " ON conversation (" s ", " s "_contact_pos)"       \
    " WHERE " s "_contact_pos > 0",                                                            \
    "CREATE INDEX conversation_due_" s " ON conversation (" s ") WHERE " s "_is_due",          \
    "CREATE INDEX conversation_unread_" s " ON conversation (" s ") WHERE " s "_has_unread"

#define OF(s, column) s "_" column " AS " column
#define SHOWN(s, column) "coalesce(" s "_shown_" column ", last_" column ")"
#define KNOWN(s, p, column) "coalesce(" s "_peer_" column ", " p "_" column ")"

// marked_pos is the largest position of a mark that the side has, or knows.
#define MEMBER(nth, s, p)                                                                      \
    "SELECT id AS conversation, " nth "::int2 AS side, " s " AS account, " p " AS peer,"       \
    " changed_pos, era, last_seq, last_pos, last_at_ms, "                                      \
    SHOWN(s, "seq") " AS shown_seq, " SHOWN(s, "pos") " AS shown_pos, "                        \
    SHOWN(s, "at_ms") " AS shown_at_ms, "                                                      \
    OF(s, "accepted") ", " OF(s, "blocked") ", " OF(s, "block_seq") ", "                       \
    OF(s, "contact_pos") ", " OF(s, "undelivered") ", " OF(s, "undelivered_bytes") ", "        \
    OF(s, "due_pos") ", " OF(s, "is_due") ", " OF(s, "withheld") ", "                          \
    OF(s, "withheld_bytes") ", " OF(s, "unread") ", " OF(s, "has_unread") ", "                 \
    OF(s, "delivered_seq") ", " OF(s, "delivered_at_ms") ", " OF(s, "delivered_pos") ", "      \
    OF(s, "read_seq") ", " OF(s, "read_at_ms") ", " OF(s, "read_pos") ", "                     \
    KNOWN(s, p, "delivered_seq") " AS peer_delivered_seq, "                                    \
    KNOWN(s, p, "delivered_at_ms") " AS peer_delivered_at_ms, "                                \
    KNOWN(s, p, "delivered_pos") " AS peer_delivered_pos, "                                    \
    KNOWN(s, p, "read_seq") " AS peer_read_seq, "                                              \
    KNOWN(s, p, "read_at_ms") " AS peer_read_at_ms, "                                          \
    KNOWN(s, p, "read_pos") " AS peer_read_pos,"                                               \
    " greatest(" s "_delivered_pos, " s "_read_pos, "                                          \
    KNOWN(s, p, "delivered_pos") ", " KNOWN(s, p, "read_pos") ") AS marked_pos"                \
    " FROM conversation"

// clang-format on

/**
 * Accounts and conversations are integers in here, as they are in the log of the embedded
 * store: index pages are most of what a write costs.
 *
 * `meta.position` is the last position that was taken. Who writes takes what he needs from it
 * at the end of his transaction, and has the row until that is over: so positions are committed
 * in their order, on whatever node, and what a snapshot finds in there is its horizon
 * (docs/decisions/0025-postgresql.md).
 *
 * `writer` has a row for each engine that is, or was, open: the last of its transactions, so
 * that one whose commit was not answered is known to be done, or not (store/pg_txn.h).
 *
 * `conversation` has all that is counted of one, for both of its sides: a is the account whose
 * id is the smaller, and side 0. `member` shows it as one of its sides has it. One that was
 * made for a message which then was refused has no position: it is not there, for anybody who
 * asks.
 *
 * Which columns are in an index is chosen: what a message or a receipt changes is in none, so
 * that PostgreSQL need not touch an index for it (a HOT update), but once in an era,
 * and as something begins to be undelivered or unread. That it is not any more is told to an
 * index by the next change that is cheap: so who looks for it there looks at the number as
 * well.
 *
 * An upload is kept while a message has it. Whoever takes a message away lets go of its upload
 * in the same transaction, by a trigger, also with psql.
 *
 * `message` only grows. `withheld` is from the recipient: 1 by a block that there is, 2 by one
 * that is over.
 */
static const char *const tables[] = {
    "CREATE TABLE meta ("
    " one boolean PRIMARY KEY DEFAULT true CHECK (one),"
    " version int8 NOT NULL,"
    " oldest int8 NOT NULL," // version whose servers may use it
    " epoch int8 NOT NULL,"
    " position int8 NOT NULL DEFAULT 0,"
    " revocation_position int8 NOT NULL DEFAULT 0)",

    "CREATE TABLE writer ("
    " id int8 PRIMARY KEY,"
    " done int8 NOT NULL DEFAULT 0,"     // transactions
    " position int8 NOT NULL DEFAULT 0," // after the last one
    " at timestamptz NOT NULL DEFAULT now())",

    "CREATE TABLE account ("
    " id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " address bytea NOT NULL UNIQUE,"
    " seen_ms int8 NOT NULL DEFAULT 0)",

    "CREATE SEQUENCE conversation_number MAXVALUE 2147483647",

    "CREATE TABLE conversation ("
    " id int8 PRIMARY KEY," // number << 32, and chance
    " a int8 NOT NULL,"
    " b int8 NOT NULL,"
    // The position of the store when it was changed last: no other change has the same.
    " changed_pos int8 NOT NULL DEFAULT 0,"
    " era int8 NOT NULL DEFAULT 0," // PG_ERA_OF() that; 0: none
    // Its last message, whoever may see it.
    " last_seq int8 NOT NULL DEFAULT 0,"
    " last_pos int8 NOT NULL DEFAULT 0,"
    " last_at_ms int8 NOT NULL DEFAULT 0," SIDE("a_")
        SIDE("b_") " UNIQUE (a, b), CHECK (a < b)) WITH (fillfactor = 70)",
    INDICES("a"),
    INDICES("b"),

    "CREATE VIEW member AS " MEMBER("0", "a", "b") " UNION ALL " MEMBER("1", "b", "a"),

    "CREATE TABLE message ("
    " conversation int8 NOT NULL,"
    " seq int8 NOT NULL,"
    " position int8 NOT NULL,"
    " side int2 NOT NULL," // of the sender
    " withheld int2 NOT NULL,"
    " sender int8 NOT NULL,"
    " recipient int8 NOT NULL,"
    " created_at_ms int8 NOT NULL,"
    " reply_to int8 NOT NULL,"
    " type bytea NOT NULL,"
    " key bytea NOT NULL,"
    " digest bytea NOT NULL,"
    " content bytea NOT NULL," // JSON, UTF-8
    " upload bytea,"
    " PRIMARY KEY (conversation, seq))",
    "CREATE UNIQUE INDEX message_by_key ON message (conversation, side, key)",
    "CREATE INDEX message_to ON message (recipient, position)",
    "CREATE INDEX message_from ON message (sender, position)",
    "CREATE INDEX message_upload ON message (upload) WHERE upload IS NOT NULL",

    // Files (chat/uploads.h).
    "CREATE TABLE upload ("
    " id bytea PRIMARY KEY,"
    " owner bytea NOT NULL,"
    " name bytea NOT NULL,"
    " mime bytea NOT NULL,"
    " size int8 NOT NULL,"
    " sha256 bytea,"
    " state int2 NOT NULL," // enum upload_state
    " until_ms int8 NOT NULL,"
    " cost_ms int8 NOT NULL,"
    " is_kept boolean NOT NULL DEFAULT false)", // by a message
    "CREATE INDEX upload_by_end ON upload (until_ms, id) WHERE NOT is_kept",

    "CREATE TABLE upload_quota ("
    " owner bytea PRIMARY KEY,"
    " full_at_ms int8 NOT NULL,"
    " n_pending int8 NOT NULL)",

    // The last message of an upload is gone: it ends at once. Its row is locked before the
    // other messages are looked for, as an append has it locked until it is over: so who comes
    // second, here or there, sees what the first one did.
    "CREATE FUNCTION upload_let_go() RETURNS trigger LANGUAGE plpgsql"
    " SET search_path FROM CURRENT AS $$ BEGIN"
    "  PERFORM FROM upload WHERE id = OLD.upload FOR UPDATE;"
    "  UPDATE upload SET is_kept = false, until_ms = 0 WHERE id = OLD.upload AND is_kept"
    "   AND NOT EXISTS (SELECT FROM message WHERE message.upload = OLD.upload);"
    "  RETURN NULL;"
    " END $$",
    "CREATE TRIGGER message_removed AFTER DELETE ON message FOR EACH ROW"
    " WHEN (OLD.upload IS NOT NULL) EXECUTE FUNCTION upload_let_go()",
    "CREATE TRIGGER message_emptied AFTER UPDATE OF upload ON message FOR EACH ROW"
    " WHEN (OLD.upload IS DISTINCT FROM NEW.upload AND OLD.upload IS NOT NULL)"
    " EXECUTE FUNCTION upload_let_go()",

    // Who shares all this (store/nodes.h).
    "CREATE TABLE node ("
    " name text PRIMARY KEY,"
    " number int8 NOT NULL UNIQUE,"
    " url text NOT NULL DEFAULT '',"
    " instance int8 NOT NULL," // by chance: which of those that go by the name
    " seen_at timestamptz NOT NULL DEFAULT now(),"
    " has_left boolean NOT NULL DEFAULT true)",

    // Signing in (auth/store.h).
    "CREATE TABLE nonce (bytes bytea PRIMARY KEY, until_ms int8 NOT NULL)",
    "CREATE INDEX nonce_by_until ON nonce (until_ms)",

    "CREATE TABLE session ("
    " name bytea PRIMARY KEY,"
    " id int8 GENERATED ALWAYS AS IDENTITY," // in the order in which they have begun
    " account bytea NOT NULL,"
    " generation int8 NOT NULL,"
    " began_at_ms int8 NOT NULL,"
    " refreshed_at_ms int8 NOT NULL,"
    " expires_at_ms int8 NOT NULL,"
    " proof_chain int8 NOT NULL,"
    " proof_digest bytea,"
    " proof_signature bytea)",
    "CREATE INDEX session_by_account ON session (account)",
    "CREATE INDEX session_by_expiry ON session (expires_at_ms)",

    "CREATE TABLE revocation ("
    " position int8 PRIMARY KEY,"
    " session bytea UNIQUE,"
    " account bytea UNIQUE,"
    " before_ms int8 NOT NULL,"
    " until_ms int8 NOT NULL)",
    "CREATE INDEX revocation_by_until ON revocation (until_ms)",
};

static const struct pg_step steps[] = {
    {tables, COUNT_OF(tables), false},
};

_Static_assert(COUNT_OF(steps) == PG_SCHEMA_VERSION, "a step for each version");

#define OLDEST_SERVER 140000       // of server_version_num
#define LOCK_KEY      "1349676153" // "Prly"
#define TRIES         3            // where another one was in the way

// For who has the database open to be gone.
#define ALONE_MS       2000
#define ALONE_EVERY_MS 50

static const struct pg_statement ask_server = {
    128,
    "SELECT current_setting('server_version_num')::int8,"
    " current_setting('server_encoding'), current_setting('synchronous_commit'),"
    " coalesce(current_setting('fsync', true), 'on'),"
    " pg_is_in_recovery(), current_setting('transaction_read_only'),"
    " current_schema()::text"};

// By its whole name: one of that name further down the search_path is somebody else's.
static const struct pg_statement ask_meta = {
    129, "SELECT to_regclass(quote_ident(current_schema()) || '.meta') IS NOT NULL"};

static const struct pg_statement ask_version = {130, "SELECT version, epoch, oldest FROM meta"};

// As pg_txn.c has it, until the end of the transaction.
static const struct pg_statement ask_alone = {131, "SELECT pg_try_advisory_xact_lock(" LOCK_KEY
                                                   ", hashtext(current_schema()))"};

// Made by migrate_target_begin().
static const struct pg_statement ask_migration = {
    132, "SELECT to_regclass(quote_ident(current_schema()) || '.migration') IS NOT NULL"};

static const struct pg_statement ask_moved = {
    133, "SELECT EXISTS (SELECT FROM migration WHERE done_at IS NULL)"};

/** One statement, by itself. @return 0 or an enum pg_refusal */
static int ask(struct pg_link *l, const struct pg_statement *s, PGresult **out)
{
    pg_link_send(l, s, NULL);
    pg_link_sync(l);
    return pg_link_result(l, out);
}

// --- the server --------------------------------------------------------------------

static int check_answer(const PGresult *r)
{
    if (pg_i64(r, 0, 0) < OLDEST_SERVER) {
        return err_fault(-EINVAL, "update PostgreSQL to 14 or newer: it is %lld",
                         (long long)pg_i64(r, 0, 0) / 10000);
    }
    if (pg_bool(r, 0, 4) || !str_eq(pg_str(r, 0, 5), STR("off"))) {
        return err_fault(-EROFS,
                         "connect to the primary: this PostgreSQL is a replica, or set to "
                         "be read only");
    }
    if (!str_eq(pg_str(r, 0, 1), STR("UTF8"))) {
        return err_fault(-EINVAL,
                         "make a database with ENCODING 'UTF8' (and TEMPLATE template0): the "
                         "encoding of this one is " STR_FMT,
                         STR_ARG(pg_str(r, 0, 1)));
    }
    if (str_eq(pg_str(r, 0, 2), STR("off"))) {
        return err_fault(-EINVAL,
                         "set synchronous_commit to on (ALTER DATABASE ... SET "
                         "synchronous_commit = on): what it has committed may be lost");
    }
    if (pg_is_null(r, 0, 6)) {
        return err_fault(-EINVAL,
                         "make the schema that the search_path names (CREATE SCHEMA), or "
                         "name another one: there is none of them");
    }
    if (!str_eq(pg_str(r, 0, 3), STR("on"))) {
        log_warn(NULL, "store_postgres_fsync",
                 "fsync=" STR_FMT " means=\"a power cut may lose or spoil all of it\"",
                 STR_ARG(pg_str(r, 0, 3)));
    }
    return 0;
}

static int check_server(struct pg_link *l)
{
    PGresult *r = NULL;

    if (ask(l, &ask_server, &r) != 0)
        return err_fault(-EIO, "PostgreSQL does not say what it is");
    const int result = check_answer(r);
    pg_result_free(&r);
    return result;
}

// --- the tables --------------------------------------------------------------------

/** One opens at a time. What has no such locks has none: then tables that are made twice are
 * refused, and looked at again. @return 0 or an enum pg_refusal */
static int lock(struct pg_link *l)
{
    int r = pg_link_run(l, "BEGIN; SELECT pg_advisory_xact_lock(" LOCK_KEY ")");

    if (r == PG_ERROR && strcmp(pg_link_sqlstate(l), "42883") == 0) {
        r = pg_link_run(l, "ROLLBACK");
        if (r == 0)
            r = pg_link_run(l, "BEGIN");
    }
    return r;
}

enum opening_refusal {
    IN_THE_WAY = PG_ERROR + 1, // tables that are not ours
    NEWER,                     // ours, and we don't know them
    IN_USE,                    // by servers who would not know what we make of them
};

struct opening {
    struct pg_link *link;
    const struct pg_steps *steps;
    uint64_t epoch;
    int64_t version;  // that is there; 0: none
    int64_t oldest;   // that may use it
    uint64_t has;     // likewise, or what it has then
    char sqlstate[6]; // of what was refused last
};

/** @return 0, an enum pg_refusal, or IN_THE_WAY */
static int find_version(struct opening *o)
{
    PGresult *r = NULL;

    o->version = o->oldest = 0;
    o->has = o->epoch;
    int result = ask(o->link, &ask_meta, &r);
    const bool is_there = result == 0 && pg_bool(r, 0, 0);
    pg_result_free(&r);
    if (result != 0 || !is_there)
        return result;

    result = ask(o->link, &ask_version, &r);
    if (result == PG_ERROR || (result == 0 && PQntuples(r) != 1)) {
        result = IN_THE_WAY;
    } else if (result == 0) {
        o->version = pg_i64(r, 0, 0);
        o->has = (uint64_t)pg_i64(r, 0, 1);
        o->oldest = pg_i64(r, 0, 2);
    }
    pg_result_free(&r);
    return result;
}

/** @return the oldest version whose servers may use the database from then on */
static size_t oldest_after(const struct opening *o)
{
    size_t oldest = (size_t)o->oldest;

    for (size_t v = (size_t)o->version; v < o->steps->n; v++)
        oldest = o->steps->steps[v].is_gentle ? oldest : v + 1;
    return oldest;
}

/** From the version that is there to the last one. @return 0 or an enum pg_refusal */
static int climb(const struct opening *o)
{
    const size_t last = o->steps->n;
    const size_t oldest = oldest_after(o);
    struct buf text;
    int r = 0;

    buf_init(&text, 1 << 20);
    for (size_t v = (size_t)o->version; v < last; v++) {
        const struct pg_step *step = &o->steps->steps[v];
        for (size_t i = 0; r == 0 && i < step->n; i++)
            r = buf_addf(&text, "%s;\n", step->texts[i]);
    }
    if (r == 0 && o->version == 0) {
        r = buf_addf(&text, "INSERT INTO meta (version, oldest, epoch) VALUES (%zu, %zu, %lld)",
                     last, oldest, (long long)o->epoch);
    } else if (r == 0) {
        r = buf_addf(&text, "UPDATE meta SET version = %zu, oldest = %zu", last, oldest);
    }
    assert(r == 0); // they are constants
    char *all = str_dup(buf_str(&text));
    r = pg_link_run(o->link, all);
    free(all);
    buf_fini(&text);
    return r;
}

/** Each server that has it open has a lock (pg_txn.c). What has no such locks can't say. One
 * that was stopped just now may have it a moment longer than itself.
 * @return 0, an enum pg_refusal, or IN_USE */
static int be_alone(const struct opening *o)
{
    const struct timespec pause = {.tv_nsec = ALONE_EVERY_MS * 1000000L};
    int result = IN_USE;

    for (int ms = 0; ms < ALONE_MS && result == IN_USE; ms += ALONE_EVERY_MS) {
        PGresult *r = NULL;
        if (ms > 0)
            nanosleep(&pause, NULL);
        result = ask(o->link, &ask_alone, &r);
        if (result == 0 && !pg_bool(r, 0, 0))
            result = IN_USE;
        pg_result_free(&r);
    }
    return result;
}

/** @return 0, an enum pg_refusal or an enum opening_refusal */
static int upgrade(const struct opening *o)
{
    int r = 0;

    if (o->version > 0 && oldest_after(o) > (size_t)o->version)
        r = be_alone(o);
    if (r == 0)
        r = climb(o);
    if (r == 0 && o->version > 0) {
        log_info(NULL, "store_postgres_upgraded", "from=%lld to=%zu", (long long)o->version,
                 o->steps->n);
    }
    // 42P07: a table of that name is there.
    return r == PG_ERROR && strcmp(pg_link_sqlstate(o->link), "42P07") == 0 ? IN_THE_WAY : r;
}

/** The transaction, but for its end. @return 0, an enum pg_refusal or an enum opening_refusal
 */
static int make(struct opening *o)
{
    const int64_t ours = (int64_t)o->steps->n;
    int r = lock(o->link);

    if (r == 0)
        r = find_version(o);
    if (r != 0)
        return r;
    if (o->version < 0 || o->oldest > ours)
        return NEWER;
    return o->version < ours ? upgrade(o) : 0;
}

/** @return 0, an enum pg_refusal or an enum opening_refusal: nothing was done */
static int make_all(struct opening *o)
{
    int r = make(o);

    if (r == 0)
        r = pg_link_run(o->link, "COMMIT");
    if (r == 0)
        return 0;
    snprintf(o->sqlstate, sizeof(o->sqlstate), "%s", pg_link_sqlstate(o->link));
    return r == PG_LOST || pg_link_run(o->link, "ROLLBACK") != 0 ? PG_LOST : r;
}

static int fault_of(const struct opening *o, int r)
{
    switch (r) {
    case IN_THE_WAY:
        return err_fault(-EEXIST,
                         "make a database or a schema for Parley alone (of a schema the "
                         "URL says options=-csearch_path%%3DNAME): tables that are not "
                         "Parley's are in this one");
    case NEWER:
        return err_fault(
            -EINVAL,
            "update Parley, or restore a backup: the database has version %lld, this "
            "Parley knows %zu",
            (long long)o->version, o->steps->n);
    case IN_USE:
        return err_fault(-EBUSY,
                         "stop the servers that have this database open, then start this one: "
                         "it makes version %zu of version %lld, which they would not know",
                         o->steps->n, (long long)o->version);
    case PG_LOST: return err_fault(-EIO, "PostgreSQL was lost as its tables were looked at");
    default:
        return err_fault(-EIO, "PostgreSQL refuses to make the tables, or to show them: %s",
                         o->sqlstate);
    }
}

int pg_schema_open_by(struct pg_link *l, const struct pg_steps *by, uint64_t epoch,
                      uint64_t *has)
{
    struct opening o = {.link = l, .steps = by, .epoch = epoch};

    int r = check_server(l);
    if (r < 0)
        return err_up(r);
    for (int i = 0; i < TRIES; i++) {
        r = make_all(&o);
        if (r == 0 || r == PG_LOST || r == NEWER || r == IN_USE)
            break;
    }
    *has = o.has;
    return r == 0 ? 0 : fault_of(&o, r);
}

int pg_schema_open(struct pg_link *l, uint64_t epoch, uint64_t *has)
{
    const struct pg_steps ours = {.n = COUNT_OF(steps), .steps = steps};

    return pg_schema_open_by(l, &ours, epoch, has);
}

int pg_schema_check_moved(struct pg_link *l)
{
    PGresult *r = NULL;

    int result = ask(l, &ask_migration, &r);
    const bool is_there = result == 0 && pg_bool(r, 0, 0);
    pg_result_free(&r);
    if (is_there)
        result = ask(l, &ask_moved, &r);
    const bool is_halfway = is_there && result == 0 && pg_bool(r, 0, 0);
    pg_result_free(&r);
    if (result != 0)
        return err_fault(-EIO, "PostgreSQL does not say whether all was moved into it");
    if (is_halfway) {
        return err_fault(-EBUSY,
                         "run parley migrate again: it has not moved all into this database");
    }
    return 0;
}
