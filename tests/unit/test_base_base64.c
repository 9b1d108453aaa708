#include "base/base64.h"
#include "base/mem.h"
#include "support/t.h"

static const struct pair {
    str bytes;
    str text;
} vectors[] = {
    // RFC 4648, section 10
    {STR(""), STR("")},
    {STR("f"), STR("Zg==")},
    {STR("fo"), STR("Zm8=")},
    {STR("foo"), STR("Zm9v")},
    {STR("foob"), STR("Zm9vYg==")},
    {STR("fooba"), STR("Zm9vYmE=")},
    {STR("foobar"), STR("Zm9vYmFy")},
    // both ends of the alphabet
    {STR("\0\0\0"), STR("AAAA")},
    {STR("\xff\xff\xff"), STR("////")},
    {STR("\xfb\xef\xbe"), STR("++++")},
};

static void encodes_and_decodes_the_vectors(void **state)
{
    (void)state;
    for (const struct pair *v = vectors; v < vectors + COUNT_OF(vectors); v++) {
        char out[32];
        size_t n = 99;

        expect_int(v->text.ptr, BASE64_LEN(v->bytes.len), v->text.len);
        base64_encode(out, v->bytes);
        expect_str(v->text.ptr, ((str){out, v->text.len}), v->text);

        assert_true(BASE64_BYTES(v->text.len) >= v->bytes.len);
        expect_int(v->text.ptr, base64_decode_lenient(out, &n, v->text), 0);
        expect_str(v->text.ptr, ((str){out, n}), v->bytes);
    }
}

static const struct row {
    const char *name;
    str text;
    int r;
    str bytes;
} rows[] = {
    // clang-format off
    {"no padding, one byte",       STR("Zg"),           0, STR("f")},
    {"no padding, two bytes",      STR("Zm8"),          0, STR("fo")},
    {"half the padding",           STR("Zg="),          0, STR("f")},
    {"the URL alphabet",           STR("-_-_"),         0, STR("\xfb\xff\xbf")},
    {"both alphabets",             STR("+_-/"),         0, STR("\xfb\xff\xbf")},
    {"CRLF between groups",        STR("Zm9v\r\nYmFy"), 0, STR("foobar")},
    {"LF inside a group",          STR("Zm\n9v"),       0, STR("foo")},
    {"LF inside the padding",      STR("Zg=\n="),       0, STR("f")},
    {"LF at the end",              STR("Zg==\n"),       0, STR("f")},
    {"line breaks only",           STR("\r\n\n"),       0, STR("")},
    {"spare bits that are not 0",  STR("Zh=="),         0, STR("f")},
    {"one character",              STR("Z"),            BASE64_BAD, {0}},
    {"one left over",              STR("Zm9vZ"),        BASE64_BAD, {0}},
    {"one left over, padded",      STR("Zm9vZ==="),     BASE64_BAD, {0}},
    {"padding alone",              STR("="),            BASE64_BAD, {0}},
    {"padding after a whole group", STR("Zm9v="),       BASE64_BAD, {0}},
    {"padding too long, one byte", STR("Zg==="),        BASE64_BAD, {0}},
    {"padding too long, two",      STR("Zm8=="),        BASE64_BAD, {0}},
    {"a digit after the padding",  STR("Zg==Zg=="),     BASE64_BAD, {0}},
    {"a digit in the padding",     STR("Zg=g"),         BASE64_BAD, {0}},
    {"a space",                    STR("Zm9v Zg"),      BASE64_BAD, {0}},
    {"a tab",                      STR("Zm9v\tZg"),     BASE64_BAD, {0}},
    {"a NUL",                      STR("Zm9v\0"),       BASE64_BAD, {0}},
    {"a comma",                    STR("Zm,v"),         BASE64_BAD, {0}},
    {"a byte above ASCII",         STR("Zm9v\xc3\xa9"), BASE64_BAD, {0}},
    // clang-format on
};

static void decodes_what_clients_send_and_refuses_the_rest(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        char out[32];
        size_t n = 99;

        expect_int(row->name, base64_decode_lenient(out, &n, row->text), row->r);
        if (row->r == 0)
            expect_str(row->name, ((str){out, n}), row->bytes);
    }
}

static void takes_no_character_outside_the_alphabets(void **state)
{
    static const char others[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
        "+/-_\r\n=";
    (void)state;
    for (int c = 0; c < 256; c++) {
        const char text[] = {'Z', 'm', (char)c, 'v', 'Z', 'm', '9', 'v'};
        char out[BASE64_BYTES(sizeof(text))];
        size_t n;
        const bool is_known = c != 0 && c != '=' && strchr(others, c);

        // A line break leaves seven characters, which are fine as well.
        if ((base64_decode_lenient(out, &n, (str){text, sizeof(text)}) == 0) != is_known)
            fail_msg("byte %02x is %s", (unsigned)c, is_known ? "refused" : "taken");
    }
}

/** Every length of the last group, in place, and nothing written past what is promised. */
static void what_was_encoded_decodes_in_place(void **state)
{
    (void)state;
    for (size_t len = 0; len < 200; len++) {
        char *bytes = mem_alloc(len + 1);
        char *text = mem_alloc(BASE64_LEN(len) + 1); // on the heap: ASan sees its end
        size_t n = 0;

        for (size_t i = 0; i < len; i++)
            bytes[i] = (char)(i * 151 + len);
        base64_encode(text, (str){bytes, len});
        assert_int_equal(base64_decode_lenient(text, &n, (str){text, BASE64_LEN(len)}), 0);
        expect_str("round trip", ((str){text, n}), ((str){bytes, len}));
        free(bytes);
        free(text);
    }
}

static const struct row url_rows[] = {
    // clang-format off
    {"nothing",                   STR(""),         0, STR("")},
    {"one byte",                  STR("Zg"),       0, STR("f")},
    {"two bytes",                 STR("Zm8"),      0, STR("fo")},
    {"three bytes",               STR("Zm9v"),     0, STR("foo")},
    {"the alphabet",              STR("-_-_"),     0, STR("\xfb\xff\xbf")},
    {"the largest byte",          STR("_w"),       0, STR("\xff")},
    {"the other alphabet, plus",  STR("+_-_"),     BASE64_BAD, {0}},
    {"the other alphabet, slash", STR("-/-_"),     BASE64_BAD, {0}},
    {"padding",                   STR("Zg=="),     BASE64_BAD, {0}},
    {"a line break",              STR("Zm9v\n"),   BASE64_BAD, {0}},
    {"a space",                   STR(" Zm9v"),    BASE64_BAD, {0}},
    {"a question mark",           STR("Zm9?"),     BASE64_BAD, {0}},
    {"a NUL",                     STR("Zm9v\0"),   BASE64_BAD, {0}},
    {"one character",             STR("Z"),        BASE64_BAD, {0}},
    {"one left over",             STR("Zm9vZ"),    BASE64_BAD, {0}},
    {"the first of four spare bits", STR("Zh"),    BASE64_BAD, {0}},
    {"the last of four spare bits",  STR("Zo"),    BASE64_BAD, {0}},
    {"the first of two spare bits",  STR("Zm9"),   BASE64_BAD, {0}},
    {"the last of two spare bits",   STR("Zm-"),   BASE64_BAD, {0}},
    // clang-format on
};

static void decodes_the_url_form_and_nothing_else(void **state)
{
    (void)state;
    for (const struct row *row = url_rows; row < url_rows + COUNT_OF(url_rows); row++) {
        char out[32];
        char again[32];
        size_t n = 99;

        expect_int(row->name, base64_url_decode(out, &n, row->text), row->r);
        if (row->r != 0)
            continue;
        expect_str(row->name, ((str){out, n}), row->bytes);
        expect_int(row->name, BASE64_URL_LEN(n), row->text.len);
        base64_url_encode(again, row->bytes);
        expect_str(row->name, ((str){again, row->text.len}), row->text);
    }
}

/** Of every length, and in place; one text only makes these bytes. */
static void the_url_form_goes_there_and_back(void **state)
{
    (void)state;
    for (size_t len = 0; len < 100; len++) {
        char *bytes = mem_alloc(len + 1);
        char *text = mem_alloc(BASE64_URL_LEN(len) + 1);
        size_t n = 0;

        for (size_t i = 0; i < len; i++)
            bytes[i] = (char)(i * 151 + len);
        base64_url_encode(text, (str){bytes, len});
        assert_int_equal(base64_url_decode(text, &n, (str){text, BASE64_URL_LEN(len)}), 0);
        expect_str("round trip", ((str){text, n}), ((str){bytes, len}));
        free(bytes);
        free(text);
    }
}

static void each_digit_of_the_url_form_is_a_number(void **state)
{
    unsigned n_digits = 0;

    (void)state;
    assert_int_equal(base64_url_digit(0), 'A');
    assert_int_equal(base64_url_digit(62), '-');
    assert_int_equal(base64_url_digit(63), '_');
    for (int i = 0; i < 64; i++)
        expect_int("there and back", base64_url_value(base64_url_digit((unsigned)i)), i);
    for (int c = 0; c < 256; c++)
        n_digits += base64_url_value((char)c) >= 0 ? 1 : 0;
    expect_int("no other is one", n_digits, 64);
    assert_int_equal(base64_url_value('+'), -1);
    assert_int_equal(base64_url_value('='), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_and_decodes_the_vectors),
        cmocka_unit_test(decodes_what_clients_send_and_refuses_the_rest),
        cmocka_unit_test(takes_no_character_outside_the_alphabets),
        cmocka_unit_test(what_was_encoded_decodes_in_place),
        cmocka_unit_test(decodes_the_url_form_and_nothing_else),
        cmocka_unit_test(the_url_form_goes_there_and_back),
        cmocka_unit_test(each_digit_of_the_url_form_is_a_number),
    };
    return cmocka_run_group_tests_name("base/base64", tests, NULL, NULL);
}
