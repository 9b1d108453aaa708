#include "http/server.h"

#include <stdlib.h>

#include "base/mem.h"
#include "http/conn.h"

#define LOOK_EVERY 1000 // ms, at who must keep a rate

#define TO(state) FSM_TO(CONN_##state)
// clang-format off
static const struct fsm_state states[] = {
    [CONN_HEAD] = {"http_head", TO(BODY) | TO(TAKING) | TO(GONE)},
    [CONN_BODY] = {"http_body", TO(PAUSED) | TO(WAITING) | TO(DROPPING) | TO(TAKING) | TO(HEAD) | TO(GONE)},
    [CONN_PAUSED] = {"http_paused", TO(BODY) | TO(DROPPING) | TO(TAKING) | TO(HEAD) | TO(GONE)},
    [CONN_WAITING] = {"http_waiting", TO(TAKING) | TO(HEAD) | TO(GONE)},
    [CONN_DROPPING] = {"http_dropping", TO(TAKING) | TO(GONE)},
    [CONN_TAKING] = {"http_taking", TO(HEAD) | TO(GONE)},
    [CONN_GONE] = {"http_gone", 0},
};
// clang-format on
#undef TO

static void conn_free(struct job *job)
{
    struct http_conn *c = container_of(job, struct http_conn, job);

    buf_fini(&c->in);
    buf_fini(&c->body);
    fsm_fini(&c->fsm);
    free(c);
}

void http_conn_end(struct http_conn *c)
{
    fsm_move(&c->fsm, CONN_GONE);
    http_conn_tell_taken(c);
    timer_cancel(c->server->config.timers, &c->timer);
    list_remove(&c->node);
    job_push(c->server->config.later, &c->job, conn_free);
}

void http_conn_close(struct http_conn *c)
{
    struct stream *s = c->stream;
    http_conn_end(c);
    stream_close(s);
}

void http_conn_abort(struct http_conn *c)
{
    struct stream *s = c->stream;
    http_conn_end(c);
    stream_abort(s);
}

/** Where the rest begins. Its bytes are ours to change. */
static char *rest_of(const struct http_conn *c)
{
    return c->parsed ? c->parsed + (c->rest.ptr - c->parsed) : NULL;
}

void http_conn_set_deadline(struct http_conn *c, int64_t in_ms)
{
    struct timers *ts = c->server->config.timers;
    timer_set(ts, &c->timer, ts->now_ms + in_ms);
}

void http_conn_start_pace(struct http_conn *c, int64_t bytes_per_s, int64_t grace_ms)
{
    http_pace_start(&c->pace, bytes_per_s, c->server->config.timers->now_ms + grace_ms);
    http_conn_set_deadline(c, grace_ms);
}

static bool is_too_slow(struct http_conn *c)
{
    return http_pace_is_too_slow(&c->pace, c->server->config.timers->now_ms);
}

void http_conn_update_reading(struct http_conn *c)
{
    const bool is_enough = c->fsm.now == CONN_PAUSED || c->in.len > HTTP_PIPELINE_MAX;

    if (is_enough == c->is_held_up)
        return;
    c->is_held_up = is_enough;
    stream_set_reading(c->stream, !is_enough);
}

ip http_peer(struct http_request *rq)
{
    char text[STREAM_PEER_SIZE];
    struct addr with_port;
    ip peer = {{0}};

    stream_peer(http_conn_of(rq)->stream, text);
    if (addr_parse(&with_port, str_of(text)) != 0 ||
        ip_parse(&peer, str_of(with_port.host)) != 0)
        return (ip){{0}};
    return peer;
}

void http_abort(struct http_request *rq)
{
    http_conn_abort(http_conn_of(rq));
}

struct stream *http_upgrade(struct http_request *rq, str headers, char **rest, size_t *rest_len)
{
    struct http_conn *c = http_conn_of(rq);
    struct stream *s = c->stream;
    const str parts[] = {STR("HTTP/1.1 101 Switching Protocols\r\n"), headers, STR("\r\n")};

    assert(c->is_parsing);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (stream_write(s, parts[i]) != 0) {
            http_conn_abort(c);
            return NULL;
        }
    }
    *rest = rest_of(c);
    *rest_len = c->rest.len;
    if (c->is_held_up)
        stream_set_reading(s, true);
    http_conn_end(c);
    return s;
}

static unsigned status_of(int head_refusal)
{
    switch (head_refusal) {
    case HTTP_HEAD_TOO_LARGE: return 431;
    case HTTP_HEAD_VERSION: return 505;
    case HTTP_HEAD_CODING: return 501;
    case HTTP_HEAD_EXPECTATION: return 417;
    default: return 400;
    }
}

static void on_no_route(void *arg, struct http_request *rq, const struct http_head *head)
{
    (void)arg, (void)head;
    http_respond(rq, &(struct http_response){
                         .status = 404, .type = STR("text/plain"), .body = STR("Not Found\n")});
}

static const struct http_handler no_handler = {.on_head = on_no_route};
static const struct http_route no_route = {.handler = &no_handler};

static const struct http_route *find_route(const struct http_server *s, str path)
{
    for (size_t i = 0; i < s->config.n_routes; i++) {
        if (str_starts(path, s->config.routes[i].prefix))
            return &s->config.routes[i];
    }
    return &no_route;
}

static void body_is_whole(struct http_conn *c, char *body, size_t n)
{
    c->rq.body = body;
    c->rq.body_len = n;
    fsm_move(&c->fsm, CONN_WAITING);
    timer_cancel(c->server->config.timers, &c->timer);
    c->route->handler->on_body(c->route->arg, &c->rq);
    c->rq.body = NULL;
    c->rq.body_len = 0;
    buf_release(&c->body);
}

/** What is left of it goes by: the answer will close the connection. */
static void body_is_too_large(struct http_conn *c)
{
    c->rq.is_too_large = true;
    buf_release(&c->body);
    timer_cancel(c->server->config.timers, &c->timer);
    c->route->handler->on_body(c->route->arg, &c->rq);
}

static void start_request(struct http_conn *c, const struct http_head *h)
{
    c->is_first = false;
    c->stays = false;
    c->is_http10 = h->minor_version == 0;
    c->keep_alive = h->keep_alive;
    c->body_received = 0;
    http_body_start(&c->coming, h);
    // Only a client that has something to send, and has sent none of it, waits for us.
    c->owes_continue = h->expects_continue && http_body_goes_on(&c->coming) && c->rest.len == 0;
    c->rq.method = h->method;
    c->rq.max_body = 0;
    c->rq.is_streamed = false;
    c->route = find_route(c->server, h->path);
    http_pace_start(&c->pace, HTTP_BODY_BYTES_PER_S,
                    c->server->config.timers->now_ms + HTTP_BODY_GRACE_MS);
    timer_cancel(c->server->config.timers, &c->timer);
}

/** The handler wants the body. */
static void start_body(struct http_conn *c)
{
    assert(!c->rq.is_streamed || c->route->handler->on_piece);
    buf_init(&c->body, c->rq.max_body);
    if (c->coming.left > c->rq.max_body) {
        if (c->fsm.now == CONN_PAUSED)
            fsm_move(&c->fsm, CONN_BODY);
        body_is_too_large(c);
    } else if (c->fsm.now == CONN_BODY) {
        http_conn_set_deadline(c, HTTP_BODY_GRACE_MS);
    }
}

/** Is there more than the empty lines that old clients send behind a body? */
static bool has_begun(str head)
{
    for (size_t i = 0; i < head.len; i++) {
        if (head.ptr[i] != '\r' && head.ptr[i] != '\n')
            return true;
    }
    return false;
}

static int place_of(const struct http_conn *c, const struct http_head *h)
{
    const struct http_config *config = &c->server->config;

    return config->place && !c->stays ? config->place(config->move_arg, h) : HTTP_HERE;
}

/** @param unread  the request, and all behind it */
static void leave_with(struct http_conn *c, int place, str unread)
{
    const struct http_config *config = &c->server->config;
    struct stream_parcel parcel;
    const int r = stream_detach(c->stream, unread, &parcel);

    if (r == STREAM_BUSY) { // with an answer; then it is parsed again
        c->rest = unread;
        c->is_leaving = true;
        http_conn_start_taking(c);
    } else if (r != 0) { // there is no file left, say
        http_conn_refuse(c, 503);
    } else {
        log_debug(&c->rq.log, "http_moved", "place=%d bytes=%zu", place, unread.len);
        http_conn_end(c);
        config->move(config->move_arg, place, &parcel);
    }
}

/** @return whether to go on parsing */
static bool parse_head(struct http_conn *c)
{
    const str unread = c->rest;
    struct http_head h;
    const int r = http_head_parse(&h, &c->rest);

    if (r == HTTP_HEAD_MORE) {
        if (!c->is_head_begun && has_begun(c->rest)) {
            c->is_head_begun = true;
            if (!c->is_first)
                http_conn_set_deadline(c, HTTP_HEAD_MS);
        }
        return false;
    }
    if (r != 0) {
        http_conn_refuse(c, status_of(r));
        return false;
    }

    const int place = place_of(c, &h);
    if (place != HTTP_HERE) {
        leave_with(c, place, unread);
        return false;
    }
    start_request(c, &h);
    fsm_move(&c->fsm, CONN_BODY);
    c->route->handler->on_head(c->route->arg, &c->rq, &h);
    if (c->fsm.now == CONN_BODY || c->fsm.now == CONN_PAUSED)
        start_body(c);
    return true;
}

/** Hand it on, or keep it. @return whether the request still wants its body */
static bool use_piece(struct http_conn *c, str piece)
{
    c->body_received += piece.len;
    http_pace_moved(&c->pace, piece.len);
    if (c->body_received > c->rq.max_body) {
        body_is_too_large(c);
        return false;
    }
    if (c->rq.is_streamed) {
        c->route->handler->on_piece(c->route->arg, &c->rq, piece);
        return c->fsm.now == CONN_BODY;
    }
    const int r = buf_add(&c->body, piece);
    assert(r == 0); // that was checked
    (void)r;
    return true;
}

/** @return whether to go on parsing */
static bool parse_pieces(struct http_conn *c)
{
    for (;;) {
        str piece = {0};
        const int r = http_body_next(&c->coming, &c->rest, &piece);
        if (r == HTTP_BODY_MORE)
            return false;
        if (r == HTTP_BODY_BAD) {
            c->route->handler->on_gone(c->route->arg, &c->rq);
            http_conn_refuse(c, 400);
            return false;
        }
        if (piece.len == 0)
            break;
        if (!use_piece(c, piece))
            return true;
    }
    body_is_whole(c, c->body.len > 0 ? buf_ptr(&c->body) : NULL, c->body.len);
    return true;
}

/** It need not be copied. */
static bool body_is_in_input(const struct http_conn *c)
{
    return !c->rq.is_streamed && !c->coming.is_chunked && c->body.len == 0 &&
           c->rest.len >= c->coming.left;
}

static void drop_body(struct http_conn *c)
{
    const size_t before = c->rest.len;
    const bool is_more = http_body_skip(&c->coming, &c->rest);
    const size_t n = before - c->rest.len;

    c->rest = (str){0};
    c->dropped += n;
    http_pace_moved(&c->pace, n);
    if (!is_more) {
        http_conn_end_request(c);
    } else if (c->dropped > HTTP_DROPPED_MAX) {
        http_conn_close(c);
    }
}

/** The client waits, and has sent nothing meanwhile. @return false: the connection is over */
static bool say_continue(struct http_conn *c)
{
    c->owes_continue = false;
    if (c->rest.len > 0 || stream_write(c->stream, STR("HTTP/1.1 100 Continue\r\n\r\n")) == 0)
        return true;
    c->route->handler->on_gone(c->route->arg, &c->rq);
    http_conn_abort(c);
    return false;
}

/** @return whether to go on parsing */
static bool parse_body(struct http_conn *c)
{
    if (c->rq.is_too_large) {
        (void)http_body_skip(&c->coming, &c->rest);
        c->rest = (str){0}; // what is behind it, too
        return false;
    }
    if (c->owes_continue && !say_continue(c))
        return false;
    if (!body_is_in_input(c))
        return parse_pieces(c);
    char *all = rest_of(c);
    body_is_whole(c, all, str_take(&c->rest, (size_t)c->coming.left).len);
    return true;
}

/** Use as much of the bytes as can be used; what can't is c->rest. */
static void parse(struct http_conn *c, char *bytes, size_t n)
{
    bool go_on = true;

    c->parsed = bytes;
    c->rest = (str){bytes, n};
    c->is_parsing = true;
    while (go_on) {
        switch ((enum conn_state)c->fsm.now) {
        case CONN_HEAD: go_on = parse_head(c); break;
        case CONN_BODY: go_on = parse_body(c); break;
        case CONN_DROPPING:
            drop_body(c);
            go_on = false;
            break;
        case CONN_PAUSED:
        case CONN_WAITING:
        case CONN_TAKING:
        case CONN_GONE: go_on = false; break;
        }
    }
    c->is_parsing = false;
}

/** Parse what has been kept. */
static void parse_kept(struct http_conn *c)
{
    parse(c, buf_ptr(&c->in), c->in.len);
    if (c->fsm.now == CONN_GONE)
        return;
    buf_consume(&c->in, c->in.len - c->rest.len);
    if (c->in.len == 0)
        buf_release(&c->in);
    http_conn_update_reading(c);
}

static void parse_later(struct job *job)
{
    struct http_conn *c = container_of(job, struct http_conn, job);

    parse_kept(c);
}

void http_conn_parse_later(struct http_conn *c)
{
    job_push(c->server->config.later, &c->job, parse_later);
}

static void conn_on_bytes(void *owner, char *bytes, size_t n)
{
    struct http_conn *c = owner;
    const bool is_waiting =
        c->fsm.now == CONN_PAUSED || c->fsm.now == CONN_WAITING || c->fsm.now == CONN_TAKING;
    const bool is_kept = c->in.len > 0 || is_waiting;
    if (!is_kept) {
        parse(c, bytes, n);
        if (c->fsm.now == CONN_GONE)
            return;
    }
    // There is room: reading stops above HTTP_PIPELINE_MAX, and one read has no more.
    const int r = buf_add(&c->in, is_kept ? (str){bytes, n} : c->rest);
    assert(r == 0);
    (void)r;
    if (is_kept && !job_is_queued(&c->job) && !is_waiting) {
        parse_kept(c);
    } else {
        http_conn_update_reading(c);
    }
}

static void conn_on_end(void *owner, enum stream_end end)
{
    struct http_conn *c = owner;

    // Who has sent all its requests may take its answer, but at the rate and counted like
    // everybody's: a stream that is closed would wait for it much longer. Where the next
    // request is served, the end is seen anew.
    if (c->fsm.now == CONN_TAKING && end == STREAM_FIN) {
        c->is_last = !c->is_leaving;
        return;
    }
    // A client that has closed its half hardly waits for an answer, and a long poll must
    // not wait for one that never reads it.
    if (c->fsm.now == CONN_BODY || c->fsm.now == CONN_PAUSED || c->fsm.now == CONN_WAITING)
        c->route->handler->on_gone(c->route->arg, &c->rq);
    http_conn_close(c);
}

static void conn_on_drained(void *owner)
{
    struct http_conn *c = owner;

    if (c->fsm.now == CONN_TAKING)
        http_conn_go_on(c);
}

static const struct stream_events conn_events = {
    .on_bytes = conn_on_bytes,
    .on_end = conn_on_end,
    .on_drained = conn_on_drained,
};

static void look_at_body(struct http_conn *c)
{
    if (!is_too_slow(c)) {
        http_conn_set_deadline(c, LOOK_EVERY);
        return;
    }
    c->route->handler->on_gone(c->route->arg, &c->rq);
    http_conn_refuse(c, 408);
}

static void look_at_dropping(struct http_conn *c)
{
    if (is_too_slow(c)) {
        http_conn_close(c);
    } else {
        http_conn_set_deadline(c, LOOK_EVERY);
    }
}

static void look_at_taking(struct http_conn *c)
{
    const size_t left = stream_queued(c->stream);

    if (left < c->looked_at) {
        http_pace_moved(&c->pace, c->looked_at - left);
        c->looked_at = left;
    }
    if (is_too_slow(c) || c->looked_at == c->untaken) {
        log_debug(&c->rq.log, "http_untaken", "bytes=%zu", left);
        http_conn_abort(c);
    } else {
        http_conn_set_deadline(c, LOOK_EVERY);
    }
}

static void on_late(struct timer *t)
{
    struct http_conn *c = container_of(t, struct http_conn, timer);

    if (c->fsm.now == CONN_BODY) {
        look_at_body(c);
    } else if (c->fsm.now == CONN_DROPPING) {
        look_at_dropping(c);
    } else if (c->fsm.now == CONN_TAKING) {
        look_at_taking(c);
    } else if (c->is_head_begun) {
        http_conn_refuse(c, 408);
    } else {
        http_conn_close(c);
    }
}

void http_pause(struct http_request *rq)
{
    struct http_conn *c = http_conn_of(rq);

    if (c->fsm.now != CONN_BODY || rq->is_too_large)
        return;
    fsm_move(&c->fsm, CONN_PAUSED);
    http_pace_pause(&c->pace, c->server->config.timers->now_ms);
    timer_cancel(c->server->config.timers, &c->timer);
    if (!c->is_parsing)
        http_conn_update_reading(c);
}

void http_resume(struct http_request *rq)
{
    struct http_conn *c = http_conn_of(rq);
    const int64_t now_ms = c->server->config.timers->now_ms;

    if (c->fsm.now != CONN_PAUSED)
        return;
    fsm_move(&c->fsm, CONN_BODY);
    http_pace_resume(&c->pace, now_ms);
    http_conn_set_deadline(c, c->pace.at_ms > now_ms ? c->pace.at_ms - now_ms : LOOK_EVERY);
    if (c->is_parsing)
        return;
    // Also where nothing was kept: it may have been paused with the last piece.
    http_conn_parse_later(c);
    http_conn_update_reading(c);
}

static struct http_conn *conn_new(struct http_server *s, struct stream *stream)
{
    struct http_conn *c = NEW(struct http_conn);

    c->server = s;
    c->stream = stream;
    c->is_first = true;
    c->rq.log = (struct log_ctx){.key = "conn", .id = ++s->n_accepted};
    fsm_init(&c->fsm, states, CONN_HEAD);
    timer_init(&c->timer, on_late);
    list_push(&s->conns, &c->node);
    buf_init(&c->in, HTTP_PIPELINE_MAX + (size_t)STREAM_READ_MAX);
    stream_set_owner(stream, &conn_events, c);
    http_conn_set_deadline(c, HTTP_FIRST_HEAD_MS);
    return c;
}

void http_server_accept(struct http_server *s, struct stream *stream)
{
    struct http_conn *c = conn_new(s, stream);

    if (s->is_draining)
        http_conn_close(c);
}

static void adopt(struct http_server *s, struct stream *stream, str unread, bool stays)
{
    struct http_conn *c = conn_new(s, stream);

    c->stays = stays;
    const int r = buf_add(&c->in, unread);
    assert(r == 0); // another server's, with the same limits
    (void)r;
    c->is_held_up = true; // so that nothing comes before that
    if (s->is_draining) {
        http_conn_close(c);
    } else {
        http_conn_parse_later(c);
    }
}

void http_server_adopt(struct http_server *s, struct stream *stream, str unread)
{
    adopt(s, stream, unread, false);
}

void http_server_adopt_here(struct http_server *s, struct stream *stream, str unread)
{
    adopt(s, stream, unread, true);
}

struct http_server *http_server_new(const struct http_config *config)
{
    struct http_server *s = NEW(struct http_server);

    s->config = *config;
    s->date.s = -1;
    list_init(&s->conns);
    return s;
}

void http_server_drain(struct http_server *s)
{
    s->is_draining = true;
    list_each (node, &s->conns) {
        struct http_conn *c = container_of(node, struct http_conn, node);
        if (c->fsm.now == CONN_HEAD || c->fsm.now == CONN_DROPPING || c->fsm.now == CONN_TAKING)
            http_conn_close(c);
    }
}

void http_server_free(struct http_server *s)
{
    assert(list_is_empty(&s->conns));
    free(s);
}
