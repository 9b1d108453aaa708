#include <unistd.h>

#include "http/conn.h"

void http_conn_tell_taken(struct http_conn *c)
{
    void (*on_taken)(void *arg) = c->on_taken;

    c->on_taken = NULL;
    if (on_taken)
        on_taken(c->taken_arg);
}

static uint64_t length_of(const struct http_request *rq, const struct http_response *r)
{
    if (r->file)
        return r->file->length;
    return rq->method == HTTP_HEAD && r->body.len == 0 ? r->length : r->body.len;
}

static int write_response(struct http_conn *c, const struct http_response *r, bool close)
{
    char head[HTTP_ANSWER_HEAD_SIZE];
    const struct http_answer answer = {
        .status = r->status,
        .date = http_date_text(&c->server->date, clock_unix_ms(c->server->config.clock)),
        .type = r->type,
        .length = length_of(&c->rq, r),
        .connection = close          ? "close"
                      : c->is_http10 ? "keep-alive"
                                     : NULL,
    };
    const size_t n = http_answer_head(head, &answer);

    const str body = c->rq.method == HTTP_HEAD ? (str){0} : r->body;
    const str parts[] = {{head, n}, r->headers, STR("\r\n"), body};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (stream_write(c->stream, parts[i]) != 0)
            return STREAM_FULL;
    }
    return 0;
}

static int send_response(struct http_conn *c, const struct http_response *r, bool close_after)
{
    const struct http_file *f = r->file;
    const int result = write_response(c, r, close_after);

    c->has_file = result == 0 && f && f->length > 0 && c->rq.method != HTTP_HEAD;
    if (c->has_file) {
        assert(f->fd >= 0);
        stream_send_file(c->stream, f->fd, f->offset, f->length);
    } else if (f && f->fd >= 0) {
        close(f->fd);
    }
    return result;
}

/** Read the next head. */
static void next_head(struct http_conn *c)
{
    fsm_move(&c->fsm, CONN_HEAD);
    c->is_head_begun = false;
    c->is_leaving = false;
    http_conn_set_deadline(c, HTTP_IDLE_MS);
    if (!c->is_parsing && c->in.len > 0)
        http_conn_parse_later(c);
}

void http_conn_go_on(struct http_conn *c)
{
    http_conn_tell_taken(c);
    if (c->is_last) {
        http_conn_close(c);
    } else {
        next_head(c);
    }
}

void http_conn_start_taking(struct http_conn *c)
{
    c->untaken = c->looked_at = stream_queued(c->stream);
    fsm_move(&c->fsm, CONN_TAKING);
    http_conn_start_pace(c, HTTP_ANSWER_BYTES_PER_S, HTTP_ANSWER_GRACE_MS);
}

void http_conn_end_request(struct http_conn *c)
{
    const size_t queued = stream_queued(c->stream);

    if (queued == 0 || (queued <= HTTP_UNTAKEN_MAX && !c->has_file)) {
        http_conn_go_on(c);
    } else {
        http_conn_start_taking(c);
    }
}

/** The request is over, but for a body that nobody wants. */
static void start_dropping(struct http_conn *c)
{
    fsm_move(&c->fsm, CONN_DROPPING);
    c->dropped = 0;
    http_conn_start_pace(c, HTTP_BODY_BYTES_PER_S, HTTP_BODY_GRACE_MS);
    if (!c->is_parsing)
        http_conn_parse_later(c);
}

/** Is there something of the body that was not read, or may be? */
static bool body_is_unread(const struct http_conn *c)
{
    return (c->fsm.now == CONN_BODY || c->fsm.now == CONN_PAUSED) &&
           http_body_goes_on(&c->coming);
}

bool http_respond(struct http_request *rq, const struct http_response *r)
{
    struct http_conn *c = http_conn_of(rq);

    // An answer that comes before the body's end leaves bytes that nobody wants: the
    // connection ends with it.
    const bool is_unread = body_is_unread(c);
    const bool close =
        r->close || !c->keep_alive || c->server->is_draining || is_unread || rq->is_too_large;

    log_debug(&rq->log, "http_response", "status=%u bytes=%llu", r->status,
              (unsigned long long)length_of(rq, r));
    c->on_taken = r->on_taken;
    c->taken_arg = r->arg;
    if (send_response(c, r, close) != 0) {
        http_conn_abort(c);
        return false;
    }
    c->is_last = close;
    rq->state = NULL;
    if (is_unread && r->is_patient && !c->owes_continue) {
        start_dropping(c);
    } else {
        http_conn_end_request(c);
    }
    if (c->fsm.now != CONN_GONE && !c->is_parsing)
        http_conn_update_reading(c); // it may have been paused
    return true;
}

void http_conn_refuse(struct http_conn *c, unsigned status)
{
    const struct http_response r = {.status = status, .close = true};

    c->rq.method = HTTP_GET;
    log_debug(&c->rq.log, "http_refused", "status=%u", status);
    http_respond(&c->rq, &r);
}
