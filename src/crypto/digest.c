#include "crypto/digest.h"

#include <stdlib.h>

#include <openssl/sha.h>

void crypto_sha1(uint8_t out[CRYPTO_SHA1_SIZE], str bytes)
{
    if (!SHA1((const unsigned char *)bytes.ptr, bytes.len, out))
        abort();
}
