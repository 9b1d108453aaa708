/** An Ed25519 key that signs (RFC 8032), and its PEM (PKCS #8, RFC 8410). */
#pragma once

#include "base/buf.h"
#include "base/rand.h"
#include "crypto/key.h"

#define CRYPTO_ED25519_SIGNATURE_SIZE 64  // bytes
#define CRYPTO_ED25519_PEM_SIZE       256 // bytes that one in PEM takes, at most

/** To be wiped: crypto_ed25519_fini(). */
struct crypto_ed25519 {
    uint8_t x[CRYPTO_ED25519_SIZE];          // the public key
    uint8_t secret[2 * CRYPTO_ED25519_SIZE]; // the private key, then the public one
};

void crypto_ed25519_init(struct crypto_ed25519 *k, struct rand *rand);

/** @return 0; or CRYPTO_KEY_BAD, and k is empty */
MUST_CHECK int crypto_ed25519_parse(struct crypto_ed25519 *k, str pem);

/** The public key of a public or a private key. @return 0 or CRYPTO_KEY_BAD */
MUST_CHECK int crypto_ed25519_parse_public(uint8_t x[CRYPTO_ED25519_SIZE], str pem);

void crypto_ed25519_fini(struct crypto_ed25519 *k);

/** Append it to pem, which has room for CRYPTO_ED25519_PEM_SIZE more. */
void crypto_ed25519_print(struct buf *pem, const struct crypto_ed25519 *k);

/** The same of the public key alone. */
void crypto_ed25519_print_public(struct buf *pem, const struct crypto_ed25519 *k);

void crypto_ed25519_sign(uint8_t out[CRYPTO_ED25519_SIGNATURE_SIZE],
                         const struct crypto_ed25519 *k, str bytes);
