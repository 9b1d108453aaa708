/** Digests. */
#pragma once

#include "base/str.h"

#define CRYPTO_SHA1_SIZE   20 // bytes
#define CRYPTO_SHA256_SIZE 32 // bytes

/** SHA-1 is broken as a signature; RFC 6455 asks for it in the handshake, and only that may use
 * it. */
void crypto_sha1(uint8_t out[CRYPTO_SHA1_SIZE], str bytes);

void crypto_sha256(uint8_t out[CRYPTO_SHA256_SIZE], str bytes);
