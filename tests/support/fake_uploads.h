/**
 * A fake of chat/uploads.h: a table. It keeps no quota; what it refuses, loses or holds back is
 * what the test says.
 */
#pragma once

#include <stdio.h>

#include "base/job.h"
#include "base/list.h"
#include "base/mem.h"
#include "chat/store.h"
#include "chat/uploads.h"
#include "support/t.h"

#define FAKE_UPLOADS_MAX 512

enum fake_uploads_kind {
    FAKE_CREATE,
    FAKE_FIND,
    FAKE_SETTLE,
    FAKE_CLAIM,
    FAKE_REMOVE,
    FAKE_UPLOADS_KINDS,
};

/** What one kind of operation does. */
struct fake_uploads_way {
    bool is_held;       // each is done, and its answer waits for fake_uploads_release()
    unsigned n_failing; // the next so many are answered r; done if that is UPLOADS_UNCERTAIN
    int r;
    unsigned n_asked; // so far
};

struct fake_upload {
    char id[CHAT_UPLOAD_ID_SIZE];
    char name[CHAT_FILE_NAME_MAX + 1];
    char mime[CHAT_MIME_MAX + 1];
    struct chat_upload upload;
    int64_t until_ms;
};

struct fake_uploads {
    struct uploads uploads;
    struct job_queue *later;
    struct fake_uploads_way ways[FAKE_UPLOADS_KINDS];
    struct list held;
    int64_t retry_after_ms; // of UPLOADS_QUOTA
    struct uploads_create created;
    struct uploads_claim claimed;
    size_t n; // those removed included
    struct fake_upload all[FAKE_UPLOADS_MAX];
};

struct fake_uploads_op {
    struct list node; // of those held
    struct job job;
    struct fake_uploads *f;
    enum fake_uploads_kind kind;
    int r;
    struct fake_upload found;
    enum upload_state state;
    size_t n;
    char ids[UPLOADS_CLAIM_MAX][CHAT_UPLOAD_ID_SIZE];
    union {
        uploads_create_fn *on_created;
        uploads_find_fn *on_found;
        uploads_settle_fn *on_settled;
        uploads_claim_fn *on_claimed;
        uploads_remove_fn *on_removed;
    };
    void *arg;
};

static inline struct fake_uploads *fake_uploads_of(struct uploads *u)
{
    return container_of(u, struct fake_uploads, uploads);
}

/** @return NULL: there is none */
static inline struct fake_upload *fake_upload_find(struct fake_uploads *f, str id)
{
    for (size_t i = 0; i < f->n && id.len > 0; i++) {
        if (str_eq(str_of(f->all[i].id), id))
            return &f->all[i];
    }
    return NULL;
}

static inline void fake_upload_remove(struct fake_uploads *f, str id)
{
    struct fake_upload *u = fake_upload_find(f, id);

    if (u)
        *u = (struct fake_upload){0};
}

static inline void fake_uploads_tell_claimed(struct fake_uploads_op *op)
{
    str ids[UPLOADS_CLAIM_MAX];

    for (size_t i = 0; i < op->n; i++)
        ids[i] = str_of(op->ids[i]);
    op->on_claimed(op->arg, op->r, ids, op->r == 0 ? op->n : 0);
}

static inline void fake_uploads_tell_found(struct fake_uploads_op *op)
{
    struct chat_upload u = op->found.upload;

    u.id = str_of(op->found.id);
    u.name = str_of(op->found.name);
    u.mime = str_of(op->found.mime);
    op->on_found(op->arg, op->r, op->r == 0 ? &u : NULL);
}

static inline void fake_uploads_end(struct job *job)
{
    struct fake_uploads_op *op = container_of(job, struct fake_uploads_op, job);

    switch (op->kind) {
    case FAKE_CREATE: op->on_created(op->arg, op->r, op->f->retry_after_ms); break;
    case FAKE_FIND: fake_uploads_tell_found(op); break;
    case FAKE_SETTLE: op->on_settled(op->arg, op->r, op->state); break;
    case FAKE_CLAIM: fake_uploads_tell_claimed(op); break;
    case FAKE_REMOVE: op->on_removed(op->arg, op->r); break;
    case FAKE_UPLOADS_KINDS: break;
    }
    free(op);
}

static inline struct fake_uploads_op *fake_uploads_begin(struct uploads *u,
                                                         enum fake_uploads_kind kind, void *arg)
{
    struct fake_uploads *f = fake_uploads_of(u);
    struct fake_uploads_way *way = &f->ways[kind];
    struct fake_uploads_op *op = NEW(struct fake_uploads_op);

    op->f = f;
    op->kind = kind;
    op->arg = arg;
    list_init(&op->node);
    way->n_asked++;
    if (way->n_failing > 0) {
        way->n_failing--;
        op->r = way->r;
    }
    if (way->is_held) {
        list_push(&f->held, &op->node);
    } else {
        job_push(f->later, &op->job, fake_uploads_end);
    }
    return op;
}

/** Is it done, whatever the answer? */
static inline bool fake_uploads_is_done(const struct fake_uploads_op *op)
{
    return op->r == 0 || op->r == UPLOADS_UNCERTAIN;
}

/** Answer what is held, and hold nothing more. */
static inline void fake_uploads_release(struct fake_uploads *f)
{
    struct list *node;

    for (size_t i = 0; i < FAKE_UPLOADS_KINDS; i++)
        f->ways[i].is_held = false;
    while ((node = list_shift(&f->held))) {
        struct fake_uploads_op *op = container_of(node, struct fake_uploads_op, node);
        job_push(f->later, &op->job, fake_uploads_end);
    }
}

static inline void fake_uploads_create(struct uploads *u, const struct uploads_create *c,
                                       uploads_create_fn *done, void *arg)
{
    struct fake_uploads *f = fake_uploads_of(u);
    struct fake_uploads_op *op = fake_uploads_begin(u, FAKE_CREATE, arg);

    op->on_created = done;
    f->created = *c;
    if (!fake_uploads_is_done(op))
        return;
    assert_true(f->n < FAKE_UPLOADS_MAX);
    assert_null(fake_upload_find(f, c->upload.id));
    struct fake_upload *new = &f->all[f->n++];
    *new = (struct fake_upload){.upload = c->upload, .until_ms = c->until_ms};
    str_copy(new->id, c->upload.id);
    str_copy(new->name, c->upload.name);
    str_copy(new->mime, c->upload.mime);
}

static inline void fake_uploads_find(struct uploads *u, str id, uploads_find_fn *done,
                                     void *arg)
{
    struct fake_uploads_op *op = fake_uploads_begin(u, FAKE_FIND, arg);
    const struct fake_upload *found = fake_upload_find(op->f, id);

    op->on_found = done;
    if (op->r != 0)
        return;
    if (found && found->upload.state != UPLOAD_DELETING) {
        op->found = *found;
    } else {
        op->r = UPLOADS_NOT_FOUND;
    }
}

static inline void fake_uploads_settle(struct uploads *u, const struct uploads_settle *s,
                                       uploads_settle_fn *done, void *arg)
{
    struct fake_uploads_op *op = fake_uploads_begin(u, FAKE_SETTLE, arg);
    struct fake_upload *found = fake_upload_find(op->f, s->id);

    op->on_settled = done;
    if (!fake_uploads_is_done(op))
        return;
    if (!found || found->upload.state == UPLOAD_DELETING) {
        op->r = op->r ? op->r : UPLOADS_NOT_FOUND;
        return;
    }
    if (found->upload.state == UPLOAD_PENDING) {
        found->upload.state = s->state;
        found->until_ms = s->until_ms;
    }
    op->state = found->upload.state;
}

static inline void fake_uploads_claim(struct uploads *u, const struct uploads_claim *c,
                                      uploads_claim_fn *done, void *arg)
{
    struct fake_uploads *f = fake_uploads_of(u);
    struct fake_uploads_op *op = fake_uploads_begin(u, FAKE_CLAIM, arg);

    op->on_claimed = done;
    f->claimed = *c;
    assert_true(c->max > 0 && c->max <= UPLOADS_CLAIM_MAX);
    for (size_t i = 0; i < f->n && op->n < c->max && fake_uploads_is_done(op); i++) {
        struct fake_upload *one = &f->all[i];
        if (one->id[0] == '\0' || one->until_ms > c->now_ms)
            continue;
        one->upload.state = UPLOAD_DELETING;
        one->until_ms = c->again_ms;
        memcpy(op->ids[op->n++], one->id, sizeof(one->id));
    }
}

static inline void fake_uploads_remove(struct uploads *u, str id, uploads_remove_fn *done,
                                       void *arg)
{
    struct fake_uploads_op *op = fake_uploads_begin(u, FAKE_REMOVE, arg);

    op->on_removed = done;
    if (fake_uploads_is_done(op))
        fake_upload_remove(op->f, id);
}

static const struct uploads_ops fake_uploads_ops = {
    .create = fake_uploads_create,
    .find = fake_uploads_find,
    .settle = fake_uploads_settle,
    .claim = fake_uploads_claim,
    .remove = fake_uploads_remove,
};

/** @return owned; free() */
static inline struct fake_uploads *fake_uploads_new(struct job_queue *later)
{
    struct fake_uploads *f = NEW(struct fake_uploads);

    f->uploads.ops = &fake_uploads_ops;
    f->later = later;
    list_init(&f->held);
    return f;
}

/** What a store does, but for one; and what it does of its own. */
struct fake_uploads_store {
    struct store_ops ops;
    const struct store_ops *own;
    struct fake_uploads *uploads;
};

static inline void fake_uploads_append(struct store *s, const struct store_append *a,
                                       store_append_fn *done, void *arg)
{
    const struct fake_uploads_store *allowed = (const void *)s->ops; // its first member
    const struct fake_upload *u = fake_upload_find(allowed->uploads, a->upload);
    struct store_append without = *a;

    if (u && u->upload.state != UPLOAD_DELETING)
        without.upload = (str){0};
    allowed->own->append(s, &without, done, arg);
}

/** The store knows nothing of these: let it take what names one of them, unless it is over. */
static inline void fake_uploads_allow(struct fake_uploads_store *allowed, struct store *s,
                                      struct fake_uploads *f)
{
    *allowed = (struct fake_uploads_store){.ops = *s->ops, .own = s->ops, .uploads = f};
    allowed->ops.append = fake_uploads_append;
    s->ops = &allowed->ops;
}

/** One that was announced. @return its id, which stays */
static inline const char *fake_upload_add(struct fake_uploads *f, const account *owner,
                                          const char *mime, enum upload_state state)
{
    struct fake_upload *u = &f->all[f->n];

    assert_true(f->n < FAKE_UPLOADS_MAX);
    *u = (struct fake_upload){
        .upload = {.owner = *owner, .size = 7, .state = state},
        .until_ms = INT64_MAX,
    };
    snprintf(u->id, sizeof(u->id), "upload%014zu", f->n++);
    snprintf(u->name, sizeof(u->name), "name");
    snprintf(u->mime, sizeof(u->mime), "%s", mime);
    return u->id;
}

static inline bool fake_upload_is_there(struct fake_uploads *f, const char *id)
{
    return fake_upload_find(f, str_of(id)) != NULL;
}

/** One that is there. */
static inline struct fake_upload *fake_upload_get(struct fake_uploads *f, const char *id)
{
    struct fake_upload *u = fake_upload_find(f, str_of(id));

    assert(u);
    return u;
}

static inline enum upload_state fake_upload_state(struct fake_uploads *f, const char *id)
{
    return fake_upload_get(f, id)->upload.state;
}
