// Socket.IO over long-polling: one connection waits for what the server has to say, the other
// says what there is to say, one POST at a time. What is sent while a POST is under way goes
// with the next one.

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "bench/answer.h"
#include "bench/put.h"
#include "bench/transport.h"
#include "bench/wire.h"

#define SEPARATOR   '\x1e'
#define SID_SIZE    64
#define MAX_PAYLOAD 1000000 // bytes, where the server does not say
#define PENDING_MAX (SIZE_MAX / 2)

struct polling;

/** A connection of the two. */
struct lane {
    struct polling *polling;
    struct link *link; // NULL: to be opened with the next request
    void (*on_answer)(struct polling *p, const struct answer *a);
    bool is_waiting; // for an answer
};

struct polling {
    struct transport transport;
    struct lane get;
    struct lane post;
    struct buf pending;    // packets, with separators
    struct job post_later; // once a turn, so that what is sent in one goes together
    struct job free;
    size_t max_payload;
    bool is_over;
    char sid[SID_SIZE]; // empty before the open packet
    char why[TRANSPORT_WHY_SIZE];
};

static void end(struct polling *p, const char *why)
{
    if (p->is_over)
        return;
    p->is_over = true;
    p->transport.how.events->on_end(p->transport.how.owner, why);
}

static void drop_link(struct lane *lane)
{
    if (lane->link)
        link_close(lane->link);
    lane->link = NULL;
}

static size_t on_bytes(void *owner, char *bytes, size_t n)
{
    struct lane *lane = owner;
    struct polling *p = lane->polling;
    struct answer a;
    size_t used = 0;

    const int r = answer_read(&a, &used, bytes, n);
    if (r == ANSWER_MORE)
        return 0;
    if (r != 0 || !lane->is_waiting) {
        end(p, "the server does not speak HTTP/1.1");
        return n;
    }
    if (a.status != 200) {
        end(p, transport_why_answer(p->why, &a));
        return n;
    }
    lane->is_waiting = false;
    if (a.is_close)
        drop_link(lane);
    lane->on_answer(p, &a);
    return used;
}

/** A connection that is not in use may go at any time; the next request makes another. */
static void on_link_end(void *owner, const char *why)
{
    struct lane *lane = owner;

    if (lane->is_waiting) {
        end(lane->polling, why);
    } else {
        drop_link(lane);
    }
}

static const struct link_events link_events = {.on_bytes = on_bytes, .on_end = on_link_end};

static struct buf *begin_request(struct lane *lane, str method)
{
    struct polling *p = lane->polling;
    const struct transport_open *how = &p->transport.how;

    assert(!lane->is_waiting);
    lane->is_waiting = true;
    if (!lane->link)
        lane->link = link_open(how->net, &how->target->address, &link_events, lane);
    struct buf *out = link_out(lane->link);
    put(out, method);
    put(out, how->target->path);
    put(out, STR("?EIO=4&transport=polling"));
    if (p->sid[0]) {
        put(out, STR("&sid="));
        put(out, str_of(p->sid));
    }
    put(out, STR(" HTTP/1.1\r\nHost: "));
    put(out, how->target->host);
    return out;
}

static void poll_again(struct polling *p)
{
    put(begin_request(&p->get, STR("GET ")), STR("\r\n\r\n"));
}

/** As many whole packets as one POST may hold: one at least. */
static size_t next_post(const struct polling *p)
{
    const str all = buf_str(&p->pending);

    if (all.len <= p->max_payload)
        return all.len;
    const char *cut = memrchr(all.ptr, SEPARATOR, p->max_payload);
    return cut ? (size_t)(cut - all.ptr) : str_find(all, SEPARATOR);
}

static void post(struct polling *p)
{
    if (p->post.is_waiting || p->pending.len == 0 || !p->sid[0] || p->is_over)
        return;
    const size_t n = next_post(p);
    struct buf *out = begin_request(&p->post, STR("POST "));
    char length[32];

    put(out, STR("\r\nContent-Type: text/plain;charset=UTF-8\r\nContent-Length: "));
    (void)snprintf(length, sizeof(length), "%zu\r\n\r\n", n);
    put(out, str_of(length));
    str pending = buf_str(&p->pending);
    put(out, str_take(&pending, n));
    buf_consume(&p->pending, n < p->pending.len ? n + 1 : n); // and its separator
}

static void on_posted(struct polling *p, const struct answer *a)
{
    (void)a;
    post(p);
}

/** The first packet says who we are from now on. */
static void learn(struct polling *p, str open)
{
    const str sid = wire_member(open, STR("\"sid\":"));
    uint64_t max = 0;

    if (!str_starts(open, STR("0")) || sid.len == 0 || sid.len >= SID_SIZE) {
        end(p, "the server opened no Engine.IO session");
        return;
    }
    str_copy(p->sid, sid);
    if (str_to_u64(wire_member(open, STR("\"maxPayload\":")), PENDING_MAX, &max) == 0 &&
        max > 0)
        p->max_payload = (size_t)max;
}

static void on_polled(struct polling *p, const struct answer *a)
{
    str rest = {a->body, a->body_len};

    if (!p->sid[0])
        learn(p, rest);
    // Before the packets: what they are answered with may close this.
    if (!p->is_over)
        poll_again(p);
    while (rest.len > 0 && !p->is_over) {
        const str packet = str_take_until(&rest, SEPARATOR);
        p->transport.how.events->on_packet(p->transport.how.owner,
                                           a->body + (packet.ptr - a->body), packet.len);
    }
    post(p); // what had to wait for the session's name
}

static void init_lane(struct lane *lane, struct polling *p,
                      void (*on_answer)(struct polling *p, const struct answer *a))
{
    lane->polling = p;
    lane->on_answer = on_answer;
}

static struct transport *polling_open(const struct transport_open *how)
{
    struct polling *p = NEW(struct polling);

    p->transport = (struct transport){.ops = &transport_polling, .how = *how};
    p->max_payload = MAX_PAYLOAD;
    buf_init(&p->pending, PENDING_MAX);
    init_lane(&p->get, p, on_polled);
    init_lane(&p->post, p, on_posted);
    poll_again(p);
    return &p->transport;
}

static void post_now(struct job *job)
{
    post(container_of(job, struct polling, post_later));
}

static void polling_send(struct transport *t, str packet)
{
    struct polling *p = container_of(t, struct polling, transport);
    static const char separator = SEPARATOR;

    if (p->pending.len > 0)
        put(&p->pending, (str){&separator, 1});
    put(&p->pending, packet);
    job_push(net_later(t->how.net), &p->post_later, post_now);
}

static void free_later(struct job *job)
{
    struct polling *p = container_of(job, struct polling, free);

    buf_fini(&p->pending);
    free(p);
}

static void polling_close(struct transport *t)
{
    struct polling *p = container_of(t, struct polling, transport);

    p->is_over = true;
    drop_link(&p->get);
    drop_link(&p->post);
    job_push(net_later(t->how.net), &p->free, free_later);
}

const struct transport_ops transport_polling = {
    .open = polling_open,
    .send = polling_send,
    .close = polling_close,
};
