#include "auth/proof.h"

#include <stdio.h>

#include "crypto/keccak.h"
#include "crypto/key.h"
#include "crypto/secp256k1.h"

#define PREFIX                                                                                 \
    "\x19"                                                                                     \
    "Ethereum Signed Message:\n" // clang-format would glue the digits to it

void auth_proof_digest(uint8_t out[AUTH_DIGEST_SIZE], str message)
{
    char text[sizeof(PREFIX) + 20 + AUTH_MESSAGE_MAX];

    assert(message.len <= AUTH_MESSAGE_MAX);
    const int n = snprintf(text, sizeof(text), PREFIX "%zu", message.len);
    str_copy(text + n, message);
    static_assert(AUTH_DIGEST_SIZE == CRYPTO_KECCAK_SIZE, "it is one");
    crypto_keccak256(out, (str){text, (size_t)n + message.len});
}

static bool is_of_ethereum(const struct auth_proof *p)
{
    uint8_t digest[CRYPTO_KECCAK_SIZE];
    uint8_t address[CRYPTO_ADDRESS_SIZE];

    auth_proof_digest(digest, p->message);
    if (crypto_secp256k1_recover(address, digest, p->signature) != 0)
        return false;
    return str_eq(account_key(&p->account), (str){(const char *)address, sizeof(address)});
}

static bool is_of_solana(const struct auth_proof *p)
{
    struct crypto_key *key = NULL;

    if (crypto_key_new_ed25519(&key, account_key(&p->account)) != 0)
        return false;
    const bool is_of = crypto_key_verify(key, p->message, p->signature);
    crypto_key_free(key);
    return is_of;
}

int auth_proof_check(const struct auth_proof *proof)
{
    const bool is_of =
        proof->account.bytes[0] == ACCOUNT_SOLANA ? is_of_solana(proof) : is_of_ethereum(proof);

    return is_of ? 0 : AUTH_PROOF_WRONG;
}
