#include "crypto/key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <sodium.h>

#include "base/mem.h"
#include "crypto/digest.h"
#include "crypto/pem.h"
#include "crypto/roca.h"
#include "crypto/secret.h"

static_assert(CRYPTO_ED25519_SIZE == crypto_sign_PUBLICKEYBYTES, "");

struct crypto_key {
    enum crypto_alg alg;
    EVP_PKEY_CTX *verifier; // RS256, PS256, ES256: set up once, used again and again
    struct secret *secret;  // HS256
    uint8_t ed25519[CRYPTO_ED25519_SIZE];
};

static struct crypto_key *key_new(enum crypto_alg alg)
{
    struct crypto_key *k = NEW(struct crypto_key);

    k->alg = alg;
    return k;
}

struct crypto_key *crypto_key_new_secret(str secret)
{
    struct crypto_key *k = key_new(CRYPTO_HS256);

    k->secret = secret_new(secret);
    return k;
}

int crypto_key_new_ed25519(struct crypto_key **out, str x)
{
    if (x.len != CRYPTO_ED25519_SIZE)
        return CRYPTO_KEY_BAD;
    *out = key_new(CRYPTO_EDDSA);
    str_copy((char *)(*out)->ed25519, x);
    return 0;
}

static int set_up(EVP_PKEY_CTX *ctx, enum crypto_alg alg)
{
    if (EVP_PKEY_public_check(ctx) != 1 || EVP_PKEY_verify_init(ctx) != 1 ||
        EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) != 1)
        return CRYPTO_KEY_BAD;
    if (alg == CRYPTO_RS256 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1)
        return CRYPTO_KEY_BAD;
    if (alg == CRYPTO_PS256 &&
        (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) != 1 ||
         EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) != 1 ||
         EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) != 1))
        return CRYPTO_KEY_BAD;
    return 0;
}

static int new_of_pkey(struct crypto_key **out, EVP_PKEY *pkey, enum crypto_alg alg)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

    if (!ctx)
        abort();
    const int r = set_up(ctx, alg);
    if (r != 0) {
        EVP_PKEY_CTX_free(ctx);
        return r;
    }
    *out = key_new(alg);
    (*out)->verifier = ctx;
    return 0;
}

static bool is_of_broken_chip(const EVP_PKEY *pkey)
{
    char bytes[CRYPTO_RSA_BITS_MAX / 8];
    BIGNUM *n = NULL;

    if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n) != 1)
        abort();
    const int len = BN_bn2bin(n, (unsigned char *)bytes);
    BN_free(n);
    return roca_is_broken((str){bytes, (size_t)len});
}

static int new_of_rsa(struct crypto_key **out, EVP_PKEY *pkey, enum crypto_alg alg)
{
    const int bits = EVP_PKEY_get_bits(pkey);

    if (bits < CRYPTO_RSA_BITS_MIN || bits > CRYPTO_RSA_BITS_MAX)
        return CRYPTO_KEY_WEAK;
    if (is_of_broken_chip(pkey))
        return CRYPTO_KEY_WEAK;
    return new_of_pkey(out, pkey, alg);
}

static int new_of_ec(struct crypto_key **out, EVP_PKEY *pkey)
{
    char curve[32] = "";

    EVP_PKEY_get_group_name(pkey, curve, sizeof(curve), NULL);
    if (!str_eq(str_of(curve), STR(SN_X9_62_prime256v1)))
        return CRYPTO_KEY_UNSUPPORTED;
    return new_of_pkey(out, pkey, CRYPTO_ES256);
}

static int new_of_ed25519(struct crypto_key **out, EVP_PKEY *pkey)
{
    char x[CRYPTO_ED25519_SIZE];
    size_t n = sizeof(x);

    if (EVP_PKEY_get_raw_public_key(pkey, (unsigned char *)x, &n) != 1)
        return CRYPTO_KEY_BAD;
    return crypto_key_new_ed25519(out, (str){x, n});
}

static int new_of_any(struct crypto_key **out, EVP_PKEY *pkey, enum crypto_alg rsa_alg)
{
    switch (EVP_PKEY_get_base_id(pkey)) {
    case EVP_PKEY_RSA: return new_of_rsa(out, pkey, rsa_alg);
    case EVP_PKEY_RSA_PSS: return new_of_rsa(out, pkey, CRYPTO_PS256);
    case EVP_PKEY_EC: return new_of_ec(out, pkey);
    case EVP_PKEY_ED25519: return new_of_ed25519(out, pkey);
    default: return CRYPTO_KEY_UNSUPPORTED;
    }
}

int crypto_key_new_pem(struct crypto_key **out, str pem, enum crypto_alg rsa_alg)
{
    EVP_PKEY *pkey = pem_public(pem);

    if (!pkey)
        return CRYPTO_KEY_BAD;
    const int r = new_of_any(out, pkey, rsa_alg);
    EVP_PKEY_free(pkey);
    ERR_clear_error();
    return r;
}

/** Members of a key, as OpenSSL takes them. @return owned, or NULL: they make none */
static EVP_PKEY *pkey_of(const char *kind, OSSL_PARAM *params)
{
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, kind, NULL);

    if (!ctx || !params || EVP_PKEY_fromdata_init(ctx) != 1)
        abort();
    if (EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

static BIGNUM *number_of(str bytes)
{
    BIGNUM *n = BN_bin2bn((const unsigned char *)bytes.ptr, (int)bytes.len, NULL);

    if (!n)
        abort();
    return n;
}

static EVP_PKEY *pkey_of_rsa(str n_bytes, str e_bytes)
{
    BIGNUM *n = number_of(n_bytes);
    BIGNUM *e = number_of(e_bytes);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();

    if (!build || OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) != 1)
        abort();
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY *pkey = pkey_of("RSA", params);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    BN_free(e);
    BN_free(n);
    return pkey;
}

int crypto_key_new_rsa(struct crypto_key **out, str n, str e, enum crypto_alg alg)
{
    if (n.len == 0 || e.len == 0)
        return CRYPTO_KEY_BAD;
    if (n.len > CRYPTO_RSA_BITS_MAX / 8 || e.len > n.len)
        return CRYPTO_KEY_WEAK;
    EVP_PKEY *pkey = pkey_of_rsa(n, e);
    const int r = pkey ? new_of_rsa(out, pkey, alg) : CRYPTO_KEY_BAD;
    EVP_PKEY_free(pkey);
    ERR_clear_error();
    return r;
}

int crypto_key_new_p256(struct crypto_key **out, str x, str y)
{
    char point[1 + 2 * CRYPTO_P256_SIZE] = {POINT_CONVERSION_UNCOMPRESSED};
    char curve[] = SN_X9_62_prime256v1;

    // RFC 7518, section 6.2.1.2: leading zeroes are not left out.
    if (x.len != CRYPTO_P256_SIZE || y.len != CRYPTO_P256_SIZE)
        return CRYPTO_KEY_BAD;
    str_copy(point + 1, x);
    str_copy(point + 1 + CRYPTO_P256_SIZE, y);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY *pkey = pkey_of("EC", params);
    const int r = pkey ? new_of_ec(out, pkey) : CRYPTO_KEY_BAD;
    EVP_PKEY_free(pkey);
    ERR_clear_error();
    return r;
}

void crypto_key_free(struct crypto_key *k)
{
    if (!k)
        return;
    EVP_PKEY_CTX_free(k->verifier);
    secret_free(k->secret);
    free(k);
}

enum crypto_alg crypto_key_alg(const struct crypto_key *k)
{
    return k->alg;
}

static bool verify_secret(const struct crypto_key *k, str bytes, str signature)
{
    uint8_t mac[CRYPTO_SHA256_SIZE];

    if (signature.len != sizeof(mac))
        return false;
    crypto_hmac_sha256(mac, secret_str(k->secret), bytes);
    return crypto_equal(mac, signature.ptr, sizeof(mac));
}

static bool verify_ed25519(const struct crypto_key *k, str bytes, str signature)
{
    return signature.len == crypto_sign_BYTES &&
           crypto_sign_verify_detached((const unsigned char *)signature.ptr,
                                       (const unsigned char *)bytes.ptr, bytes.len,
                                       k->ed25519) == 0;
}

static bool verify_pkey(const struct crypto_key *k, str bytes, const void *signature, size_t n)
{
    uint8_t digest[CRYPTO_SHA256_SIZE];

    crypto_sha256(digest, bytes);
    const int r = EVP_PKEY_verify(k->verifier, signature, n, digest, sizeof(digest));
    ERR_clear_error();
    return r == 1;
}

/** RFC 7518, section 3.4: r and s, 32 bytes each. OpenSSL wants them in DER. */
static bool verify_p256(const struct crypto_key *k, str bytes, str signature)
{
    unsigned char *der = NULL;

    if (signature.len != 2 * (size_t)CRYPTO_P256_SIZE)
        return false;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = number_of(str_take(&signature, CRYPTO_P256_SIZE));
    BIGNUM *s = number_of(signature);
    if (!pair || ECDSA_SIG_set0(pair, r, s) != 1) // r and s are the pair's now
        abort();
    const int n = i2d_ECDSA_SIG(pair, &der);
    if (n < 0)
        abort();
    const bool is_right = verify_pkey(k, bytes, der, (size_t)n);
    OPENSSL_free(der);
    ECDSA_SIG_free(pair);
    return is_right;
}

bool crypto_key_verify(const struct crypto_key *k, str bytes, str signature)
{
    switch (k->alg) {
    case CRYPTO_HS256: return verify_secret(k, bytes, signature);
    case CRYPTO_ES256: return verify_p256(k, bytes, signature);
    case CRYPTO_EDDSA: return verify_ed25519(k, bytes, signature);
    case CRYPTO_RS256:
    case CRYPTO_PS256: break;
    }
    return verify_pkey(k, bytes, signature.ptr, signature.len);
}
