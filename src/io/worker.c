#include "io/worker.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/crash.h"
#include "base/mem.h"
#include "io/uv_loop.h"

struct thread {
    struct worker_config config;
    uv_thread_t id;

    uv_mutex_t mutex; // of what follows
    uv_cond_t wake;
    uv_cond_t over; // a run is
    struct list queued;
    size_t n_workers;
    uint64_t n_runs; // that are over
    bool is_running;
    bool is_stopping;
};

struct worker {
    struct uv_loop *loop;
    struct thread *thread;
    bool is_owner; // of the thread
    void *arg;
    struct list submitted; // in this turn of the loop
    struct job hand_over;
    uv_async_t wake_loop;
    struct list finished; // of struct batch; the thread's mutex
};

/** The tasks of one run that a worker has submitted. */
struct batch {
    struct list node;
    struct list tasks;
};

// The thread.

/** Wait for some, and take them. @return false: the thread stops */
static bool take(struct thread *t, struct list *tasks)
{
    uv_mutex_lock(&t->mutex);
    t->is_running = false;
    t->n_runs++;
    uv_cond_broadcast(&t->over);
    while (list_is_empty(&t->queued) && !t->is_stopping)
        uv_cond_wait(&t->wake, &t->mutex);
    t->is_running = !t->is_stopping;
    for (size_t n = 0; n < t->config.max_batch && !list_is_empty(&t->queued); n++)
        list_push(tasks, list_shift(&t->queued));
    const bool goes_on = t->is_running;
    uv_mutex_unlock(&t->mutex);
    return goes_on;
}

static void give(struct worker *w, struct batch *b)
{
    uv_mutex_lock(&w->thread->mutex);
    list_push(&w->finished, &b->node);
    uv_mutex_unlock(&w->thread->mutex);
    uv_async_send(&w->wake_loop); // several before the loop wakes are one
}

/** All of the tasks that are of the first one's worker. */
static struct batch *sort_out(struct list *tasks)
{
    const struct worker *from = worker_task_of(tasks->next)->from;
    struct batch *b = NEW(struct batch);

    list_init(&b->tasks);
    list_each (node, tasks) {
        if (worker_task_of(node)->from != from)
            continue;
        list_remove(node);
        list_push(&b->tasks, node);
    }
    return b;
}

static void hand_back(struct list *tasks)
{
    while (!list_is_empty(tasks)) {
        struct worker *to = worker_task_of(tasks->next)->from;
        give(to, sort_out(tasks));
    }
}

static void run(void *arg)
{
    struct thread *t = arg;
    struct list tasks;

    crash_open_thread();
    pthread_setname_np(pthread_self(), t->config.name);
    list_init(&tasks);
    while (take(t, &tasks)) {
        t->config.ops->run(t->config.arg, &tasks);
        hand_back(&tasks);
    }
}

static int init_lock(struct thread *t)
{
    int r = uv_mutex_init(&t->mutex);
    if (r < 0)
        return uv_fault(r, "mutex of a worker");
    r = uv_cond_init(&t->wake);
    if (r < 0) {
        uv_mutex_destroy(&t->mutex);
        return uv_fault(r, "condition of a worker");
    }
    r = uv_cond_init(&t->over);
    if (r < 0) {
        uv_cond_destroy(&t->wake);
        uv_mutex_destroy(&t->mutex);
        return uv_fault(r, "condition of a worker");
    }
    return 0;
}

static void thread_free(struct thread *t)
{
    uv_cond_destroy(&t->over);
    uv_cond_destroy(&t->wake);
    uv_mutex_destroy(&t->mutex);
    free(t);
}

/** @return NULL, after a fault in *r */
static struct thread *thread_new(const struct worker_config *config, int *r)
{
    struct thread *t = NEW(struct thread);

    t->config = *config;
    list_init(&t->queued);
    *r = init_lock(t);
    if (*r < 0) {
        free(t);
        return NULL;
    }
    return t;
}

// A loop's way to it.

static void on_wake_loop(uv_async_t *handle)
{
    struct worker *w = handle->data;
    struct list finished;

    uv_loop_tick(w->loop);
    list_init(&finished);
    uv_mutex_lock(&w->thread->mutex);
    list_move_all(&finished, &w->finished);
    uv_mutex_unlock(&w->thread->mutex);

    while (!list_is_empty(&finished)) {
        struct batch *b = container_of(list_shift(&finished), struct batch, node);
        w->thread->config.ops->on_done(w->arg, &b->tasks);
        free(b);
    }
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

/** @return NULL, after a fault in *r */
static struct worker *add_worker(struct thread *t, struct loop *l, void *arg, int *r)
{
    struct worker *w = NEW(struct worker);

    w->loop = uv_loop_of(l);
    w->thread = t;
    w->arg = arg;
    list_init(&w->submitted);
    list_init(&w->finished);
    w->wake_loop.data = w;
    *r = uv_async_init(&w->loop->uv, &w->wake_loop, on_wake_loop);
    if (*r < 0) {
        *r = uv_fault(*r, t->config.name);
        free(w);
        return NULL;
    }
    uv_mutex_lock(&t->mutex);
    t->n_workers++;
    uv_mutex_unlock(&t->mutex);
    return w;
}

int worker_share(struct worker **out, struct worker *with, struct loop *l, void *arg)
{
    int r = 0;

    *out = add_worker(with->thread, l, arg, &r);
    return r;
}

int worker_new(struct worker **out, struct loop *l, const struct worker_config *config,
               void *arg)
{
    int r = 0;
    struct thread *t = thread_new(config, &r);
    if (!t)
        return r;

    struct worker *w = add_worker(t, l, arg, &r);
    if (!w) {
        thread_free(t);
        return r;
    }
    w->is_owner = true;
    r = uv_thread_create(&t->id, run, t);
    if (r < 0) {
        uv_close((uv_handle_t *)&w->wake_loop, on_closed);
        thread_free(t);
        return uv_fault(r, config->name);
    }
    *out = w;
    return 0;
}

static void hand_over(struct job *job)
{
    struct worker *w = container_of(job, struct worker, hand_over);

    if (!w->thread)
        return; // it was freed in this turn
    uv_mutex_lock(&w->thread->mutex);
    list_move_all(&w->thread->queued, &w->submitted);
    uv_cond_signal(&w->thread->wake);
    uv_mutex_unlock(&w->thread->mutex);
}

// The thread gets what a turn has submitted at its end, in one piece. Woken at once it would
// take the first task alone, and the others would wait for what that costs.
void worker_submit(struct worker *w, struct worker_task *task)
{
    task->from = w;
    list_push(&w->submitted, &task->node);
    if (!job_is_queued(&w->hand_over))
        job_push(&w->loop->loop.later, &w->hand_over, hand_over);
}

/** Nothing of it is with the thread any more. */
static void take_out(struct worker *w)
{
    struct thread *t = w->thread;

    uv_mutex_lock(&t->mutex);
    list_each (node, &t->queued) {
        if (worker_task_of(node)->from == w)
            list_remove(node);
    }
    const uint64_t n_runs = t->n_runs;
    while (t->is_running && t->n_runs == n_runs)
        uv_cond_wait(&t->over, &t->mutex);
    t->n_workers--;
    t->is_stopping = w->is_owner;
    uv_cond_signal(&t->wake);
    uv_mutex_unlock(&t->mutex);
}

void worker_free(struct worker *w)
{
    if (!w)
        return;
    take_out(w);
    list_init(&w->submitted);
    list_each (node, &w->finished)
        free(container_of(node, struct batch, node));
    list_init(&w->finished);
    if (w->is_owner) {
        assert(w->thread->n_workers == 0);
        uv_thread_join(&w->thread->id);
        thread_free(w->thread);
    }
    w->thread = NULL;
    uv_close((uv_handle_t *)&w->wake_loop, on_closed);
}
