/**
 * Wallets that sign: of Ethereum with libsecp256k1, of Solana with libsodium. Their keys are
 * one byte, repeated.
 */
#pragma once

#include <stdio.h>

#include <secp256k1_recovery.h>

#include "auth/account.h"
#include "auth/message.h"
#include "auth/proof.h"
#include "base/base58.h"
#include "base/hex.h"
#include "crypto/ed25519.h"
#include "crypto/keccak.h"

#define WALLET_SIGNATURE_SIZE 136 // bytes of one as text, NUL included

static inline secp256k1_context *wallet_context(void)
{
    static secp256k1_context *context;

    if (!context)
        context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    return context;
}

static inline account wallet_account(uint8_t key)
{
    unsigned char secret[32];
    unsigned char public[65];
    uint8_t hash[CRYPTO_KECCAK_SIZE];
    secp256k1_pubkey point;
    size_t n = sizeof(public);
    account a = {.len = ACCOUNT_EVM_SIZE, .bytes = {ACCOUNT_EVM}};

    memset(secret, key, sizeof(secret));
    int ok = secp256k1_ec_pubkey_create(wallet_context(), &point, secret);
    ok &= secp256k1_ec_pubkey_serialize(wallet_context(), public, &n, &point,
                                        SECP256K1_EC_UNCOMPRESSED);
    assert(ok);
    crypto_keccak256(hash, (str){(const char *)public + 1, 64});
    memcpy(a.bytes + ACCOUNT_EVM_SIZE - 20, hash + 12, 20);
    return a;
}

/** EIP-191. @param v  what to add to the recovery id: 0 or 27 @return bytes, in out */
static inline str wallet_sign(char out[65], uint8_t key, str message, unsigned v)
{
    unsigned char secret[32];
    uint8_t digest[CRYPTO_KECCAK_SIZE];
    char text[64 + 2 * (size_t)AUTH_MESSAGE_MAX];
    secp256k1_ecdsa_recoverable_signature signature;
    int id = 0;

    assert(message.len <= 2 * (size_t)AUTH_MESSAGE_MAX);
    const int n =
        snprintf(text, sizeof(text), "\x19%s%zu", "Ethereum Signed Message:\n", message.len);
    str_copy(text + n, message);
    crypto_keccak256(digest, (str){text, (size_t)n + message.len});
    memset(secret, key, sizeof(secret));
    const int ok = secp256k1_ecdsa_sign_recoverable(wallet_context(), &signature, digest,
                                                    secret, NULL, NULL);
    assert(ok);
    (void)ok;
    secp256k1_ecdsa_recoverable_signature_serialize_compact(
        wallet_context(), (unsigned char *)out, &id, &signature);
    out[64] = (char)((unsigned)id + v);
    return (str){out, 65};
}

/** The same as 0x and digits. */
static inline const char *wallet_sign_text(char out[WALLET_SIGNATURE_SIZE], uint8_t key,
                                           str message)
{
    char bytes[65];
    const str signature = wallet_sign(bytes, key, message, 27);
    char *const at = out + str_copy(out, STR("0x")).len;

    *hex_encode(at, (const uint8_t *)signature.ptr, signature.len) = '\0';
    return out;
}

struct wallet_rand {
    struct rand rand;
    uint8_t byte;
};

static inline void wallet_solana_byte(struct rand *r, void *out, size_t n)
{
    memset(out, container_of(r, struct wallet_rand, rand)->byte, n);
}

static inline struct crypto_ed25519 wallet_solana_key(uint8_t key)
{
    struct wallet_rand r = {.rand.bytes = wallet_solana_byte, .byte = key};
    struct crypto_ed25519 made;

    crypto_ed25519_init(&made, &r.rand);
    return made;
}

static inline account wallet_solana_account(uint8_t key)
{
    const struct crypto_ed25519 made = wallet_solana_key(key);
    account a = {.len = ACCOUNT_SOLANA_SIZE, .bytes = {ACCOUNT_SOLANA}};

    memcpy(a.bytes + ACCOUNT_SOLANA_SIZE - 32, made.x, 32);
    return a;
}

/** @return base58, in out */
static inline const char *wallet_solana_sign_text(char out[WALLET_SIGNATURE_SIZE], uint8_t key,
                                                  str message)
{
    const struct crypto_ed25519 made = wallet_solana_key(key);
    uint8_t signature[CRYPTO_ED25519_SIGNATURE_SIZE];

    crypto_ed25519_sign(signature, &made, message);
    const str text = base58_encode(out, (str){(const char *)signature, sizeof(signature)});
    out[text.len] = '\0';
    return out;
}
