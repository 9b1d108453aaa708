/** auth/proof.h on a thread of its own, with a queue that has an end. */
#pragma once

#include "auth/proof.h"
#include "io/loop.h"

#define PROVER_QUEUE_MAX 256 // signatures that wait to be checked; one more is AUTH_PROOF_BUSY

struct prover;

/** @param out  owned; prover_free() @return 0 or a fault */
MUST_CHECK int prover_new(struct prover **out, struct loop *l);

/** Nothing may be under way. NULL is fine. */
void prover_free(struct prover *p);

/** Borrowed for the life of p. */
struct auth_prover *prover_port(struct prover *p);
