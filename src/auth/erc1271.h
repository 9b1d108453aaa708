/**
 * What a contract wallet is asked, and what its answer means: ERC-1271, isValidSignature. Of
 * one that may not be deployed yet the signature says how to deploy it (ERC-6492): then a
 * contract of auth/erc6492_validator.h is run, which does so, asks the wallet, and leaves
 * nothing behind.
 *
 * That contract also recovers the signer of what is not wrapped, and takes either s of a
 * signature. It is not asked of those: what crypto_secp256k1_recover() refuses stays refused.
 */
#pragma once

#include "auth/contracts.h"
#include "auth/erc6492_validator.h"
#include "base/buf.h"

/** Bytes of a call's data, at most. */
#define AUTH_ERC1271_DATA_SIZE (AUTH_ERC6492_VALIDATOR_SIZE + 4 * 32 + AUTH_SIGNATURE_MAX)

/** Of a wallet that may not be deployed yet? Then the call goes to nobody: see auth/rpc.h. */
bool auth_erc1271_is_wrapped(str signature);

/** Append the call's data to out, which has room for AUTH_ERC1271_DATA_SIZE more. */
void auth_erc1271_print(struct buf *out, const struct auth_contract_proof *proof);

/** @param result  of the call that has not failed */
bool auth_erc1271_is_valid(str result, bool is_wrapped);
