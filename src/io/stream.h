/**
 * A byte stream to one peer: all that http and ws know of a connection. io/tcp
 * implements it; tests do so in memory.
 *
 * Output is gathered: stream_write() only appends, and the loop writes what each
 * stream has gathered once a turn. A system call a turn instead of one a frame is
 * most of what makes a transport cheap.
 *
 * A stream belongs to whoever got it from on_accept, until stream_close() or
 * stream_abort(): these give it back, and no callback comes from then on. They may
 * be called from inside any callback of the stream.
 */
#pragma once

#include "base/buf.h"
#include "base/ip.h"
#include "base/list.h"
#include "io/tcp_limit.h"

#define STREAM_PEER_SIZE 56    // bytes of "[ipv6]:port", NUL included
#define STREAM_READ_MAX  65536 // bytes that on_bytes gets at once, at most

struct tls_parcel;

enum stream_end {
    STREAM_FIN,  // the peer sends no more; it may still read
    STREAM_LOST, // reset, or gone: nothing that is written reaches anybody
};

struct stream_events {
    /**
     * Bytes from the peer, at least one. They may be changed in place, and are gone
     * when the callback returns: the owner copies what it can't use yet.
     */
    void (*on_bytes)(void *owner, char *bytes, size_t n);

    /** No more bytes come. At most once; to who keeps the stream behind STREAM_FIN, so as to
     * write, STREAM_LOST may come as well. The stream is still the owner's to close. */
    void (*on_end)(void *owner, enum stream_end end);

    /** All that was written is with the kernel; at most once a turn. May be NULL. */
    void (*on_drained)(void *owner);
};

/**
 * A connection on its way from one owner to another, perhaps on another loop: moved with
 * the struct.
 */
struct stream_parcel {
    int fd;
    struct tls_parcel *tls; // NULL: it has none
    struct tcp_place place;
    struct ip_port client; // whom a proxy speaks for; all zeroes: no proxy has said so
    struct buf unsent;     // written, and not yet taken by the kernel
    struct buf unread;     // read by the last owner, and for the next one to use first
};

struct stream;

struct stream_ops {
    void (*flush_later)(struct stream *s);
    void (*set_reading)(struct stream *s, bool on);
    size_t (*in_flight)(struct stream *s); // asked only while the field below is not 0
    void (*send_file)(struct stream *s, int fd, uint64_t offset, uint64_t n);
    void (*close)(struct stream *s);
    void (*abort)(struct stream *s);
    int (*detach)(struct stream *s, struct stream_parcel *out);
    /** "ip:port", behind a proxy that says so the client's; out holds STREAM_PEER_SIZE bytes.
     */
    void (*peer)(struct stream *s, char *out);
};

struct stream {
    const struct stream_ops *ops;
    const struct stream_events *events;
    void *owner;
    struct list dirty; // in the loop's list while there is something to flush
    struct buf out;    // gathered in this turn
    size_t in_flight;  // bytes that the kernel had no room for when it got them; and of a file
};

/** Bytes written and not yet taken by the kernel; while a file is sent, by the peer. Then it
 * may grow for a moment. */
static inline size_t stream_queued(struct stream *s)
{
    return s->out.len + (s->in_flight > 0 ? s->ops->in_flight(s) : 0);
}

/** Take the stream over: from now on its callbacks go to owner. */
static inline void stream_set_owner(struct stream *s, const struct stream_events *events,
                                    void *owner)
{
    s->events = events;
    s->owner = owner;
}

/**
 * Send a part of a file behind what is written, without reading it here (sendfile). It counts
 * as queued. Nothing more may be written until on_drained(); a file that is shorter than it
 * must be, or can't be read, ends the stream as STREAM_LOST.
 *
 * @param fd  of a regular file; moved: closed when it was sent, or the stream is over
 * @param n   bytes, at least 1
 */
static inline void stream_send_file(struct stream *s, int fd, uint64_t offset, uint64_t n)
{
    s->ops->send_file(s, fd, offset, n);
}

enum stream_refusal {
    STREAM_FULL = 1, // more is queued than the stream may hold; nothing was added
};

/** @return 0 or STREAM_FULL */
MUST_CHECK int stream_write(struct stream *s, str bytes);

/**
 * Room for n bytes at the end of the output, to be filled at once and counted with
 * stream_added(). @return NULL where stream_write() would refuse
 */
char *stream_room(struct stream *s, size_t n);
void stream_added(struct stream *s, size_t n);

/** Stop reading, or go on. The end of a paused stream is not noticed. */
static inline void stream_set_reading(struct stream *s, bool on)
{
    s->ops->set_reading(s, on);
}

static inline void stream_peer(struct stream *s, char out[STREAM_PEER_SIZE])
{
    s->ops->peer(s, out);
}

/**
 * Send what is queued, then FIN, then take and drop what the peer still sends, for a
 * bounded time: a socket closed with unread input is reset, and the reset overtakes
 * the answer (RFC 9112, section 9.6).
 */
static inline void stream_close(struct stream *s)
{
    s->events = NULL;
    s->ops->close(s);
}

enum stream_detach_refusal {
    STREAM_BUSY = 1, // a write is under way: wait for on_drained. Nothing has changed
};

/**
 * Take the connection out of the stream and its loop: the stream goes back, no callback
 * comes from then on.
 *
 * @param unread  what the owner has read and not used; copied into the parcel
 * @return 0, STREAM_BUSY, or a fault: nothing has changed
 */
MUST_CHECK int stream_detach(struct stream *s, str unread, struct stream_parcel *out);

/** Close a parcel that nobody wants. Thread: any that has it. */
void stream_parcel_drop(struct stream_parcel *p);

/** Close at once; what is queued is dropped. */
static inline void stream_abort(struct stream *s)
{
    s->events = NULL;
    s->ops->abort(s);
}
