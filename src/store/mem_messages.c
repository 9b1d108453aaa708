/** Pages of messages and of marks. */
#include "base/mem.h"
#include "store/mem_op.h"
#include "store/page.h"

struct due_op {
    struct mem_op op;
    struct store_read read;
    store_read_fn *done;
};

struct receipts_op {
    struct mem_op op;
    struct store_receipts receipts;
    store_receipts_fn *done;
};

struct history_op {
    struct mem_op op;
    struct store_history history;
    store_history_fn *done;
};

// What is due.

static bool is_due(const struct mem_message *m, unsigned side, const struct store_read *r)
{
    if (m->position <= r->after || (m->side != side && m->withheld != MEM_SHOWN))
        return false;
    return m->position > r->since || (m->side != side && mem_is_undelivered(m));
}

static void run_read(struct job *job)
{
    struct due_op *op = container_of(job, struct due_op, op.job);
    const int refusal = mem_op_begin_read(&op->op);
    const struct mem_model *model = &op->op.s->model;
    const struct store_read *r = &op->read;
    struct page_room room = page_room_of(r->max_messages, r->max_bytes);
    struct chat_message *messages = NULL;
    struct store_page page = {.upto = op->op.horizon};
    int64_t last = 0; // position

    for (size_t i = 0; i < model->n_log && model->log[i]->position <= op->op.horizon; i++) {
        const struct mem_message *m = model->log[i];
        const unsigned side = mem_side_of(m->conversation, &r->account);
        if (side == 2 || !is_due(m, side, r))
            continue;
        const struct chat_message view = mem_view(m, side);
        page.has_more = !page_take(&room, view.content.len);
        if (page.has_more) {
            page.upto = last;
            break;
        }
        messages = mem_resize(messages, (page.n_messages + 1) * sizeof(*messages));
        messages[page.n_messages++] = view;
        last = m->position;
    }
    page.messages = messages;
    if (r->counts_unread)
        page.unread = mem_n_unread(model, &r->account);
    op->done(op->op.arg, refusal, refusal == 0 ? &page : NULL);
    free(messages);
    free(op);
}

void mem_read(struct store *base, const struct store_read *r, store_read_fn *done, void *arg)
{
    struct due_op *op = NEW(struct due_op);

    assert(r->max_messages >= 1);
    op->read = *r;
    op->done = done;
    mem_op_push(&op->op, base, arg, run_read);
}

// Marks that have moved.

/** Those of one side that the account learns of: at most two. @return how many */
static size_t moved_marks(const struct mem_conversation *c, unsigned side, bool is_own,
                          const struct receipts_op *op, struct chat_receipt *out)
{
    const struct mem_mark *marks = is_own ? c->sides[side].marks : c->sides[side].known;
    size_t n = 0;

    for (unsigned i = 0; i < 2; i++) {
        if (marks[i].position > op->receipts.after)
            out[n++] = mem_receipt_of(c, side, (enum chat_mark)i, &marks[i]);
    }
    return n;
}

static void run_receipts(struct job *job)
{
    struct receipts_op *op = container_of(job, struct receipts_op, op.job);
    const int refusal = mem_op_begin_read(&op->op);
    const struct mem_model *m = &op->op.s->model;
    struct chat_receipt *all = mem_alloc((m->n_conversations * 4 + 1) * sizeof(*all));
    size_t n = 0;

    for (size_t i = 0; i < m->n_conversations; i++) {
        const struct mem_conversation *c = m->conversations[i];
        const unsigned side = mem_side_of(c, &op->receipts.account);
        if (side == 2)
            continue;
        n += moved_marks(c, side, true, op, all + n);
        n += moved_marks(c, 1 - side, false, op, all + n);
    }
    const struct store_receipts_page page =
        page_of_receipts(all, n, op->receipts.max_receipts, m->position);
    op->done(op->op.arg, refusal, refusal == 0 ? &page : NULL);
    free(all);
    free(op);
}

void mem_receipts(struct store *base, const struct store_receipts *r, store_receipts_fn *done,
                  void *arg)
{
    struct receipts_op *op = NEW(struct receipts_op);

    assert(r->max_receipts >= 2);
    op->receipts = *r;
    op->done = done;
    mem_op_push(&op->op, base, arg, run_receipts);
}

// History.

/** The seqs that a page of history has: first to last, none where last is below first. */
struct range {
    uint64_t first;
    uint64_t last;
};

static struct range range_of(const struct mem_conversation *c, const struct store_history *h)
{
    const uint64_t last = c->n_messages;

    return (struct range){.first = h->after < last ? h->after + 1 : last + 1,
                          .last = h->before == 0 || h->before > last ? last : h->before - 1};
}

/** Cuts the range to what fits. @return whether that has left any out */
static bool fit(const struct mem_conversation *c, const struct store_history *h,
                struct range *range)
{
    const unsigned side = mem_side_of(c, &h->account);
    struct page_room room = page_room_of(h->max_messages, h->max_bytes);
    const struct range all = *range;
    uint64_t n = 0;

    while (all.first + n <= all.last) {
        const uint64_t seq = h->after > 0 ? all.first + n : all.last - n;
        if (!page_take(&room, mem_view(c->messages[seq - 1], side).content.len))
            break;
        n++;
    }
    if (all.first > all.last || n == all.last - all.first + 1)
        return false;
    if (h->after > 0) {
        range->last = all.first + n - 1;
    } else {
        range->first = all.last - n + 1;
    }
    return true;
}

static void answer_history(const struct history_op *op, const struct mem_conversation *c)
{
    const struct store_history *h = &op->history;
    const unsigned side = mem_side_of(c, &h->account);
    struct range range = range_of(c, h);
    struct store_history_page page = {.has_more = fit(c, h, &range), .first_seq = 1};
    struct chat_message *messages = NULL;

    for (uint64_t seq = range.first; seq <= range.last; seq++) {
        messages = mem_resize(messages, (page.n_messages + 1) * sizeof(*messages));
        messages[page.n_messages++] = mem_view(c->messages[seq - 1], side);
    }
    page.messages = messages;
    op->done(op->op.arg, 0, &page);
    free(messages);
}

static void run_history(struct job *job)
{
    struct history_op *op = container_of(job, struct history_op, op.job);
    int r = mem_op_begin_read(&op->op);
    const struct mem_conversation *c =
        mem_find_place(&op->op.s->model, &op->history.account, &op->history.place);

    if (r == 0 && !c)
        r = STORE_NOT_FOUND;
    if (r == 0) {
        answer_history(op, c);
    } else {
        op->done(op->op.arg, r, NULL);
    }
    free(op);
}

void mem_history(struct store *base, const struct store_history *h, store_history_fn *done,
                 void *arg)
{
    struct history_op *op = NEW(struct history_op);

    assert(h->max_messages >= 1);
    op->history = *h;
    op->done = done;
    mem_op_push(&op->op, base, arg, run_history);
}
