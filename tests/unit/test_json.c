#include "json/json.h"
#include "support/exact.h"
#include "support/t.h"

#define PRINT_MAX 4096

#define TIMES_8(x)  x x x x x x x x
#define TIMES_32(x) TIMES_8(x) TIMES_8(x) TIMES_8(x) TIMES_8(x)

struct row {
    const char *name;
    str in;
    str printed; // of what is refused: empty
    int r;
};

// clang-format off
static const struct row rows[] = {
    // values
    {"null",                       STR("null"),                 STR("null"),                 0},
    {"true",                       STR("true"),                 STR("true"),                 0},
    {"false",                      STR("false"),                STR("false"),                0},
    {"a string",                   STR("\"hi\""),               STR("\"hi\""),               0},
    {"an empty string",            STR("\"\""),                 STR("\"\""),                 0},
    {"an empty array",             STR("[]"),                   STR("[]"),                   0},
    {"an empty object",            STR("{}"),                   STR("{}"),                   0},
    {"an empty name",              STR("{\"\":1}"),             STR("{\"\":1}"),             0},
    {"white space all around",     STR(" \t\r\n[ 1 , 2 ] \n"),  STR("[1,2]"),                0},
    {"members keep their order",   STR("{\"z\":1,\"a\":[{}]}"), STR("{\"z\":1,\"a\":[{}]}"), 0},
    {"the last of a name wins",    STR("{\"a\":1,\"a\":2}"),    STR("{\"a\":2}"),            0},

    // numbers
    {"zero",                       STR("0"),                    STR("0"),                    0},
    {"the largest integer",        STR("9223372036854775807"),  STR("9223372036854775807"),  0},
    {"the smallest integer",       STR("-9223372036854775808"), STR("-9223372036854775808"), 0},
    {"one above the largest",      STR("9223372036854775808"),  STR("9.2233720368547758e18"), 0},
    {"one below the smallest",     STR("-9223372036854775809"), STR("-9.2233720368547758e18"), 0},
    {"an integer beyond 64 bits",  STR("100000000000000000000"), STR("1e20"),                0},
    {"a large one leaves others",  STR("[9007199254740993,100000000000000000000,\"100000000000000000000\",true]"),
                                   STR("[9007199254740993,1e20,\"100000000000000000000\",true]"), 0},
    {"the smallest beside a large", STR("[-9223372036854775808,100000000000000000000]"), STR("[-9223372036854775808,1e20]"), 0},
    {"a fraction",                 STR("0.5"),                  STR("0.5"),                  0},
    {"a whole real stays one",     STR("2.0"),                  STR("2.0"),                  0},
    {"all 17 digits",              STR("0.30000000000000004"),  STR("0.30000000000000004"),  0},
    {"an exponent",                STR("1E+2"),                 STR("100.0"),                0},
    {"the largest double",         STR("1.7976931348623157e308"), STR("1.7976931348623157e308"), 0},
    {"too small for a double",     STR("1e-400"),               STR("0.0"),                  0},
    {"too large for a double",     STR("1e309"),                {0},                         JSON_BEYOND},
    {"too large, no exponent",     STR(TIMES_32("9999999999")), {0},                         JSON_BEYOND},
    {"a leading zero",             STR("01"),                   {0},                         JSON_BAD},
    {"a large leading zero",       STR("[099999999999999999999,99999999999999999999]"), {0}, JSON_BAD},
    {"a plus",                     STR("+1"),                   {0},                         JSON_BAD},
    {"no digit after the point",   STR("1."),                   {0},                         JSON_BAD},
    {"only a minus",               STR("-"),                    {0},                         JSON_BAD},
    {"hexadecimal",                STR("0x10"),                 {0},                         JSON_BAD},
    {"not a number",               STR("NaN"),                  {0},                         JSON_BAD},

    // strings
    {"all the short escapes",      STR("\"\\b\\f\\n\\r\\t\\\"\\\\\\/\""), STR("\"\\b\\f\\n\\r\\t\\\"\\\\/\""), 0},
    {"NUL in a string",            STR("\"a\\u0000b\""),        STR("\"a\\u0000b\""),        0},
    {"NUL in a name",              STR("{\"a\\u0000\":1}"),     {0},                         JSON_BEYOND},
    {"the polling separator",      STR("\"\\u001e\""),          STR("\"\\u001e\""),          0},
    {"an escaped letter",          STR("\"\\u00e9\\u0041\""),   STR("\"\xc3\xa9" "A\""),     0},
    {"a line separator stays raw", STR("\"\\u2028\""),          STR("\"\xe2\x80\xa8\""),     0},
    {"brackets in a string",       STR("\"" TIMES_32("[{") "\""), STR("\"" TIMES_32("[{") "\""), 0},
    {"a raw control character",    STR("\"\x1e\""),             {0},                         JSON_BAD},
    {"a raw NUL",                  STR("\"\0\""),               {0},                         JSON_BAD},
    {"an unknown escape",          STR("\"\\x41\""),            {0},                         JSON_BAD},
    {"an escape of three digits",  STR("\"\\ud80\""),           {0},                         JSON_BAD},
    {"an escape that is no hex",   STR("\"\\ud80g\""),          {0},                         JSON_BAD},
    {"broken UTF-8",               STR("\"\xc3\""),             {0},                         JSON_BAD},
    {"a surrogate as UTF-8",       STR("\"\xed\xa0\x80\""),     {0},                         JSON_BAD},
    {"an overlong form",           STR("\"\xc0\xaf\""),         {0},                         JSON_BAD},

    // surrogates
    {"a pair",                     STR("\"\\ud83d\\ude00\""),   STR("\"\xf0\x9f\x98\x80\""), 0},
    {"a pair in capitals",         STR("\"\\uD83D\\uDE00\""),   STR("\"\xf0\x9f\x98\x80\""), 0},
    {"the first pair",             STR("\"\\ud800\\udc00\""),   STR("\"\xf0\x90\x80\x80\""), 0},
    {"the last pair",              STR("\"\\udbff\\udfff\""),   STR("\"\xf4\x8f\xbf\xbf\""), 0},
    {"one below the surrogates",   STR("\"\\ud7ff\""),          STR("\"\xed\x9f\xbf\""),     0},
    {"one above the surrogates",   STR("\"\\ue000\""),          STR("\"\xee\x80\x80\""),     0},
    {"a lone high one",            STR("\"\\ud800\""),          STR("\"\xef\xbf\xbd\""),     0},
    {"a lone low one",             STR("\"\\uDFFFx\""),         STR("\"\xef\xbf\xbdx\""),    0},
    {"high, then a letter",        STR("\"\\udbffa\""),         STR("\"\xef\xbf\xbd" "a\""), 0},
    {"high, then another escape",  STR("\"\\ud800\\n\""),       STR("\"\xef\xbf\xbd\\n\""),  0},
    {"two high, then a low one",   STR("\"\\ud800\\ud83d\\ude00\""), STR("\"\xef\xbf\xbd\xf0\x9f\x98\x80\""), 0},
    {"low before high",            STR("\"\\ude00\\ud83d\""),   STR("\"\xef\xbf\xbd\xef\xbf\xbd\""), 0},
    {"a lone one in a name",       STR("{\"\\udc00\":1}"),      STR("{\"\xef\xbf\xbd\":1}"), 0},
    {"a backslash, then u",        STR("\"\\\\ud800\""),        STR("\"\\\\ud800\""),        0},
    {"a backslash, then a lone one", STR("\"\\\\\\ud800\""),    STR("\"\\\\\xef\xbf\xbd\""), 0},

    // depth
    {"as deep as may be",          STR(TIMES_32("[") TIMES_32("]")), STR(TIMES_32("[") TIMES_32("]")), 0},
    {"one deeper",                 STR("[" TIMES_32("[") TIMES_32("]") "]"), {0},            JSON_TOO_DEEP},
    {"objects one deeper",         STR(TIMES_32("{\"a\":") "[]" TIMES_32("}")), {0},         JSON_TOO_DEEP},
    {"too deep and never closed",  STR("[" TIMES_32("[")),      {0},                         JSON_TOO_DEEP},
    {"wide is not deep",           STR("[" TIMES_32("[],") "[]]"), STR("[" TIMES_32("[],") "[]]"), 0},

    // what is no JSON
    {"nothing",                    STR(""),                     {0},                         JSON_BAD},
    {"only white space",           STR(" \n"),                  {0},                         JSON_BAD},
    {"a word",                     STR("nul"),                  {0},                         JSON_BAD},
    {"two values",                 STR("1 2"),                  {0},                         JSON_BAD},
    {"a letter behind",            STR("[]x"),                  {0},                         JSON_BAD},
    {"a bracket behind",           STR("[]]"),                  {0},                         JSON_BAD},
    {"a NUL behind",               STR("[1]\0"),                {0},                         JSON_BAD},
    {"a NUL behind a number",      STR("[1\0]"),                {0},                         JSON_BAD},
    {"closed before it is open",   STR("]["),                   {0},                         JSON_BAD},
    {"the wrong bracket",          STR("[}"),                   {0},                         JSON_BAD},
    {"a comma at the end",         STR("[1,]"),                 {0},                         JSON_BAD},
    {"a name without quotes",      STR("{a:1}"),                {0},                         JSON_BAD},
    {"a name that is a number",    STR("{1:1}"),                {0},                         JSON_BAD},
    {"single quotes",              STR("'a'"),                  {0},                         JSON_BAD},
    {"a comment",                  STR("[]//"),                 {0},                         JSON_BAD},
    {"a byte order mark",          STR("\xef\xbb\xbf[]"),       {0},                         JSON_BAD},
};
// clang-format on

static struct json *parse_good(const char *what, str in)
{
    CLEANUP(exact_freep) char *text = exact_copy(in);
    struct json *j = NULL;

    expect_int(what, json_parse(&j, text, in.len), 0);
    return j;
}

static void expect_print(const char *what, const struct json *j, str want)
{
    struct buf out;

    buf_init(&out, want.len);
    expect_int(what, json_print(&out, j), 0);
    expect_str(what, buf_str(&out), want);
    buf_fini(&out);

    // One byte less is refused, and leaves what was there before.
    buf_init(&out, want.len);
    expect_int(what, buf_add(&out, STR("x")), 0);
    expect_int(what, json_print(&out, j), BUF_FULL);
    expect_str(what, buf_str(&out), STR("x"));
    buf_fini(&out);
}

static void parses_each_row_and_prints_it(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        CLEANUP(exact_freep) char *text = exact_copy(row->in);
        CLEANUP(json_freep) struct json *j = NULL;

        const int r = json_parse(&j, text, row->in.len);

        expect_int(row->name, r, row->r);
        if (r == 0)
            expect_print(row->name, j, row->printed);
    }
}

static void what_it_prints_reads_back_the_same(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        if (row->r != 0)
            continue;
        CLEANUP(json_freep) struct json *j = parse_good(row->name, row->printed);
        expect_print(row->name, j, row->printed);
    }
}

static void changes_lone_surrogates_in_the_text_itself(void **state)
{
    char text[] = "[\"\\uD800\",\"\\ud83d\\ude00\",\"\\\\ud800\\udc00\"]";
    CLEANUP(json_freep) struct json *j = NULL;

    (void)state;
    assert_int_equal(json_parse(&j, text, sizeof(text) - 1), 0);
    assert_string_equal(text, "[\"\\ufffd\",\"\\ud83d\\ude00\",\"\\\\ud800\\ufffd\"]");
}

static void refuses_every_cut(void **state)
{
    // Each ends with what it can't do without.
    static const struct row cuts[] = {
        {"an array", STR("[1,-2.5e3,true,null,\"\\ud83d\\ude00\\ud800\"]"), {0}, 0},
        {"an object", STR("{\"a\":{\"b\":[[]]},\"\\u00e9\":\"\xf0\x9f\x98\x80\\\\\"}"), {0}, 0},
        {"a string", STR("\"\\\"\\\\\\udc00\xc3\xa9\\u0000\""), {0}, 0},
        {"large numbers", STR("[100000000000000000000,\"1\"]"), {0}, 0},
        {"a word", STR("false"), {0}, 0},
    };

    (void)state;
    for (const struct row *row = cuts; row < cuts + COUNT_OF(cuts); row++) {
        json_free(parse_good(row->name, row->in));
        for (size_t n = 0; n < row->in.len; n++) {
            CLEANUP(exact_freep) char *text = exact_copy((str){row->in.ptr, n});
            struct json *j = NULL;
            expect_int(row->name, json_parse(&j, text, n), JSON_BAD);
        }
    }
}

static void knows_the_kind_of_each_value(void **state)
{
    static const enum json_kind kinds[] = {
        JSON_KIND_NULL, JSON_KIND_BOOL,  JSON_KIND_BOOL,   JSON_KIND_INT,  JSON_KIND_REAL,
        JSON_KIND_STR,  JSON_KIND_ARRAY, JSON_KIND_OBJECT, JSON_KIND_REAL,
    };
    CLEANUP(json_freep)
    struct json *j =
        parse_good("kinds", STR("[null,true,false,1,1.0,\"\",[],{},9223372036854775808]"));

    (void)state;
    assert_int_equal(json_count(j), COUNT_OF(kinds));
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        assert_int_equal(json_kind(json_item(j, i)), kinds[i]);
}

static void finds_items_and_members(void **state)
{
    CLEANUP(json_freep)
    struct json *j =
        parse_good("tree", STR("{\"list\":[10,20],\"t\":\"a\\u0000b\",\"n\":null}"));
    const struct json *list = json_member(j, "list");
    int64_t n = 0;

    (void)state;
    assert_int_equal(json_count(j), 3);
    assert_int_equal(json_count(list), 2);
    assert_true(json_integer_of(json_item(list, 1), &n));
    assert_int_equal(n, 20);
    assert_null(json_item(list, 2));
    assert_null(json_member(j, "LIST"));
    assert_int_equal(json_kind(json_member(j, "n")), JSON_KIND_NULL);
    expect_str("text", json_text(json_member(j, "t")), STR("a\0b"));
}

static void answers_softly_for_the_wrong_kind(void **state)
{
    CLEANUP(json_freep)
    struct json *j = parse_good("wrong", STR("[[1],{\"a\":1},\"1\",1.0,true]"));
    const struct json *array = json_item(j, 0);
    const struct json *object = json_item(j, 1);
    const struct json *text = json_item(j, 2);
    const struct json *real = json_item(j, 3);
    int64_t n = 7;

    (void)state;
    assert_null(json_member(array, "a"));
    assert_null(json_item(object, 0));
    assert_int_equal(json_count(text), 0);
    assert_false(json_integer_of(text, &n));
    assert_false(json_integer_of(real, &n));
    assert_false(json_integer_of(NULL, &n));
    assert_int_equal(n, 7);
    assert_null(json_text(real).ptr);
    assert_null(json_text(NULL).ptr);
    assert_int_equal(json_text(NULL).len, 0);
    assert_true(json_is_true(json_item(j, 4)));
    assert_false(json_is_true(text));
    assert_false(json_is_true(NULL));
    json_free(NULL);
}

static void refuses_two_members_of_one_name_where_they_must_be_unique(void **state)
{
    static const struct row objects[] = {
        {"one of each", STR("{\"a\":1,\"b\":{\"a\":1}}"), {0}, 0},
        {"case counts", STR("{\"a\":1,\"A\":1}"), {0}, 0},
        {"two of one", STR("{\"a\":1,\"b\":2,\"a\":1}"), {0}, JSON_BAD},
        {"two of one, one escaped", STR("{\"a\":1,\"\\u0061\":1}"), {0}, JSON_BAD},
        {"two of one inside", STR("[{\"b\":{\"a\":1,\"a\":1}}]"), {0}, JSON_BAD},
        {"two lone surrogates", STR("{\"\\ud800\":1,\"\\ud801\":1}"), {0}, JSON_BAD},
        {"beside a large number", STR("{\"a\":100000000000000000000,\"a\":1}"), {0}, JSON_BAD},
        {"a large number", STR("{\"a\":100000000000000000000}"), {0}, 0},
        {"nothing", STR(""), {0}, JSON_BAD},
    };

    (void)state;
    for (const struct row *row = objects; row < objects + COUNT_OF(objects); row++) {
        CLEANUP(exact_freep) char *text = exact_copy(row->in);
        CLEANUP(json_freep) struct json *j = NULL;
        expect_int(row->name, json_parse_unique(&j, text, row->in.len), row->r);
    }
}

static void reads_numbers_of_both_kinds(void **state)
{
    CLEANUP(json_freep)
    struct json *j = parse_good("numbers", STR("[1,-2.5,1e300,100000000000000000000,\"1\"]"));
    const double want[] = {1, -2.5, 1e300, 1e20};
    double got = 7;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        assert_true(json_number_of(json_item(j, i), &got));
        assert_true(got == want[i]);
    }
    assert_false(json_number_of(json_item(j, 4), &got));
    assert_false(json_number_of(NULL, &got));
}

static void finds_a_text_in_an_array(void **state)
{
    CLEANUP(json_freep)
    struct json *j = parse_good("texts", STR("[\"a\",1,[\"c\"],\"b\\u0000\"]"));

    (void)state;
    assert_true(json_holds(j, STR("a")));
    assert_true(json_holds(j, STR("b\0")));
    assert_false(json_holds(j, STR("b")));
    assert_false(json_holds(j, STR("c")));
    assert_false(json_holds(j, STR(""))); // what is no text is not the empty one
    assert_false(json_holds(json_item(j, 0), STR("a")));
    assert_false(json_holds(NULL, STR("a")));
}

static void says_how_deep_values_nest(void **state)
{
    static const struct {
        const char *text;
        size_t depth;
    } cases[] = {
        {"1", 0},
        {"\"[[\"", 0},
        {"[]", 1},
        {"{}", 1},
        {"[1,{\"a\":2}]", 2},
        {"[[],[[]],[]]", 3},
        {"{\"a\":{},\"b\":[{}]}", 3},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CLEANUP(json_freep)
        struct json *j = parse_good(cases[i].text, str_of(cases[i].text));
        assert_true(json_nests_within(j, cases[i].depth));
        assert_true(json_nests_within(j, cases[i].depth + 1));
        if (cases[i].depth > 0)
            assert_false(json_nests_within(j, cases[i].depth - 1));
    }
}

static void expect_canonical(const char *what, const struct json *j, str want)
{
    struct buf out;

    buf_init(&out, want.len);
    expect_int(what, json_print_canonical(&out, j), 0);
    expect_str(what, buf_str(&out), want);
    buf_fini(&out);

    // Less is refused, wherever it ends, and leaves what was there before.
    for (size_t max = 1; max < want.len + 1; max++) {
        buf_init(&out, max);
        expect_int(what, buf_add(&out, STR("x")), 0);
        expect_int(what, json_print_canonical(&out, j), BUF_FULL);
        expect_str(what, buf_str(&out), STR("x"));
        buf_fini(&out);
    }
}

static void equal_values_have_one_canonical_form(void **state)
{
    // clang-format off
    static const struct {
        const char *name;
        str in;
        str want;
    } forms[] = {
        {"words",                   STR(" [ null , true , false ] "),   STR("[null,true,false]")},
        {"empty ones",              STR("[ { } , [ ] , \"\" ]"),        STR("[{},[],\"\"]")},
        {"members are sorted",      STR("{\"b\":1,\"a\":{\"d\":2,\"c\":3}}"), STR("{\"a\":{\"c\":3,\"d\":2},\"b\":1}")},
        {"by bytes",                STR("{\"\u00e9\":1,\"z\":2,\"B\":3}"), STR("{\"B\":3,\"z\":2,\"\xc3\xa9\":1}")},
        {"a prefix first",          STR("{\"ab\":1,\"\":2,\"a\":3}"),   STR("{\"\":2,\"a\":3,\"ab\":1}")},
        {"items are not",           STR("[3,1,2]"),                     STR("[3,1,2]")},
        {"the last of a name",      STR("{\"a\":1,\"a\":2.0}"),         STR("{\"a\":2}")},
        {"one way to escape",       STR("\"\\u0041\\/\\u000a\\u001E\\\"\""), STR("\"A/\\n\\u001e\\\"\"")},
        {"names are escaped",       STR("{\"\\\"\":1}"),               STR("{\"\\\"\":1}")},
        {"NUL in a string",         STR("\"a\\u0000b\""),              STR("\"a\\u0000b\"")},
        {"a whole real",            STR("[2.0,2e0,20E-1,2]"),           STR("[2,2,2,2]")},
        {"nothing",                 STR("[0,-0,0.0,-0.0,0e9,1e-400]"),  STR("[0,0,0,0,0,0]")},
        {"an exponent",             STR("[1E+2,1e18]"),                 STR("[100,1000000000000000000]")},
        {"integers stay exact",     STR("[9007199254740993,9223372036854775807]"), STR("[9007199254740993,9223372036854775807]")},
        {"the smallest integer",    STR("[-9223372036854775808,-9223372036854775808.0]"), STR("[-9223372036854775808,-9223372036854775808]")},
        {"beyond 64 bits",          STR("[9223372036854775808,100000000000000000000,1e20]"), STR("[9.223372036854776e+18,1e+20,1e+20]")},
        {"a fraction",              STR("[0.5,5e-1,0.50]"),             STR("[0.5,0.5,0.5]")},
        {"the shortest",            STR("[0.1,1.0000000000000001e-1]"), STR("[0.1,0.1]")},
        {"16 digits",               STR("1234567.890123456"),           STR("1234567.890123456")},
        {"all 17 digits",           STR("0.30000000000000004"),         STR("0.30000000000000004")},
        {"a large one with a half", STR("4503599627370495.5"),          STR("4503599627370495.5")},
        {"the largest double",      STR("-1.7976931348623157e308"),     STR("-1.7976931348623157e+308")},
        {"the smallest double",     STR("5e-324"),                      STR("4.94065645841247e-324")},
        {"as deep as may be",       STR(TIMES_32("[") TIMES_32("]")),   STR(TIMES_32("[") TIMES_32("]"))},
    };
    // clang-format on

    (void)state;
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        CLEANUP(json_freep) struct json *j = parse_good(forms[i].name, forms[i].in);
        CLEANUP(json_freep) struct json *again = parse_good(forms[i].name, forms[i].want);

        expect_canonical(forms[i].name, j, forms[i].want);
        expect_canonical(forms[i].name, again, forms[i].want);
    }
}

struct seen {
    char names[8];
    size_t len;
    int64_t sum;
    size_t stop_after;
    size_t n;
};

static bool on_member(void *arg, str name, const struct json *value)
{
    struct seen *seen = arg;
    int64_t n = 0;

    assert_true(json_integer_of(value, &n));
    seen->sum += n;
    assert_true(seen->len + name.len <= sizeof(seen->names));
    seen->len += str_copy(seen->names + seen->len, name).len;
    return ++seen->n < seen->stop_after;
}

static void walks_over_the_members_until_told_to_stop(void **state)
{
    const struct {
        const char *name;
        str in;
        size_t stop_after;
        int64_t sum;
        str names;
    } walks[] = {
        {"all", STR("{\"a\":1,\"bc\":2,\"d\":4}"), 9, 7, STR("abcd")},
        {"two", STR("{\"a\":1,\"bc\":2,\"d\":4}"), 2, 3, STR("abc")},
        {"of an empty object", STR("{}"), 9, 0, STR("")},
        {"of an array", STR("[1]"), 9, 0, STR("")},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(walks); i++) {
        CLEANUP(json_freep) struct json *j = parse_good(walks[i].name, walks[i].in);
        struct seen seen = {.stop_after = walks[i].stop_after};

        json_each_member(j, on_member, &seen);

        expect_int(walks[i].name, seen.sum, walks[i].sum);
        expect_str(walks[i].name, ((str){seen.names, seen.len}), walks[i].names);
    }
}

static void prints_strings_escaped(void **state)
{
    const struct {
        const char *name;
        str in;
        str want;
    } strings[] = {
        {"empty", {0}, STR("\"\"")},
        {"plain", STR("hello/world"), STR("\"hello/world\"")},
        {"UTF-8", STR("\xc3\xa9\xf0\x9f\x98\x80\xe2\x80\xa8"),
         STR("\"\xc3\xa9\xf0\x9f\x98\x80\xe2\x80\xa8\"")},
        {"delete is no control character", STR("\x7f"), STR("\"\x7f\"")},
        {"a quote first and last", STR("\"a\""), STR("\"\\\"a\\\"\"")},
        {"backslashes", STR("\\\\u0041"), STR("\"\\\\\\\\u0041\"")},
        {"letters", STR("\b\f\n\r\t"), STR("\"\\b\\f\\n\\r\\t\"")},
        {"NUL", STR("a\0b"), STR("\"a\\u0000b\"")},
        {"the polling separator", STR("a\x1e"), STR("\"a\\u001e\"")},
        {"the first and the last", STR("\x01\x1f "), STR("\"\\u0001\\u001f \"")},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(strings); i++) {
        const str want = strings[i].want;
        struct buf out;

        buf_init(&out, want.len);
        expect_int(strings[i].name, json_print_str(&out, strings[i].in), 0);
        expect_str(strings[i].name, buf_str(&out), want);
        buf_fini(&out);

        buf_init(&out, want.len - 1);
        expect_int(strings[i].name, json_print_str(&out, strings[i].in), BUF_FULL);
        expect_int(strings[i].name, buf_str(&out).len, 0);
        buf_fini(&out);

        CLEANUP(json_freep) struct json *j = parse_good(strings[i].name, want);
        expect_str(strings[i].name, json_text(j), strings[i].in);
    }
}

static void prints_no_byte_below_space(void **state)
{
    char all[256];
    struct buf out;

    (void)state;
    for (size_t i = 0; i < sizeof(all); i++)
        all[i] = (char)i;
    buf_init(&out, PRINT_MAX);
    assert_int_equal(json_print_str(&out, (str){all, sizeof(all)}), 0);
    const str printed = buf_str(&out);
    for (size_t i = 0; i < printed.len; i++)
        assert_true((uint8_t)printed.ptr[i] >= 0x20);
    buf_fini(&out);
}

static void what_must_be_escaped_is_found_wherever_it_is(void **state)
{
    static const char *const fills[] = {"a", "\x7f", "\xc3\xa9"};
    char text[24];
    struct buf out;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(fills) * (sizeof(text) - 1) * 0x80; i++) {
        const char c = (char)(i % 0x80);
        const size_t at = i / 0x80 % (sizeof(text) - 1);
        const char *fill = fills[i / 0x80 / (sizeof(text) - 1)];
        const bool is_plain = (uint8_t)c >= 0x20 && c != '"' && c != '\\';
        for (size_t k = 0; k < sizeof(text); k++)
            text[k] = fill[k % strlen(fill)];
        text[at] = c;
        buf_init(&out, PRINT_MAX);
        assert_int_equal(json_print_str(&out, (str){text, sizeof(text)}), 0);
        assert_int_equal(buf_str(&out).len == sizeof(text) + 2, is_plain);
        assert_memory_equal(buf_str(&out).ptr + 1, text, at);
        assert_int_equal(buf_str(&out).ptr[at + 1], is_plain ? c : '\\');
        buf_fini(&out);
    }
}

static void members_are_replaced_added_and_left_out(void **state)
{
    static const struct {
        const char *name;
        const char *text;
        struct json_instead with[3];
        size_t n;
        const char *want;
    } cases[] = {
        {"nothing",
         "{\"b\":1.0,\"a\":{\"y\":1,\"x\":2}}",
         {{{0}, {0}}},
         0,
         "{\"a\":{\"x\":2,\"y\":1},\"b\":1}"},
        {"one replaced",
         "{\"b\":1,\"a\":2}",
         {{STR("a"), STR("[3]")}},
         1,
         "{\"a\":[3],\"b\":1}"},
        {"one added",
         "{\"b\":1,\"d\":2}",
         {{STR("c"), STR("null")}},
         1,
         "{\"b\":1,\"c\":null,\"d\":2}"},
        {"one left out", "{\"b\":1,\"a\":2}", {{STR("b"), {0}}}, 1, "{\"a\":2}"},
        {"one that is not there", "{\"a\":2}", {{STR("b"), {0}}}, 1, "{\"a\":2}"},
        {"all left out", "{\"a\":2}", {{STR("a"), {0}}}, 1, "{}"},
        {"only added",
         "{}",
         {{STR("b"), STR("1")}, {STR("a"), STR("2")}},
         2,
         "{\"a\":2,\"b\":1}"},
        {"those within stay",
         "{\"a\":{\"a\":1}}",
         {{STR("b"), STR("1")}, {STR("c"), {0}}},
         2,
         "{\"a\":{\"a\":1},\"b\":1}"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CLEANUP(exact_freep) char *copy = exact_copy(str_of(cases[i].text));
        CLEANUP(json_freep) struct json *j = NULL;
        const size_t n = strlen(cases[i].want);
        expect_int(cases[i].name, json_parse(&j, copy, strlen(cases[i].text)), 0);
        for (size_t max = 0; max <= n; max++) {
            struct buf out;
            buf_init(&out, max);
            const int r = json_print_canonical_with(&out, j, cases[i].with, cases[i].n);
            expect_int(cases[i].name, r, max < n ? BUF_FULL : 0);
            expect_str(cases[i].name, buf_str(&out), max < n ? STR("") : str_of(cases[i].want));
            buf_fini(&out);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_each_row_and_prints_it),
        cmocka_unit_test(what_it_prints_reads_back_the_same),
        cmocka_unit_test(changes_lone_surrogates_in_the_text_itself),
        cmocka_unit_test(refuses_every_cut),
        cmocka_unit_test(knows_the_kind_of_each_value),
        cmocka_unit_test(finds_items_and_members),
        cmocka_unit_test(answers_softly_for_the_wrong_kind),
        cmocka_unit_test(refuses_two_members_of_one_name_where_they_must_be_unique),
        cmocka_unit_test(reads_numbers_of_both_kinds),
        cmocka_unit_test(finds_a_text_in_an_array),
        cmocka_unit_test(says_how_deep_values_nest),
        cmocka_unit_test(walks_over_the_members_until_told_to_stop),
        cmocka_unit_test(prints_strings_escaped),
        cmocka_unit_test(what_must_be_escaped_is_found_wherever_it_is),
        cmocka_unit_test(prints_no_byte_below_space),
        cmocka_unit_test(equal_values_have_one_canonical_form),
        cmocka_unit_test(members_are_replaced_added_and_left_out),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
