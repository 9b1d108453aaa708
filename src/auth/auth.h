/**
 * Who is this? Tokens (JWT, RFC 7519, checked by RFC 8725) of any number of issuers: the
 * server's own, and the host application's. Pure: keys come in as bytes, time as an argument.
 */
#pragma once

#include "base/account.h"
#include "base/buf.h"
#include "base/rand.h"

#define AUTH_TOKEN_MAX     8192 // bytes
#define AUTH_SESSION_SIZE  65   // bytes, NUL included
#define AUTH_ISSUERS_MAX   16
#define AUTH_KEYS_MAX      32    // of one issuer
#define AUTH_KEY_BYTES_MAX 65536 // bytes of an issuer's secret, PEM or JWKS
#define AUTH_SECRET_MIN    32    // bytes of an HS256 secret
#define AUTH_SKEW_MS       30000
#define AUTH_SKEW_MS_MAX   120000

struct auth;
struct auth_keyring;

enum auth_refusal {
    AUTH_MISSING = 1, // empty
    AUTH_INVALID,     // malformed, of nobody we know, or its signature is wrong
    AUTH_EXPIRED,
    AUTH_NO_KEY, // its issuer's keys are at a URL, and we have none that it may be of
};

struct auth_identity {
    account account;
    int64_t expires_at_ms; // Unix; without the skew, and never beyond the year 9999
    int64_t skew_ms;
    int64_t issued_at_ms; // Unix; 0: the token does not say
    // The token's sid, else its jti, else the digest of what is signed in it. A name that is
    // longer, or not of printable ASCII, becomes its digest.
    char session[AUTH_SESSION_SIZE];
    // What it is revoked by. A host names its sessions as it likes, and two accounts may have
    // one of the same name: of its tokens it is a digest of the name and the account.
    char key[AUTH_SESSION_SIZE];
    size_t issuer; // of AUTH_NO_KEY alone: which, in the order in which they were added
};

/** Where an issuer's keys come from. */
enum auth_key_form {
    AUTH_KEY_SECRET, // the bytes of an HS256 secret
    AUTH_KEY_PEM,    // one public key (or certificate, or private key): its kind gives the alg
    AUTH_KEY_JWKS,   // RFC 7517, a set; each key's alg, or what its kty and crv give
    AUTH_KEY_URL,    // the same, without secrets, and none yet: auth_set_issuer_keys()
};

struct auth_issuer {
    str name;  // for messages to the operator
    str iss;   // what the claim must be; empty: any, then it must be the only such issuer
    str aud;   // what the claim must be or hold; empty: not checked
    str claim; // which holds the address; "sub"
    str alg;   // of a PEM with an RSA key: "RS256" (also for empty) or "PS256"
    int64_t skew_ms;
    enum auth_key_form form;
    str key; // borrowed until the call returns; of AUTH_KEY_URL nothing
};

/** Can a session be called so? 1 to AUTH_SESSION_SIZE - 1 printable characters, no space. */
bool auth_is_session_name(str text);

struct auth *auth_new(uint64_t home_chain);
void auth_free(struct auth *a);

/** From now on a signature that is right is computed once (auth/verified.h). At most once. */
void auth_remember(struct auth *a, struct rand *rand);

enum auth_issuer_refusal {
    AUTH_ISSUER_BAD_KEY = 1,   // not what the form says, or no usable key in it
    AUTH_ISSUER_SHORT_SECRET,  // below AUTH_SECRET_MIN
    AUTH_ISSUER_PEM_AS_SECRET, // a secret that is a PEM: somebody mixed up two files
    AUTH_ISSUER_TOO_MANY,
    AUTH_ISSUER_TWICE, // the same iss as another one
};

/** Copied. @return 0 or an enum auth_issuer_refusal; *why (static) says more for the operator
 */
MUST_CHECK int auth_add_issuer(struct auth *a, const struct auth_issuer *issuer,
                               const char **why);

/**
 * From now on an issuer of AUTH_KEY_URL has these keys and no others. A secret or a private key
 * among them makes all of them useless: it is public.
 *
 * @param issuer  in the order in which they were added
 * @param jwks    at most AUTH_KEY_BYTES_MAX
 * @return 0; or AUTH_ISSUER_BAD_KEY: *why (static) says more, and the keys are what they were
 */
MUST_CHECK int auth_set_issuer_keys(struct auth *a, size_t issuer, str jwks, const char **why);

/** How many of an issuer's keys count. */
size_t auth_n_issuer_keys(const struct auth *a, size_t issuer);

/** @return 0 or an enum auth_refusal; *why (static) is for the log, never for the client */
MUST_CHECK int auth_verify(const struct auth *a, str token, int64_t unix_ms,
                           struct auth_identity *out, const char **why);

// The server's own key: Ed25519, as PEM (PKCS #8).

#define AUTH_OWN_ISS "parley" // the iss and aud of tokens that it makes

enum auth_own_refusal {
    AUTH_OWN_BAD_KEY = 1, // not an Ed25519 key in PEM, or not the private one
    AUTH_OWN_TOO_MANY,    // keys that are retired
};

#define AUTH_OWN_KEY_SIZE 256 // bytes that one takes in PEM, at most

/** A new key, appended to pem, which has room for AUTH_OWN_KEY_SIZE. It is a secret. */
void auth_own_key_new(struct buf *pem, struct rand *rand);

/** Accept the server's own tokens, of any of these keys; from now on of no other. */
void auth_set_own(struct auth *a, const struct auth_keyring *keys);
