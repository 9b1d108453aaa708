#include "bench/net.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <uv.h>

#include "base/err.h"
#include "base/mem.h"

#define READ_SIZE 65536
#define OUT_MAX   (SIZE_MAX / 2) // how much is under way is for --window and --size to say
#define IN_MAX    (64U << 20)    // bytes of one message, or answer to a poll

#define LINKS_PER_SOURCE 4096 // so that a free port is found soon
#define SOURCES          250  // then the first one comes again

struct net {
    uv_loop_t uv;
    uv_prepare_t prepare;
    uv_poll_t wake;
    int wake_fd;
    int64_t wake_us; // what wake_fd is set to
    net_turn_fn *on_turn;
    void *arg;
    struct job_queue later;
    uint32_t n_opened; // links, ever
    struct list links;
    struct list dirty; // links with gathered output
    char read_buffer[READ_SIZE];
};

/** Output that the kernel had no room for. */
struct link_rest {
    uv_write_t uv;
    struct buf bytes;
};

struct link {
    uv_tcp_t uv;
    uv_connect_t connect;
    struct net *net;
    const struct link_events *events;
    void *owner;
    struct list node;
    struct list dirty;
    struct buf in;
    struct buf out;
    int failed; // to begin to connect: -errno
    bool is_connected;
    bool is_writing; // a link_rest is under way
    bool is_over;    // on_end() was called
};

int64_t net_now_us(void)
{
    return (int64_t)(uv_hrtime() / 1000);
}

static void end(struct link *l, const char *why)
{
    if (l->is_over)
        return;
    l->is_over = true;
    uv_read_stop((uv_stream_t *)&l->uv);
    l->events->on_end(l->owner, why);
}

static void flush_later(struct link *l)
{
    if (list_is_empty(&l->dirty))
        list_push(&l->net->dirty, &l->dirty);
}

static void on_written(uv_write_t *uv, int status)
{
    struct link_rest *rest = container_of(uv, struct link_rest, uv);
    struct link *l = container_of((uv_tcp_t *)uv->handle, struct link, uv);

    buf_fini(&rest->bytes);
    free(rest);
    l->is_writing = false;
    if (uv_is_closing((uv_handle_t *)&l->uv))
        return;
    if (status < 0) {
        end(l, uv_strerror(status));
    } else if (l->out.len > 0) {
        flush_later(l);
    }
}

static void write_rest(struct link *l)
{
    struct link_rest *rest = NEW(struct link_rest);

    rest->bytes = l->out;
    buf_init(&l->out, OUT_MAX);
    const uv_buf_t bytes = uv_buf_init(buf_ptr(&rest->bytes), (unsigned)rest->bytes.len);
    const int r = uv_write(&rest->uv, (uv_stream_t *)&l->uv, &bytes, 1, on_written);
    if (r == 0) {
        l->is_writing = true;
        return;
    }
    buf_fini(&rest->bytes);
    free(rest);
    end(l, uv_strerror(r));
}

static void flush(struct link *l)
{
    if (l->failed < 0)
        end(l, uv_strerror(l->failed));
    if (!l->is_connected || l->is_writing || l->is_over || l->out.len == 0)
        return;
    const uv_buf_t all = uv_buf_init(buf_ptr(&l->out), (unsigned)l->out.len);
    const int n = uv_try_write((uv_stream_t *)&l->uv, &all, 1);
    if (n < 0 && n != UV_EAGAIN) {
        end(l, uv_strerror(n));
        return;
    }
    if (n > 0)
        buf_consume(&l->out, (size_t)n);
    if (l->out.len > 0) {
        write_rest(l);
    } else {
        buf_clear(&l->out);
    }
}

static void flush_all(struct net *n)
{
    struct list now;

    list_init(&now);
    list_move_all(&now, &n->dirty);
    for (struct list *node = list_shift(&now); node; node = list_shift(&now))
        flush(container_of(node, struct link, dirty));
}

static void set_wake(struct net *n, int64_t at_us)
{
    struct itimerspec at = {0}; // zero: not at all

    if (at_us == n->wake_us)
        return;
    n->wake_us = at_us;
    if (at_us != INT64_MAX) {
        at.it_value.tv_sec = at_us / 1000000;
        at.it_value.tv_nsec = at_us % 1000000 * 1000;
    }
    const int r = timerfd_settime(n->wake_fd, TFD_TIMER_ABSTIME, &at, NULL);
    assert(r == 0);
    (void)r;
}

/** Right before the wait. */
static void on_prepare(uv_prepare_t *handle)
{
    struct net *n = handle->data;

    const int64_t wake_us = n->on_turn(n->arg, net_now_us());
    while (!list_is_empty(&n->dirty) || n->later.head) {
        flush_all(n); // a link that ends may make its owner write to another
        job_run_all(&n->later);
    }
    set_wake(n, wake_us);
}

static void on_wake(uv_poll_t *handle, int status, int events)
{
    struct net *n = handle->data;
    uint64_t times;

    (void)status;
    (void)events;
    const ssize_t r = read(n->wake_fd, &times, sizeof(times));
    (void)r; // EAGAIN: it was set anew in the meantime
    n->wake_us = INT64_MAX;
}

int net_new(struct net **out, net_turn_fn *on_turn, void *arg)
{
    struct net *n = NEW(struct net);

    n->wake_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (n->wake_fd < 0) {
        free(n);
        return err_fault(-errno, "timerfd");
    }
    const int r = uv_loop_init(&n->uv);
    if (r < 0) {
        (void)close(n->wake_fd);
        free(n);
        return err_fault(r, "event loop: %s", uv_strerror(r));
    }
    signal(SIGPIPE, SIG_IGN);
    n->on_turn = on_turn;
    n->arg = arg;
    n->wake_us = INT64_MAX;
    n->later = JOB_QUEUE_INIT(n->later);
    list_init(&n->links);
    list_init(&n->dirty);
    uv_prepare_init(&n->uv, &n->prepare);
    uv_poll_init(&n->uv, &n->wake, n->wake_fd);
    n->prepare.data = n->wake.data = n;
    uv_prepare_start(&n->prepare, on_prepare);
    uv_poll_start(&n->wake, UV_READABLE, on_wake);
    *out = n;
    return 0;
}

void net_run(struct net *n)
{
    uv_run(&n->uv, UV_RUN_DEFAULT);
}

void net_stop(struct net *n)
{
    uv_stop(&n->uv);
}

struct job_queue *net_later(struct net *n)
{
    return &n->later;
}

void net_free(struct net *n)
{
    list_each (node, &n->links) {
        link_close(container_of(node, struct link, node));
    }
    while (n->later.head)
        job_run_all(&n->later);
    uv_close((uv_handle_t *)&n->prepare, NULL);
    uv_close((uv_handle_t *)&n->wake, NULL);
    while (uv_run(&n->uv, UV_RUN_DEFAULT) != 0) {
        // a net_stop() that came after the last run ends this one before its time
    }
    const int r = uv_loop_close(&n->uv);
    assert(r == 0);
    (void)r;
    (void)close(n->wake_fd);
    free(n);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    const struct link *l = container_of((uv_tcp_t *)handle, struct link, uv);

    (void)suggested;
    *out = uv_buf_init(l->net->read_buffer, READ_SIZE);
}

/** What the owner can't use yet is kept, and only that is copied. */
static void take(struct link *l, char *bytes, size_t n)
{
    if (l->in.len == 0) {
        const size_t used = l->events->on_bytes(l->owner, bytes, n);
        if (used < n && buf_add(&l->in, (str){bytes + used, n - used}) != 0)
            end(l, "too much came that makes no whole message");
        return;
    }
    if (buf_add(&l->in, (str){bytes, n}) != 0) {
        end(l, "too much came that makes no whole message");
        return;
    }
    const size_t used = l->events->on_bytes(l->owner, buf_ptr(&l->in), l->in.len);
    buf_consume(&l->in, used);
    if (l->in.len == 0)
        buf_release(&l->in);
}

static void on_read(uv_stream_t *uv, ssize_t n, const uv_buf_t *buf)
{
    struct link *l = container_of((uv_tcp_t *)uv, struct link, uv);

    if (n < 0) {
        end(l, n == UV_EOF ? "the server closed it" : uv_strerror((int)n));
    } else if (n > 0) {
        take(l, buf->base, (size_t)n);
    }
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct link *l = container_of(connect, struct link, connect);

    if (uv_is_closing((uv_handle_t *)&l->uv))
        return;
    if (status < 0) {
        end(l, uv_strerror(status));
        return;
    }
    l->is_connected = true;
    uv_read_start((uv_stream_t *)&l->uv, on_alloc, on_read);
    flush_later(l);
}

/**
 * This machine has all of 127.0.0.0/8. The more connections an address has, the longer the
 * kernel looks for a port that is free, from 14 000 on for a millisecond each: so they come
 * from several.
 */
static int bind_source(struct net *n, struct link *l)
{
    const uint32_t i = n->n_opened++ / LINKS_PER_SOURCE % SOURCES;
    const struct sockaddr_in from = {.sin_family = AF_INET,
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK + i)};

    return uv_tcp_bind(&l->uv, (const struct sockaddr *)&from, 0);
}

static bool is_loopback(const struct sockaddr_storage *addr)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)addr;

    return addr->ss_family == AF_INET && ntohl(in->sin_addr.s_addr) == INADDR_LOOPBACK;
}

struct link *link_open(struct net *n, const struct address *to,
                       const struct link_events *events, void *owner)
{
    struct link *l = NEW(struct link);

    l->net = n;
    l->events = events;
    l->owner = owner;
    list_init(&l->dirty);
    list_push(&n->links, &l->node);
    buf_init(&l->in, IN_MAX);
    buf_init(&l->out, OUT_MAX);
    uv_tcp_init(&n->uv, &l->uv);
    uv_tcp_nodelay(&l->uv, 1);
    if (is_loopback(&to->addr))
        l->failed = bind_source(n, l);
    if (l->failed == 0) {
        l->failed = uv_tcp_connect(&l->connect, &l->uv, (const struct sockaddr *)&to->addr,
                                   on_connected);
    }
    if (l->failed < 0)
        flush_later(l); // which tells the owner, later, as of any other failure
    return l;
}

struct buf *link_out(struct link *l)
{
    flush_later(l);
    return &l->out;
}

static void on_closed(uv_handle_t *handle)
{
    struct link *l = container_of((uv_tcp_t *)handle, struct link, uv);

    buf_fini(&l->in);
    buf_fini(&l->out);
    free(l);
}

void link_close(struct link *l)
{
    l->is_over = true;
    list_remove(&l->node);
    list_remove(&l->dirty);
    uv_close((uv_handle_t *)&l->uv, on_closed);
}
