/** What a signed token claims (JWT, RFC 7519), and whether that holds now. */
#pragma once

#include "auth/auth.h"

struct json;

struct auth_jwt_rules {
    uint64_t home_chain;
    str aud;           // empty: not checked
    const char *claim; // which holds the address
    int64_t skew_ms;
    int64_t unix_ms; // now
};

/** Is this what a token may call itself? ptr is NULL: it does not. */
bool auth_jwt_is_typ(str typ);

/**
 * The signature is right, and iss is that of the rules.
 *
 * @param out  without its session, and its key
 * @return 0, AUTH_INVALID or AUTH_EXPIRED: then *why (static) says more, and out is as it was
 */
MUST_CHECK int auth_jwt_check(struct auth_identity *out, const struct json *claims,
                              const struct auth_jwt_rules *rules, const char **why);

/**
 * @param out     gets its session, and its key
 * @param is_own  the names are ours, and each is of one session
 * @param input   what is signed, for a token that names no session
 */
void auth_jwt_name_session(struct auth_identity *out, const struct json *claims, bool is_own,
                           str input);
