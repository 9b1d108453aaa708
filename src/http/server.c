#include "http/server.h"

#include <stdio.h>
#include <time.h>

#include "base/fsm.h"
#include "base/mem.h"
#include "http/chunked.h"

// A connection reads a head, perhaps a body, and then waits for the answer; then it
// reads the next head, once the client has taken most of the answer. It is freed by a job,
// never below a frame that still uses it.

enum conn_state {
    CONN_HEAD,    // between requests, or in the middle of a head
    CONN_BODY,    // the handler has seen the head; the body is not all here
    CONN_WAITING, // the handler has all, we wait for its answer
    CONN_TAKING,  // answered, and the client has much of that to take before its next request
    CONN_GONE,    // closed, aborted or upgraded
};

#define TO(state) FSM_TO(CONN_##state)
static const struct fsm_state states[] = {
    [CONN_HEAD] = {"head", TO(BODY) | TO(TAKING) | TO(GONE)},
    [CONN_BODY] = {"body", TO(WAITING) | TO(TAKING) | TO(HEAD) | TO(GONE)},
    [CONN_WAITING] = {"waiting", TO(TAKING) | TO(HEAD) | TO(GONE)},
    [CONN_TAKING] = {"taking", TO(HEAD) | TO(GONE)},
    [CONN_GONE] = {"gone", 0},
};
#undef TO

struct http_conn {
    struct http_server *server;
    struct stream *stream;
    struct list node;
    struct fsm fsm;
    struct timer timer;
    struct job job;         // reads on, or frees
    struct http_request rq; // the one under way
    const struct http_route *route;
    struct buf in;   // what could not be used yet
    char *parsed;    // while parsing: the bytes, in c->in or in the loop's read buffer
    str rest;        // and what of them is behind the request under way
    struct buf body; // gathered, where it came in pieces
    struct http_chunked chunked;
    uint64_t body_left; // of a body with a length
    int64_t body_start_ms;
    uint64_t body_received;
    size_t untaken; // bytes, when the last answer was given
    int64_t answered_ms;
    void (*on_taken)(void *arg); // of that answer; NULL: nobody wants to know
    void *taken_arg;
    bool is_chunked;
    bool is_http10;
    bool keep_alive;
    bool is_last;    // the answer that is taken closes
    bool is_parsing; // parse() is on the stack and goes on by itself
    bool is_paused;  // not reading
    bool is_first;   // no head was read yet
    bool is_head_begun;
};

struct http_server {
    struct http_config config;
    struct list conns;
    uint64_t n_accepted;
    bool is_draining;
    int64_t date_s; // of the text below
    char date[40];
};

static struct http_conn *conn_of(struct http_request *rq)
{
    return container_of(rq, struct http_conn, rq);
}

static void conn_free(struct job *job)
{
    struct http_conn *c = container_of(job, struct http_conn, job);

    buf_fini(&c->in);
    buf_fini(&c->body);
    fsm_fini(&c->fsm);
    free(c);
}

static void parse_later(struct job *job);

/** The last answer is taken, or nobody takes it. */
static void tell_taken(struct http_conn *c)
{
    void (*on_taken)(void *arg) = c->on_taken;

    c->on_taken = NULL;
    if (on_taken)
        on_taken(c->taken_arg);
}

/** The connection is over; the stream has been given away or is about to be. */
static void conn_end(struct http_conn *c)
{
    fsm_move(&c->fsm, CONN_GONE);
    tell_taken(c);
    timer_cancel(c->server->config.timers, &c->timer);
    list_remove(&c->node);
    job_push(c->server->config.later, &c->job, conn_free);
}

static void conn_close(struct http_conn *c)
{
    struct stream *s = c->stream;
    conn_end(c);
    stream_close(s);
}

static void conn_abort(struct http_conn *c)
{
    struct stream *s = c->stream;
    conn_end(c);
    stream_abort(s);
}

/** Where the rest begins. Its bytes are ours to change. */
static char *rest_of(const struct http_conn *c)
{
    return c->parsed + (c->rest.ptr - c->parsed);
}

static void set_deadline(struct http_conn *c, int64_t in_ms)
{
    struct timers *ts = c->server->config.timers;
    timer_set(ts, &c->timer, ts->now_ms + in_ms);
}

static const char *reason_of(unsigned status)
{
    switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 204: return "No Content";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 417: return "Expectation Failed";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return "Unknown";
    }
}

/** The Date field's value, made once a second (RFC 9110, sections 5.6.7 and 6.6.1). */
static const char *date_of(struct http_server *s)
{
    const int64_t now_s = clock_unix_ms(s->config.clock) / 1000;
    struct tm utc;

    if (now_s != s->date_s) {
        const time_t t = now_s;
        gmtime_r(&t, &utc);
        strftime(s->date, sizeof(s->date), "%a, %d %b %Y %H:%M:%S GMT", &utc);
        s->date_s = now_s;
    }
    return s->date;
}

static int write_response(struct http_conn *c, const struct http_response *r, bool close)
{
    char head[512];
    char type[160] = "";

    if (r->type.len > 0) {
        const int n =
            snprintf(type, sizeof(type), "Content-Type: " STR_FMT "\r\n", STR_ARG(r->type));
        assert(n > 0 && (size_t)n < sizeof(type));
    }
    // With 204 too, against RFC 9110, section 8.6: some browsers wait for the body of a CORS
    // preflight that says no length.
    const int n = snprintf(
        head, sizeof(head), "HTTP/1.1 %u %s\r\nDate: %s\r\n%sContent-Length: %zu\r\n%s",
        r->status, reason_of(r->status), date_of(c->server), type, r->body.len,
        close          ? "Connection: close\r\n"
        : c->is_http10 ? "Connection: keep-alive\r\n"
                       : "");
    assert(n > 0 && (size_t)n < sizeof(head));

    const str body = c->rq.method == HTTP_HEAD ? (str){0} : r->body;
    const str parts[] = {{head, (size_t)n}, r->headers, STR("\r\n"), body};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (stream_write(c->stream, parts[i]) != 0)
            return STREAM_FULL;
    }
    return 0;
}

/** Read the next head. */
static void next_head(struct http_conn *c)
{
    fsm_move(&c->fsm, CONN_HEAD);
    c->is_head_begun = false;
    set_deadline(c, HTTP_IDLE_MS);
    if (!c->is_parsing && c->in.len > 0)
        job_push(c->server->config.later, &c->job, parse_later);
}

static void go_on(struct http_conn *c)
{
    tell_taken(c);
    if (c->is_last) {
        conn_close(c);
    } else {
        next_head(c);
    }
}

/** The request is over: forget it, and go on once its answer is taken. */
static void end_request(struct http_conn *c)
{
    c->rq.state = NULL;
    c->untaken = stream_queued(c->stream);
    if (c->untaken <= HTTP_UNTAKEN_MAX) {
        go_on(c);
        return;
    }
    fsm_move(&c->fsm, CONN_TAKING);
    c->answered_ms = c->server->config.timers->now_ms;
    set_deadline(c, HTTP_ANSWER_GRACE_MS);
}

bool http_respond(struct http_request *rq, const struct http_response *r)
{
    struct http_conn *c = conn_of(rq);

    // An answer that comes before the body's end leaves bytes that nobody wants: the
    // connection ends with it.
    const bool has_unread_body = c->fsm.now == CONN_BODY && (c->is_chunked || c->body_left > 0);
    const bool close = r->close || !c->keep_alive || c->server->is_draining || has_unread_body;

    log_debug(&rq->log, "http_response", "status=%u bytes=%zu", r->status, r->body.len);
    c->on_taken = r->on_taken;
    c->taken_arg = r->arg;
    if (write_response(c, r, close) != 0) {
        conn_abort(c);
        return false;
    }
    c->is_last = close;
    end_request(c);
    return true;
}

ip http_peer(struct http_request *rq)
{
    char text[STREAM_PEER_SIZE];
    struct addr with_port;
    ip peer = {{0}};

    stream_peer(conn_of(rq)->stream, text);
    if (addr_parse(&with_port, str_of(text)) != 0 ||
        ip_parse(&peer, str_of(with_port.host)) != 0)
        return (ip){{0}};
    return peer;
}

void http_abort(struct http_request *rq)
{
    conn_abort(conn_of(rq));
}

struct stream *http_upgrade(struct http_request *rq, str headers, char **rest, size_t *rest_len)
{
    struct http_conn *c = conn_of(rq);
    struct stream *s = c->stream;
    const str parts[] = {STR("HTTP/1.1 101 Switching Protocols\r\n"), headers, STR("\r\n")};

    assert(c->is_parsing);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (stream_write(s, parts[i]) != 0) {
            conn_abort(c);
            return NULL;
        }
    }
    *rest = rest_of(c);
    *rest_len = c->rest.len;
    if (c->is_paused)
        stream_set_reading(s, true);
    conn_end(c);
    return s;
}

static void refuse(struct http_conn *c, unsigned status)
{
    const struct http_response r = {.status = status, .close = true};

    c->rq.method = HTTP_GET;
    log_debug(&c->rq.log, "http_refused", "status=%u", status);
    http_respond(&c->rq, &r);
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

/** What is left of it is not read: the answer will close the connection. */
static void body_is_too_large(struct http_conn *c)
{
    c->rq.is_too_large = true;
    buf_release(&c->body);
    timer_cancel(c->server->config.timers, &c->timer);
    c->route->handler->on_body(c->route->arg, &c->rq);
}

static void start_body(struct http_conn *c, const struct http_head *h)
{
    c->chunked = (struct http_chunked){0};
    c->body_received = 0;
    c->body_start_ms = c->server->config.timers->now_ms;
    buf_init(&c->body, c->rq.max_body);
    if (h->content_length > c->rq.max_body) {
        body_is_too_large(c);
        return;
    }
    set_deadline(c, HTTP_BODY_GRACE_MS);
    // Only a client that has something to send, and has sent none of it, waits for us.
    const bool has_body = h->is_chunked || h->content_length > 0;
    if (h->expects_continue && has_body && c->rest.len == 0 &&
        stream_write(c->stream, STR("HTTP/1.1 100 Continue\r\n\r\n")) != 0) {
        c->route->handler->on_gone(c->route->arg, &c->rq);
        conn_abort(c);
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

/** @return whether to go on parsing */
static bool parse_head(struct http_conn *c)
{
    struct http_head h;
    const int r = http_head_parse(&h, &c->rest);

    if (r == HTTP_HEAD_MORE) {
        if (!c->is_head_begun && has_begun(c->rest)) {
            c->is_head_begun = true;
            if (!c->is_first)
                set_deadline(c, HTTP_HEAD_MS);
        }
        return false;
    }
    if (r != 0) {
        refuse(c, status_of(r));
        return false;
    }

    c->is_first = false;
    c->is_http10 = h.minor_version == 0;
    c->keep_alive = h.keep_alive;
    c->is_chunked = h.is_chunked;
    c->body_left = h.content_length;
    c->rq.method = h.method;
    c->rq.max_body = 0;
    c->route = find_route(c->server, h.path);
    timer_cancel(c->server->config.timers, &c->timer);

    fsm_move(&c->fsm, CONN_BODY);
    c->route->handler->on_head(c->route->arg, &c->rq, &h);
    if (c->fsm.now != CONN_BODY)
        return c->fsm.now == CONN_HEAD;
    start_body(c, &h);
    return c->fsm.now == CONN_BODY;
}

/** @return whether to go on parsing */
static bool parse_body_of_length(struct http_conn *c)
{
    if (c->body.len == 0 && c->rest.len >= c->body_left) {
        // All of it is here: no copy.
        char *all = rest_of(c);
        body_is_whole(c, all, str_take(&c->rest, (size_t)c->body_left).len);
        return true;
    }
    const size_t n = c->rest.len < c->body_left ? c->rest.len : (size_t)c->body_left;
    c->body_left -= n;
    c->body_received += n;
    const int r = buf_add(&c->body, str_take(&c->rest, n));
    assert(r == 0); // the length was checked
    (void)r;
    if (c->body_left > 0)
        return false;
    body_is_whole(c, buf_ptr(&c->body), c->body.len);
    return true;
}

/** @return whether to go on parsing */
static bool parse_chunks(struct http_conn *c)
{
    for (;;) {
        str piece = {0};
        const int r = http_chunked_next(&c->chunked, &c->rest, &piece);
        if (r == HTTP_CHUNKED_MORE)
            return false;
        if (r == HTTP_CHUNKED_BAD) {
            c->route->handler->on_gone(c->route->arg, &c->rq);
            refuse(c, 400);
            return false;
        }
        if (piece.len == 0)
            break;
        c->body_received += piece.len;
        if (buf_add(&c->body, piece) != 0) {
            body_is_too_large(c);
            return false;
        }
    }
    body_is_whole(c, c->body.len > 0 ? buf_ptr(&c->body) : NULL, c->body.len);
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
        case CONN_BODY:
            go_on = !c->rq.is_too_large &&
                    (c->is_chunked ? parse_chunks(c) : parse_body_of_length(c));
            break;
        case CONN_WAITING:
        case CONN_TAKING:
        case CONN_GONE: go_on = false; break;
        }
    }
    c->is_parsing = false;
}

/** Read on, unless enough is waiting already. */
static void update_reading(struct http_conn *c)
{
    const bool is_enough = c->in.len > HTTP_PIPELINE_MAX;

    if (is_enough == c->is_paused)
        return;
    c->is_paused = is_enough;
    stream_set_reading(c->stream, !is_enough);
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
    update_reading(c);
}

static void parse_later(struct job *job)
{
    struct http_conn *c = container_of(job, struct http_conn, job);

    parse_kept(c);
}

static void conn_on_bytes(void *owner, char *bytes, size_t n)
{
    struct http_conn *c = owner;

    // A body that nobody wants any more: it goes by, until its answer closes the connection.
    if (c->fsm.now == CONN_BODY && c->rq.is_too_large)
        return;

    const bool is_waiting = c->fsm.now == CONN_WAITING || c->fsm.now == CONN_TAKING;
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
        update_reading(c);
    }
}

static void conn_on_end(void *owner, enum stream_end end)
{
    struct http_conn *c = owner;

    (void)end;
    // A client that has closed its half hardly waits for an answer, and a long poll must
    // not wait for one that never reads it.
    if (c->fsm.now == CONN_BODY || c->fsm.now == CONN_WAITING)
        c->route->handler->on_gone(c->route->arg, &c->rq);
    conn_close(c);
}

static void conn_on_drained(void *owner)
{
    struct http_conn *c = owner;

    if (c->fsm.now == CONN_TAKING)
        go_on(c);
}

static const struct stream_events conn_events = {
    .on_bytes = conn_on_bytes,
    .on_end = conn_on_end,
    .on_drained = conn_on_drained,
};

static bool body_is_too_slow(const struct http_conn *c)
{
    const int64_t ms = c->server->config.timers->now_ms - c->body_start_ms - HTTP_BODY_GRACE_MS;
    return (int64_t)c->body_received * 1000 < ms * HTTP_BODY_BYTES_PER_S;
}

static bool client_is_too_slow(const struct http_conn *c)
{
    const int64_t ms = c->server->config.timers->now_ms - c->answered_ms - HTTP_ANSWER_GRACE_MS;
    const int64_t taken = (int64_t)c->untaken - (int64_t)stream_queued(c->stream);
    return taken * 1000 < ms * HTTP_ANSWER_BYTES_PER_S || taken == 0;
}

static void look_at_taking(struct http_conn *c)
{
    if (client_is_too_slow(c)) {
        log_debug(&c->rq.log, "http_untaken", "bytes=%zu", stream_queued(c->stream));
        conn_abort(c);
    } else {
        set_deadline(c, 1000);
    }
}

static void on_late(struct timer *t)
{
    struct http_conn *c = container_of(t, struct http_conn, timer);

    if (c->fsm.now == CONN_TAKING) {
        look_at_taking(c);
        return;
    }
    if (c->fsm.now == CONN_BODY) {
        if (!body_is_too_slow(c)) {
            set_deadline(c, 1000);
            return;
        }
        c->route->handler->on_gone(c->route->arg, &c->rq);
        refuse(c, 408);
        return;
    }
    if (c->is_head_begun) {
        refuse(c, 408);
    } else {
        conn_close(c);
    }
}

void http_server_accept(struct http_server *s, struct stream *stream)
{
    struct http_conn *c = NEW(struct http_conn);

    c->server = s;
    c->stream = stream;
    c->is_first = true;
    c->rq.log = (struct log_ctx){.key = "conn", .id = ++s->n_accepted};
    fsm_init(&c->fsm, "http", states, CONN_HEAD);
    timer_init(&c->timer, on_late);
    list_push(&s->conns, &c->node);
    buf_init(&c->in, HTTP_PIPELINE_MAX + (size_t)STREAM_READ_MAX);
    stream_set_owner(stream, &conn_events, c);
    set_deadline(c, HTTP_FIRST_HEAD_MS);
    if (s->is_draining)
        conn_close(c);
}

struct http_server *http_server_new(const struct http_config *config)
{
    struct http_server *s = NEW(struct http_server);

    s->config = *config;
    s->date_s = -1;
    list_init(&s->conns);
    return s;
}

void http_server_drain(struct http_server *s)
{
    s->is_draining = true;
    list_each (node, &s->conns) {
        struct http_conn *c = container_of(node, struct http_conn, node);
        if (c->fsm.now == CONN_HEAD || c->fsm.now == CONN_TAKING)
            conn_close(c);
    }
}

void http_server_free(struct http_server *s)
{
    assert(list_is_empty(&s->conns));
    free(s);
}
