#include "base/mem.h"
#include "store/front_ops.h"

static void run_reads(void *arg, struct list *tasks)
{
    struct store_engine *e = arg;

    e->ops->run_reads(e, tasks);
}

static void on_read(void *arg, struct list *tasks)
{
    struct store_front *s = arg;
    const int64_t now_ns = loop_now_ns();

    list_each (node, tasks) {
        struct read_op *op = read_op_of(node);
        histogram_add(&s->store.counters.read, (now_ns - op->asked_ns) / NS_PER_US);
        s->store.counters.queued--;
        s->store.counters.reads++;
        s->store.counters.refused += op->r == STORE_UNAVAILABLE;
        read_op_answer(op);
        read_op_free(op);
    }
}

const struct worker_ops front_read_ops = {.run = run_reads, .on_done = on_read};

/** Submitted already: the thread gets it at the end of the turn. */
static struct read_op *new_read(struct store_front *s, enum read_kind kind, void *arg)
{
    struct read_op *op = NEW(struct read_op);

    op->kind = kind;
    op->arg = arg;
    op->horizon = front_horizon(s);
    op->asked_ns = loop_now_ns();
    s->store.counters.queued++;
    worker_submit(s->read_thread, &op->task);
    return op;
}

void front_ask_read(struct store *base, const struct store_read *r, store_read_fn *done,
                    void *arg)
{
    struct read_op *op = new_read(store_front_of(base), READ_DUE, arg);

    assert(r->max_messages >= 1);
    op->asked.read = *r;
    op->done.read = done;
}

void front_ask_receipts(struct store *base, const struct store_receipts *r,
                        store_receipts_fn *done, void *arg)
{
    struct read_op *op = new_read(store_front_of(base), READ_RECEIPTS, arg);

    assert(r->max_receipts >= 2);
    op->asked.receipts = *r;
    op->done.receipts = done;
}

void front_ask_history(struct store *base, const struct store_history *h,
                       store_history_fn *done, void *arg)
{
    struct read_op *op = new_read(store_front_of(base), READ_HISTORY, arg);

    assert(h->max_messages >= 1);
    op->asked.history = *h;
    op->done.history = done;
}

void front_ask_list(struct store *base, const struct store_list *l, store_list_fn *done,
                    void *arg)
{
    struct read_op *op = new_read(store_front_of(base), READ_LIST, arg);

    assert(l->max_conversations >= 1);
    op->asked.list = *l;
    op->done.list = done;
}

void front_ask_conversation(struct store *base, const struct store_conversation *c,
                            store_conversation_fn *done, void *arg)
{
    struct read_op *op = new_read(store_front_of(base), READ_CONVERSATION, arg);

    op->asked.conversation = *c;
    op->done.conversation = done;
}

void front_ask_changes(struct store *base, const struct store_changes *c,
                       store_changes_fn *done, void *arg)
{
    struct read_op *op = new_read(store_front_of(base), READ_CHANGES, arg);

    assert(c->max_conversations >= 1);
    op->asked.changes = *c;
    op->done.changes = done;
}

void front_ask_relations(struct store *base, const struct store_relations *r,
                         store_relations_fn *done, void *arg)
{
    struct read_op *op = new_read(store_front_of(base), READ_RELATIONS, arg);

    assert(r->n_peers >= 1 && r->n_peers <= STORE_RELATIONS_MAX);
    op->asked.relations = *r;
    op->asked.relations.peers = read_op_keep(op, r->peers, r->n_peers * sizeof(*r->peers));
    op->done.relations = done;
}

void front_ask_touched(struct store *base, const struct store_touched *t,
                       store_touched_fn *done, void *arg)
{
    struct read_op *op = new_read(store_front_of(base), READ_TOUCHED, arg);

    assert(t->n_accounts >= 1 && t->n_accounts <= STORE_TOUCHED_MAX && t->max_touches >= 1);
    op->asked.touched = *t;
    op->asked.touched.accounts =
        read_op_keep(op, t->accounts, t->n_accounts * sizeof(*t->accounts));
    op->done.touched = done;
}

void front_ask_unread(struct store *base, const account *a, store_unread_fn *done, void *arg)
{
    struct read_op *op = new_read(store_front_of(base), READ_UNREAD, arg);

    op->asked.unread = *a;
    op->done.unread = done;
}

void front_ask_revocations(struct auth_store *base, const struct auth_store_revocations *r,
                           auth_store_revocations_fn *done, void *arg)
{
    struct store_front *s = container_of(base, struct store_front, auth);
    struct read_op *op = new_read(s, READ_REVOCATIONS, arg);

    assert(r->max_revocations >= 1);
    op->asked.revocations = *r;
    op->done.revocations = done;
}

void front_ask_upload(struct uploads *base, str id, uploads_find_fn *done, void *arg)
{
    struct store_front *s = container_of(base, struct store_front, uploads);
    struct read_op *op = new_read(s, READ_UPLOAD, arg);

    op->asked.upload = (str){read_op_keep(op, id.len > 0 ? id.ptr : "", id.len), id.len};
    op->done.upload = done;
}
