#include <stdio.h>
#include <stdlib.h>

#include "server/options_file.h"
#include "support/exact.h"
#include "support/t.h"

// Lines.

#define BAD(what)  OPTIONS_NO_LINE, STR(""), STR(""), what
#define SET(k, v)  OPTIONS_ASSIGNMENT, STR(k), STR(v), NULL
#define SECT(k, v) OPTIONS_SECTION, STR(k), STR(v), NULL
#define NONE       OPTIONS_END, STR(""), STR(""), NULL

static const char no_name[] = "a section is [KIND NAME], of letters, digits, '-', '_' and '.'";
static const char no_end[] = "a section ends with ']'";
static const char neither[] = "this is neither 'key = value' nor [section NAME]";
static const char no_key[] = "a key stands before '=', of letters, digits and '-'";
static const char quoted[] = "a value stands without quotes";
static const char no_text[] = "there is a byte in it that is no text";

// clang-format off
static const struct line_row {
    const char *name;
    str in;
    size_t line;
    enum options_line_kind kind;
    str key;
    str value;
    const char *wrong;
} line_rows[] = {
    {"nothing",               STR(""),                     0, NONE},
    {"an empty line",         STR("\n"),                   1, NONE},
    {"blanks",                STR("  \t\r\n \n"),          2, NONE},
    {"a comment",             STR("# a = b"),              1, NONE},
    {"a comment, indented",   STR("  # a = b\n"),          1, NONE},
    {"a value",               STR("a = b"),                1, SET("a", "b")},
    {"no blanks",             STR("a=b\n"),                1, SET("a", "b")},
    {"many blanks",           STR("\t a \t=  b c \t\n"),   1, SET("a", "b c")},
    {"CR LF",                 STR("a = b\r\nc = d\r\n"),   1, SET("a", "b")},
    {"the third line",        STR("\n#\na = b"),           3, SET("a", "b")},
    {"an empty value",        STR("a ="),                  1, SET("a", "")},
    {"more equals signs",     STR("a = b=c="),             1, SET("a", "b=c=")},
    {"a comment behind",      STR("a = b # c"),            1, SET("a", "b")},
    {"behind a tab",          STR("a = b\t#c"),            1, SET("a", "b")},
    {"all of it a comment",   STR("a = #b"),               1, SET("a", "")},
    {"a # in the value",      STR("a = b#c"),              1, SET("a", "b#c")},
    {"a quote inside",        STR("a = b\"c\""),           1, SET("a", "b\"c\"")},
    {"brackets in a value",   STR("a = [::1]:80"),         1, SET("a", "[::1]:80")},
    {"UTF-8 in a value",      STR("a = \xc3\xa4"),         1, SET("a", "\xc3\xa4")},
    {"a key of all kinds",    STR("aZ0-_. = 1"),           1, SET("aZ0-_.", "1")},
    {"a section",             STR("[issuer app]"),         1, SECT("issuer", "app")},
    {"with blanks",           STR(" [ issuer \t app ] \n"), 1, SECT("issuer", "app")},
    {"with a comment",        STR("[issuer app] # x"),     1, SECT("issuer", "app")},

    {"no name",               STR("[issuer]"),             1, BAD(no_name)},
    {"nothing in it",         STR("[]"),                   1, BAD(no_name)},
    {"blanks in it",          STR("[ ]"),                  1, BAD(no_name)},
    {"two names",             STR("[issuer a b]"),         1, BAD(no_name)},
    {"a dot alone",           STR("[issuer \"a\"]"),       1, BAD(no_name)},
    {"a section in it",       STR("[issuer [a]]"),         1, BAD(no_name)},
    {"not closed",            STR("[issuer app"),          1, BAD(no_end)},
    {"more behind it",        STR("[issuer app] x"),       1, BAD(no_end)},
    {"a bracket",             STR("["),                    1, BAD(no_end)},
    {"a word",                STR("verbose\n"),            1, BAD(neither)},
    {"a flag",                STR("--dev\n"),              1, BAD(neither)},
    {"a colon",               STR("a: b"),                 1, BAD(neither)},
    {"no key",                STR("= b"),                  1, BAD(no_key)},
    {"two words",             STR("a b = c"),              1, BAD(no_key)},
    {"a letter of no key",    STR("\xc3\xa4 = c"),         1, BAD(no_key)},
    {"quotes",                STR("a = \"b\""),            1, BAD(quoted)},
    {"single quotes",         STR("a = 'b'"),              1, BAD(quoted)},
    {"a NUL",                 STR("a = b\0c"),             1, BAD(no_text)},
    {"a CR inside",           STR("a = b\rc"),             1, BAD(no_text)},
    {"a DEL",                 STR("a = \x7f"),             1, BAD(no_text)},
};
// clang-format on

static void takes_each_line(void **state)
{
    (void)state;
    for (const struct line_row *row = line_rows; row < line_rows + COUNT_OF(line_rows); row++) {
        CLEANUP(exact_freep) char *in = exact_copy(row->in);
        struct options_lines lines = {.rest = {in, row->in.len}};
        struct options_line line;

        expect_int(row->name, options_lines_next(&lines, &line), row->kind);
        expect_int(row->name, lines.line, row->line);
        expect_str(row->name, str_of(line.wrong), str_of(row->wrong));
        if (row->kind == OPTIONS_NO_LINE)
            continue;
        expect_str(row->name, line.key, row->key);
        expect_str(row->name, line.value, row->value);
    }
}

// What they mean.

struct thing {
    str name;
    str what;
    uint64_t count;
};

struct values {
    str text;
    str config;
    uint64_t count;
    bool is_on;
    size_t n_things;
    struct thing things[2];
    size_t n_other;
    struct thing other[1];
};

#define FIELD(name) offsetof(struct values, name)
static const struct option thing_rows[] = {
    {"what", OPTION_TEXT, offsetof(struct thing, what), "nothing", "TEXT", "", 0, 0},
    {"count", OPTION_COUNT, offsetof(struct thing, count), NULL, "N", "", 1, 9},
};
static const struct option rows[] = {
    {"", OPTION_HEADING, 0, NULL, "", "Head", 0, 0},
    {"text", OPTION_TEXT, FIELD(text), NULL, "TEXT", "", 0, 0},
    {"config", OPTION_FILE, FIELD(config), NULL, "FILE", "", 0, 0},
    {"count", OPTION_COUNT, FIELD(count), NULL, "N", "", 1, 9},
    {"dev", OPTION_FLAG, FIELD(is_on), NULL, "", "", 0, 0},
    {"max-payload", OPTION_IGNORED, 0, NULL, "", "", 0, 0},
};
static const struct option_section sections[] = {
    {"thing", "a thing", thing_rows, COUNT_OF(thing_rows), FIELD(n_things), FIELD(things),
     sizeof(struct thing), 2},
    {"other", "another", thing_rows, COUNT_OF(thing_rows), FIELD(n_other), FIELD(other),
     sizeof(struct thing), 1},
};
#undef FIELD

static const struct option_table table = {
    .command = "parley test",
    .options = rows,
    .n_options = COUNT_OF(rows),
    .env_prefix = "PARLEY_",
    .file_option = "config",
    .sections = sections,
    .n_sections = COUNT_OF(sections),
};

/** @return what was said, owned */
static char *apply(struct values *v, str text, int *r)
{
    char *said = NULL;
    size_t size = 0;
    FILE *err = open_memstream(&said, &size);

    *v = (struct values){0};
    *r = options_file_apply(&table, v, "F", text, err);
    (void)fclose(err);
    assert(said);
    return said;
}

static const char whole[] =
    "text = some\n"
    "\n"
    "dev = on # the rest\n"
    "[thing one]\n"
    "count = 1\n"
    "what = this\n"
    "[other one]\n"
    "count = 2\n"
    "[thing two]\n"
    "count = 3";

static void fills_the_struct_and_its_sections(void **state)
{
    struct values v;
    int r = -1;

    (void)state;
    char *said = apply(&v, str_of(whole), &r);
    expect_str("said", str_of(said), STR(""));
    assert_int_equal(r, 0);
    expect_str("text", v.text, STR("some"));
    assert_true(v.is_on);
    assert_int_equal(v.n_things, 2);
    expect_str("name", v.things[0].name, STR("one"));
    expect_str("what", v.things[0].what, STR("this"));
    assert_int_equal(v.things[0].count, 1);
    expect_str("name", v.things[1].name, STR("two"));
    expect_str("what", v.things[1].what, STR("nothing"));
    assert_int_equal(v.things[1].count, 3);
    assert_int_equal(v.n_other, 1);
    assert_int_equal(v.other[0].count, 2);
    free(said);
}

/** Cut anywhere, it is read, or refused in the line of the cut. */
static void survives_a_cut_at_every_byte(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof(whole); n++) {
        struct values v;
        int r = -1;
        size_t line = 1;
        char where[16];
        CLEANUP(exact_freep) char *in = exact_copy((str){whole, n});

        for (size_t i = 0; i < n; i++)
            line += whole[i] == '\n';
        char *said = apply(&v, (str){in, n}, &r);
        snprintf(where, sizeof(where), "F:%zu: ", line);
        expect_int(where, r == 0 || str_starts(str_of(said), str_of(where)), true);
        expect_int(where, v.n_things <= 2 && v.n_other <= 1, true);
        free(said);
    }
}

static void says_where_and_what_is_wrong(void **state)
{
    // clang-format off
    static const struct {
        const char *name;
        str in;
        const char *said;
    } cases[] = {
        {"unknown key",         STR("\nkount = 1"),          "F:2: there is no key 'kount'; did you mean count?\n"},
        {"far from all",        STR("verbose = 1"),          "F:1: there is no key 'verbose'; 'parley test --help' lists them\n"},
        {"with dashes",         STR("--text = 1"),           "F:1: there is no key '--text'; did you mean text?\n"},
        {"another case",        STR("Text = 1"),             "F:1: there is no key 'Text'; did you mean text?\n"},
        {"as a variable",       STR("MAX_PAYLOAD = 1"),      "F:1: there is no key 'MAX_PAYLOAD'; 'parley test --help' lists them\n"},
        {"twice",               STR("text = a\ntext = a"),   "F:2: 'text' is set a second time\n"},
        {"bad value",           STR("count = x"),            "F:1: count: 'x' is not a number\n"},
        {"below",               STR("count = 0"),            "F:1: count: '0' is below 1\n"},
        {"flag alone",          STR("dev"),                  "F:1: this is neither 'key = value' nor [section NAME]\n"},
        {"another file",        STR("config = x"),           "F:1: a file names no other file\n"},
        {"unknown section",     STR("[thong a]"),            "F:1: there is no section [thong NAME]; did you mean [thing NAME]?\n"},
        {"section far from all", STR("[server a]"),          "F:1: there is no section [server NAME]; 'parley test --help' lists them\n"},
        {"the same section",    STR("[thing a]\n[thing a]"), "F:2: there is a section of this name already\n"},
        {"one too many",        STR("[thing a]\n[thing b]\n[thing c]"), "F:3: there are too many sections of this kind\n"},
        {"key of no section",   STR("[thing a]\ntext = b"),  "F:2: 'text' stands before the first section\n"},
        {"unknown key in it",   STR("[thing a]\nwhit = b"),  "F:2: there is no key 'whit' in a section [thing NAME]; did you mean what?\n"},
        {"twice in it",         STR("[thing a]\nwhat = b\nwhat = b"), "F:3: 'what' is set a second time\n"},
        {"bad value in it",     STR("[thing a]\ncount = 10"), "F:2: count: '10' is above 9\n"},
        {"no line",             STR("text"),                 "F:1: this is neither 'key = value' nor [section NAME]\n"},
        // Fine.
        {"in one and in the other", STR("[thing a]\nwhat = b\n[thing b]\nwhat = c"), ""},
        {"kinds have names of their own", STR("[thing a]\n[other a]"), ""},
        {"ignored",             STR("max-payload = x"),      ""},
    };
    // clang-format on
    struct values v;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int r = -1;
        char *said = apply(&v, cases[i].in, &r);
        expect_str(cases[i].name, str_of(said), str_of(cases[i].said));
        expect_int(cases[i].name, r, said[0] ? OPTIONS_BAD : 0);
        free(said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_each_line),
        cmocka_unit_test(fills_the_struct_and_its_sections),
        cmocka_unit_test(survives_a_cut_at_every_byte),
        cmocka_unit_test(says_where_and_what_is_wrong),
    };
    return cmocka_run_group_tests_name("server/options_file", tests, NULL, NULL);
}
