/**
 * A store that says how accounts stand with each other, and keeps when they were seen, as the
 * test says; it can answer late, or not at all. All else is the store's that it is around.
 */
#pragma once

#include "base/job.h"
#include "base/list.h"
#include "base/mem.h"
#include "chat/store.h"
#include "support/t.h"

#define FAKE_PAIRS_MAX 1024

struct fake_pair {
    account a;
    account b;
    conversation_id conversation;
    bool is_mutual;
};

struct fake_seen {
    account account;
    int64_t at_ms; // when it was seen last
    unsigned n;    // how often it was seen
};

struct fake_relations {
    struct store store;
    struct store *inner;
    struct job_queue *later;
    size_t n_pairs;
    struct fake_pair pairs[FAKE_PAIRS_MAX];
    size_t n_seen;
    struct fake_seen seen[FAKE_PAIRS_MAX];
    unsigned n_questions; // about relations
    size_t max_peers;     // of one of them
    unsigned n_failing;   // the next so many of them are answered STORE_UNAVAILABLE
    bool is_holding;      // answers wait until it does not
    struct list held;
};

static inline struct fake_relations *fake_of(struct store *s)
{
    return container_of(s, struct fake_relations, store);
}

static inline struct fake_pair *fake_find(struct fake_relations *f, const account *a,
                                          const account *b)
{
    for (size_t i = 0; i < f->n_pairs; i++) {
        struct fake_pair *p = &f->pairs[i];
        if ((account_eq(&p->a, a) && account_eq(&p->b, b)) ||
            (account_eq(&p->a, b) && account_eq(&p->b, a)))
            return p;
    }
    return NULL;
}

/** From now on they stand so with each other. */
static inline void fake_relate(struct fake_relations *f, account a, account b, bool is_mutual)
{
    struct fake_pair *p = fake_find(f, &a, &b);

    if (!p) {
        assert_true(f->n_pairs < FAKE_PAIRS_MAX);
        p = &f->pairs[f->n_pairs++];
        *p = (struct fake_pair){.a = a, .b = b, .conversation = f->n_pairs};
    }
    p->is_mutual = is_mutual;
}

static inline struct fake_seen *fake_seen_of(struct fake_relations *f, const account *a)
{
    for (size_t i = 0; i < f->n_seen; i++) {
        if (account_eq(&f->seen[i].account, a))
            return &f->seen[i];
    }
    assert_true(f->n_seen < FAKE_PAIRS_MAX);
    f->seen[f->n_seen] = (struct fake_seen){.account = *a};
    return &f->seen[f->n_seen++];
}

/** An answer to come. */
struct fake_answer {
    struct job job;
    struct list node;
    struct fake_relations *f;
    int r;
    store_seen_fn *on_seen;
    store_relations_fn *on_relations;
    store_conversation_fn *on_conversation;
    void *arg;
    struct chat_conversation conversation;
    struct chat_relation relations[STORE_RELATIONS_MAX];
};

static inline void fake_answer(struct job *job)
{
    struct fake_answer *a = container_of(job, struct fake_answer, job);

    if (a->f->is_holding) {
        list_push(&a->f->held, &a->node);
        return;
    }
    if (a->on_seen)
        a->on_seen(a->arg, a->r);
    if (a->on_relations)
        a->on_relations(a->arg, a->r, a->r == 0 ? a->relations : NULL);
    if (a->on_conversation)
        a->on_conversation(a->arg, a->r, a->r == 0 ? &a->conversation : NULL);
    free(a);
}

/** Answers come again, those that were held as they were when they were asked for. */
static inline void fake_release(struct fake_relations *f)
{
    struct list *node;

    f->is_holding = false;
    while ((node = list_shift(&f->held)))
        job_push(f->later, &container_of(node, struct fake_answer, node)->job, fake_answer);
}

static inline struct fake_answer *fake_answer_new(struct fake_relations *f, void *arg)
{
    struct fake_answer *a = NEW(struct fake_answer);

    a->f = f;
    a->arg = arg;
    list_init(&a->node);
    job_push(f->later, &a->job, fake_answer);
    return a;
}

static inline void fake_store_seen(struct store *s, const account *a, int64_t at_ms,
                                   store_seen_fn *done, void *arg)
{
    struct fake_seen *seen = fake_seen_of(fake_of(s), a);

    seen->at_ms = at_ms;
    seen->n++;
    fake_answer_new(fake_of(s), arg)->on_seen = done;
}

static inline void fake_store_relations(struct store *s, const struct store_relations *q,
                                        store_relations_fn *done, void *arg)
{
    struct fake_relations *f = fake_of(s);
    struct fake_answer *a = fake_answer_new(f, arg);

    assert_in_range(q->n_peers, 1, STORE_RELATIONS_MAX);
    a->on_relations = done;
    f->n_questions++;
    if (q->n_peers > f->max_peers)
        f->max_peers = q->n_peers;
    if (f->n_failing > 0) {
        f->n_failing--;
        a->r = STORE_UNAVAILABLE;
        return;
    }
    for (size_t i = 0; i < q->n_peers; i++) {
        const struct fake_pair *p = fake_find(f, &q->account, &q->peers[i]);
        if (!p)
            continue;
        a->relations[i] =
            (struct chat_relation){.conversation = p->conversation, .is_mutual = p->is_mutual};
        if (p->is_mutual)
            a->relations[i].peer_seen_ms = fake_seen_of(f, &q->peers[i])->at_ms;
    }
}

static inline void fake_store_conversation(struct store *s, const struct store_conversation *c,
                                           store_conversation_fn *done, void *arg)
{
    struct fake_relations *f = fake_of(s);
    struct fake_answer *a = fake_answer_new(f, arg);

    a->on_conversation = done;
    a->r = STORE_NOT_FOUND;
    for (size_t i = 0; i < f->n_pairs; i++) {
        const struct fake_pair *p = &f->pairs[i];
        const bool is_a = account_eq(&p->a, &c->account);
        if (p->conversation != c->place.conversation ||
            (!is_a && !account_eq(&p->b, &c->account)))
            continue;
        a->r = 0;
        a->conversation =
            (struct chat_conversation){.id = p->conversation, .peer = is_a ? p->b : p->a};
    }
}

static inline void fake_store_append(struct store *s, const struct store_append *a,
                                     store_append_fn *done, void *arg)
{
    store_append(fake_of(s)->inner, a, done, arg);
}

static inline void fake_store_receipt(struct store *s, const struct store_receipt *r,
                                      store_receipt_fn *done, void *arg)
{
    store_receipt(fake_of(s)->inner, r, done, arg);
}

static inline void fake_store_read(struct store *s, const struct store_read *r,
                                   store_read_fn *done, void *arg)
{
    store_read(fake_of(s)->inner, r, done, arg);
}

static inline void fake_store_receipts(struct store *s, const struct store_receipts *r,
                                       store_receipts_fn *done, void *arg)
{
    store_receipts(fake_of(s)->inner, r, done, arg);
}

static inline void fake_store_changes(struct store *s, const struct store_changes *c,
                                      store_changes_fn *done, void *arg)
{
    store_changes(fake_of(s)->inner, c, done, arg);
}

static inline void fake_store_touched(struct store *s, const struct store_touched *t,
                                      store_touched_fn *done, void *arg)
{
    store_touched(fake_of(s)->inner, t, done, arg);
}

static inline void fake_store_unread(struct store *s, const account *a, store_unread_fn *done,
                                     void *arg)
{
    store_unread(fake_of(s)->inner, a, done, arg);
}

static inline int64_t fake_store_horizon(struct store *s)
{
    return store_horizon(fake_of(s)->inner);
}

static inline void fake_store_free(struct store *s)
{
    assert_true(list_is_empty(&fake_of(s)->held));
    store_free(fake_of(s)->inner);
    free(fake_of(s));
}

static const struct store_ops fake_store_ops = {
    .name = "fake",
    .append = fake_store_append,
    .receipt = fake_store_receipt,
    .seen = fake_store_seen,
    .read = fake_store_read,
    .receipts = fake_store_receipts,
    .conversation = fake_store_conversation,
    .changes = fake_store_changes,
    .relations = fake_store_relations,
    .touched = fake_store_touched,
    .unread = fake_store_unread,
    .horizon = fake_store_horizon,
    .free = fake_store_free,
};

/** @param inner  moved */
static inline struct fake_relations *fake_relations_new(struct store *inner,
                                                        struct job_queue *later)
{
    struct fake_relations *f = NEW(struct fake_relations);

    f->store.ops = &fake_store_ops;
    f->store.epoch = inner->epoch;
    f->inner = inner;
    f->later = later;
    list_init(&f->held);
    return f;
}
