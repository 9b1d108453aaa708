#include "crypto/digest.h"
#include "crypto/key.h"
#include "crypto/secret.h"
#include "support/vectors.h"

static bool is_valid(const struct json *test)
{
    return str_eq(vector_text(test, "result"), STR("valid"));
}

static void check_hmac(const struct json *group, const struct json *test, const char *name)
{
    uint8_t mac[CRYPTO_SHA256_SIZE];
    size_t n_key;
    size_t n_msg;
    size_t n_tag;
    char *key = vector_bytes(test, "key", &n_key);
    char *msg = vector_bytes(test, "msg", &n_msg);
    char *tag = vector_bytes(test, "tag", &n_tag);

    expect_int(name, n_tag, vector_number(group, "tagSize") / 8); // some are cut
    crypto_hmac_sha256(mac, (str){key, n_key}, (str){msg, n_msg});
    expect_int(name, crypto_equal(mac, tag, n_tag), is_valid(test));
    free(key);
    free(msg);
    free(tag);
}

/** The key of a group in both its forms says the same of msg and sig. */
static void check_signature(const struct json *group, const struct json *test, const char *name)
{
    struct crypto_key *key = NULL;
    size_t n_msg;
    size_t n_sig;
    char *msg = vector_bytes(test, "msg", &n_msg);
    char *sig = vector_bytes(test, "sig", &n_sig);

    const str pem = vector_text(group, "publicKeyPem");
    expect_int(name, crypto_key_new_pem(&key, pem, CRYPTO_RS256), 0);
    const bool is_right = crypto_key_verify(key, (str){msg, n_msg}, (str){sig, n_sig});
    expect_int(name, is_right, is_valid(test));
    crypto_key_free(key);
    free(msg);
    free(sig);
}

static void hmac(void **state)
{
    (void)state;
    vectors_run("wycheproof/hmac_sha256_test.json", check_hmac);
}

static void ed25519(void **state)
{
    (void)state;
    vectors_run("wycheproof/ed25519_test.json", check_signature);
}

static void p256(void **state)
{
    (void)state;
    vectors_run("wycheproof/ecdsa_secp256r1_sha256_p1363_test.json", check_signature);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        VECTORS_TEST(hmac),
        VECTORS_TEST(ed25519),
        VECTORS_TEST(p256),
    };
    return cmocka_run_group_tests_name("crypto/wycheproof", tests, NULL, NULL);
}
