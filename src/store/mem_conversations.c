/** Conversations as one of their sides sees them, and how their sides stand with each other. */
#include <stdlib.h>

#include "base/mem.h"
#include "store/mem_op.h"
#include "store/page.h"

struct list_op {
    struct mem_op op;
    struct store_list list;
    store_list_fn *done;
};

struct conversation_op {
    struct mem_op op;
    struct store_conversation conversation;
    store_conversation_fn *done;
};

struct changes_op {
    struct mem_op op;
    struct store_changes changes;
    store_changes_fn *done;
};

struct relations_op {
    struct mem_op op;
    struct store_relations relations;
    store_relations_fn *done;
    account peers[];
};

struct touched_op {
    struct mem_op op;
    struct store_touched touched;
    store_touched_fn *done;
    account accounts[];
};

struct unread_op {
    struct mem_op op;
    account account;
    store_unread_fn *done;
};

static struct chat_conversation view_of(const struct mem_conversation *c, unsigned side)
{
    const struct mem_side *mine = &c->sides[side];
    const struct mem_side *theirs = &c->sides[1 - side];
    const struct mem_message *last = mem_last_message(c, side);
    struct chat_conversation view = {
        .id = c->id,
        .peer = theirs->account,
        .accepted = mine->has_accepted,
        .blocked = mine->is_blocking,
        .first_seq = 1,
        .last_seq = c->n_messages,
        .unread = mem_count_unread(c, side),
        .mine = mem_marks_of(mine),
        .theirs = mem_known_marks_of(theirs),
    };

    if (last) {
        view.last_message = mem_view(last, side);
        view.updated_at_ms = last->created_at_ms;
    }
    return view;
}

// The list.

static void run_list(struct job *job)
{
    struct list_op *op = container_of(job, struct list_op, op.job);
    const int refusal = mem_op_begin_read(&op->op);
    const struct mem_model *model = &op->op.s->model;
    const struct store_list *l = &op->list;
    struct page_room room = page_room_of(l->max_conversations, l->max_bytes);
    struct chat_conversation *found = NULL;
    struct store_list_page page = {0};
    int64_t last = 0; // position

    for (size_t i = model->n_log; i-- > 0;) {
        const struct mem_message *m = model->log[i];
        const unsigned side = mem_side_of(m->conversation, &l->account);
        if (side == 2 || m != mem_last_message(m->conversation, side) ||
            (l->before != 0 && m->position >= l->before))
            continue;
        if (!page_take(&room, mem_view(m, side).content.len)) {
            page.next = last;
            break;
        }
        found = mem_resize(found, (page.n_conversations + 1) * sizeof(*found));
        found[page.n_conversations++] = view_of(m->conversation, side);
        last = m->position;
    }
    page.conversations = found;
    op->done(op->op.arg, refusal, refusal == 0 ? &page : NULL);
    free(found);
    free(op);
}

void mem_list(struct store *base, const struct store_list *l, store_list_fn *done, void *arg)
{
    struct list_op *op = NEW(struct list_op);

    assert(l->max_conversations >= 1);
    op->list = *l;
    op->done = done;
    mem_op_push(&op->op, base, arg, run_list);
}

// One.

static void run_conversation(struct job *job)
{
    struct conversation_op *op = container_of(job, struct conversation_op, op.job);
    const struct store_conversation *asked = &op->conversation;
    int r = mem_op_begin_read(&op->op);
    const struct mem_conversation *c =
        mem_find_place(&op->op.s->model, &asked->account, &asked->place);

    if (r == 0 && !c)
        r = STORE_NOT_FOUND;
    if (r == 0) {
        const struct chat_conversation view = view_of(c, mem_side_of(c, &asked->account));
        op->done(op->op.arg, 0, &view);
    } else {
        op->done(op->op.arg, r, NULL);
    }
    free(op);
}

void mem_conversation(struct store *base, const struct store_conversation *c,
                      store_conversation_fn *done, void *arg)
{
    struct conversation_op *op = NEW(struct conversation_op);

    op->conversation = *c;
    op->done = done;
    mem_op_push(&op->op, base, arg, run_conversation);
}

// Changes.

struct change {
    int64_t position;
    const struct mem_conversation *conversation;
    unsigned side;
};

static int by_position(const void *a, const void *b)
{
    const struct change *x = a;
    const struct change *y = b;

    return x->position < y->position ? -1 : 1;
}

/** In their order. @return how many */
static size_t find_changes(const struct changes_op *op, struct change *out)
{
    const struct mem_model *m = &op->op.s->model;
    size_t n = 0;

    for (size_t i = 0; i < m->n_conversations; i++) {
        const struct mem_conversation *c = m->conversations[i];
        const unsigned side = mem_side_of(c, &op->changes.account);
        if (side == 2)
            continue;
        const int64_t position = c->sides[side].contact_position;
        if (position > op->changes.after && position > 0)
            out[n++] = (struct change){position, c, side};
    }
    if (n > 0)
        qsort(out, n, sizeof(*out), by_position);
    return n;
}

static void run_changes(struct job *job)
{
    struct changes_op *op = container_of(job, struct changes_op, op.job);
    const int refusal = mem_op_begin_read(&op->op);
    const size_t n_all = op->op.s->model.n_conversations;
    struct change *changes = mem_alloc((n_all + 1) * sizeof(*changes));
    struct chat_conversation *found = mem_alloc((n_all + 1) * sizeof(*found));
    struct page_room room = page_room_of(op->changes.max_conversations, op->changes.max_bytes);
    struct store_changes_page page = {.conversations = found, .upto = op->op.s->model.position};
    const size_t n = find_changes(op, changes);

    for (size_t i = 0; i < n; i++) {
        found[i] = view_of(changes[i].conversation, changes[i].side);
        page.has_more = !page_take(&room, found[i].last_message.content.len);
        if (page.has_more) {
            page.upto = changes[i - 1].position; // the first one always has room
            break;
        }
        page.n_conversations++;
    }
    op->done(op->op.arg, refusal, refusal == 0 ? &page : NULL);
    free(changes);
    free(found);
    free(op);
}

void mem_changes(struct store *base, const struct store_changes *c, store_changes_fn *done,
                 void *arg)
{
    struct changes_op *op = NEW(struct changes_op);

    assert(c->max_conversations >= 1);
    op->changes = *c;
    op->done = done;
    mem_op_push(&op->op, base, arg, run_changes);
}

// Relations.

static bool is_open(const struct mem_side *side)
{
    return side->has_accepted && !side->is_blocking;
}

static struct chat_relation relation_of(const struct mem_model *m, const account *a,
                                        const account *peer)
{
    const struct mem_conversation *c = mem_find_pair(m, a, peer);
    struct chat_relation relation = {0};

    if (!c)
        return relation;
    relation.conversation = c->id;
    relation.is_mutual = is_open(&c->sides[0]) && is_open(&c->sides[1]);
    if (relation.is_mutual)
        relation.peer_seen_ms = mem_find_account(m, peer)->seen_ms;
    return relation;
}

static void run_relations(struct job *job)
{
    struct relations_op *op = container_of(job, struct relations_op, op.job);
    const int refusal = mem_op_begin_read(&op->op);
    const struct store_relations *asked = &op->relations;
    struct chat_relation all[STORE_RELATIONS_MAX];

    for (size_t i = 0; i < asked->n_peers; i++)
        all[i] = relation_of(&op->op.s->model, &asked->account, &op->peers[i]);
    op->done(op->op.arg, refusal, refusal == 0 ? all : NULL);
    free(op);
}

void mem_relations(struct store *base, const struct store_relations *r,
                   store_relations_fn *done, void *arg)
{
    struct relations_op *op = mem_alloc(sizeof(*op) + r->n_peers * sizeof(op->peers[0]));

    assert(r->n_peers >= 1 && r->n_peers <= STORE_RELATIONS_MAX);
    op->relations = *r;
    for (size_t i = 0; i < r->n_peers; i++)
        op->peers[i] = r->peers[i];
    op->done = done;
    mem_op_push(&op->op, base, arg, run_relations);
}

// Touched.

static struct store_touch touch_of(const struct mem_conversation *c, unsigned side)
{
    const struct mem_side *mine = &c->sides[side];
    const struct mem_side *theirs = &c->sides[1 - side];
    const struct mem_message *last = mem_last_message(c, side);
    struct store_touch touch = {
        .account = mine->account,
        .conversation = c->id,
        .message_seq = last ? last->seq : 0,
        .message_position = last ? last->position : 0,
        .change_position = mine->contact_position,
    };

    for (unsigned i = 0; i < 2; i++) {
        touch.mine[i] = (struct store_mark){mine->marks[i].seq, mine->marks[i].position};
        touch.theirs[i] = (struct store_mark){theirs->known[i].seq, theirs->known[i].position};
    }
    return touch;
}

static bool is_touched(const struct store_touch *t, int64_t after)
{
    bool is = t->message_position > after || t->change_position > after;

    for (unsigned i = 0; i < 2; i++)
        is |= t->mine[i].position > after || t->theirs[i].position > after;
    return is;
}

/** Those of one account. @return how many there are now */
static size_t find_touches(const struct touched_op *op, const account *a,
                           struct store_touch *out, size_t n)
{
    const struct mem_model *m = &op->op.s->model;

    for (size_t i = 0; i < m->n_conversations; i++) {
        const unsigned side = mem_side_of(m->conversations[i], a);
        if (side == 2)
            continue;
        out[n] = touch_of(m->conversations[i], side);
        n += is_touched(&out[n], op->touched.after);
    }
    return n;
}

static void run_touched(struct job *job)
{
    struct touched_op *op = container_of(job, struct touched_op, op.job);
    const int refusal = mem_op_begin_read(&op->op);
    const size_t n_accounts = op->touched.n_accounts;
    const size_t n_most = n_accounts * op->op.s->model.n_conversations + 1;
    struct store_touch *all = mem_alloc(n_most * sizeof(*all));
    struct store_touched_page page = {.touches = all};

    for (size_t i = 0; i < n_accounts; i++)
        page.n_touches = find_touches(op, &op->accounts[i], all, page.n_touches);
    page.has_more = page.n_touches > op->touched.max_touches;
    if (page.has_more)
        page.n_touches = op->touched.max_touches;
    op->done(op->op.arg, refusal, refusal == 0 ? &page : NULL);
    free(all);
    free(op);
}

void mem_touched(struct store *base, const struct store_touched *t, store_touched_fn *done,
                 void *arg)
{
    struct touched_op *op = mem_alloc(sizeof(*op) + t->n_accounts * sizeof(op->accounts[0]));

    assert(t->n_accounts >= 1 && t->n_accounts <= STORE_TOUCHED_MAX && t->max_touches >= 1);
    op->touched = *t;
    for (size_t i = 0; i < t->n_accounts; i++)
        op->accounts[i] = t->accounts[i];
    op->done = done;
    mem_op_push(&op->op, base, arg, run_touched);
}

// Unread.

static void run_unread(struct job *job)
{
    struct unread_op *op = container_of(job, struct unread_op, op.job);
    const int refusal = mem_op_begin_read(&op->op);

    op->done(op->op.arg, refusal,
             refusal == 0 ? mem_n_unread(&op->op.s->model, &op->account) : 0);
    free(op);
}

void mem_unread(struct store *base, const account *a, store_unread_fn *done, void *arg)
{
    struct unread_op *op = NEW(struct unread_op);

    op->account = *a;
    op->done = done;
    mem_op_push(&op->op, base, arg, run_unread);
}
