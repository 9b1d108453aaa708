#include <stdlib.h>

#include "http/chunked.h"
#include "support/t.h"

struct got {
    int r;       // the last answer
    size_t used; // bytes of the input
    size_t len;
    char body[64];
};

/** Feed in, at most step bytes at a time, each time from memory of its own: ASan sees its end.
 */
static struct got decode(str in, size_t step)
{
    struct http_chunked c = {0};
    struct got got = {.r = HTTP_CHUNKED_MORE};

    while (got.r == HTTP_CHUNKED_MORE && in.len > 0) {
        const str part = str_take(&in, in.len < step ? in.len : step);
        char *exact = malloc(part.len);
        assert_non_null(exact);
        str left = str_copy(exact, part);
        str piece;

        do {
            got.r = http_chunked_next(&c, &left, &piece);
            assert_true(got.r == 0 || piece.len == 0);
            assert_in_range(piece.len, 0, sizeof(got.body) - got.len);
            str_copy(got.body + got.len, piece);
            got.len += piece.len;
        } while (got.r == 0 && piece.len > 0);
        assert_true(got.r != HTTP_CHUNKED_MORE || left.len == 0);
        got.used += part.len - left.len;
        free(exact);
    }
    return got;
}

struct row {
    const char *name;
    str in;
    int r;
    str body;    // what was got before the answer
    size_t left; // bytes behind the body, when r is 0
};

#define LAST "0\r\n\r\n"
#define MORE HTTP_CHUNKED_MORE
#define BAD  HTTP_CHUNKED_BAD

// clang-format off
static const struct row rows[] = {
    // name                          input                                r     body              left
    {"nothing yet",                  STR(""),                             MORE, STR(""),          0},
    {"empty body",                   STR(LAST),                           0,    STR(""),          0},
    {"one chunk",                    STR("5\r\nhello\r\n" LAST),          0,    STR("hello"),     0},
    {"two chunks",                   STR("2\r\nhe\r\n3\r\nllo\r\n" LAST), 0,    STR("hello"),     0},
    {"line ends inside a chunk",     STR("4\r\n\r\n0\r\r\n" LAST),        0,    STR("\r\n0\r"),   0},
    {"small hex",                    STR("a\r\n0123456789\r\n" LAST),     0,    STR("0123456789"), 0},
    {"capital hex",                  STR("A\r\n0123456789\r\n" LAST),     0,    STR("0123456789"), 0},
    {"leading zeros",                STR("0005\r\nhello\r\n" LAST),       0,    STR("hello"),     0},
    {"last chunk of many zeros",     STR("0000\r\n\r\n"),                 0,    STR(""),          0},
    {"the next request behind it",   STR(LAST "GET / "),                  0,    STR(""),          6},
    {"extension without a value",    STR("1;a\r\nx\r\n" LAST),            0,    STR("x"),         0},
    {"extension with a value",       STR("1;a=b; c=\"d;\tx\"\r\nx\r\n" LAST), 0, STR("x"),        0},
    {"obs-text in an extension",     STR("1;a=\xff\r\nx\r\n" LAST),       0,    STR("x"),         0},
    {"extension of the last chunk",  STR("0;a=b\r\n\r\n"),                0,    STR(""),          0},
    {"trailers",                     STR("0\r\nA: b\r\nC:\r\n\r\nrest"),  0,    STR(""),          4},
    {"trailer with tab, obs-text",   STR("0\r\nA:\t\xe9 \r\n\r\n"),       0,    STR(""),          0},
    {"size cut short",               STR("5"),                            MORE, STR(""),          0},
    {"chunk cut short",              STR("5\r\nhell"),                     MORE, STR("hell"),      0},
    {"last chunk cut short",         STR("1\r\nx\r\n0\r\n\r"),            MORE, STR("x"),         0},
    {"largest size",                 STR("ffffffffffffffff\r\nx"),        MORE, STR("x"),         0},
    {"size of more than 64 bits",    STR("10000000000000000\r\nx"),       BAD,  STR(""),          0},
    {"size that wraps to 5",         STR("10000000000000005\r\nhello"),   BAD,  STR(""),          0},
    {"no size",                      STR("\r\nx"),                        BAD,  STR(""),          0},
    {"no size, but an extension",    STR(";a\r\nx"),                      BAD,  STR(""),          0},
    {"plus before the size",         STR("+5\r\nhello"),                  BAD,  STR(""),          0},
    {"minus before the size",        STR("-1\r\nx"),                      BAD,  STR(""),          0},
    {"space before the size",        STR(" 5\r\nhello"),                  BAD,  STR(""),          0},
    {"space behind the size",        STR("5 \r\nhello"),                  BAD,  STR(""),          0},
    {"space before an extension",    STR("5 ;a\r\nhello"),                BAD,  STR(""),          0},
    {"0x before the size",           STR("0x5\r\nhello"),                 BAD,  STR(""),          0},
    {"underscore in the size",       STR("1_0\r\n"),                      BAD,  STR(""),          0},
    {"letter behind f",              STR("g\r\n"),                        BAD,  STR(""),          0},
    {"two sizes",                    STR("5,5\r\nhello"),                 BAD,  STR(""),          0},
    {"bare LF behind the size",      STR("5\nhello\r\n" LAST),            BAD,  STR(""),          0},
    {"bare CR behind the size",      STR("5\rhello\r\n" LAST),            BAD,  STR(""),          0},
    {"two CR behind the size",       STR("5\r\r\nhello\r\n" LAST),        BAD,  STR(""),          0},
    {"bare LF in an extension",      STR("2;\nxx\r\n" LAST),              BAD,  STR(""),          0},
    {"bare CR in an extension",      STR("2;a\rb\r\nxx\r\n" LAST),        BAD,  STR(""),          0},
    {"NUL in an extension",          STR("2;a\0\r\nxx\r\n" LAST),         BAD,  STR(""),          0},
    {"chunk longer than its size",   STR("4\r\nhello\r\n" LAST),          BAD,  STR("hell"),      0},
    {"bare LF behind a chunk",       STR("5\r\nhello\n" LAST),            BAD,  STR("hello"),     0},
    {"bare CR behind a chunk",       STR("5\r\nhello\r0\r\n\r\n"),        BAD,  STR("hello"),     0},
    {"not CR, but LF behind a chunk", STR("5\r\nhello_\n" LAST),         BAD,  STR("hello"),     0},
    {"CR, not LF behind a chunk",    STR("5\r\nhello\r_" LAST),         BAD,  STR("hello"),     0},
    {"nothing behind a chunk",       STR("5\r\nhello0\r\n\r\n"),          BAD,  STR("hello"),     0},
    {"bare LF at the end",           STR("0\r\n\n"),                      BAD,  STR(""),          0},
    {"bare CR at the end",           STR("0\r\n\rX"),                     BAD,  STR(""),          0},
    {"trailer without a colon",      STR("0\r\nA\r\n\r\n"),               BAD,  STR(""),          0},
    {"trailer without a name",       STR("0\r\n: b\r\n\r\n"),             BAD,  STR(""),          0},
    {"space before its colon",       STR("0\r\nA : b\r\n\r\n"),           BAD,  STR(""),          0},
    {"folded trailer",               STR("0\r\nA: b\r\n c\r\n\r\n"),      BAD,  STR(""),          0},
    {"bare LF behind a trailer",     STR("0\r\nA: b\n\r\n"),              BAD,  STR(""),          0},
    {"bare CR behind a trailer",     STR("0\r\nA: b\rC: d\r\n\r\n"),      BAD,  STR(""),          0},
    {"CR, not LF behind a trailer",  STR("0\r\nA: b\r_C: d\r\n\r\n"),     BAD,  STR(""),          0},
    {"NUL in a trailer",             STR("0\r\nA: \0\r\n\r\n"),           BAD,  STR(""),          0},
};

// clang-format on

static void expect_row(const struct row *row, size_t step)
{
    const struct got got = decode(row->in, step);

    expect_int(row->name, got.r, row->r);
    expect_str(row->name, ((str){got.body, got.len}), row->body);
    if (row->r == 0)
        expect_int(row->name, row->in.len - got.used, row->left);
}

static void decodes_each_row(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++)
        expect_row(row, SIZE_MAX);
}

/** However the bytes come, the answer, the body and its end are the same. */
static void decodes_each_row_in_pieces_of_any_size(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        for (size_t step = 1; step < row->in.len; step++)
            expect_row(row, step);
    }
}

static void asks_for_more_at_every_cut(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        for (size_t n = 0; row->r == 0 && n < row->in.len - row->left; n++)
            expect_int(row->name, decode((str){row->in.ptr, n}, SIZE_MAX).r, MORE);
    }
}

static void takes_the_largest_lines_and_not_one_byte_more(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        str prefix;
        size_t n;
        str suffix;
        int r;
    } cases[] = {
        {"size line", STR("0;"), HTTP_CHUNK_LINE_MAX - 2, STR("\r\n\r\n"), 0},
        {"size line and one more", STR("0;"), HTTP_CHUNK_LINE_MAX - 1, STR(""), BAD},
        {"the second is counted anew", STR("1;aaaa\r\nx\r\n0;"), HTTP_CHUNK_LINE_MAX - 2,
         STR("\r\n\r\n"), 0},
        {"trailer", STR("0\r\nA:"), HTTP_TRAILER_MAX - 2, STR("\r\n\r\n"), 0},
        {"trailer and one more", STR("0\r\nA:"), HTTP_TRAILER_MAX - 1, STR(""), BAD},
        {"two trailers", STR("0\r\nA: b\r\nA:"), HTTP_TRAILER_MAX - 6, STR("\r\n\r\n"), 0},
        {"two trailers and one more", STR("0\r\nA: b\r\nA:"), HTTP_TRAILER_MAX - 5, STR(""),
         BAD},
        {"name and one more", STR("0\r\n"), HTTP_TRAILER_MAX + 1, STR(""), BAD},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char bytes[HTTP_TRAILER_MAX + 64];
        const size_t end = cases[i].prefix.len + cases[i].n;
        assert_in_range(end + cases[i].suffix.len, 0, sizeof(bytes));
        str_copy(bytes, cases[i].prefix);
        memset(bytes + cases[i].prefix.len, 'a', cases[i].n);
        str_copy(bytes + end, cases[i].suffix);

        const str in = {bytes, end + cases[i].suffix.len};
        expect_int(cases[i].name, decode(in, SIZE_MAX).r, cases[i].r);
    }
}

static void takes_size_digits_up_to_the_limit_of_the_line(void **state)
{
    (void)state;
    char zeros[HTTP_CHUNK_LINE_MAX + 1];
    struct http_chunked c = {0};
    str in = {zeros, sizeof(zeros)};
    str piece;
    memset(zeros, '0', sizeof(zeros));

    in.len = HTTP_CHUNK_LINE_MAX;
    assert_int_equal(http_chunked_next(&c, &in, &piece), MORE);
    in = STR("0");
    assert_int_equal(http_chunked_next(&c, &in, &piece), BAD);
}

static void stays_bad(void **state)
{
    (void)state;
    struct http_chunked c = {0};
    str piece;

    str in = STR("x");
    assert_int_equal(http_chunked_next(&c, &in, &piece), BAD);
    in = STR(LAST);
    assert_int_equal(http_chunked_next(&c, &in, &piece), BAD);
    assert_int_equal(in.len, STR(LAST).len);
}

static void stays_over_and_takes_nothing_more(void **state)
{
    (void)state;
    struct http_chunked c = {0};
    str piece;

    str in = STR(LAST LAST);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(http_chunked_next(&c, &in, &piece), 0);
        assert_int_equal(piece.len, 0);
        expect_str("left", in, STR(LAST));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_each_row),
        cmocka_unit_test(decodes_each_row_in_pieces_of_any_size),
        cmocka_unit_test(asks_for_more_at_every_cut),
        cmocka_unit_test(takes_the_largest_lines_and_not_one_byte_more),
        cmocka_unit_test(takes_size_digits_up_to_the_limit_of_the_line),
        cmocka_unit_test(stays_bad),
        cmocka_unit_test(stays_over_and_takes_nothing_more),
    };
    return cmocka_run_group_tests_name("http/chunked", tests, NULL, NULL);
}
