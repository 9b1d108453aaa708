#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/options.h"
#include "support/t.h"

#define ARGS_MAX (OPTIONS_LIST_MAX + 1)

struct values {
    str text;
    str quiet; // no default
    struct option_list list;
    struct option_list each;
    struct addr addr;
    int64_t duration;
    uint64_t size;
    uint64_t count;
    uint64_t any;
    bool is_on;
};

#define FIELD(name) offsetof(struct values, name)
static const struct option rows[] = {
    {"text", OPTION_TEXT, FIELD(text), "some", "TEXT", "a text", 0, 0},
    {"quiet", OPTION_TEXT, FIELD(quiet), NULL, "QUIET", "has no default", 0, 0},
    {"list", OPTION_LIST, FIELD(list), "a,b", "LIST", "a list", 0, 0},
    {"each", OPTION_EACH, FIELD(each), NULL, "ONE", "one of many", 0, 0},
    {"listen", OPTION_ADDR, FIELD(addr), "127.0.0.1:80", "HOST:PORT", "an address", 0, 0},
    {"ping-interval", OPTION_DURATION, FIELD(duration), "25s", "DURATION", "a duration", 10,
     86400000},
    {"max-payload", OPTION_SIZE, FIELD(size), "64KiB", "SIZE", "a size", 1024, 1048576},
    {"count", OPTION_COUNT, FIELD(count), "10", "N", "a count", 1, 100},
    {"any", OPTION_COUNT, FIELD(any), "7", "N", "a count without a limit", 5, 0},
    {"switch", OPTION_SWITCH, FIELD(is_on), "on", "on|off", "a switch", 0, 0},
    {"cookie", OPTION_IGNORED, 0, NULL, "", "", 0, 0},
};
#undef FIELD

static const struct option_table table = {
    .command = "parley test",
    .summary = "Tests.",
    .options = rows,
    .n_options = COUNT_OF(rows),
};

struct world {
    struct values v; // its texts point to argv
    char *argv[ARGS_MAX + 1];
    int argc;
    char *env[ARGS_MAX + 1];
    struct buf file;
    char *out; // what options_parse() wrote
    char *err;
};

static void forget(struct world *w)
{
    for (size_t i = 0; i < ARGS_MAX; i++) {
        free(w->argv[i]);
        free(w->env[i]);
    }
    free(w->out);
    free(w->err);
    buf_fini(&w->file);
    *w = (struct world){.argc = 0};
}

static int setup(void **state)
{
    static struct world w;
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    forget(*state);
    return 0;
}

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

/** @return how many there are, up to NULL */
static int copy_words(char *out[ARGS_MAX + 1], const char *const *words)
{
    int n = 0;

    for (; words[n]; n++) {
        assert_true(n < ARGS_MAX);
        out[n] = strdup(words[n]);
    }
    return n;
}

/** options_parse() with these words, up to NULL. */
static int parse_table(struct world *w, const struct option_table *t, const char *const *args)
{
    FILE *const out = stdout;
    FILE *const err = stderr;
    size_t sizes[2];

    forget(w);
    w->argc = copy_words(w->argv, args);
    stdout = open_memstream(&w->out, &sizes[0]);
    stderr = open_memstream(&w->err, &sizes[1]);
    const int r = options_parse(t, &w->v, &(struct options_from){w->argc, w->argv, NULL, NULL});
    (void)fclose(stdout);
    (void)fclose(stderr);
    stdout = out;
    stderr = err;
    return r;
}

static int parse(struct world *w, const char *const *args)
{
    return parse_table(w, &table, args);
}

static void expect_said(const char *what, const struct world *w, const char *out,
                        const char *err)
{
    expect_str(what, str_of(w->out), str_of(out));
    expect_str(what, str_of(w->err), str_of(err));
}

static void without_arguments_all_have_their_defaults(void **state)
{
    struct world *w = *state;

    assert_int_equal(parse(w, ARGS(NULL)), 0);
    expect_said("nothing", w, "", "");
    expect_str("text", w->v.text, STR("some"));
    assert_null(w->v.quiet.ptr);
    assert_int_equal(w->v.list.n, 2);
    expect_str("list", w->v.list.items[0], STR("a"));
    expect_str("list", w->v.list.items[1], STR("b"));
    assert_int_equal(w->v.each.n, 0);
    assert_string_equal(w->v.addr.host, "127.0.0.1");
    assert_int_equal(w->v.addr.port, 80);
    assert_int_equal(w->v.duration, 25000);
    assert_int_equal(w->v.size, 65536);
    assert_int_equal(w->v.count, 10);
    assert_int_equal(w->v.any, 7);
    assert_true(w->v.is_on);
}

static void takes_a_value_as_the_next_word_and_behind_the_equals_sign(void **state)
{
    static const struct {
        const char *name;
        const char *args[6];
        str text;
        uint64_t count;
    } cases[] = {
        {"next word", {"--text", "x", "--count", "3"}, STR("x"), 3},
        {"equals sign", {"--text=x", "--count=3"}, STR("x"), 3},
        {"both", {"--count=3", "--text", "x"}, STR("x"), 3},
        {"the last counts", {"--count=3", "--count=4", "--text=x", "--text=y"}, STR("y"), 4},
        {"more equals signs", {"--text=a=b="}, STR("a=b="), 10},
        {"empty, behind the sign", {"--text="}, STR(""), 10},
        {"empty, next word", {"--text", ""}, STR(""), 10},
        {"a value like an option", {"--text", "--count"}, STR("--count"), 10},
        {"a value like help", {"--text", "--help", "--count=2"}, STR("--help"), 2},
        {"ignored", {"--cookie", "x", "--cookie=y", "--text=x"}, STR("x"), 10},
    };
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        expect_int(cases[i].name, parse(w, cases[i].args), 0);
        expect_said(cases[i].name, w, "", "");
        expect_str(cases[i].name, w->v.text, cases[i].text);
        expect_int(cases[i].name, w->v.count, cases[i].count);
    }
}

// clang-format off
static const struct {
    const char *name;
    str in;
    int r;
    int64_t ms;
} durations[] = {
    {"milliseconds",  STR("500ms"),               0, 500},
    {"seconds",       STR("30s"),                 0, 30000},
    {"minutes",       STR("15m"),                 0, 900000},
    {"hours",         STR("12h"),                 0, 43200000},
    {"days",          STR("30d"),                 0, INT64_C(2592000000)},
    {"zero",          STR("0s"),                  0, 0},
    {"zeroes before", STR("007s"),                0, 7000},
    {"the most ms",   STR("9223372036854775807ms"), 0, INT64_MAX},
    {"one more",      STR("9223372036854775808ms"), OPTIONS_BAD, 0},
    {"the most s",    STR("9223372036854775s"),   0, INT64_C(9223372036854775000)},
    {"one more s",    STR("9223372036854776s"),   OPTIONS_BAD, 0},
    {"the most days", STR("106751991167d"),       0, INT64_C(9223372036828800000)},
    {"one more day",  STR("106751991168d"),       OPTIONS_BAD, 0},
    {"above 64 bits", STR("18446744073709551617ms"), OPTIONS_BAD, 0},
    {"nothing",       STR(""),                    OPTIONS_BAD, 0},
    {"no unit",       STR("30"),                  OPTIONS_BAD, 0},
    {"no number",     STR("s"),                   OPTIONS_BAD, 0},
    {"capital",       STR("30S"),                 OPTIONS_BAD, 0},
    {"unknown unit",  STR("30w"),                 OPTIONS_BAD, 0},
    {"two of them",   STR("1h30m"),               OPTIONS_BAD, 0},
    {"a space",       STR("30 s"),                OPTIONS_BAD, 0},
    {"a space behind", STR("30s "),               OPTIONS_BAD, 0},
    {"negative",      STR("-1s"),                 OPTIONS_BAD, 0},
    {"signed",        STR("+1s"),                 OPTIONS_BAD, 0},
    {"a fraction",    STR("1.5s"),                OPTIONS_BAD, 0},
};

static const struct {
    const char *name;
    str in;
    int r;
    uint64_t bytes;
} sizes[] = {
    {"bytes",        STR("1000000"),             0, 1000000},
    {"KiB",          STR("64KiB"),               0, 65536},
    {"MiB",          STR("8MiB"),                0, 8388608},
    {"GiB",          STR("1GiB"),                0, 1073741824},
    {"zero",         STR("0"),                   0, 0},
    {"the most",     STR("9223372036854775807"), 0, INT64_MAX},
    {"one more",     STR("9223372036854775808"), OPTIONS_BAD, 0},
    {"the most KiB", STR("9007199254740991KiB"), 0, UINT64_C(9223372036854774784)},
    {"one more KiB", STR("9007199254740992KiB"), OPTIONS_BAD, 0},
    {"the most GiB", STR("8589934591GiB"),       0, UINT64_C(9223372035781033984)},
    {"one more GiB", STR("8589934592GiB"),       OPTIONS_BAD, 0},
    {"nothing",      STR(""),                    OPTIONS_BAD, 0},
    {"no number",    STR("KiB"),                 OPTIONS_BAD, 0},
    {"half a unit",  STR("64K"),                 OPTIONS_BAD, 0},
    {"decimal unit", STR("64KB"),                OPTIONS_BAD, 0},
    {"lower case",   STR("64kib"),               OPTIONS_BAD, 0},
    {"negative",     STR("-1"),                  OPTIONS_BAD, 0},
    {"a duration",   STR("30s"),                 OPTIONS_BAD, 0},
};
// clang-format on

static void reads_each_duration(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(durations); i++) {
        int64_t ms = -1;
        expect_int(durations[i].name, options_duration(durations[i].in, &ms), durations[i].r);
        if (durations[i].r == 0)
            expect_int(durations[i].name, ms, durations[i].ms);
    }
}

static void reads_each_size(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        uint64_t bytes = 1;
        expect_int(sizes[i].name, options_size(sizes[i].in, &bytes), sizes[i].r);
        if (sizes[i].r == 0)
            expect_int(sizes[i].name, bytes, sizes[i].bytes);
    }
}

static void holds_numbers_to_their_limits(void **state)
{
    static const struct {
        const char *arg;
        size_t field;
        uint64_t want;
        const char *said; // empty: fine
    } cases[] = {
        {"--count=1", offsetof(struct values, count), 1, ""},
        {"--count=100", offsetof(struct values, count), 100, ""},
        {"--count=0", 0, 0, "parley test: --count: '0' is below 1\n"},
        {"--count=101", 0, 0, "parley test: --count: '101' is above 100\n"},
        {"--any=5", offsetof(struct values, any), 5, ""},
        {"--any=18446744073709551615", offsetof(struct values, any), UINT64_MAX, ""},
        {"--any=18446744073709551616", 0, 0,
         "parley test: --any: '18446744073709551616' is not a number\n"},
        {"--any=4", 0, 0, "parley test: --any: '4' is below 5\n"},
        {"--max-payload=1KiB", offsetof(struct values, size), 1024, ""},
        {"--max-payload=1MiB", offsetof(struct values, size), 1048576, ""},
        {"--max-payload=1023", 0, 0, "parley test: --max-payload: '1023' is below 1024\n"},
        {"--max-payload=1048577", 0, 0,
         "parley test: --max-payload: '1048577' is above 1048576\n"},
        {"--ping-interval=10ms", offsetof(struct values, duration), 10, ""},
        {"--ping-interval=1d", offsetof(struct values, duration), 86400000, ""},
        {"--ping-interval=9ms", 0, 0, "parley test: --ping-interval: '9ms' is below 10 ms\n"},
        {"--ping-interval=25h", 0, 0,
         "parley test: --ping-interval: '25h' is above 86400000 ms\n"},
    };
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *name = cases[i].arg;
        const int r = parse(w, ARGS(name));

        expect_int(name, r, cases[i].said[0] ? OPTIONS_BAD : 0);
        expect_said(name, w, "", cases[i].said);
        if (r != 0)
            continue;
        uint64_t got = 0;
        memcpy(&got, (const char *)&w->v + cases[i].field, sizeof(got));
        expect_int(name, got, cases[i].want);
    }
}

static void reads_each_list(void **state)
{
    static const struct {
        const char *arg;
        int r;
        size_t n;
        str items[3];
    } lists[] = {
        {"--list=", 0, 0, {{0}}},
        {"--list=x", 0, 1, {STR("x")}},
        {"--list=x,y,z", 0, 3, {STR("x"), STR("y"), STR("z")}},
        {"--list= x ,\ty y ", 0, 2, {STR("x"), STR("y y")}},
        {"--list=,", OPTIONS_BAD, 0, {{0}}},
        {"--list= ", OPTIONS_BAD, 0, {{0}}},
        {"--list=x,", OPTIONS_BAD, 0, {{0}}},
        {"--list=x, ", OPTIONS_BAD, 0, {{0}}},
        {"--list=,x", OPTIONS_BAD, 0, {{0}}},
        {"--list=x,,y", OPTIONS_BAD, 0, {{0}}},
    };
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        const char *name = lists[i].arg;

        expect_int(name, parse(w, ARGS(name)), lists[i].r);
        for (size_t j = 0; lists[i].r == 0 && j < lists[i].n; j++)
            expect_str(name, w->v.list.items[j], lists[i].items[j]);
        if (lists[i].r == 0)
            expect_int(name, w->v.list.n, lists[i].n);
    }
}

static void a_list_holds_so_many_and_no_more(void **state)
{
    struct world *w = *state;
    char arg[] = "--list=0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2";

    assert_int_equal(parse(w, ARGS(arg)), OPTIONS_BAD);
    arg[sizeof(arg) - 3] = '\0';
    assert_int_equal(parse(w, ARGS(arg)), 0);
    assert_int_equal(w->v.list.n, OPTIONS_LIST_MAX);
    expect_str("the last", w->v.list.items[OPTIONS_LIST_MAX - 1], STR("1"));
}

static void gathers_one_each_time(void **state)
{
    static const struct {
        const char *name;
        const char *args[6];
        size_t n;
        str items[3];
    } cases[] = {
        {"one", {"--each", "x"}, 1, {STR("x")}},
        {"in order",
         {"--each=y", "--each", "x", "--each=z"},
         3,
         {STR("y"), STR("x"), STR("z")}},
        {"others between", {"--each=x", "--count=3", "--each=y"}, 2, {STR("x"), STR("y")}},
        {"the same twice", {"--each=x", "--each=x"}, 2, {STR("x"), STR("x")}},
        {"a comma is a part of it", {"--each=x,y"}, 1, {STR("x,y")}},
        {"so is a space", {"--each", " x "}, 1, {STR(" x ")}},
    };
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        expect_int(cases[i].name, parse(w, cases[i].args), 0);
        expect_said(cases[i].name, w, "", "");
        expect_int(cases[i].name, w->v.each.n, cases[i].n);
        for (size_t j = 0; j < cases[i].n; j++)
            expect_str(cases[i].name, w->v.each.items[j], cases[i].items[j]);
    }
}

static void so_many_are_gathered_and_no_more(void **state)
{
    struct world *w = *state;
    const char *args[OPTIONS_LIST_MAX + 2] = {0};

    for (size_t i = 0; i < OPTIONS_LIST_MAX; i++)
        args[i] = "--each=x";
    assert_int_equal(parse(w, args), 0);
    assert_int_equal(w->v.each.n, OPTIONS_LIST_MAX);
    args[OPTIONS_LIST_MAX] = "--each=more";
    assert_int_equal(parse(w, args), OPTIONS_BAD);
    expect_said("one more", w, "",
                "parley test: --each: 'more' is not a value, or one too many (at most 32)\n");
}

static void reads_each_switch(void **state)
{
    static const struct {
        const char *arg;
        int r;
        bool is_on;
    } switches[] = {
        {"--switch=on", 0, true},        {"--switch=true", 0, true},
        {"--switch=off", 0, false},      {"--switch=false", 0, false},
        {"--switch=", OPTIONS_BAD, 0},   {"--switch=yes", OPTIONS_BAD, 0},
        {"--switch=ON", OPTIONS_BAD, 0},
    };
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(switches); i++) {
        expect_int(switches[i].arg, parse(w, ARGS(switches[i].arg)), switches[i].r);
        if (switches[i].r == 0)
            expect_int(switches[i].arg, w->v.is_on, switches[i].is_on);
    }
}

static void says_what_is_wrong_and_what_to_do(void **state)
{
    // clang-format off
    static const struct {
        const char *name;
        const char *args[4];
        const char *said;
    } cases[] = {
        {"list",     {"--list", "a,,b"},   "--list: 'a,,b' is not a list such as a,b (at most 32 values)"},
        {"an empty one", {"--each="},      "--each: '' is not a value, or one too many (at most 32)"},
        {"one, value missing", {"--each"}, "--each needs a value: a value, or one too many (at most 32)"},
        {"address",  {"--listen", "here"}, "--listen: 'here' is not an address such as 127.0.0.1:8080 or [::1]:8080"},
        {"duration", {"--ping-interval", "1"}, "--ping-interval: '1' is not a duration such as 500ms, 30s, 15m, 12h or 30d"},
        {"size",     {"--max-payload=1K"}, "--max-payload: '1K' is not a size such as 1000000, 64KiB or 8MiB"},
        {"count",    {"--count="},         "--count: '' is not a number"},
        {"switch",   {"--switch", "--count"}, "--switch: '--count' is not on or off"},
        {"value missing", {"--text"},      "--text needs a value: a text"},
        {"number missing", {"--text=x", "--count"}, "--count needs a value: a number"},
        {"ignored, value missing", {"--cookie"}, "--cookie needs a value: a text"},
        {"a letter off", {"--ping-intervall=1s"}, "there is no option --ping-intervall; did you mean --ping-interval?"},
        {"a letter changed", {"--kount", "1"}, "there is no option --kount; did you mean --count?"},
        {"four letters off", {"--max-pay=1"}, "there is no option --max-pay; '--help' lists them"},
        {"three letters more", {"--max-payloadabc=1"}, "there is no option --max-payloadabc; did you mean --max-payload?"},
        {"the nearer of two", {"--tist=1"}, "there is no option --tist; did you mean --list?"},
        {"far off",  {"--verbose=1"},      "there is no option --verbose; '--help' lists them"},
        {"all letters off", {"--xyz=1"},   "there is no option --xyz; '--help' lists them"},
        {"no name",  {"--"},               "there is no option --; '--help' lists them"},
        {"a value alone", {"--=x"},        "there is no option --; '--help' lists them"},
        {"capital",  {"--TEXT=x"},         "there is no option --TEXT; '--help' lists them"},
        {"a long name", {"--ping-interval-ping-interval-ping-i=1"}, "there is no option --ping-interval-ping-interval-ping-i; '--help' lists them"},
        {"one dash", {"-text=x"},          "'-text=x' is no option; '--help' lists them"},
        {"a word",   {"text"},             "'text' is no option; '--help' lists them"},
        {"an empty word", {""},            "'' is no option; '--help' lists them"},
    };
    // clang-format on
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char want[256];
        str said = str_of(cases[i].said);
        const str help = STR("'--help'");
        const char *at = strstr(cases[i].said, help.ptr);

        // The program is named at the start, and before each --help.
        const str before = str_take(&said, at ? (size_t)(at - said.ptr) + 1 : said.len);
        (void)snprintf(want, sizeof(want), "parley test: " STR_FMT "%s" STR_FMT "\n",
                       STR_ARG(before), at ? "parley test " : "", STR_ARG(said));
        expect_int(cases[i].name, parse(w, cases[i].args), OPTIONS_BAD);
        expect_said(cases[i].name, w, "", want);
    }
}

static void a_default_that_is_wrong_is_refused(void **state)
{
    static const struct option bad[] = {
        {"count", OPTION_COUNT, offsetof(struct values, count), "0", "N", "", 1, 0}};
    static const struct option_table t = {
        .command = "parley bad", .summary = "", .options = bad, .n_options = COUNT_OF(bad)};
    struct world *w = *state;

    assert_int_equal(parse_table(w, &t, ARGS("--count=1")), OPTIONS_BAD);
    expect_said("default", w, "", "parley bad: --count: '0' is below 1\n");
}

static void help_lists_every_option_with_its_default(void **state)
{
    static const char help[] =
        "parley test [OPTIONS]\n"
        "\n"
        "Tests.\n"
        "\n"
        "Options:\n"
        "  --text TEXT                  a text (some)\n"
        "  --quiet QUIET                has no default\n"
        "  --list LIST                  a list (a,b)\n"
        "  --each ONE                   one of many\n"
        "  --listen HOST:PORT           an address (127.0.0.1:80)\n"
        "  --ping-interval DURATION     a duration (25s)\n"
        "  --max-payload SIZE           a size (64KiB)\n"
        "  --count N                    a count (10)\n"
        "  --any N                      a count without a limit (7)\n"
        "  --switch on|off              a switch (on)\n";
    struct world *w = *state;

    assert_int_equal(parse(w, ARGS("--help")), OPTIONS_HELP);
    expect_said("--help", w, help, "");
    assert_int_equal(parse(w, ARGS("--count=1", "-h", "--what")), OPTIONS_HELP);
    expect_said("-h", w, help, "");
}

static void knows_which_options_were_on_the_command_line(void **state)
{
    static const struct {
        const char *name;
        const char *args[5];
        bool has;
    } cases[] = {
        {"nothing", {NULL}, false},
        {"next word", {"--count", "1"}, true},
        {"equals sign", {"--count=1"}, true},
        {"behind another", {"--text", "x", "--count", "1"}, true},
        {"behind another, sign", {"--text=x", "--count", "1"}, true},
        {"longer", {"--counts=1"}, false},
        {"shorter", {"--coun=1"}, false},
        {"a value, sign", {"--text=--count"}, false},
        {"a value", {"--text", "--count"}, false},
        {"no dashes", {"count"}, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *argv[COUNT_OF(cases[i].args)];
        int argc = 0;

        for (; cases[i].args[argc]; argc++)
            argv[argc] = strdup(cases[i].args[argc]);
        expect_int(cases[i].name, options_has(&table, "count", argc, argv), cases[i].has);
        while (argc > 0)
            free(argv[--argc]);
    }
}

// The environment and the file.

struct served {
    str name;
    uint64_t count;
};

struct sourced {
    str config;
    str cert;
    str log;
    uint64_t max_payload;
    bool dev;
    struct option_list origins;
    size_t n_served;
    struct served served[2];
};

#define FIELD(name) offsetof(struct sourced, name)
static const struct option served_rows[] = {
    {"count", OPTION_COUNT, offsetof(struct served, count), "3", "N", "how many", 1, 9},
};
static const struct option_section sections[] = {
    {"thing", "a thing", served_rows, COUNT_OF(served_rows), FIELD(n_served), FIELD(served),
     sizeof(struct served), 2},
};
static const struct option sourced_rows[] = {
    {"", OPTION_HEADING, 0, NULL, "", "Where", 0, 0},
    {"config", OPTION_FILE, FIELD(config), NULL, "FILE", "a file of options", 0, 0},
    {"dev", OPTION_FLAG, FIELD(dev), NULL, "", "for development", 0, 0},
    {"", OPTION_HEADING, 0, NULL, "", "How much", 0, 0},
    {"max-payload", OPTION_SIZE, FIELD(max_payload), "1000", "SIZE",
     "of a body, in words that are so many that they find no room on one line alone", 1, 5000},
    {"log", OPTION_TEXT, FIELD(log), "info", "LEVEL", "what is said", 0, 0},
    {"origins", OPTION_LIST, FIELD(origins), NULL, "LIST", "who may", 0, 0},
    {"cert", OPTION_FILE, FIELD(cert), NULL, "FILE", "who we are", 0, 0},
};
#undef FIELD

static const struct option_table sourced_table = {
    .command = "parley test",
    .summary = "Tests.",
    .options = sourced_rows,
    .n_options = COUNT_OF(sourced_rows),
    .env_prefix = "PARLEY_",
    .file_option = "config",
    .sections = sections,
    .n_sections = COUNT_OF(sections),
};

/** A file with this text, that the test removes. */
static char *make_file(const char *text)
{
    char *path = strdup("/tmp/parley-test-options-XXXXXX");
    const int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return path;
}

/** options_parse() with these words and this environment, each up to NULL. */
static int parse_of(struct world *w, const struct option_table *t, struct sourced *into,
                    const char *const *args, const char *const *env)
{
    FILE *const out = stdout;
    FILE *const err = stderr;
    size_t said[2];

    forget(w);
    *into = (struct sourced){0};
    w->argc = copy_words(w->argv, args);
    copy_words(w->env, env);
    stdout = open_memstream(&w->out, &said[0]);
    stderr = open_memstream(&w->err, &said[1]);
    const struct options_from from = {w->argc, w->argv, w->env, &w->file};
    const int r = options_parse(t, into, &from);
    (void)fclose(stdout);
    (void)fclose(stderr);
    stdout = out;
    stderr = err;
    return r;
}

static int parse_sourced(struct world *w, struct sourced *into, const char *const *args,
                         const char *const *env)
{
    return parse_of(w, &sourced_table, into, args, env);
}

static void the_flag_wins_over_the_environment_that_over_the_file(void **state)
{
    static const struct {
        const char *name;
        const char *flag; // NULL: none
        const char *env;
        const char *file;
        uint64_t want;
    } cases[] = {
        {"nothing", NULL, NULL, "", 1000},
        {"file", NULL, NULL, "max-payload = 1KiB\n", 1024},
        {"environment", NULL, "PARLEY_MAX_PAYLOAD=2KiB", "", 2048},
        {"environment and file", NULL, "PARLEY_MAX_PAYLOAD=2KiB", "max-payload=1KiB", 2048},
        {"flag and file", "--max-payload=3KiB", NULL, "max-payload=1KiB", 3072},
        {"all", "--max-payload=3KiB", "PARLEY_MAX_PAYLOAD=2KiB", "max-payload=1KiB", 3072},
    };
    struct sourced v;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char config[64];
        char *path = make_file(cases[i].file);
        snprintf(config, sizeof(config), "--config=%s", path);
        expect_int(cases[i].name,
                   parse_sourced(*state, &v, ARGS(config, cases[i].flag),
                                 ARGS("OTHER=1", cases[i].env)),
                   0);
        expect_int(cases[i].name, v.max_payload, cases[i].want);
        expect_str(cases[i].name, v.log, STR("info"));
        unlink(path);
        free(path);
    }
}

static void the_environment_may_name_the_file_and_a_flag_another(void **state)
{
    struct sourced v;
    char *one = make_file("log = debug\n[thing a]\n[thing b]\ncount = 9\n");
    char *two = make_file("log = trace\ndev = on\n");
    char variable[64];
    char flag[64];

    snprintf(variable, sizeof(variable), "PARLEY_CONFIG=%s", one);
    snprintf(flag, sizeof(flag), "--config=%s", two);
    assert_int_equal(parse_sourced(*state, &v, ARGS(NULL), ARGS(variable)), 0);
    expect_str("environment", v.log, STR("debug"));
    assert_int_equal(v.n_served, 2);
    expect_str("first", v.served[0].name, STR("a"));
    assert_int_equal(v.served[0].count, 3);
    expect_str("second", v.served[1].name, STR("b"));
    assert_int_equal(v.served[1].count, 9);
    assert_int_equal(parse_sourced(*state, &v, ARGS(flag), ARGS(variable)), 0);
    expect_str("flag", v.log, STR("trace"));
    assert_true(v.dev);
    assert_int_equal(v.n_served, 0);
    unlink(one);
    unlink(two);
    free(one);
    free(two);
}

static void a_flag_stands_alone(void **state)
{
    static const struct {
        const char *arg;
        const char *env;
        bool want;
    } cases[] = {
        {"--log=x", "OTHER=", false},         {"--dev", "OTHER=", true},
        {"--dev=off", "OTHER=", false},       {"--log=x", "PARLEY_DEV=on", true},
        {"--log=x", "PARLEY_DEV=off", false}, {"--dev", "PARLEY_DEV=off", true},
    };
    struct sourced v;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        expect_int(
            cases[i].arg,
            parse_sourced(*state, &v, ARGS(cases[i].arg, "--log", "debug"), ARGS(cases[i].env)),
            0);
        expect_int(cases[i].arg, v.dev, cases[i].want);
        expect_str(cases[i].arg, v.log, STR("debug"));
    }
}

static void a_variable_that_is_no_option_is_an_error(void **state)
{
    static const struct {
        const char *variable;
        const char *said; // NULL: fine
    } cases[] = {
        {"PARLEY_LOG=debug", NULL},
        {"PARLEYLOG=debug", NULL},
        {"parley_log=debug", NULL},
        {"PARLEY_ORIGINS=", NULL},
        {"PARLEY_MAX_PAYLOD=1",
         "there is no option PARLEY_MAX_PAYLOD; did you mean PARLEY_MAX_PAYLOAD?"},
        {"PARLEY_log=debug", "there is no option PARLEY_log; did you mean PARLEY_LOG?"},
        {"PARLEY_MAX-PAYLOAD=1",
         "there is no option PARLEY_MAX-PAYLOAD; did you mean PARLEY_MAX_PAYLOAD?"},
        {"PARLEY_SERVICE_HOST=1",
         "there is no option PARLEY_SERVICE_HOST; 'parley test --help' lists them"},
        {"PARLEY_=1", "there is no option PARLEY_; 'parley test --help' lists them"},
        {"PARLEY_MAX_PAYLOAD=x",
         "PARLEY_MAX_PAYLOAD: 'x' is not a size such as 1000000, 64KiB or 8MiB"},
        {"PARLEY_MAX_PAYLOAD=5001", "PARLEY_MAX_PAYLOAD: '5001' is above 5000"},
        {"PARLEY_DEV=", "PARLEY_DEV: '' is not on or off"},
    };
    struct world *w = *state;
    struct sourced v;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char want[192] = "";
        const int r = parse_sourced(w, &v, ARGS(NULL), ARGS(cases[i].variable));
        if (cases[i].said)
            snprintf(want, sizeof(want), "parley test: %s\n", cases[i].said);
        expect_int(cases[i].variable, r, cases[i].said ? OPTIONS_BAD : 0);
        expect_said(cases[i].variable, w, "", want);
    }
}

static void a_file_that_is_not_there_or_too_long_is_an_error(void **state)
{
    static char text[OPTIONS_FILE_MAX + 2];
    struct world *w = *state;
    struct sourced v;
    char flag[64];
    char want[160];

    memset(text, '\n', OPTIONS_FILE_MAX);
    char *path = make_file(text);
    snprintf(flag, sizeof(flag), "--config=%s", path);
    assert_int_equal(parse_sourced(w, &v, ARGS(flag), ARGS(NULL)), 0);
    unlink(path);
    assert_int_equal(parse_sourced(w, &v, ARGS(flag), ARGS(NULL)), OPTIONS_BAD);
    snprintf(want, sizeof(want), "parley test: can't read %s: No such file or directory\n",
             path);
    expect_said("gone", w, "", want);
    free(path);

    text[OPTIONS_FILE_MAX] = '\n';
    path = make_file(text);
    snprintf(flag, sizeof(flag), "--config=%s", path);
    assert_int_equal(parse_sourced(w, &v, ARGS(flag), ARGS(NULL)), OPTIONS_BAD);
    snprintf(want, sizeof(want), "parley test: %s has more than 65536 bytes\n", path);
    expect_said("too long", w, "", want);
    unlink(path);
    free(path);
}

/** A directory with these files, "NAME=TEXT" each up to NULL, for a test to remove. */
static char *make_credentials(const char *const *files, char variable[64])
{
    char *dir = strdup("/tmp/parley-test-credentials-XXXXXX");
    char path[96];

    assert_non_null(mkdtemp(dir));
    for (; *files; files++) {
        str text = str_of(*files);
        const str name = str_take_until(&text, '=');
        snprintf(path, sizeof(path), "%s/" STR_FMT, dir, STR_ARG(name));
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        assert_int_equal(fwrite(text.ptr, 1, text.len, file), text.len);
        assert_int_equal(fclose(file), 0);
    }
    snprintf(variable, 64, "CREDENTIALS_DIRECTORY=%s", dir);
    return dir;
}

static void remove_credentials(char *dir)
{
    char path[PATH_MAX];
    DIR *d = opendir(dir);

    assert_non_null(d);
    // NOLINTNEXTLINE(concurrency-mt-unsafe): a DIR of our own
    for (const struct dirent *e = readdir(d); e; e = readdir(d)) {
        snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        if (e->d_name[0] != '.')
            assert_int_equal(unlink(path), 0);
    }
    closedir(d);
    assert_int_equal(rmdir(dir), 0);
    free(dir);
}

static void credentials_stand_between_the_environment_and_the_file(void **state)
{
    static const struct {
        const char *name;
        const char *flag;
        const char *env;
        const char *credential;
        const char *file;
        uint64_t want;
    } cases[] = {
        {"credential", NULL, NULL, "parley.max-payload=2KiB", "", 2048},
        {"with an end of line", NULL, NULL, "parley.max-payload=2KiB\n", "", 2048},
        {"with one of another kind", NULL, NULL, "parley.max-payload=2KiB\r\n", "", 2048},
        {"and file", NULL, NULL, "parley.max-payload=2KiB", "max-payload=1KiB", 2048},
        {"and environment", NULL, "PARLEY_MAX_PAYLOAD=3KiB", "parley.max-payload=2KiB", "",
         3072},
        {"and flag", "--max-payload=4KiB", NULL, "parley.max-payload=2KiB", "", 4096},
        {"of somebody else", NULL, NULL, "max-payload=2KiB", "max-payload=1KiB", 1024},
    };
    struct sourced v;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char variable[64];
        char config[64];
        char *path = make_file(cases[i].file);
        char *dir = make_credentials(ARGS(cases[i].credential), variable);
        snprintf(config, sizeof(config), "--config=%s", path);
        expect_int(cases[i].name,
                   parse_sourced(*state, &v, ARGS(config, cases[i].flag),
                                 ARGS(variable, cases[i].env)),
                   0);
        expect_int(cases[i].name, v.max_payload, cases[i].want);
        unlink(path);
        free(path);
        remove_credentials(dir);
    }
}

static void a_credential_is_a_value_or_the_file_that_one_names(void **state)
{
    char variable[64];
    char want[96];
    struct sourced v;
    char *dir = make_credentials(
        ARGS("parley.log=trace\n", "parley.origins=https://a.example, https://b.example",
             "parley.cert=-----BEGIN CERTIFICATE-----\nMII\n", "other=", "parley="),
        variable);

    assert_int_equal(parse_sourced(*state, &v, ARGS(NULL), ARGS(variable)), 0);
    expect_str("a text", v.log, STR("trace"));
    assert_int_equal(v.origins.n, 2);
    expect_str("the first of a list", v.origins.items[0], STR("https://a.example"));
    expect_str("the second", v.origins.items[1], STR("https://b.example"));
    snprintf(want, sizeof(want), "%s/parley.cert", dir);
    expect_str("a file", v.cert, str_of(want));
    assert_int_equal(v.cert.ptr[v.cert.len], '\0');
    remove_credentials(dir);
}

static void what_is_wrong_with_credentials_is_said_without_them(void **state)
{
    static const struct {
        const char *file;
        const char *want;
    } cases[] = {
        {"parley.max-payload=hunter2",
         "parley.max-payload: it is not a size such as 1000000, 64KiB or 8MiB\n"},
        {"parley.max-payload=123456", "parley.max-payload: it is above 5000\n"},
        {"parley.log=hunter2\nhunter3",
         "parley.log: a byte in it is no text, or there is a second line\n"},
        {"parley.max-paylod=hunter2",
         "there is no option for parley.max-paylod; did you mean parley.max-payload?\n"},
        {"parley.zzz=hunter2",
         "there is no option for parley.zzz; 'parley test --help' lists them\n"},
        {"parley.config=hunter2", "parley.config: a credential is not the file of options\n"},
    };
    struct world *w = *state;
    struct sourced v;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char variable[64];
        char want[256];
        char *dir = make_credentials(ARGS(cases[i].file), variable);
        expect_int(cases[i].file, parse_sourced(w, &v, ARGS(NULL), ARGS(variable)),
                   OPTIONS_BAD);
        snprintf(want, sizeof(want), "credentials in %s: %s", dir, cases[i].want);
        expect_said(cases[i].file, w, "", want);
        remove_credentials(dir);
    }
    assert_int_equal(parse_sourced(w, &v, ARGS(NULL), ARGS("CREDENTIALS_DIRECTORY=/dev/null")),
                     OPTIONS_BAD);
    expect_said("no directory", w, "",
                "credentials in /dev/null: can't read them: Not a directory\n");
}

static void there_need_not_be_credentials(void **state)
{
    static const char *const variables[] = {"CREDENTIALS_DIRECTORY=",
                                            "CREDENTIALS_DIRECTORY=/nonexistent"};
    struct sourced v;

    for (size_t i = 0; i < COUNT_OF(variables); i++)
        expect_int(variables[i], parse_sourced(*state, &v, ARGS(NULL), ARGS(variables[i])), 0);
}

static void credentials_have_so_many_bytes(void **state)
{
    static char file[OPTIONS_TEXTS_MAX + 32] = "parley.log=";
    static const size_t head = sizeof("parley.log=") - 1;
    struct world *w = *state;
    struct sourced v;
    char variable[64];
    char want[128];

    // Beside it there is its path, and a byte that ends each.
    const size_t most =
        OPTIONS_TEXTS_MAX - sizeof("/tmp/parley-test-credentials-XXXXXX/parley.log") - 1;
    memset(file + head, 'x', most);
    char *dir = make_credentials(ARGS(file), variable);
    assert_int_equal(parse_sourced(w, &v, ARGS(NULL), ARGS(variable)), 0);
    assert_int_equal(v.log.len, most);
    remove_credentials(dir);

    file[head + most] = 'x';
    dir = make_credentials(ARGS(file), variable);
    assert_int_equal(parse_sourced(w, &v, ARGS(NULL), ARGS(variable)), OPTIONS_BAD);
    snprintf(want, sizeof(want),
             "credentials in %s: with the file of options they have more than 196608 bytes\n",
             dir);
    expect_said("one more", w, "", want);
    remove_credentials(dir);
}

static void the_file_of_the_default_need_not_be_there(void **state)
{
    static const char *const texts[] = {NULL, "log = debug\n"};
    struct option options[COUNT_OF(sourced_rows)];
    struct option_table t = sourced_table;
    struct sourced v;

    memcpy(options, sourced_rows, sizeof(options));
    t.options = options;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        char *path = make_file(texts[i] ? texts[i] : "");
        if (!texts[i])
            unlink(path);
        options[1].fallback = path;
        expect_int("default", parse_of(*state, &t, &v, ARGS(NULL), ARGS(NULL)), 0);
        expect_str("default", v.log, texts[i] ? STR("debug") : STR("info"));
        expect_int("none", parse_of(*state, &t, &v, ARGS("--config="), ARGS(NULL)), 0);
        expect_str("none", v.log, STR("info"));
        unlink(path);
        free(path);
    }
}

static void help_has_groups_and_wraps_and_tells_of_the_file(void **state)
{
    static const char help[] =
        "parley test [OPTIONS]\n"
        "\n"
        "Tests.\n"
        "\n"
        "Where:\n"
        "  --config FILE                a file of options\n"
        "  --dev                        for development\n"
        "\n"
        "How much:\n"
        "  --max-payload SIZE           of a body, in words that are so many that they\n"
        "                               find no room on one line alone (1000)\n"
        "  --log LEVEL                  what is said (info)\n"
        "  --origins LIST               who may\n"
        "  --cert FILE                  who we are\n"
        "\n"
        "Each option is also a variable of the environment and a key of the file that\n"
        "--config names, where # begins a comment:\n"
        "\n"
        "  --ping-interval 25s   PARLEY_PING_INTERVAL=25s   ping-interval = 25s\n"
        "\n"
        "The flag wins over the environment, and that over the file. Between these two is "
        "what\n"
        "stands in a file \"parley.ping-interval\" in $CREDENTIALS_DIRECTORY.\n"
        "\n"
        "[thing NAME] in the file, up to 2 times: a thing\n"
        "  count N                      how many (3)\n";
    struct world *w = *state;
    struct sourced v;

    assert_int_equal(parse_sourced(w, &v, ARGS("--help"), ARGS(NULL)), OPTIONS_HELP);
    expect_said("--help", w, help, "");
}

static void takes_the_operand_out_wherever_it_stands(void **state)
{
    static const struct {
        const char *name;
        const char *args[6];
        const char *operand; // NULL: none
        const char *left[6];
    } cases[] = {
        {"nothing", {NULL}, NULL, {NULL}},
        {"alone", {"it"}, "it", {NULL}},
        {"first", {"it", "--count", "1"}, "it", {"--count", "1"}},
        {"last", {"--count", "1", "it"}, "it", {"--count", "1"}},
        {"between", {"--count=1", "it", "--text=x"}, "it", {"--count=1", "--text=x"}},
        {"two of them", {"it", "and", "--any=1"}, "it", {"and", "--any=1"}},
        {"a value", {"--text", "it"}, NULL, {"--text", "it"}},
        {"a short option", {"-h", "it"}, NULL, {"-h", "it"}},
        {"an empty one", {"", "--any=1"}, "", {"--any=1"}},
        {"an option at the end", {"--text"}, NULL, {"--text"}},
        {"what looks like an option", {"--any=1", "--", "-it"}, "-it", {"--any=1"}},
        {"the same before one", {"--", "--it", "--count", "1"}, "--it", {"--count", "1"}},
        {"two dashes themselves", {"--", "--"}, "--", {NULL}},
        {"two dashes and nothing", {"--any=1", "--"}, NULL, {"--any=1", "--"}},
        {"two dashes as a value", {"--text", "--", "it"}, "it", {"--text", "--"}},
        {"behind a flag", {"--dev", "it", "and"}, "it", {"--dev", "and"}},
        {"behind a flag that says so", {"--dev=off", "it"}, "it", {"--dev=off"}},
        {"of an unknown option", {"--deev", "it"}, NULL, {"--deev", "it"}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *words[COUNT_OF(cases[i].args)];
        char *argv[COUNT_OF(cases[i].args)];
        int n_words = 0;

        for (; cases[i].args[n_words]; n_words++)
            words[n_words] = strdup(cases[i].args[n_words]);
        memcpy((void *)argv, (void *)words, sizeof(argv));
        int argc = n_words;
        const str operand = options_take_operand(&sourced_table, &argc, argv);
        expect_str(cases[i].name, operand, str_of(cases[i].operand));
        expect_int(cases[i].name, operand.ptr == NULL, cases[i].operand == NULL);
        for (int k = 0; k < argc; k++)
            expect_str(cases[i].name, str_of(argv[k]), str_of(cases[i].left[k]));
        expect_int(cases[i].name, cases[i].left[argc] == NULL, true);
        while (n_words > 0)
            free(words[--n_words]);
    }
}

static void help_names_the_operand(void **state)
{
    static const struct option_table t = {
        .command = "parley see", .operand = "THING", .summary = "Sees.", .options = rows};
    struct world *w = *state;

    assert_int_equal(parse_table(w, &t, ARGS("--help")), OPTIONS_HELP);
    expect_said("--help", w, "parley see THING [OPTIONS]\n\nSees.\n", "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_arguments_all_have_their_defaults),
        TEST(takes_a_value_as_the_next_word_and_behind_the_equals_sign),
        cmocka_unit_test(reads_each_duration),
        cmocka_unit_test(reads_each_size),
        TEST(holds_numbers_to_their_limits),
        TEST(reads_each_list),
        TEST(a_list_holds_so_many_and_no_more),
        TEST(gathers_one_each_time),
        TEST(so_many_are_gathered_and_no_more),
        TEST(reads_each_switch),
        TEST(says_what_is_wrong_and_what_to_do),
        TEST(a_default_that_is_wrong_is_refused),
        TEST(help_lists_every_option_with_its_default),
        cmocka_unit_test(knows_which_options_were_on_the_command_line),
        TEST(the_flag_wins_over_the_environment_that_over_the_file),
        TEST(the_environment_may_name_the_file_and_a_flag_another),
        TEST(a_flag_stands_alone),
        TEST(a_variable_that_is_no_option_is_an_error),
        TEST(a_file_that_is_not_there_or_too_long_is_an_error),
        TEST(credentials_stand_between_the_environment_and_the_file),
        TEST(a_credential_is_a_value_or_the_file_that_one_names),
        TEST(what_is_wrong_with_credentials_is_said_without_them),
        TEST(there_need_not_be_credentials),
        TEST(credentials_have_so_many_bytes),
        TEST(the_file_of_the_default_need_not_be_there),
        TEST(help_has_groups_and_wraps_and_tells_of_the_file),
        cmocka_unit_test(takes_the_operand_out_wherever_it_stands),
        TEST(help_names_the_operand),
    };
    return cmocka_run_group_tests_name("server/options", tests, NULL, NULL);
}
