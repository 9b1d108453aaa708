#include <string.h>
#include <unistd.h>

#include "cli/migrate.h"
#include "cli/migrate_print.h"
#include "support/cli.h"
#include "support/said.h"

/** Shown, one after the other, each so long after the first. */
struct shown {
    int64_t after_ms;
    struct migrate_progress progress;
};

static char *show(bool is_quiet, bool is_terminal, const struct shown *all, size_t n)
{
    struct migrate_print p;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    migrate_print_init(&p, out, is_quiet, is_terminal);
    for (size_t i = 0; i < n; i++)
        migrate_print_progress(&p, &all[i].progress, 1000000 + all[i].after_ms);
    migrate_print_end(&p);
    (void)fclose(out);
    return text;
}

#define MESSAGES(count)                                                                        \
    {                                                                                          \
        .what = "messages", .n = (count), .of = 1000000                                        \
    }

static const struct shown moving[] = {
    {0, MESSAGES(0)},           {100, MESSAGES(10000)},   {200, MESSAGES(20000)},
    {4999, MESSAGES(499000)},   {5000, MESSAGES(500000)}, {9000, MESSAGES(900000)},
    {10000, MESSAGES(1000000)},
};

static void says_it_in_lines_where_nobody_looks(void **state)
{
    (void)state;
    char *text = show(false, false, moving, COUNT_OF(moving));
    expect_str("lines", str_of(text),
               STR("parley migrate: messages 0 of 1000000, 0 %, 0/s\n"
                   "parley migrate: messages 500000 of 1000000, 50 %, 100000/s, 5 s left\n"
                   "parley migrate: messages 1000000 of 1000000, 100 %, 100000/s, 0 s left\n"));
    free(text);
}

static void shows_a_bar_on_a_terminal(void **state)
{
    (void)state;
    char *text = show(false, true, moving, 3);
    expect_str("bar", str_of(text),
               STR("\r[........................] messages 0 of 1000000, 0 %, 0/s\x1b[K"
                   "\r[........................] messages 20000 of 1000000, 2 %, 100000/s, 9 s "
                   "left\x1b[K"
                   "\r\x1b[K"));
    free(text);
    text = show(false, true, moving, COUNT_OF(moving));
    expect_in("half", text, "\r[###########.............] messages 499000 of 1000000, 49 %");
    expect_in("all", text, "\r[########################] messages 1000000 of");
    free(text);
}

static void says_nothing_where_it_is_to_be_quiet(void **state)
{
    (void)state;
    char *text = show(true, false, moving, COUNT_OF(moving));
    expect_str("quiet", str_of(text), STR(""));
    free(text);
}

/** The rate is that of this run. */
static void says_where_it_goes_on(void **state)
{
    static const struct shown resumed[] = {
        {0, {.what = "messages", .n = 600000, .of = 1000000, .is_resumed = true}},
        {5000, MESSAGES(610000)},
    };
    (void)state;
    char *text = show(false, false, resumed, COUNT_OF(resumed));
    expect_str(
        "resumed", str_of(text),
        STR("parley migrate: goes on behind 600000 messages\n"
            "parley migrate: messages 600000 of 1000000, 60 %, 0/s\n"
            "parley migrate: messages 610000 of 1000000, 61 %, 2000/s, 3 min 15 s left\n"));
    free(text);
}

static void says_what_is_compared(void **state)
{
    static const struct shown compared[] = {
        {0, {.what = "receipts", .n = 500, .is_compared = true}},
        {5000, {.what = "receipts", .n = 1000, .is_compared = true}},
        {5000, {.what = "messages", .n = 0, .of = 7200, .is_compared = true}},
        {10000, {.what = "messages", .n = 5, .of = 7200, .is_compared = true}},
    };
    (void)state;
    char *text = show(false, false, compared, COUNT_OF(compared));
    expect_str(
        "compared", str_of(text),
        STR("parley migrate: comparing receipts 1000\n"
            "parley migrate: comparing messages 0 of 7200, 0 %, 0/s\n"
            "parley migrate: comparing messages 5 of 7200, 0 %, 1/s, 1 h 59 min left\n"));
    free(text);
}

static char *say_compared(const struct migrate_compared *c)
{
    struct migrate_print p;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    migrate_print_init(&p, stderr, true, false);
    migrate_print_compared(&p, out, c);
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
        cmocka_unit_test(says_it_in_lines_where_nobody_looks),
        cmocka_unit_test(shows_a_bar_on_a_terminal),
        cmocka_unit_test(says_nothing_where_it_is_to_be_quiet),
        cmocka_unit_test(says_where_it_goes_on),
        cmocka_unit_test(says_what_is_compared),
        cmocka_unit_test(says_what_is_the_same_and_what_differs),
        cmocka_unit_test(refuses_what_it_does_not_understand),
        cmocka_unit_test(a_directory_without_a_store_is_refused),
    };

    // Nobody's but the table's.
    unsetenv("PARLEY_STORE"); // NOLINT(concurrency-mt-unsafe): one thread
    return cmocka_run_group_tests_name("cli_migrate", tests, NULL, NULL);
}
