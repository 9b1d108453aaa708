#include <stdio.h>

#include "base/hex.h"
#include "support/exact.h"
#include "support/t.h"

// clang-format off
static const struct {
    const char *name;
    str digits;
    int r;
    str bytes;
} rows[] = {
    {"nothing",              STR(""),         0,       STR("")},
    {"one byte",             STR("00"),       0,       STR("\0")},
    {"small letters",        STR("09afff"),   0,       STR("\x09\xaf\xff")},
    {"large letters",        STR("09AFFF"),   0,       STR("\x09\xaf\xff")},
    {"both at once",         STR("fF10aB"),   0,       STR("\xff\x10\xab")},
    {"half a byte",          STR("0"),        HEX_BAD, STR("")},
    {"one and a half",       STR("012"),      HEX_BAD, STR("")},
    {"before 0",             STR("0/"),       HEX_BAD, STR("")},
    {"behind 9",             STR(":0"),       HEX_BAD, STR("")},
    {"before a",             STR("`0"),       HEX_BAD, STR("")},
    {"behind f, first",      STR("g0"),       HEX_BAD, STR("")},
    {"in the second byte",   STR("12 3"),     HEX_BAD, STR("")},
    {"behind f",             STR("0g"),       HEX_BAD, STR("")},
    {"before A",             STR("@0"),       HEX_BAD, STR("")},
    {"behind F",             STR("0G"),       HEX_BAD, STR("")},
    {"a prefix",             STR("0x12"),     HEX_BAD, STR("")},
    {"a NUL",                STR("1\0"),      HEX_BAD, STR("")},
    {"a byte above ASCII",   STR("\xb0" "0"), HEX_BAD, STR("")},
};
// clang-format on

static int decode_exact(uint8_t *out, str digits)
{
    char *copy = exact_copy(digits);
    const int r = hex_decode(out, (str){copy, digits.len});

    free(copy);
    return r;
}

static void decodes_either_case(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t bytes[4];

        expect_int(rows[i].name, decode_exact(bytes, rows[i].digits), rows[i].r);
        if (rows[i].r != 0)
            continue;
        const str got = {(char *)bytes, rows[i].digits.len / 2};
        expect_str(rows[i].name, got, rows[i].bytes);
    }
}

static void every_byte_is_two_small_digits(void **state)
{
    (void)state;
    for (unsigned value = 0; value <= 0xff; value++) {
        const uint8_t byte = (uint8_t)value;
        char want[2 * sizeof(value) + 1];
        char digits[3] = {'?', '?', '?'};
        uint8_t again = 0;

        snprintf(want, sizeof(want), "%02x", value);
        expect_int("digits", hex_encode(digits, &byte, 1) - digits, 2);
        expect_int("what is behind", digits[2], '?');
        expect_str("digits", ((str){digits, 2}), str_of(want));
        expect_int("decoded", hex_decode(&again, (str){digits, 2}), 0);
        expect_int("round trip", again, byte);
    }
}

static void a_word_has_each_digit_at_each_place_in_either_case(void **state)
{
    (void)state;
    for (unsigned at = 0; at < HEX_WORD; at++) {
        for (uint32_t digit = 0; digit < 16; digit++) {
            const uint32_t n = UINT32_C(0x5a5a5a5a) ^ digit << 4 * at;
            char want[HEX_WORD + 1];
            char small[HEX_WORD];
            char large[HEX_WORD];

            snprintf(want, sizeof(want), "%08x", n);
            expect_int("length", hex_word(small, n, 0) - small, HEX_WORD);
            expect_str("small", ((str){small, HEX_WORD}), str_of(want));
            snprintf(want, sizeof(want), "%08X", n);
            hex_word(large, n, HEX_EACH(1));
            expect_str("large", ((str){large, HEX_WORD}), str_of(want));
        }
    }
}

static void of_a_word_only_the_letters_that_are_named_are_large(void **state)
{
    char digits[HEX_WORD];

    (void)state;
    hex_word(digits, UINT32_C(0xab12cdef), UINT64_C(0x0100000100010001));
    expect_str("digits", ((str){digits, HEX_WORD}), STR("Ab12CdeF"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_either_case),
        cmocka_unit_test(every_byte_is_two_small_digits),
        cmocka_unit_test(a_word_has_each_digit_at_each_place_in_either_case),
        cmocka_unit_test(of_a_word_only_the_letters_that_are_named_are_large),
    };
    return cmocka_run_group_tests_name("base/hex", tests, NULL, NULL);
}
