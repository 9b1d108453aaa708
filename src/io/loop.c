#include "io/loop.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/crash.h"
#include "base/err.h"
#include "base/mem.h"
#include "io/tcp.h"
#include "io/uv_loop.h"

struct signal_watch {
    uv_signal_t uv;
    struct list node;
    loop_signal_fn *fn;
    void *arg;
};

void loop_set_mem(void)
{
    const int r = uv_replace_allocator(mem_malloc, mem_realloc, mem_calloc, free);
    assert(r == 0); // it refuses NULL alone
    (void)r;
}

int uv_fault(int r, const char *what)
{
    return err_fault(r, "%s: %s", what, uv_strerror(r));
}

static int64_t unix_ms(struct clock *c)
{
    struct timespec now;

    (void)c;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct clock *loop_wall_clock(void)
{
    static struct clock wall = {.unix_ms = unix_ms};
    return &wall;
}

int64_t loop_now_ns(void)
{
    return (int64_t)uv_hrtime();
}

static void finish_turn(struct uv_loop *l)
{
    job_run_all(&l->loop.later);
    tcp_flush_all(l);
}

static bool has_work(const struct uv_loop *l)
{
    return l->loop.later.head || !list_is_empty(&l->dirty);
}

static void on_idle(uv_idle_t *handle)
{
    (void)handle;
}

static void on_wake(uv_timer_t *handle)
{
    (void)handle;
}

/**
 * Who comes while no file is left is turned away with a descriptor that libuv keeps for that,
 * and makes anew of "/": which a process may not read that has been through io/harden.h.
 */
static void keep_spare(struct uv_loop *l)
{
    if (l->uv.emfile_fd < 0)
        l->uv.emfile_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void on_check(uv_check_t *handle)
{
    struct uv_loop *l = handle->data;

    keep_spare(l);
    uv_update_time(&l->uv);
    uv_loop_tick(l);
    timers_run(&l->loop.timers, l->loop.timers.now_ms);
    finish_turn(l);
}

/** Right before the wait: nothing may be left that nobody would wake us for. */
static void on_prepare(uv_prepare_t *handle)
{
    struct uv_loop *l = handle->data;

    finish_turn(l);
    if (has_work(l)) {
        uv_idle_start(&l->idle, on_idle);
    } else {
        uv_idle_stop(&l->idle);
    }

    const int64_t next = timers_next_ms(&l->loop.timers);
    if (next == INT64_MAX) {
        uv_timer_stop(&l->wake);
        return;
    }
    const int64_t now = (int64_t)uv_now(&l->uv);
    uv_timer_start(&l->wake, on_wake, next > now ? (uint64_t)(next - now) : 0, 0);
}

int loop_new(struct loop **out)
{
    struct uv_loop *l = NEW(struct uv_loop);

    const int r = uv_loop_init(&l->uv);
    if (r < 0) {
        free(l);
        return uv_fault(r, "event loop");
    }
    signal(SIGPIPE, SIG_IGN); // a write to a peer that is gone is an error, no more
    l->loop.later = JOB_QUEUE_INIT(l->loop.later);
    l->loop.clock = *loop_wall_clock();
    list_init(&l->dirty);
    list_init(&l->signals);
    l->tcps = tcp_pool_new();

    uv_timer_init(&l->uv, &l->wake);
    uv_prepare_init(&l->uv, &l->prepare);
    uv_check_init(&l->uv, &l->check);
    uv_idle_init(&l->uv, &l->idle);
    l->prepare.data = l->check.data = l;
    uv_prepare_start(&l->prepare, on_prepare);
    uv_check_start(&l->check, on_check);
    uv_loop_tick(l);
    *out = &l->loop;
    return 0;
}

void loop_run(struct loop *l)
{
    uv_run(&uv_loop_of(l)->uv, UV_RUN_DEFAULT);
}

void loop_run_once(struct loop *l)
{
    uv_run(&uv_loop_of(l)->uv, UV_RUN_NOWAIT);
}

void loop_abort_streams(struct loop *l)
{
    tcp_abort_all(uv_loop_of(l));
}

void loop_stop(struct loop *l)
{
    uv_stop(&uv_loop_of(l)->uv);
}

static void *run_thread(void *arg)
{
    const struct loop_thread *t = arg;

    crash_open_thread();
    pthread_setname_np(pthread_self(), t->name);
    t->run(t->arg);
    return NULL;
}

int loop_thread_start(struct loop_thread *t, const char *name, void (*run)(void *arg),
                      void *arg)
{
    *t = (struct loop_thread){.run = run, .arg = arg};
    assert(strlen(name) < sizeof(t->name));
    str_copy(t->name, str_of(name));
    const int r = pthread_create(&t->id, NULL, run_thread, t);
    if (r != 0)
        return err_fault(-r, "thread %s", name);
    return 0;
}

void loop_thread_join(struct loop_thread *t)
{
    pthread_join(t->id, NULL);
}

static void on_signal(uv_signal_t *handle, int signal)
{
    struct signal_watch *w = handle->data;

    uv_loop_tick(container_of(handle->loop, struct uv_loop, uv));
    w->fn(w->arg, signal);
}

int loop_on_signal(struct loop *loop, int signal, loop_signal_fn *fn, void *arg)
{
    struct uv_loop *l = uv_loop_of(loop);
    struct signal_watch *w = NEW(struct signal_watch);

    w->fn = fn;
    w->arg = arg;
    w->uv.data = w;
    uv_signal_init(&l->uv, &w->uv);
    list_push(&l->signals, &w->node);
    const int r = uv_signal_start(&w->uv, on_signal, signal);
    return r < 0 ? uv_fault(r, "signal") : 0;
}

static void on_signal_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void loop_free(struct loop *loop)
{
    struct uv_loop *l = uv_loop_of(loop);

    assert(loop->n_streams == 0);
    while (loop->later.head)
        job_run_all(&loop->later);
    list_each (node, &l->signals) {
        struct signal_watch *w = container_of(node, struct signal_watch, node);
        uv_close((uv_handle_t *)&w->uv, on_signal_closed);
    }
    uv_close((uv_handle_t *)&l->wake, NULL);
    uv_close((uv_handle_t *)&l->prepare, NULL);
    uv_close((uv_handle_t *)&l->check, NULL);
    uv_close((uv_handle_t *)&l->idle, NULL);
    while (uv_run(&l->uv, UV_RUN_DEFAULT) != 0) {
        // a loop_stop() that came after the last run ends this one before its time
    }
    const int r = uv_loop_close(&l->uv);
    assert(r == 0);
    (void)r;
    pool_free(l->tcps);
    free(l);
}
