/** The issuers that the file of options names, given to auth: with their keys, where these are
 * in a file. */
#pragma once

#include "auth/issuer_keys.h"
#include "server/serve_options.h"

enum issuers_refusal {
    ISSUERS_BAD = 1, // said on stderr, with what to do
};

/** @param urls  where the keys of the others are; borrowed from o @return 0 or ISSUERS_BAD */
MUST_CHECK int issuers_add(struct auth *auth, struct auth_issuer_urls *urls,
                           const struct serve_options *o);
