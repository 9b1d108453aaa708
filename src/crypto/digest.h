/** Digests, and what is built of them. */
#pragma once

#include "base/str.h"

#define CRYPTO_SHA1_SIZE   20 // bytes
#define CRYPTO_SHA256_SIZE 32 // bytes, also of its HMAC

/** SHA-1 is broken as a signature; RFC 6455 asks for it in the handshake, and only that may use
 * it. */
void crypto_sha1(uint8_t out[CRYPTO_SHA1_SIZE], str bytes);

void crypto_sha256(uint8_t out[CRYPTO_SHA256_SIZE], str bytes);

/** The same of what comes in pieces, or of one thing after the other: faster than the above,
 * once it is there. Thread: any, one at a time. */
struct crypto_sha256;

/** @return owned; crypto_sha256_free() */
struct crypto_sha256 *crypto_sha256_new(void);
void crypto_sha256_add(struct crypto_sha256 *h, str bytes);

/** What is added behind it begins another one. */
void crypto_sha256_end(struct crypto_sha256 *h, uint8_t out[CRYPTO_SHA256_SIZE]);

/** NULL is fine. */
void crypto_sha256_free(struct crypto_sha256 *h);

/** RFC 2104. Compare it with crypto_equal(). */
void crypto_hmac_sha256(uint8_t out[CRYPTO_SHA256_SIZE], str key, str bytes);
