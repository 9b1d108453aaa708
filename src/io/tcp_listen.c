/** Listeners: of TCP, and of UNIX sockets for io/local. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/seldom.h"
#include "io/tcp_bind.h"
#include "io/tcp_greet.h"
#include "io/tcp_stream.h"
#include "io/tls.h"

struct listener {
    union {
        uv_stream_t stream; // what the two begin with
        uv_tcp_t tcp;
        uv_pipe_t local;
    } uv;
    struct tcp_listen how;
    struct tcp_greetings greetings;
    struct seldom full; // of whom it turns away
    struct seldom headless;
    struct seldom failed;
};

#define SAY_EVERY_MS 1000

/** @return false: there is no room for it */
static bool take_place(struct listener *l, struct stream *s)
{
    const struct uv_loop *loop = l->uv.stream.data;

    if (!l->how.limit || tcp_limit_take(l->how.limit, tcp_place_of(s)))
        return true;
    if (seldom_is_due(&l->full, loop->loop.timers.now_ms, SAY_EVERY_MS, NULL))
        log_warn(NULL, "io_too_many_connections", "max=%zu", l->how.limit->max);
    return false;
}

/** @return false: its address has as many as one may */
static bool take_place_of_ip(const struct listener *l, struct stream *s)
{
    struct ip_port peer;

    if (!l->how.limit || !l->how.limit->per_ip || !tcp_find_peer(s, &peer))
        return true;
    if (l->how.is_exempt && l->how.is_exempt(l->how.arg, &peer.ip))
        return true;
    if (tcp_limit_take_ip(tcp_place_of(s), &peer.ip))
        return true;
    log_debug(NULL, "io_too_many_of_one", "max=%llu",
              (unsigned long long)l->how.limit->per_ip->max);
    return false;
}

/** Who comes is known. */
static void begin(struct listener *l, struct stream *s)
{
    if (!take_place_of_ip(l, s)) {
        stream_abort(s);
        return;
    }
    if (l->how.tls)
        s = tls_new(l->greetings.loop, s, tls_context_connection(l->how.tls));
    l->how.on_accept(l->how.arg, s);
}

static void on_header(void *arg, struct stream *s, const struct proxy_header *header)
{
    if (!header->is_local)
        tcp_set_client(s, &header->client);
    begin(arg, s);
}

static void on_no_header(void *arg, struct stream *s, enum proxy_header_refusal why)
{
    struct listener *l = arg;
    unsigned long long unsaid = 0;
    char from[STREAM_PEER_SIZE];

    if (seldom_is_due(&l->headless, l->greetings.loop->timers.now_ms, SAY_EVERY_MS, &unsaid)) {
        stream_peer(s, from);
        log_warn(NULL, "io_proxy_refused", "from=%s unsaid=%llu why=\"%s\"", from, unsaid,
                 proxy_header_remedy(why));
    }
}

static bool is_of_proxy(const struct listener *l, struct stream *s)
{
    struct ip_port peer;

    return l->how.is_proxy && tcp_find_peer(s, &peer) && l->how.is_proxy(l->how.arg, &peer.ip);
}

static void on_connection(uv_stream_t *uv, int status)
{
    struct listener *l = container_of(uv, struct listener, uv.stream);
    struct uv_loop *loop = uv->data;

    uv_loop_tick(loop);
    if (status < 0) {
        if (seldom_is_due(&l->failed, loop->loop.timers.now_ms, SAY_EVERY_MS, NULL))
            log_warn(NULL, "io_accept_failed", "error=%s", uv_err_name(status));
        return;
    }
    struct stream *s = tcp_accept(loop, uv, l->how.max_queued);
    if (!s) // it is gone again
        return;
    if (!take_place(l, s)) {
        stream_abort(s);
        return;
    }
    stream_set_reading(s, true);
    if (is_of_proxy(l, s)) {
        tcp_greet(&l->greetings, s);
    } else {
        begin(l, s);
    }
}

static void on_listener_gone(uv_handle_t *handle)
{
    free(container_of((uv_stream_t *)handle, struct listener, uv.stream));
}

void listener_close(struct listener *l)
{
    tcp_greet_none(&l->greetings);
    uv_close((uv_handle_t *)&l->uv.stream, on_listener_gone);
}

/** @param r  what binding it has given @param name  for the log @return 0 or a fault */
static int start_listening(struct listener **out, struct listener *l, int r, const char *name)
{
    if (r == 0)
        r = uv_listen(&l->uv.stream, TCP_BACKLOG, on_connection);
    if (r < 0) {
        listener_close(l);
        return uv_fault(r, name);
    }
    *out = l;
    return 0;
}

/** @param fd  moved @return 0 or what libuv says */
static int open_socket(struct listener *l, int fd)
{
    const int r = uv_tcp_open(&l->uv.tcp, fd);

    if (r < 0)
        close(fd);
    return r;
}

static int bind_shared(struct listener *l, const struct sockaddr_storage *at)
{
    const socklen_t size =
        at->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    const int fd =
        tcp_bind_shared((const struct sockaddr *)at, size, l->how.share == TCP_FIRST);

    return fd < 0 ? fd : open_socket(l, fd);
}

static int open_given(struct listener *l)
{
    const int fd = fcntl(l->how.fd, F_DUPFD_CLOEXEC, 0);

    return fd < 0 ? -errno : open_socket(l, fd);
}

/** @return 0 or what libuv says */
static int bind_to(struct listener *l, const struct addr *addr)
{
    struct sockaddr_storage at = {0};

    int r = uv_ip4_addr(addr->host, addr->port, (struct sockaddr_in *)&at);
    if (r < 0)
        r = uv_ip6_addr(addr->host, addr->port, (struct sockaddr_in6 *)&at);
    if (r < 0)
        return r;
    return l->how.share == TCP_ALONE ? uv_tcp_bind(&l->uv.tcp, (const struct sockaddr *)&at, 0)
                                     : bind_shared(l, &at);
}

static struct listener *listener_new(struct loop *loop, const struct tcp_listen *how)
{
    struct listener *l = NEW(struct listener);

    l->how = *how;
    l->greetings = (struct tcp_greetings){
        .loop = loop, .on_header = on_header, .on_refused = on_no_header, .arg = l};
    list_init(&l->greetings.waiting);
    return l;
}

int tcp_listen(struct listener **out, struct loop *loop, const struct tcp_listen *how)
{
    struct listener *l = listener_new(loop, how);
    char text[ADDR_TEXT_SIZE];

    uv_tcp_init(&uv_loop_of(loop)->uv, &l->uv.tcp);
    l->uv.stream.data = uv_loop_of(loop);

    int r = how->share == TCP_GIVEN ? open_given(l) : bind_to(l, &how->addr);
    if (r == 0)
        r = uv_tcp_nodelay(&l->uv.tcp, 1); // what is accepted has it, too: tcp(7)
    return start_listening(out, l, r, addr_text(text, &how->addr));
}

int tcp_listen_local(struct listener **out, struct loop *loop, const char *path,
                     const struct tcp_listen *how)
{
    struct listener *l = listener_new(loop, how);

    uv_pipe_init(&uv_loop_of(loop)->uv, &l->uv.local, 0);
    l->uv.stream.data = uv_loop_of(loop);
    return start_listening(out, l, uv_pipe_bind(&l->uv.local, path), path);
}

struct addr listener_addr(const struct listener *l)
{
    struct sockaddr_storage at = {0};
    int size = sizeof(at);

    if (uv_tcp_getsockname(&l->uv.tcp, (struct sockaddr *)&at, &size) < 0)
        return l->how.addr;
    return tcp_addr_of(&at);
}
