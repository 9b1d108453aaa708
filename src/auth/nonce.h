/**
 * Nonces that are stored only once they are used: each says when it was made, and for how
 * long, and a key of ours vouches for that and for the domain that it was made for. So asking
 * for any number of them costs no memory.
 */
#pragma once

#include "base/rand.h"
#include "base/str.h"

#define AUTH_KEY_SIZE          32     // bytes of a key that vouches
#define AUTH_NONCE_TEXT_SIZE   35     // bytes, NUL included
#define AUTH_NONCE_MS          300000 // its life
#define AUTH_NONCE_CONTRACT_MS 900000 // and for a wallet whose owners have to gather first

struct auth_nonce {
    int64_t made_at_ms; // Unix; to the second
    int64_t expires_at_ms;
};

/** @param key  AUTH_KEY_SIZE bytes @param domain  in lower case @param now_ms  Unix */
struct auth_nonce auth_nonce_new(char out[AUTH_NONCE_TEXT_SIZE], const uint8_t *key,
                                 struct rand *rand, str domain, int64_t now_ms,
                                 bool is_contract);

enum auth_nonce_refusal {
    AUTH_NONCE_BAD = 1, // not ours, or of another domain
    AUTH_NONCE_OVER,
};

/** @return 0 or an enum auth_nonce_refusal */
MUST_CHECK int auth_nonce_check(struct auth_nonce *out, const uint8_t *key, str nonce,
                                str domain, int64_t now_ms);
