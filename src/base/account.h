/**
 * An account: whose mailbox it is, as bytes. Text comes in and goes out in auth/account.h;
 * equality is of these bytes and never of strings.
 *
 *   1 byte   namespace
 *   8 bytes  chain, big endian; 0 is the home chain (eip155) or the only one (solana)
 *   the key  20 bytes of an EVM address, 32 of a Solana key
 */
#pragma once

#include "base/str.h"

#define ACCOUNT_SIZE        41 // bytes, the longest
#define ACCOUNT_KEY_AT      9  // behind the namespace and the chain
#define ACCOUNT_EVM_SIZE    29
#define ACCOUNT_SOLANA_SIZE 41

enum account_namespace {
    ACCOUNT_EVM = 1,
    ACCOUNT_SOLANA,
};

typedef struct account {
    uint8_t len; // 0: nobody
    uint8_t bytes[ACCOUNT_SIZE];
} account;

static inline str account_str(const account *a)
{
    return (str){(const char *)a->bytes, a->len};
}

/** Its key: an EVM address, or a Solana key. Borrowed. */
static inline str account_key(const account *a)
{
    return (str){(const char *)a->bytes + ACCOUNT_KEY_AT, a->len - (size_t)ACCOUNT_KEY_AT};
}

static inline bool account_eq(const account *a, const account *b)
{
    return str_eq(account_str(a), account_str(b));
}

/** bytes, as account_str() gave them and a store kept them; at most ACCOUNT_SIZE. */
static inline account account_of(str bytes)
{
    account a = {.len = (uint8_t)bytes.len};

    assert(bytes.len <= ACCOUNT_SIZE);
    str_copy((char *)a.bytes, bytes);
    return a;
}
