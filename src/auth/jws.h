/**
 * A signed text in its compact form (JWS, RFC 7515), by the rules of RFC 8725: what the header
 * says chooses no algorithm and brings no key.
 */
#pragma once

#include "auth/jwks.h"

struct json;

struct auth_jws {
    str text;  // all of it; borrowed
    str input; // what is signed; borrowed from the text
    char *payload;
    size_t n_payload;
    str signature;
    enum crypto_alg alg;
    str kid;             // ptr is NULL: none
    str typ;             // likewise
    struct json *header; // owned: kid and typ lie there
    char *bytes;         // owned: the parts, decoded
};

enum auth_jws_refusal {
    AUTH_JWS_BAD = 1,
};

/** text is at most AUTH_TOKEN_MAX. @return 0 or AUTH_JWS_BAD; *why (static) says more */
MUST_CHECK int auth_jws_init(struct auth_jws *out, str text, const char **why);
void auth_jws_fini(struct auth_jws *jws);

/** Has one of these keys signed it? */
bool auth_jws_is_of(const struct auth_jws *jws, const struct auth_jwks *keys);
