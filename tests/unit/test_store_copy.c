#include <stdio.h>
#include <stdlib.h>

#include "store/sqlite_copy.h"
#include "store/sqlite_file.h"
#include "store/sqlite_seal.h"
#include "support/folder.h"
#include "support/said.h"
#include "support/t.h"

#define N_MESSAGES 100
#define PATH_SIZE  256

// Rows as a server writes them, of one conversation in five.
#define FILL(from, upto)                                                                       \
    "WITH RECURSIVE n(i) AS (SELECT " #from " UNION ALL SELECT i + 1 FROM n WHERE i < " #upto  \
    ") INSERT INTO message SELECT i, 1 + i % 5 << 32, 1 + i / 5, 0, 1 + i / 5, i, 0, i, 0,"    \
    " 'text', 'key' || i, randomblob(16), '\"secret ' || i || '\"' FROM n;"

static const char seed[] =
    "INSERT INTO account (id, bytes, seen_ms) VALUES (1, x'01', 5), (2, x'02', 6), (9, x'09', 7);"
    "DELETE FROM account WHERE id = 9;" // AUTOINCREMENT never gives it again
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5)"
    "  INSERT INTO conversation SELECT i << 32, 0, 1, 2, 'c' || i, 1 FROM n;" FILL(1, 100)
    "INSERT INTO mark VALUES (101, 1 << 32, 1, 3, 0, 5, 1), (102, 2 << 32, 1, 4, 4, 6, 0);"
    "INSERT INTO contact VALUES (103, 1 << 32, 0, 0, 1, 0, 0, 0, 0, 0, 0);"
    "INSERT INTO withheld VALUES (3 << 32, 0, 9, 2, 1, 1, 0, 0);"
    "INSERT INTO milestone VALUES (50, 77);"
    "INSERT INTO session (name, account, generation, began_at_ms, refreshed_at_ms, expires_at_ms)"
    "  VALUES ('s', x'01', 1, 1, 1, 1);"
    "INSERT INTO nonce VALUES (x'aa', 9); INSERT INTO revocation VALUES (7, 's', NULL, 1, 2);"
    "INSERT INTO upload VALUES ('u', x'01', 1, 1, 0, 1, 10, x'', 'image/png', 'p.png');"
    "INSERT INTO uploader VALUES (x'01', 1, 1); INSERT INTO attachment VALUES (10, 'u');"
    "UPDATE meta SET position = 103, conversations = 5, chain = 42";

struct world {
    struct folder folder;
    char log[PATH_SIZE];
    char copy[PATH_SIZE];
    struct sqlite_db db; // the log, as a server has it
    struct sqlite_copy c;
    const char *at_what; // when it is told of this, `then` is done, once
    const char *then;
    size_t n_told;
    size_t n_resumed;
};

static void run_sql(struct world *w, const char *sql)
{
    assert_int_equal(sqlite_db_exec(&w->db, sql), 0);
}

static int set_up(void **state)
{
    struct world *w = test_calloc(1, sizeof(*w));

    folder_make(&w->folder);
    snprintf(w->log, sizeof(w->log), "%s/parley.db", w->folder.path);
    snprintf(w->copy, sizeof(w->copy), "%s/a copy?#%%.db", w->folder.path);
    assert_int_equal(sqlite_file_make(w->log), 0);
    assert_int_equal(sqlite_db_open(&w->db, w->log), 0);
    assert_int_equal(sqlite_file_migrate(&w->db, 4711), 0);
    run_sql(w, "PRAGMA journal_mode = WAL");
    run_sql(w, seed);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    sqlite_copy_close(&w->c);
    sqlite_db_close(&w->db);
    folder_remove(&w->folder);
    test_free(w);
    return 0;
}

static void on_progress(void *arg, const struct progress *p)
{
    struct world *w = arg;

    assert_true(p->of == 0 || p->n <= p->of);
    w->n_told++;
    w->n_resumed += p->is_resumed;
    if (!w->then || strcmp(p->what, w->at_what) != 0 || (p->of > 0 && p->n < p->of / 2))
        return;
    const char *sql = w->then;
    w->then = NULL;
    run_sql(w, sql);
}

static void open_copy(struct world *w)
{
    sqlite_copy_close(&w->c);
    w->c = (struct sqlite_copy){0};
    assert_int_equal(sqlite_copy_open(&w->c, w->copy, w->log), 0);
    w->c.n_rows = 7;
}

static void copy(struct world *w)
{
    const struct progress_to to = {on_progress, w};

    open_copy(w);
    assert_int_equal(sqlite_copy_run(&w->c, &to), 0);
    assert_int_equal(sqlite_copy_end(&w->c), 0);
}

static int64_t ask(struct sqlite_db *d, const char *sql)
{
    int64_t n = -1;

    assert_int_equal(sqlite_db_number(d, sql, &n), 0);
    return n;
}

/** The tables and all that is in them, by a third one: what is compared is not what copies. */
static void expect_same(struct world *w)
{
    static const char *const tables[] = {
        "meta",    "account",  "conversation", "message", "removed",         "mark",
        "contact", "withheld", "milestone",    "session", "nonce",           "revocation",
        "upload",  "uploader", "attachment",   "changed", "sqlite_sequence",
    };
    char text[512];

    assert_int_equal(ask(&w->db, "SELECT count(*) FROM sqlite_schema WHERE type = 'table'"),
                     COUNT_OF(tables));
    snprintf(text, sizeof(text), "ATTACH '%s' AS copy", w->copy);
    run_sql(w, text);
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        snprintf(text, sizeof(text),
                 "SELECT (SELECT count(*) FROM (SELECT * FROM main.%s EXCEPT SELECT * FROM"
                 " copy.%s)) + (SELECT count(*) FROM (SELECT * FROM copy.%s EXCEPT SELECT *"
                 " FROM main.%s))",
                 tables[i], tables[i], tables[i], tables[i]);
        if (ask(&w->db, text) != 0)
            fail_msg("%s differs", tables[i]);
    }
    assert_int_equal(ask(&w->db,
                         "SELECT count(*) FROM (SELECT type, name, sql FROM"
                         " main.sqlite_schema EXCEPT SELECT type, name, sql FROM"
                         " copy.sqlite_schema)"),
                     0);
    assert_int_equal(ask(&w->db, "SELECT count(*) FROM copy.sqlite_schema"),
                     ask(&w->db, "SELECT count(*) FROM main.sqlite_schema"));
    assert_int_equal(ask(&w->db, "PRAGMA copy.application_id"),
                     ask(&w->db, "PRAGMA main.application_id"));
    assert_int_equal(ask(&w->db, "PRAGMA copy.user_version"),
                     ask(&w->db, "PRAGMA main.user_version"));
    run_sql(w, "DETACH copy");
}

static void has_all_that_the_log_has(void **state)
{
    struct world *w = *state;

    copy(w);
    expect_same(w);
    assert_true(w->n_told > N_MESSAGES / 7);
    assert_int_equal(w->n_resumed, 0);
}

/** What comes, changes and goes while it is copied, in portions that were copied before, in
 * those to come, and in tables that were. */
static void is_as_the_log_is_at_its_end(void **state)
{
    static const char *const changes[] = {
        "UPDATE message SET type = 'gone', content = '' WHERE position IN (3, 70);"
        "DELETE FROM message WHERE position IN (10, 12, 95);",
        "UPDATE account SET bytes = x'ee' WHERE id = 1; UPDATE account SET seen_ms = 99",
        "UPDATE conversation SET first_seq = 4 WHERE id = 2 << 32;"
        "INSERT INTO account (bytes) VALUES (x'03');"
        "INSERT INTO conversation VALUES (6 << 32, 0, 1, 10, '', 1);" FILL(104, 180)
        "INSERT INTO attachment VALUES (150, 'u');"
        "INSERT INTO mark VALUES (181, 1 << 32, 0, 1, 1, 1, 1); UPDATE meta SET position = 181",
        "DELETE FROM session; DELETE FROM nonce; DELETE FROM upload; DELETE FROM withheld;"
        "INSERT INTO withheld VALUES (3 << 32, 0, 4, 2, 1, 1, 0, 0)",
    };
    static const char *const at[] = {"accounts", "messages: position", "attachments: position",
                                     "what is left"};

    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        for (size_t j = 0; j < COUNT_OF(at); j++) {
            tear_down(state);
            set_up(state);
            struct world *w = *state;
            w->at_what = at[j];
            w->then = changes[i];
            copy(w);
            assert_null(w->then);
            expect_same(w);
        }
    }
}

/** What it was when it was stopped is no matter, nor what has become of it since. */
static void goes_on_where_it_was(void **state)
{
    struct world *w = *state;
    const struct progress_to to = {on_progress, w};

    open_copy(w);
    assert_int_equal(sqlite_copy_run(&w->c, &to), 0);
    assert_int_equal(w->n_resumed, 0);
    run_sql(w,
            "DELETE FROM message WHERE position = 5;"
            "UPDATE message SET type = 'gone', content = '' WHERE position = 100;" FILL(
                104, 150) "UPDATE meta SET position = 150");
    copy(w);
    assert_true(w->n_resumed > 0);
    expect_same(w);
    copy(w); // also one that had come to its end
    expect_same(w);
}

/** Nor are its pages. */
static void what_was_taken_away_is_not_in_its_file(void **state)
{
    struct world *w = *state;
    const struct progress_to to = {on_progress, w};

    open_copy(w);
    assert_int_equal(sqlite_copy_run(&w->c, &to), 0);
    run_sql(w, "UPDATE message SET type = 'gone', content = '' WHERE position < 60");
    copy(w);
    assert_int_equal(sqlite_db_exec(&w->c.db, "DETACH src; PRAGMA journal_mode = DELETE"), 0);
    sqlite_copy_close(&w->c);
    FILE *f = fopen(w->copy, "rb");
    assert_non_null(f);
    char *bytes = calloc(1, 1 << 20);
    const size_t n = fread(bytes, 1, 1 << 20, f);
    (void)fclose(f);
    assert_non_null(memmem(bytes, n, "\"secret 61\"", 11));
    assert_null(memmem(bytes, n, "\"secret 33\"", 11));
    free(bytes);
}

static void refuses(struct world *w, const char *sql)
{
    copy(w);
    run_sql(w, sql);
    sqlite_copy_close(&w->c);
    w->c = (struct sqlite_copy){0};
    assert_int_equal(sqlite_copy_open(&w->c, w->copy, w->log), SQLITE_COPY_OTHER);
}

static void does_not_go_on_with_a_copy_of_something_else(void **state)
{
    static const char *const others[] = {
        "UPDATE meta SET epoch = 1",
        "UPDATE meta SET position = 50",                  // an older one was put back
        "UPDATE mark SET at_ms = 7 WHERE position = 102", // it went on from there otherwise
        "DELETE FROM mark WHERE position = 102",
        "UPDATE contact SET side = 1",
        "DROP TRIGGER message_changed; UPDATE message SET created_at_ms = 1",
    };

    for (size_t i = 0; i < COUNT_OF(others); i++) {
        refuses(*state, others[i]);
        tear_down(state);
        set_up(state);
    }
}

static void does_not_go_on_with_what_is_no_copy(void **state)
{
    struct world *w = *state;
    FILE *f = fopen(w->copy, "wb");

    assert_non_null(f);
    (void)fputs("this is no database, but it is long enough to be told from an empty one", f);
    (void)fclose(f);
    struct said said;
    said_start(&said);
    const int r = sqlite_copy_open(&w->c, w->copy, w->log);
    said_stop(&said);
    said_free(&said);
    assert_int_equal(r, SQLITE_COPY_OTHER);
}

static void refuses_a_log_of_another_version(void **state)
{
    struct world *w = *state;
    struct said said;

    run_sql(w, "PRAGMA user_version = 6");
    said_start(&said);
    const int r = sqlite_copy_open(&w->c, w->copy, w->log);
    said_stop(&said);
    said_free(&said);
    assert_true(r < 0);
}

// Seals.

static void a_seal_is_of_rows_and_not_of_pages(void **state)
{
    struct world *w = *state;
    char table[SQLITE_SEAL_NAME_SIZE];

    assert_int_equal(sqlite_seal_make(&w->db, &(struct progress_to){0}), 0);
    assert_int_equal(sqlite_seal_check(&w->db, &(struct progress_to){0}, table), 0);
    run_sql(w, "VACUUM; CREATE INDEX more ON message (content); ANALYZE");
    assert_int_equal(sqlite_seal_check(&w->db, &(struct progress_to){0}, table), 0);
}

static void a_seal_breaks_with_each_change(void **state)
{
    static const struct {
        const char *sql;
        const char *table;
    } changes[] = {
        {"UPDATE message SET content = content || ' ' WHERE position = 40", "message"},
        {"UPDATE message SET digest = randomblob(16) WHERE position = 40", "message"},
        {"DELETE FROM mark WHERE position = 102", "mark"},
        {"INSERT INTO nonce VALUES (x'ab', 1)", "nonce"},
        {"UPDATE session SET proof_signature = x'00'", "session"},
        {"UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'account'", "sqlite_sequence"},
        {"UPDATE revocation SET account = x'', session = NULL", "revocation"}, // as no bytes
        {"CREATE TABLE another (a INTEGER) STRICT", "another"},
        {"DROP TABLE uploader", "uploader"},
        {"UPDATE seal SET n = n + 1 WHERE name = 'contact'", "contact"},
    };

    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        struct world *w = *state;
        char table[SQLITE_SEAL_NAME_SIZE] = "";
        run_sql(w, "DROP TRIGGER message_changed"); // which would break another one first
        assert_int_equal(sqlite_seal_make(&w->db, &(struct progress_to){0}), 0);
        run_sql(w, changes[i].sql);
        assert_int_equal(sqlite_seal_check(&w->db, &(struct progress_to){0}, table),
                         SQLITE_SEAL_BROKEN);
        assert_string_equal(table, changes[i].table);
        tear_down(state);
        set_up(state);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(has_all_that_the_log_has),
        TEST(is_as_the_log_is_at_its_end),
        TEST(goes_on_where_it_was),
        TEST(what_was_taken_away_is_not_in_its_file),
        TEST(does_not_go_on_with_a_copy_of_something_else),
        TEST(does_not_go_on_with_what_is_no_copy),
        TEST(refuses_a_log_of_another_version),
        TEST(a_seal_is_of_rows_and_not_of_pages),
        TEST(a_seal_breaks_with_each_change),
    };
    return cmocka_run_group_tests_name("store/copy", tests, NULL, NULL);
}
