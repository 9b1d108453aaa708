/** The keys of one issuer (RFC 7517), each with the algorithm that it is for. */
#pragma once

#include "auth/auth.h"
#include "crypto/key.h"

struct auth_jwks {
    size_t n;
    struct auth_jwks_key {
        struct crypto_key *key;
        char *kid; // NULL: it has no name
    } keys[AUTH_KEYS_MAX];
};

/** @return false: none that we take */
bool auth_alg_find(str name, enum crypto_alg *out);

/**
 * Of a JWKS, keys that we can't use are left out (RFC 7517, section 5), unless none remains.
 * Of AUTH_KEY_URL the key is the JWKS that was there.
 *
 * @param issuer  its form, key and alg count
 * @return 0, AUTH_ISSUER_BAD_KEY, AUTH_ISSUER_SHORT_SECRET or AUTH_ISSUER_PEM_AS_SECRET: then
 * *why says more, and set is empty
 */
MUST_CHECK int auth_jwks_init(struct auth_jwks *set, const struct auth_issuer *issuer,
                              const char **why);
void auth_jwks_fini(struct auth_jwks *set);

/** Has a key of it this kid? @param kid  ptr is NULL: none, which no key has */
bool auth_jwks_has(const struct auth_jwks *set, str kid);
