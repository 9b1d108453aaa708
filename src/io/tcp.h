/** TCP: listeners, and the streams that they accept. io/local.h has listeners of its own. */
#pragma once

#include "io/addr.h"
#include "io/loop.h"
#include "io/stream.h"
#include "io/tcp_limit.h"
#include "io/tls_context.h"

#define TCP_BACKLOG    4096
#define TCP_CLOSE_MS   10000   // stream_close(): for the peer to take all, or some of a file
#define TCP_LINGER_MS  2000    // and then for its FIN
#define TCP_LINGER_MAX 1048576 // bytes dropped while waiting for that

/**
 * Descriptors that connections leave to others. Where none is left at all, libuv 1.44 may
 * try to accept without end.
 */
#define TCP_FILES_RESERVED 64

struct listener;

/** Who listens at an address and port. */
enum tcp_share {
    TCP_ALONE, // one listener
    TCP_FIRST, // the first of several, of any loops: the kernel deals out who comes. It is a
               // fault where somebody else listens
    TCP_NEXT,  // another one, at the address of the first, while that listens
    TCP_GIVEN, // of a socket that somebody has bound, and that others may have: they all wait
               // for who comes to it. It goes on when the listener is closed
};

/** @param s  moved to the callee, which sets an owner at once */
typedef void tcp_accept_fn(void *arg, struct stream *s);

struct tcp_listen {
    struct addr addr; // not with TCP_GIVEN
    enum tcp_share share;
    int fd;                  // of TCP_GIVEN; borrowed until tcp_listen() returns
    size_t max_queued;       // bytes that a stream may hold unsent; stream_write() refuses more
    struct tcp_limit *limit; // who finds no place is turned away. Borrowed; must outlive the
                             // streams, wherever they move. NULL: no limit
    bool (*is_exempt)(void *arg, const ip *peer); // from limit->per_ip; a proxy, say. NULL:
                                                  // nobody
    bool (*is_proxy)(void *arg, const ip *peer); // whose connections begin with a header of the
                                                 // PROXY protocol; the others' do not. NULL:
                                                 // nobody's
    struct tls_context *tls; // borrowed, outlives the listener. NULL: no TLS
    tcp_accept_fn *on_accept;
    void *arg;
};

/**
 * Listen. TCP_NODELAY is set on what is accepted: we gather our writes ourselves.
 *
 * @param out  owned; listener_close()
 * @return 0 or a fault: the address is in use, or not this machine's
 */
MUST_CHECK int tcp_listen(struct listener **out, struct loop *l, const struct tcp_listen *how);

/** The address really listened on; not of a UNIX socket. */
struct addr listener_addr(const struct listener *l);

/** Accept no more. Frees itself. */
void listener_close(struct listener *l);

/**
 * Make a stream of a parcel, on this loop. It is not read from until the new owner, once
 * set, asks for that with stream_set_reading(); parcel->unread comes before.
 *
 * @param parcel  its descriptor, TLS, place and unsent bytes are moved; unread stays the
 *                caller's
 * @return 0 or a fault: the parcel is as it was
 */
MUST_CHECK int tcp_attach(struct stream **out, struct loop *l, struct stream_parcel *parcel);

struct uv_loop;
struct pool;

/** @return owned; for what a loop's streams are taken from */
struct pool *tcp_pool_new(void);

/** The part of local_listen() that is libuv's: bind, and listen. */
MUST_CHECK int tcp_listen_local(struct listener **out, struct loop *l, const char *path,
                                const struct tcp_listen *how);

/** The loop's end of a turn. */
void tcp_flush_all(struct uv_loop *l);

/** Listeners must have been closed. */
void tcp_abort_all(struct uv_loop *l);
