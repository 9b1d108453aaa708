/**
 * A stream in memory: what a test sends arrives at the owner, what the owner writes
 * stays in `out` until the test takes it. No loop, no socket, no time.
 */
#pragma once

#include <unistd.h>

#include "io/stream.h"
#include "support/exact.h"

struct mem_stream {
    struct stream stream;
    bool is_reading;
    bool is_closed;  // stream_close() was called
    bool is_aborted; // stream_abort() was called
    bool is_detached;
    int fault; // what stream_detach() gives; 0: none
};

static inline void mem_stream_flush_later(struct stream *s)
{
    (void)s;
}

static inline void mem_stream_set_reading(struct stream *s, bool on)
{
    container_of(s, struct mem_stream, stream)->is_reading = on;
}

static inline size_t mem_stream_in_flight(struct stream *s)
{
    return s->in_flight;
}

/** All of it at once, so it must have room in the output. */
static inline void mem_stream_send_file(struct stream *s, int fd, uint64_t offset, uint64_t n)
{
    char *room = buf_room(&s->out, n);

    assert(n > 0 && room);
    const ssize_t r = pread(fd, room, n, (off_t)offset);
    assert(r == (ssize_t)n);
    buf_added(&s->out, n);
    close(fd);
}

static inline void mem_stream_close(struct stream *s)
{
    container_of(s, struct mem_stream, stream)->is_closed = true;
}

static inline void mem_stream_abort(struct stream *s)
{
    container_of(s, struct mem_stream, stream)->is_aborted = true;
}

static inline int mem_stream_detach(struct stream *s, struct stream_parcel *out)
{
    struct mem_stream *m = container_of(s, struct mem_stream, stream);

    if (s->in_flight > 0 || m->fault != 0)
        return m->fault != 0 ? m->fault : STREAM_BUSY;
    *out = (struct stream_parcel){.fd = -1, .unsent = s->out, .unread = out->unread};
    buf_init(&s->out, out->unsent.max);
    m->is_detached = true;
    return 0;
}

static inline void mem_stream_peer(struct stream *s, char *out)
{
    (void)s;
    memcpy(out, "127.0.0.1:1", sizeof("127.0.0.1:1"));
}

static const struct stream_ops mem_stream_ops = {
    .flush_later = mem_stream_flush_later,
    .set_reading = mem_stream_set_reading,
    .in_flight = mem_stream_in_flight,
    .send_file = mem_stream_send_file,
    .close = mem_stream_close,
    .abort = mem_stream_abort,
    .detach = mem_stream_detach,
    .peer = mem_stream_peer,
};

/** max_queued: bytes that may be written and not taken. */
static inline void mem_stream_init(struct mem_stream *m, size_t max_queued)
{
    *m = (struct mem_stream){.stream.ops = &mem_stream_ops, .is_reading = true};
    list_init(&m->stream.dirty);
    buf_init(&m->stream.out, max_queued);
}

/** As tcp_attach(): of a parcel, whose unread bytes stay the caller's. */
static inline void mem_stream_attach(struct mem_stream *m, struct stream_parcel *parcel)
{
    mem_stream_init(m, parcel->unsent.max);
    m->is_reading = false;
    m->stream.out = parcel->unsent;
    buf_init(&parcel->unsent, 0);
}

static inline void mem_stream_fini(struct mem_stream *m)
{
    buf_fini(&m->stream.out);
}

static inline bool mem_stream_is_over(const struct mem_stream *m)
{
    return m->is_closed || m->is_aborted || m->is_detached;
}

/** Bytes from the peer. They reach the owner as a copy on the heap, so that ASan sees its
 * edges. */
static inline void mem_stream_feed(struct mem_stream *m, str bytes)
{
    if (mem_stream_is_over(m) || bytes.len == 0)
        return;
    CLEANUP(exact_freep) char *copy = exact_copy(bytes);
    m->stream.events->on_bytes(m->stream.owner, copy, bytes.len);
}

static inline void mem_stream_end(struct mem_stream *m, enum stream_end end)
{
    if (!mem_stream_is_over(m))
        m->stream.events->on_end(m->stream.owner, end);
}

/** What the owner has written since the last take; borrowed until it writes again. */
static inline str mem_stream_take(struct mem_stream *m)
{
    const str all = buf_str(&m->stream.out);
    buf_clear(&m->stream.out);
    return all;
}

/** The kernel has taken all. */
static inline void mem_stream_drain(struct mem_stream *m)
{
    buf_clear(&m->stream.out);
    m->stream.in_flight = 0;
    if (!mem_stream_is_over(m) && m->stream.events->on_drained)
        m->stream.events->on_drained(m->stream.owner);
}
