/**
 * Port: has the owner of a wallet signed this? Finding out takes a while, and some day a
 * question to a chain, so it is not done on the loop. The auth layer owns this interface;
 * src/server/prover.c is what answers it, and tests/conformance/prover.c what every one must
 * pass.
 *
 * Called on the loop's thread and answered there, once, after the call has returned; the
 * arguments are borrowed until the call returns.
 */
#pragma once

#include "auth/message.h"

#define AUTH_SIGNATURE_MAX 8192 // bytes of a signature
#define AUTH_DIGEST_SIZE   32   // bytes of what an Ethereum wallet signs

struct auth_proof {
    account account;
    str message;   // as it was signed; at most AUTH_MESSAGE_MAX
    str signature; // bytes, at most AUTH_SIGNATURE_MAX; may be none
};

enum auth_proof_refusal {
    AUTH_PROOF_WRONG = 1, // not signed by this wallet
    AUTH_PROOF_BUSY,      // too many wait for an answer: nobody has looked
};

/** @param r  0 or an enum auth_proof_refusal */
typedef void auth_proof_fn(void *arg, int r);

struct auth_prover;

struct auth_prover_ops {
    void (*check)(struct auth_prover *p, const struct auth_proof *proof, auth_proof_fn *done,
                  void *arg);
};

/** A backend embeds this. */
struct auth_prover {
    const struct auth_prover_ops *ops;
};

static inline void auth_prover_check(struct auth_prover *p, const struct auth_proof *proof,
                                     auth_proof_fn *done, void *arg)
{
    p->ops->check(p, proof, done, arg);
}

/** EIP-191, version 0x45: what an Ethereum wallet signs of a message of AUTH_MESSAGE_MAX bytes
 * at most. */
void auth_proof_digest(uint8_t out[AUTH_DIGEST_SIZE], str message);

/**
 * What a backend does at last: of an Ethereum wallet EIP-191 (version 0x45) and the recovery of
 * who has signed, of a Solana wallet Ed25519.
 *
 * Thread: any.
 *
 * @return 0 or AUTH_PROOF_WRONG
 */
MUST_CHECK int auth_proof_check(const struct auth_proof *proof);
