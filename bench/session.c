#include "bench/session.h"

#include <stdlib.h>

#include "base/mem.h"
#include "bench/put.h"
#include "bench/wire.h"

#define HEARTBEAT_MAX_MS 86400000

struct session {
    struct session_open how;
    struct transport *transport;
    struct job free;
    int64_t heard_us;
    int64_t patience_us;
    uint32_t heartbeats;
    bool is_over;
};

static void end(struct session *s, enum session_end end, const char *why)
{
    if (s->is_over)
        return;
    s->is_over = true;
    s->how.events->on_end(s->how.owner, end, why);
}

/** {"sid":…,"pingInterval":25000,"pingTimeout":20000,…} */
static void on_open(struct session *s, str json)
{
    struct buf join;
    uint64_t interval_ms = 0;
    uint64_t timeout_ms = 0;

    if (str_to_u64(wire_member(json, STR("\"pingInterval\":")), HEARTBEAT_MAX_MS,
                   &interval_ms) != 0 ||
        str_to_u64(wire_member(json, STR("\"pingTimeout\":")), HEARTBEAT_MAX_MS, &timeout_ms) !=
            0) {
        end(s, SESSION_LOST, "the server opened no Engine.IO session");
        return;
    }
    s->patience_us = (int64_t)(interval_ms + timeout_ms) * 1000;
    buf_init(&join, SIZE_MAX / 2);
    put(&join, STR("40{\"token\":\""));
    put(&join, s->how.token);
    put(&join, STR("\"}"));
    session_send(s, buf_str(&join));
    buf_fini(&join);
}

/** 44{"message":"…","data":{"code":"token_invalid"}} */
static void on_refused(struct session *s, str json)
{
    char why[TRANSPORT_WHY_SIZE];
    const str code = wire_member(json, STR("\"code\":"));
    const str message = wire_member(json, STR("\"message\":"));

    end(s, SESSION_REFUSED,
        transport_why(why, "refused: " STR_FMT " (" STR_FMT ")",
                      STR_ARG(message.len > 0 ? message : STR("it does not say why")),
                      STR_ARG(code.len > 0 ? code : STR("no code"))));
}

static void on_message(struct session *s, str text)
{
    switch (text.len > 0 ? text.ptr[0] : '\0') {
    case '0': return; // joined; it is of use once it is in step
    case '1': end(s, SESSION_REFUSED, "the server disconnected it"); return;
    case '2':
    case '3': s->how.events->on_packet(s->how.owner, text); return;
    case '4': on_refused(s, text); return;
    default: end(s, SESSION_LOST, "the server sent what is no Socket.IO packet");
    }
}

static void on_packet(void *owner, char *bytes, size_t n)
{
    struct session *s = owner;
    str text = {bytes, n};

    s->heard_us = net_now_us();
    if (n == 0) {
        end(s, SESSION_LOST, "the server sent what is no Engine.IO packet");
        return;
    }
    switch (*str_take(&text, 1).ptr) {
    case '0': on_open(s, text); return;
    case '1': end(s, SESSION_LOST, "the server closed the session"); return;
    case '2':
        s->heartbeats++;
        session_send(s, STR("3"));
        return;
    case '4': on_message(s, text); return;
    case '6': return; // ends a poll
    default: end(s, SESSION_LOST, "the server sent what is no Engine.IO packet");
    }
}

static void on_end(void *owner, const char *why)
{
    end(owner, SESSION_LOST, why);
}

static const struct transport_events transport_events = {
    .on_packet = on_packet,
    .on_end = on_end,
};

struct session *session_open(const struct session_open *how)
{
    struct session *s = NEW(struct session);
    const struct transport_open open = {
        .net = how->net,
        .target = how->target,
        .prng = how->prng,
        .events = &transport_events,
        .owner = s,
    };

    s->how = *how;
    s->heard_us = net_now_us();
    s->transport = how->transport->open(&open);
    return s;
}

static void free_later(struct job *job)
{
    free(container_of(job, struct session, free));
}

void session_close(struct session *s)
{
    s->is_over = true;
    s->transport->ops->close(s->transport);
    job_push(net_later(s->how.net), &s->free, free_later);
}

void session_send(struct session *s, str packet)
{
    s->transport->ops->send(s->transport, packet);
}

uint32_t session_heartbeats(const struct session *s)
{
    return s->heartbeats;
}

int64_t session_patience_us(const struct session *s)
{
    return s->patience_us;
}

int64_t session_heard_us(const struct session *s)
{
    return s->heard_us;
}

void session_give_up(struct session *s, const char *why)
{
    end(s, SESSION_LOST, why);
}
