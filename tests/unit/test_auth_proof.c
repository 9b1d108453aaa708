#include "auth/proof.h"
#include "support/exact.h"
#include "support/t.h"
#include "support/wallet.h"

#define MESSAGE STR("shop.example wants you to sign in")

static int check(account a, str message, str signature)
{
    CLEANUP(exact_freep) char *m = exact_copy(message);
    CLEANUP(exact_freep) char *s = exact_copy(signature);

    return auth_proof_check(&(struct auth_proof){
        .account = a, .message = {m, message.len}, .signature = {s, signature.len}});
}

static void flip_bit(char *bytes, size_t i)
{
    bytes[i / 8] = (char)(bytes[i / 8] ^ (1 << i % 8));
}

static void each_way_to_write_the_recovery_id_is_right(void **state)
{
    (void)state;
    for (uint8_t key = 1; key <= 20; key++) { // some of either id
        char bytes[65];
        expect_int("0 or 1",
                   check(wallet_account(key), MESSAGE, wallet_sign(bytes, key, MESSAGE, 0)), 0);
        expect_int("27 or 28",
                   check(wallet_account(key), MESSAGE, wallet_sign(bytes, key, MESSAGE, 27)),
                   0);
    }
}

/** Any v but those of this signature; of 0 and 1, 27 and 28 the other one is of another key. */
static void no_other_recovery_id_is(void **state)
{
    char bytes[65];
    const str signature = wallet_sign(bytes, 1, MESSAGE, 0);
    const unsigned id = (unsigned char)bytes[64];

    (void)state;
    for (unsigned v = 0; v < 256; v++) {
        bytes[64] = (char)v;
        expect_int("v", check(wallet_account(1), MESSAGE, signature),
                   v == id || v == id + 27 ? 0 : AUTH_PROOF_WRONG);
    }
}

static void a_personal_sign_of_a_library_is_right(void **state)
{
    // The example of web3.js: its key, its message, its signature.
    static const str signature =
        STR("\xb9\x14\x67\xe5\x70\xa6\x46\x6a\xa9\xe9\x87\x6c\xbc\xd0\x13\xba"
            "\xba\x02\x90\x0b\x89\x79\xd4\x3f\xe2\x08\xa4\xa4\xf3\x39\xf5\xfd"
            "\x60\x07\xe7\x4c\xd8\x2e\x03\x7b\x80\x01\x86\x42\x2f\xc2\xda\x16"
            "\x7c\x74\x7e\xf0\x45\xe5\xd1\x8a\x5f\x5d\x43\x00\xf8\xe1\xa0\x29\x1c");
    account a;

    (void)state;
    assert_int_equal(
        auth_account_parse(&a, STR("0x2c7536E3605D9C16a7a3D7b1898e529396a65c23"), 1), 0);
    assert_int_equal(check(a, STR("Some data"), signature), 0);
    assert_int_equal(check(a, STR("Some datA"), signature), AUTH_PROOF_WRONG);
}

static void another_wallet_has_not_validit(void **state)
{
    char bytes[65];
    char solana[64];
    const str signature = wallet_sign(bytes, 1, MESSAGE, 27);
    account a = wallet_account(1);

    (void)state;
    memset(solana, 1, sizeof(solana));
    assert_int_equal(check(a, MESSAGE, signature), 0);
    assert_int_equal(check(wallet_account(2), MESSAGE, signature), AUTH_PROOF_WRONG);
    assert_int_equal(check(wallet_solana_account(1), MESSAGE, signature), AUTH_PROOF_WRONG);
    assert_int_equal(check(a, MESSAGE, (str){solana, sizeof(solana)}), AUTH_PROOF_WRONG);
    for (size_t i = ACCOUNT_EVM_SIZE - 20; i < ACCOUNT_EVM_SIZE; i++) {
        a.bytes[i] ^= 1;
        expect_int("an address like it", check(a, MESSAGE, signature), AUTH_PROOF_WRONG);
        a.bytes[i] ^= 1;
    }
}

static void a_message_that_was_changed_was_not_signed(void **state)
{
    char bytes[65];
    char text[64];
    const str message = str_copy(text, MESSAGE);
    const str signature = wallet_sign(bytes, 1, message, 27);
    const account a = wallet_account(1);

    (void)state;
    for (size_t i = 0; i < message.len; i++) {
        text[i] ^= 1;
        expect_int("a byte", check(a, message, signature), AUTH_PROOF_WRONG);
        text[i] ^= 1;
        expect_int("cut", check(a, (str){text, i}, signature), AUTH_PROOF_WRONG);
    }
    assert_int_equal(check(a, message, signature), 0);
}

static void a_signature_that_was_changed_is_wrong(void **state)
{
    char bytes[65];
    const str signature = wallet_sign(bytes, 1, MESSAGE, 27);

    (void)state;
    for (size_t i = 0; i < 8 * signature.len; i++) {
        flip_bit(bytes, i);
        expect_int("a bit", check(wallet_account(1), MESSAGE, signature), AUTH_PROOF_WRONG);
        flip_bit(bytes, i);
    }
    assert_int_equal(check(wallet_account(1), MESSAGE, signature), 0);
}

static void a_signature_of_another_length_is_wrong(void **state)
{
    static const size_t lengths[] = {0, 1, 63, 64, 66, 96, 130, AUTH_SIGNATURE_MAX};
    static char bytes[AUTH_SIGNATURE_MAX];
    char valid[65];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        memset(bytes, 0, sizeof(bytes));
        str_copy(bytes, wallet_sign(valid, 1, MESSAGE, 27));
        const int r = check(wallet_account(1), MESSAGE, (str){bytes, lengths[i]});
        expect_int("a length", r, AUTH_PROOF_WRONG);
    }
    assert_int_equal(check(wallet_account(1), MESSAGE, (str){0}), AUTH_PROOF_WRONG);
}

static void messages_of_each_length_have_their_length_signed(void **state)
{
    static const size_t lengths[] = {0, 1, 9, 10, 99, 100, 999, 1000, AUTH_MESSAGE_MAX};
    static char text[AUTH_MESSAGE_MAX];

    (void)state;
    memset(text, 'm', sizeof(text));
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        char bytes[65];
        const str message = {text, lengths[i]};
        const str signature = wallet_sign(bytes, 3, message, 27);
        expect_int("a length", check(wallet_account(3), message, signature), 0);
    }
}

// Solana.

static str sign_solana(char bytes[64], uint8_t key, str message)
{
    const struct crypto_ed25519 made = wallet_solana_key(key);

    crypto_ed25519_sign((uint8_t *)bytes, &made, message);
    return (str){bytes, 64};
}

static void a_wallet_of_solana_signs_the_bytes_as_they_are(void **state)
{
    static char longest[AUTH_MESSAGE_MAX];
    char bytes[64];

    (void)state;
    memset(longest, 'm', sizeof(longest));
    const str messages[] = {MESSAGE, STR(""), STR("\xff\0\n"), {longest, sizeof(longest)}};
    for (size_t i = 0; i < COUNT_OF(messages); i++) {
        const str signature = sign_solana(bytes, 5, messages[i]);
        expect_int("Solana", check(wallet_solana_account(5), messages[i], signature), 0);
    }
}

static void anything_else_is_not_validby_it(void **state)
{
    char bytes[66] = "";
    char ethereum[65];
    const account a = wallet_solana_account(5);
    const str signature = sign_solana(bytes, 5, MESSAGE);

    (void)state;
    assert_int_equal(check(wallet_solana_account(6), MESSAGE, signature), AUTH_PROOF_WRONG);
    assert_int_equal(check(wallet_account(5), MESSAGE, signature), AUTH_PROOF_WRONG);
    assert_int_equal(check(a, STR("shop.example wants you to sign iN"), signature),
                     AUTH_PROOF_WRONG);
    assert_int_equal(check(a, MESSAGE, wallet_sign(ethereum, 5, MESSAGE, 27)),
                     AUTH_PROOF_WRONG);
    for (size_t n = 0; n <= sizeof(bytes); n++) {
        expect_int("a length", check(a, MESSAGE, (str){bytes, n}),
                   n == 64 ? 0 : AUTH_PROOF_WRONG);
    }
    for (size_t i = 0; i < 8 * signature.len; i++) {
        flip_bit(bytes, i);
        expect_int("a bit", check(a, MESSAGE, signature), AUTH_PROOF_WRONG);
        flip_bit(bytes, i);
    }
}

/** Of none of so many messages this is the signature: without a check it would be of some. */
static void expect_none(account a, str signature)
{
    str messages = STR("0123456789");

    while (messages.len > 0) {
        const str message = str_take(&messages, 1);
        expect_int("small order", check(a, message, signature), AUTH_PROOF_WRONG);
    }
}

/** Of a key of small order anybody can make a signature that fits every message. */
static void a_key_of_small_order_is_nobodys(void **state)
{
    static const uint8_t keys[][32] = {
        {0}, // of order 4: also the address of Solana's system program
        {1}, // the neutral element
        {0xec, [1 ... 30] = 0xff, 0x7f}, // of order 2
        {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
         0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
         0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05}, // of order 8
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        account a = {.len = ACCOUNT_SOLANA_SIZE, .bytes = {ACCOUNT_SOLANA}};
        char signature[64] = ""; // R is the key or the neutral element, and s is 0
        memcpy(a.bytes + ACCOUNT_SOLANA_SIZE - 32, keys[i], 32);
        memcpy(signature, keys[i], 32);
        expect_none(a, (str){signature, 64});
        memcpy(signature, keys[1], 32);
        expect_none(a, (str){signature, 64});
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_way_to_write_the_recovery_id_is_right),
        cmocka_unit_test(no_other_recovery_id_is),
        cmocka_unit_test(a_personal_sign_of_a_library_is_right),
        cmocka_unit_test(another_wallet_has_not_validit),
        cmocka_unit_test(a_message_that_was_changed_was_not_signed),
        cmocka_unit_test(a_signature_that_was_changed_is_wrong),
        cmocka_unit_test(a_signature_of_another_length_is_wrong),
        cmocka_unit_test(messages_of_each_length_have_their_length_signed),
        cmocka_unit_test(a_wallet_of_solana_signs_the_bytes_as_they_are),
        cmocka_unit_test(anything_else_is_not_validby_it),
        cmocka_unit_test(a_key_of_small_order_is_nobodys),
    };
    return cmocka_run_group_tests_name("auth/proof", tests, NULL, NULL);
}
