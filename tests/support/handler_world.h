/** One handler behind an HTTP server in memory, and a client that has one connection to it. */
#pragma once

#include <stdio.h>

#include "http/server.h"
#include "support/mem_stream.h"
#include "support/t.h"

#define HANDLER_DATE "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"

struct handler_world {
    struct timers timers;
    struct job_queue later;
    struct clock clock;
    struct http_route route;
    struct http_server *http;
    struct stream_ops ops; // those of the connection, with a peer of the test's
    struct mem_stream client;
};

static inline int64_t handler_world_unix_ms(struct clock *c)
{
    (void)c;
    return INT64_C(784111777999);
}

static inline void handler_world_settle(struct handler_world *w)
{
    while (w->later.head)
        job_run_all(&w->later);
}

/** @param peer  says from where the client is; NULL: 127.0.0.1 */
static inline void handler_world_connect(struct handler_world *w,
                                         void (*peer)(struct stream *s, char *out))
{
    mem_stream_init(&w->client, 1 << 24);
    w->ops = mem_stream_ops;
    if (peer)
        w->ops.peer = peer;
    w->client.stream.ops = &w->ops;
    http_server_accept(w->http, &w->client.stream);
}

static inline void handler_world_start(struct handler_world *w,
                                       const struct http_handler *handler, void *arg)
{
    *w = (struct handler_world){.timers.now_ms = 1000000,
                                .clock.unix_ms = handler_world_unix_ms,
                                .route = {STR("/"), handler, arg}};
    w->later = JOB_QUEUE_INIT(w->later);
    w->http = http_server_new(&(struct http_config){.timers = &w->timers,
                                                    .later = &w->later,
                                                    .clock = &w->clock,
                                                    .routes = &w->route,
                                                    .n_routes = 1});
    handler_world_connect(w, NULL);
}

static inline void handler_world_leave(struct handler_world *w)
{
    mem_stream_drain(&w->client);
    mem_stream_end(&w->client, STREAM_FIN);
    handler_world_settle(w);
    mem_stream_fini(&w->client);
}

static inline void handler_world_stop(struct handler_world *w)
{
    handler_world_leave(w);
    http_server_free(w->http);
}

/** @param head  the whole of it @return the answer, borrowed until the next */
static inline str handler_world_ask(struct handler_world *w, str head)
{
    mem_stream_drain(&w->client);
    mem_stream_feed(&w->client, head);
    handler_world_settle(w);
    return buf_str(&w->client.stream.out);
}

/** The answer's field, or without one an empty str whose ptr is NULL; of several the first. */
static inline str handler_world_field(str answer, const char *name)
{
    while (answer.len > 0) {
        str line = str_take_until(&answer, '\n');
        if (line.len <= 1)
            break;
        if (str_eq_nocase(str_take_until(&line, ':'), str_of(name)))
            return str_trim((str){line.ptr, line.len - 1});
    }
    return (str){0};
}

/** Where that begins in the answer; NULL: it does not. */
static inline const char *handler_world_find(str answer, const char *part)
{
    return answer.ptr ? memmem(answer.ptr, answer.len, part, strlen(part)) : NULL;
}

static inline str handler_world_body(str answer)
{
    const char *end = handler_world_find(answer, "\r\n\r\n");

    assert_non_null(end);
    str_take(&answer, (size_t)(end - answer.ptr) + 4);
    return answer;
}

/** As a number; 0: it is no answer. */
static inline unsigned handler_world_status(str answer)
{
    uint64_t status = 0;

    if (!str_starts(answer, STR("HTTP/1.1 ")))
        return 0;
    str_take(&answer, sizeof("HTTP/1.1 ") - 1);
    return str_to_u64(str_take_until(&answer, ' '), 999, &status) == 0 ? (unsigned)status : 0;
}
