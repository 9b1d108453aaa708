#include <stdlib.h>

#include "http/url.h"
#include "support/t.h"

struct row {
    const char *name;
    str in;
    bool in_query;
    int r;
    str want; // looked at only when r is 0
};

// clang-format off
static const struct row rows[] = {
    // name                          input                  in_query  r        decoded
    {"empty",                        STR(""),               false, 0,       STR("")},
    {"plain",                        STR("/a-b_c.~"),       false, 0,       STR("/a-b_c.~")},
    {"capital digits",               STR("%2F%3A"),         false, 0,       STR("/:")},
    {"small digits",                 STR("%2f%3a"),         false, 0,       STR("/:")},
    {"every half of a byte",         STR("%09%1a%fF%A0"),   false, 0,       STR("\x09\x1a\xff\xa0")},
    {"UTF-8",                        STR("gr%C3%BCn"),      false, 0,       STR("gr\xc3\xbcn")},
    {"not encoded, above ASCII",     STR("gr\xc3\xbcn"),    false, 0,       STR("gr\xc3\xbcn")},
    {"decoded once only",            STR("%2541"),          false, 0,       STR("%41")},
    {"plus in a path",               STR("a+b"),            false, 0,       STR("a+b")},
    {"plus in a query",              STR("a+b"),            true,  0,       STR("a b")},
    {"encoded plus in a query",      STR("a%2Bb"),          true,  0,       STR("a+b")},
    {"percent alone",                STR("%"),              false, URL_BAD, {0}},
    {"percent at the end",           STR("a%"),             false, URL_BAD, {0}},
    {"one digit",                    STR("a%4"),            false, URL_BAD, {0}},
    {"first is no digit",            STR("%g0"),            false, URL_BAD, {0}},
    {"second is no digit",           STR("%0g"),            false, URL_BAD, {0}},
    {"before the digits",            STR("%/0"),            false, URL_BAD, {0}},
    {"behind the digits",            STR("%:0"),            false, URL_BAD, {0}},
    {"before the capital letters",   STR("%@0"),            false, URL_BAD, {0}},
    {"before the small letters",     STR("%`0"),            false, URL_BAD, {0}},
    {"a sign is no digit",           STR("%+1"),            true,  URL_BAD, {0}},
    {"percent twice",                STR("%%41"),           false, URL_BAD, {0}},
    {"encoded NUL",                  STR("a%00b"),          false, URL_BAD, {0}},
    {"NUL as it is",                 STR("a\0b"),           false, URL_BAD, {0}},
    {"broken behind what fits",      STR("aaaaaaaaaaaa%"),  false, URL_BAD, {0}},
};

// clang-format on

static void decodes_each_row(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        char out[64];
        size_t n = 0;

        expect_int(row->name, url_decode(out, sizeof(out), &n, row->in, row->in_query), row->r);
        if (row->r == 0)
            expect_str(row->name, ((str){out, n}), row->want);
    }
}

static void decodes_in_place(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        char bytes[64];
        const str in = str_copy(bytes, row->in);
        size_t n = 0;

        expect_int(row->name, url_decode(bytes, in.len, &n, in, row->in_query), row->r);
        if (row->r == 0)
            expect_str(row->name, ((str){bytes, n}), row->want);
    }
}

/** What a cut leaves is either whole or broken: never read past, never a part of a byte. */
static void decodes_or_refuses_every_cut(void **state)
{
    (void)state;
    const str in = STR("a%41+%c3%BC");
    // bytes made by each length of input, or -1 in the middle of an escape
    static const int want[] = {0, 1, -1, -1, 2, 3, -1, -1, 4, -1, -1, 5};

    for (size_t cut = 0; cut <= in.len; cut++) {
        char *exact = malloc(cut + 1);
        assert_non_null(exact);
        const str part = str_copy(exact + 1, (str){in.ptr, cut}); // so that ASan sees its end
        char out[16];
        size_t n = 0;

        const int r = url_decode(out, sizeof(out), &n, part, true);

        expect_int("answer", r, want[cut] < 0 ? URL_BAD : 0);
        if (r == 0)
            expect_int("length", n, want[cut]);
        free(exact);
    }
}

static void fills_the_room_and_not_one_byte_more(void **state)
{
    (void)state;
    char out[4] = "____";
    size_t n = 0;

    assert_int_equal(url_decode(out, 3, &n, STR("a%62c"), false), 0);
    expect_str("filled", ((str){out, n}), STR("abc"));
    assert_int_equal(url_decode(out, 3, &n, STR("a%62cd"), false), URL_TOO_LONG);
    assert_int_equal(out[3], '_');
    assert_int_equal(url_decode(out, 0, &n, STR(""), false), 0);
    assert_int_equal(url_decode(out, 0, &n, STR("a"), false), URL_TOO_LONG);
}

struct query_row {
    const char *name;
    str query;
    str key;
    int r;
    str want; // looked at only when r is 0
};

#define LONG_KEY "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"

// clang-format off
static const struct query_row query_rows[] = {
    // name                          query                                key         r              value
    {"the only pair",                STR("sid=abc"),                      STR("sid"), 0,             STR("abc")},
    {"in the middle",                STR("EIO=4&sid=abc&t=1"),            STR("sid"), 0,             STR("abc")},
    {"the last",                     STR("EIO=4&sid=abc"),                STR("sid"), 0,             STR("abc")},
    {"not there",                    STR("EIO=4&t=1"),                    STR("sid"), URL_NOT_FOUND, {0}},
    {"empty query",                  STR(""),                             STR("sid"), URL_NOT_FOUND, {0}},
    {"empty value",                  STR("sid="),                         STR("sid"), 0,             STR("")},
    {"no equals sign",               STR("b64&EIO=4"),                    STR("b64"), 0,             STR("")},
    {"two equals signs",             STR("a=b=c"),                        STR("a"),   0,             STR("b=c")},
    {"no key",                       STR("=x"),                           STR("sid"), URL_NOT_FOUND, {0}},
    {"empty pairs",                  STR("&&sid=1&&"),                    STR("sid"), 0,             STR("1")},
    {"empty pairs are no empty key", STR("&&"),                           STR(""),    URL_NOT_FOUND, {0}},
    {"the empty key",                STR("=x"),                           STR(""),    0,             STR("x")},
    {"the last of two wins",         STR("sid=1&sid=2"),                  STR("sid"), 0,             STR("2")},
    {"the last wins, though empty",  STR("sid=1&sid"),                    STR("sid"), 0,             STR("")},
    {"another key behind it",        STR("sid=1&side=2"),                 STR("sid"), 0,             STR("1")},
    {"a shorter key is another",     STR("si=1"),                         STR("sid"), URL_NOT_FOUND, {0}},
    {"a longer key is another",      STR("side=1"),                       STR("sid"), URL_NOT_FOUND, {0}},
    {"case matters",                 STR("SID=1"),                        STR("sid"), URL_NOT_FOUND, {0}},
    {"encoded key",                  STR("%73id=1"),                      STR("sid"), 0,             STR("1")},
    {"encoded key, wholly",          STR("%73%69%64=1"),                  STR("sid"), 0,             STR("1")},
    {"encoded key wins, being last", STR("sid=1&%73id=2"),                STR("sid"), 0,             STR("2")},
    {"key with a space",             STR("a+b=1"),                        STR("a b"), 0,             STR("1")},
    {"key with an equals sign",      STR("a%3Db=1"),                      STR("a=b"), 0,             STR("1")},
    {"key broken at its end",        STR("sid%=1"),                       STR("sid"), URL_NOT_FOUND, {0}},
    {"key broken within",            STR("s%zzd=1"),                      STR("sid"), URL_NOT_FOUND, {0}},
    {"key with a NUL",               STR("sid%00=1"),                     STR("sid"), URL_NOT_FOUND, {0}},
    {"very long key",                STR(LONG_KEY "=1&a=2"),              STR("a"),   0,             STR("2")},
    {"very long key, asked for",     STR(LONG_KEY "=1"),                  STR(LONG_KEY), 0,          STR("1")},
    {"__proto__ is a key",           STR("__proto__=x"),                  STR("__proto__"), 0,       STR("x")},
    {"__proto__ as a value",         STR("transport=__proto__"),          STR("transport"), 0,       STR("__proto__")},
    {"nothing is inherited",         STR("sid=1"),                        STR("__proto__"), URL_NOT_FOUND, {0}},
    {"plus and percent",             STR("q=a+b%20c%2B"),                 STR("q"),   0,             STR("a b c+")},
    {"encoded separators",           STR("q=a%26b%3Dc"),                  STR("q"),   0,             STR("a&b=c")},
    {"a semicolon separates nothing", STR("a=1;b=2"),                     STR("a"),   0,             STR("1;b=2")},
    {"broken value",                 STR("sid=%4"),                       STR("sid"), URL_BAD,       {0}},
    {"NUL in the value",             STR("sid=a%00"),                     STR("sid"), URL_BAD,       {0}},
    {"broken elsewhere",             STR("x=%&sid=1&%zz=2"),              STR("sid"), 0,             STR("1")},
    {"broken first, whole last",     STR("sid=%&sid=1"),                  STR("sid"), 0,             STR("1")},
    {"whole first, broken last",     STR("sid=1&sid=%"),                  STR("sid"), URL_BAD,       {0}},
    {"as long as the room",          STR("q=12345678"),                   STR("q"),   0,             STR("12345678")},
    {"as long, encoded",             STR("q=1234567%38"),                 STR("q"),   0,             STR("12345678")},
    {"one more",                     STR("q=123456789"),                  STR("q"),   URL_TOO_LONG,  {0}},
    {"too long, but not the last",   STR("q=123456789&q=1"),              STR("q"),   0,             STR("1")},
    {"too long, but another's",      STR("x=123456789&q=1"),              STR("q"),   0,             STR("1")},
};

// clang-format on

static void finds_the_value_of_each_row(void **state)
{
    (void)state;
    for (const struct query_row *row = query_rows; row < query_rows + COUNT_OF(query_rows);
         row++) {
        char out[16];
        const size_t size = row->want.len > 8 ? sizeof(out) : 8;
        str value = {0};

        expect_int(row->name, url_query_get(row->query, row->key, out, size, &value), row->r);
        if (row->r == 0)
            expect_str(row->name, value, row->want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_each_row),
        cmocka_unit_test(decodes_in_place),
        cmocka_unit_test(decodes_or_refuses_every_cut),
        cmocka_unit_test(fills_the_room_and_not_one_byte_more),
        cmocka_unit_test(finds_the_value_of_each_row),
    };
    return cmocka_run_group_tests_name("http/url", tests, NULL, NULL);
}
