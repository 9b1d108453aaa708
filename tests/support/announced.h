/** What was announced, in memory; finding alone. Answers come later, or when the test says. */
#pragma once

#include "base/job.h"
#include "base/mem.h"
#include "chat/uploads.h"
#include "support/t.h"

#define ANNOUNCED_MAX  128
#define ANNOUNCED_HELD 128

struct announced;

struct fake_find {
    struct job job;
    struct announced *fake;
    char id[CHAT_UPLOAD_ID_SIZE];
    uploads_find_fn *done;
    void *arg;
};

struct announced {
    struct uploads port;
    struct job_queue *later;
    struct chat_upload list[ANNOUNCED_MAX]; // their texts are the test's
    size_t n;
    int refusal;  // of all; 0: none
    bool is_held; // answers wait for announced_release()
    struct fake_find *held[ANNOUNCED_HELD];
    size_t n_held;
};

static inline struct chat_upload *announced_at(struct announced *f, str id)
{
    for (size_t i = 0; i < f->n; i++) {
        if (str_eq(f->list[i].id, id))
            return &f->list[i];
    }
    return NULL;
}

static inline void announced_answer(struct job *job)
{
    struct fake_find *find = container_of(job, struct fake_find, job);
    struct announced *f = find->fake;
    const struct chat_upload *u = announced_at(f, str_of(find->id));
    const int r = f->refusal != 0 ? f->refusal : u ? 0 : UPLOADS_NOT_FOUND;

    find->done(find->arg, r, r == 0 ? u : NULL);
    free(find);
}

static inline void announced_find(struct uploads *port, str id, uploads_find_fn *done,
                                  void *arg)
{
    struct announced *f = container_of(port, struct announced, port);
    struct fake_find *find = NEW(struct fake_find);

    assert_true(id.len < sizeof(find->id));
    find->fake = f;
    str_copy(find->id, id);
    find->done = done;
    find->arg = arg;
    if (f->is_held) {
        assert_true(f->n_held < ANNOUNCED_HELD);
        f->held[f->n_held++] = find;
    } else {
        job_push(f->later, &find->job, announced_answer);
    }
}

static inline void announced_release(struct announced *f)
{
    f->is_held = false;
    for (size_t i = 0; i < f->n_held; i++)
        job_push(f->later, &f->held[i]->job, announced_answer);
    f->n_held = 0;
}

static const struct uploads_ops announced_ops = {.find = announced_find};

static inline void announced_init(struct announced *f, struct job_queue *later)
{
    *f = (struct announced){.port.ops = &announced_ops, .later = later};
}

/** @param u  its texts are borrowed for the life of f */
static inline struct chat_upload *announced_add(struct announced *f,
                                                const struct chat_upload *u)
{
    assert_true(f->n < ANNOUNCED_MAX);
    f->list[f->n] = *u;
    return &f->list[f->n++];
}
