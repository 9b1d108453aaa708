#include "io/dial.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/tcp.h"
#include "io/uv_loop.h"

// What libuv gives back only later is in pieces of their own, so that a dial can go at once: a
// lookup, and an attempt for each address. A dial has one of them at a time.

struct lookup {
    uv_getaddrinfo_t uv;
    struct dial *dial; // NULL: nobody wants to know any more
};

struct attempt {
    uv_poll_t uv;
    int fd; // -1: it was taken out
};

struct dial {
    struct uv_loop *loop;
    struct lookup *lookup;
    struct attempt *attempt;
    struct sockaddr_storage addresses[DIAL_ADDRESSES_MAX];
    size_t n_addresses;
    size_t n_tried;
    uint16_t port;
    size_t max_queued;
    struct tcp_place place;
    struct timer timer;
    int64_t until_ms;
    struct job job; // answers, or frees
    int r;          // the answer
    int fd;         // likewise, connected; -1: none
    dial_fn *done;
    void *arg;
};

const char *dial_reason(int refusal)
{
    switch (refusal) {
    case DIAL_NO_NAME: return "name";
    case DIAL_UNREACHED: return "unreached";
    case DIAL_LATE: return "timeout";
    case DIAL_FULL: return "full";
    default: return "?";
    }
}

static struct timers *timers_of(const struct dial *d)
{
    return &d->loop->loop.timers;
}

static void free_attempt(uv_handle_t *handle)
{
    free(container_of((uv_poll_t *)handle, struct attempt, uv));
}

/** @return its descriptor, now the caller's; -1: there is none */
static int take_fd(struct dial *d)
{
    struct attempt *a = STEAL(d->attempt);

    if (!a)
        return -1;
    uv_close((uv_handle_t *)&a->uv, free_attempt);
    return a->fd;
}

static void drop_attempt(struct dial *d)
{
    const int fd = take_fd(d);

    if (fd >= 0)
        close(fd);
}

static void drop_lookup(struct dial *d)
{
    struct lookup *lookup = STEAL(d->lookup);

    if (!lookup)
        return;
    lookup->dial = NULL;
    (void)uv_cancel((uv_req_t *)&lookup->uv); // or it comes, and finds nobody
}

static void stop(struct dial *d)
{
    timer_cancel(timers_of(d), &d->timer);
    drop_lookup(d);
    drop_attempt(d);
}

static void dial_free(struct dial *d)
{
    if (d->fd >= 0)
        close(d->fd);
    tcp_limit_give(&d->place);
    free(d);
}

static void run_free(struct job *job)
{
    dial_free(container_of(job, struct dial, job));
}

/** @return 0 or DIAL_UNREACHED */
static int attach(struct dial *d, struct stream **out)
{
    struct stream_parcel parcel = {.fd = d->fd, .place = d->place};

    buf_init(&parcel.unsent, d->max_queued);
    if (tcp_attach(out, &d->loop->loop, &parcel) != 0)
        return DIAL_UNREACHED;
    d->fd = -1;
    d->place = (struct tcp_place){0};
    return 0;
}

static void run_answer(struct job *job)
{
    struct dial *d = container_of(job, struct dial, job);
    dial_fn *done = d->done;
    void *arg = d->arg;
    struct stream *s = NULL;

    const int r = d->r == 0 ? attach(d, &s) : d->r;
    dial_free(d);
    done(arg, r, s);
}

/** @param r  0: fd is connected */
static void end(struct dial *d, int r)
{
    stop(d);
    d->r = r;
    job_push(&d->loop->loop.later, &d->job, run_answer);
}

static void try_next(struct dial *d);

/** A port of ours that is free to all may be the one that a socket to it was given: then it is
 * connected to itself. */
static bool is_itself(int fd)
{
    struct sockaddr_storage here = {0};
    struct sockaddr_storage there = {0};
    socklen_t n_here = sizeof(here);
    socklen_t n_there = sizeof(there);

    return getsockname(fd, (struct sockaddr *)&here, &n_here) == 0 &&
           getpeername(fd, (struct sockaddr *)&there, &n_there) == 0 && n_here == n_there &&
           memcmp(&here, &there, n_here) == 0;
}

static bool is_connected(int fd)
{
    int error = 0;
    socklen_t n = sizeof(error);

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 && error == 0 &&
           !is_itself(fd);
}

static void on_ready(uv_poll_t *handle, int status, int events)
{
    struct dial *d = handle->data;

    (void)events;
    uv_loop_tick(d->loop);
    if (status < 0 || !is_connected(d->attempt->fd)) {
        try_next(d);
        return;
    }
    d->fd = take_fd(d);
    end(d, 0);
}

/** @return the descriptor, on its way; -1: there is no way */
static int begin_connect(const struct sockaddr_storage *to)
{
    const socklen_t size =
        to->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    const int fd = socket(to->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;

    if (fd < 0)
        return -1;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
        (connect(fd, (const struct sockaddr *)to, size) == 0 || errno == EINPROGRESS))
        return fd;
    close(fd);
    return -1;
}

/** @return false: there is no way to it */
static bool try_address(struct dial *d, const struct sockaddr_storage *to)
{
    const int fd = begin_connect(to);

    if (fd < 0)
        return false;
    struct attempt *a = NEW(struct attempt);
    a->fd = fd;
    a->uv.data = d;
    if (uv_poll_init(&d->loop->uv, &a->uv, fd) < 0) {
        free(a);
        close(fd);
        return false;
    }
    d->attempt = a;
    uv_poll_start(&a->uv, UV_WRITABLE, on_ready);
    return true;
}

/** What is left of the time is for all who were not tried yet. */
static void set_timer(struct dial *d)
{
    const int64_t now_ms = timers_of(d)->now_ms;
    const int64_t n_left = (int64_t)(d->n_addresses - d->n_tried) + 1;

    timer_set(timers_of(d), &d->timer, now_ms + (d->until_ms - now_ms) / n_left);
}

static void try_next(struct dial *d)
{
    drop_attempt(d);
    while (d->n_tried < d->n_addresses) {
        if (try_address(d, &d->addresses[d->n_tried++])) {
            set_timer(d);
            return;
        }
    }
    end(d, DIAL_UNREACHED);
}

static void on_late(struct timer *t)
{
    struct dial *d = container_of(t, struct dial, timer);

    if (d->attempt && d->n_tried < d->n_addresses) {
        try_next(d);
    } else {
        end(d, DIAL_LATE);
    }
}

static void add_address(struct dial *d, const struct sockaddr *address, size_t n)
{
    struct sockaddr_storage *to = &d->addresses[d->n_addresses];

    if (address->sa_family != AF_INET && address->sa_family != AF_INET6)
        return;
    memcpy(to, address, n);
    if (to->ss_family == AF_INET6) {
        ((struct sockaddr_in6 *)to)->sin6_port = htons(d->port);
    } else {
        ((struct sockaddr_in *)to)->sin_port = htons(d->port);
    }
    d->n_addresses++;
}

static void on_looked_up(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct lookup *lookup = container_of(request, struct lookup, uv);
    struct dial *d = lookup->dial;

    free(lookup);
    if (d) {
        uv_loop_tick(d->loop);
        d->lookup = NULL;
        for (const struct addrinfo *a = status == 0 ? found : NULL;
             a && d->n_addresses < DIAL_ADDRESSES_MAX; a = a->ai_next)
            add_address(d, a->ai_addr, a->ai_addrlen);
        if (d->n_addresses > 0) {
            try_next(d);
        } else {
            end(d, DIAL_NO_NAME);
        }
    }
    uv_freeaddrinfo(found);
}

static void look_up(struct dial *d, const char *host)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct lookup *lookup = NEW(struct lookup);

    lookup->dial = d;
    if (uv_getaddrinfo(&d->loop->uv, &lookup->uv, on_looked_up, host, NULL, &hints) < 0) {
        free(lookup);
        end(d, DIAL_NO_NAME);
        return;
    }
    d->lookup = lookup;
    timer_set(timers_of(d), &d->timer, d->until_ms);
}

/** @return false: it is a name */
static bool read_address(struct dial *d, const char *host)
{
    struct sockaddr_in four;
    struct sockaddr_in6 six;

    if (uv_ip4_addr(host, d->port, &four) == 0) {
        add_address(d, (const struct sockaddr *)&four, sizeof(four));
    } else if (uv_ip6_addr(host, d->port, &six) == 0) {
        add_address(d, (const struct sockaddr *)&six, sizeof(six));
    }
    return d->n_addresses > 0;
}

struct dial *dial_start(struct loop *l, const struct dial_to *to, dial_fn *done, void *arg)
{
    struct dial *d = NEW(struct dial);

    d->loop = uv_loop_of(l);
    d->port = to->port;
    d->max_queued = to->max_queued;
    d->until_ms = l->timers.now_ms + to->timeout_ms;
    d->fd = -1;
    d->done = done;
    d->arg = arg;
    timer_init(&d->timer, on_late);
    if (to->limit && !tcp_limit_take(to->limit, &d->place)) {
        end(d, DIAL_FULL);
    } else if (read_address(d, to->host)) {
        try_next(d);
    } else {
        look_up(d, to->host);
    }
    return d;
}

void dial_cancel(struct dial *d)
{
    stop(d);
    job_push(&d->loop->loop.later, &d->job, run_free);
}
