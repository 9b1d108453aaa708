/**
 * Accounts as text (docs/protocol.md, "Accounts").
 *
 *   0x + 40 hex digits      an address on the home chain; mixed case must satisfy EIP-55
 *   eip155:<chain>:0x…      a contract wallet of another chain (CAIP-10); chain 0 and the home
 *                           chain mean 0x…
 *   solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp:<base58>
 */
#pragma once

#include "auth/cases.h"
#include "base/account.h"

#define AUTH_ACCOUNT_TEXT_SIZE 96 // bytes, NUL included

enum auth_account_refusal {
    AUTH_ACCOUNT_BAD = 1,
};

/**
 * @param home_chain  chain id of the home chain
 * @return 0 or AUTH_ACCOUNT_BAD
 */
MUST_CHECK int auth_account_parse(account *out, str text, uint64_t home_chain);

/** Likewise, where many are. @param cases  of those of late; NULL: none */
MUST_CHECK int auth_account_parse_with(account *out, str text, uint64_t home_chain,
                                       struct auth_cases *cases);

/** A Solana key as its wallets write it: the base58 alone. @return 0 or AUTH_ACCOUNT_BAD */
MUST_CHECK int auth_account_parse_solana(account *out, str key);

/** The one form that goes out, EIP-55 where it applies; NUL-terminated. @return it, in out */
str auth_account_text(char out[AUTH_ACCOUNT_TEXT_SIZE], const account *a);

/** Likewise, where many are. @param cases  of those of late; NULL: none */
str auth_account_text_with(char out[AUTH_ACCOUNT_TEXT_SIZE], const account *a,
                           struct auth_cases *cases);

/** The contract wallet at the address of an EVM account, on a chain that is not the home chain.
 */
account auth_account_on(const account *a, uint64_t chain);

/** An EVM account whose address is all zeroes: nobody's. */
bool auth_account_is_zero(const account *a);
