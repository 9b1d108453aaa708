/**
 * The embedded store of files behind a real HTTP server, asked over streams in memory. What a
 * stream is given to send of a file is read into its output.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "http/server.h"
#include "media/local.h"
#include "support/announced.h"
#include "support/folder.h"
#include "support/mem_stream.h"
#include "support/seeded.h"
#include "support/t.h"

#define MEDIA_WORLD_SECRET "0123456789abcdef0123456789abcdef"
#define MEDIA_WORLD_URL    "https://chat.example"
#define MEDIA_WORLD_QUEUED (64 << 20)

struct media_world {
    struct folder folder;
    struct loop *loop;
    struct seeded rand;
    struct announced uploads;
    struct http_origins origins;
    struct http_proxies proxies;
    struct media_local_config config; // what media_world_open() takes
    struct media_local *local;
    struct media *media;
    struct http_route route;
    struct http_server *server;
};

/** A client with one connection. */
struct media_client {
    struct media_world *w;
    struct mem_stream stream;
    struct buf got;
};

/** Borrowed from the client, until its next request. */
struct media_answer {
    unsigned status;
    str head; // with the empty line
    str body;
};

// The stream.

static inline void media_stream_send_file(struct stream *s, int fd, uint64_t offset, uint64_t n)
{
    char *room = buf_room(&s->out, (size_t)n);

    assert_non_null(room);
    assert_int_equal(pread(fd, room, (size_t)n, (off_t)offset), (ssize_t)n);
    buf_added(&s->out, (size_t)n);
    close(fd);
}

static inline void media_client_open(struct media_client *c, struct media_world *w)
{
    static struct stream_ops ops;

    ops = mem_stream_ops;
    ops.send_file = media_stream_send_file;
    c->w = w;
    mem_stream_init(&c->stream, MEDIA_WORLD_QUEUED);
    c->stream.stream.ops = &ops;
    buf_init(&c->got, MEDIA_WORLD_QUEUED);
    http_server_accept(w->server, &c->stream.stream);
}

static inline void media_client_close(struct media_client *c)
{
    mem_stream_end(&c->stream, STREAM_LOST);
    mem_stream_fini(&c->stream);
    buf_fini(&c->got);
}

/** Send it as fast as the server reads. */
static inline void media_client_send(struct media_client *c, str bytes)
{
    while (bytes.len > 0 && !mem_stream_is_over(&c->stream)) {
        if (c->stream.is_reading) {
            mem_stream_feed(
                &c->stream,
                str_take(&bytes, bytes.len < STREAM_READ_MAX ? bytes.len : STREAM_READ_MAX));
        }
        loop_run_once(c->w->loop);
    }
}

/** @return whether there is a whole one */
static inline bool media_client_parse(const struct media_client *c, bool has_body,
                                      struct media_answer *a)
{
    static const char field[] = "\r\nContent-Length: ";
    const str all = buf_str(&c->got);
    const char *end = all.len > 0 ? memmem(all.ptr, all.len, "\r\n\r\n", 4) : NULL;

    if (!end)
        return false;
    a->head = (str){all.ptr, (size_t)(end - all.ptr) + 4};
    a->status = (unsigned)strtoul(all.ptr + strlen("HTTP/1.1 "), NULL, 10);
    const char *length = memmem(a->head.ptr, a->head.len, field, strlen(field));
    size_t n = 0;
    if (length && has_body && a->status != 304)
        n = strtoul(length + strlen(field), NULL, 10);
    a->body = (str){all.ptr + a->head.len, n};
    return all.len >= a->head.len + n;
}

static inline struct media_answer media_client_await(struct media_client *c, bool has_body)
{
    struct media_answer a = {0};

    do {
        loop_run_once(c->w->loop);
        assert_int_equal(buf_add(&c->got, buf_str(&c->stream.stream.out)), 0);
        mem_stream_drain(&c->stream);
    } while (!media_client_parse(c, has_body, &a));
    return a;
}

/** @param url  all of it @param fields  whole lines */
static inline void media_client_begin(struct media_client *c, const char *method, str url,
                                      const char *fields)
{
    struct buf head;
    str rest = url;

    str_take_until(&rest, '/'); // scheme:
    str_take_until(&rest, '/');
    const str name = str_take(&rest, str_find(rest, '/'));
    buf_init(&head, 1 << 16);
    assert_int_equal(buf_addf(&head, "%s ", method), 0);
    assert_int_equal(buf_add(&head, rest), 0);
    assert_int_equal(
        buf_addf(&head, " HTTP/1.1\r\nHost: " STR_FMT "\r\n%s\r\n", STR_ARG(name), fields), 0);
    buf_clear(&c->got);
    media_client_send(c, buf_str(&head));
    buf_fini(&head);
}

static inline struct media_answer media_client_ask(struct media_client *c, const char *method,
                                                   str url, const char *fields, str body)
{
    media_client_begin(c, method, url, fields);
    media_client_send(c, body);
    return media_client_await(c, strcmp(method, "HEAD") != 0);
}

/** PUT with the fields that a link to put this wants. */
static inline struct media_answer media_client_put(struct media_client *c, str url, str mime,
                                                   str body)
{
    char fields[256];

    (void)snprintf(fields, sizeof(fields),
                   "Content-Type: " STR_FMT "\r\nContent-Length: %zu\r\n", STR_ARG(mime),
                   body.len);
    return media_client_ask(c, "PUT", url, fields, body);
}

// The world.

static inline int64_t media_world_now(const struct media_world *w)
{
    return clock_unix_ms(&w->loop->clock);
}

static inline void media_world_open(struct media_world *w)
{
    assert_int_equal(media_local_new(&w->local, &w->config), 0);
    media_local_set_url(w->local, STR(MEDIA_WORLD_URL));
    w->media = media_local_port(w->local);
    w->route =
        (struct http_route){STR(MEDIA_LOCAL_PREFIX), &media_local_http_handler, w->local};
    w->server = http_server_new(&(struct http_config){.timers = &w->loop->timers,
                                                      .later = &w->loop->later,
                                                      .clock = &w->loop->clock,
                                                      .routes = &w->route,
                                                      .n_routes = 1});
}

static inline void media_world_settle(struct media_world *w)
{
    do {
        loop_run_once(w->loop);
    } while (!media_is_idle(w->media) || w->loop->later.head);
}

static inline void media_world_close(struct media_world *w)
{
    media_world_settle(w);
    http_server_free(w->server);
    media_free(w->media);
}

/** @param l  borrowed */
static inline struct media_world *media_world_new_on(struct loop *l)
{
    struct media_world *w = NEW(struct media_world);

    folder_make(&w->folder);
    w->loop = l;
    seeded_init(&w->rand, 1);
    announced_init(&w->uploads, &w->loop->later);
    w->config = (struct media_local_config){
        .loop = w->loop,
        .uploads = &w->uploads.port,
        .origins = &w->origins,
        .proxies = &w->proxies,
        .rand = &w->rand.rand,
        .data = w->folder.path,
        .secret = STR(MEDIA_WORLD_SECRET),
        .put_ms = 60000,
        .get_ms = 60000,
        .write_bytes_per_s = 1 << 30,
    };
    media_world_open(w);
    return w;
}

static inline void media_world_free(struct media_world *w)
{
    media_world_close(w);
    folder_remove(&w->folder);
    free(w);
}

/** With what is set in w->config. */
static inline void media_world_reopen(struct media_world *w)
{
    media_world_close(w);
    media_world_open(w);
}

struct media_done {
    unsigned n;
    int r;
};

static inline void media_world_on_done(void *arg, int r)
{
    struct media_done *d = arg;

    d->n++;
    d->r = r;
}

static inline int media_world_take(struct media_world *w, const struct chat_upload *u)
{
    struct media_done d = {0};

    media_take(w->media, u, media_world_on_done, &d);
    assert_int_equal(d.n, 0); // later
    while (d.n == 0)
        loop_run_once(w->loop);
    return d.r;
}

static inline int media_world_drop(struct media_world *w, str id)
{
    struct media_done d = {0};

    media_drop(w->media, id, media_world_on_done, &d);
    assert_int_equal(d.n, 0);
    while (d.n == 0)
        loop_run_once(w->loop);
    return d.r;
}
