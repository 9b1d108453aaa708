// Socket.IO over a WebSocket from the start (RFC 6455, sections 4.1 and 5).

#include <stdlib.h>

#include "base/base64.h"
#include "base/mem.h"
#include "bench/answer.h"
#include "bench/frame.h"
#include "bench/put.h"
#include "bench/transport.h"
#include "crypto/digest.h"

#define KEY_BYTES 16UL
#define KEY_LEN   BASE64_LEN(KEY_BYTES)
#define GUID      "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" // section 1.3

struct websocket {
    struct transport transport;
    struct link *link;
    struct job free;
    bool is_open;
    bool is_over; // nothing more is told to the owner
    char key[KEY_LEN];
    char why[TRANSPORT_WHY_SIZE];
};

static void end(struct websocket *w, const char *why)
{
    if (w->is_over)
        return;
    w->is_over = true;
    w->transport.how.events->on_end(w->transport.how.owner, why);
}

/** Section 4.1: it must have understood this very request. */
static bool is_accepted(const struct websocket *w, str accept)
{
    char text[KEY_LEN + sizeof(GUID) - 1];
    char want[BASE64_LEN(CRYPTO_SHA1_SIZE)];
    uint8_t digest[CRYPTO_SHA1_SIZE];

    str_copy(text, (str){w->key, KEY_LEN});
    str_copy(text + KEY_LEN, STR(GUID));
    crypto_sha1(digest, (str){text, sizeof(text)});
    base64_encode(want, (str){(const char *)digest, sizeof(digest)});
    return str_eq(accept, (str){want, sizeof(want)});
}

static size_t take_answer(struct websocket *w, char *bytes, size_t n)
{
    struct answer a;
    size_t used = 0;

    const int r = answer_read(&a, &used, bytes, n);
    if (r == ANSWER_MORE)
        return 0;
    if (r != 0) {
        end(w, "the server does not speak HTTP/1.1");
        return n;
    }
    if (a.status != 101) {
        end(w, transport_why_answer(w->why, &a));
        return n;
    }
    if (!is_accepted(w, a.accept)) {
        end(w, "the server accepted another WebSocket than this one");
        return n;
    }
    w->is_open = true;
    return used;
}

static void send_frame(struct websocket *w, enum frame_opcode opcode, str payload)
{
    frame_write(link_out(w->link), opcode, (uint32_t)prng_next(w->transport.how.prng), payload);
}

static void take_frame(struct websocket *w, const struct frame *f)
{
    switch (f->opcode) {
    case FRAME_TEXT:
        w->transport.how.events->on_packet(w->transport.how.owner, f->payload, f->len);
        return;
    case FRAME_PING: send_frame(w, FRAME_PONG, (str){f->payload, f->len}); return;
    case FRAME_PONG: return;
    case FRAME_CLOSE: end(w, "the server closed the WebSocket"); return;
    case FRAME_BINARY: end(w, "the server sent a binary message"); return;
    }
}

static size_t on_bytes(void *owner, char *bytes, size_t n)
{
    struct websocket *w = owner;
    size_t used = 0;

    if (!w->is_open) {
        used = take_answer(w, bytes, n);
        if (!w->is_open)
            return used;
    }
    while (used < n && !w->is_over) {
        struct frame f;
        size_t one = 0;
        const int r = frame_read(&f, &one, bytes + used, n - used);
        if (r == FRAME_MORE)
            return used;
        if (r != 0) {
            end(w, "the server sent what is no WebSocket frame");
            return n;
        }
        used += one;
        take_frame(w, &f);
    }
    return used;
}

static void on_end(void *owner, const char *why)
{
    end(owner, why);
}

static const struct link_events link_events = {.on_bytes = on_bytes, .on_end = on_end};

static void put_request(struct websocket *w)
{
    const struct target *to = w->transport.how.target;
    struct buf *out = link_out(w->link);
    const uint64_t chance[] = {prng_next(w->transport.how.prng),
                               prng_next(w->transport.how.prng)};

    static_assert(sizeof(chance) == KEY_BYTES, "section 4.1");
    base64_encode(w->key, (str){(const char *)chance, sizeof(chance)});
    put(out, STR("GET "));
    put(out, to->path);
    put(out, STR("?EIO=4&transport=websocket HTTP/1.1\r\nHost: "));
    put(out, to->host);
    put(out, STR("\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "));
    put(out, (str){w->key, sizeof(w->key)});
    put(out, STR("\r\n\r\n"));
}

static struct transport *websocket_open(const struct transport_open *how)
{
    struct websocket *w = NEW(struct websocket);

    w->transport = (struct transport){.ops = &transport_websocket, .how = *how};
    w->link = link_open(how->net, &how->target->address, &link_events, w);
    put_request(w);
    return &w->transport;
}

static void websocket_send(struct transport *t, str packet)
{
    send_frame(container_of(t, struct websocket, transport), FRAME_TEXT, packet);
}

static void free_later(struct job *job)
{
    free(container_of(job, struct websocket, free));
}

static void websocket_close(struct transport *t)
{
    struct websocket *w = container_of(t, struct websocket, transport);

    w->is_over = true;
    link_close(w->link);
    job_push(net_later(t->how.net), &w->free, free_later);
}

const struct transport_ops transport_websocket = {
    .open = websocket_open,
    .send = websocket_send,
    .close = websocket_close,
};
