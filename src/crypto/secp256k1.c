#include "crypto/secp256k1.h"

#include <secp256k1_preallocated.h>
#include <secp256k1_recovery.h>

#include "base/mem.h"
#include "crypto/keccak.h"

#define COMPACT_SIZE 64 // r and s
#define POINT_SIZE   65 // a byte that says "uncompressed", x and y

/**
 * 27 + n is how Bitcoin wrote it first, and most wallets; n is what hardware wallets write. 2
 * and 3 are for an r that does not fit, which one would have to search for; 35 and more name a
 * chain, and only transactions do that.
 */
static int parity_of(uint8_t v)
{
    const int parity = v >= 27 ? v - 27 : v;
    return parity == 0 || parity == 1 ? parity : -1;
}

static bool has_low_s(const secp256k1_context *context,
                      const secp256k1_ecdsa_recoverable_signature *signature)
{
    secp256k1_ecdsa_signature plain;

    secp256k1_ecdsa_recoverable_signature_convert(context, &plain, signature);
    return secp256k1_ecdsa_signature_normalize(context, NULL, &plain) == 0;
}

static bool recover(secp256k1_pubkey *key, const secp256k1_context *context,
                    const uint8_t digest[32], str signature)
{
    const uint8_t *bytes = (const uint8_t *)signature.ptr;
    secp256k1_ecdsa_recoverable_signature parsed;

    if (signature.len != CRYPTO_RECOVERED_SIZE)
        return false;
    const int parity = parity_of(bytes[COMPACT_SIZE]);
    return parity >= 0 &&
           secp256k1_ecdsa_recoverable_signature_parse_compact(context, &parsed, bytes,
                                                               parity) == 1 &&
           has_low_s(context, &parsed) &&
           secp256k1_ecdsa_recover(context, key, &parsed, digest) == 1;
}

/** The last bytes of the hash of x and y. */
static void address_of(uint8_t address[CRYPTO_ADDRESS_SIZE], const secp256k1_context *context,
                       const secp256k1_pubkey *key)
{
    uint8_t point[POINT_SIZE];
    uint8_t hash[CRYPTO_KECCAK_SIZE];
    size_t n = sizeof(point);

    secp256k1_ec_pubkey_serialize(context, point, &n, key, SECP256K1_EC_UNCOMPRESSED);
    crypto_keccak256(hash, (str){(const char *)point + 1, n - 1});
    memcpy(address, hash + CRYPTO_KECCAK_SIZE - CRYPTO_ADDRESS_SIZE, CRYPTO_ADDRESS_SIZE);
}

int crypto_secp256k1_recover(uint8_t address[CRYPTO_ADDRESS_SIZE], const uint8_t digest[32],
                             str signature)
{
    static const uint8_t nobody[CRYPTO_ADDRESS_SIZE];
    // Constant, and enough for what knows no secret: there is nothing to make and to share.
    const secp256k1_context *context = secp256k1_context_static;
    uint8_t found[CRYPTO_ADDRESS_SIZE];
    secp256k1_pubkey key;

    if (!recover(&key, context, digest, signature))
        return CRYPTO_RECOVER_BAD;
    address_of(found, context, &key);
    if (memcmp(found, nobody, sizeof(nobody)) == 0)
        return CRYPTO_RECOVER_BAD;
    memcpy(address, found, sizeof(found));
    return 0;
}

int crypto_secp256k1_address(uint8_t address[CRYPTO_ADDRESS_SIZE],
                             const uint8_t key[CRYPTO_WALLET_KEY_SIZE])
{
    // The constant one does not multiply the generator.
    const unsigned flags = SECP256K1_CONTEXT_NONE;
    void *place = mem_alloc(secp256k1_context_preallocated_size(flags));
    secp256k1_context *context = secp256k1_context_preallocated_create(place, flags);
    secp256k1_pubkey public;

    const int is_key = secp256k1_ec_pubkey_create(context, &public, key);
    if (is_key == 1)
        address_of(address, context, &public);
    secp256k1_context_preallocated_destroy(context);
    free(place);
    return is_key == 1 ? 0 : CRYPTO_WALLET_KEY_BAD;
}
