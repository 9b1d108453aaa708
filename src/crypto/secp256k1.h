/** Signatures of Ethereum's wallets: who has signed is recovered from the signature. */
#pragma once

#include "base/str.h"

#define CRYPTO_ADDRESS_SIZE   20 // bytes
#define CRYPTO_RECOVERED_SIZE 65 // bytes of a signature: r, s, v

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
