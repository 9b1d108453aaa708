#include "eio/upgrade.h"

#include "base/mem.h"
#include "eio/poll.h"

/** A message that came behind "5", while a POST before it was still being read. */
struct held {
    struct held *next;
    enum ws_type type;
    size_t len;
    char bytes[];
};

static_assert(sizeof(struct held) <= EIO_QUEUED_COST, "a message costs what it takes");

/** A WebSocket that wants to take over a session, and may not. */
struct eio_probe {
    struct eio_session *session;
    struct ws *ws;
    struct timer timer;
    bool is_b64;      // as in the session, once the WebSocket is the session's
    bool is_answered; // "2probe" has come
    bool is_due;      // "5" has come
    struct held *held;
    struct held **held_tail;
    size_t held_bytes; // EIO_QUEUED_COST for each included
};

bool eio_upgrade_is_near(const struct eio_session *s)
{
    return s->polling->probe && s->polling->probe->is_answered;
}

static void free_held(struct held *held)
{
    while (held) {
        struct held *h = held;
        held = h->next;
        free(h);
    }
}

void eio_upgrade_drop(struct eio_session *s)
{
    struct eio_probe *probe = s->polling ? s->polling->probe : NULL;

    if (!probe)
        return;
    s->polling->probe = NULL;
    timer_cancel(s->server->config.timers, &probe->timer);
    if (probe->ws)
        ws_close(probe->ws, WS_NO_CODE, (str){0});
    free_held(probe->held);
    free(probe);
}

static void fail(struct eio_session *s)
{
    eio_upgrade_drop(s);
    fsm_move(&s->fsm, EIO_POLLING);
}

static void send_queue(struct eio_session *s)
{
    while (s->polling->queue) {
        struct eio_queued *q = eio_poll_shift(s);
        eio_session_resend(s, &q->packet);
        free(q);
    }
}

void eio_upgrade_go_on(struct eio_session *s)
{
    struct eio_probe *probe = s->polling->probe;

    if (!probe || !probe->is_due || s->polling->post)
        return;

    struct held *held = probe->held;
    s->ws = probe->ws;
    s->is_b64 = probe->is_b64;
    probe->ws = NULL;
    probe->held = NULL;
    eio_upgrade_drop(s);
    ws_set_owner(s->ws, &eio_session_ws_events, s);
    ws_set_max_message(s->ws, s->polling->max_payload);
    fsm_move(&s->fsm, EIO_WEBSOCKET);
    log_debug(&s->log, "eio_upgrade", "transport=websocket");
    if (s->polling->get)
        eio_poll_answer_get(s, eio_closed);
    send_queue(s);
    eio_polling_end(s);
    eio_session_restart_heartbeat(s);
    eio_session_apply_pause(s);
    for (struct held *h = held; h && s->ws; h = h->next)
        eio_session_ws_events.on_message(s, h->type, h->bytes, h->len);
    free_held(held);
}

/** What comes behind "5" comes behind the POST, too: the order is kept across the upgrade. */
static void hold(struct eio_probe *probe, enum ws_type type, const char *bytes, size_t n)
{
    const size_t cost = EIO_QUEUED_COST + n;

    if (probe->held_bytes + cost > EIO_QUEUE_MAX) {
        fail(probe->session);
        return;
    }
    struct held *h = mem_alloc(sizeof(*h) + n);
    h->type = type;
    h->len = n;
    str_copy(h->bytes, (str){bytes, n});
    *probe->held_tail = h;
    probe->held_tail = &h->next;
    probe->held_bytes += cost;
}

static void on_message(void *owner, enum ws_type type, char *bytes, size_t n)
{
    struct eio_probe *probe = owner;
    struct eio_session *s = probe->session;
    const str text = type == WS_TEXT_MESSAGE ? (str){bytes, n} : (str){0};
    const str answer = STR("3probe");

    if (probe->is_due) {
        hold(probe, type, bytes, n);
    } else if (str_eq(text, STR("2probe")) &&
               ws_send(probe->ws, WS_TEXT_MESSAGE, &answer, 1) == 0) {
        probe->is_answered = true;
        eio_poll_flush(s);
    } else if (str_eq(text, STR("5"))) {
        probe->is_due = true;
        eio_upgrade_go_on(s);
    } else {
        fail(s);
    }
}

static void on_closed(void *owner, unsigned code)
{
    struct eio_probe *probe = owner;

    (void)code;
    probe->ws = NULL;
    fail(probe->session);
}

static const struct ws_events probe_events = {.on_message = on_message, .on_closed = on_closed};

static void on_late(struct timer *t)
{
    fail(container_of(t, struct eio_probe, timer)->session);
}

bool eio_upgrade_probe(struct eio_session *s, struct ws *ws, bool is_b64)
{
    struct timers *timers = s->server->config.timers;

    if (s->fsm.now != EIO_POLLING) {
        ws_close(ws, WS_NO_CODE, (str){0});
        return false;
    }
    struct eio_probe *probe = NEW(struct eio_probe);
    probe->session = s;
    probe->ws = ws;
    probe->is_b64 = is_b64;
    probe->held_tail = &probe->held;
    s->polling->probe = probe;
    fsm_move(&s->fsm, EIO_PROBING);
    timer_init(&probe->timer, on_late);
    timer_set(timers, &probe->timer, timers->now_ms + s->server->config.upgrade_timeout_ms);
    ws_set_owner(ws, &probe_events, probe);
    ws_set_max_message(ws, s->polling->max_payload);
    return true;
}
