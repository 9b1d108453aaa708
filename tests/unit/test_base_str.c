#include <stdlib.h>

#include "base/str.h"
#include "support/aborts.h"
#include "support/t.h"

static void compares_bytes_and_not_strings(void **state)
{
    static const struct {
        const char *name;
        str a;
        str b;
        bool eq;
        bool eq_nocase;
        bool a_starts_with_b;
    } rows[] = {
        // clang-format off
        {"both empty",        STR(""),      STR(""),      true,  true,  true},
        {"NULL and empty",    {0},          STR(""),      true,  true,  true},
        {"empty prefix",      STR("a"),     {0},          false, false, true},
        {"equal",             STR("ab"),    STR("ab"),    true,  true,  true},
        {"prefix",            STR("abc"),   STR("ab"),    false, false, true},
        {"longer prefix",     STR("ab"),    STR("abc"),   false, false, false},
        {"case",              STR("aBz-Z"), STR("AbZ-z"), false, true,  false},
        {"beside the letters", STR("@[`{"), STR("`{@["),  false, false, false},
        {"not ASCII",         STR("\xc3\x84"), STR("\xc3\xa4"), false, false, false},
        {"after a NUL",       STR("a\0b"),  STR("a\0c"),  false, false, false},
        // clang-format on
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        expect_int(rows[i].name, str_eq(rows[i].a, rows[i].b), rows[i].eq);
        expect_int(rows[i].name, str_eq_nocase(rows[i].a, rows[i].b), rows[i].eq_nocase);
        expect_int(rows[i].name, str_starts(rows[i].a, rows[i].b), rows[i].a_starts_with_b);
    }
}

static void takes_until_the_separator(void **state)
{
    static const struct {
        const char *name;
        str in;
        str head;
        str rest;
    } rows[] = {
        // clang-format off
        {"nothing",         {0},          STR(""),    STR("")},
        {"no separator",    STR("ab"),    STR("ab"),  STR("")},
        {"one",             STR("a,b"),   STR("a"),   STR("b")},
        {"two",             STR("a,b,c"), STR("a"),   STR("b,c")},
        {"at the front",    STR(",b"),    STR(""),    STR("b")},
        {"at the end",      STR("a,"),    STR("a"),   STR("")},
        {"behind a NUL",    STR("\0,b"),  STR("\0"),  STR("b")},
        // clang-format on
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        str rest = rows[i].in;
        expect_str(rows[i].name, str_take_until(&rest, ','), rows[i].head);
        expect_str(rows[i].name, rest, rows[i].rest);
        expect_int(rows[i].name, str_find(rows[i].in, ','), rows[i].head.len);
    }
}

static void trims_spaces_and_tabs_at_both_ends(void **state)
{
    static const struct {
        str in;
        str want;
    } rows[] = {
        {{0}, {0}},
        {STR(" \t "), {0}},
        {STR("a"), STR("a")},
        {STR("\t a b\t "), STR("a b")},
        {STR("\ra\n"), STR("\ra\n")},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect_str("trimmed", str_trim(rows[i].in), rows[i].want);
}

static void reads_numbers_up_to_their_maximum(void **state)
{
    static const struct {
        str in;
        uint64_t max;
        int r;
        uint64_t want;
    } rows[] = {
        {STR("0"), 0, 0, 0},
        {STR("1"), 0, STR_TOO_LARGE, 0},
        {STR("007"), 7, 0, 7},
        {STR("65535"), UINT16_MAX, 0, UINT16_MAX},
        {STR("65536"), UINT16_MAX, STR_TOO_LARGE, 0},
        {STR("18446744073709551615"), UINT64_MAX, 0, UINT64_MAX},
        {STR("18446744073709551616"), UINT64_MAX, STR_TOO_LARGE, 0},
        {STR("99999999999999999999"), UINT64_MAX, STR_TOO_LARGE, 0},
        {STR("99999999999999999999x"), UINT64_MAX, STR_NO_NUMBER, 0},
        {STR(""), 9, STR_NO_NUMBER, 0},
        {STR("+1"), 9, STR_NO_NUMBER, 0},
        {STR("-1"), 9, STR_NO_NUMBER, 0},
        {STR(" 1"), 9, STR_NO_NUMBER, 0},
        {STR("1 "), 9, STR_NO_NUMBER, 0},
        {STR("1\0"), 9, STR_NO_NUMBER, 0},
        {STR("0x1"), 9, STR_NO_NUMBER, 0},
        {STR("1:"), 9, STR_NO_NUMBER, 0},
        {STR("1/"), 9, STR_NO_NUMBER, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint64_t got = 99;
        expect_int(rows[i].in.ptr, str_to_u64(rows[i].in, rows[i].max, &got), rows[i].r);
        expect_int(rows[i].in.ptr, got, rows[i].r == 0 ? rows[i].want : 99);
    }
}

static void takes_from_the_front(void **state)
{
    (void)state;
    str s = STR("abc");

    expect_str("taken", str_take(&s, 2), STR("ab"));
    expect_str("left", s, STR("c"));
    expect_str("nothing", str_take(&s, 0), STR(""));
    expect_str("of NULL", str_take(&(str){0}, 0), STR(""));
}

static void copies_bytes(void **state)
{
    (void)state;
    char copy[3];

    expect_str("copied", str_copy(copy, STR("xyz")), STR("xyz"));
    expect_str("NULL copied", str_copy(copy, (str){0}), STR(""));
    expect_str("C string", str_of("abc"), STR("abc"));
    expect_str("no C string", str_of(NULL), STR(""));
}

static void take_too_much(void *s)
{
    str_take(s, 4);
}

static void taking_past_the_end_is_a_bug(void **state)
{
    (void)state;
    str s = STR("abc");
    char said[256];

    assert_true(aborts(take_too_much, &s, said, sizeof(said)));
}

static void a_copy_has_a_nul_behind_it(void **state)
{
    static const str texts[] = {STR("text"), STR("a\0b"), STR(""), {0}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        char *copy = str_dup(texts[i]);
        const str copied = {copy, texts[i].len};
        expect_str("copy", copied, texts[i]);
        assert_int_equal(copy[texts[i].len], '\0');
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_bytes_and_not_strings),
        cmocka_unit_test(takes_until_the_separator),
        cmocka_unit_test(trims_spaces_and_tabs_at_both_ends),
        cmocka_unit_test(reads_numbers_up_to_their_maximum),
        cmocka_unit_test(takes_from_the_front),
        cmocka_unit_test(copies_bytes),
        cmocka_unit_test(taking_past_the_end_is_a_bug),
        cmocka_unit_test(a_copy_has_a_nul_behind_it),
    };
    return cmocka_run_group_tests_name("base/str", tests, NULL, NULL);
}
