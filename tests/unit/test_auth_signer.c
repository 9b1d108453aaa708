#include "auth/jws.h"
#include "auth/signer.h"
#include "base/base64.h"
#include "support/auth_keys.h"
#include "support/seeded.h"
#include "support/t.h"

/** The key of RFC 8037, appendix A.1, in PEM. */
#define RFC_PEM                                                                                \
    "-----BEGIN PRIVATE KEY-----\n"                                                            \
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"                       \
    "-----END PRIVATE KEY-----\n"
#define RFC_X   "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define RFC_KID "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" // appendix A.3

static void names_its_key_as_rfc_8037_does(void **state)
{
    static const struct {
        const char *name;
        str pem;
        const char *x;
        const char *kid;
    } rows[] = {
        {"RFC 8037", STR(RFC_PEM), RFC_X, RFC_KID},
        {"ours", STR(ED25519_PRIVATE), ED25519_X, ED25519_KID},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct auth_signer s;
        expect_int(rows[i].name, auth_signer_init(&s, rows[i].pem), 0);
        expect_str(rows[i].name, str_of(s.x), str_of(rows[i].x));
        expect_str(rows[i].name, str_of(s.kid), str_of(rows[i].kid));
        auth_signer_fini(&s);
    }
}

/** Appendix A.4. */
static void signs_as_rfc_8037_does(void **state)
{
    uint8_t signature[CRYPTO_ED25519_SIGNATURE_SIZE];
    char text[BASE64_URL_LEN(CRYPTO_ED25519_SIGNATURE_SIZE)];
    struct auth_signer s;

    (void)state;
    assert_int_equal(auth_signer_init(&s, STR(RFC_PEM)), 0);
    crypto_ed25519_sign(signature, &s.key,
                        STR("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"));
    base64_url_encode(text, (str){(const char *)signature, sizeof(signature)});
    expect_str("signature", ((str){text, sizeof(text)}),
               STR("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt"
                   "9g7sVvpAr_MuM0KAg"));
    auth_signer_fini(&s);
}

static void prints_its_public_key_and_nothing_of_the_other(void **state)
{
    struct auth_signer s;
    struct buf jwk;

    (void)state;
    assert_int_equal(auth_signer_init(&s, STR(RFC_PEM)), 0);
    buf_init(&jwk, 200);
    auth_signer_print_jwk(&jwk, &s);
    expect_str("JWK", buf_str(&jwk),
               STR("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" RFC_X "\",\"kid\":\"" RFC_KID
                   "\",\"alg\":\"EdDSA\",\"use\":\"sig\"}"));
    buf_fini(&jwk);
    auth_signer_fini(&s);
}

/** The set of the signer's public key. */
static void read_jwks(struct auth_jwks *keys, const struct auth_signer *s)
{
    const char *why = "nothing";
    struct buf set;

    buf_init(&set, 1024);
    assert_int_equal(buf_add(&set, STR("{\"keys\":[")), 0);
    auth_signer_print_jwk(&set, s);
    assert_int_equal(buf_add(&set, STR("]}")), 0);
    const struct auth_issuer issuer = {.form = AUTH_KEY_JWKS, .key = buf_str(&set)};
    expect_int(why, auth_jwks_init(keys, &issuer, &why), 0);
    buf_fini(&set);
}

static bool is_signed_by(const struct auth_jwks *keys, str token)
{
    const char *why = "nothing";
    struct auth_jws jws;

    expect_int(why, auth_jws_init(&jws, token, &why), 0);
    const bool is_of = auth_jws_is_of(&jws, keys);
    auth_jws_fini(&jws);
    return is_of;
}

/** What others do with /.well-known/jwks.json. */
static void its_public_key_verifies_its_tokens(void **state)
{
    const struct auth_mint m = {
        .account = {.len = ACCOUNT_EVM_SIZE, .bytes = {ACCOUNT_EVM, [28] = 1}},
        .now_ms = 1700000000000,
        .ttl_ms = 60000,
        .session = STR("tab"),
    };
    struct seeded chance;

    (void)state;
    seeded_init(&chance, 1);
    for (int i = 0; i < 20; i++) {
        struct auth_signer signer;
        struct auth_signer other;
        struct auth_jwks keys;
        struct buf pem;
        struct buf token;

        buf_init(&pem, AUTH_OWN_KEY_SIZE);
        buf_init(&token, AUTH_TOKEN_MAX);
        auth_own_key_new(&pem, &chance.rand);
        assert_int_equal(auth_signer_init(&signer, buf_str(&pem)), 0);
        assert_int_equal(auth_signer_init(&other, STR(RFC_PEM)), 0);
        read_jwks(&keys, &signer);
        assert_int_equal(keys.n, 1);
        assert_string_equal(keys.keys[0].kid, signer.kid);
        auth_mint(&token, &signer, &m);
        assert_true(is_signed_by(&keys, buf_str(&token)));
        buf_clear(&token);
        auth_mint(&token, &other, &m);
        assert_false(is_signed_by(&keys, buf_str(&token)));
        buf_fini(&token);
        buf_fini(&pem);
        auth_jwks_fini(&keys);
        auth_signer_fini(&other);
        auth_signer_fini(&signer);
    }
}

static void a_token_stands_behind_what_was_there(void **state)
{
    struct auth_mint m = {.account = {.len = ACCOUNT_SOLANA_SIZE, .bytes = {ACCOUNT_SOLANA}},
                          .now_ms = 1700000000000,
                          .ttl_ms = 60000};
    char name[AUTH_SESSION_SIZE] = "";
    struct auth_signer signer;
    struct buf alone;
    struct buf behind;

    (void)state;
    memset(name, '"', sizeof(name) - 1); // the longest, and each character takes two
    m.session = str_of(name);
    assert_int_equal(auth_signer_init(&signer, STR(RFC_PEM)), 0);
    buf_init(&alone, AUTH_TOKEN_MAX);
    buf_init(&behind, AUTH_TOKEN_MAX + 7);
    auth_mint(&alone, &signer, &m);
    assert_int_equal(buf_add(&behind, STR("token: ")), 0);
    auth_mint(&behind, &signer, &m);
    str rest = buf_str(&behind);
    expect_str("before it", str_take(&rest, 7), STR("token: "));
    expect_str("the token", rest, buf_str(&alone));
    buf_fini(&behind);
    buf_fini(&alone);
    auth_signer_fini(&signer);
}

static void any_difference_makes_another_token(void **state)
{
    const account a = {.len = ACCOUNT_EVM_SIZE, .bytes = {ACCOUNT_EVM, [28] = 1}};
    const account b = {.len = ACCOUNT_EVM_SIZE, .bytes = {ACCOUNT_EVM, [28] = 2}};
    const struct auth_mint mints[] = {
        {a, 1700000000000, 60000, STR("tab")}, {b, 1700000000000, 60000, STR("tab")},
        {a, 1700000001000, 60000, STR("tab")}, {a, 1700000000000, 61000, STR("tab")},
        {a, 1700000000000, 60000, STR("tbb")},
    };
    struct buf tokens[COUNT_OF(mints)];
    struct auth_signer signer;

    (void)state;
    assert_int_equal(auth_signer_init(&signer, STR(RFC_PEM)), 0);
    for (size_t i = 0; i < COUNT_OF(mints); i++) {
        buf_init(&tokens[i], AUTH_TOKEN_MAX);
        auth_mint(&tokens[i], &signer, &mints[i]);
        for (size_t k = 0; k < i; k++)
            assert_false(str_eq(buf_str(&tokens[i]), buf_str(&tokens[k])));
    }
    for (size_t i = 0; i < COUNT_OF(mints); i++)
        buf_fini(&tokens[i]);
    auth_signer_fini(&signer);
}

static void leaves_no_secret_behind(void **state)
{
    static const str bad[] = {STR(""), STR("x"), STR(ED25519_PUBLIC), STR(P256_PRIVATE)};
    static const uint8_t zeroes[sizeof(((struct auth_signer *)0)->key.secret)];
    struct auth_signer s;

    (void)state;
    assert_int_equal(auth_signer_init(&s, STR(RFC_PEM)), 0);
    assert_memory_not_equal(s.key.secret, zeroes, sizeof(zeroes));
    auth_signer_fini(&s);
    assert_memory_equal(s.key.secret, zeroes, sizeof(zeroes));
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        memset(&s, 0xff, sizeof(s));
        expect_int(bad[i].ptr, auth_signer_init(&s, bad[i]), AUTH_OWN_BAD_KEY);
        assert_memory_equal(s.key.secret, zeroes, sizeof(zeroes));
        expect_str(bad[i].ptr, str_of(s.kid), STR(""));
    }
}

static void ones(struct rand *r, void *out, size_t n)
{
    (void)r;
    memset(out, 0xfb, n); // base64 of it begins with what becomes '-'
}

static void a_session_is_called_as_no_option_is(void **state)
{
    struct rand rand = {.bytes = ones};
    char plain[RAND_NAME_SIZE];
    char name[RAND_NAME_SIZE];

    (void)state;
    rand_name(&rand, plain);
    expect_int("it would begin so", plain[0], '-');
    auth_session_name_new(name, &rand);
    expect_int("it does not", name[0], '_');
    assert_string_equal(name + 1, plain + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_its_key_as_rfc_8037_does),
        cmocka_unit_test(signs_as_rfc_8037_does),
        cmocka_unit_test(prints_its_public_key_and_nothing_of_the_other),
        cmocka_unit_test(its_public_key_verifies_its_tokens),
        cmocka_unit_test(a_token_stands_behind_what_was_there),
        cmocka_unit_test(any_difference_makes_another_token),
        cmocka_unit_test(a_session_is_called_as_no_option_is),
        cmocka_unit_test(leaves_no_secret_behind),
    };
    return cmocka_run_group_tests_name("auth/signer", tests, NULL, NULL);
}
