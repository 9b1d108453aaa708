/**
 * A fake of chat/media.h: nothing is kept, and what becomes of a take or a drop is what the
 * test says, at once or when it says so.
 */
#pragma once

#include "base/job.h"
#include "base/list.h"
#include "base/mem.h"
#include "chat/media.h"
#include "support/t.h"

enum fake_media_kind {
    FAKE_TAKE,
    FAKE_DROP,
    FAKE_MEDIA_KINDS,
};

/** What one kind of operation does. */
struct fake_media_way {
    bool is_held;     // each waits for fake_media_answer()
    int r;            // else it is answered with this
    unsigned n_asked; // so far
    unsigned n_now;   // under way
    unsigned n_most;  // at once
};

struct fake_media {
    struct media media;
    struct job_queue *later;
    struct list held;
    struct fake_media_way ways[FAKE_MEDIA_KINDS];
    bool is_stopped;
    char last_drop[CHAT_UPLOAD_ID_SIZE];
};

struct fake_media_op {
    struct list node; // of those held
    struct job job;
    struct fake_media *f;
    enum fake_media_kind kind;
    char id[CHAT_UPLOAD_ID_SIZE];
    int r;
    media_done_fn *done;
    void *arg;
};

static inline struct fake_media *fake_media_of(struct media *m)
{
    return container_of(m, struct fake_media, media);
}

static inline void fake_media_end(struct job *job)
{
    struct fake_media_op *op = container_of(job, struct fake_media_op, job);

    op->f->ways[op->kind].n_now--;
    op->done(op->arg, op->r);
    free(op);
}

static inline void fake_media_end_later(struct fake_media_op *op, int r)
{
    list_remove(&op->node);
    op->r = r;
    job_push(op->f->later, &op->job, fake_media_end);
}

static inline void fake_media_begin(struct media *m, enum fake_media_kind kind, str id,
                                    media_done_fn *done, void *arg)
{
    struct fake_media *f = fake_media_of(m);
    struct fake_media_way *way = &f->ways[kind];
    struct fake_media_op *op = NEW(struct fake_media_op);

    assert_int_equal(id.len, CHAT_UPLOAD_ID_SIZE - 1);
    *op = (struct fake_media_op){.f = f, .kind = kind, .done = done, .arg = arg};
    list_init(&op->node);
    str_copy(op->id, id);
    way->n_asked++;
    if (++way->n_now > way->n_most)
        way->n_most = way->n_now;
    if (way->is_held && !f->is_stopped) {
        list_push(&f->held, &op->node);
    } else {
        fake_media_end_later(op, f->is_stopped ? MEDIA_UNAVAILABLE : way->r);
    }
}

/** One that is held, the one that was asked for first. */
static inline void fake_media_answer(struct fake_media *f, enum fake_media_kind kind,
                                     const char *id, int r)
{
    list_each (node, &f->held) {
        struct fake_media_op *op = container_of(node, struct fake_media_op, node);
        if (op->kind == kind && strcmp(op->id, id) == 0) {
            fake_media_end_later(op, r);
            return;
        }
    }
    fail_msg("nobody waits for %s", id);
}

static inline int64_t fake_media_link(struct media *m, str id, int64_t now_ms, struct buf *url)
{
    (void)m;
    assert_int_equal(buf_addf(url, "fake:" STR_FMT, STR_ARG(id)), 0);
    return now_ms + 1000;
}

static inline int64_t fake_media_put_link(struct media *m, const struct chat_upload *u,
                                          int64_t now_ms, struct buf *url)
{
    return fake_media_link(m, u->id, now_ms, url);
}

static inline int64_t fake_media_get_link(struct media *m, const struct media_file *file,
                                          int64_t now_ms, struct buf *url)
{
    return fake_media_link(m, file->id, now_ms, url);
}

static inline bool fake_media_find(struct media *m, str url, str *id)
{
    (void)m;
    if (!str_starts(url, STR("fake:")))
        return false;
    str_take(&url, 5);
    *id = url;
    return true;
}

static inline void fake_media_take(struct media *m, const struct chat_upload *u,
                                   media_done_fn *done, void *arg)
{
    fake_media_begin(m, FAKE_TAKE, u->id, done, arg);
}

static inline void fake_media_drop(struct media *m, str id, media_done_fn *done, void *arg)
{
    fake_media_begin(m, FAKE_DROP, id, done, arg);
    str_copy(fake_media_of(m)->last_drop, id);
}

static inline void fake_media_stop(struct media *m)
{
    struct fake_media *f = fake_media_of(m);

    f->is_stopped = true;
    list_each (node, &f->held)
        fake_media_end_later(container_of(node, struct fake_media_op, node), MEDIA_UNAVAILABLE);
}

static inline bool fake_media_is_idle(const struct media *m)
{
    const struct fake_media *f = (const struct fake_media *)m; // its first member

    return f->ways[FAKE_TAKE].n_now == 0 && f->ways[FAKE_DROP].n_now == 0;
}

static inline void fake_media_free(struct media *m)
{
    assert_true(fake_media_is_idle(m));
    free(fake_media_of(m));
}

static const struct media_ops fake_media_ops = {
    .name = "fake",
    .put_link = fake_media_put_link,
    .get_link = fake_media_get_link,
    .find = fake_media_find,
    .take = fake_media_take,
    .drop = fake_media_drop,
    .stop = fake_media_stop,
    .is_idle = fake_media_is_idle,
    .free = fake_media_free,
};

static inline struct fake_media *fake_media_new(struct job_queue *later)
{
    struct fake_media *f = NEW(struct fake_media);

    f->media.ops = &fake_media_ops;
    f->later = later;
    list_init(&f->held);
    return f;
}
