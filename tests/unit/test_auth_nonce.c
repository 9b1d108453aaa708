#include <ctype.h>

#include "auth/message.h"
#include "auth/nonce.h"
#include "auth/store.h"
#include "support/exact.h"
#include "support/seeded.h"
#include "support/t.h"

#define SITE STR("shop.example")
#define NOW  INT64_C(1700000000000)

static const uint8_t key[AUTH_KEY_SIZE] = "a key of a test's";

/** One of SITE, made so long behind NOW. */
static str make(char text[AUTH_NONCE_TEXT_SIZE], int64_t after_ms, bool is_contract)
{
    struct seeded chance;

    seeded_init(&chance, 7);
    auth_nonce_new(text, key, &chance.rand, SITE, NOW + after_ms, is_contract);
    return str_of(text);
}

static int check_at(str nonce, int64_t after_ms)
{
    struct auth_nonce n;

    return auth_nonce_check(&n, key, nonce, SITE, NOW + after_ms);
}

static void is_what_eip_4361_wants_of_one(void **state)
{
    struct seeded chance;

    (void)state;
    seeded_init(&chance, 1);
    for (int i = 0; i < 1000; i++) {
        char text[AUTH_NONCE_TEXT_SIZE];
        auth_nonce_new(text, key, &chance.rand, SITE, NOW, false);
        const size_t n = strlen(text);
        assert_in_range(n, 8, AUTH_NONCE_TEXT_SIZE - 1);
        for (size_t k = 0; k < n; k++)
            expect_int(text, isalnum(text[k]) != 0, true);
        expect_int(text, check_at(str_of(text), 0), 0);
    }
}

/** Chance at its least and its most, the first second there is, and the last. */
static void has_room_in_the_worst_case(void **state)
{
    static const int64_t seconds[] = {0, 1, INT64_C(0x7fffffff), INT64_C(0xffffffff)};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(seconds); i++) {
        struct seeded chance;
        char text[AUTH_NONCE_TEXT_SIZE];
        struct auth_nonce n = {0};
        const int64_t now_ms = seconds[i] * 1000 + 999;

        seeded_init(&chance, i);
        auth_nonce_new(text, key, &chance.rand, SITE, now_ms, true);
        assert_true(strlen(text) < sizeof(text));
        assert_int_equal(auth_nonce_check(&n, key, str_of(text), SITE, now_ms), 0);
        assert_int_equal(n.made_at_ms, seconds[i] * 1000);
    }
}

static void says_when_it_was_made_and_for_how_long(void **state)
{
    static const struct {
        const char *name;
        int64_t made_ms; // behind NOW
        bool is_contract;
        int64_t want_made_ms;
        int64_t want_life_ms;
    } rows[] = {
        {"on the second", 0, false, 0, AUTH_NONCE_MS},
        {"within it", 999, false, 0, AUTH_NONCE_MS},
        {"in the next", 1000, false, 1000, AUTH_NONCE_MS},
        {"of a contract", 0, true, 0, AUTH_NONCE_CONTRACT_MS},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[AUTH_NONCE_TEXT_SIZE];
        struct auth_nonce n;
        const str nonce = make(text, rows[i].made_ms, rows[i].is_contract);
        const int r = auth_nonce_check(&n, key, nonce, SITE, NOW + rows[i].made_ms);

        expect_int(rows[i].name, r, 0);
        expect_int(rows[i].name, n.made_at_ms - NOW, rows[i].want_made_ms);
        expect_int(rows[i].name, n.expires_at_ms - n.made_at_ms, rows[i].want_life_ms);
    }
}

static void lives_so_long_and_not_a_millisecond_more(void **state)
{
    static const struct {
        const char *name;
        bool is_contract;
        int64_t after_ms;
        int want;
    } rows[] = {
        {"at once", false, 0, 0},
        {"before it was made", false, -60000, 0}, // a clock that was set back
        {"the last millisecond", false, AUTH_NONCE_MS - 1, 0},
        {"one more", false, AUTH_NONCE_MS, AUTH_NONCE_OVER},
        {"a contract's goes on", true, AUTH_NONCE_MS, 0},
        {"a contract's last", true, AUTH_NONCE_CONTRACT_MS - 1, 0},
        {"a contract's, one more", true, AUTH_NONCE_CONTRACT_MS, AUTH_NONCE_OVER},
        {"a year later", true, 365 * INT64_C(86400000), AUTH_NONCE_OVER},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[AUTH_NONCE_TEXT_SIZE];
        const str nonce = make(text, 0, rows[i].is_contract);
        expect_int(rows[i].name, check_at(nonce, rows[i].after_ms), rows[i].want);
    }
}

static void is_of_one_domain_and_one_key(void **state)
{
    static const struct {
        const char *name;
        str domain;
        int want;
    } rows[] = {
        {"its own", SITE, 0},
        {"another", STR("evil.example"), AUTH_NONCE_BAD},
        {"with a port", STR("shop.example:443"), AUTH_NONCE_BAD},
        {"cut short", STR("shop.exampl"), AUTH_NONCE_BAD},
        {"none", STR(""), AUTH_NONCE_BAD},
        {"in capitals", STR("SHOP.example"), AUTH_NONCE_BAD}, // they come in lower case
    };
    char text[AUTH_NONCE_TEXT_SIZE];
    uint8_t other[AUTH_KEY_SIZE];
    struct auth_nonce n;
    const str nonce = make(text, 0, false);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const int r = auth_nonce_check(&n, key, nonce, rows[i].domain, NOW);
        expect_int(rows[i].name, r, rows[i].want);
    }
    for (size_t i = 0; i < sizeof(other); i++) {
        memcpy(other, key, sizeof(other));
        other[i] ^= 1;
        expect_int("another key", auth_nonce_check(&n, other, nonce, SITE, NOW),
                   AUTH_NONCE_BAD);
    }
}

static void the_longest_domain_has_one(void **state)
{
    char domain[AUTH_DOMAIN_MAX];
    char text[AUTH_NONCE_TEXT_SIZE];
    struct seeded chance;
    struct auth_nonce n;

    (void)state;
    seeded_init(&chance, 7);
    memset(domain, 'a', sizeof(domain));
    const str longest = {domain, sizeof(domain)};
    auth_nonce_new(text, key, &chance.rand, longest, NOW, false);
    assert_int_equal(auth_nonce_check(&n, key, str_of(text), longest, NOW), 0);
    assert_int_equal(
        auth_nonce_check(&n, key, str_of(text), (str){domain, sizeof(domain) - 1}, NOW),
        AUTH_NONCE_BAD);
}

/** Each character against each of the alphabet, and what is beside it. */
static void any_other_character_spoils_it(void **state)
{
    char text[AUTH_NONCE_TEXT_SIZE];
    const str nonce = make(text, 0, false);

    (void)state;
    for (size_t i = 0; i < nonce.len; i++) {
        const char was = text[i];
        for (int c = 0; c < 256; c++) {
            text[i] = (char)c;
            const int want = text[i] == was ? 0 : AUTH_NONCE_BAD;
            expect_int("one character", check_at(nonce, 0), want);
        }
        text[i] = was;
    }
}

static void any_other_length_is_refused(void **state)
{
    char text[AUTH_NONCE_TEXT_SIZE];
    char longer[AUTH_NONCE_MAX + 1];
    const str nonce = make(text, 0, false);

    (void)state;
    for (size_t n = 0; n < nonce.len; n++) {
        CLEANUP(exact_freep) char *cut = exact_copy((str){text, n});
        expect_int("cut", check_at((str){cut, n}, 0), AUTH_NONCE_BAD);
        CLEANUP(exact_freep) char *end = exact_copy((str){text + n, nonce.len - n});
        expect_int("without its start", check_at((str){end, nonce.len - n}, 0),
                   n == 0 ? 0 : AUTH_NONCE_BAD);
    }
    memset(longer, '1', sizeof(longer)); // 1 is zero in base58
    str_copy(longer, nonce);
    for (size_t n = nonce.len + 1; n <= sizeof(longer); n++)
        expect_int("longer", check_at((str){longer, n}, 0), AUTH_NONCE_BAD);
    memset(longer, '1', sizeof(longer));
    str_copy(longer + 1, nonce);
    expect_int("a 1 before it", check_at((str){longer, nonce.len + 1}, 0), AUTH_NONCE_BAD);
}

static void what_nobody_has_made_is_refused(void **state)
{
    static const str rows[] = {
        STR(""),
        STR("1"),
        STR("32891756"), // of EIP-4361
        STR("111111111111111111111111"),
        STR("zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"),
        STR("1111111111111111111111111111111111111111111111111111111111111111"),
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect_int(rows[i].ptr, check_at(rows[i], 0), AUTH_NONCE_BAD);
}

/** Made in the same millisecond, for the same site. */
static void two_are_not_the_same(void **state)
{
    struct seeded chance;
    char one[AUTH_NONCE_TEXT_SIZE];
    char other[AUTH_NONCE_TEXT_SIZE];

    (void)state;
    seeded_init(&chance, 7);
    auth_nonce_new(one, key, &chance.rand, SITE, NOW, false);
    auth_nonce_new(other, key, &chance.rand, SITE, NOW, false);
    assert_string_not_equal(one, other);
    assert_int_equal(check_at(str_of(one), 0), 0);
    assert_int_equal(check_at(str_of(other), 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_what_eip_4361_wants_of_one),
        cmocka_unit_test(has_room_in_the_worst_case),
        cmocka_unit_test(says_when_it_was_made_and_for_how_long),
        cmocka_unit_test(lives_so_long_and_not_a_millisecond_more),
        cmocka_unit_test(is_of_one_domain_and_one_key),
        cmocka_unit_test(the_longest_domain_has_one),
        cmocka_unit_test(any_other_character_spoils_it),
        cmocka_unit_test(any_other_length_is_refused),
        cmocka_unit_test(what_nobody_has_made_is_refused),
        cmocka_unit_test(two_are_not_the_same),
    };
    return cmocka_run_group_tests_name("auth/nonce", tests, NULL, NULL);
}
