/**
 * A store whose reads are answered late: what was read is older than what has come over the
 * bus meanwhile. Around the memory store, whose strings outlive a page.
 */
#pragma once

#include "base/job.h"
#include "base/mem.h"
#include "chat/store.h"

struct late_store {
    struct store store;
    struct store *inner;
    struct job_queue *later;
    unsigned turns; // by which an answer is late
};

struct late_read {
    struct job job;
    struct late_store *s;
    unsigned turns;
    int r;
    void *items;
    union {
        struct store_page page;
        struct store_receipts_page receipts;
        struct store_changes_page changes;
    };
    union {
        store_read_fn *on_read;
        store_receipts_fn *on_receipts;
        store_changes_fn *on_changes;
    };
    void *arg;
};

static inline struct late_store *late_of(struct store *s)
{
    return container_of(s, struct late_store, store);
}

static inline void late_answer(struct job *job)
{
    struct late_read *read = container_of(job, struct late_read, job);

    if (read->turns-- > 0) {
        job_push(read->s->later, job, late_answer);
        return;
    }
    read->on_read(read->arg, read->r, read->r == 0 ? &read->page : NULL);
    free(read->items);
    free(read);
}

static inline void late_answer_receipts(struct job *job)
{
    struct late_read *read = container_of(job, struct late_read, job);

    if (read->turns-- > 0) {
        job_push(read->s->later, job, late_answer_receipts);
        return;
    }
    read->on_receipts(read->arg, read->r, read->r == 0 ? &read->receipts : NULL);
    free(read->items);
    free(read);
}

static inline void late_answer_changes(struct job *job)
{
    struct late_read *read = container_of(job, struct late_read, job);

    if (read->turns-- > 0) {
        job_push(read->s->later, job, late_answer_changes);
        return;
    }
    read->on_changes(read->arg, read->r, read->r == 0 ? &read->changes : NULL);
    free(read->items);
    free(read);
}

static inline void late_on_read(void *arg, int r, const struct store_page *page)
{
    struct late_read *read = arg;

    read->r = r;
    if (r == 0) {
        const size_t size = page->n_messages * sizeof(*page->messages);
        read->page = *page;
        read->items = mem_alloc(size + 1);
        str_copy(read->items, (str){(const char *)page->messages, size});
        read->page.messages = read->items;
    }
    job_push(read->s->later, &read->job, late_answer);
}

static inline void late_on_receipts(void *arg, int r, const struct store_receipts_page *page)
{
    struct late_read *read = arg;

    read->r = r;
    if (r == 0) {
        const size_t size = page->n_receipts * sizeof(*page->receipts);
        read->receipts = *page;
        read->items = mem_alloc(size + 1);
        str_copy(read->items, (str){(const char *)page->receipts, size});
        read->receipts.receipts = read->items;
    }
    job_push(read->s->later, &read->job, late_answer_receipts);
}

static inline void late_on_changes(void *arg, int r, const struct store_changes_page *page)
{
    struct late_read *read = arg;

    read->r = r;
    if (r == 0) {
        const size_t size = page->n_conversations * sizeof(*page->conversations);
        read->changes = *page;
        read->items = mem_alloc(size + 1);
        str_copy(read->items, (str){(const char *)page->conversations, size});
        read->changes.conversations = read->items;
    }
    job_push(read->s->later, &read->job, late_answer_changes);
}

static inline struct late_read *late_read_new(struct store *s, void *arg)
{
    struct late_read *read = NEW(struct late_read);

    read->s = late_of(s);
    read->turns = late_of(s)->turns;
    read->arg = arg;
    return read;
}

static inline void late_read(struct store *s, const struct store_read *r, store_read_fn *done,
                             void *arg)
{
    struct late_read *read = late_read_new(s, arg);

    read->on_read = done;
    store_read(late_of(s)->inner, r, late_on_read, read);
}

static inline void late_receipts(struct store *s, const struct store_receipts *r,
                                 store_receipts_fn *done, void *arg)
{
    struct late_read *read = late_read_new(s, arg);

    read->on_receipts = done;
    store_receipts(late_of(s)->inner, r, late_on_receipts, read);
}

static inline void late_changes(struct store *s, const struct store_changes *c,
                                store_changes_fn *done, void *arg)
{
    struct late_read *read = late_read_new(s, arg);

    read->on_changes = done;
    store_changes(late_of(s)->inner, c, late_on_changes, read);
}

static inline void late_append(struct store *s, const struct store_append *a,
                               store_append_fn *done, void *arg)
{
    store_append(late_of(s)->inner, a, done, arg);
}

static inline void late_receipt(struct store *s, const struct store_receipt *r,
                                store_receipt_fn *done, void *arg)
{
    store_receipt(late_of(s)->inner, r, done, arg);
}

static inline void late_contact(struct store *s, const struct store_contact *c,
                                store_contact_fn *done, void *arg)
{
    store_contact(late_of(s)->inner, c, done, arg);
}

static inline void late_seen(struct store *s, const account *a, int64_t at_ms,
                             store_seen_fn *done, void *arg)
{
    store_seen(late_of(s)->inner, a, at_ms, done, arg);
}

static inline void late_history(struct store *s, const struct store_history *h,
                                store_history_fn *done, void *arg)
{
    store_history(late_of(s)->inner, h, done, arg);
}

static inline void late_list(struct store *s, const struct store_list *l, store_list_fn *done,
                             void *arg)
{
    store_list(late_of(s)->inner, l, done, arg);
}

static inline void late_conversation(struct store *s, const struct store_conversation *c,
                                     store_conversation_fn *done, void *arg)
{
    store_conversation(late_of(s)->inner, c, done, arg);
}

static inline void late_relations(struct store *s, const struct store_relations *r,
                                  store_relations_fn *done, void *arg)
{
    store_relations(late_of(s)->inner, r, done, arg);
}

static inline void late_touched(struct store *s, const struct store_touched *t,
                                store_touched_fn *done, void *arg)
{
    store_touched(late_of(s)->inner, t, done, arg);
}

static inline void late_unread(struct store *s, const account *a, store_unread_fn *done,
                               void *arg)
{
    store_unread(late_of(s)->inner, a, done, arg);
}

static inline int64_t late_horizon(struct store *s)
{
    return store_horizon(late_of(s)->inner);
}

static inline void late_free(struct store *s)
{
    store_free(late_of(s)->inner);
    free(late_of(s));
}

static const struct store_ops late_ops = {
    .name = "late",
    .append = late_append,
    .receipt = late_receipt,
    .contact = late_contact,
    .seen = late_seen,
    .read = late_read,
    .receipts = late_receipts,
    .history = late_history,
    .list = late_list,
    .conversation = late_conversation,
    .changes = late_changes,
    .relations = late_relations,
    .touched = late_touched,
    .unread = late_unread,
    .horizon = late_horizon,
    .free = late_free,
};

/** @param inner  moved */
static inline struct store *late_new(struct store *inner, struct job_queue *later)
{
    struct late_store *s = NEW(struct late_store);

    s->store.ops = &late_ops;
    s->store.epoch = inner->epoch;
    s->inner = inner;
    s->later = later;
    s->turns = 3;
    return &s->store;
}
