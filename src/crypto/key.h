/**
 * Keys that check signatures (RFC 7515). Each is parsed once, and belongs to one algorithm for
 * ever: what a token says about its algorithm can only be right or wrong, and chooses nothing.
 */
#pragma once

#include "base/str.h"

#define CRYPTO_RSA_BITS_MIN 2048
#define CRYPTO_RSA_BITS_MAX 8192 // checking takes longer with the square of it
#define CRYPTO_P256_SIZE    32   // bytes of a coordinate
#define CRYPTO_ED25519_SIZE 32   // bytes of a public key, and of a private one

enum crypto_alg {
    CRYPTO_HS256,
    CRYPTO_RS256,
    CRYPTO_PS256,
    CRYPTO_ES256,
    CRYPTO_EDDSA, // Ed25519
};

struct crypto_key;

enum crypto_key_refusal {
    CRYPTO_KEY_BAD = 1,     // no key, or one that breaks the rules of its kind
    CRYPTO_KEY_UNSUPPORTED, // of a kind or a curve that we don't take
    CRYPTO_KEY_WEAK,        // RSA below CRYPTO_RSA_BITS_MIN or above CRYPTO_RSA_BITS_MAX, or
                            // made by a chip that makes keys which can be broken (ROCA)
};

/** For HS256. @return owned; crypto_key_free() */
struct crypto_key *crypto_key_new_secret(str secret);

/**
 * The first public key, certificate or private key in a PEM. Of a certificate only the key
 * counts; a private key that is encrypted is CRYPTO_KEY_BAD.
 *
 * @param rsa_alg  CRYPTO_RS256 or CRYPTO_PS256, for an RSA key
 * @param out      owned; crypto_key_free()
 * @return 0, or an enum crypto_key_refusal
 */
MUST_CHECK int crypto_key_new_pem(struct crypto_key **out, str pem, enum crypto_alg rsa_alg);

// The members of a JWK (RFC 7518, RFC 8037), big endian. Results as above.

MUST_CHECK int crypto_key_new_rsa(struct crypto_key **out, str n, str e, enum crypto_alg alg);
MUST_CHECK int crypto_key_new_p256(struct crypto_key **out, str x, str y);
MUST_CHECK int crypto_key_new_ed25519(struct crypto_key **out, str x);

/** Wiped. NULL is fine. */
void crypto_key_free(struct crypto_key *k);

enum crypto_alg crypto_key_alg(const struct crypto_key *k);

/** Is this the signature of these bytes, in the form that RFC 7518 gives it? */
bool crypto_key_verify(const struct crypto_key *k, str bytes, str signature);
