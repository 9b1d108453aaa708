/**
 * The contract that ERC-6492 has a verifier run, by an eth_call that deploys it nowhere. Its
 * arguments follow it: the wallet's address, the digest and the wrapped signature, by the ABI.
 * It makes the call that the signature names, which deploys the wallet, or prepares one that is
 * deployed; then asks the wallet, as ERC-1271 has it; and returns one byte, which is 1 for yes.
 * It reverts if the wallet does, if there is none, or if its answer is not padded by zeroes.
 *
 * Where it is from, and its licence: auth/erc6492_validator.c.
 */
#pragma once

#include "base/base.h"

#define AUTH_ERC6492_VALIDATOR_SIZE 1709 // bytes

extern const uint8_t auth_erc6492_validator[AUTH_ERC6492_VALIDATOR_SIZE];
