/**
 * Signing in with a wallet (EIP-4361 and its like for Solana): we give out a nonce, the wallet
 * signs a message with it, and who has signed what we can check gets a session. A signature
 * that is not of the address's own key may be good for the contract at that address, which is
 * asked where its chain has an RPC.
 */
#pragma once

#include "auth/domains.h"
#include "auth/nonce.h"
#include "auth/proof.h"
#include "auth/sessions.h"

#define AUTH_CHAINS_MAX 64 // whose wallets may sign in

// A message is as old as its nonce at most, and ten minutes if that is less; and a device's
// clock may be a minute early.
#define AUTH_MESSAGE_AGE_MS  600000
#define AUTH_MESSAGE_SKEW_MS 60000

struct auth_sign_in_config {
    struct auth_sessions *sessions;
    struct auth_prover *prover;
    struct auth_contracts *contracts; // NULL: none can be asked
    struct clock *clock;
    struct rand *rand;
    const uint8_t *nonce_key; // AUTH_KEY_SIZE bytes
    const struct auth_domains *domains;
    size_t n_chains;
    uint64_t chains[AUTH_CHAINS_MAX]; // EIP-155; the home chain is the first
    bool solana;                      // its wallets, too
};

struct auth_sign_in;

/** @param config  copied; what it points to is borrowed and must outlive it */
struct auth_sign_in *auth_sign_in_new(const struct auth_sign_in_config *config);

/** Nothing may be under way. NULL is fine. */
void auth_sign_in_free(struct auth_sign_in *s);

bool auth_sign_in_is_idle(const struct auth_sign_in *s);

/** What a wallet needs for its message. */
struct auth_challenge {
    char nonce[AUTH_NONCE_TEXT_SIZE];
    char domain[AUTH_DOMAIN_SIZE];
    int64_t issued_at_ms; // Unix
    int64_t expires_at_ms;
    size_t n_chains;
    const uint64_t *chains; // borrowed
};

enum auth_challenge_refusal {
    AUTH_CHALLENGE_NO_DOMAIN = 1, // one can sign in nowhere
};

/**
 * @param origin       host or host:port of the page that asks; empty, or not one of ours, gets
 *                     the first domain
 * @param is_contract  it will take longer: several owners have to sign
 * @return 0 or AUTH_CHALLENGE_NO_DOMAIN
 */
MUST_CHECK int auth_sign_in_challenge(const struct auth_sign_in *s, str origin,
                                      bool is_contract, struct auth_challenge *out);

enum auth_login_refusal {
    AUTH_LOGIN_MALFORMED = 1,
    AUTH_LOGIN_NO_SIGNATURE, // neither 0x and digits, nor base58 where Solana has it; or too
                             // long
    AUTH_LOGIN_DOMAIN,
    AUTH_LOGIN_URI,
    AUTH_LOGIN_CHAIN,
    AUTH_LOGIN_NONCE,
    AUTH_LOGIN_EXPIRED,
    AUTH_LOGIN_NOT_YET,
    AUTH_LOGIN_ADDRESS,
    AUTH_LOGIN_SIGNATURE,
    AUTH_LOGIN_LIMITED,     // auth_sessions_retry_after_ms() says for how long
    AUTH_LOGIN_BUSY,        // too many signatures wait to be checked
    AUTH_LOGIN_UNCHECKED,   // the chain of the wallet has no answer
    AUTH_LOGIN_UNAVAILABLE, // the store is
};

/** @param r  0 or one of AUTH_LOGIN_NONCE, _SIGNATURE, _LIMITED, _BUSY, _UNCHECKED and
 * _UNAVAILABLE */
typedef void auth_login_fn(void *arg, int r, const struct auth_grant *grant);

/**
 * The cheap checks first: what costs more is only done for a nonce of ours.
 *
 * @param message    the text that was signed
 * @param signature  0x and hex digits, or base58 of Solana
 * @return 0, and done comes; or an enum auth_login_refusal, and it does not: then *why (static)
 *         says more, for a developer
 */
MUST_CHECK int auth_sign_in_login(struct auth_sign_in *s, str message, str signature,
                                  auth_login_fn *done, void *arg, const char **why);
