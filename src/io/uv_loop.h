/** What the files of io/ share about the loop; nobody else may look. */
#pragma once

#include <uv.h>

#include "base/pool.h"
#include "io/loop.h"
#include "io/stream.h"

struct uv_loop {
    struct loop loop;
    uv_loop_t uv;
    uv_timer_t wake; // only ends the wait; the timers run in `check`
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle;    // on while there is work that must not wait
    struct list dirty; // streams with gathered output
    struct list signals;
    struct pool *tcps;
    char read_buffer[STREAM_READ_MAX]; // one for all connections
};

static inline struct uv_loop *uv_loop_of(struct loop *l)
{
    return container_of(l, struct uv_loop, loop);
}

/** Bring the loop's time up to date: first thing in every callback from libuv. */
static inline void uv_loop_tick(struct uv_loop *l)
{
    l->loop.timers.now_ms = (int64_t)uv_now(&l->uv);
}

/** -errno from libuv, as it is. */
int uv_fault(int r, const char *what);
