#include "base/utf8.h"
#include "support/t.h"

static const struct row {
    const char *name;
    str in;
    size_t bad_at; // index of the first byte that no text can have there; in.len: none
    bool is_whole;
} rows[] = {
#define GOOD(name, text)                                                                       \
    {                                                                                          \
        name, STR(text), sizeof(text) - 1, true                                                \
    }
#define CUT(name, text)                                                                        \
    {                                                                                          \
        name, STR(text), sizeof(text) - 1, false                                               \
    }
#define BAD(name, text, at)                                                                    \
    {                                                                                          \
        name, STR(text), at, false                                                             \
    }
    // clang-format off
    GOOD("nothing", ""),
    GOOD("U+0000", "\0"),
    GOOD("U+007F", "\x7f"),
    GOOD("U+0080", "\xc2\x80"),
    GOOD("U+07FF", "\xdf\xbf"),
    GOOD("U+0800", "\xe0\xa0\x80"),
    GOOD("U+0FFF", "\xe0\xbf\xbf"),
    GOOD("U+1000", "\xe1\x80\x80"),
    GOOD("U+CFFF", "\xec\xbf\xbf"),
    GOOD("U+D7FF, before the surrogates", "\xed\x9f\xbf"),
    GOOD("U+E000, after them", "\xee\x80\x80"),
    GOOD("U+FFFF", "\xef\xbf\xbf"),
    GOOD("U+10000", "\xf0\x90\x80\x80"),
    GOOD("U+3FFFF", "\xf0\xbf\xbf\xbf"),
    GOOD("U+40000", "\xf1\x80\x80\x80"),
    GOOD("U+FFFFF", "\xf3\xbf\xbf\xbf"),
    GOOD("U+100000", "\xf4\x80\x80\x80"),
    GOOD("U+10FFFF, the last", "\xf4\x8f\xbf\xbf"),
    GOOD("eight ASCII bytes", "12345678"),
    GOOD("seven, then two bytes, then nine", "1234567\xc3\xa9" "123456789"),
    GOOD("lengths 1 2 3 4 3 2 1", "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82\xe2\x82\xac\xc3\xa9" "a"),

    CUT("one of two", "\xc3"),
    CUT("one of three", "\xe2"),
    CUT("two of three", "\xe2\x82"),
    CUT("three of four", "\xf0\x9f\x99"),
    CUT("eight ASCII bytes and a lead", "12345678\xf4"),

    BAD("a tail first, the lowest", "\x80", 0),
    BAD("a tail first, the highest", "\xbf", 0),
    BAD("overlong U+0000", "\xc0\x80", 0),
    BAD("overlong U+007F", "\xc1\xbf", 0),
    BAD("overlong U+07FF", "\xe0\x9f\xbf", 1),
    BAD("overlong U+FFFF", "\xf0\x8f\xbf\xbf", 1),
    BAD("surrogate U+D800", "\xed\xa0\x80", 1),
    BAD("surrogate U+DFFF", "\xed\xbf\xbf", 1),
    BAD("above Unicode, U+110000", "\xf4\x90\x80\x80", 1),
    BAD("above Unicode, U+140000", "\xf5\x80\x80\x80", 0),
    BAD("five-byte lead", "\xf8\x88\x80\x80\x80", 0),
    BAD("FE", "\xfe", 0),
    BAD("FF", "\xff", 0),
    BAD("ASCII for a tail", "\xc3" "a", 1),
    BAD("a lead for a tail", "\xe2\x82\xe2", 2),
    BAD("a tail below 80", "\xe1\x7f", 1),
    BAD("a tail above BF", "\xe1\xc0", 1),
    BAD("third byte below 80", "\xf1\x80\x7f", 2),
    BAD("fourth byte above BF", "\xf1\x80\x80\xc0", 3),
    BAD("a tail too many", "\xc3\xa9\xa9", 2),
    BAD("in the ninth byte", "12345678\xff" "12345678", 8),
    // clang-format on
};

static void each_row_is_valid_or_bad_at_its_byte(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        struct utf8 u = {0};
        const bool is_bad = row->bad_at < row->in.len;

        expect_int(row->name, utf8_feed(&u, row->in), is_bad ? UTF8_BAD : 0);
        if (!is_bad)
            expect_int(row->name, utf8_is_whole(&u), row->is_whole);
        expect_int(row->name, utf8_is_valid(row->in), row->is_whole);
    }
}

/** In two pieces, cut anywhere, the answer is that of the whole. */
static void a_cut_changes_nothing(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        for (size_t cut = 0; cut <= row->in.len; cut++) {
            struct utf8 u = {0};
            str rest = row->in;

            int r = utf8_feed(&u, str_take(&rest, cut));
            expect_int(row->name, r, cut > row->bad_at ? UTF8_BAD : 0);
            if (r != 0)
                continue;
            expect_int(row->name, utf8_feed(&u, rest),
                       row->bad_at < row->in.len ? UTF8_BAD : 0);
        }
    }
}

static void byte_by_byte_it_fails_at_the_first_impossible_one(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        struct utf8 u = {0};
        size_t at = 0;

        while (at < row->in.len && utf8_feed(&u, (str){row->in.ptr + at, 1}) == 0)
            at++;
        expect_int(row->name, at, row->bad_at);
    }
}

/** The encoding by the arithmetic of RFC 3629, section 3. @return its length */
static size_t encode(uint32_t c, char out[4])
{
    const size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t leads[] = {0, 0x00, 0xc0, 0xe0, 0xf0};

    for (size_t i = n - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    out[0] = (char)(leads[n] | c);
    return n;
}

static void every_code_point_but_the_surrogates_is_valid(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < 0x110800; c++) {
        char text[4];
        const str s = {text, encode(c, text)};
        const bool want = c < 0xd800 || (c > 0xdfff && c <= 0x10ffff);

        if (utf8_is_valid(s) != want)
            fail_msg("U+%04X is %s", (unsigned)c, want ? "refused" : "taken");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_is_valid_or_bad_at_its_byte),
        cmocka_unit_test(a_cut_changes_nothing),
        cmocka_unit_test(byte_by_byte_it_fails_at_the_first_impossible_one),
        cmocka_unit_test(every_code_point_but_the_surrogates_is_valid),
    };
    return cmocka_run_group_tests_name("base/utf8", tests, NULL, NULL);
}
