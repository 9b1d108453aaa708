/**
 * Tokens whose signature was found right: it is not computed again for who comes back with the
 * same one, after its network has failed or with each call over HTTP. Nothing else is kept, and
 * all else is checked each time: whose it is, its times, whether it was revoked. What was found
 * holds while the keys are what they are.
 */
#pragma once

#include "auth/jws.h"
#include "base/rand.h"

#define AUTH_VERIFIED_MAX 16384 // tokens, 16 bytes each; a new one may take another's place

struct auth_verified;

/** @param rand  of the secret by which tokens are known; borrowed until the call returns */
struct auth_verified *auth_verified_new(struct rand *rand);

/** NULL is fine. */
void auth_verified_free(struct auth_verified *v);

/** As auth_jws_is_of(), now or at an earlier time. @param v  NULL: now */
bool auth_verified_is_of(struct auth_verified *v, const struct auth_jws *jws,
                         const struct auth_jwks *keys);

/** Some key is another one, or no more. NULL is fine. */
void auth_verified_clear(struct auth_verified *v);
