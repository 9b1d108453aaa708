#include "crypto/digest.h"

#include <stdlib.h>

#include <openssl/sha.h>

void crypto_sha1(uint8_t out[CRYPTO_SHA1_SIZE], str bytes)
{
    if (!SHA1((const unsigned char *)bytes.ptr, bytes.len, out))
        abort();
}

void crypto_sha256(uint8_t out[CRYPTO_SHA256_SIZE], str bytes)
{
    if (!SHA256((const unsigned char *)bytes.ptr, bytes.len, out))
        abort();
}
