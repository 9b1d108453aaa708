#include "base/err.h"
#include "base/mem.h"
#include "store/copy.h"
#include "store/front_ops.h"

/** An append over STORE_QUEUE_MAX. */
struct refusal {
    struct job job;
    struct store_front *s;
    store_append_fn *done;
    void *arg;
};

/** A change of sessions over AUTH_STORE_QUEUE_MAX. */
struct refused_auth {
    struct job job;
    struct store_front *s;
    struct auth_change change;
};

/** A change of uploads over UPLOADS_QUEUE_MAX. */
struct refused_upload {
    struct job job;
    struct store_front *s;
    struct upload_change change;
};

// Writes.

// As many as are under way come from memory that the one before has just left. Most are moves
// of marks, and much smaller than what else there is.

#define UP_TO(member)                                                                          \
    (offsetof(struct write_op, member) + sizeof(((struct write_op *)0)->member))
#define MARK_SIZE   (UP_TO(receipt) > UP_TO(seen) ? UP_TO(receipt) : UP_TO(seen))
#define SHORT_BYTES 320 // of the strings of an append; longer ones are seldom

/** NULL: none. */
static struct pool *pool_of(const struct store_front *s, enum write_kind kind, size_t n_bytes)
{
    switch (kind) {
    case WRITE_APPEND: return n_bytes <= SHORT_BYTES ? s->append_pool : NULL;
    case WRITE_RECEIPT:
    case WRITE_SEEN: return s->mark_pool;
    case WRITE_CONTACT:
    case WRITE_AUTH:
    case WRITE_UPLOAD: break;
    }
    return NULL;
}

static struct write_op *new_write(struct store_front *s, enum write_kind kind, size_t n_bytes)
{
    struct pool *pool = pool_of(s, kind, n_bytes);
    struct write_op *op = pool ? pool_take(pool) : mem_alloc(sizeof(*op) + n_bytes);

    op->kind = kind;
    s->store.counters.queued++;
    return op;
}

static void write_free(const struct store_front *s, struct write_op *op)
{
    const bool is_append = op->kind == WRITE_APPEND;

    if (pool_of(s, op->kind, is_append ? append_size(&op->append.asked) : 0)) {
        pool_give(op);
    } else {
        free(op);
    }
}

// Writing.

static void run_writes(void *arg, struct list *tasks)
{
    struct store_engine *e = arg;
    const int64_t now_ns = loop_now_ns();

    list_each (node, tasks)
        write_op_of(node)->began_ns = now_ns;
    e->ops->run_writes(e, tasks);
}

static void count_append(struct store_front *s, const struct write_op *op, int64_t now_ns)
{
    struct store_counters *c = &s->store.counters;

    histogram_add(&c->append, (now_ns - op->asked_ns) / NS_PER_US);
    histogram_add(&c->wait, (op->began_ns - op->asked_ns) / NS_PER_US);
}

static void answer_append(struct store_front *s, struct write_op *op)
{
    const bool ok = op->r == 0;

    s->queued_bytes -= append_cost(&op->append.asked);
    s->store.counters.appended += ok && !op->append.answer.is_duplicate;
    s->store.counters.duplicates += ok && op->append.answer.is_duplicate;
    op->append.done(op->append.arg, op->r, ok ? &op->append.answer : NULL);
    free(op->append.found);
}

static void answer_receipt(struct store_front *s, struct write_op *op)
{
    s->store.counters.receipts += op->has_changed;
    op->receipt.done(op->receipt.arg, op->r, op->r == 0 ? &op->receipt.answer : NULL);
}

static void answer_contact(struct store_front *s, struct write_op *op)
{
    s->store.counters.contacts += op->has_changed;
    op->contact.done(op->contact.arg, op->r, op->r == 0 ? &op->contact.answer : NULL);
}

static void answer_auth(struct store_front *s, struct write_op *op)
{
    s->n_auth_queued--;
    auth_change_answer(&op->auth, op->r);
}

static void answer_upload(struct store_front *s, struct write_op *op)
{
    s->n_upload_queued--;
    upload_change_answer(&op->upload, op->r);
}

static void answer_write(struct store_front *s, struct write_op *op)
{
    s->store.counters.queued--;
    s->store.counters.refused += op->r == STORE_UNAVAILABLE;
    if (op->position != 0)
        s->horizon = op->position;
    switch (op->kind) {
    case WRITE_APPEND: answer_append(s, op); break;
    case WRITE_RECEIPT: answer_receipt(s, op); break;
    case WRITE_CONTACT: answer_contact(s, op); break;
    case WRITE_SEEN: op->seen.done(op->seen.arg, op->r); break;
    case WRITE_AUTH: answer_auth(s, op); break;
    case WRITE_UPLOAD: answer_upload(s, op); break;
    }
    write_free(s, op);
}

/** It was another processor's until now. */
static void fetch(const struct list *node)
{
    for (size_t at = 0; at < MARK_SIZE; at += 64)
        __builtin_prefetch((const char *)node + at);
}

static void on_written(void *arg, struct list *tasks)
{
    struct store_front *s = arg;
    const int64_t now_ns = loop_now_ns();

    bool has_changed = false;
    list_each (node, tasks) {
        struct write_op *op = write_op_of(node);
        fetch(node->next);
        if (op->kind == WRITE_APPEND)
            count_append(s, op, now_ns);
        has_changed |= op->has_changed;
        answer_write(s, op);
    }
    s->store.counters.commits += has_changed;
}

const struct worker_ops front_write_ops = {.run = run_writes, .on_done = on_written};

static void submit_held(struct store_front *s)
{
    timer_cancel(&s->loop->timers, &s->held_long);
    while (!list_is_empty(&s->held))
        worker_submit(s->write_thread, worker_task_of(list_shift(&s->held)));
}

static void on_held_long(struct timer *t)
{
    submit_held(container_of(t, struct store_front, held_long));
}

static void refuse(struct job *job)
{
    struct refusal *refusal = container_of(job, struct refusal, job);

    refusal->s->store.counters.queued--;
    refusal->done(refusal->arg, STORE_BUSY, NULL);
    free(refusal);
}

static void refuse_append(struct store_front *s, store_append_fn *done, void *arg)
{
    struct refusal *refusal = NEW(struct refusal);

    *refusal = (struct refusal){.s = s, .done = done, .arg = arg};
    s->store.counters.queued++;
    job_push(&s->loop->later, &refusal->job, refuse);
}

void front_append(struct store *base, const struct store_append *a, store_append_fn *done,
                  void *arg)
{
    struct store_front *s = store_front_of(base);

    assert(a->key.len >= 1 && a->key.len <= CHAT_KEY_MAX && !account_eq(&a->from, &a->to));
    if (s->queued_bytes + append_cost(a) > STORE_QUEUE_MAX) {
        refuse_append(s, done, arg);
        return;
    }
    struct write_op *op = new_write(s, WRITE_APPEND, append_size(a));
    op->append.done = done;
    op->append.arg = arg;
    op->append.asked = append_copy(a, op->bytes);
    op->asked_ns = loop_now_ns();
    s->queued_bytes += append_cost(a);
    submit_held(s); // those were called before
    worker_submit(s->write_thread, &op->task);
}

/** It is not worth a sync of the disk of its own, if it can have that of an append. */
static void hold(struct store_front *s, struct write_op *op)
{
    if (list_is_empty(&s->held)) {
        timer_set(&s->loop->timers, &s->held_long, s->loop->timers.now_ms + STORE_RECEIPT_MS);
    }
    list_push(&s->held, &op->task.node);
}

void front_receipt(struct store *base, const struct store_receipt *r, store_receipt_fn *done,
                   void *arg)
{
    struct store_front *s = store_front_of(base);
    struct write_op *op = new_write(s, WRITE_RECEIPT, 0);

    op->receipt.done = done;
    op->receipt.arg = arg;
    op->receipt.asked = *r;
    hold(s, op);
}

void front_contact(struct store *base, const struct store_contact *c, store_contact_fn *done,
                   void *arg)
{
    struct store_front *s = store_front_of(base);
    struct write_op *op = new_write(s, WRITE_CONTACT, 0);

    assert(c->place.conversation != 0 || !account_eq(&c->by, &c->place.peer));
    op->contact.done = done;
    op->contact.arg = arg;
    op->contact.asked = *c;
    submit_held(s); // those were called before
    worker_submit(s->write_thread, &op->task);
}

void front_seen(struct store *base, const account *a, int64_t at_ms, store_seen_fn *done,
                void *arg)
{
    struct store_front *s = store_front_of(base);
    struct write_op *op = new_write(s, WRITE_SEEN, 0);

    op->seen.done = done;
    op->seen.arg = arg;
    op->seen.account = *a;
    op->seen.at_ms = at_ms;
    hold(s, op);
}

// Sessions.

static void refuse_auth(struct job *job)
{
    struct refused_auth *refused = container_of(job, struct refused_auth, job);

    refused->s->store.counters.queued--;
    auth_change_answer(&refused->change, AUTH_STORE_UNAVAILABLE);
    free(refused);
}

static struct auth_change *new_refused_auth(struct store_front *s)
{
    struct refused_auth *refused = NEW(struct refused_auth);

    refused->s = s;
    s->store.counters.queued++;
    job_push(&s->loop->later, &refused->job, refuse_auth);
    return &refused->change;
}

/** Submitted already: the thread gets it at the end of the turn. Somebody waits for it: it is
 * worth a sync of its own. */
static struct auth_change *new_auth(struct auth_store *base)
{
    struct store_front *s = container_of(base, struct store_front, auth);

    if (s->n_auth_queued == AUTH_STORE_QUEUE_MAX)
        return new_refused_auth(s);
    struct write_op *op = new_write(s, WRITE_AUTH, 0);
    s->n_auth_queued++;
    submit_held(s); // those were called before
    worker_submit(s->write_thread, &op->task);
    return &op->auth;
}

void front_begin(struct auth_store *base, const struct auth_store_begin *b,
                 auth_store_begin_fn *done, void *arg)
{
    auth_change_begin(new_auth(base), b, done, arg);
}

void front_refresh(struct auth_store *base, const struct auth_store_refresh *r,
                   auth_store_refresh_fn *done, void *arg)
{
    auth_change_refresh(new_auth(base), r, done, arg);
}

void front_end(struct auth_store *base, const struct auth_store_end *e, auth_store_end_fn *done,
               void *arg)
{
    auth_change_end(new_auth(base), e, done, arg);
}

// Uploads.

static void refuse_upload(struct job *job)
{
    struct refused_upload *refused = container_of(job, struct refused_upload, job);

    refused->s->store.counters.queued--;
    upload_change_answer(&refused->change, UPLOADS_UNAVAILABLE);
    free(refused);
}

static struct upload_change *new_refused_upload(struct store_front *s)
{
    struct refused_upload *refused = NEW(struct refused_upload);

    refused->s = s;
    s->store.counters.queued++;
    job_push(&s->loop->later, &refused->job, refuse_upload);
    return &refused->change;
}

/** As new_auth(). */
static struct upload_change *new_upload(struct uploads *base)
{
    struct store_front *s = container_of(base, struct store_front, uploads);

    if (s->n_upload_queued == UPLOADS_QUEUE_MAX)
        return new_refused_upload(s);
    struct write_op *op = new_write(s, WRITE_UPLOAD, 0);
    s->n_upload_queued++;
    submit_held(s); // those were called before
    worker_submit(s->write_thread, &op->task);
    return &op->upload;
}

void front_upload_create(struct uploads *base, const struct uploads_create *c,
                         uploads_create_fn *done, void *arg)
{
    upload_change_create(new_upload(base), c, done, arg);
}

void front_upload_settle(struct uploads *base, const struct uploads_settle *s,
                         uploads_settle_fn *done, void *arg)
{
    upload_change_settle(new_upload(base), s, done, arg);
}

void front_upload_claim(struct uploads *base, const struct uploads_claim *c,
                        uploads_claim_fn *done, void *arg)
{
    upload_change_claim(new_upload(base), c, done, arg);
}

void front_upload_remove(struct uploads *base, str id, uploads_remove_fn *done, void *arg)
{
    upload_change_remove(new_upload(base), id, done, arg);
}

// Life.

void front_init_writes(struct store_front *s)
{
    s->mark_pool = pool_new(MARK_SIZE);
    s->append_pool = pool_new(sizeof(struct write_op) + SHORT_BYTES);
    list_init(&s->held);
    timer_init(&s->held_long, on_held_long);
}

void front_fini_writes(struct store_front *s)
{
    pool_free(s->mark_pool);
    pool_free(s->append_pool);
}
