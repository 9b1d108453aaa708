#include "server/prover.h"

#include "base/err.h"
#include "base/mem.h"
#include "io/worker.h"

#define BATCH 8 // answered together: the first shall not wait long for the last

struct prover {
    struct auth_prover port;
    struct loop *loop;
    struct worker *thread;
    size_t n_queued;
};

struct task {
    struct worker_task node; // of the thread's
    struct job job;          // of one that is refused
    struct prover *prover;
    auth_proof_fn *done;
    void *arg;
    int r;
    struct auth_proof proof; // its bytes are behind
    char bytes[];
};

static void run(void *arg, struct list *tasks)
{
    (void)arg;
    list_each (node, tasks) {
        struct task *t = container_of(worker_task_of(node), struct task, node);
        t->r = auth_proof_check(&t->proof);
    }
}

static void answer(struct task *t)
{
    t->prover->n_queued--;
    t->done(t->arg, t->r);
    free(t);
}

static void on_done(void *arg, struct list *tasks)
{
    (void)arg;
    list_each (node, tasks)
        answer(container_of(worker_task_of(node), struct task, node));
}

static const struct worker_ops worker_ops = {.run = run, .on_done = on_done};

static void refuse(struct job *job)
{
    answer(container_of(job, struct task, job));
}

static void check(struct auth_prover *port, const struct auth_proof *proof, auth_proof_fn *done,
                  void *arg)
{
    struct prover *p = container_of(port, struct prover, port);
    struct task *t = mem_alloc(sizeof(*t) + proof->message.len + proof->signature.len);

    t->prover = p;
    t->done = done;
    t->arg = arg;
    t->proof.account = proof->account;
    t->proof.message = str_copy(t->bytes, proof->message);
    t->proof.signature = str_copy(t->bytes + proof->message.len, proof->signature);
    if (++p->n_queued > PROVER_QUEUE_MAX) {
        t->r = AUTH_PROOF_BUSY;
        job_push(&p->loop->later, &t->job, refuse);
    } else {
        worker_submit(p->thread, &t->node);
    }
}

static const struct auth_prover_ops ops = {.check = check};

int prover_new(struct prover **out, struct loop *l)
{
    struct prover *p = NEW(struct prover);
    const struct worker_config config = {
        .name = "prover", .max_batch = BATCH, .ops = &worker_ops, .arg = p};

    p->port.ops = &ops;
    p->loop = l;
    const int r = worker_new(&p->thread, l, &config, p);
    if (r < 0) {
        free(p);
        return err_up(r);
    }
    *out = p;
    return 0;
}

void prover_free(struct prover *p)
{
    if (!p)
        return;
    assert(p->n_queued == 0);
    worker_free(p->thread);
    free(p);
}

struct auth_prover *prover_port(struct prover *p)
{
    return &p->port;
}
