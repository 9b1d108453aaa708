/** What the sides of a conversation say of it: marks, contacts, and when they were online. */
#include "base/mem.h"
#include "store/mem_op.h"

struct receipt_op {
    struct mem_op op;
    struct store_receipt receipt;
    store_receipt_fn *done;
};

struct contact_op {
    struct mem_op op;
    struct store_contact contact;
    store_contact_fn *done;
};

struct seen_op {
    struct mem_op op;
    account account;
    int64_t at_ms;
    store_seen_fn *done;
};

// Receipts.

static bool move_mark(struct mem_mark *mark, uint64_t seq, int64_t at_ms, int64_t position)
{
    if (seq <= mark->seq)
        return false;
    *mark = (struct mem_mark){.seq = seq, .at_ms = at_ms, .position = position};
    return true;
}

static int receipt(struct store_mem *s, const struct store_receipt *r,
                   struct store_receipted *out)
{
    struct mem_model *m = &s->model;
    struct mem_conversation *c = mem_find_place(m, &r->by, &r->place);
    struct chat_receipt known[2]; // they are what has moved

    if (!c)
        return STORE_NOT_FOUND;
    if (r->delivered_seq > c->n_messages || r->read_seq > c->n_messages)
        return STORE_NO_SUCH_SEQ;

    const unsigned side = mem_side_of(c, &r->by);
    struct mem_mark *marks = c->sides[side].marks;
    const uint64_t delivered = r->read_seq > r->delivered_seq ? r->read_seq : r->delivered_seq;
    const int64_t position = m->position + 1;
    *out = (struct store_receipted){
        .conversation = c->id,
        .peer = c->sides[1 - side].account,
        .delivered_moved =
            move_mark(&marks[CHAT_MARK_DELIVERED], delivered, r->now_ms, position),
        .read_moved = move_mark(&marks[CHAT_MARK_READ], r->read_seq, r->now_ms, position),
        .is_known = mem_is_known(m, &c->sides[side]),
    };
    out->marks = mem_marks_of(&c->sides[side]);
    if (!out->delivered_moved && !out->read_moved)
        return 0;
    mem_make_known(m, c, side, position, known);
    out->at_ms = r->now_ms;
    out->position = m->position = position;
    s->store.counters.receipts++;
    s->store.counters.commits++;
    return 0;
}

static void run_receipt(struct job *job)
{
    struct receipt_op *op = container_of(job, struct receipt_op, op.job);
    struct store_receipted out;

    int r = mem_op_begin_change(&op->op);
    if (r == 0)
        r = mem_op_end_change(&op->op, receipt(op->op.s, &op->receipt, &out));
    op->done(op->op.arg, r, r == 0 ? &out : NULL);
    free(op);
}

void mem_receipt(struct store *base, const struct store_receipt *r, store_receipt_fn *done,
                 void *arg)
{
    struct receipt_op *op = NEW(struct receipt_op);

    op->receipt = *r;
    op->done = done;
    mem_op_push(&op->op, base, arg, run_receipt);
}

// Contacts.

/** What is stored from the peer, and the side has not marked as delivered. */
static void withhold(struct mem_conversation *c, unsigned side)
{
    for (size_t i = 0; i < c->n_messages; i++) {
        if (c->messages[i]->side != side && mem_is_undelivered(c->messages[i]))
            c->messages[i]->withheld = MEM_BLOCKED;
    }
}

static void end_withholding(struct mem_conversation *c, unsigned side)
{
    for (size_t i = 0; i < c->n_messages; i++) {
        if (c->messages[i]->side != side && c->messages[i]->withheld == MEM_BLOCKED)
            c->messages[i]->withheld = MEM_UNBLOCKED;
    }
}

/** @return whether this changes anything */
static bool change(struct mem_conversation *c, unsigned side, enum chat_contact what)
{
    struct mem_side *s = &c->sides[side];

    if (what == CHAT_ACCEPT) {
        const bool had_accepted = s->has_accepted;
        s->has_accepted = true;
        return !had_accepted;
    }
    if (s->is_blocking == (what == CHAT_BLOCK))
        return false;
    s->is_blocking = what == CHAT_BLOCK;
    if (s->is_blocking) {
        withhold(c, side);
    } else {
        end_withholding(c, side);
    }
    return true;
}

static int contact(struct store_mem *s, const struct store_contact *what,
                   struct store_contacted *out)
{
    struct mem_model *m = &s->model;
    struct mem_conversation *c = mem_find_place(m, &what->by, &what->place);

    if (!c && (what->place.conversation != 0 || what->what == CHAT_UNBLOCK))
        return STORE_NOT_FOUND;
    if (!c)
        c = mem_add_conversation(m, &what->by, &what->place.peer);

    const unsigned side = mem_side_of(c, &what->by);
    *out = (struct store_contacted){.conversation = c->id, .peer = c->sides[1 - side].account};
    if (!change(c, side, what->what))
        return 0;
    out->position = c->sides[side].contact_position = ++m->position;
    out->n_known = mem_make_known(m, c, side, out->position, out->known);
    s->store.counters.contacts++;
    s->store.counters.commits++;
    return 0;
}

static void run_contact(struct job *job)
{
    struct contact_op *op = container_of(job, struct contact_op, op.job);
    struct store_contacted out;

    int r = mem_op_begin_change(&op->op);
    if (r == 0)
        r = mem_op_end_change(&op->op, contact(op->op.s, &op->contact, &out));
    op->done(op->op.arg, r, r == 0 ? &out : NULL);
    free(op);
}

void mem_contact(struct store *base, const struct store_contact *c, store_contact_fn *done,
                 void *arg)
{
    struct contact_op *op = NEW(struct contact_op);

    assert(c->place.conversation != 0 || !account_eq(&c->by, &c->place.peer));
    op->contact = *c;
    op->done = done;
    mem_op_push(&op->op, base, arg, run_contact);
}

// Seen.

static void run_seen(struct job *job)
{
    struct seen_op *op = container_of(job, struct seen_op, op.job);

    int r = mem_op_begin_change(&op->op);
    if (r == 0) {
        struct mem_account *a = mem_find_account(&op->op.s->model, &op->account);
        if (a && op->at_ms > a->seen_ms)
            a->seen_ms = op->at_ms;
        r = mem_op_end_change(&op->op, 0);
    }
    op->done(op->op.arg, r);
    free(op);
}

void mem_seen(struct store *base, const account *a, int64_t at_ms, store_seen_fn *done,
              void *arg)
{
    struct seen_op *op = NEW(struct seen_op);

    op->account = *a;
    op->at_ms = at_ms;
    op->done = done;
    mem_op_push(&op->op, base, arg, run_seen);
}
