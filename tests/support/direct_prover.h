/** auth/proof.h without a thread: checked at once, answered by a job. */
#pragma once

#include "auth/proof.h"
#include "base/job.h"
#include "base/mem.h"

struct direct_prover {
    struct auth_prover port;
    struct job_queue *later;
    bool is_busy; // it has no room for another one
};

struct direct_proof {
    struct job job;
    auth_proof_fn *done;
    void *arg;
    int r;
};

static inline void direct_prover_answer(struct job *job)
{
    struct direct_proof *p = container_of(job, struct direct_proof, job);

    p->done(p->arg, p->r);
    free(p);
}

static inline void direct_prover_check(struct auth_prover *port, const struct auth_proof *proof,
                                       auth_proof_fn *done, void *arg)
{
    const struct direct_prover *d = container_of(port, struct direct_prover, port);
    struct direct_proof *p = NEW(struct direct_proof);

    p->done = done;
    p->arg = arg;
    p->r = d->is_busy ? AUTH_PROOF_BUSY : auth_proof_check(proof);
    job_push(d->later, &p->job, direct_prover_answer);
}

static inline void direct_prover_init(struct direct_prover *d, struct job_queue *later)
{
    static const struct auth_prover_ops ops = {.check = direct_prover_check};

    *d = (struct direct_prover){.port = {.ops = &ops}, .later = later};
}
