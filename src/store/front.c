#include "base/err.h"
#include "base/mem.h"
#include "store/front_ops.h"

DEFINE_CLEANUP(struct store *, store_free)

static int64_t horizon(struct store *base)
{
    return front_horizon(store_front_of(base));
}

static void front_free(struct store *base)
{
    struct store_front *s = store_front_of(base);

    assert(base->counters.queued == 0);
    worker_free(s->read_thread);
    worker_free(s->write_thread);
    if (s->is_owner)
        s->engine->ops->free(s->engine);
    front_fini_writes(s);
    free(s);
}

static const struct auth_store_ops auth_ops = {
    .begin = front_begin,
    .refresh = front_refresh,
    .end = front_end,
    .revocations = front_ask_revocations,
};

static const struct uploads_ops uploads_ops = {
    .create = front_upload_create,
    .find = front_ask_upload,
    .settle = front_upload_settle,
    .claim = front_upload_claim,
    .remove = front_upload_remove,
};

static const struct store_ops store_ops = {
    .append = front_append,
    .receipt = front_receipt,
    .contact = front_contact,
    .seen = front_seen,
    .read = front_ask_read,
    .receipts = front_ask_receipts,
    .history = front_ask_history,
    .list = front_ask_list,
    .conversation = front_ask_conversation,
    .changes = front_ask_changes,
    .relations = front_ask_relations,
    .touched = front_ask_touched,
    .unread = front_ask_unread,
    .horizon = horizon,
    .free = front_free,
};

static struct store_front *front_new(struct loop *l, struct store_engine *e)
{
    struct store_front *s = NEW(struct store_front);

    s->ops = store_ops;
    s->ops.name = e->ops->name;
    s->store.ops = &s->ops;
    s->auth.ops = &auth_ops;
    s->uploads.ops = &uploads_ops;
    s->loop = l;
    s->engine = e;
    s->store.epoch = e->epoch;
    s->store.has_other_writers = e->has_other_writers;
    s->horizon = atomic_load(&e->durable);
    front_init_writes(s);
    return s;
}

static int start_threads(struct store_front *s)
{
    const struct store_engine_ops *ops = s->engine->ops;
    const struct worker_config write = {.name = "store-write",
                                        .max_batch = ops->max_writes,
                                        .ops = &front_write_ops,
                                        .arg = s->engine};
    const struct worker_config read = {.name = "store-read",
                                       .max_batch = ops->max_reads,
                                       .ops = &front_read_ops,
                                       .arg = s->engine};

    const int r = worker_new(&s->write_thread, s->loop, &write, s);
    return r < 0 ? r : worker_new(&s->read_thread, s->loop, &read, s);
}

int store_front_new(struct store **out, struct loop *l, struct store_engine *e)
{
    struct store_front *s = front_new(l, e);
    CLEANUP(store_freep) struct store *owned = &s->store;

    s->is_owner = true;
    const int r = start_threads(s);
    if (r < 0)
        return err_up(r);
    *out = STEAL(owned);
    return 0;
}

int store_front_share(struct store **out, struct store *with, struct loop *l)
{
    const struct store_front *first = store_front_of(with);
    struct store_front *s = front_new(l, first->engine);
    CLEANUP(store_freep) struct store *owned = &s->store;

    s->engine->is_shared = true;
    int r = worker_share(&s->write_thread, first->write_thread, l, s);
    if (r == 0)
        r = worker_share(&s->read_thread, first->read_thread, l, s);
    if (r < 0)
        return err_up(r);
    *out = STEAL(owned);
    return 0;
}

struct auth_store *store_front_auth(struct store *s)
{
    return &store_front_of(s)->auth;
}

struct uploads *store_front_uploads(struct store *s)
{
    return &store_front_of(s)->uploads;
}
