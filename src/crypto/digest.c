#include "crypto/digest.h"

#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <sodium.h>

#include "base/mem.h"

struct crypto_sha256 {
    EVP_MD_CTX *ctx;
};

static const unsigned char *octets(str s)
{
    return (const unsigned char *)s.ptr;
}

void crypto_sha1(uint8_t out[CRYPTO_SHA1_SIZE], str bytes)
{
    if (!SHA1(octets(bytes), bytes.len, out))
        abort();
}

// libsodium's, because OpenSSL 3 looks its algorithms up by name for each call.

void crypto_sha256(uint8_t out[CRYPTO_SHA256_SIZE], str bytes)
{
    crypto_hash_sha256(out, octets(bytes), bytes.len);
}

void crypto_hmac_sha256(uint8_t out[CRYPTO_SHA256_SIZE], str key, str bytes)
{
    crypto_auth_hmacsha256_state state;

    crypto_auth_hmacsha256_init(&state, octets(key), key.len);
    crypto_auth_hmacsha256_update(&state, octets(bytes), bytes.len);
    crypto_auth_hmacsha256_final(&state, out);
    sodium_memzero(&state, sizeof(state));
}

// OpenSSL's, because it has the instructions for it: long files are four times as fast, and so
// is a message, where the context is kept.

static void begin(struct crypto_sha256 *h, const EVP_MD *md)
{
    if (EVP_DigestInit_ex(h->ctx, md, NULL) != 1)
        abort();
}

struct crypto_sha256 *crypto_sha256_new(void)
{
    struct crypto_sha256 *h = NEW(struct crypto_sha256);

    h->ctx = EVP_MD_CTX_new();
    if (!h->ctx)
        abort();
    begin(h, EVP_sha256());
    return h;
}

void crypto_sha256_add(struct crypto_sha256 *h, str bytes)
{
    if (EVP_DigestUpdate(h->ctx, bytes.ptr, bytes.len) != 1)
        abort();
}

void crypto_sha256_end(struct crypto_sha256 *h, uint8_t out[CRYPTO_SHA256_SIZE])
{
    if (EVP_DigestFinal_ex(h->ctx, out, NULL) != 1)
        abort();
    begin(h, NULL); // the same
}

void crypto_sha256_free(struct crypto_sha256 *h)
{
    if (!h)
        return;
    EVP_MD_CTX_free(h->ctx);
    free(h);
}
