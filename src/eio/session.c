#include "eio/session.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "eio/packet.h"

// Bytes of one poll's answer, unless a single packet is larger.
#define POLL_BYTES_MAX 1048576

#define PARTS_MAX 8

#define TO(state) FSM_TO(EIO_##state)
static const struct fsm_state states[] = {
    [EIO_POLLING] = {"polling", TO(PROBING) | TO(CLOSING) | TO(CLOSED)},
    [EIO_PROBING] = {"probing", TO(POLLING) | TO(WEBSOCKET) | TO(CLOSING) | TO(CLOSED)},
    [EIO_WEBSOCKET] = {"websocket", TO(CLOSED)},
    [EIO_CLOSING] = {"closing", TO(CLOSED)},
    [EIO_CLOSED] = {"closed", 0},
};
#undef TO

struct eio_queued {
    struct eio_queued *next;
    struct eio_packet packet; // its data is bytes[]
    char bytes[];
};

/** A message that came behind "5", while a POST before it was still being read. */
struct held {
    struct held *next;
    enum ws_type type;
    size_t len;
    char bytes[];
};

/** A WebSocket that wants to take over a session, and may not. */
struct eio_probe {
    struct eio_session *session;
    struct ws *ws;
    struct timer timer;
    bool is_answered; // "2probe" has come
    bool is_due;      // "5" has come; the POST under way is waited for
    struct held *held;
    struct held **held_tail;
    size_t held_bytes;
};

static const str noop = {"6", 1};
static const str closed = {"1", 1};
static const str noop_and_closed = {
    "6\x1e"
    "1",
    3};

const char *eio_reason_name(enum eio_reason reason)
{
    switch (reason) {
    case EIO_TRANSPORT_CLOSE: return "transport_close";
    case EIO_PING_TIMEOUT: return "ping_timeout";
    case EIO_PARSE_ERROR: return "parse_error";
    case EIO_SLOW_CONSUMER: return "slow_consumer";
    case EIO_SHUTTING_DOWN: return "shutting_down";
    case EIO_CLOSED_BY_APP: return "closed_by_app";
    }
    return "?";
}

static struct timers *timers_of(const struct eio_session *s)
{
    return s->server->config.timers;
}

static bool is_open(const struct eio_session *s)
{
    return s->fsm.now == EIO_POLLING || s->fsm.now == EIO_PROBING ||
           s->fsm.now == EIO_WEBSOCKET;
}

static void session_free(struct job *job)
{
    struct eio_session *s = container_of(job, struct eio_session, job);

    assert(!s->get && !s->post && !s->ws && !s->probe);
    while (s->queue) {
        struct eio_queued *q = s->queue;
        s->queue = q->next;
        free(q);
    }
    fsm_fini(&s->fsm);
    free(s);
}

static void queue_job(struct eio_session *s, void (*run)(struct job *job))
{
    s->job.run = run;
    if (!s->is_job_queued)
        job_push(s->server->config.later, &s->job);
    s->is_job_queued = true;
}

// Answers to polls.

void eio_poll_answer(struct http_request *rq, unsigned status, str type, str body)
{
    struct eio_poll *poll = rq->state;
    const struct http_response r = {
        .status = status,
        .type = type,
        .headers = {poll->headers, poll->headers_len},
        .body = body,
    };

    rq->state = NULL;
    http_respond(rq, &r);
    free(poll);
}

static void answer_get(struct eio_session *s, str body)
{
    struct http_request *rq = s->get;

    s->get = NULL;
    eio_poll_answer(rq, 200, STR("text/plain; charset=UTF-8"), body);
}

static void refuse_poll(struct http_request *rq, unsigned status)
{
    eio_poll_answer(rq, status, (str){0}, (str){0});
}

// The queue, from which polls are answered.

static void queue_packet(struct eio_session *s, const struct eio_packet *p, const str *parts,
                         size_t n_parts)
{
    struct eio_queued *q = mem_alloc(sizeof(*q) + p->len);
    size_t at = 0;

    q->packet = *p;
    q->packet.data = q->bytes;
    for (size_t i = 0; i < n_parts; i++) {
        str_copy(q->bytes + at, parts[i]);
        at += parts[i].len;
    }
    *s->queue_tail = q;
    s->queue_tail = &q->next;
    s->queued_bytes += p->len;
}

static struct eio_queued *shift_packet(struct eio_session *s)
{
    struct eio_queued *q = s->queue;

    s->queue = q->next;
    if (!s->queue)
        s->queue_tail = &s->queue;
    s->queued_bytes -= q->packet.len;
    return q;
}

/** As much of the queue as one payload may hold. */
static void answer_get_from_queue(struct eio_session *s)
{
    struct buf body;

    buf_init(&body, SIZE_MAX / 2);
    for (size_t n = 0; s->queue && n < EIO_PAYLOAD_PACKETS_MAX; n++) {
        const size_t size = eio_packet_size(&s->queue->packet) + 1;
        if (n > 0 && body.len + size > POLL_BYTES_MAX)
            break;
        struct eio_queued *q = shift_packet(s);
        const char separator = EIO_SEPARATOR;
        int r = n > 0 ? buf_add(&body, (str){&separator, 1}) : 0;
        if (r == 0)
            r = eio_packet_write(&body, &q->packet);
        assert(r == 0);
        (void)r;
        free(q);
    }
    answer_get(s, buf_str(&body));
    buf_fini(&body);
}

// The end.

static void drop_probe(struct eio_session *s)
{
    struct eio_probe *probe = s->probe;

    if (!probe)
        return;
    s->probe = NULL;
    timer_cancel(timers_of(s), &probe->timer);
    if (probe->ws)
        ws_close(probe->ws, WS_NO_CODE, (str){0});
    while (probe->held) {
        struct held *h = probe->held;
        probe->held = h->next;
        free(h);
    }
    free(probe);
}

/** Every transport is let go; a waiting GET gets what is queued for it, or else last. */
static void finish(struct eio_session *s, str last)
{
    fsm_move(&s->fsm, EIO_CLOSED);
    map_remove(&s->server->sessions, &s->by_sid);
    timer_cancel(timers_of(s), &s->timer);
    drop_probe(s);
    if (s->get && s->queue)
        answer_get_from_queue(s);
    else if (s->get)
        answer_get(s, last);
    if (s->post) {
        struct http_request *rq = s->post;
        s->post = NULL;
        refuse_poll(rq, 400);
    }
    if (s->ws)
        ws_close(s->ws, WS_NO_CODE, (str){0});
    s->ws = NULL;
    queue_job(s, session_free);
}

static void end(struct eio_session *s, enum eio_reason reason, str last)
{
    const bool was_open = is_open(s);

    if (s->fsm.now == EIO_CLOSED)
        return;
    log_debug(&s->log, "eio_close", "reason=%s", eio_reason_name(reason));
    finish(s, last);
    if (was_open)
        s->server->app->on_close(s->state, reason);
}

void eio_session_end(struct eio_session *s, enum eio_reason reason)
{
    end(s, reason, closed);
}

// Packets out.

/** Give the waiting GET what there is for it. */
static void flush(struct eio_session *s)
{
    if (!s->get)
        return;
    if (s->queue) {
        answer_get_from_queue(s);
    } else if (s->fsm.now == EIO_CLOSING) {
        finish(s, noop_and_closed);
    } else if (s->fsm.now == EIO_PROBING && s->probe->is_answered) {
        // The client pauses polling: no GET may be left waiting, not even one that is
        // still to come.
        answer_get(s, noop);
    }
}

static void run_flush(struct job *job)
{
    struct eio_session *s = container_of(job, struct eio_session, job);

    s->is_job_queued = false;
    flush(s);
}

static void run_slow(struct job *job)
{
    struct eio_session *s = container_of(job, struct eio_session, job);

    s->is_job_queued = false;
    log_info(&s->log, "eio_slow_consumer", "limit=%d", EIO_QUEUE_MAX);
    if (s->ws) { // what is queued there will never be read: no closing handshake
        ws_abort(s->ws);
        s->ws = NULL;
    }
    eio_session_end(s, EIO_SLOW_CONSUMER);
}

static int send_on_websocket(struct eio_session *s, const struct eio_packet *p,
                             const str *parts, size_t n_parts)
{
    const char type = (char)('0' + p->type);
    str all[PARTS_MAX + 1] = {{&type, 1}};

    if (p->is_binary && !s->is_b64)
        return ws_send(s->ws, WS_BINARY_MESSAGE, parts, n_parts);
    if (!p->is_binary) {
        for (size_t i = 0; i < n_parts; i++)
            all[i + 1] = parts[i];
        return ws_send(s->ws, WS_TEXT_MESSAGE, all, n_parts + 1);
    }

    struct buf whole;
    struct buf text;
    buf_init(&whole, p->len);
    buf_init(&text, eio_packet_size(p));
    int r = 0;
    for (size_t i = 0; i < n_parts && r == 0; i++)
        r = buf_add(&whole, parts[i]);
    const struct eio_packet joined = {
        .type = EIO_MESSAGE, .is_binary = true, .data = buf_ptr(&whole), .len = whole.len};
    if (r == 0)
        r = eio_packet_write(&text, &joined);
    assert(r == 0);
    const str encoded = buf_str(&text);
    r = ws_send(s->ws, WS_TEXT_MESSAGE, &encoded, 1);
    buf_fini(&whole);
    buf_fini(&text);
    return r;
}

static void send_packet(struct eio_session *s, struct eio_packet p, const str *parts,
                        size_t n_parts)
{
    assert(n_parts <= PARTS_MAX);
    if (!is_open(s) || s->is_slow)
        return;
    for (size_t i = 0; i < n_parts; i++)
        p.len += parts[i].len;

    const size_t queued = s->ws ? ws_queued(s->ws) : s->queued_bytes;
    if (queued + p.len > EIO_QUEUE_MAX ||
        (s->ws && send_on_websocket(s, &p, parts, n_parts) != 0)) {
        // From here on nothing is sent: a message that follows a lost one would hide it.
        s->is_slow = true;
        queue_job(s, run_slow);
        return;
    }
    if (s->ws)
        return;
    queue_packet(s, &p, parts, n_parts);
    if (s->get && !s->is_job_queued)
        queue_job(s, run_flush);
}

void eio_send(struct eio_session *s, bool is_binary, const str *parts, size_t n_parts)
{
    const struct eio_packet p = {.type = EIO_MESSAGE, .is_binary = is_binary};
    send_packet(s, p, parts, n_parts);
}

bool eio_is_writable(const struct eio_session *s)
{
    if (s->ws)
        return ws_queued(s->ws) == 0;
    return s->get && !s->queue;
}

void eio_close(struct eio_session *s)
{
    if (!is_open(s))
        return;
    log_debug(&s->log, "eio_close", "reason=%s", eio_reason_name(EIO_CLOSED_BY_APP));
    if (s->ws || (s->get && !s->queue)) {
        finish(s, closed);
        return;
    }
    drop_probe(s);
    fsm_move(&s->fsm, EIO_CLOSING);
    timer_set(timers_of(s), &s->timer, timers_of(s)->now_ms + EIO_CLOSE_KEPT_MS);
}

const struct log_ctx *eio_log(const struct eio_session *s)
{
    return &s->log;
}

// The heartbeat. Deadlines follow from each other, not from when we noticed.

static void beat(struct eio_session *s)
{
    const struct eio_packet ping = {.type = EIO_PING};

    if (s->awaiting_pong || s->fsm.now == EIO_CLOSING) {
        eio_session_end(s, EIO_PING_TIMEOUT);
        return;
    }
    s->awaiting_pong = true;
    timer_set(timers_of(s), &s->timer, s->timer.at_ms + s->server->config.ping_timeout_ms);
    send_packet(s, ping, NULL, 0);
}

static void on_timer(struct timer *t)
{
    beat(container_of(t, struct eio_session, timer));
}

bool eio_session_is_alive(struct eio_session *s)
{
    while (s->fsm.now != EIO_CLOSED && s->timer.at_ms <= timers_of(s)->now_ms)
        beat(s);
    return s->fsm.now != EIO_CLOSED;
}

/** The next ping is due an interval from now. */
static void restart_heartbeat(struct eio_session *s)
{
    s->awaiting_pong = false;
    timer_set(timers_of(s), &s->timer,
              timers_of(s)->now_ms + s->server->config.ping_interval_ms);
}

// Packets in.

enum packet_refusal {
    PACKET_BAD = 1, // a client may not send it
};

/** A packet on the transport that carries the session. It may end it. @return 0 or PACKET_BAD
 */
MUST_CHECK static int on_packet(struct eio_session *s, const struct eio_packet *p)
{
    log_trace(&s->log, "eio_packet", "type=%d binary=%d bytes=%zu", p->type, p->is_binary,
              p->len);
    switch (p->type) {
    case EIO_CLOSE: end(s, EIO_TRANSPORT_CLOSE, noop); return 0;
    case EIO_PING: return PACKET_BAD; // only the server pings
    case EIO_PONG: restart_heartbeat(s); return 0;
    case EIO_MESSAGE:
        s->server->app->on_message(s->state, p->is_binary, p->data, p->len);
        return 0;
    case EIO_OPEN:
    case EIO_UPGRADE:
    case EIO_NOOP: return 0;
    }
    return PACKET_BAD;
}

// On a WebSocket.

static void on_ws_message(void *owner, enum ws_type type, char *bytes, size_t n)
{
    struct eio_session *s = owner;
    struct eio_packet p = {.type = EIO_MESSAGE, .is_binary = true, .data = bytes, .len = n};

    if ((type == WS_TEXT_MESSAGE && eio_packet_decode(&p, bytes, n) != 0) ||
        on_packet(s, &p) != 0)
        eio_session_end(s, EIO_PARSE_ERROR);
}

static void on_ws_closed(void *owner, unsigned code)
{
    struct eio_session *s = owner;

    log_debug(&s->log, "eio_ws_closed", "code=%u", code);
    s->ws = NULL;
    eio_session_end(s, EIO_TRANSPORT_CLOSE);
}

const struct ws_events eio_session_ws_events = {
    .on_message = on_ws_message,
    .on_closed = on_ws_closed,
};

// The upgrade.

/** The WebSocket carries the session from now on. */
static void upgrade(struct eio_session *s)
{
    struct eio_probe *probe = s->probe;
    struct held *held = probe->held;

    s->ws = probe->ws;
    probe->ws = NULL;
    probe->held = NULL;
    drop_probe(s);
    ws_set_owner(s->ws, &eio_session_ws_events, s);
    fsm_move(&s->fsm, EIO_WEBSOCKET);
    log_debug(&s->log, "eio_upgrade", "transport=websocket");
    if (s->get)
        answer_get(s, closed);
    while (s->queue && s->ws) {
        struct eio_queued *q = shift_packet(s);
        const str data = {q->packet.data, q->packet.len};
        struct eio_packet p = q->packet;
        p.len = 0;
        send_packet(s, p, &data, 1);
        free(q);
    }
    restart_heartbeat(s);
    while (held) {
        struct held *h = held;
        held = h->next;
        if (s->ws)
            on_ws_message(s, h->type, h->bytes, h->len);
        free(h);
    }
}

// In polling.

void eio_session_on_get(struct eio_session *s, struct http_request *rq, struct eio_poll *poll)
{
    poll->session = s;
    rq->state = poll;
    if (s->get) {
        struct http_request *first = s->get;
        s->get = NULL;
        eio_poll_answer(first, 200, STR("text/plain; charset=UTF-8"), closed);
        poll->session = NULL;
        refuse_poll(rq, 400);
        eio_session_end(s, EIO_PARSE_ERROR);
        return;
    }
    s->get = rq;
    flush(s);
}

void eio_session_on_post(struct eio_session *s, struct http_request *rq, struct eio_poll *poll)
{
    poll->session = s;
    rq->state = poll;
    if (s->post) {
        struct http_request *first = s->post;
        s->post = NULL;
        free(first->state);
        http_abort(first);
        poll->session = NULL;
        refuse_poll(rq, 400);
        eio_session_end(s, EIO_PARSE_ERROR);
        return;
    }
    rq->max_body = s->server->config.max_payload;
    s->post = rq;
}

/** Every packet before a bad one counts. @return 0 or PACKET_BAD */
MUST_CHECK static int on_payload(struct eio_session *s, char *text, size_t len)
{
    struct eio_payload payload = {.text = text, .len = len};
    struct eio_packet p;

    if (!utf8_is_valid((str){text, len}))
        return PACKET_BAD;
    while (is_open(s)) {
        const int r = eio_payload_next(&payload, &p);
        if (r == EIO_PAYLOAD_END)
            return 0;
        if (r != 0 || on_packet(s, &p) != 0)
            return PACKET_BAD;
    }
    return 0;
}

void eio_session_on_post_body(struct eio_session *s)
{
    struct http_request *rq = s->post;

    s->post = NULL; // answered here, whatever becomes of the session
    if (rq->is_too_large) {
        refuse_poll(rq, 413);
    } else if (on_payload(s, rq->body, rq->body_len) != 0) {
        refuse_poll(rq, 400);
        eio_session_end(s, EIO_PARSE_ERROR);
    } else {
        eio_poll_answer(rq, 200, STR("text/html"), STR("ok"));
        if (s->probe && s->probe->is_due)
            upgrade(s);
    }
}

void eio_session_on_gone(struct eio_session *s, struct http_request *rq)
{
    if (s->get == rq)
        s->get = NULL;
    if (s->post == rq)
        s->post = NULL;
    free(rq->state);
    rq->state = NULL;
    eio_session_end(s, EIO_TRANSPORT_CLOSE);
}

// The probe.

static void probe_failed(struct eio_session *s)
{
    drop_probe(s);
    fsm_move(&s->fsm, EIO_POLLING);
}

/** What comes behind "5" comes behind the POST, too: the order is kept across the upgrade. */
static void hold(struct eio_probe *probe, enum ws_type type, const char *bytes, size_t n)
{
    if (n > probe->session->server->config.max_payload - probe->held_bytes) {
        probe_failed(probe->session);
        return;
    }
    struct held *h = mem_alloc(sizeof(*h) + n);
    h->type = type;
    h->len = n;
    str_copy(h->bytes, (str){bytes, n});
    *probe->held_tail = h;
    probe->held_tail = &h->next;
    probe->held_bytes += n;
}

static void on_probe_message(void *owner, enum ws_type type, char *bytes, size_t n)
{
    struct eio_probe *probe = owner;
    struct eio_session *s = probe->session;
    const str text = {bytes, n};
    const str answer = STR("3probe");

    if (probe->is_due) {
        hold(probe, type, bytes, n);
    } else if (type == WS_TEXT_MESSAGE && str_eq(text, STR("2probe")) &&
               ws_send(probe->ws, WS_TEXT_MESSAGE, &answer, 1) == 0) {
        probe->is_answered = true;
        flush(s);
    } else if (type == WS_TEXT_MESSAGE && str_eq(text, STR("5"))) {
        probe->is_due = true;
        if (!s->post)
            upgrade(s);
    } else {
        probe_failed(s);
    }
}

static void on_probe_closed(void *owner, unsigned code)
{
    struct eio_probe *probe = owner;

    (void)code;
    probe->ws = NULL;
    probe_failed(probe->session);
}

static const struct ws_events probe_events = {
    .on_message = on_probe_message,
    .on_closed = on_probe_closed,
};

static void on_probe_late(struct timer *t)
{
    probe_failed(container_of(t, struct eio_probe, timer)->session);
}

bool eio_session_on_probe(struct eio_session *s, struct ws *ws)
{
    if (s->fsm.now != EIO_POLLING) {
        ws_close(ws, WS_NO_CODE, (str){0});
        return false;
    }
    struct eio_probe *probe = NEW(struct eio_probe);
    probe->session = s;
    probe->ws = ws;
    probe->held_tail = &probe->held;
    s->probe = probe;
    fsm_move(&s->fsm, EIO_PROBING);
    timer_init(&probe->timer, on_probe_late);
    timer_set(timers_of(s), &probe->timer,
              timers_of(s)->now_ms + s->server->config.upgrade_timeout_ms);
    ws_set_owner(ws, &probe_events, probe);
    return true;
}

// The beginning.

struct eio_session *eio_session_new(struct eio_server *server, struct ws *ws, bool is_b64)
{
    struct eio_session *s = NEW(struct eio_session);

    s->server = server;
    s->ws = ws;
    s->is_b64 = is_b64;
    s->queue_tail = &s->queue;
    s->log = (struct log_ctx){.key = "session", .id = ++server->n_opened};
    rand_name(server->config.rand, s->sid);
    fsm_init(&s->fsm, "eio", states, ws ? EIO_WEBSOCKET : EIO_POLLING);
    timer_init(&s->timer, on_timer);
    restart_heartbeat(s);
    map_add(&server->sessions, &s->by_sid, str_hash(str_of(s->sid)));
    return s;
}

void eio_session_open(struct eio_session *s)
{
    log_debug(&s->log, "eio_open", "transport=%s", s->ws ? "websocket" : "polling");
    s->state = s->server->app->on_open(s->server->app_arg, s);
}

int eio_session_handshake(const struct eio_session *s, struct buf *out)
{
    const struct eio_config *c = &s->server->config;
    const bool can_upgrade =
        !s->ws && c->allow_upgrades && (c->transports & EIO_WEBSOCKET_TRANSPORT);

    return buf_addf(out,
                    "0{\"sid\":\"%s\",\"upgrades\":[%s],\"pingInterval\":%lld,"
                    "\"pingTimeout\":%lld,\"maxPayload\":%zu}",
                    s->sid, can_upgrade ? "\"websocket\"" : "", (long long)c->ping_interval_ms,
                    (long long)c->ping_timeout_ms, c->max_payload);
}
