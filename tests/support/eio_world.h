/**
 * The transport in memory: the HTTP and the Engine.IO server on streams without sockets,
 * time and jobs driven by hand, and the bytes of a client. Plain asserts, so that fuzz
 * targets can use it.
 */
#pragma once

#include <stdio.h>

#include "base/mem.h"
#include "eio/server.h"
#include "http/server.h"
#include "support/masked_frame.h"
#include "support/mem_stream.h"
#include "support/seeded.h"
#include "ws/frame.h"

#define EIO_WORLD_START_MS    1000000
#define EIO_WORLD_ROUTES      4
#define EIO_WORLD_REQUEST_MAX (16 << 20) // bytes of what a client sends at once

/** One connection, as its client sees it. */
struct client {
    struct list node;
    struct mem_stream stream;
};

struct eio_world {
    struct timers timers;
    struct job_queue later;
    struct seeded seeded;
    struct clock clock;
    struct http_route routes[EIO_WORLD_ROUTES]; // the first is Engine.IO's
    size_t n_routes;                            // a test may add some before it serves
    struct http_server *http;
    struct eio_server *server;
    struct list clients;
    size_t max_queued; // bytes that a connection takes
};

static inline int64_t eio_world_unix_ms(struct clock *c)
{
    (void)c;
    return 0;
}

/** What a server is made with; the timing is the reference's. */
static inline struct eio_config eio_world_config(struct eio_world *w)
{
    return (struct eio_config){
        .timers = &w->timers,
        .later = &w->later,
        .rand = &w->seeded.rand,
        .ping_interval_ms = 25000,
        .ping_timeout_ms = 20000,
        .upgrade_timeout_ms = 10000,
        .max_payload = 100000,
        .transports = EIO_POLLING_TRANSPORT | EIO_WEBSOCKET_TRANSPORT,
        .allow_upgrades = true,
    };
}

/** Everything but the servers, which eio_world_serve() makes. */
static inline void eio_world_init(struct eio_world *w, uint64_t seed)
{
    *w = (struct eio_world){
        .timers.now_ms = EIO_WORLD_START_MS,
        .clock.unix_ms = eio_world_unix_ms,
        .max_queued = EIO_QUEUE_MAX * (size_t)2,
        .n_routes = 1,
    };
    w->later = JOB_QUEUE_INIT(w->later);
    seeded_init(&w->seeded, seed);
    list_init(&w->clients);
}

static inline void eio_world_serve(struct eio_world *w, const struct eio_config *config,
                                   const struct eio_app *app, void *app_arg)
{
    w->server = eio_server_new(config, app, app_arg);
    w->routes[0] = (struct http_route){STR("/engine.io/"), &eio_http_handler, w->server};
    const struct http_config http = {
        .timers = &w->timers,
        .later = &w->later,
        .clock = &w->clock,
        .routes = w->routes,
        .n_routes = w->n_routes,
    };
    w->http = http_server_new(&http);
}

/** The end of a turn, and of those that follow from it. */
static inline void eio_world_settle(struct eio_world *w)
{
    while (w->later.head)
        job_run_all(&w->later);
}

/** Time goes by, and every timer fires when it is due. */
static inline void eio_world_pass(struct eio_world *w, int64_t ms)
{
    const int64_t until_ms = w->timers.now_ms + ms;

    eio_world_settle(w);
    while (timers_next_ms(&w->timers) <= until_ms) {
        const int64_t next_ms = timers_next_ms(&w->timers);
        timers_run(&w->timers, next_ms > w->timers.now_ms ? next_ms : w->timers.now_ms);
        eio_world_settle(w);
    }
    w->timers.now_ms = until_ms;
}

static inline struct client *client_new(struct eio_world *w)
{
    struct client *c = NEW(struct client);

    mem_stream_init(&c->stream, w->max_queued);
    list_push(&w->clients, &c->node);
    http_server_accept(w->http, &c->stream.stream);
    return c;
}

/** Its connection is lost. */
static inline void client_lose(struct eio_world *w, struct client *c)
{
    mem_stream_end(&c->stream, STREAM_LOST);
    eio_world_settle(w);
}

static inline bool client_is_cut(const struct client *c)
{
    return mem_stream_is_over(&c->stream);
}

/** The end of all: what is still there after this is leaked. */
static inline void eio_world_fini(struct eio_world *w)
{
    eio_server_shut_down(w->server);
    eio_world_settle(w);
    list_each (node, &w->clients)
        client_lose(w, container_of(node, struct client, node));
    assert(timers_next_ms(&w->timers) == INT64_MAX);
    http_server_free(w->http);
    eio_server_free(w->server);
    list_each (node, &w->clients) {
        struct client *c = container_of(node, struct client, node);
        list_remove(node);
        mem_stream_fini(&c->stream);
        free(c);
    }
}

// HTTP.

#define EIO_UPGRADE_FIELDS                                                                     \
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"               \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

struct request {
    const char *method; // NULL: GET
    const char *path;   // NULL: Engine.IO's
    const char *query;  // NULL: none
    const char *fields; // whole lines; may be NULL
    str body;
    bool has_body;
};

/** Send the request, without the end of the turn. */
static inline void client_send(struct client *c, const struct request *rq)
{
    struct buf all;
    char length[48] = "";

    if (rq->has_body)
        snprintf(length, sizeof(length), "Content-Length: %zu\r\n", rq->body.len);
    buf_init(&all, EIO_WORLD_REQUEST_MAX);
    int r = buf_addf(&all, "%s %s%s%s HTTP/1.1\r\nHost: localhost\r\n%s%s\r\n",
                     rq->method ? rq->method : "GET", rq->path ? rq->path : "/engine.io/",
                     rq->query ? "?" : "", rq->query ? rq->query : "",
                     rq->fields ? rq->fields : "", length);
    r |= buf_add(&all, rq->body);
    assert(r == 0);
    str rest = buf_str(&all);
    while (rest.len > 0) { // as the loop reads it
        mem_stream_feed(
            &c->stream,
            str_take(&rest, rest.len < STREAM_READ_MAX ? rest.len : STREAM_READ_MAX));
    }
    buf_fini(&all);
}

struct answer {
    unsigned status; // 0: there is none
    str head;        // its lines, each with its CR LF
    str body;
};

static inline str answer_field(const struct answer *a, str name)
{
    str rest = a->head;

    while (rest.len > 0) {
        str value = str_take_until(&rest, '\n');
        if (str_eq_nocase(str_take_until(&value, ':'), name))
            return str_trim((str){value.ptr, value.len - 1});
    }
    return (str){0};
}

/** The first answer on the connection; borrowed until the server writes again. */
static inline struct answer client_take_answer(struct client *c)
{
    struct buf *out = &c->stream.stream.out;
    const str all = buf_str(out);
    struct answer a = {0};
    uint64_t length = 0;

    if (all.len == 0)
        return a;
    const char *end = memmem(all.ptr, all.len, "\r\n\r\n", 4);
    assert(all.ptr && end && str_starts(all, STR("HTTP/1.1 ")));
    a.head = (str){all.ptr, (size_t)(end - all.ptr) + 2};
    for (size_t i = 9; i < 12; i++)
        a.status = a.status * 10 + (unsigned)(all.ptr[i] - '0');
    const str field = answer_field(&a, STR("Content-Length"));
    if (field.ptr) {
        const int r = str_to_u64(field, all.len, &length);
        assert(r == 0);
        (void)r;
    }
    a.body = (str){end + 4, (size_t)length};
    assert(a.head.len + 2 + a.body.len <= all.len);
    buf_consume(out, a.head.len + 2 + a.body.len);
    return a;
}

// WebSocket.

/** A masked frame, without the end of the turn. */
static inline void client_send_frame(struct client *c, enum ws_opcode opcode, str payload)
{
    struct buf all;

    buf_init(&all, EIO_WORLD_REQUEST_MAX);
    masked_frame(&all, opcode, payload);
    mem_stream_feed(&c->stream, buf_str(&all));
    buf_fini(&all);
}

struct server_frame {
    enum ws_opcode opcode;
    str payload;
};

/** The first frame on the connection; borrowed until the server writes. @return false: none */
static inline bool client_take_frame(struct client *c, struct server_frame *f)
{
    struct buf *out = &c->stream.stream.out;
    const str all = buf_str(out);
    const uint8_t *p = (const uint8_t *)all.ptr;
    size_t n_header = 2;

    *f = (struct server_frame){0};
    if (all.len == 0)
        return false;
    assert(all.len >= 2 && (p[0] & 0xf0) == 0x80); // whole messages, no extension
    uint64_t len = p[1];
    if (len >= 126) {
        const size_t n_length = len == 126 ? 2 : 8;
        assert(len <= 127 && all.len >= n_header + n_length);
        len = 0;
        for (size_t i = 0; i < n_length; i++)
            len = len << 8 | p[n_header + i];
        n_header += n_length;
    }
    assert(all.len >= n_header + len);
    *f = (struct server_frame){(enum ws_opcode)(p[0] & 0xf), {all.ptr + n_header, (size_t)len}};
    buf_consume(out, n_header + (size_t)len);
    return true;
}
