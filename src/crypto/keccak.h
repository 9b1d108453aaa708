/** Keccak-256 as Ethereum has it: the padding is that of the competition, not of SHA-3. */
#pragma once

#include "base/str.h"

#define CRYPTO_KECCAK_SIZE 32 // bytes

void crypto_keccak256(uint8_t out[CRYPTO_KECCAK_SIZE], str bytes);
