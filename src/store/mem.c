#include "store/mem.h"

#include "base/mem.h"
#include "store/mem_op.h"

static int64_t mem_horizon(struct store *base)
{
    return mem_of(base)->model.position;
}

static void mem_free(struct store *base)
{
    struct store_mem *s = mem_of(base);

    assert(base->counters.queued == 0);
    mem_auth_fini(&s->auth);
    mem_uploads_fini(&s->uploads);
    mem_model_fini(&s->model);
    free(s);
}

static const struct store_ops mem_ops = {
    .name = "mem",
    .append = mem_append,
    .receipt = mem_receipt,
    .contact = mem_contact,
    .seen = mem_seen,
    .read = mem_read,
    .receipts = mem_receipts,
    .history = mem_history,
    .list = mem_list,
    .conversation = mem_conversation,
    .changes = mem_changes,
    .relations = mem_relations,
    .touched = mem_touched,
    .unread = mem_unread,
    .horizon = mem_horizon,
    .free = mem_free,
};

struct store *store_mem_new(struct job_queue *later, struct rand *rand,
                            const struct store_limits *limits)
{
    struct store_mem *s = NEW(struct store_mem);

    s->store.ops = &mem_ops;
    rand_bytes(rand, &s->store.epoch, sizeof(s->store.epoch));
    s->later = later;
    mem_model_init(&s->model, rand, limits);
    mem_auth_init(&s->auth, later, &s->store.counters);
    mem_uploads_init(&s->uploads, later, &s->store.counters, &s->faults);
    return &s->store;
}

struct auth_store *store_mem_auth(struct store *base)
{
    return &mem_of(base)->auth.store;
}

struct uploads *store_mem_uploads(struct store *base)
{
    return &mem_of(base)->uploads.uploads;
}

static void fail_changes(struct mem_faults *f, int r, unsigned times)
{
    f->fail_with = r;
    f->n_fail = times;
}

void store_mem_fail(struct store *base, int r, unsigned times)
{
    fail_changes(&mem_of(base)->faults, r, times);
}

void store_mem_lose(struct store *base, unsigned times)
{
    mem_of(base)->faults.n_lose = times;
}

void store_mem_fail_reads(struct store *base, unsigned times)
{
    mem_of(base)->faults.n_fail_reads = times;
}

void store_mem_fail_auth(struct store *base, int r, unsigned times)
{
    fail_changes(&mem_of(base)->auth.faults, r, times);
}

void store_mem_lose_auth(struct store *base, unsigned times)
{
    mem_of(base)->auth.faults.n_lose = times;
}

void store_mem_fail_auth_reads(struct store *base, unsigned times)
{
    mem_of(base)->auth.faults.n_fail_reads = times;
}
