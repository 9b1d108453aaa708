#include "store/migrate_target.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/pg_schema.h"

#define SILENCE_MS 86400000 // an index of many messages takes its time

static const struct pg_statement ask_table = {
    152,
    "SELECT to_regclass(quote_ident(current_schema()) || '.migration') IS NOT NULL,"
    " (SELECT position FROM meta) > 0 OR EXISTS (SELECT FROM account)"
    " OR EXISTS (SELECT FROM session) OR EXISTS (SELECT FROM revocation)"
    " OR EXISTS (SELECT FROM nonce) OR EXISTS (SELECT FROM upload)"
    " OR EXISTS (SELECT FROM upload_quota)"};

static const struct pg_statement ask_state = {
    153,
    "SELECT done_at IS NOT NULL, epoch, position, chain, conversations, messages, revocations,"
    " kind, n, at_number, at_bytes FROM migration"};

static const struct pg_statement move = {
    154,
    "UPDATE migration SET kind = $1::int8, n = $2::int8, at_number = $3::int8,"
    " at_bytes = $4::bytea"};

static const struct pg_statement end = {155, "UPDATE migration SET done_at = now()"};

// What is in the way of rows that come by the thousand is left for the end, where it is made of
// all of them at once; how it is made is kept. What is primary keeps out what comes twice.
static const char begin_text[] =
    "BEGIN;"
    "CREATE TABLE migration ("
    " one boolean PRIMARY KEY DEFAULT true CHECK (one),"
    " epoch int8 NOT NULL, position int8 NOT NULL, chain int8 NOT NULL,"
    " conversations int8 NOT NULL, messages int8 NOT NULL, revocations int8 NOT NULL,"
    " kind int8 NOT NULL DEFAULT 0,"
    " n int8 NOT NULL DEFAULT 0," // rows of that kind
    " at_number int8 NOT NULL DEFAULT 0,"
    " at_bytes bytea NOT NULL DEFAULT '',"
    " indices text[] NOT NULL,"
    " began_at timestamptz NOT NULL DEFAULT now(),"
    " done_at timestamptz);"
    "INSERT INTO migration (epoch, position, chain, conversations, messages, revocations,"
    " indices) SELECT %lld, %lld, %lld, %lld, %lld, %lld, array("
    "  SELECT pg_get_indexdef(indexrelid) FROM pg_index"
    "  WHERE indrelid IN ('message'::regclass, 'conversation'::regclass)"
    "  AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = indexrelid)"
    "  ORDER BY indexrelid);"
    "DO $$ DECLARE i regclass; BEGIN FOR i IN"
    "  SELECT indexrelid FROM pg_index"
    "  WHERE indrelid IN ('message'::regclass, 'conversation'::regclass)"
    "  AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = indexrelid)"
    " LOOP EXECUTE 'DROP INDEX ' || i; END LOOP; END $$;"
    "UPDATE meta SET epoch = %lld;"
    "COMMIT";

// Done twice it does the same. What was never given is left as it is.
static const char finish_text[] =
    "BEGIN;"
    "DO $$ DECLARE i text; BEGIN FOR i IN SELECT unnest(indices) FROM migration"
    " LOOP EXECUTE replace(replace(i, 'CREATE INDEX ', 'CREATE INDEX IF NOT EXISTS '),"
    "  'CREATE UNIQUE INDEX ', 'CREATE UNIQUE INDEX IF NOT EXISTS '); END LOOP; END $$;"
    "SELECT setval('conversation_number', greatest(conversations, 1), conversations > 0)"
    " FROM migration;"
    "SELECT setval(pg_get_serial_sequence('account', 'id'), max(id)) FROM account"
    " HAVING max(id) > 0;"
    "SELECT setval(pg_get_serial_sequence('session', 'id'), max(id)) FROM session"
    " HAVING max(id) > 0;"
    "UPDATE meta SET position = m.position, revocation_position = m.revocations"
    " FROM migration m;"
    "COMMIT;"
    "ANALYZE";

// What sorts all that there is, once, is no statement of a server's.
static const char take_time[] =
    "SET statement_timeout = 0; SET lock_timeout = 0;"
    "SET idle_in_transaction_session_timeout = 0; SET enable_seqscan = on;"
    "SET enable_hashjoin = on; SET enable_mergejoin = on; SET plan_cache_mode = auto;"
    "SET cursor_tuple_fraction = 1; SET work_mem = '64MB'; SET maintenance_work_mem = '256MB'";

/** @return 0 or MIGRATE_AWAY */
static int run(struct migrate_target *t, const char *text)
{
    return pg_link_run(t->link, text) == 0 ? 0 : MIGRATE_AWAY;
}

/** @return 0 or MIGRATE_AWAY */
static int ask(struct migrate_target *t, const struct pg_statement *s, PGresult **out)
{
    pg_link_send(t->link, s, NULL);
    pg_link_sync(t->link);
    return pg_link_result(t->link, out) == 0 ? 0 : MIGRATE_AWAY;
}

/** @return 0, MIGRATE_AWAY, or MIGRATE_NOT_EMPTY */
static int read_table(struct migrate_target *t)
{
    PGresult *r = NULL;

    int result = ask(t, &ask_table, &r);
    // 42P01: it has no tables.
    if (result != 0 && t->is_read_only && strcmp(pg_link_sqlstate(t->link), "42P01") == 0)
        return 0;
    t->state.is_there = result == 0 && pg_bool(r, 0, 0);
    if (result == 0 && !t->state.is_there && pg_bool(r, 0, 1))
        result = MIGRATE_NOT_EMPTY;
    pg_result_free(&r);
    return result;
}

static void keep_at(struct migrate_target *t, int64_t number, str bytes)
{
    buf_clear(&t->at_bytes);
    const int r = buf_add(&t->at_bytes, bytes);
    assert(r == 0);
    (void)r;
    t->state.at = (struct migrate_at){.number = number, .bytes = buf_str(&t->at_bytes)};
}

/** @return 0 or MIGRATE_AWAY */
static int read_state(struct migrate_target *t)
{
    PGresult *r = NULL;

    const int result = ask(t, &ask_state, &r);
    if (result == 0 && PQntuples(r) == 1) {
        t->state.is_done = pg_bool(r, 0, 0);
        t->state.mark = (struct migrate_mark){
            .epoch = pg_i64(r, 0, 1),
            .position = pg_i64(r, 0, 2),
            .chain = pg_i64(r, 0, 3),
            .n_conversations = pg_i64(r, 0, 4),
            .n_messages = pg_i64(r, 0, 5),
            .revocations = pg_i64(r, 0, 6),
        };
        t->state.kind = pg_i64(r, 0, 7);
        t->state.n = pg_i64(r, 0, 8);
        keep_at(t, pg_i64(r, 0, 9), pg_str(r, 0, 10));
    }
    pg_result_free(&r);
    return result;
}

/** Nobody else is on it, and nobody comes. @return 0 or MIGRATE_AWAY */
static int take(struct migrate_target *t)
{
    t->txn.is_alone = true;
    return t->is_read_only || pg_txn_do(&t->txn, NULL, NULL) == 0 ? 0 : MIGRATE_AWAY;
}

int migrate_target_open(struct migrate_target *t, const struct migrate_target_config *config)
{
    const struct pg_link_config link = {.url = config->url,
                                        .name = "parley migrate",
                                        .is_read_only = config->is_read_only,
                                        .silence_ms = SILENCE_MS};
    uint64_t epoch = 0;

    t->is_read_only = config->is_read_only;
    pg_args_init(&t->args);
    buf_init(&t->at_bytes, SIZE_MAX / 2);
    int r = pg_link_new(&t->link, &link);
    if (r < 0)
        return err_up(r);
    pg_txn_init(&t->txn, t->link, config->rand);
    if (pg_link_up(t->link) != 0)
        return MIGRATE_AWAY;
    r = t->is_read_only ? 0 : pg_schema_open(t->link, config->epoch, &epoch);
    if (r < 0)
        return err_up(r);
    r = take(t);
    if (r == 0)
        r = run(t, take_time);
    if (r == 0)
        r = read_table(t);
    return r == 0 && t->state.is_there ? read_state(t) : r;
}

void migrate_target_close(struct migrate_target *t)
{
    if (t->link)
        pg_txn_fini(&t->txn);
    pg_link_free(t->link);
    pg_args_fini(&t->args);
    buf_fini(&t->at_bytes);
}

int migrate_target_begin(struct migrate_target *t, const struct migrate_mark *mark)
{
    char text[sizeof(begin_text) + 160];

    snprintf(text, sizeof(text), begin_text, (long long)mark->epoch, (long long)mark->position,
             (long long)mark->chain, (long long)mark->n_conversations,
             (long long)mark->n_messages, (long long)mark->revocations, (long long)mark->epoch);
    if (run(t, text) != 0)
        return MIGRATE_AWAY;
    t->state.is_there = true;
    return read_state(t);
}

// --- rows --------------------------------------------------------------------------

/** What a transaction does. */
struct put {
    struct migrate_target *target;
    const struct migrate_rows *rows;
    struct migrate_state next;
};

static void send_move(struct migrate_target *t, const struct migrate_state *next)
{
    pg_args_clear(&t->args);
    pg_arg_i64(&t->args, next->kind);
    pg_arg_i64(&t->args, next->n);
    pg_arg_i64(&t->args, next->at.number);
    pg_arg_bytes(&t->args, next->at.bytes);
    pg_link_send(t->link, &move, &t->args);
}

static int put(struct pg_txn *txn, void *arg)
{
    const struct put *p = arg;
    struct migrate_target *t = p->target;
    const struct migrate_kind *kind = &migrate_kinds[t->state.kind];

    pg_txn_send_begin(txn);
    if (p->rows->n > 0) {
        migrate_rows_args(p->rows, kind->types, &t->args);
        pg_link_send(t->link, &kind->insert, &t->args);
    }
    send_move(t, &p->next);
    pg_txn_send_commit(txn);
    pg_link_sync(t->link);
    int r = pg_txn_begun(txn);
    const int written = pg_link_results(t->link, p->rows->n > 0 ? 2 : 1);
    const int committed = pg_txn_committed(txn);
    r = r == 0 ? written : r;
    return r == 0 ? committed : r;
}

/** Where it is behind these rows. */
static struct migrate_state behind(const struct migrate_state *s,
                                   const struct migrate_rows *rows)
{
    struct migrate_state next = *s;

    if (rows->n == 0) {
        next.kind++;
        next.n = 0;
        next.at = (struct migrate_at){0};
        return next;
    }
    const struct migrate_value *key = migrate_row(rows, rows->n - 1);
    next.n += (int64_t)rows->n;
    next.at = (struct migrate_at){.number = key->number, .bytes = key->bytes};
    return next;
}

int migrate_target_put(struct migrate_target *t, const struct migrate_rows *rows)
{
    struct put p = {.target = t, .rows = rows, .next = behind(&t->state, rows)};

    if (pg_txn_do(&t->txn, put, &p) != 0)
        return MIGRATE_AWAY;
    t->state = p.next;
    keep_at(t, p.next.at.number, p.next.at.bytes);
    return 0;
}

int migrate_target_finish(struct migrate_target *t)
{
    // A connection that was made anew on the way has a server's settings.
    const int r = run(t, take_time);
    return r == 0 ? run(t, finish_text) : r;
}

int migrate_target_end(struct migrate_target *t)
{
    const int r = ask(t, &end, NULL);

    t->state.is_done = r == 0;
    return r;
}
