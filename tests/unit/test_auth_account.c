#include "support/t.h"

#include <ctype.h>
#include <stdio.h>

#include "auth/account.h"
#include "support/exact.h"

#define A       "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
#define SOLANA  "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp:"
#define KEY     "2S3P4HxJpyyigGzodYwHtCxZyUQe9JiBMHyRWXArAaKv"
#define ONES_31 "1111111111111111111111111111111"

// clang-format off
static const struct row {
    const char *name;
    str text;
    str printed; // empty: refused
} rows[] = {
    // the vectors of ERC-55
    {"all capitals",           STR("0x52908400098527886E0F7030069857D2E4169EE7"), STR("0x52908400098527886E0F7030069857D2E4169EE7")},
    {"all capitals, second",   STR("0x8617E340B3D01FA5F11F306F4090FD50E238070D"), STR("0x8617E340B3D01FA5F11F306F4090FD50E238070D")},
    {"all small",              STR("0xde709f2102306220921060314715629080e2fb77"), STR("0xde709f2102306220921060314715629080e2fb77")},
    {"all small, second",      STR("0x27b1fdb04752bbc536007a920d24acb045561c26"), STR("0x27b1fdb04752bbc536007a920d24acb045561c26")},
    {"normal",                 STR(A),                                            STR(A)},
    {"normal, second",         STR("0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"), STR("0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359")},
    {"normal, third",          STR("0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB"), STR("0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB")},
    {"normal, fourth",         STR("0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb"), STR("0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb")},

    // case
    {"in small letters",       STR("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"), STR(A)},
    {"in capitals",            STR("0x5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED"), STR(A)},
    {"digits only",            STR("0x1234567890123456789012345678901234567890"), STR("0x1234567890123456789012345678901234567890")},
    {"zero",                   STR("0x0000000000000000000000000000000000000000"), STR("0x0000000000000000000000000000000000000000")},
    {"one letter wrong",       STR("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD"), {0}},
    {"the other way round",    STR("0x5AaEB6053f3e94c9B9a09F33669435e7eF1bEaED"), {0}},
    {"one small among capitals", STR("0x5AAEB6053F3E94C9B9A09F33669435E7EF1BEAEd"), {0}},
    {"a large X",              STR("0X5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"), {0}},

    // form
    {"nothing",                STR(""),                                            {0}},
    {"the prefix alone",       STR("0x"),                                          {0}},
    {"without a prefix",       STR("5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"),    {0}},
    {"a digit more",           STR("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed0"), {0}},
    {"a letter that is none",  STR("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaeg"),  {0}},
    {"space before",           STR(" 0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"), {0}},
    {"a NUL behind",           STR("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed\0"), {0}},
    {"a byte above ASCII",     STR("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beae\xc3"), {0}},

    // chains; the home chain is 5
    {"chain 0",                STR("eip155:0:" A),                 STR(A)},
    {"the home chain",         STR("eip155:5:" A),                 STR(A)},
    {"another chain",          STR("eip155:1:" A),                 STR("eip155:1:" A)},
    {"another, small letters", STR("eip155:137:0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"), STR("eip155:137:" A)},
    {"the largest chain",      STR("eip155:9007199254740991:" A),  STR("eip155:9007199254740991:" A)},
    {"one more",               STR("eip155:9007199254740992:" A),  {0}},
    {"beyond 64 bits",         STR("eip155:18446744073709551617:" A), {0}},
    {"a leading zero",         STR("eip155:01:" A),                {0}},
    {"zeroes",                 STR("eip155:00:" A),                {0}},
    {"no chain",               STR("eip155::" A),                  {0}},
    {"a sign",                 STR("eip155:+1:" A),                {0}},
    {"hexadecimal",            STR("eip155:0x1:" A),               {0}},
    {"no colon",               STR("eip155:1" A),                  {0}},
    {"one colon more",         STR("eip155:1::" A),                {0}},
    {"capitals",               STR("EIP155:1:" A),                 {0}},
    {"a wrong letter",         STR("eip155:1:0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD"), {0}},
    {"the address is missing", STR("eip155:1:"),                   {0}},

    // Solana
    {"a key",                  STR(SOLANA KEY),                    STR(SOLANA KEY)},
    {"the system program",     STR(SOLANA ONES_31 "1"),            STR(SOLANA ONES_31 "1")},
    {"one byte short",         STR(SOLANA ONES_31),                {0}},
    {"one byte long",          STR(SOLANA ONES_31 "11"),           {0}},
    {"beyond 32 bytes",        STR(SOLANA "JEKNVnkbo3jma5nREBBJCDoXFVeKkD56V3xKrvRmWxFH"), {0}},
    {"the largest",            STR(SOLANA "JEKNVnkbo3jma5nREBBJCDoXFVeKkD56V3xKrvRmWxFG"), STR(SOLANA "JEKNVnkbo3jma5nREBBJCDoXFVeKkD56V3xKrvRmWxFG")},
    {"no digit of base58",     STR(SOLANA "7S3P4HxJpyyigGzodYwHtCxZyUQe9JiBMHyRWXArAaK0"), {0}},
    {"another cluster",        STR("solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1:" KEY), {0}},
    {"the key alone",          STR(KEY),                           {0}},
    {"no key",                 STR(SOLANA),                        {0}},
    {"another namespace",      STR("cosmos:cosmoshub-3:cosmos1t2uflqwqe0fsj0shcfkrvpukewcw40yjj6hdc0"), {0}},
};
// clang-format on

#define HOME 5

static void reads_each_row_and_prints_it(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        CLEANUP(exact_freep) char *copy = exact_copy(row->text);
        char text[AUTH_ACCOUNT_TEXT_SIZE];
        account a = {.len = 7};
        const int r = auth_account_parse(&a, (str){copy, row->text.len}, HOME);

        expect_int(row->name, r, row->printed.len > 0 ? 0 : AUTH_ACCOUNT_BAD);
        if (r != 0) {
            expect_int(row->name, a.len, 7); // as it was
            continue;
        }
        const str printed = auth_account_text(text, &a);
        expect_str(row->name, printed, row->printed);
        expect_int(row->name, text[printed.len], 0);
    }
}

static void what_is_printed_reads_back_the_same(void **state)
{
    (void)state;
    for (const struct row *row = rows; row < rows + COUNT_OF(rows); row++) {
        account a;
        account again;
        if (row->printed.len == 0)
            continue;
        expect_int(row->name, auth_account_parse(&a, row->text, HOME), 0);
        expect_int(row->name, auth_account_parse(&again, row->printed, HOME), 0);
        expect_int(row->name, account_eq(&a, &again), true);
        const account kept = account_of(account_str(&a));
        expect_int(row->name, account_eq(&a, &kept), true);
    }
}

static void a_key_of_solana_is_read_without_its_cluster(void **state)
{
    account whole;
    account a = {.len = 7};

    (void)state;
    assert_int_equal(auth_account_parse(&whole, STR(SOLANA KEY), HOME), 0);
    assert_int_equal(auth_account_parse_solana(&a, STR(SOLANA KEY)), AUTH_ACCOUNT_BAD);
    assert_int_equal(a.len, 7);
    assert_int_equal(auth_account_parse_solana(&a, STR(KEY)), 0);
    assert_true(account_eq(&a, &whole));
}

static void refuses_every_cut(void **state)
{
    static const str texts[] = {STR(A), STR("eip155:137:" A), STR(SOLANA KEY)};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        account a;
        expect_int(texts[i].ptr, auth_account_parse(&a, texts[i], HOME), 0);
        for (size_t n = 0; n < texts[i].len; n++) {
            CLEANUP(exact_freep) char *cut = exact_copy((str){texts[i].ptr, n});
            expect_int(texts[i].ptr, auth_account_parse(&a, (str){cut, n}, HOME),
                       AUTH_ACCOUNT_BAD);
        }
    }
}

/** In mixed case each letter is checked. */
static void refuses_any_letter_in_the_other_case(void **state)
{
    (void)state;
    for (size_t i = 2; i < sizeof(A) - 1; i++) {
        char text[] = A;
        account a;

        text[i] = (char)(text[i] ^ (isalpha(text[i]) ? 0x20 : 0));
        const int want = isalpha(A[i]) ? AUTH_ACCOUNT_BAD : 0;
        expect_int(text, auth_account_parse(&a, str_of(text), HOME), want);
    }
}

static void the_bytes_are_namespace_chain_and_key(void **state)
{
    account a;

    (void)state;
    assert_int_equal(auth_account_parse(&a, STR("eip155:258:" A), HOME), 0);
    expect_str("another chain", account_str(&a),
               STR("\x01\0\0\0\0\0\0\x01\x02\x5a\xae\xb6\x05\x3f\x3e\x94\xc9\xb9\xa0\x9f\x33"
                   "\x66\x94\x35\xe7\xef\x1b\xea\xed"));
    assert_int_equal(a.len, ACCOUNT_EVM_SIZE);
    assert_int_equal(auth_account_parse(&a, STR("eip155:5:" A), HOME), 0);
    expect_str("home", ((str){account_str(&a).ptr, 9}), STR("\x01\0\0\0\0\0\0\0\0"));
    assert_int_equal(auth_account_parse(&a, STR(SOLANA ONES_31 "1"), HOME), 0);
    expect_str("Solana", ((str){account_str(&a).ptr, 10}), STR("\x02\0\0\0\0\0\0\0\0\0"));
    assert_int_equal(a.len, ACCOUNT_SOLANA_SIZE);
}

static void the_same_address_elsewhere_is_another_account(void **state)
{
    account home;
    account other;

    (void)state;
    assert_int_equal(auth_account_parse(&home, STR(A), HOME), 0);
    assert_int_equal(auth_account_parse(&other, STR("eip155:1:" A), HOME), 0);
    assert_false(account_eq(&home, &other));
    assert_int_equal(auth_account_parse(&other, STR("eip155:1:" A), 1), 0);
    assert_true(account_eq(&home, &other));
}

static void the_zero_address_is_nobody_on_any_chain(void **state)
{
    static const struct {
        const char *text;
        bool is_zero;
    } cases[] = {
        {"0x0000000000000000000000000000000000000000", true},
        {"eip155:1:0x0000000000000000000000000000000000000000", true},
        {"0x0000000000000000000000000000000000000001", false},
        {"0x1000000000000000000000000000000000000000", false},
        {SOLANA ONES_31 "1", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        account a;
        expect_int(cases[i].text, auth_account_parse(&a, str_of(cases[i].text), HOME), 0);
        expect_int(cases[i].text, auth_account_is_zero(&a), cases[i].is_zero);
    }
}

/** Of a store's bytes: the longest of each kind has room. */
static void the_longest_texts_have_room(void **state)
{
    char text[AUTH_ACCOUNT_TEXT_SIZE];
    char bytes[ACCOUNT_SIZE];

    (void)state;
    memset(bytes, 0xff, sizeof(bytes));
    bytes[0] = ACCOUNT_EVM;
    account a = account_of((str){bytes, ACCOUNT_EVM_SIZE});
    expect_str("EVM", auth_account_text(text, &a),
               STR("eip155:18446744073709551615:0xFFfFfFffFFfffFFfFFfFFFFFffFFFffffFfFFFfF"));
    bytes[0] = ACCOUNT_SOLANA;
    a = account_of((str){bytes, ACCOUNT_SOLANA_SIZE});
    expect_str("Solana", auth_account_text(text, &a),
               STR(SOLANA "JEKNVnkbo3jma5nREBBJCDoXFVeKkD56V3xKrvRmWxFG"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_each_row_and_prints_it),
        cmocka_unit_test(what_is_printed_reads_back_the_same),
        cmocka_unit_test(a_key_of_solana_is_read_without_its_cluster),
        cmocka_unit_test(refuses_every_cut),
        cmocka_unit_test(refuses_any_letter_in_the_other_case),
        cmocka_unit_test(the_bytes_are_namespace_chain_and_key),
        cmocka_unit_test(the_same_address_elsewhere_is_another_account),
        cmocka_unit_test(the_zero_address_is_nobody_on_any_chain),
        cmocka_unit_test(the_longest_texts_have_room),
    };
    return cmocka_run_group_tests_name("auth/account", tests, NULL, NULL);
}
