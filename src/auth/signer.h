/** What makes the server's own tokens: an Ed25519 key, whose name (kid) is its thumbprint. */
#pragma once

#include "auth/auth.h"
#include "crypto/ed25519.h"

#define AUTH_KID_SIZE    44         // bytes, NUL included
#define AUTH_MINT_MS_MAX 2592000000 // for a token to be good; 30 days

/** What checks such tokens. */
struct auth_public {
    char x[AUTH_KID_SIZE]; // the public key, as a JWK has it
    char kid[AUTH_KID_SIZE];
};

/** Of a public key in PEM, or of a private one. @return 0 or AUTH_OWN_BAD_KEY */
MUST_CHECK int auth_public_init(struct auth_public *p, str pem);

/** Append it as a JWK (RFC 7517, RFC 8037), some 200 bytes. */
void auth_public_print_jwk(struct buf *out, const struct auth_public *p);

/** To be wiped: auth_signer_fini(). */
struct auth_signer {
    struct crypto_ed25519 key;
    char x[AUTH_KID_SIZE]; // the public key, as a JWK has it
    char kid[AUTH_KID_SIZE];
};

/** @return 0; or AUTH_OWN_BAD_KEY, and s is empty */
MUST_CHECK int auth_signer_init(struct auth_signer *s, str pem);
void auth_signer_fini(struct auth_signer *s);

/** Append the public key, likewise. */
void auth_signer_print_jwk(struct buf *out, const struct auth_signer *s);

/** A name for a session of ours: a rand_name() that is no option where it is an argument. */
void auth_session_name_new(char out[RAND_NAME_SIZE], struct rand *rand);

struct auth_mint {
    account account;
    int64_t now_ms; // Unix
    int64_t ttl_ms; // at most AUTH_MINT_MS_MAX: a key that was retired counts for so long
    str session;    // the sid: 1 to 64 printable characters of ASCII, no space
};

/** Append a token that auth_set_own() makes acceptable; it has room for AUTH_TOKEN_MAX.
 * The same arguments make the same token. */
void auth_mint(struct buf *token, const struct auth_signer *signer, const struct auth_mint *m);
