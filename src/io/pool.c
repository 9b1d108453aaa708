#include "io/pool.h"

#include <stdlib.h>

#include "base/mem.h"
#include "io/uv_loop.h"

#define N_THREADS   4         // libuv's, unless UV_THREADPOOL_SIZE says another number
#define STACK_BYTES (8 << 20) // libuv's

static void await(void *arg)
{
    uv_sem_wait(arg);
}

/**
 * As many as libuv will have, all at a time. libc keeps the stacks of those that have ended,
 * with all that belongs to a thread: the pool gets them.
 *
 * @return 0 or -errno
 */
static int try_threads(uv_sem_t *over)
{
    const uv_thread_options_t options = {UV_THREAD_HAS_STACK_SIZE, STACK_BYTES};
    uv_thread_t threads[N_THREADS];
    size_t n = 0;
    int r = 0;

    while (n < N_THREADS && r == 0) {
        r = uv_thread_create_ex(&threads[n], &options, await, over);
        n += r == 0;
    }
    for (size_t i = 0; i < n; i++)
        uv_sem_post(over);
    for (size_t i = 0; i < n; i++)
        uv_thread_join(&threads[i]);
    return r;
}

static void do_nothing(uv_work_t *work)
{
    (void)work;
}

static void on_done(uv_work_t *work, int status)
{
    (void)status;
    free(work);
}

int pool_start(struct loop *l)
{
    uv_sem_t over;

    int r = uv_sem_init(&over, 0);
    if (r < 0)
        return uv_fault(r, "threads for files");
    r = try_threads(&over);
    uv_sem_destroy(&over);
    if (r < 0)
        return uv_fault(r, "threads for files");
    r = uv_queue_work(&uv_loop_of(l)->uv, NEW(uv_work_t), do_nothing, on_done);
    assert(r == 0); // it refuses only what has nothing to do
    return 0;
}
