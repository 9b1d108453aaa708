/**
 * Has the owner of a contract wallet signed this? Its contract knows (ERC-1271; ERC-6492 for
 * one that is not deployed yet), and the RPC that the operator has named for its chain can be
 * asked. An answer, either way, is good for AUTH_CONTRACT_KEPT_MS; who asks the same meanwhile,
 * or while it is under way, gets the same, and nobody is asked again.
 *
 * An RPC is asked first whether it is of that chain, until it has said so.
 */
#pragma once

#include "auth/fetch.h"
#include "auth/proof.h"
#include "base/rates.h"
#include "base/timer.h"

#define AUTH_RPCS_MAX               32
#define AUTH_RPC_MS                 3000    // for an answer, of which there may be two
#define AUTH_RPC_BYTES_MAX          4096    // of an answer, which has two digits for a byte
#define AUTH_RPC_GAS                5000000 // that a call may use
#define AUTH_CONTRACT_UNDER_WAY_MAX 8       // calls at once
#define AUTH_CONTRACT_WAITING_MAX   64      // that wait for one of those to end
#define AUTH_CONTRACT_SHARED_MAX    16      // who wait for the same answer
#define AUTH_CONTRACT_KEPT_MS       30000   // an answer counts
#define AUTH_CONTRACT_KEPT_MAX      1024    // answers; one more, and the oldest is forgotten
#define AUTH_CONTRACT_ADDRESS_SIZE  20

struct auth_rpc {
    uint64_t chain; // EIP-155
    str url;        // a secret: many have a key of the operator's in it
};

struct auth_contracts_config {
    struct auth_fetcher *fetcher;
    struct timers *timers;
    struct job_queue *later;
    struct rand *rand;
    bool rate_limits;     // off: not the next one
    struct rate sign_ins; // calls for who is not signed in yet, all together
    size_t n_rpcs;
    struct auth_rpc rpcs[AUTH_RPCS_MAX]; // of different chains
};

struct auth_contracts;

/** @param config  copied; what it points to is borrowed and must outlive the contracts */
struct auth_contracts *auth_contracts_new(const struct auth_contracts_config *config);

/** Nothing may be under way. NULL is fine. */
void auth_contracts_free(struct auth_contracts *c);

bool auth_contracts_is_idle(const struct auth_contracts *c);

/** Can contracts of this chain be asked? */
bool auth_contracts_has(const struct auth_contracts *c, uint64_t chain);

struct auth_contract_proof {
    uint64_t chain;
    const uint8_t *address; // AUTH_CONTRACT_ADDRESS_SIZE bytes
    const uint8_t *digest;  // AUTH_DIGEST_SIZE bytes, of what was signed (EIP-191)
    str signature;          // at most AUTH_SIGNATURE_MAX; may be empty (a Safe's)
    bool is_again;          // of somebody who is signed in: rates do not count it
};

enum auth_contract_refusal {
    AUTH_CONTRACT_WRONG = 1,   // the contract says no, there is none, or it broke down
    AUTH_CONTRACT_UNAVAILABLE, // the RPC has no answer, or one that is too long; or there is no
                               // RPC for the chain
    AUTH_CONTRACT_BUSY,        // too many wait, or the rate is used up: nobody was asked
};

/** @param r  0 or an enum auth_contract_refusal */
typedef void auth_contract_fn(void *arg, int r);

/** done comes once, after this has returned. @param proof  borrowed until this returns */
void auth_contracts_check(struct auth_contracts *c, const struct auth_contract_proof *proof,
                          auth_contract_fn *done, void *arg);
