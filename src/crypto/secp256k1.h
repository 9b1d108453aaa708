/** Ethereum's wallets: who has signed is recovered from the signature; whose a key is. */
#pragma once

#include "base/str.h"

#define CRYPTO_ADDRESS_SIZE    20 // bytes
#define CRYPTO_RECOVERED_SIZE  65 // bytes of a signature: r, s, v
#define CRYPTO_WALLET_KEY_SIZE 32 // bytes of a secret key

enum crypto_recover_refusal {
    CRYPTO_RECOVER_BAD = 1, // not in this form, or of nobody
};

/**
 * The address of the key that has signed.
 *
 * Thread: any.
 *
 * @param digest     32 bytes, of what was signed
 * @param signature  r and s, big endian, and v, which is 0, 1, 27 or 28. Of the two s that
 * would do only the lower is taken (EIP-2): there is one signature, not two
 * @return 0 or CRYPTO_RECOVER_BAD
 */
MUST_CHECK int crypto_secp256k1_recover(uint8_t address[CRYPTO_ADDRESS_SIZE],
                                        const uint8_t digest[32], str signature);

enum crypto_wallet_key_refusal {
    CRYPTO_WALLET_KEY_BAD = 1, // 0, or not below the order of the group
};

/**
 * The address of who has this secret key.
 *
 * @param key  big endian
 * @return 0 or CRYPTO_WALLET_KEY_BAD
 */
MUST_CHECK int crypto_secp256k1_address(uint8_t address[CRYPTO_ADDRESS_SIZE],
                                        const uint8_t key[CRYPTO_WALLET_KEY_SIZE]);
