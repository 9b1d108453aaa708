/**
 * A store that knows conversations as a test says, and changes them as it is asked: around
 * another one, for tests of what asks.
 */
#pragma once

#include "base/job.h"
#include "base/mem.h"
#include "chat/store.h"

struct fake_contacts {
    struct store_ops ops; // those of the store, but for two
    struct job_queue *later;
    struct chat_conversation conversation; // the only one
    int r;                                 // what reading it is answered with
    enum chat_contact what;                // was asked for last
    unsigned n_contacts;
};

struct fake_contacts_op {
    struct job job;
    struct fake_contacts *f;
    int r;
    store_conversation_fn *on_found;
    store_contact_fn *on_contacted;
    void *arg;
};

static inline void fake_contacts_answer(struct job *job)
{
    struct fake_contacts_op *op = container_of(job, struct fake_contacts_op, job);
    const struct chat_conversation *c = &op->f->conversation;
    const struct store_contacted contacted = {.conversation = c->id, .peer = c->peer};

    if (op->on_found) {
        op->on_found(op->arg, op->r, op->r == 0 ? c : NULL);
    } else {
        op->on_contacted(op->arg, op->r, op->r == 0 ? &contacted : NULL);
    }
    free(op);
}

static inline struct fake_contacts *fake_contacts_of(struct store *s)
{
    const union {
        const struct store_ops *borrowed;
        struct store_ops *own; // of the fake, which is no constant
    } u = {.borrowed = s->ops};

    return container_of(u.own, struct fake_contacts, ops);
}

static inline struct fake_contacts_op *fake_contacts_ask(struct store *s,
                                                         const struct chat_place *place,
                                                         void *arg)
{
    struct fake_contacts *f = fake_contacts_of(s);
    struct fake_contacts_op *op = NEW(struct fake_contacts_op);
    const bool is_it = place->conversation > 0
                           ? place->conversation == f->conversation.id
                           : account_eq(&place->peer, &f->conversation.peer);

    op->f = f;
    op->r = is_it ? 0 : STORE_NOT_FOUND;
    op->arg = arg;
    job_push(f->later, &op->job, fake_contacts_answer);
    return op;
}

static inline void fake_contacts_find(struct store *s, const struct store_conversation *c,
                                      store_conversation_fn *done, void *arg)
{
    struct fake_contacts_op *op = fake_contacts_ask(s, &c->place, arg);

    op->on_found = done;
    if (op->r == 0)
        op->r = op->f->r;
}

static inline void fake_contacts_change(struct store *s, const struct store_contact *c,
                                        store_contact_fn *done, void *arg)
{
    struct fake_contacts_op *op = fake_contacts_ask(s, &c->place, arg);

    op->on_contacted = done;
    op->f->what = c->what;
    op->f->n_contacts++;
}

/** @param s  not used yet; f must outlive it */
static inline void fake_contacts_init(struct fake_contacts *f, struct store *s,
                                      struct job_queue *later)
{
    *f = (struct fake_contacts){.ops = *s->ops, .later = later};
    f->ops.contact = fake_contacts_change;
    f->ops.conversation = fake_contacts_find;
    s->ops = &f->ops;
}
