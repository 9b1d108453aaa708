#include "io/worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/uv_loop.h"

struct worker {
    struct uv_loop *loop;
    struct worker_config config;
    struct list submitted; // in this turn of the loop
    struct job hand_over;
    uv_thread_t thread;
    uv_async_t wake_loop;

    uv_mutex_t mutex; // of what follows
    uv_cond_t wake_thread;
    struct list queued;
    struct list finished; // of struct batch
    bool stopping;
};

/** The tasks of one run. */
struct batch {
    struct list node;
    struct list tasks;
};

static void take(struct worker *w, struct list *tasks)
{
    list_init(tasks);
    for (size_t n = 0; n < w->config.max_batch && !list_is_empty(&w->queued); n++)
        list_push(tasks, list_shift(&w->queued));
}

/** @return NULL when the worker stops */
static struct batch *next_batch(struct worker *w)
{
    struct batch *b = NULL;

    uv_mutex_lock(&w->mutex);
    while (list_is_empty(&w->queued) && !w->stopping)
        uv_cond_wait(&w->wake_thread, &w->mutex);
    if (!w->stopping) {
        b = NEW(struct batch);
        take(w, &b->tasks);
    }
    uv_mutex_unlock(&w->mutex);
    return b;
}

static void hand_back(struct worker *w, struct batch *b)
{
    uv_mutex_lock(&w->mutex);
    list_push(&w->finished, &b->node);
    uv_mutex_unlock(&w->mutex);
    uv_async_send(&w->wake_loop); // several before the loop wakes are one
}

static void run(void *arg)
{
    struct worker *w = arg;

    pthread_setname_np(pthread_self(), w->config.name);
    // Linux does it for this thread alone, and never refuses more of it.
    errno = 0;
    const int now = nice(w->config.nice);
    assert(now != -1 || errno == 0);
    (void)now;
    for (struct batch *b = next_batch(w); b; b = next_batch(w)) {
        w->config.ops->run(w->config.arg, &b->tasks);
        hand_back(w, b);
    }
}

static void on_wake_loop(uv_async_t *handle)
{
    struct worker *w = handle->data;
    struct list finished;

    uv_loop_tick(w->loop);
    list_init(&finished);
    uv_mutex_lock(&w->mutex);
    list_move_all(&finished, &w->finished);
    uv_mutex_unlock(&w->mutex);

    while (!list_is_empty(&finished)) {
        struct batch *b = container_of(list_shift(&finished), struct batch, node);
        w->config.ops->on_done(w->config.arg, &b->tasks);
        free(b);
    }
}

static void fini_lock(struct worker *w)
{
    uv_cond_destroy(&w->wake_thread);
    uv_mutex_destroy(&w->mutex);
}

static void on_closed(uv_handle_t *handle)
{
    struct worker *w = handle->data;

    fini_lock(w);
    free(w);
}

static int init_lock(struct worker *w)
{
    int r = uv_mutex_init(&w->mutex);
    if (r < 0)
        return uv_fault(r, "mutex of a worker");

    r = uv_cond_init(&w->wake_thread);
    if (r < 0) {
        uv_mutex_destroy(&w->mutex);
        return uv_fault(r, "condition of a worker");
    }
    return 0;
}

int worker_new(struct worker **out, struct loop *l, const struct worker_config *config)
{
    struct worker *w = NEW(struct worker);

    w->loop = uv_loop_of(l);
    w->config = *config;
    list_init(&w->submitted);
    list_init(&w->queued);
    list_init(&w->finished);

    int r = init_lock(w);
    if (r < 0) {
        free(w);
        return r;
    }
    w->wake_loop.data = w;
    r = uv_async_init(&w->loop->uv, &w->wake_loop, on_wake_loop);
    if (r < 0) {
        fini_lock(w);
        free(w);
        return uv_fault(r, config->name);
    }
    r = uv_thread_create(&w->thread, run, w);
    if (r < 0) {
        uv_close((uv_handle_t *)&w->wake_loop, on_closed);
        return uv_fault(r, config->name);
    }
    *out = w;
    return 0;
}

static void hand_over(struct job *job)
{
    struct worker *w = container_of(job, struct worker, hand_over);

    uv_mutex_lock(&w->mutex);
    list_move_all(&w->queued, &w->submitted);
    uv_cond_signal(&w->wake_thread);
    uv_mutex_unlock(&w->mutex);
}

// The thread gets what a turn has submitted at its end, in one piece. Woken at once it would
// take the first task alone, and the others would wait for what that costs.
void worker_submit(struct worker *w, struct list *task)
{
    list_push(&w->submitted, task);
    if (!job_is_queued(&w->hand_over))
        job_push(&w->loop->loop.later, &w->hand_over, hand_over);
}

void worker_free(struct worker *w)
{
    uv_mutex_lock(&w->mutex);
    w->stopping = true;
    uv_cond_signal(&w->wake_thread);
    uv_mutex_unlock(&w->mutex);
    uv_thread_join(&w->thread);

    list_init(&w->submitted);
    list_init(&w->queued);
    list_each (node, &w->finished)
        free(container_of(node, struct batch, node));
    list_init(&w->finished);
    uv_close((uv_handle_t *)&w->wake_loop, on_closed);
}
