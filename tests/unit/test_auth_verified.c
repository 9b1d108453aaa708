#include <stdio.h>

#include "auth/auth.h"
#include "auth/verified.h"
#include "base/mem.h"
#include "crypto/random.h"
#include "support/auth_keys.h"
#include "support/auth_token.h"
#include "support/t.h"

#define EC  STR(JWKS("{" JWK_P256 ",\"kid\":\"e\"}"))
#define OKP STR(JWKS("{" JWK_ED25519 ",\"kid\":\"d\"}"))

static const struct auth_jwks no_keys;

static struct auth_jwks keys_of(enum auth_key_form form, str key)
{
    const struct auth_issuer issuer = {.form = form, .key = key};
    struct auth_jwks keys;
    const char *why = NULL;

    assert_int_equal(auth_jwks_init(&keys, &issuer, &why), 0);
    return keys;
}

static bool is_of(struct auth_verified *v, str token, const struct auth_jwks *keys)
{
    struct auth_jws jws;
    const char *why = NULL;

    assert_int_equal(auth_jws_init(&jws, token, &why), 0);
    const bool is = auth_verified_is_of(v, &jws, keys);
    auth_jws_fini(&jws);
    return is;
}

static void what_was_right_is_not_computed_again(void **state)
{
    struct auth_verified *v = auth_verified_new(crypto_random());
    struct auth_jwks keys = keys_of(AUTH_KEY_JWKS, OKP);

    (void)state;
    assert_false(is_of(v, STR(TOKEN_EDDSA), &no_keys));
    assert_true(is_of(v, STR(TOKEN_EDDSA), &keys));
    assert_true(is_of(v, STR(TOKEN_EDDSA), &no_keys));
    assert_false(is_of(v, STR(TOKEN_ED25519), &no_keys)); // another one
    assert_false(is_of(NULL, STR(TOKEN_EDDSA), &no_keys));
    auth_verified_clear(v);
    assert_false(is_of(v, STR(TOKEN_EDDSA), &no_keys));
    auth_jwks_fini(&keys);
    auth_verified_free(v);
}

static void what_was_wrong_is_computed_again(void **state)
{
    struct auth_verified *v = auth_verified_new(crypto_random());
    struct auth_jwks others = keys_of(AUTH_KEY_JWKS, EC);
    struct auth_jwks keys = keys_of(AUTH_KEY_JWKS, OKP);

    (void)state;
    assert_false(is_of(v, STR(TOKEN_EDDSA), &others));
    assert_false(is_of(v, STR(TOKEN_EDDSA), &others));
    assert_true(is_of(v, STR(TOKEN_EDDSA), &keys));
    auth_jwks_fini(&keys);
    auth_jwks_fini(&others);
    auth_verified_free(v);
}

static void no_byte_of_it_may_differ(void **state)
{
    struct auth_verified *v = auth_verified_new(crypto_random());
    struct auth_jwks keys = keys_of(AUTH_KEY_JWKS, OKP);
    char token[] = TOKEN_EDDSA;
    const str text = {token, sizeof(token) - 1};

    (void)state;
    assert_true(is_of(v, text, &keys));
    for (size_t i = 0; i < text.len; i++) {
        const char was = token[i];
        struct auth_jws jws;
        const char *why = NULL;
        token[i] = was == 'A' ? 'B' : 'A';
        if (was != '.' && auth_jws_init(&jws, text, &why) == 0) {
            assert_false(auth_verified_is_of(v, &jws, &no_keys));
            auth_jws_fini(&jws);
        }
        token[i] = was;
    }
    assert_true(is_of(v, text, &no_keys));
    auth_jwks_fini(&keys);
    auth_verified_free(v);
}

static str token_of(char out[TOKEN_SIZE], size_t n)
{
    char claims[32];

    snprintf(claims, sizeof(claims), "{\"jti\":\"%zu\"}", n);
    return token_sign(out, TOKEN_SECRET, STR("{\"alg\":\"HS256\"}"), str_of(claims));
}

static void so_many_are_remembered_and_no_more(void **state)
{
    const size_t n = (size_t)4 * AUTH_VERIFIED_MAX;
    struct auth_verified *v = auth_verified_new(crypto_random());
    struct auth_jwks keys = keys_of(AUTH_KEY_SECRET, TOKEN_SECRET);
    size_t n_known = 0;
    char token[TOKEN_SIZE];

    (void)state;
    for (size_t i = 0; i < n; i++) {
        assert_true(is_of(v, token_of(token, i), &keys));
        assert_true(is_of(v, token_of(token, i), &no_keys)); // the latest always is
    }
    for (size_t i = 0; i < n; i++)
        n_known += is_of(v, token_of(token, i), &no_keys);
    assert_in_range(n_known, AUTH_VERIFIED_MAX / 2, AUTH_VERIFIED_MAX);
    auth_jwks_fini(&keys);
    auth_verified_free(v);
}

// Whoever asks.

static struct auth *auth_that_remembers(void)
{
    struct auth *a = auth_new(1);
    const struct auth_issuer host = {
        .iss = STR("host"), .aud = STR("chat"), .form = AUTH_KEY_URL};
    const char *why = NULL;

    auth_remember(a, crypto_random());
    assert_int_equal(auth_add_issuer(a, &host, &why), 0);
    assert_int_equal(auth_set_issuer_keys(a, 0, OKP, &why), 0);
    return a;
}

static int verify(const struct auth *a, str token, int64_t unix_ms)
{
    struct auth_identity id;
    const char *why = NULL;

    return auth_verify(a, token, unix_ms, &id, &why);
}

static void it_expires_all_the_same(void **state)
{
    struct auth *a = auth_that_remembers();

    (void)state;
    assert_int_equal(verify(a, STR(TOKEN_EDDSA), TOKEN_EXP * 1000 - 1), 0);
    assert_int_equal(verify(a, STR(TOKEN_EDDSA), TOKEN_EXP * 1000 - 1), 0);
    assert_int_equal(verify(a, STR(TOKEN_EDDSA), TOKEN_EXP * 1000), AUTH_EXPIRED);
    auth_free(a);
}

static void it_ends_with_its_key(void **state)
{
    struct auth *a = auth_that_remembers();
    const char *why = NULL;

    (void)state;
    assert_int_equal(verify(a, STR(TOKEN_EDDSA), 0), 0);
    assert_int_equal(auth_set_issuer_keys(a, 0, EC, &why), 0);
    assert_int_equal(verify(a, STR(TOKEN_EDDSA), 0), AUTH_NO_KEY);
    assert_int_equal(auth_set_issuer_keys(a, 0, OKP, &why), 0);
    assert_int_equal(verify(a, STR(TOKEN_EDDSA), 0), 0);
    auth_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_right_is_not_computed_again),
        cmocka_unit_test(what_was_wrong_is_computed_again),
        cmocka_unit_test(no_byte_of_it_may_differ),
        cmocka_unit_test(so_many_are_remembered_and_no_more),
        cmocka_unit_test(it_expires_all_the_same),
        cmocka_unit_test(it_ends_with_its_key),
    };
    return cmocka_run_group_tests_name("auth_verified", tests, NULL, NULL);
}
