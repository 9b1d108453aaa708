#include "media/share.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "io/inbox.h"

struct media_share {
    struct media *home;
    struct inbox *inbox;   // of home's loop
    pthread_mutex_t mutex; // of what follows
    struct list fronts;
};

struct front {
    struct media media;
    struct media_share *share;
    struct list node; // of those of the share
    struct inbox *inbox;
    struct list waiting; // for their answers
    bool is_stopped;
};

/** A take or a drop, on its way home and back; its texts are behind it. */
struct op {
    struct list node; // of an inbox
    struct media_share *share;
    struct front *front; // may be gone
    struct chat_upload upload;
    bool is_take;
    int r;

    // Of the front's thread, wherever it is.
    struct list waiting;
    media_done_fn *done; // NULL: it has its answer
    void *arg;

    char bytes[];
};

static struct front *front_of(struct media *m)
{
    return container_of(m, struct front, media);
}

static struct op *op_of(struct list *node)
{
    return container_of(node, struct op, node);
}

/** @param ops  no list any more */
static void free_all(struct list *ops)
{
    list_each (node, ops)
        free(op_of(node));
}

// At home.

/** With the mutex. */
static bool is_there(const struct media_share *s, const struct front *f)
{
    list_each (node, &s->fronts) {
        if (node == &f->node)
            return true;
    }
    return false;
}

/** Who has gone was told before. If another one is in its place, that frees it. */
static void on_done(void *arg, int r)
{
    struct op *op = arg;
    struct media_share *s = op->share;

    op->r = r;
    pthread_mutex_lock(&s->mutex);
    if (is_there(s, op->front)) {
        inbox_put_one(op->front->inbox, &op->node);
    } else {
        free(op);
    }
    pthread_mutex_unlock(&s->mutex);
}

static void on_asked(void *arg, struct list *ops)
{
    const struct media_share *s = arg;

    while (!list_is_empty(ops)) {
        struct op *op = op_of(list_shift(ops));
        if (op->is_take) {
            media_take(s->home, &op->upload, on_done, op);
        } else {
            media_drop(s->home, op->upload.id, on_done, op);
        }
    }
}

// Links.

static int64_t put_link(struct media *m, const struct chat_upload *u, int64_t now_ms,
                        struct buf *url)
{
    return media_put_link(front_of(m)->share->home, u, now_ms, url);
}

static int64_t get_link(struct media *m, const struct media_file *f, int64_t now_ms,
                        struct buf *url)
{
    return media_get_link(front_of(m)->share->home, f, now_ms, url);
}

static bool find(struct media *m, str url, str *id)
{
    return media_find(front_of(m)->share->home, url, id);
}

// Takes and drops.

static struct op *op_new(struct front *f, const struct chat_upload *u, media_done_fn *done,
                         void *arg)
{
    struct op *op = mem_alloc(sizeof(*op) + u->id.len + u->mime.len + u->name.len);
    char *at = op->bytes;

    op->share = f->share;
    op->front = f;
    op->upload = *u;
    op->upload.id = str_copy(at, u->id);
    op->upload.mime = str_copy(at += u->id.len, u->mime);
    op->upload.name = str_copy(at + u->mime.len, u->name);
    op->done = done;
    op->arg = arg;
    list_push(&f->waiting, &op->waiting);
    return op;
}

static void refuse(struct op *op)
{
    op->r = MEDIA_UNAVAILABLE;
    inbox_put_one(op->front->inbox, &op->node);
}

static void ask(struct op *op)
{
    if (op->front->is_stopped) {
        refuse(op);
    } else {
        inbox_put_one(op->share->inbox, &op->node);
    }
}

static void take(struct media *m, const struct chat_upload *u, media_done_fn *done, void *arg)
{
    struct op *op = op_new(front_of(m), u, done, arg);

    op->is_take = true;
    ask(op);
}

static void drop(struct media *m, str id, media_done_fn *done, void *arg)
{
    ask(op_new(front_of(m), &(struct chat_upload){.id = id}, done, arg));
}

static void on_answers(void *arg, struct list *ops)
{
    (void)arg;
    list_each (node, ops) {
        struct op *op = op_of(node);
        list_remove(&op->waiting);
        if (op->done)
            op->done(op->arg, op->r);
        free(op);
    }
}

// Life.

/** Who waits gets an answer from here. The one from home is nobody's. */
static void stop(struct media *m)
{
    struct front *f = front_of(m);
    struct list waiting;

    f->is_stopped = true;
    list_init(&waiting);
    list_move_all(&waiting, &f->waiting);
    while (!list_is_empty(&waiting)) {
        struct op *op = container_of(list_shift(&waiting), struct op, waiting);
        refuse(op_new(f, &(struct chat_upload){0}, op->done, op->arg));
        op->done = NULL;
    }
}

static bool is_idle(const struct media *m)
{
    return list_is_empty(&((const struct front *)m)->waiting); // its first member
}

static void front_free(struct media *m)
{
    struct front *f = front_of(m);
    struct list left;

    assert(is_idle(m));
    pthread_mutex_lock(&f->share->mutex);
    list_remove(&f->node);
    pthread_mutex_unlock(&f->share->mutex);
    inbox_free(f->inbox, &left);
    free_all(&left);
    free(f);
}

static const struct media_ops ops = {
    .name = "share",
    .put_link = put_link,
    .get_link = get_link,
    .find = find,
    .take = take,
    .drop = drop,
    .stop = stop,
    .is_idle = is_idle,
    .free = front_free,
};

int media_share_new(struct media_share **out, struct media *home, struct loop *l)
{
    struct media_share *s = NEW(struct media_share);

    s->home = home;
    list_init(&s->fronts);
    const int r = inbox_new(&s->inbox, l, on_asked, s);
    if (r < 0) {
        free(s);
        return err_up(r);
    }
    pthread_mutex_init(&s->mutex, NULL);
    *out = s;
    return 0;
}

void media_share_free(struct media_share *s)
{
    struct list left;

    if (!s)
        return;
    assert(list_is_empty(&s->fronts));
    inbox_free(s->inbox, &left);
    free_all(&left);
    pthread_mutex_destroy(&s->mutex);
    free(s);
}

int media_share_join(struct media **out, struct media_share *s, struct loop *l)
{
    struct front *f = NEW(struct front);

    f->media.ops = &ops;
    f->share = s;
    list_init(&f->waiting);
    const int r = inbox_new(&f->inbox, l, on_answers, f);
    if (r < 0) {
        free(f);
        return err_up(r);
    }
    pthread_mutex_lock(&s->mutex);
    list_push(&s->fronts, &f->node);
    pthread_mutex_unlock(&s->mutex);
    *out = &f->media;
    return 0;
}
