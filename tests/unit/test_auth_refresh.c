#include "auth/refresh.h"
#include "base/base64.h"
#include "support/exact.h"
#include "support/t.h"

static const uint8_t key[AUTH_KEY_SIZE] = "a key of a test's";

static const account evm = {.len = ACCOUNT_EVM_SIZE, .bytes = {ACCOUNT_EVM, [8] = 5, [28] = 7}};
static const account solana = {.len = ACCOUNT_SOLANA_SIZE,
                               .bytes = {ACCOUNT_SOLANA, [9] = 0xff, [40] = 7}};

static const struct {
    const char *name;
    const account *account;
    const char *session;
    uint32_t generation;
} rows[] = {
    {"EVM", &evm, "abcdefghijklmnopqrst", 1},
    {"Solana", &solana, "ABCDEFGHIJKLMNOPQRST", 2},
    {"other letters", &evm, "_-0123456789_-------", 258},
    {"no generation", &evm, "abcdefghijklmnopqrst", 0},
    {"the second byte", &evm, "abcdefghijklmnopqrst", 0x01000000},
    {"the last generation", &solana, "abcdefghijklmnopqrst", UINT32_MAX},
};

static struct auth_refresh row_of(size_t i)
{
    struct auth_refresh r = {.account = *rows[i].account, .generation = rows[i].generation};

    str_copy(r.session, str_of(rows[i].session));
    return r;
}

static str print(char out[AUTH_REFRESH_TEXT_SIZE], size_t i)
{
    const struct auth_refresh r = row_of(i);

    return auth_refresh_text(out, &r, key);
}

static void reads_what_it_has_printed(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[AUTH_REFRESH_TEXT_SIZE];
        struct auth_refresh r = {.session = "it is overwritten"};
        const str printed = print(text, i);
        CLEANUP(exact_freep) char *copy = exact_copy(printed);

        expect_int(rows[i].name, auth_refresh_parse(&r, (str){copy, printed.len}, key), 0);
        expect_str(rows[i].name, str_of(r.session), str_of(rows[i].session));
        expect_int(rows[i].name, account_eq(&r.account, rows[i].account), true);
        expect_int(rows[i].name, r.generation, rows[i].generation);
    }
}

static void the_same_has_the_same_text_and_another_another(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t k = 0; k < COUNT_OF(rows); k++) {
            char one[AUTH_REFRESH_TEXT_SIZE];
            char other[AUTH_REFRESH_TEXT_SIZE];
            expect_int(rows[i].name, str_eq(print(one, i), print(other, k)), i == k);
        }
    }
}

static void the_text_has_room_and_may_stand_in_a_url(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[AUTH_REFRESH_TEXT_SIZE];
        char bytes[BASE64_BYTES(AUTH_REFRESH_TEXT_SIZE)];
        size_t n = 0;
        const str printed = print(text, i);

        assert_true(printed.len < AUTH_REFRESH_TEXT_SIZE);
        expect_int(rows[i].name, strlen(text), printed.len);
        expect_int(rows[i].name, base64_url_decode(bytes, &n, printed), 0);
        expect_int(rows[i].name, n, 4 + 20 + rows[i].account->len + 32);
    }
}

static int parse(str text, const uint8_t *with)
{
    struct auth_refresh r = {.generation = 77};
    CLEANUP(exact_freep) char *copy = exact_copy(text);
    const int refusal = auth_refresh_parse(&r, (str){copy, text.len}, with);

    if (refusal != 0)
        expect_int("what it was", r.generation, 77);
    return refusal;
}

static void any_other_character_spoils_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) { // one of EVM, one of Solana
        char text[AUTH_REFRESH_TEXT_SIZE];
        const str printed = print(text, i);
        for (size_t at = 0; at < printed.len; at++) {
            const char was = text[at];
            for (int c = 0; c < 256; c++) {
                text[at] = (char)c;
                expect_int(rows[i].name, parse(printed, key),
                           text[at] == was ? 0 : AUTH_REFRESH_BAD);
            }
            text[at] = was;
        }
    }
}

static void any_cut_spoils_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char text[AUTH_REFRESH_TEXT_SIZE];
        const str printed = print(text, i);
        for (size_t n = 0; n < printed.len; n++) {
            expect_int(rows[i].name, parse((str){text, n}, key), AUTH_REFRESH_BAD);
            expect_int(rows[i].name, parse((str){text + n, printed.len - n}, key),
                       n == 0 ? 0 : AUTH_REFRESH_BAD);
        }
    }
}

static void any_other_key_refuses_it(void **state)
{
    char text[AUTH_REFRESH_TEXT_SIZE];
    const str printed = print(text, 0);

    (void)state;
    for (size_t i = 0; i < AUTH_KEY_SIZE; i++) {
        uint8_t other[AUTH_KEY_SIZE];
        memcpy(other, key, sizeof(other));
        other[i] ^= 0x80;
        expect_int("another key", parse(printed, other), AUTH_REFRESH_BAD);
    }
}

/** Zeroes, of every length up to beyond the longest: in base64 they are 'A'. */
static void every_length_is_refused_that_is_none(void **state)
{
    char text[4 * AUTH_REFRESH_TEXT_SIZE];

    (void)state;
    memset(text, 'A', sizeof(text));
    for (size_t n = 0; n <= sizeof(text); n++)
        expect_int("zeroes", parse((str){text, n}, key), AUTH_REFRESH_BAD);
}

static void what_is_behind_it_spoils_it(void **state)
{
    static const str behind[] = {STR("="),    STR("=="), STR("A"),
                                 STR("AAAA"), STR("\n"), STR("\0")};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(behind); i++) {
        char text[AUTH_REFRESH_TEXT_SIZE + 8];
        const str printed = print(text, i % 2);
        str_copy(text + printed.len, behind[i]);
        expect_int("more behind it", parse((str){text, printed.len + behind[i].len}, key),
                   AUTH_REFRESH_BAD);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_it_has_printed),
        cmocka_unit_test(the_same_has_the_same_text_and_another_another),
        cmocka_unit_test(the_text_has_room_and_may_stand_in_a_url),
        cmocka_unit_test(any_other_character_spoils_it),
        cmocka_unit_test(any_cut_spoils_it),
        cmocka_unit_test(any_other_key_refuses_it),
        cmocka_unit_test(every_length_is_refused_that_is_none),
        cmocka_unit_test(what_is_behind_it_spoils_it),
    };
    return cmocka_run_group_tests_name("auth/refresh", tests, NULL, NULL);
}
