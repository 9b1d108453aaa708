/**
 * Refresh tokens: a session, a generation, whose it is, and that we have made it. None is
 * stored: whoever has the key can make any of them anew, so the answer to a repeated refresh is
 * the same (docs/decisions/0011-refresh-tokens.md).
 */
#pragma once

#include "auth/auth.h"
#include "auth/nonce.h"

#define AUTH_REFRESH_TEXT_SIZE 160 // bytes, NUL included

struct auth_refresh {
    account account;
    char session[RAND_NAME_SIZE];
    uint32_t generation; // from 1
};

/** @param key  AUTH_KEY_SIZE bytes. @return it, in out: a secret of its owner's */
str auth_refresh_text(char out[AUTH_REFRESH_TEXT_SIZE], const struct auth_refresh *r,
                      const uint8_t *key);

enum auth_refresh_refusal {
    AUTH_REFRESH_BAD = 1, // none that we have made
};

/** @return 0 or AUTH_REFRESH_BAD */
MUST_CHECK int auth_refresh_parse(struct auth_refresh *out, str text, const uint8_t *key);
