/** The issuers that the file of options names, with their keys, given to auth. */
#pragma once

#include "server/serve_options.h"

enum issuers_refusal {
    ISSUERS_BAD = 1, // said on stderr, with what to do
};

/** @return 0 or ISSUERS_BAD */
MUST_CHECK int issuers_add(struct auth *auth, const struct serve_options *o);
