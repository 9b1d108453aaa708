#include <fcntl.h>

#include "auth/account.h"
#include "base/log.h"
#include "cli/sql.h"
#include "cli/sql_print.h"
#include "crypto/random.h"
#include "io/loop.h"
#include "support/cli.h"
#include "support/folder.h"
#include "support/said.h"
#include "support/store_world.h"

struct world {
    struct store_world *store;
    const char *dir;
    struct said said;
    FILE *real_in;
};

static int setup(void **state)
{
    static struct world w;

    w = (struct world){.store = store_world_new(BACKEND_SQLITE), .real_in = stdin};
    w.dir = w.store->dir;
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    said_free(&w->said);
    store_world_free(w->store);
    return 0;
}

/** `parley sql` with these words, up to NULL. @return its exit code */
static int sql(struct world *w, const char *const *args)
{
    said_free(&w->said);
    said_start(&w->said);
    const int code = cli_run(sql_main, args);
    said_stop(&w->said);
    return code;
}

/** Likewise, with this on stdin. */
static int sql_from(struct world *w, const char *text, const char *const *args)
{
    char *copy = strdup(text);

    stdin = fmemopen(copy, strlen(copy), "r");
    assert_non_null(stdin);
    const int code = sql(w, args);
    (void)fclose(stdin);
    stdin = w->real_in;
    free(copy);
    return code;
}

static void expect_printed(struct world *w, const char *statement, const char *want)
{
    expect_int(statement, sql(w, ARGS("--data", w->dir, statement)), 0);
    expect_str(statement, str_of(w->said.err), STR(""));
    expect_str(statement, str_of(w->said.out), str_of(want));
}

// What is printed.

static void prints_a_table(void **state)
{
    struct world *w = *state;

    expect_printed(w,
                   "SELECT 'a' AS name, 10 AS n, 'z' AS last UNION ALL"
                   " SELECT 'longer', -5, 'last' UNION ALL SELECT NULL, 2.5, ''",
                   "name    n    last\n"
                   "------  ---  ----\n"
                   "a        10  z\n"
                   "longer   -5  last\n"
                   "        2.5  \n");
    expect_printed(w, "SELECT 1 AS a WHERE 0", "a\n-\n");
    expect_printed(w, "SELECT 1 AS a; SELECT 2 AS b", "a\n-\n1\n\nb\n-\n2\n");
    expect_printed(w, "/* nothing */", "");
}

static void a_cell_that_is_long_makes_no_other_long(void **state)
{
    struct world *w = *state;
    char want[1024];
    char x[81];

    memset(x, 'x', 80);
    x[80] = '\0';
    snprintf(want, sizeof(want), "%-64s  b\n%.64s  -\n%s  1\n%-64s  2\n", "a",
             "----------------------------------------------------------------", x, "y");
    expect_printed(w, "SELECT printf('%.*c', 80, 'x') AS a, 1 AS b UNION ALL SELECT 'y', 2",
                   want);
}

/** Contents are of strangers. */
static void prints_nothing_that_a_terminal_obeys(void **state)
{
    static const struct {
        const char *statement;
        const char *cell;
    } table[] = {
        {"SELECT char(27) || '[2J' AS x", "\\u001b[2J"},
        {"SELECT 'a' || char(10, 9, 13, 0) AS x", "a\\u000a\\u0009\\u000d\\u0000"},
        {"SELECT char(127) AS x", "\\u007f"},
        {"SELECT char(0x9b) || '31m' AS x", "\\u009b31m"},
        {"SELECT char(0x202e, 0x2066) AS x", "\\u202e\\u2066"},
        {"SELECT char(0xe4, 0x20ac, 0x1f600) AS x", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"SELECT x'00ff1b' AS x", "x'00ff1b'"},
        {"SELECT CAST(x'61ff' AS TEXT) AS x", "x'61ff'"},
    };
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        assert_int_equal(sql(w, ARGS("--data", w->dir, table[i].statement)), 0);
        const char *at = strchr(strchr(w->said.out, '\n') + 1, '\n') + 1;
        const str cell = {at, strcspn(at, "\n")};
        expect_str(table[i].statement, cell, str_of(table[i].cell));
    }
    expect_printed(w,
                   "SELECT 1 AS \"a\x1b"
                   "b\"",
                   "a\\u001bb\n--------\n       1\n");
}

static void counts_characters_and_not_bytes(void **state)
{
    struct world *w = *state;

    expect_printed(w, "SELECT '\xc3\xa4\xc3\xb6' AS \"\xe2\x82\xac\", 1 AS b",
                   "\xe2\x82\xac   b\n--  -\n\xc3\xa4\xc3\xb6  1\n");
}

static void prints_json(void **state)
{
    static const char kinds[] =
        "SELECT 1 AS n, 2.5 AS r, NULL AS nil, 'a\"\n' AS \"t\"\"\","
        " x'0aff' AS bytes, 1e999 AS much, CAST(x'ff' AS TEXT) AS bad;"
        " SELECT 3 AS n WHERE 0; SELECT 4 AS n";
    struct world *w = *state;

    assert_int_equal(sql(w, ARGS("--json", "--data", w->dir, kinds)), 0);
    assert_string_equal(w->said.out,
                        "{\"n\":1,\"r\":2.5,\"nil\":null,\"t\\\"\":\"a\\\"\\n\","
                        "\"bytes\":\"0aff\",\"much\":\"Inf\",\"bad\":\"ff\"}\n{\"n\":4}\n");
    assert_int_equal(sql(w, ARGS("--json", "--data", w->dir,
                                 "SELECT 9223372036854775807 AS a, -1e-7 AS b, 1e20 AS c")),
                     0);
    assert_string_equal(w->said.out,
                        "{\"a\":9223372036854775807,\"b\":-1.0e-07,\"c\":1.0e+20}\n");
}

/** What is more than is kept comes out in the same order, and once. */
static void prints_what_is_long_as_well(void **state)
{
    static const char many[] =
        "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r LIMIT 20000)"
        " SELECT i, printf('%.*c', 1000, 'x') AS x FROM r";
    struct world *w = *state;

    assert_int_equal(sql(w, ARGS("--timeout", "60s", "--data", w->dir, many)), 0);
    assert_true(w->said.n_out > 2UL * SQL_PRINT_KEPT);
    str out = {w->said.out, w->said.n_out};
    str_take_until(&out, '\n');
    str_take_until(&out, '\n');
    for (int i = 1; i <= 20000; i++) {
        const str line = str_take_until(&out, '\n');
        char number[16] = ""; // strtol would have ASan look at all that is left, for its end
        assert_true(line.len > 1000);
        memcpy(number, line.ptr, sizeof(number) - 1);
        assert_int_equal(strtol(number, NULL, 10), i);
    }
    assert_int_equal(out.len, 0);
}

// Where statements come from.

static void reads_statements_from_stdin(void **state)
{
    struct world *w = *state;

    assert_int_equal(sql_from(w,
                              "SELECT 1\n  AS a;SELECT 2 AS b;\n\n-- so\nSELECT ';\n;' AS c;\n"
                              "SELECT 4 AS d",
                              ARGS("--json", "--data", w->dir)),
                     0);
    assert_string_equal(w->said.out, "{\"a\":1}\n{\"b\":2}\n{\"c\":\";\\n;\"}\n{\"d\":4}\n");
    assert_string_equal(w->said.err, ""); // and asks nobody
    assert_int_equal(sql_from(w, "\n", ARGS("--data", w->dir)), 0);
    assert_string_equal(w->said.out, "");
    assert_int_equal(
        sql_from(w, "SELECT 1 AS a; SELEC 2; SELECT 3;", ARGS("--json", "--data", w->dir)), 1);
    assert_string_equal(w->said.out, "{\"a\":1}\n");
    assert_string_equal(w->said.err, "parley sql: near \"SELEC\": syntax error\n");
}

static void refuses_what_is_no_text(void **state)
{
    static char bytes[] = "SELECT 1;\0 SELECT 2;\n";
    struct world *w = *state;

    stdin = fmemopen(bytes, sizeof(bytes) - 1, "r");
    assert_non_null(stdin);
    const int code = sql(w, ARGS("--data", w->dir));
    (void)fclose(stdin);
    stdin = w->real_in;
    assert_int_equal(code, 1);
    assert_string_equal(w->said.err, "parley sql: that is not UTF-8, or has a NUL in it\n");
    assert_int_equal(sql(w, ARGS("--data", w->dir, "SELECT '\xff'")), 1);
    assert_string_equal(w->said.err, "parley sql: that is not UTF-8, or has a NUL in it\n");
    assert_string_equal(w->said.out, "");
}

static void a_statement_has_its_limit(void **state)
{
    struct world *w = *state;
    const size_t max = 1048576;
    char *text = mem_alloc(max + 2);

    memset(text, ' ', max + 1);
    memcpy(text, "SELECT 1 AS a", 13);
    text[max - 1] = ';';
    text[max] = '\0';
    assert_int_equal(sql_from(w, text, ARGS("--json", "--data", w->dir)), 0);
    assert_string_equal(w->said.out, "{\"a\":1}\n");
    text[max - 1] = ' ';
    text[max] = ';';
    assert_int_equal(sql_from(w, text, ARGS("--json", "--data", w->dir)), 1);
    assert_string_equal(w->said.err, "parley sql: a statement has at most 1 MiB\n");
    free(text);
}

/** Who types goes on after a mistake. */
static void asks_at_a_terminal(void **state)
{
    static const char typed[] = "SELECT 1\nAS a;\nSELEC;\nSELECT 2 AS a;\n\x04";
    struct world *w = *state;
    const int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

    assert_true(master >= 0);
    assert_int_equal(grantpt(master), 0);
    assert_int_equal(unlockpt(master), 0);
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
    const int slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(slave >= 0);
    assert_int_equal(write(master, typed, sizeof(typed) - 1), sizeof(typed) - 1);
    stdin = fdopen(slave, "r");
    const int code = sql(w, ARGS("--json", "--data", w->dir));
    (void)fclose(stdin);
    stdin = w->real_in;
    close(master);
    assert_int_equal(code, 0);
    assert_string_equal(w->said.out, "{\"a\":1}\n{\"a\":2}\n");
    assert_string_equal(w->said.err,
                        "parley>    ...> parley> parley sql: near \"SELEC\": syntax error\n"
                        "parley> parley> ");
}

static void looks_where_the_server_looks(void **state)
{
    struct world *w = *state;
    char path[] = "/tmp/parley-test-sql-XXXXXX";
    char text[256];
    char address[256];

    put(w->store, 'a', 'b', "key", 1);
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    const int n = snprintf(text, sizeof(text), "data = %s\nhome-chain = 137\n", w->dir);
    assert_int_equal(write(fd, text, (size_t)n), n);
    close(fd);
    snprintf(address, sizeof(address),
             "SELECT seq FROM messages WHERE \"from\" ="
             " 'eip155:137:0x0000000000000000000000000000000000000061'");
    assert_int_equal(sql(w, ARGS("--json", "--config", path, address)), 0);
    assert_string_equal(w->said.out, "{\"seq\":1}\n");
    assert_int_equal(unlink(path), 0);

    // NOLINTBEGIN(concurrency-mt-unsafe): no other thread looks at it
    assert_int_equal(setenv("PARLEY_DATA", w->dir, 1), 0);
    assert_int_equal(sql(w, ARGS("--json", "SELECT seq FROM messages")), 0);
    assert_int_equal(unsetenv("PARLEY_DATA"), 0);
    // NOLINTEND(concurrency-mt-unsafe)
    assert_string_equal(w->said.out, "{\"seq\":1}\n");
}

// What goes wrong.

static void says_how_to_write(void **state)
{
    struct world *w = *state;
    char want[512];

    put(w->store, 'a', 'b', "key", 1);
    assert_int_equal(sql(w, ARGS("--data", w->dir, "DELETE FROM message")), 1);
    snprintf(want, sizeof(want), "stop the server, and use sqlite3 on %s/parley.db\n", w->dir);
    expect_in("how", w->said.err, want);
    assert_string_equal(w->said.out, "");
    expect_printed(w, "SELECT count(*) AS n FROM messages", "n\n-\n1\n");
}

static void what_takes_too_long_is_ended(void **state)
{
    static const char endless[] =
        "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r)"
        " SELECT count(*) FROM r";
    struct world *w = *state;

    assert_int_equal(sql(w, ARGS("--data", w->dir, "--timeout=100ms", endless)), 1);
    assert_string_equal(w->said.out, "");
    expect_in("why", w->said.err, "parley sql: it was ended after 0.100 s: --timeout gives");
}

/** Who does not read holds no snapshot of the store for longer than that. */
static void who_does_not_read_is_not_waited_for(void **state)
{
    static const char many[] =
        "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r)"
        " SELECT printf('%.*c', 1000, 'x') AS x FROM r";
    struct world *w = *state;
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    said_free(&w->said);
    said_start(&w->said);
    FILE *said_out = stdout;
    stdout = fdopen(ends[1], "w");
    const int code = cli_run(sql_main, ARGS("--timeout", "2s", "--data", w->dir, many));
    close(ends[0]); // nothing is left in stdout's own buffer
    (void)fclose(stdout);
    stdout = said_out;
    said_stop(&w->said);
    assert_int_equal(code, 1);
    expect_in("why", w->said.err, "parley sql: it was ended after 2.000 s");
}

static void says_when_there_is_no_store(void **state)
{
    struct world *w = *state;
    struct folder empty;
    char want[512];
    char path[512];

    folder_make(&empty);
    snprintf(want, sizeof(want), "parley sql: no store in %s: there is no parley.db. --data",
             empty.path);
    assert_int_equal(sql(w, ARGS("SELECT 1", "--data", empty.path)), 1);
    expect_in("why", w->said.err, want);
    assert_int_equal(folder_count(empty.path), 0);
    assert_int_equal(sql(w, ARGS("SELECT 1", "--data", folder_path(path, &empty, "no"))), 1);
    expect_in("why", w->said.err, "parley sql: no store in ");
    FILE *file = fopen(folder_path(path, &empty, "parley.db"), "we");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(sql(w, ARGS("SELECT 1", "--data", empty.path)), 1);
    expect_in("why", w->said.err, "can't be read: it is no store, or of another version");
    expect_in("what now", w->said.err, "Run this as the server's user");
    folder_remove(&empty);
}

static void says_once_when_the_index_is_of_no_use(void **state)
{
    struct world *w = *state;
    char path[128];

    put(w->store, 'a', 'b', "key", 1);
    store_world_close(w->store);
    snprintf(path, sizeof(path), "%s/index.db", w->dir);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(sql(w, ARGS("--json", "--data", w->dir,
                                 "SELECT seq FROM messages; SELECT seq FROM messages")),
                     0);
    assert_string_equal(w->said.out, "{\"seq\":1}\n{\"seq\":1}\n");
    const char *said = strstr(w->said.err, "/index.db is missing");
    assert_non_null(said);
    assert_null(strstr(said + 1, "/index.db"));
    assert_int_equal(
        sql(w, ARGS("--json", "--no-index", "--data", w->dir, "SELECT seq FROM messages")), 0);
    assert_string_equal(w->said.err, "");
    store_world_open(w->store);
}

static void a_wrong_use_ends_with_2(void **state)
{
    static const struct {
        const char *name;
        const char *args[4];
        const char *said;
    } table[] = {
        {"two statements", {"SELECT 1", "SELECT 2"}, "'SELECT 2' is no option"},
        {"an unknown option", {"SELECT 1", "--jsn"}, "did you mean --json?"},
        {"no time", {"SELECT 1", "--timeout=0s"}, "--timeout: '0s' is below 1 ms"},
        {"a week", {"SELECT 1", "--timeout=7d"}, "--timeout: '7d' is above 86400000 ms"},
        {"no directory", {"SELECT 1", "--data="}, "--data needs a directory"},
        {"no chain", {"SELECT 1", "--home-chain=0"}, "--home-chain"},
        {"no such file", {"SELECT 1", "--config=/nowhere/x"}, "can't read /nowhere/x"},
    };
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        expect_int(table[i].name, sql(w, table[i].args), 2);
        expect_int(table[i].name, w->said.n_out, 0);
        expect_in(table[i].name, w->said.err, table[i].said);
    }
}

/** It is written by hand. */
static void help_names_every_table_and_column(void **state)
{
    static const char *const tables[] = {"messages", "conversations", "sides",  "undelivered",
                                         "accounts", "sessions",      "uploads"};
    struct world *w = *state;

    assert_int_equal(sql(w, ARGS("--help")), 0);
    char *help = strdup(w->said.out);
    expect_in("usage", help, "parley sql [STATEMENTS] [OPTIONS]\n");
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        char text[256];
        snprintf(
            text, sizeof(text),
            "SELECT group_concat(CASE WHEN name IN ('from', 'to') THEN '\"' || name || '\"'"
            " ELSE name END, ' ') AS names FROM pragma_table_info('%s')",
            tables[i]);
        assert_int_equal(sql(w, ARGS("--data", w->dir, text)), 0);
        const char *names = strchr(strchr(w->said.out, '\n') + 1, '\n') + 1;
        snprintf(text, sizeof(text), "\n  %s ", tables[i]);
        const char *at = strstr(help, text);
        assert_non_null(at);
        at += strlen(text);
        for (const char *name = names; *name;) {
            const size_t n = strcspn(name, " \n");
            at += strspn(at, " \n");
            if (strncmp(at, name, n) != 0 || !strchr(" \n", at[n]))
                fail_msg("%s: the help has not %s", tables[i], name);
            at += n;
            name += n + 1;
        }
    }
    free(help);
}

/** Its examples can be pasted. */
static void help_has_examples_that_run(void **state)
{
    struct world *w = *state;
    size_t n = 0;

    assert_int_equal(sql(w, ARGS("--help")), 0);
    char *help = strdup(w->said.out);
    *strstr(help, "\nOptions:") = '\0';
    // Behind "parley sql" stands a statement in quotes of a shell, and perhaps --json.
    for (char *at = strstr(help, "\n  parley sql "); at; n++) {
        char *from = at + strcspn(at, "'\"");
        char *to = strchr(from + 1, *from);
        assert_non_null(to);
        *to = '\0';
        expect_int(from + 1, sql(w, ARGS("--data", w->dir, from + 1)), 0);
        at = strstr(to + 1, "\n  parley sql ");
    }
    free(help);
    assert_int_equal(n, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(prints_a_table),
        TEST(a_cell_that_is_long_makes_no_other_long),
        TEST(prints_nothing_that_a_terminal_obeys),
        TEST(counts_characters_and_not_bytes),
        TEST(prints_json),
        TEST(prints_what_is_long_as_well),
        TEST(reads_statements_from_stdin),
        TEST(refuses_what_is_no_text),
        TEST(a_statement_has_its_limit),
        TEST(asks_at_a_terminal),
        TEST(looks_where_the_server_looks),
        TEST(says_how_to_write),
        TEST(what_takes_too_long_is_ended),
        TEST(who_does_not_read_is_not_waited_for),
        TEST(says_when_there_is_no_store),
        TEST(says_once_when_the_index_is_of_no_use),
        TEST(a_wrong_use_ends_with_2),
        TEST(help_names_every_table_and_column),
        TEST(help_has_examples_that_run),
    };
    return cmocka_run_group_tests_name("cli/sql", tests, NULL, NULL);
}
