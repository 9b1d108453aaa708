/**
 * JSON-RPC 2.0, as far as it takes to ask the node of a chain which chain it is of, and for an
 * eth_call: what a contract would answer now. An answer is the chain's, or it is none: what a
 * node in trouble says is nothing that a wallet has to answer for.
 */
#pragma once

#include "auth/contracts.h"
#include "base/buf.h"

#define AUTH_RPC_REQUEST_SIZE(data_len) (2 * (data_len) + 256)   // bytes, at most
#define AUTH_RPC_RESULT_SIZE            (AUTH_RPC_BYTES_MAX / 2) // bytes; an answer has no more

/** Append the request for the id of the chain to out, which has room for
 * AUTH_RPC_REQUEST_SIZE(0) more. */
void auth_rpc_print_chain(struct buf *out);

/**
 * Append the request of a call to out, which has room for AUTH_RPC_REQUEST_SIZE(data.len) more.
 *
 * @param to    AUTH_CONTRACT_ADDRESS_SIZE bytes; NULL: data is the code of a contract to be,
 *              which runs, and is deployed nowhere
 */
void auth_rpc_print(struct buf *out, const uint8_t *to, str data);

struct auth_rpc_result {
    size_t len;
    uint8_t bytes[AUTH_RPC_RESULT_SIZE];
};

enum auth_rpc_refusal {
    AUTH_RPC_REVERTED = 1, // the chain has tried, and the call broke down
    AUTH_RPC_BAD,          // not the answer to such a request, or of a node in trouble
};

/** Read the id of the chain. @param why  for the log; static @return 0 or AUTH_RPC_BAD */
MUST_CHECK int auth_rpc_parse_chain(uint64_t *out, str body, const char **why);

/**
 * Read the answer to a call.
 *
 * @param body  longer than AUTH_RPC_BYTES_MAX is AUTH_RPC_BAD
 * @param out   filled if it returns 0
 * @param why   of AUTH_RPC_BAD, for the log; static. Else untouched
 * @return 0 or an enum auth_rpc_refusal
 */
MUST_CHECK int auth_rpc_parse(struct auth_rpc_result *out, str body, const char **why);
