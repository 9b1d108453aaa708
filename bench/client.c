#include "bench/client.h"

#include <stdlib.h>

#include "base/mem.h"
#include "bench/put.h"

#define RETRY_MIN_MS 100
#define RETRY_MAX_MS 1000

static struct buf *scratch(struct client *c)
{
    buf_clear(&c->crowd->scratch);
    return &c->crowd->scratch;
}

static void put_on_wire(struct client *c, uint32_t slot)
{
    const struct client_slot *s = &c->slots[slot];
    const struct wire_send send = {
        .mark = {.from = c->i, .to = flow_to(s->flow), .n = s->n},
        .ack_id = slot,
        .chance = (const uint8_t *)s->chance,
    };
    struct buf *packet = scratch(c);

    static_assert(sizeof(s->chance) == 16, "of a UUID");
    wire_put_send(c->crowd->wire, packet, &send);
    session_send(c->session, buf_str(packet));
}

/** Not before the first send: of ten thousand idle clients none needs any. */
static void make_slots(struct client *c)
{
    c->slots = mem_alloc(c->crowd->n_slots * sizeof(*c->slots));
    for (uint32_t i = 0; i < c->crowd->n_slots; i++)
        c->slots[i].next_free = i + 1;
}

void client_send(struct client *c, uint32_t to, int64_t planned_us)
{
    struct crowd *crowd = c->crowd;

    assert(client_has_room(c, crowd->n_slots));
    if (!c->slots)
        make_slots(c);
    const uint32_t slot = c->first_free;
    c->first_free = c->slots[slot].next_free;
    struct flow *flow = ledger_flow(crowd->ledger, c->i, to);
    c->slots[slot] = (struct client_slot){
        .flow = flow,
        .n = ledger_sent(crowd->ledger, flow, planned_us),
        .order = c->order++,
        .planned_us = planned_us,
        .chance = {prng_next(&crowd->prng), prng_next(&crowd->prng)},
    };
    c->n_taken++;
    crowd->n_under_way++;
    measure_sent(&crowd->measure, planned_us);
    put_on_wire(c, slot);
}

void client_ask(struct client *c, uint32_t peer)
{
    struct buf *packet = scratch(c);

    wire_put_history(c->crowd->wire, packet, c->crowd->n_slots, peer);
    session_send(c->session, buf_str(packet));
}

static void on_answer(struct client *c, const struct wire_packet *p)
{
    struct crowd *crowd = c->crowd;

    if (p->ack_id == crowd->n_slots && !p->is_ok) {
        crowd->events->on_page(crowd->owner, c, 0);
        return;
    }
    if (p->ack_id >= crowd->n_slots || !c->slots || !c->slots[p->ack_id].flow) {
        measure_error(&crowd->measure, STR("answer_to_nothing"));
        return;
    }
    struct client_slot *s = &c->slots[p->ack_id];
    if (p->is_ok) {
        measure_acked(&crowd->measure, s->planned_us, net_now_us());
        ledger_acked(crowd->ledger, s->flow, s->n, p->seq);
    } else {
        measure_refused(&crowd->measure, p->code);
        ledger_refused(crowd->ledger, s->flow, s->n);
        crowd->events->on_refused(crowd->owner, c);
    }
    s->flow = NULL;
    s->next_free = c->first_free;
    c->first_free = (uint32_t)p->ack_id;
    c->n_taken--;
    crowd->n_under_way--;
    crowd->events->on_room(crowd->owner, c);
}

static void send_read(struct job *job)
{
    struct client *c = container_of(job, struct client, read_later);

    if (!c->session || c->read_seq == 0)
        return;
    struct buf *packet = scratch(c);
    wire_put_read(c->crowd->wire, packet, c->read_peer, c->read_seq);
    session_send(c->session, buf_str(packet));
    c->read_seq = 0;
}

static void read_later(struct client *c, uint32_t peer, int64_t seq)
{
    if (c->read_seq != 0 && c->read_peer != peer)
        send_read(&c->read_later);
    c->read_peer = peer;
    c->read_seq = seq;
    job_push(net_later(c->crowd->net), &c->read_later, send_read);
}

static void on_message(struct client *c, const struct wire_packet *p)
{
    struct crowd *crowd = c->crowd;
    struct wire_mark mark;
    int64_t planned_us = 0;

    struct buf *ack = scratch(c);
    wire_put_ack(ack, p->ack_id);
    session_send(c->session, buf_str(ack));
    const bool is_read = wire_read_content(crowd->wire, &mark, p->content) == 0;
    if (is_read && mark.from == c->i) {
        crowd->measure.n_echoed++;
        return;
    }
    if (!is_read || mark.to != c->i) {
        ledger_arrived_unsent(crowd->ledger);
        return;
    }
    const struct arrival arrival = {
        .from = mark.from, .to = c->i, .n = mark.n, .socket = c->socket, .seq = p->seq};
    if (ledger_arrived(crowd->ledger, &arrival, &planned_us))
        measure_delivered(&crowd->measure, planned_us, net_now_us());
    if (crowd->has_receipts)
        read_later(c, mark.from, p->seq);
}

static int by_order(const void *a, const void *b)
{
    const struct client_slot *const *one = a;
    const struct client_slot *const *other = b;

    return (*one)->order < (*other)->order ? -1 : (*one)->order > (*other)->order;
}

/** What the last connection left unanswered, in the order in which it was sent. */
static void repeat(struct client *c)
{
    const struct client_slot **open;
    uint32_t n = 0;

    if (c->n_taken == 0)
        return;
    open = mem_alloc(c->n_taken * sizeof(struct client_slot *));
    for (uint32_t i = 0; i < c->crowd->n_slots; i++) {
        if (c->slots[i].flow)
            open[n++] = &c->slots[i];
    }
    qsort(open, n, sizeof(struct client_slot *), by_order);
    for (uint32_t i = 0; i < n; i++)
        put_on_wire(c, (uint32_t)(open[i] - c->slots));
    c->crowd->measure.n_repeats += n;
    free(open);
}

static void on_synced(struct client *c)
{
    c->is_ready = true;
    repeat(c);
    c->crowd->events->on_ready(c->crowd->owner, c);
}

static void on_packet(void *owner, str text)
{
    struct client *c = owner;
    struct wire_packet p;

    if (wire_read(&p, text) != 0) {
        session_give_up(c->session, "the server sent what the protocol does not have");
        return;
    }
    switch (p.kind) {
    case WIRE_ANSWER: on_answer(c, &p); return;
    case WIRE_PAGE: c->crowd->events->on_page(c->crowd->owner, c, p.n_messages); return;
    case WIRE_MESSAGE: on_message(c, &p); return;
    case WIRE_SYNCED: on_synced(c); return;
    case WIRE_ERROR: measure_error(&c->crowd->measure, p.code); return;
    case WIRE_OTHER: return;
    }
}

static void on_end(void *owner, enum session_end end, const char *why)
{
    struct client *c = owner;
    struct timers *timers = c->crowd->timers;

    c->is_ready = false;
    c->read_seq = 0;
    c->crowd->events->on_end(c->crowd->owner, c, end, why);
    session_close(c->session);
    c->session = NULL;
    if (end == SESSION_REFUSED)
        return;
    const uint32_t wait_ms =
        RETRY_MIN_MS + prng_below(&c->crowd->prng, RETRY_MAX_MS - RETRY_MIN_MS);
    timer_set(timers, &c->retry, timers->now_ms + wait_ms);
}

static const struct session_events session_events = {
    .on_packet = on_packet,
    .on_end = on_end,
};

void client_connect(struct client *c)
{
    const struct session_open how = {
        .net = c->crowd->net,
        .transport = c->crowd->transport,
        .target = c->target,
        .prng = &c->crowd->prng,
        .token = c->token,
        .events = &session_events,
        .owner = c,
    };

    c->session = session_open(&how);
}

static void on_retry(struct timer *timer)
{
    struct client *c = container_of(timer, struct client, retry);

    c->socket++;
    c->crowd->measure.n_reconnects++;
    client_connect(c);
}

void client_pause(struct client *c, int64_t ms)
{
    struct timers *timers = c->crowd->timers;

    timer_set(timers, &c->pause, timers->now_ms + ms);
}

static void on_pause_over(struct timer *timer)
{
    struct client *c = container_of(timer, struct client, pause);

    c->crowd->events->on_room(c->crowd->owner, c);
}

void client_init(struct client *c, struct crowd *crowd, uint32_t i, const struct target *target,
                 str token)
{
    *c = (struct client){.crowd = crowd, .i = i, .target = target, .token = token};
    timer_init(&c->retry, on_retry);
    timer_init(&c->pause, on_pause_over);
}

void client_fini(struct client *c)
{
    timer_cancel(c->crowd->timers, &c->retry);
    timer_cancel(c->crowd->timers, &c->pause);
    if (c->session)
        session_close(c->session);
    c->session = NULL;
    free(c->slots);
}
