#include "ws/ws.h"

#include "base/fsm.h"
#include "base/mem.h"
#include "ws/reader.h"

// Life of a ws. Its owner lets go of it with ws_close() or ws_abort(), or it is told that
// all is over. In both cases the stream goes back first, and the memory is freed as a
// job, because a callback of ours, and the stream's, may still be on the stack.

enum {
    WS_OPEN,
    WS_CLOSING, // ws_close() was called: the peer's close frame is awaited, nobody is told
    WS_OVER,    // the stream is given back
};

#define TO(state) FSM_TO(WS_##state)
static const struct fsm_state states[] = {
    [WS_OPEN] = {"ws_open", TO(CLOSING) | TO(OVER)},
    [WS_CLOSING] = {"ws_closing", TO(OVER)},
    [WS_OVER] = {"ws_over", 0},
};
#undef TO

/** A closing handshake: once in a life, so not kept beside every idle one. */
struct ws_closing {
    struct timer timer;
    struct ws *ws;
};

struct ws {
    struct stream *stream; // owned, until over
    const struct ws_config *config;
    const struct ws_events *events;
    void *owner;
    struct fsm fsm;
    struct ws_reader reader;
    struct ws_closing *closing; // NULL until ws_close()
    struct job free;
    int64_t controls_since_ms; // when the window of n_controls began
    unsigned n_controls;
};

static_assert(sizeof(struct ws) <= 112, "an idle ws is small: there are many");

static void free_ws(struct job *job)
{
    struct ws *w = container_of(job, struct ws, free);

    free(w->closing);
    ws_reader_fini(&w->reader);
    fsm_fini(&w->fsm);
    free(w);
}

/** @param give_back  stream_close or stream_abort */
static void end(struct ws *w, void (*give_back)(struct stream *s))
{
    fsm_move(&w->fsm, WS_OVER);
    if (w->closing)
        timer_cancel(w->config->timers, &w->closing->timer);
    give_back(w->stream);
    job_push(w->config->later, &w->free, free_ws);
}

/** The end that the owner did not ask for, if it still is the owner's. */
static void end_and_tell(struct ws *w, void (*give_back)(struct stream *s), unsigned code)
{
    const bool has_owner = w->fsm.now == WS_OPEN;

    end(w, give_back);
    if (has_owner)
        w->events->on_closed(w->owner, code);
}

static int send_frame(struct ws *w, enum ws_opcode opcode, const str *parts, size_t n_parts)
{
    char header[WS_FRAME_OURS_MAX];
    size_t n = 0;

    for (size_t i = 0; i < n_parts; i++)
        n += parts[i].len;
    const size_t n_header = ws_frame_encode(header, opcode, n);
    char *out = stream_room(w->stream, n_header + n);
    if (!out)
        return STREAM_FULL;

    str_copy(out, (str){header, n_header});
    out += n_header;
    for (size_t i = 0; i < n_parts; i++) {
        str_copy(out, parts[i]);
        out += parts[i].len;
    }
    stream_added(w->stream, n_header + n);
    return 0;
}

/** Section 5.5.1. @return 0 or STREAM_FULL */
static int send_close(struct ws *w, unsigned code, str reason)
{
    const char code_be[2] = {(char)(code >> 8), (char)code};
    const str body[] = {{code_be, sizeof(code_be)}, reason};

    return send_frame(w, WS_CLOSE, body, code == WS_NO_CODE ? 0 : COUNT_OF(body));
}

static str reason_of(unsigned code)
{
    switch (code) {
    case WS_BAD_PAYLOAD: return STR("not UTF-8");
    case WS_POLICY: return STR("too many frames");
    case WS_TOO_BIG: return STR("message too big");
    default: return STR("protocol error");
    }
}

/** Close, for the peer's sake or by its wish. While closing, our close frame is out already. */
static void end_with(struct ws *w, unsigned code, str reason)
{
    const bool is_sent = w->fsm.now == WS_CLOSING || send_close(w, code, reason) == 0;

    end_and_tell(w, is_sent ? stream_close : stream_abort, code);
}

/**
 * The peer has broken a rule. Nothing more is read, not even its close frame: where the
 * next frame begins is no longer known (section 7.1.7).
 */
static void fail(struct ws *w, unsigned code)
{
    end_with(w, code, reason_of(code));
}

static bool is_flood(struct ws *w)
{
    const int64_t now_ms = w->config->timers->now_ms;

    if (now_ms - w->controls_since_ms >= WS_CONTROLS_MS) {
        w->controls_since_ms = now_ms;
        w->n_controls = 0;
    }
    return ++w->n_controls > WS_CONTROLS_MAX;
}

static void on_ping_or_pong(struct ws *w, const struct ws_item *item)
{
    if (is_flood(w)) {
        fail(w, WS_POLICY);
        return;
    }
    // Pongs that nobody asked for are allowed, and ask for nothing: section 5.5.3.
    const str payload = {item->bytes, item->n};
    if (item->opcode == WS_PING && send_frame(w, WS_PONG, &payload, 1))
        end_and_tell(w, stream_abort, WS_ABNORMAL);
}

static void take_item(struct ws *w, const struct ws_item *item)
{
    if (item->opcode == WS_CLOSE) {
        end_with(w, item->code, STR(""));
        return;
    }
    if (w->fsm.now == WS_CLOSING)
        return; // only the close frame is of interest now
    if (ws_opcode_is_control(item->opcode)) {
        on_ping_or_pong(w, item);
        return;
    }
    const enum ws_type type = item->opcode == WS_TEXT ? WS_TEXT_MESSAGE : WS_BINARY_MESSAGE;
    w->events->on_message(w->owner, type, item->bytes, item->n);
}

// NOLINTNEXTLINE(readability-non-const-parameter): the reader unmasks in place
static void on_bytes(void *owner, char *bytes, size_t n)
{
    struct ws *w = owner;
    struct ws_input in = {bytes, n};
    struct ws_item item;

    // Each item may end the ws, by what it is or by what the owner does with it.
    while (w->fsm.now != WS_OVER) {
        const int refusal = ws_reader_next(&w->reader, &in, &item);
        if (refusal == WS_READER_MORE)
            return;
        if (refusal) {
            fail(w, item.code);
            return;
        }
        take_item(w, &item);
    }
}

static void on_end(void *owner, enum stream_end how)
{
    end_and_tell(owner, how == STREAM_FIN ? stream_close : stream_abort, WS_ABNORMAL);
}

static void on_close_timeout(struct timer *t)
{
    end(container_of(t, struct ws_closing, timer)->ws, stream_abort);
}

static void wait_for_close(struct ws *w)
{
    struct timers *timers = w->config->timers;

    w->closing = NEW(struct ws_closing);
    w->closing->ws = w;
    timer_init(&w->closing->timer, on_close_timeout);
    timer_set(timers, &w->closing->timer, timers->now_ms + WS_CLOSE_TIMEOUT_MS);
}

static const struct stream_events stream_events = {.on_bytes = on_bytes, .on_end = on_end};

struct ws *ws_new(struct stream *s, const struct ws_config *config,
                  const struct ws_events *events, void *owner)
{
    struct ws *w = NEW(struct ws);

    w->stream = s;
    w->config = config;
    w->events = events;
    w->owner = owner;
    fsm_init(&w->fsm, states, WS_OPEN);
    ws_reader_init(&w->reader, config->max_message);
    stream_set_owner(s, &stream_events, w);
    return w;
}

void ws_set_owner(struct ws *w, const struct ws_events *events, void *owner)
{
    assert(w->fsm.now == WS_OPEN);
    w->events = events;
    w->owner = owner;
}

void ws_set_max_message(struct ws *w, size_t max_message)
{
    assert(w->fsm.now == WS_OPEN);
    ws_reader_set_max(&w->reader, max_message);
}

void ws_feed(struct ws *w, char *bytes, size_t n)
{
    on_bytes(w, bytes, n);
}

int ws_send(struct ws *w, enum ws_type type, const str *parts, size_t n_parts)
{
    assert(w->fsm.now == WS_OPEN);
    return send_frame(w, type == WS_TEXT_MESSAGE ? WS_TEXT : WS_BINARY, parts, n_parts);
}

size_t ws_queued(const struct ws *w)
{
    assert(w->fsm.now == WS_OPEN);
    return stream_queued(w->stream);
}

void ws_set_reading(struct ws *w, bool on)
{
    assert(w->fsm.now == WS_OPEN);
    stream_set_reading(w->stream, on);
}

void ws_close(struct ws *w, enum ws_code code, str reason)
{
    assert(w->fsm.now == WS_OPEN && code != WS_ABNORMAL);
    assert(reason.len <= WS_CONTROL_MAX - 2 && (code != WS_NO_CODE || reason.len == 0));

    if (send_close(w, code, reason)) {
        end(w, stream_abort);
        return;
    }
    fsm_move(&w->fsm, WS_CLOSING);
    wait_for_close(w);
}

void ws_abort(struct ws *w)
{
    assert(w->fsm.now == WS_OPEN);
    end(w, stream_abort);
}
