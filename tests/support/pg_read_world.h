/**
 * A reader of PostgreSQL, and tables that a test fills itself: what an account has in them
 * follows from messages and from what was delivered.
 */
#pragma once

#include "base/mem.h"
#include "store/front.h"
#include "store/pg_read.h"
#include "store/pg_row.h"
#include "store/pg_schema.h"
#include "support/pg_world.h"

#define ME 1 // the number of the account that asks

struct pg_read_world {
    struct pg_world pg;
    struct store_engine engine;
    struct pg_reader reader;
};

static inline int pg_read_world_setup(void **state)
{
    struct pg_read_world *w = NEW(struct pg_read_world);
    uint64_t epoch = 0;

    pg_world_open(&w->pg);
    assert_int_equal(pg_schema_open(w->pg.admin, 1, &epoch), 0);
    w->reader = (struct pg_reader){.link = pg_world_link(w->pg.url), .engine = &w->engine};
    *state = w;
    return 0;
}

static inline int pg_read_world_teardown(void **state)
{
    struct pg_read_world *w = *state;

    pg_link_free(w->reader.link);
    pg_world_close(&w->pg);
    free(w);
    return 0;
}

// What is in the tables. An account is a number, which is its id, too.

#define ADDRESS(n)                                                                             \
    "'\\x01'::bytea || int8send(0) || int8send(0) || int4send(0) || int8send(" n ")"

static inline account who(uint8_t n)
{
    account a = {.len = ACCOUNT_EVM_SIZE};

    a.bytes[0] = ACCOUNT_EVM;
    a.bytes[a.len - 1] = n;
    return a;
}

static inline void run(const struct pg_read_world *w, const char *text)
{
    pg_world_run(w->pg.admin, text);
}

/** That many, and a conversation of the first with each other one: its id is their number. */
static inline void add_accounts(const struct pg_read_world *w, unsigned n)
{
    char text[512];

    snprintf(text, sizeof(text),
             "INSERT INTO account (address) SELECT " ADDRESS("i::int8")
             " FROM generate_series(1, %u) i;"
             "INSERT INTO conversation SELECT i, 1, i FROM generate_series(2, %u) i",
             n, n);
    run(w, text);
}

// The rest of the tables follows from the messages and from what was delivered to either side.
static const char tally[] =
    "CREATE FUNCTION delivered(id int8, last int8) RETURNS int8 LANGUAGE sql IMMUTABLE AS"
    " 'SELECT CASE WHEN hashint8(id) % 3 = 0 THEN last / 2 ELSE last END';"
    "UPDATE conversation c SET era = 1, last_seq = l.seq, last_pos = l.position,"
    " a_delivered_seq = delivered(c.id, l.seq), b_delivered_seq = delivered(c.id, l.seq)"
    " FROM (SELECT DISTINCT ON (conversation) * FROM message ORDER BY conversation, seq DESC) l"
    " WHERE l.conversation = c.id;"
    "CREATE VIEW undelivered AS SELECT s.conversation, s.side, s.account, m.seq, m.position"
    " FROM member s JOIN message m ON m.conversation = s.conversation AND m.side <> s.side"
    " AND m.seq > s.delivered_seq AND m.withheld = 0;"
    "CREATE VIEW due AS SELECT conversation, side, count(*) n, min(position) first"
    " FROM undelivered GROUP BY 1, 2;"
    "UPDATE conversation c SET a_undelivered = u.n, a_unread = u.n, a_due_pos = u.first,"
    " a_is_due = true, a_has_unread = true"
    " FROM due u WHERE u.conversation = c.id AND u.side = 0;"
    "UPDATE conversation c SET b_undelivered = u.n, b_unread = u.n, b_due_pos = u.first,"
    " b_is_due = true, b_has_unread = true"
    " FROM due u WHERE u.conversation = c.id AND u.side = 1;"
    "UPDATE meta SET position = (SELECT coalesce(max(position), 0) FROM message);"
    "ANALYZE";

#define MESSAGES(rows)                                                                         \
    "INSERT INTO message SELECT c, seq, position, side, withheld,"                             \
    " CASE side WHEN 0 THEN 1 ELSE c END, CASE side WHEN 0 THEN c ELSE 1 END, position, 0,"    \
    " 'text', int8send(position), '', content, NULL FROM (" rows                               \
    ") m (c, seq, position, side, withheld, content)"

/** A single text. @return owned */
static inline char *look(const struct pg_read_world *w, const char *text)
{
    const struct pg_statement s = {0, text};
    struct pg_link *l = pg_world_connect(w->pg.url);
    PGresult *r = NULL;

    pg_link_send(l, &s, NULL);
    pg_link_sync(l);
    expect_int(text, pg_link_result(l, &r), 0);
    char *found = str_dup(pg_str(r, 0, 0));
    pg_result_free(&r);
    pg_link_free(l);
    return found;
}

#define PG_READ_TEST(name)                                                                     \
    cmocka_unit_test_setup_teardown(name, pg_read_world_setup, pg_read_world_teardown)
