#include "base/base64.h"
#include "crypto/digest.h"
#include "crypto/ed25519.h"
#include "crypto/key.h"
#include "crypto/secret.h"
#include "support/auth_keys.h"
#include "support/exact.h"
#include "support/t.h"

#define BYTES_SIZE 1100 // more than the longest key takes

/** The bytes of a base64url text. @return them, in out */
static str bytes_of(char out[BYTES_SIZE], const char *text)
{
    size_t n = 0;

    assert_true(BASE64_BYTES(strlen(text)) <= BYTES_SIZE);
    assert_int_equal(base64_url_decode(out, &n, str_of(text)), 0);
    return (str){out, n};
}

/** Is the last part of a token the signature of the others? */
static bool has_signed(const struct crypto_key *k, const char *token)
{
    char bytes[BYTES_SIZE];
    const char *dot = strrchr(token, '.');

    return crypto_key_verify(k, (str){token, (size_t)(dot - token)}, bytes_of(bytes, dot + 1));
}

// clang-format off
static const struct {
    const char *name;
    str pem;
    enum crypto_alg rsa_alg;
    int r;
    enum crypto_alg alg;
    const char *token;
} pems[] = {
    {"RSA",                    STR(RSA_PUBLIC),        CRYPTO_RS256, 0, CRYPTO_RS256, TOKEN_RS256},
    {"RSA, PKCS 1",            STR(RSA_PUBLIC_PKCS1),  CRYPTO_RS256, 0, CRYPTO_RS256, TOKEN_RS256},
    {"RSA, PSS",               STR(RSA_PUBLIC),        CRYPTO_PS256, 0, CRYPTO_PS256, TOKEN_PS256},
    {"RSA, certificate",       STR(RSA_CERTIFICATE),   CRYPTO_RS256, 0, CRYPTO_RS256, TOKEN_RS256},
    {"P-256",                  STR(P256_PUBLIC),       CRYPTO_RS256, 0, CRYPTO_ES256, TOKEN_ES256},
    {"P-256, certificate",     STR(P256_CERTIFICATE),  CRYPTO_RS256, 0, CRYPTO_ES256, TOKEN_ES256},
    {"P-256, private",         STR(P256_PRIVATE),      CRYPTO_RS256, 0, CRYPTO_ES256, TOKEN_ES256},
    {"P-256, SEC 1",           STR(P256_PRIVATE_SEC1), CRYPTO_RS256, 0, CRYPTO_ES256, TOKEN_ES256},
    {"Ed25519",                STR(ED25519_PUBLIC),    CRYPTO_RS256, 0, CRYPTO_EDDSA, TOKEN_EDDSA},
    {"Ed25519, private",       STR(ED25519_PRIVATE),   CRYPTO_RS256, 0, CRYPTO_EDDSA, TOKEN_EDDSA},
    {"text before",            STR("my key\n" P256_PUBLIC), CRYPTO_RS256, 0, CRYPTO_ES256, TOKEN_ES256},
    {"RSA of 1024 bits",       STR(RSA_WEAK),          CRYPTO_RS256, CRYPTO_KEY_WEAK, 0, NULL},
    {"P-384",                  STR(P384_PUBLIC),       CRYPTO_RS256, CRYPTO_KEY_UNSUPPORTED, 0, NULL},
    {"X25519",                 STR("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VuAyEAfU0Of2FTpptiQrUiq77mhf2kQg+INLEIw72uNp71Sfo=\n-----END PUBLIC KEY-----\n"),
                                                       CRYPTO_RS256, CRYPTO_KEY_UNSUPPORTED, 0, NULL},
    {"encrypted",              STR(P256_LOCKED),       CRYPTO_RS256, CRYPTO_KEY_BAD, 0, NULL},
    {"nothing",                STR(""),                CRYPTO_RS256, CRYPTO_KEY_BAD, 0, NULL},
    {"no PEM",                 STR("hello"),           CRYPTO_RS256, CRYPTO_KEY_BAD, 0, NULL},
    {"empty PEM",              STR("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"), CRYPTO_RS256, CRYPTO_KEY_BAD, 0, NULL},
};
// clang-format on

static void reads_a_key_in_pem(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(pems); i++) {
        struct crypto_key *k = NULL;

        expect_int(pems[i].name, crypto_key_new_pem(&k, pems[i].pem, pems[i].rsa_alg),
                   pems[i].r);
        expect_int(pems[i].name, k != NULL, pems[i].r == 0);
        if (k) {
            expect_int(pems[i].name, crypto_key_alg(k), pems[i].alg);
            expect_int(pems[i].name, has_signed(k, pems[i].token), true);
            expect_int(pems[i].name, has_signed(k, pems[i].token), true); // and again
        }
        crypto_key_free(k);
    }
}

/** Each key with each token: only what belongs together goes together. */
static void a_key_is_for_one_algorithm_and_one_text(void **state)
{
    static const struct {
        str pem;
        enum crypto_alg rsa_alg;
        const char *token;
    } keys[] = {
        {STR(RSA_PUBLIC), CRYPTO_RS256, TOKEN_RS256},
        {STR(RSA_PUBLIC), CRYPTO_PS256, TOKEN_PS256},
        {STR(P256_PUBLIC), CRYPTO_RS256, TOKEN_ES256},
        {STR(ED25519_PUBLIC), CRYPTO_RS256, TOKEN_EDDSA},
    };
    static const char *const tokens[] = {TOKEN_RS256, TOKEN_PS256, TOKEN_PS256_SALT20,
                                         TOKEN_ES256, TOKEN_EDDSA};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        struct crypto_key *k = NULL;
        assert_int_equal(crypto_key_new_pem(&k, keys[i].pem, keys[i].rsa_alg), 0);
        for (size_t t = 0; t < COUNT_OF(tokens); t++) {
            if (has_signed(k, tokens[t]) != (strcmp(keys[i].token, tokens[t]) == 0))
                fail_msg("key %zu, token %zu", i, t);
        }
        crypto_key_free(k);
    }
}

/** Every cut, and every byte another one. */
static void a_signature_that_is_not_whole_is_none(void **state)
{
    static const struct {
        str pem;
        const char *token;
    } rows[] = {
        {STR(RSA_PUBLIC), TOKEN_RS256},
        {STR(P256_PUBLIC), TOKEN_ES256},
        {STR(ED25519_PUBLIC), TOKEN_EDDSA},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct crypto_key *k = NULL;
        char bytes[BYTES_SIZE];
        const char *dot = strrchr(rows[i].token, '.');
        const str input = {rows[i].token, (size_t)(dot - rows[i].token)};
        const str signature = bytes_of(bytes, dot + 1);

        assert_int_equal(crypto_key_new_pem(&k, rows[i].pem, CRYPTO_RS256), 0);
        for (size_t n = 0; n < signature.len; n++) {
            CLEANUP(exact_freep) char *cut = exact_copy((str){signature.ptr, n});
            assert_false(crypto_key_verify(k, input, (str){cut, n}));
            bytes[n] ^= 0x10;
            assert_false(crypto_key_verify(k, input, signature));
            bytes[n] ^= 0x10;
        }
        assert_true(crypto_key_verify(k, input, signature));
        assert_false(crypto_key_verify(k, input, (str){bytes, signature.len + 1}));
        assert_false(crypto_key_verify(k, (str){input.ptr, input.len - 1}, signature));
        assert_false(crypto_key_verify(k, STR(""), signature));
        crypto_key_free(k);
    }
}

static void a_secret_makes_and_checks_a_mac(void **state)
{
    struct crypto_key *k = crypto_key_new_secret(STR("0123456789abcdef0123456789abcdef"));
    uint8_t mac[CRYPTO_SHA256_SIZE];

    (void)state;
    crypto_hmac_sha256(mac, STR("0123456789abcdef0123456789abcdef"), STR("text"));
    assert_int_equal(crypto_key_alg(k), CRYPTO_HS256);
    assert_true(crypto_key_verify(k, STR("text"), (str){(char *)mac, 32}));
    assert_false(crypto_key_verify(k, STR("text"), (str){(char *)mac, 31}));
    assert_false(crypto_key_verify(k, STR("texts"), (str){(char *)mac, 32}));
    assert_false(crypto_key_verify(k, STR("text"), STR("")));
    mac[31] ^= 1;
    assert_false(crypto_key_verify(k, STR("text"), (str){(char *)mac, 32}));
    crypto_key_free(k);
    crypto_key_free(NULL);
}

static int new_rsa(struct crypto_key **k, const char *n, const char *e)
{
    char n_bytes[BYTES_SIZE];
    char e_bytes[BYTES_SIZE];

    return crypto_key_new_rsa(k, bytes_of(n_bytes, n), bytes_of(e_bytes, e), CRYPTO_RS256);
}

static void reads_the_members_of_an_rsa_key(void **state)
{
    static const struct {
        const char *name;
        const char *n;
        const char *e;
        int r;
    } rows[] = {
        {"as made", RSA_N, "AQAB", 0},
        {"leading zeroes", RSA_N, "AAEAAQ", 0},
        {"e is 1", RSA_N, "AQ", CRYPTO_KEY_BAD},
        {"e is even", RSA_N, "AQAA", CRYPTO_KEY_BAD},
        {"e is 0", RSA_N, "AA", CRYPTO_KEY_BAD},
        {"no e", RSA_N, "", CRYPTO_KEY_BAD},
        {"no n", "", "AQAB", CRYPTO_KEY_BAD},
        {"n is 0", "AA", "AQAB", CRYPTO_KEY_WEAK},
        {"1024 bits", RSA_WEAK_N, "AQAB", CRYPTO_KEY_WEAK},
        {"e larger than n", RSA_WEAK_N, RSA_N, CRYPTO_KEY_WEAK},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct crypto_key *k = NULL;
        expect_int(rows[i].name, new_rsa(&k, rows[i].n, rows[i].e), rows[i].r);
        if (k)
            expect_int(rows[i].name, has_signed(k, TOKEN_RS256), true);
        crypto_key_free(k);
    }
}

static void an_rsa_key_has_2048_to_8192_bits(void **state)
{
    struct crypto_key *k = NULL;
    char bytes[BYTES_SIZE];

    (void)state;
    assert_int_equal(new_rsa(&k, RSA_8192_N, "AQAB"), 0);
    crypto_key_free(k);
    k = NULL;
    str n = bytes_of(bytes, RSA_8192_N);
    bytes[n.len++] = 1;
    assert_int_equal(crypto_key_new_rsa(&k, n, STR("\3"), CRYPTO_RS256), CRYPTO_KEY_WEAK);

    assert_int_equal(new_rsa(&k, RSA_N, "AQAB"), 0);
    crypto_key_free(k);
    n = bytes_of(bytes, RSA_N);
    bytes[0] &= 0x7f;
    assert_int_equal(crypto_key_new_rsa(&k, n, STR("\3"), CRYPTO_RS256), CRYPTO_KEY_WEAK);
}

static void reads_the_members_of_a_p256_key(void **state)
{
    struct crypto_key *k = NULL;
    char x_bytes[BYTES_SIZE];
    char y_bytes[BYTES_SIZE];
    const str x = bytes_of(x_bytes, P256_X);
    const str y = bytes_of(y_bytes, P256_Y);

    (void)state;
    assert_int_equal(crypto_key_new_p256(&k, x, y), 0);
    assert_true(has_signed(k, TOKEN_ES256));
    crypto_key_free(k);

    assert_int_equal(crypto_key_new_p256(&k, y, x), CRYPTO_KEY_BAD); // not on the curve
    assert_int_equal(crypto_key_new_p256(&k, (str){x.ptr, 31}, y), CRYPTO_KEY_BAD);
    assert_int_equal(crypto_key_new_p256(&k, x, (str){y.ptr, 31}), CRYPTO_KEY_BAD);
    assert_int_equal(crypto_key_new_p256(&k, STR(""), STR("")), CRYPTO_KEY_BAD);
}

static void reads_the_member_of_an_ed25519_key(void **state)
{
    struct crypto_key *k = NULL;
    char bytes[BYTES_SIZE];
    const str x = bytes_of(bytes, ED25519_X);

    (void)state;
    assert_int_equal(crypto_key_new_ed25519(&k, x), 0);
    assert_true(has_signed(k, TOKEN_EDDSA));
    assert_true(has_signed(k, TOKEN_ED25519));
    crypto_key_free(k);
    assert_int_equal(crypto_key_new_ed25519(&k, (str){x.ptr, 31}), CRYPTO_KEY_BAD);
    assert_int_equal(crypto_key_new_ed25519(&k, (str){x.ptr, 33}), CRYPTO_KEY_BAD);
}

/** The same bytes each time, as a test has them. */
static void count_up(struct rand *r, void *out, size_t n)
{
    (void)r;
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)out)[i] = (uint8_t)i;
}

static void a_key_that_signs_reads_back_from_its_pem(void **state)
{
    struct rand counting = {count_up};
    struct crypto_ed25519 k;
    struct crypto_ed25519 again;
    struct crypto_key *public = NULL;
    uint8_t signature[CRYPTO_ED25519_SIGNATURE_SIZE];
    struct buf pem;

    (void)state;
    buf_init(&pem, CRYPTO_ED25519_PEM_SIZE);
    crypto_ed25519_init(&k, &counting);
    crypto_ed25519_print(&pem, &k);
    assert_int_equal(crypto_ed25519_parse(&again, buf_str(&pem)), 0);
    assert_memory_equal(&again, &k, sizeof(k));

    crypto_ed25519_sign(signature, &again, STR("text"));
    assert_int_equal(crypto_key_new_pem(&public, buf_str(&pem), CRYPTO_RS256), 0);
    assert_true(crypto_key_verify(public, STR("text"), (str){(char *)signature, 64}));
    assert_false(crypto_key_verify(public, STR("next"), (str){(char *)signature, 64}));
    crypto_key_free(public);
    buf_fini(&pem);

    crypto_ed25519_fini(&k);
    memset(&again, 0, sizeof(again));
    assert_memory_equal(&again, &k, sizeof(k));
}

/** RFC 8032, section 7.1, test 2. */
static void signs_as_the_rfc_does(void **state)
{
    static const char pem[] =
        "-----BEGIN PRIVATE KEY-----\n"
        "MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n"
        "-----END PRIVATE KEY-----\n";
    static const char want[] =
        "kqAJqfDUyrhyDoILX2QlQKKye1QWUD-Ps3YiI-vbadoIWsHkPhWZbkWPNhPQ8R2M"
        "OHsurrQwKu6wDSkWErsMAA";
    struct crypto_ed25519 k;
    uint8_t signature[CRYPTO_ED25519_SIGNATURE_SIZE];
    char bytes[BYTES_SIZE];

    (void)state;
    assert_int_equal(crypto_ed25519_parse(&k, str_of(pem)), 0);
    crypto_ed25519_sign(signature, &k, STR("\x72"));
    expect_str("signature", ((str){(char *)signature, sizeof(signature)}),
               bytes_of(bytes, want));
}

static void only_a_private_ed25519_key_signs(void **state)
{
    static const str rows[] = {STR(""), STR("x"), STR(ED25519_PUBLIC), STR(P256_PRIVATE),
                               STR(P256_LOCKED)};
    struct crypto_ed25519 k;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect_int(rows[i].ptr, crypto_ed25519_parse(&k, rows[i]), CRYPTO_KEY_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_key_in_pem),
        cmocka_unit_test(a_key_is_for_one_algorithm_and_one_text),
        cmocka_unit_test(a_signature_that_is_not_whole_is_none),
        cmocka_unit_test(a_secret_makes_and_checks_a_mac),
        cmocka_unit_test(reads_the_members_of_an_rsa_key),
        cmocka_unit_test(an_rsa_key_has_2048_to_8192_bits),
        cmocka_unit_test(reads_the_members_of_a_p256_key),
        cmocka_unit_test(reads_the_member_of_an_ed25519_key),
        cmocka_unit_test(a_key_that_signs_reads_back_from_its_pem),
        cmocka_unit_test(signs_as_the_rfc_does),
        cmocka_unit_test(only_a_private_ed25519_key_signs),
    };
    return cmocka_run_group_tests_name("crypto/key", tests, NULL, NULL);
}
