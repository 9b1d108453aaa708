/**
 * The keys of the server's own tokens: the one that signs them, and those that did so before
 * it, of which tokens may still be good.
 */
#pragma once

#include "auth/signer.h"

#define AUTH_RETIRED_MAX 8 // keys that sign no more, and still count

/** To be wiped: auth_keyring_fini(). */
struct auth_keyring {
    struct auth_signer signer;
    size_t n_retired;
    struct auth_retired {
        struct auth_public key;
        int64_t until_ms; // Unix
    } retired[AUTH_RETIRED_MAX];
};

/** Without retired ones. @return 0; or AUTH_OWN_BAD_KEY, and k is empty */
MUST_CHECK int auth_keyring_init(struct auth_keyring *k, str pem);

/**
 * One key more that is good until then; one that is there already is no other.
 *
 * @param pem  a public key, or a private one, of which the public key is taken
 * @return 0, AUTH_OWN_BAD_KEY or AUTH_OWN_TOO_MANY: nothing changed
 */
MUST_CHECK int auth_keyring_retire(struct auth_keyring *k, str pem, int64_t until_ms);

/** Leave out those whose time is over. @return were there any? */
bool auth_keyring_forget(struct auth_keyring *k, int64_t unix_ms);

/** What `from` has, in the place of what `to` had; `from` is empty then. */
void auth_keyring_move(struct auth_keyring *to, struct auth_keyring *from);

/** Empty, and all zeroes. */
void auth_keyring_fini(struct auth_keyring *k);

/** Append the public keys as a JWKS (RFC 7517), the one that signs first. */
void auth_keyring_print_jwks(struct buf *out, const struct auth_keyring *k);
