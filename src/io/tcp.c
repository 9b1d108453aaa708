#include "io/tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fsm.h"
#include "base/mem.h"
#include "io/send_file.h"
#include "io/tcp_stream.h"
#include "io/tls.h"

// A stream's way out: OPEN, then (stream_close) FLUSHING until the kernel has all of
// its bytes, then LINGERING until the peer has closed too, then GONE. stream_abort()
// and errors go to GONE from anywhere. Only OPEN has an owner.

enum tcp_state {
    TCP_OPEN,
    TCP_FLUSHING,
    TCP_LINGERING,
    TCP_GONE
};

#define TO(state) FSM_TO(TCP_##state)
static const struct fsm_state states[] = {
    [TCP_OPEN] = {"tcp_open", TO(FLUSHING) | TO(GONE)},
    [TCP_FLUSHING] = {"tcp_flushing", TO(LINGERING) | TO(GONE)},
    [TCP_LINGERING] = {"tcp_lingering", TO(GONE)},
    [TCP_GONE] = {"tcp_gone", 0},
};
#undef TO

/** Output that the kernel had no room for. An idle connection has none. */
struct tcp_write {
    uv_write_t uv;
    struct buf bytes;
};

/** The end of a connection: needed once, so not kept beside every idle one. */
struct tcp_ending {
    struct timer timer;
    struct tcp *tcp;
    size_t dropped; // bytes
    size_t queued;  // when the timer was set
};

struct tcp {
    struct stream stream;
    uv_tcp_t uv;
    struct fsm fsm;
    struct tcp_write *write;
    struct send_file *file; // behind all else; NULL: none
    struct tcp_ending *ending;
    struct tcp_place place;
    struct ip_port client; // as a proxy has said; all zeroes: it has not
    bool has_peer_ended;
    bool is_lost; // and the owner was told
};

static struct tcp *tcp_of(struct stream *s)
{
    return container_of(s, struct tcp, stream);
}

static struct uv_loop *loop_of(const struct tcp *t)
{
    return t->uv.data;
}

static void on_gone(uv_handle_t *handle)
{
    struct tcp *t = container_of((uv_tcp_t *)handle, struct tcp, uv);
    struct uv_loop *l = loop_of(t);

    if (t->ending) {
        timer_cancel(&l->loop.timers, &t->ending->timer);
        free(t->ending);
    }
    tcp_limit_give(&t->place);
    list_remove(&t->stream.dirty);
    buf_fini(&t->stream.out);
    fsm_fini(&t->fsm);
    pool_give(t);
    l->loop.n_streams--;
}

static void drop_file(struct tcp *t)
{
    if (!t->file)
        return;
    send_file_stop(STEAL(t->file));
    t->stream.in_flight = t->write ? t->write->bytes.len : 0;
}

static void go(struct tcp *t)
{
    if (t->fsm.now == TCP_GONE)
        return;
    fsm_move(&t->fsm, TCP_GONE);
    drop_file(t);
    uv_close((uv_handle_t *)&t->uv, on_gone);
}

/** Also where the peer had ended before: until now it may have read. */
static void tell_lost(struct tcp *t)
{
    if (t->is_lost)
        return;
    t->is_lost = true;
    t->has_peer_ended = true;
    uv_read_stop((uv_stream_t *)&t->uv);
    t->stream.events->on_end(t->stream.owner, STREAM_LOST);
}

/** Nobody hears us any more. */
static void lose(struct tcp *t)
{
    if (t->fsm.now != TCP_OPEN) {
        go(t);
        return;
    }
    // From inside stream_write() the owner would be called back below its own frames;
    // this runs only from the loop.
    buf_clear(&t->stream.out);
    drop_file(t);
    tell_lost(t);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    const struct tcp *t = container_of((uv_tcp_t *)handle, struct tcp, uv);

    (void)suggested;
    *out = uv_buf_init(loop_of(t)->read_buffer, STREAM_READ_MAX);
}

static void drop_input(struct tcp *t, ssize_t n)
{
    if (n < 0) {
        t->has_peer_ended = true;
        uv_read_stop((uv_stream_t *)&t->uv);
    }
    // Before the FIN it is not counted: the peer shall get all of its answer first, and
    // TCP_CLOSE_MS bounds that.
    if (t->fsm.now != TCP_LINGERING)
        return;
    t->ending->dropped += n > 0 ? (size_t)n : 0;
    if (n < 0 || t->ending->dropped > TCP_LINGER_MAX)
        go(t);
}

static void on_read(uv_stream_t *uv, ssize_t n, const uv_buf_t *buf)
{
    struct tcp *t = container_of((uv_tcp_t *)uv, struct tcp, uv);

    uv_loop_tick(loop_of(t));
    if (n == 0) // nothing there after all
        return;
    if (t->fsm.now != TCP_OPEN) {
        drop_input(t, n);
        return;
    }
    if (n > 0) {
        t->stream.events->on_bytes(t->stream.owner, buf->base, (size_t)n);
        return;
    }
    if (n != UV_EOF) {
        tell_lost(t);
        return;
    }
    t->has_peer_ended = true;
    uv_read_stop(uv);
    t->stream.events->on_end(t->stream.owner, STREAM_FIN);
}

static void set_ending(struct tcp *t, int64_t in_ms)
{
    struct timers *timers = &loop_of(t)->loop.timers;

    t->ending->queued = stream_queued(&t->stream);
    timer_set(timers, &t->ending->timer, timers->now_ms + in_ms);
}

static void linger(struct tcp *t)
{
    uv_os_fd_t fd = -1;

    // All is written, so a plain shutdown() will do; a peer that is gone already shows
    // in reading.
    if (uv_fileno((uv_handle_t *)&t->uv, &fd) < 0 || shutdown(fd, SHUT_WR) < 0 ||
        t->has_peer_ended) {
        go(t);
        return;
    }
    fsm_move(&t->fsm, TCP_LINGERING);
    set_ending(t, TCP_LINGER_MS);
}

/** The kernel has all bytes that were written so far, and all of a file behind them. */
static void all_sent(struct tcp *t)
{
    if (t->fsm.now == TCP_FLUSHING) {
        linger(t);
    } else if (t->stream.events->on_drained) {
        t->stream.events->on_drained(t->stream.owner);
    }
}

static void begin_file(struct tcp *t)
{
    uv_os_fd_t fd = -1;

    if (send_file_has_begun(t->file))
        return;
    if (uv_fileno((uv_handle_t *)&t->uv, &fd) < 0 || send_file_begin(t->file, fd) != 0)
        lose(t);
}

/** The kernel has all bytes that were written so far. */
static void all_written(struct tcp *t)
{
    if (t->file) {
        begin_file(t);
    } else {
        all_sent(t);
    }
}

static void on_file_end(void *arg, bool is_sent)
{
    struct tcp *t = arg;

    t->file = NULL;
    t->stream.in_flight = 0;
    if (is_sent) {
        all_sent(t);
    } else {
        lose(t);
    }
}

static void on_written(uv_write_t *uv, int status)
{
    struct tcp_write *w = container_of(uv, struct tcp_write, uv);
    struct tcp *t = container_of((uv_tcp_t *)uv->handle, struct tcp, uv);

    uv_loop_tick(loop_of(t));
    t->write = NULL;
    t->stream.in_flight = t->file ? send_file_left(t->file) : 0;
    buf_fini(&w->bytes);
    free(w);
    if (t->fsm.now == TCP_GONE)
        return;
    if (status < 0) {
        lose(t);
    } else if (t->stream.out.len > 0) {
        t->stream.ops->flush_later(&t->stream);
    } else {
        all_written(t);
    }
}

/** The bytes of a buffer, which has none then. What may wait long takes no more than it needs.
 */
static struct buf take_bytes(struct buf *from)
{
    struct buf bytes = *from;

    buf_init(from, bytes.max);
    if (bytes.len > bytes.cap / 2)
        return bytes;
    struct buf fewer;
    buf_init(&fewer, bytes.max);
    const int r = buf_add(&fewer, buf_str(&bytes));
    assert(r == 0);
    (void)r;
    buf_fini(&bytes);
    return fewer;
}

/** Let the kernel take the rest when it can: the bytes move to the request. */
static void write_rest(struct tcp *t)
{
    struct tcp_write *w = NEW(struct tcp_write);

    w->bytes = take_bytes(&t->stream.out);
    t->stream.in_flight = w->bytes.len;
    t->write = w;
    uv_buf_t rest = uv_buf_init(buf_ptr(&w->bytes), (unsigned)w->bytes.len);
    const int r = uv_write(&w->uv, (uv_stream_t *)&t->uv, &rest, 1, on_written);
    if (r == 0)
        return;
    t->write = NULL;
    t->stream.in_flight = 0;
    buf_fini(&w->bytes);
    free(w);
    lose(t);
}

static void flush(struct tcp *t)
{
    struct buf *out = &t->stream.out;

    if (t->write || t->fsm.now == TCP_GONE)
        return;
    if (out->len == 0) {
        if (t->file || t->fsm.now == TCP_FLUSHING)
            all_written(t);
        return;
    }
    uv_buf_t all = uv_buf_init(buf_ptr(out), (unsigned)out->len);
    const int n = uv_try_write((uv_stream_t *)&t->uv, &all, 1);
    if (n < 0 && n != UV_EAGAIN) {
        lose(t);
        return;
    }
    if (n > 0)
        buf_consume(out, (size_t)n);
    if (out->len > 0) {
        write_rest(t);
        return;
    }
    buf_release(out);
    all_written(t);
}

void tcp_flush_all(struct uv_loop *l)
{
    struct list now;

    list_init(&now);
    list_move_all(&now, &l->dirty);
    for (struct list *node = list_shift(&now); node; node = list_shift(&now))
        flush(tcp_of(container_of(node, struct stream, dirty)));
}

static void abort_stream(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (handle->type == UV_TCP && !uv_is_closing(handle))
        lose(container_of((uv_tcp_t *)handle, struct tcp, uv)); // an owner gives it back
}

void tcp_abort_all(struct uv_loop *l)
{
    uv_walk(&l->uv, abort_stream, NULL);
}

static void tcp_flush_later(struct stream *s)
{
    if (list_is_empty(&s->dirty))
        list_push(&loop_of(tcp_of(s))->dirty, &s->dirty);
}

static void tcp_set_reading(struct stream *s, bool on)
{
    struct tcp *t = tcp_of(s);

    if (t->has_peer_ended)
        return;
    if (on) {
        uv_read_start((uv_stream_t *)&t->uv, on_alloc, on_read);
    } else {
        uv_read_stop((uv_stream_t *)&t->uv);
    }
}

static size_t tcp_in_flight(struct stream *s)
{
    const struct tcp *t = tcp_of(s);

    return uv_stream_get_write_queue_size((const uv_stream_t *)&t->uv) +
           (t->file ? send_file_left(t->file) : 0);
}

static void tcp_send_file(struct stream *s, int fd, uint64_t offset, uint64_t n)
{
    struct tcp *t = tcp_of(s);
    const struct send_file_what what = {fd, offset, n};

    assert(!t->file && t->fsm.now == TCP_OPEN && n > 0);
    t->file = send_file_new(&loop_of(t)->loop, &what, on_file_end, t);
    s->in_flight = n; // or more
    tcp_flush_later(s);
}

/** A large file takes its time, and may, while any of it is taken. */
static bool goes_on(struct tcp *t)
{
    return t->file && stream_queued(&t->stream) < t->ending->queued;
}

static void on_ending_late(struct timer *timer)
{
    struct tcp *t = container_of(timer, struct tcp_ending, timer)->tcp;

    if (goes_on(t)) {
        set_ending(t, TCP_CLOSE_MS);
    } else {
        go(t);
    }
}

static void tcp_close(struct stream *s)
{
    struct tcp *t = tcp_of(s);

    fsm_move(&t->fsm, TCP_FLUSHING);
    t->ending = NEW(struct tcp_ending);
    t->ending->tcp = t;
    timer_init(&t->ending->timer, on_ending_late);
    set_ending(t, TCP_CLOSE_MS);
    tcp_set_reading(s, true);
    tcp_flush_later(s);
}

static void tcp_abort(struct stream *s)
{
    go(tcp_of(s));
}

// libuv has no way to let go of a descriptor: the parcel gets another one for the same
// connection, and libuv closes its own.
static int tcp_detach(struct stream *s, struct stream_parcel *out)
{
    struct tcp *t = tcp_of(s);
    uv_os_fd_t fd = -1;

    if (t->write || t->file)
        return STREAM_BUSY;
    const int r = uv_fileno((uv_handle_t *)&t->uv, &fd);
    if (r < 0)
        return uv_fault(r, "detach");
    out->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (out->fd < 0)
        return err_fault(-errno, "detach");
    out->unsent = s->out;
    buf_init(&s->out, out->unsent.max);
    out->place = t->place;
    t->place = (struct tcp_place){0};
    out->client = t->client;
    s->events = NULL;
    go(t);
    return 0;
}

struct addr tcp_addr_of(const struct sockaddr_storage *from)
{
    struct addr a = {0};

    if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)from;
        uv_ip6_name(six, a.host, sizeof(a.host));
        a.port = ntohs(six->sin6_port);
    } else {
        const struct sockaddr_in *four = (const struct sockaddr_in *)from;
        uv_ip4_name(four, a.host, sizeof(a.host));
        a.port = ntohs(four->sin_port);
    }
    return a;
}

static struct ip_port ip_port_of(const struct sockaddr_storage *from)
{
    struct ip_port i = {.ip = {{[10] = 0xff, [11] = 0xff}}};

    if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)from;
        memcpy(i.ip.bytes, &six->sin6_addr, sizeof(i.ip.bytes));
        i.port = ntohs(six->sin6_port);
    } else {
        const struct sockaddr_in *four = (const struct sockaddr_in *)from;
        memcpy(i.ip.bytes + 12, &four->sin_addr, 4);
        i.port = ntohs(four->sin_port);
    }
    return i;
}

bool tcp_find_peer(struct stream *s, struct ip_port *out)
{
    static const ip none = {{0}};
    const struct tcp *t = tcp_of(s);
    struct sockaddr_storage from = {0};
    int size = sizeof(from);

    *out = t->client;
    if (memcmp(&out->ip, &none, sizeof(none)) != 0)
        return true;
    if (uv_tcp_getpeername(&t->uv, (struct sockaddr *)&from, &size) < 0 ||
        from.ss_family == AF_UNIX)
        return false;
    *out = ip_port_of(&from);
    return true;
}

void tcp_set_client(struct stream *s, const struct ip_port *client)
{
    tcp_of(s)->client = *client;
}

static void tcp_peer(struct stream *s, char *out)
{
    struct ip_port peer;
    struct addr a;

    static_assert(STREAM_PEER_SIZE >= ADDR_TEXT_SIZE, "a peer's address fits");
    if (!tcp_find_peer(s, &peer)) {
        memcpy(out, "-", sizeof("-"));
        return;
    }
    ip_text(a.host, &peer.ip);
    a.port = peer.port;
    addr_text(out, &a);
}

static const struct stream_ops tcp_ops = {
    .flush_later = tcp_flush_later,
    .set_reading = tcp_set_reading,
    .in_flight = tcp_in_flight,
    .send_file = tcp_send_file,
    .close = tcp_close,
    .abort = tcp_abort,
    .detach = tcp_detach,
    .peer = tcp_peer,
};

struct pool *tcp_pool_new(void)
{
    return pool_new(sizeof(struct tcp));
}

static struct tcp *tcp_new(struct uv_loop *l, size_t max_queued)
{
    struct tcp *t = pool_take(l->tcps);

    t->stream.ops = &tcp_ops;
    list_init(&t->stream.dirty);
    buf_init(&t->stream.out, max_queued);
    fsm_init(&t->fsm, states, TCP_OPEN);
    uv_tcp_init(&l->uv, &t->uv);
    t->uv.data = l;
    l->loop.n_streams++;
    return t;
}

int tcp_attach(struct stream **out, struct loop *loop, struct stream_parcel *parcel)
{
    struct tcp *t = tcp_new(uv_loop_of(loop), parcel->unsent.max);

    const int r = uv_tcp_open(&t->uv, parcel->fd);
    if (r < 0) {
        go(t);
        return uv_fault(r, "attach");
    }
    t->stream.out = parcel->unsent;
    buf_init(&parcel->unsent, 0);
    t->place = parcel->place;
    t->client = parcel->client;
    parcel->place = (struct tcp_place){0};
    parcel->fd = -1;
    if (t->stream.out.len > 0)
        t->stream.ops->flush_later(&t->stream);
    *out = parcel->tls ? tls_attach(loop, &t->stream, STEAL(parcel->tls)) : &t->stream;
    return 0;
}

struct stream *tcp_accept(struct uv_loop *l, uv_stream_t *from, size_t max_queued)
{
    struct tcp *t = tcp_new(l, max_queued);

    // A connection to a UNIX socket, too, is but a descriptor to libuv, which takes it.
    if (uv_accept(from, (uv_stream_t *)&t->uv) == 0)
        return &t->stream;
    go(t);
    return NULL;
}

struct tcp_place *tcp_place_of(struct stream *s)
{
    return &tcp_of(s)->place;
}
