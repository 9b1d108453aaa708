/**
 * chat/media.h without any files. Its links can be foretold, and are good for a quarter of an
 * hour:
 *
 *   https://media.test/put/<id>
 *   https://media.test/get/<id>?as=<mime>&name=<name>
 *
 * Every file is there, and as it was announced, unless the test says otherwise.
 */
#pragma once

#include "base/job.h"
#include "base/mem.h"
#include "chat/media.h"
#include "support/t.h"

#define FAKE_MEDIA_HOST "https://media.test/"
#define FAKE_MEDIA_MS   900000 // of a link

struct fake_media {
    struct media port; // first
    struct job_queue *later;
    int take; // what takes are answered
    unsigned n_under_way;
};

struct fake_media_op {
    struct job job;
    struct fake_media *media;
    int r;
    media_done_fn *done;
    void *arg;
};

static inline struct fake_media *fake_media_of(struct media *m)
{
    return container_of(m, struct fake_media, port);
}

static inline int64_t fake_media_put_link(struct media *m, const struct chat_upload *u,
                                          int64_t now_ms, struct buf *url)
{
    (void)m;
    assert_int_equal(buf_addf(url, FAKE_MEDIA_HOST "put/" STR_FMT, STR_ARG(u->id)), 0);
    return now_ms + FAKE_MEDIA_MS;
}

static inline int64_t fake_media_get_link(struct media *m, const struct media_file *f,
                                          int64_t now_ms, struct buf *url)
{
    (void)m;
    assert_int_equal(buf_addf(url,
                              FAKE_MEDIA_HOST "get/" STR_FMT "?as=" STR_FMT "&name=" STR_FMT,
                              STR_ARG(f->id), STR_ARG(f->mime), STR_ARG(f->name)),
                     0);
    return now_ms + FAKE_MEDIA_MS;
}

static inline bool fake_media_find(struct media *m, str url, str *id)
{
    (void)m;
    if (!str_starts(url, STR(FAKE_MEDIA_HOST)))
        return false;
    str_take(&url, STR(FAKE_MEDIA_HOST).len);
    if (!str_starts(url, STR("put/")) && !str_starts(url, STR("get/")))
        return false;
    str_take(&url, STR("get/").len);
    *id = (str){url.ptr, str_find(url, '?')};
    return true;
}

static inline void fake_media_run(struct job *job)
{
    struct fake_media_op *op = container_of(job, struct fake_media_op, job);

    op->media->n_under_way--;
    op->done(op->arg, op->r);
    free(op);
}

static inline void fake_media_answer(struct media *m, int r, media_done_fn *done, void *arg)
{
    struct fake_media_op *op = NEW(struct fake_media_op);

    *op = (struct fake_media_op){.media = fake_media_of(m), .r = r, .done = done, .arg = arg};
    op->media->n_under_way++;
    job_push(op->media->later, &op->job, fake_media_run);
}

static inline void fake_media_take(struct media *m, const struct chat_upload *u,
                                   media_done_fn *done, void *arg)
{
    (void)u;
    fake_media_answer(m, fake_media_of(m)->take, done, arg);
}

static inline void fake_media_drop(struct media *m, str id, media_done_fn *done, void *arg)
{
    (void)id;
    fake_media_answer(m, 0, done, arg);
}

static inline void fake_media_stop(struct media *m)
{
    (void)m;
}

static inline bool fake_media_is_idle(const struct media *m)
{
    return ((const struct fake_media *)m)->n_under_way == 0;
}

/** @param later  NULL: links are all that it is for */
static inline void fake_media_init(struct fake_media *m, struct job_queue *later)
{
    static const struct media_ops ops = {
        .name = "fake",
        .put_link = fake_media_put_link,
        .get_link = fake_media_get_link,
        .find = fake_media_find,
        .take = fake_media_take,
        .drop = fake_media_drop,
        .stop = fake_media_stop,
        .is_idle = fake_media_is_idle,
    };

    *m = (struct fake_media){.port = {&ops}, .later = later};
}
