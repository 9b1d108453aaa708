/** Messages that come in, and what keeps them out. */
#include "base/mem.h"
#include "store/copy.h"
#include "store/mem_op.h"

struct append_op {
    struct mem_op op;
    struct store_append append;
    store_append_fn *done;
    char bytes[];
};

static struct mem_message *find_key(const struct mem_conversation *c, unsigned side, str key)
{
    for (size_t i = 0; i < c->n_messages; i++) {
        if (c->messages[i]->side == side && str_eq(c->messages[i]->append.key, key))
            return c->messages[i];
    }
    return NULL;
}

// The mailbox. Where there is no conversation yet, c is NULL, and the recipient a stranger.

static bool has_accepted(const struct mem_conversation *c, unsigned recipient)
{
    return c && c->sides[recipient].has_accepted;
}

static bool is_over_quota(const struct mem_model *m, const struct mem_conversation *c,
                          unsigned recipient)
{
    const struct store_quota *quota =
        has_accepted(c, recipient) ? &m->limits.accepted : &m->limits.stranger;
    struct store_quota used = {0};

    for (size_t i = 0; c && i < c->n_messages; i++) {
        const struct mem_message *message = c->messages[i];
        if (message->side == recipient)
            continue;
        if (message->withheld == MEM_BLOCKED || mem_is_undelivered(message)) {
            used.messages++;
            used.bytes += message->append.content.len;
        }
    }
    return used.messages >= quota->messages || used.bytes >= quota->bytes;
}

static bool is_mailbox_full(const struct mem_model *m, const struct mem_conversation *c,
                            unsigned recipient, const account *to)
{
    uint64_t n = 0;
    uint64_t n_of_strangers = 0;

    for (size_t i = 0; i < m->n_log; i++) {
        const struct mem_message *message = m->log[i];
        if (!account_eq(&message->append.to, to) || !mem_is_undelivered(message))
            continue;
        n++;
        n_of_strangers += !has_accepted(message->conversation, 1 - message->side);
    }
    if (n >= m->limits.mailbox)
        return true;
    return !has_accepted(c, recipient) && n_of_strangers >= m->limits.mailbox / 2;
}

/** @return 0, or why this new message can't be appended */
static int check(const struct mem_model *m, const struct mem_conversation *c,
                 const struct store_append *a)
{
    const unsigned recipient = c ? mem_side_of(c, &a->to) : 0;

    if (a->reply_to > (c ? c->n_messages : 0))
        return STORE_NO_SUCH_SEQ;
    if (c && c->sides[1 - recipient].is_blocking)
        return STORE_FORBIDDEN;
    if (is_over_quota(m, c, recipient))
        return STORE_MAILBOX_FULL;
    return is_mailbox_full(m, c, recipient, &a->to) ? STORE_MAILBOX_FULL : 0;
}

// Append.

static void add(struct mem_model *m, struct mem_conversation *c, const struct store_append *a,
                struct store_appended *out)
{
    const unsigned side = mem_side_of(c, &a->from);
    const bool had_accepted = c->sides[side].has_accepted;
    const struct mem_message *message = mem_add_message(m, c, a);

    *out = (struct store_appended){
        .message = mem_view(message, side),
        .previous = message->seq > 1 ? c->messages[message->seq - 2]->position : 0,
        .is_withheld = message->withheld != MEM_SHOWN,
        .is_accepted = !had_accepted,
    };
    out->n_known = mem_make_known(m, c, side, message->position, out->known);
}

static int append(struct store_mem *s, const struct store_append *a, struct store_appended *out)
{
    struct mem_model *m = &s->model;
    struct mem_conversation *c = mem_find_pair(m, &a->from, &a->to);
    const unsigned side = c ? mem_side_of(c, &a->from) : 0;
    const struct mem_message *first = c ? find_key(c, side, a->key) : NULL;

    if (first && memcmp(first->append.digest, a->digest, CHAT_DIGEST_SIZE) != 0)
        return STORE_CONFLICT;
    if (first) {
        s->store.counters.duplicates++;
        *out = (struct store_appended){.message = mem_view(first, side),
                                       .previous = first->position - 1,
                                       .is_duplicate = true,
                                       .is_withheld = first->withheld != MEM_SHOWN};
        return 0;
    }
    int r = check(m, c, a);
    if (r == 0)
        r = mem_uploads_check(&s->uploads, a);
    if (r != 0)
        return r;
    mem_uploads_keep(&s->uploads, a);
    add(m, c ? c : mem_add_conversation(m, &a->from, &a->to), a, out);
    s->store.counters.appended++;
    s->store.counters.commits++;
    return 0;
}

static void run_append(struct job *job)
{
    struct append_op *op = container_of(job, struct append_op, op.job);
    struct store_appended out;

    op->op.s->queued_bytes -= append_cost(&op->append);
    int r = mem_op_begin_change(&op->op);
    if (r == 0)
        r = mem_op_end_change(&op->op, append(op->op.s, &op->append, &out));
    op->done(op->op.arg, r, r == 0 ? &out : NULL);
    free(op);
}

static void refuse_append(struct job *job)
{
    struct append_op *op = container_of(job, struct append_op, op.job);

    mem_op_begin(&op->op);
    op->done(op->op.arg, STORE_BUSY, NULL);
    free(op);
}

void mem_append(struct store *base, const struct store_append *a, store_append_fn *done,
                void *arg)
{
    struct store_mem *s = mem_of(base);
    struct append_op *op = mem_alloc(sizeof(*op) + append_size(a));
    const bool is_busy = s->queued_bytes + append_cost(a) > STORE_QUEUE_MAX;

    assert(a->key.len >= 1 && a->key.len <= CHAT_KEY_MAX && !account_eq(&a->from, &a->to));
    op->append = append_copy(a, op->bytes);
    op->done = done;
    if (!is_busy)
        s->queued_bytes += append_cost(a);
    mem_op_push(&op->op, base, arg, is_busy ? refuse_append : run_append);
}
