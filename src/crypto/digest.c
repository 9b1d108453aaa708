#include "crypto/digest.h"

#include <stdlib.h>

#include <openssl/sha.h>
#include <sodium.h>

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
