/**
 * A server on loopback that says, byte for byte, what the test tells it to: for what asks
 * others over HTTP. On the test's own loop.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "io/tcp.h"
#include "support/exact.h"
#include "support/t.h"

#define RAW_CONNS_MAX    128
#define RAW_REQUESTS_MAX 512
#define RAW_BYTES_MAX    (8UL << 20)

struct raw_server;

struct raw_conn {
    struct raw_server *server;
    struct stream *stream; // NULL once it was given back
    struct buf in;         // what is no whole request yet
    bool has_ended;        // the client has
};

/** A whole one. */
struct raw_request {
    struct raw_conn *conn;
    char *head; // all its lines, and the empty one; NUL-terminated
    char *body;
    size_t body_len;
};

typedef void raw_serve_fn(void *arg, struct raw_request *rq);

struct raw_server {
    struct loop *loop;
    struct listener *listener; // NULL: closed
    struct addr addr;
    raw_serve_fn *serve; // NULL: says nothing
    void *arg;
    struct raw_conn conns[RAW_CONNS_MAX];
    size_t n_conns;
    struct raw_request requests[RAW_REQUESTS_MAX];
    size_t n_requests;
};

static inline void raw_say(struct raw_conn *c, str bytes)
{
    if (c->stream)
        assert_int_equal(stream_write(c->stream, bytes), 0);
}

/** FIN, behind what was said. */
static inline void raw_close(struct raw_conn *c)
{
    if (c->stream)
        stream_close(STEAL(c->stream));
}

/** A reset, where the client has sent what was not read; else as raw_close(). */
static inline void raw_abort(struct raw_conn *c)
{
    if (c->stream)
        stream_abort(STEAL(c->stream));
}

/** @return the length of the head with its empty line; 0: not all of it is there */
static inline size_t raw_head_len(str in)
{
    const char *end = in.len > 0 ? memmem(in.ptr, in.len, "\r\n\r\n", 4) : NULL;
    return end ? (size_t)(end - in.ptr) + 4 : 0;
}

static inline size_t raw_body_len(const char *head)
{
    static const char field[] = "\r\nContent-Length: ";
    const char *at = strstr(head, field);
    return at ? strtoul(at + sizeof(field) - 1, NULL, 10) : 0;
}

/** @return false: there is no whole one */
static inline bool raw_take_request(struct raw_conn *c)
{
    struct raw_server *s = c->server;
    str in = buf_str(&c->in);
    const size_t head_len = raw_head_len(in);

    if (head_len == 0)
        return false;
    char *head = mem_alloc(head_len + 1);
    str_copy(head, str_take(&in, head_len));
    const size_t body_len = raw_body_len(head);
    if (in.len < body_len) {
        free(head);
        return false;
    }
    assert_true(s->n_requests < RAW_REQUESTS_MAX);
    struct raw_request *rq = &s->requests[s->n_requests++];
    *rq = (struct raw_request){c, head, exact_copy((str){in.ptr, body_len}), body_len};
    buf_consume(&c->in, head_len + body_len);
    if (s->serve)
        s->serve(s->arg, rq);
    return c->stream != NULL;
}

static inline void raw_on_bytes(void *owner, char *bytes, size_t n)
{
    struct raw_conn *c = owner;

    assert_int_equal(buf_add(&c->in, (str){bytes, n}), 0);
    while (raw_take_request(c)) {
    }
}

static inline void raw_on_end(void *owner, enum stream_end end)
{
    struct raw_conn *c = owner;

    (void)end;
    c->has_ended = true;
    raw_close(c);
}

static inline void raw_on_accept(void *arg, struct stream *stream)
{
    static const struct stream_events events = {.on_bytes = raw_on_bytes, .on_end = raw_on_end};
    struct raw_server *s = arg;

    assert_true(s->n_conns < RAW_CONNS_MAX);
    struct raw_conn *c = &s->conns[s->n_conns++];
    *c = (struct raw_conn){.server = s, .stream = stream};
    buf_init(&c->in, RAW_BYTES_MAX);
    stream_set_owner(stream, &events, c);
}

/** @param host  127.0.0.1, say */
static inline void raw_server_open(struct raw_server *s, struct loop *l, const char *host)
{
    struct tcp_listen how = {.max_queued = RAW_BYTES_MAX, .on_accept = raw_on_accept, .arg = s};

    *s = (struct raw_server){.loop = l};
    str_copy(how.addr.host, (str){host, strlen(host) + 1});
    assert_int_equal(tcp_listen(&s->listener, l, &how), 0);
    s->addr = listener_addr(s->listener);
}

/** Who connects from now on is refused. */
static inline void raw_server_refuse(struct raw_server *s)
{
    if (s->listener)
        listener_close(STEAL(s->listener));
}

static inline void raw_server_close(struct raw_server *s)
{
    raw_server_refuse(s);
    for (size_t i = 0; i < s->n_conns; i++) {
        raw_abort(&s->conns[i]);
        buf_fini(&s->conns[i].in);
    }
    for (size_t i = 0; i < s->n_requests; i++) {
        free(s->requests[i].head);
        free(s->requests[i].body);
    }
}

/** After the last server of this loop was closed. */
static inline void raw_loop_free(struct loop *l)
{
    loop_abort_streams(l); // those that linger
    while (l->n_streams > 0)
        loop_run_once(l);
    loop_free(l);
}

#define RAW_URL_SIZE 128

/** @param path  with its slash; "" for none @return out */
static inline const char *raw_url(char out[RAW_URL_SIZE], const struct raw_server *s,
                                  const char *scheme, const char *path)
{
    char addr[ADDR_TEXT_SIZE];
    snprintf(out, RAW_URL_SIZE, "%s://%s%s", scheme, addr_text(addr, &s->addr), path);
    return out;
}

/** Is its path this one? */
static inline bool raw_is(const struct raw_request *rq, const char *path)
{
    const char *at = strchr(rq->head, ' ');
    const size_t n = strlen(path);
    return at && strncmp(at + 1, path, n) == 0 && at[1 + n] == ' ';
}
