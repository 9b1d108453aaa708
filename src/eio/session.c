#include "eio/session.h"

#include <stdio.h>

#include "base/base64.h"
#include "base/mem.h"
#include "eio/poll.h"
#include "eio/upgrade.h"

#define PARTS_MAX 8

// A ping that leaves later than this gives its pong the whole time: it was we who were
// held up, and not the client.
#define LATE_MS 50

#define TO(state) FSM_TO(EIO_##state)
static const struct fsm_state states[] = {
    [EIO_POLLING] = {"eio_polling", TO(PROBING) | TO(CLOSING) | TO(CLOSED)},
    [EIO_PROBING] = {"eio_probing", TO(POLLING) | TO(WEBSOCKET) | TO(CLOSING) | TO(CLOSED)},
    [EIO_WEBSOCKET] = {"eio_websocket", TO(CLOSED)},
    [EIO_CLOSING] = {"eio_closing", TO(CLOSED)},
    [EIO_CLOSED] = {"eio_closed", 0},
};
#undef TO

const str eio_closed = {"1", 1};

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

bool eio_session_is_open(const struct eio_session *s)
{
    return s->fsm.now == EIO_POLLING || s->fsm.now == EIO_PROBING ||
           s->fsm.now == EIO_WEBSOCKET;
}

static void session_free(struct job *job)
{
    struct eio_session *s = container_of(job, struct eio_session, job);

    assert(!s->ws);
    if (s->polling)
        eio_polling_end(s);
    fsm_fini(&s->fsm);
    pool_give(s);
}

// The end.

void eio_bearer_free(char *bearer)
{
    if (bearer)
        explicit_bzero(bearer, strlen(bearer));
    free(bearer);
}

void eio_drop_bearer(struct eio_session *s)
{
    eio_bearer_free(s->bearer);
    s->bearer = NULL;
}

void eio_session_finish(struct eio_session *s, str last)
{
    fsm_move(&s->fsm, EIO_CLOSED);
    map_remove(&s->server->sessions, &s->by_sid);
    timer_cancel(timers_of(s), &s->timer);
    eio_drop_bearer(s);
    eio_upgrade_drop(s);
    eio_poll_finish(s, last);
    if (s->ws) {
        ws_set_reading(s->ws, true); // the close frame that answers ours
        ws_close(s->ws, WS_NO_CODE, (str){0});
    }
    s->ws = NULL;
    job_push(s->server->config.later, &s->job, session_free);
}

static void end(struct eio_session *s, enum eio_reason reason, str last)
{
    const bool was_open = eio_session_is_open(s);

    log_debug(&s->log, "eio_close", "reason=%s", eio_reason_name(reason));
    eio_session_finish(s, last);
    if (was_open)
        s->server->app->on_close(s->state, reason);
}

void eio_session_end(struct eio_session *s, enum eio_reason reason)
{
    end(s, reason, eio_closed);
}

// Packets out.

static void run_flush(struct job *job)
{
    struct eio_session *s = container_of(job, struct eio_session, job);

    eio_poll_flush(s);
}

static void run_slow(struct job *job)
{
    struct eio_session *s = container_of(job, struct eio_session, job);

    log_info(&s->log, "eio_slow_consumer", "limit=%d", EIO_QUEUE_MAX);
    if (s->ws) { // what is queued there will never be read: no closing handshake
        ws_abort(s->ws);
        s->ws = NULL;
    }
    eio_session_end(s, EIO_SLOW_CONSUMER);
}

void eio_session_lose(struct eio_session *s)
{
    s->is_slow = true;
    job_push(s->server->config.later, &s->job, run_slow);
}

/** @return 0 or STREAM_FULL */
MUST_CHECK static int send_base64(struct eio_session *s, const struct eio_packet *p,
                                  const str *parts, size_t n_parts)
{
    struct eio_queued *whole = eio_poll_packet(p, parts, n_parts);
    struct buf text;

    buf_init(&text, eio_packet_size(p));
    int r = eio_packet_write(&text, &whole->packet);
    assert(r == 0);
    const str encoded = buf_str(&text);
    r = ws_send(s->ws, WS_TEXT_MESSAGE, &encoded, 1);
    buf_fini(&text);
    free(whole);
    return r;
}

/** @return 0 or STREAM_FULL */
MUST_CHECK static int send_on_websocket(struct eio_session *s, const struct eio_packet *p,
                                        const str *parts, size_t n_parts)
{
    const char type = (char)('0' + p->type);
    str all[PARTS_MAX + 1] = {{&type, 1}};

    if (p->is_binary && s->is_b64)
        return send_base64(s, p, parts, n_parts);
    if (p->is_binary)
        return ws_send(s->ws, WS_BINARY_MESSAGE, parts, n_parts);
    for (size_t i = 0; i < n_parts; i++)
        all[i + 1] = parts[i];
    return ws_send(s->ws, WS_TEXT_MESSAGE, all, n_parts + 1);
}

void eio_session_send(struct eio_session *s, enum eio_type type, bool is_binary,
                      const str *parts, size_t n_parts)
{
    struct eio_packet p = {.type = type, .is_binary = is_binary};

    assert(n_parts <= PARTS_MAX);
    if (!eio_session_is_open(s) || s->is_slow)
        return;
    for (size_t i = 0; i < n_parts; i++)
        p.len += parts[i].len;

    const size_t queued = s->ws ? ws_queued(s->ws) : s->polling->queued_bytes;
    if (queued + EIO_QUEUED_COST + p.len > EIO_QUEUE_MAX) {
        eio_session_lose(s);
    } else if (s->ws) {
        if (send_on_websocket(s, &p, parts, n_parts) != 0)
            eio_session_lose(s);
    } else {
        eio_poll_queue(s, eio_poll_packet(&p, parts, n_parts));
        if (s->polling->get && !job_is_queued(&s->job))
            job_push(s->server->config.later, &s->job, run_flush);
    }
}

void eio_session_resend(struct eio_session *s, const struct eio_packet *p)
{
    const str data = {p->data, p->len};

    if (!s->is_slow && send_on_websocket(s, p, &data, 1) != 0)
        eio_session_lose(s);
}

void eio_send(struct eio_session *s, bool is_binary, const str *parts, size_t n_parts)
{
    eio_session_send(s, EIO_MESSAGE, is_binary, parts, n_parts);
}

bool eio_is_writable(const struct eio_session *s)
{
    if (s->ws)
        return ws_queued(s->ws) == 0;
    return s->polling && s->polling->get && !s->polling->queue;
}

void eio_close(struct eio_session *s)
{
    if (!eio_session_is_open(s))
        return;
    log_debug(&s->log, "eio_close", "reason=%s", eio_reason_name(EIO_CLOSED_BY_APP));
    if (s->ws || eio_is_writable(s)) {
        eio_session_finish(s, eio_closed);
        return;
    }
    eio_upgrade_drop(s);
    fsm_move(&s->fsm, EIO_CLOSING);
    timer_set(timers_of(s), &s->timer, timers_of(s)->now_ms + EIO_CLOSE_KEPT_MS);
}

void eio_limit_payload(struct eio_session *s, size_t max_bytes)
{
    const size_t most = s->server->config.max_payload;
    const size_t max = max_bytes < most ? max_bytes : most;

    if (s->ws) {
        ws_set_max_message(s->ws, max);
    } else {
        s->polling->max_payload = max;
    }
}

const struct eio_peer *eio_peer(const struct eio_session *s)
{
    return &s->peer;
}

str eio_bearer(const struct eio_session *s)
{
    return str_of(s->bearer);
}

size_t eio_queued(const struct eio_session *s)
{
    return (s->polling ? s->polling->queued_bytes : 0) + (s->ws ? ws_queued(s->ws) : 0);
}

const struct log_ctx *eio_log(const struct eio_session *s)
{
    return &s->log;
}

// The heartbeat. Deadlines follow from each other, not from when we noticed.

/** Its pong may be there, and is not read. */
static bool is_unheard(const struct eio_session *s)
{
    return s->is_paused && s->ws;
}

static void beat(struct eio_session *s)
{
    if ((s->awaiting_pong && !is_unheard(s)) || s->fsm.now == EIO_CLOSING) {
        eio_session_end(s, EIO_PING_TIMEOUT);
        return;
    }
    const int64_t now_ms = timers_of(s)->now_ms;
    const bool is_late = now_ms - s->timer.at_ms > LATE_MS;
    s->awaiting_pong = true;
    timer_set(timers_of(s), &s->timer,
              (is_late ? now_ms : s->timer.at_ms) + s->server->config.ping_timeout_ms);
    eio_session_send(s, EIO_PING, false, NULL, 0);
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

void eio_session_restart_heartbeat(struct eio_session *s)
{
    s->awaiting_pong = false;
    timer_set(timers_of(s), &s->timer,
              timers_of(s)->now_ms + s->server->config.ping_interval_ms);
}

void eio_session_apply_pause(struct eio_session *s)
{
    if (s->is_paused && s->ws)
        ws_set_reading(s->ws, false);
}

void eio_set_reading(struct eio_session *s, bool on)
{
    if (s->is_paused == !on || !eio_session_is_open(s))
        return;
    s->is_paused = !on;
    if (!s->ws)
        return;
    ws_set_reading(s->ws, on);
    if (on && s->awaiting_pong) { // it gets the whole time to answer
        timer_set(timers_of(s), &s->timer,
                  timers_of(s)->now_ms + s->server->config.ping_timeout_ms);
    }
}

// Packets in.

int eio_session_on_packet(struct eio_session *s, const struct eio_packet *p)
{
    static const str noop = {"6", 1};

    log_trace(&s->log, "eio_packet", "type=%d binary=%d bytes=%zu", p->type, p->is_binary,
              p->len);
    switch (p->type) {
    case EIO_CLOSE: end(s, EIO_TRANSPORT_CLOSE, noop); return 0;
    case EIO_PING: return EIO_SESSION_BAD; // only the server pings
    case EIO_PONG: eio_session_restart_heartbeat(s); return 0;
    case EIO_MESSAGE:
        if (!s->is_deaf)
            s->server->app->on_message(s->state, p->is_binary, p->data, p->len);
        return 0;
    case EIO_OPEN:
    case EIO_UPGRADE:
    case EIO_NOOP: return 0;
    }
    return EIO_SESSION_BAD;
}

// On a WebSocket.

static void on_ws_message(void *owner, enum ws_type type, char *bytes, size_t n)
{
    struct eio_session *s = owner;
    struct eio_packet p = {.type = EIO_MESSAGE, .is_binary = true, .data = bytes, .len = n};

    if ((type == WS_TEXT_MESSAGE && eio_packet_decode(&p, bytes, n) != 0) ||
        eio_session_on_packet(s, &p) != 0)
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

// The beginning.

static void send_open(struct eio_session *s)
{
    const struct eio_config *c = &s->server->config;
    const bool can_upgrade =
        !s->ws && c->allow_upgrades && (c->transports & EIO_WEBSOCKET_TRANSPORT);
    char json[192];

    const int n =
        snprintf(json, sizeof(json),
                 "{\"sid\":\"%s\",\"upgrades\":[%s],\"pingInterval\":%lld,"
                 "\"pingTimeout\":%lld,\"maxPayload\":%zu}",
                 s->sid, can_upgrade ? "\"websocket\"" : "", (long long)c->ping_interval_ms,
                 (long long)c->ping_timeout_ms, c->max_payload);
    assert(n > 0 && (size_t)n < sizeof(json));
    eio_session_send(s, EIO_OPEN, false, &(str){json, (size_t)n}, 1);
}

struct eio_session *eio_session_new(struct eio_server *server, struct ws *ws, bool is_b64)
{
    struct eio_session *s = pool_take(server->pool);

    s->server = server;
    s->ws = ws;
    s->is_b64 = is_b64;
    s->polling = ws ? NULL : eio_polling_new(server->config.max_payload);
    s->log = (struct log_ctx){.key = "session", .id = ++server->n_opened};
    rand_name(server->config.rand, s->sid);
    eio_place_write(&server->config, s->sid);
    fsm_init(&s->fsm, states, ws ? EIO_WEBSOCKET : EIO_POLLING);
    timer_init(&s->timer, on_timer);
    eio_session_restart_heartbeat(s);
    map_add(&server->sessions, &s->by_sid, str_hash(str_of(s->sid)));
    if (ws)
        ws_set_owner(ws, &eio_session_ws_events, s);
    send_open(s);
    return s;
}

void eio_session_open(struct eio_session *s)
{
    log_debug(&s->log, "eio_open", "transport=%s", s->ws ? "websocket" : "polling");
    s->state = s->server->app->on_open(s->server->app_arg, s);
}
