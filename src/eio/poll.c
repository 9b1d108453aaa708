#include "eio/poll.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "eio/upgrade.h"

static const str noop = {"6", 1};
static const str noop_and_closed = {"6\x1e\x31", 3};

/** Answer the request, and free its poll. @return false: the answer is lost */
static bool answer(struct http_request *rq, unsigned status, str type, str body)
{
    struct eio_poll *poll = rq->state;
    const struct http_response r = {
        .status = status,
        .type = type,
        .headers = {poll->headers, poll->headers_len},
        .body = body,
    };

    rq->state = NULL;
    const bool is_taken = http_respond(rq, &r);
    free(poll);
    return is_taken;
}

static void refuse(struct http_request *rq, unsigned status)
{
    answer(rq, status, (str){0}, (str){0});
}

void eio_poll_answer_get(struct eio_session *s, str body)
{
    struct http_request *rq = s->polling->get;

    s->polling->get = NULL;
    if (!answer(rq, 200, STR("text/plain; charset=UTF-8"), body))
        eio_session_lose(s);
}

// The queue.

struct eio_queued *eio_poll_packet(const struct eio_packet *p, const str *parts, size_t n_parts)
{
    struct eio_queued *q = mem_alloc(sizeof(*q) + p->len);
    size_t at = 0;

    q->packet = *p;
    q->packet.data = q->bytes;
    for (size_t i = 0; i < n_parts; i++)
        at += str_copy(q->bytes + at, parts[i]).len;
    return q;
}

void eio_poll_queue(struct eio_session *s, struct eio_queued *q)
{
    struct eio_polling *p = s->polling;

    *p->queue_tail = q;
    p->queue_tail = &q->next;
    p->queued_bytes += EIO_QUEUED_COST + q->packet.len;
}

struct eio_queued *eio_poll_shift(struct eio_session *s)
{
    struct eio_polling *p = s->polling;
    struct eio_queued *q = p->queue;

    p->queue = q->next;
    if (!p->queue)
        p->queue_tail = &p->queue;
    p->queued_bytes -= EIO_QUEUED_COST + q->packet.len;
    return q;
}

struct eio_polling *eio_polling_new(size_t max_payload)
{
    struct eio_polling *p = NEW(struct eio_polling);

    p->queue_tail = &p->queue;
    p->max_payload = max_payload;
    return p;
}

void eio_polling_end(struct eio_session *s)
{
    assert(!s->polling->get && !s->polling->post && !s->polling->probe && !s->polling->queue);
    free(s->polling);
    s->polling = NULL;
}

/** As much of the queue as one payload may hold. */
static void answer_get_from_queue(struct eio_session *s)
{
    const struct eio_polling *p = s->polling;
    struct buf body;

    buf_init(&body, SIZE_MAX / 2);
    for (size_t n = 0; p->queue && n < EIO_PAYLOAD_PACKETS_MAX; n++) {
        const size_t size = eio_packet_size(&p->queue->packet) + 1;
        if (n > 0 && body.len + size > EIO_POLL_BYTES_MAX)
            break;
        struct eio_queued *q = eio_poll_shift(s);
        const char separator = EIO_SEPARATOR;
        int r = n > 0 ? buf_add(&body, (str){&separator, 1}) : 0;
        if (r == 0)
            r = eio_packet_write(&body, &q->packet);
        assert(r == 0);
        (void)r;
        free(q);
    }
    eio_poll_answer_get(s, buf_str(&body));
    buf_fini(&body);
}

void eio_poll_flush(struct eio_session *s)
{
    if (!s->polling || !s->polling->get)
        return;
    if (s->polling->queue) {
        answer_get_from_queue(s);
    } else if (s->fsm.now == EIO_CLOSING) {
        eio_session_finish(s, noop_and_closed);
    } else if (eio_upgrade_is_near(s)) {
        // The client pauses polling: no GET may be left waiting, not even one that is
        // still to come.
        eio_poll_answer_get(s, noop);
    }
}

void eio_poll_finish(struct eio_session *s, str last)
{
    struct eio_polling *p = s->polling;

    if (!p)
        return;
    if (p->get && p->queue)
        answer_get_from_queue(s);
    if (p->get)
        eio_poll_answer_get(s, last);
    if (p->post) {
        struct http_request *rq = p->post;
        p->post = NULL;
        refuse(rq, 400);
    }
    while (p->queue)
        free(eio_poll_shift(s));
}

// Requests.

/** A second one of a kind: the client is lost. */
static void refuse_overlap(struct eio_session *s, struct http_request *rq)
{
    refuse(rq, 400);
    eio_session_end(s, EIO_PARSE_ERROR);
}

void eio_poll_on_get(struct eio_session *s, struct http_request *rq, struct eio_poll *poll)
{
    rq->state = poll;
    if (s->polling->get) {
        eio_poll_answer_get(s, eio_closed);
        refuse_overlap(s, rq);
        return;
    }
    poll->session = s;
    s->polling->get = rq;
    eio_poll_flush(s);
}

void eio_poll_on_post(struct eio_session *s, struct http_request *rq, struct eio_poll *poll)
{
    struct eio_polling *p = s->polling;

    rq->state = poll;
    if (p->post) {
        struct http_request *first = p->post;
        p->post = NULL;
        free(first->state);
        http_abort(first);
        refuse_overlap(s, rq);
        return;
    }
    poll->session = s;
    rq->max_body = p->max_payload;
    p->post = rq;
}

/** Every packet before a bad one counts. @return 0 or EIO_SESSION_BAD */
MUST_CHECK static int on_payload(struct eio_session *s, char *text, size_t len)
{
    struct eio_payload payload = {.text = text, .len = len};
    struct eio_packet p;

    if (!utf8_is_valid((str){text, len}))
        return EIO_SESSION_BAD;
    while (eio_session_is_open(s)) {
        const int r = eio_payload_next(&payload, &p);
        if (r == EIO_PAYLOAD_END)
            return 0;
        if (r != 0 || eio_session_on_packet(s, &p) != 0)
            return EIO_SESSION_BAD;
    }
    return 0;
}

void eio_poll_on_body(struct eio_session *s)
{
    struct http_request *rq = s->polling->post;

    s->polling->post = NULL; // answered here, whatever becomes of the session
    if (rq->is_too_large) {
        refuse(rq, 413);
        eio_upgrade_go_on(s);
    } else if (on_payload(s, rq->body, rq->body_len) != 0) {
        refuse(rq, 400);
        eio_session_end(s, EIO_PARSE_ERROR);
    } else {
        answer(rq, 200, STR("text/html"), STR("ok"));
        eio_upgrade_go_on(s);
    }
}

void eio_poll_on_gone(struct eio_session *s, struct http_request *rq)
{
    struct eio_polling *p = s->polling;

    if (p->get == rq)
        p->get = NULL;
    if (p->post == rq)
        p->post = NULL;
    free(rq->state);
    rq->state = NULL;
    eio_session_end(s, EIO_TRANSPORT_CLOSE);
}
