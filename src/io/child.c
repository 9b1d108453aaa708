#include "io/child.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/uv_loop.h"

struct child {
    struct uv_loop *loop;
    uv_process_t uv;
    struct timer timer;
    child_fn *done;
    void *arg;
    enum child_end end;
    int status;
    bool is_running;
    bool is_stopped; // by us
};

static void on_closed(uv_handle_t *handle)
{
    struct child *c = handle->data;

    uv_loop_tick(c->loop);
    c->done(c->arg, c->end, c->status);
    free(c);
}

static void on_ended(uv_process_t *handle, int64_t status, int signal)
{
    struct child *c = handle->data;

    uv_loop_tick(c->loop);
    c->is_running = false;
    timer_cancel(&c->loop->loop.timers, &c->timer);
    if (c->is_stopped) {
        c->end = CHILD_STOPPED;
    } else if (signal != 0) {
        c->end = CHILD_KILLED;
        c->status = signal;
    } else {
        c->end = CHILD_EXITED;
        c->status = (int)status;
    }
    uv_close((uv_handle_t *)handle, on_closed);
}

void child_kill(struct child *c)
{
    if (!c->is_running)
        return;
    c->is_stopped = true;
    kill(-uv_process_get_pid(&c->uv),
         SIGKILL); // it leads its group until we have waited for it
}

static void on_late(struct timer *t)
{
    child_kill(container_of(t, struct child, timer));
}

/** libuv changes neither the texts nor the lists, and has no const. */
static char **texts(const char *const *list)
{
    char **same;

    memcpy(&same, &list, sizeof(same)); // NOLINT(bugprone-sizeof-expression): of the pointer
    return same;
}

/** Not every library says of what it opens that it is not for programs that we run: nats.c does
 * not. Where the kernel has no such call (before 5.11), theirs stay open. */
static void keep_what_is_ours(void)
{
    (void)close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
}

struct child *child_run(struct loop *l, const struct child_config *config, child_fn *done,
                        void *arg)
{
    struct child *c = NEW(struct child);
    uv_stdio_container_t nothing[3] = {
        {.flags = UV_IGNORE}, {.flags = UV_IGNORE}, {.flags = UV_IGNORE}};
    const uv_process_options_t how = {
        .exit_cb = on_ended,
        .file = config->argv[0],
        .args = texts(config->argv),
        .env = texts(config->env),
        .flags = UV_PROCESS_DETACHED,
        .stdio_count = COUNT_OF(nothing),
        .stdio = nothing,
    };

    c->loop = uv_loop_of(l);
    c->uv.data = c;
    c->done = done;
    c->arg = arg;
    c->end = CHILD_MISSING;
    timer_init(&c->timer, on_late);
    keep_what_is_ours();
    const int r = uv_spawn(&c->loop->uv, &c->uv, &how);
    if (r < 0) {
        uv_fault(r, config->argv[0]);
        uv_close((uv_handle_t *)&c->uv, on_closed);
        return c;
    }
    c->is_running = true;
    timer_set(&l->timers, &c->timer, l->timers.now_ms + config->timeout_ms);
    return c;
}
