#include <string.h>
#include <unistd.h>

#include "cli/migrate.h"
#include "cli/migrate_print.h"
#include "support/cli.h"
#include "support/said.h"

static char *say_compared(const struct migrate_compared *c)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    migrate_print_compared(out, c);
    (void)fclose(out);
    return text;
}

static void says_what_is_the_same_and_what_differs(void **state)
{
    const struct migrate_compared same = {.name = "accounts",
                                          .n = {12, 12},
                                          .digests = {{1, 2, 255}, {1, 2, 255}},
                                          .is_same = true};
    const struct migrate_compared differs = {.name = "messages",
                                             .n = {2, 1},
                                             .digests = {{1}, {2}},
                                             .here = "7 9",
                                             .there = "",
                                             .n_changed = 1,
                                             .changed_at = 7};
    (void)state;
    char *text = say_compared(&same);
    expect_str("same", str_of(text),
               STR("accounts               12  0102ff00000000000000000000000000  same\n"));
    free(text);
    text = say_compared(&differs);
    expect_str(
        "differs", str_of(text),
        STR("messages                2  01000000000000000000000000000000  DIFFERENT from the "
            "database's\n"
            "                        1  02000000000000000000000000000000\n"
            "  first in the directory: 7 9\n"
            "  and in the database:    nothing more\n"
            "  1 of them are not what their senders have sent, the first at position 7: "
            "somebody, or a disk, has changed parley.db\n"));
    free(text);
}

// The command.

static void refuses_what_it_does_not_understand(void **state)
{
    static const struct {
        const char *words[4];
        const char *says;
    } table[] = {
        {{"--data", "/tmp"}, "where to? --to, or PARLEY_STORE, names a PostgreSQL"},
        {{"--data", "/tmp", "--to", "sqlite"}, "names a PostgreSQL"},
        {{"--data", "", "--to", "postgresql://h/d"}, "--data needs a directory"},
        {{"--to", "postgresql://me:secret@h/d"}, "a password on a command line"},
        {{"--bar"}, "--bar"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        const char *words[5] = {0};
        struct said said;
        memcpy(words, table[i].words, sizeof(table[i].words));
        said_start(&said);
        const int code = cli_run(migrate_main, words);
        said_stop(&said);
        expect_int(table[i].says, code, 2);
        expect_in("it says", said.err, table[i].says);
        assert_null(strstr(said.err, "secret"));
        said_free(&said);
    }
}

/** Before it looks for the database. */
static void a_directory_without_a_store_is_refused(void **state)
{
    struct said said;

    (void)state;
    said_start(&said);
    const int code = cli_run(migrate_main, ARGS("--data", "/tmp/parley-nothing-here", "--to",
                                                "postgresql://127.0.0.1:1/none"));
    said_stop(&said);
    assert_int_equal(code, 1);
    expect_in("it says", said.err, "there is no parley.db in this one");
    assert_int_equal(access("/tmp/parley-nothing-here", F_OK), -1);
    said_free(&said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_is_the_same_and_what_differs),
        cmocka_unit_test(refuses_what_it_does_not_understand),
        cmocka_unit_test(a_directory_without_a_store_is_refused),
    };

    // Nobody's but the table's.
    unsetenv("PARLEY_STORE"); // NOLINT(concurrency-mt-unsafe): one thread
    return cmocka_run_group_tests_name("cli_migrate", tests, NULL, NULL);
}
