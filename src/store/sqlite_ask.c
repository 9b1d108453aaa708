#include "store/sqlite_ask.h"

#include "base/mem.h"

static void run_reads(void *arg, struct list *tasks)
{
    struct sqlite_engine *e = arg;

    list_each (node, tasks)
        sqlite_reader_run(&e->reader,
                          container_of(worker_task_of(node), struct sqlite_read, task));
    sqlite_reader_end(&e->reader);
}

static void answer_read(struct sqlite_read *op)
{
    const bool ok = op->r == 0;

    switch (op->kind) {
    case READ_DUE: op->done.read(op->arg, op->r, ok ? &op->answer.read : NULL); break;
    case READ_RECEIPTS:
        op->done.receipts(op->arg, op->r, ok ? &op->answer.receipts : NULL);
        break;
    case READ_HISTORY: op->done.history(op->arg, op->r, ok ? &op->answer.history : NULL); break;
    case READ_LIST: op->done.list(op->arg, op->r, ok ? &op->answer.list : NULL); break;
    case READ_CONVERSATION:
        op->done.conversation(op->arg, op->r, ok ? &op->answer.conversation : NULL);
        break;
    case READ_CHANGES: op->done.changes(op->arg, op->r, ok ? &op->answer.changes : NULL); break;
    case READ_RELATIONS:
        op->done.relations(op->arg, op->r, ok ? op->answer.relations : NULL);
        break;
    case READ_TOUCHED: op->done.touched(op->arg, op->r, ok ? &op->answer.touched : NULL); break;
    case READ_UNREAD: op->done.unread(op->arg, op->r, ok ? op->answer.unread : 0); break;
    case READ_REVOCATIONS:
        op->done.revocations(op->arg, op->r, ok ? &op->answer.revocations : NULL);
        break;
    case READ_UPLOAD: op->done.upload(op->arg, op->r, ok ? &op->answer.upload : NULL); break;
    }
}

static void on_read(void *arg, struct list *tasks)
{
    struct store_sqlite *s = arg;

    list_each (node, tasks) {
        struct sqlite_read *op = container_of(worker_task_of(node), struct sqlite_read, task);
        s->store.counters.queued--;
        s->store.counters.reads++;
        s->store.counters.refused += op->r == STORE_UNAVAILABLE;
        answer_read(op);
        sqlite_read_free(op);
    }
}

const struct worker_ops sqlite_ask_ops = {.run = run_reads, .on_done = on_read};

/** Submitted already: the thread gets it at the end of the turn. */
static struct sqlite_read *new_read(struct store_sqlite *s, enum sqlite_read_kind kind,
                                    void *arg)
{
    struct sqlite_read *op = NEW(struct sqlite_read);

    op->kind = kind;
    op->arg = arg;
    op->horizon = sqlite_horizon(s);
    s->store.counters.queued++;
    worker_submit(s->read_thread, &op->task);
    return op;
}

void sqlite_ask_read(struct store *base, const struct store_read *r, store_read_fn *done,
                     void *arg)
{
    struct sqlite_read *op = new_read(sqlite_of(base), READ_DUE, arg);

    assert(r->max_messages >= 1);
    op->asked.read = *r;
    op->done.read = done;
}

void sqlite_ask_receipts(struct store *base, const struct store_receipts *r,
                         store_receipts_fn *done, void *arg)
{
    struct sqlite_read *op = new_read(sqlite_of(base), READ_RECEIPTS, arg);

    assert(r->max_receipts >= 2);
    op->asked.receipts = *r;
    op->done.receipts = done;
}

void sqlite_ask_history(struct store *base, const struct store_history *h,
                        store_history_fn *done, void *arg)
{
    struct sqlite_read *op = new_read(sqlite_of(base), READ_HISTORY, arg);

    assert(h->max_messages >= 1);
    op->asked.history = *h;
    op->done.history = done;
}

void sqlite_ask_list(struct store *base, const struct store_list *l, store_list_fn *done,
                     void *arg)
{
    struct sqlite_read *op = new_read(sqlite_of(base), READ_LIST, arg);

    assert(l->max_conversations >= 1);
    op->asked.list = *l;
    op->done.list = done;
}

void sqlite_ask_conversation(struct store *base, const struct store_conversation *c,
                             store_conversation_fn *done, void *arg)
{
    struct sqlite_read *op = new_read(sqlite_of(base), READ_CONVERSATION, arg);

    op->asked.conversation = *c;
    op->done.conversation = done;
}

void sqlite_ask_changes(struct store *base, const struct store_changes *c,
                        store_changes_fn *done, void *arg)
{
    struct sqlite_read *op = new_read(sqlite_of(base), READ_CHANGES, arg);

    assert(c->max_conversations >= 1);
    op->asked.changes = *c;
    op->done.changes = done;
}

void sqlite_ask_relations(struct store *base, const struct store_relations *r,
                          store_relations_fn *done, void *arg)
{
    struct sqlite_read *op = new_read(sqlite_of(base), READ_RELATIONS, arg);

    assert(r->n_peers >= 1 && r->n_peers <= STORE_RELATIONS_MAX);
    op->asked.relations = *r;
    op->asked.relations.peers = sqlite_read_keep(op, r->peers, r->n_peers * sizeof(*r->peers));
    op->done.relations = done;
}

void sqlite_ask_touched(struct store *base, const struct store_touched *t,
                        store_touched_fn *done, void *arg)
{
    struct sqlite_read *op = new_read(sqlite_of(base), READ_TOUCHED, arg);

    assert(t->n_accounts >= 1 && t->n_accounts <= STORE_TOUCHED_MAX && t->max_touches >= 1);
    op->asked.touched = *t;
    op->asked.touched.accounts =
        sqlite_read_keep(op, t->accounts, t->n_accounts * sizeof(*t->accounts));
    op->done.touched = done;
}

void sqlite_ask_unread(struct store *base, const account *a, store_unread_fn *done, void *arg)
{
    struct sqlite_read *op = new_read(sqlite_of(base), READ_UNREAD, arg);

    op->asked.unread = *a;
    op->done.unread = done;
}

void sqlite_ask_revocations(struct auth_store *base, const struct auth_store_revocations *r,
                            auth_store_revocations_fn *done, void *arg)
{
    struct store_sqlite *s = container_of(base, struct store_sqlite, auth);
    struct sqlite_read *op = new_read(s, READ_REVOCATIONS, arg);

    assert(r->max_revocations >= 1);
    op->asked.revocations = *r;
    op->done.revocations = done;
}

void sqlite_ask_upload(struct uploads *base, str id, uploads_find_fn *done, void *arg)
{
    struct store_sqlite *s = container_of(base, struct store_sqlite, uploads);
    struct sqlite_read *op = new_read(s, READ_UPLOAD, arg);

    op->asked.upload = (str){sqlite_read_keep(op, id.len > 0 ? id.ptr : "", id.len), id.len};
    op->done.upload = done;
}
