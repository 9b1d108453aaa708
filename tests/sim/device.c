/**
 * A device: what the stock Socket.IO client and an application do that keeps its messages and
 * its cursor, sends again under the same key what has no answer, and acknowledges what it has
 * kept; soon, late, in another order, or never.
 */
#include "json/json.h"
#include "support/masked_frame.h"

#include "sim.h"

#define FRAME_MAX  (1 << 20)
#define SILENCE_MS 6000 // without a ping the connection is dead
#define LAZIEST    8

static void write_text(struct sim_device *d, str text)
{
    struct buf all;

    buf_init(&all, FRAME_MAX);
    masked_frame(&all, WS_TEXT, text);
    sim_link_write(d->link, buf_str(&all));
    buf_fini(&all);
}

PRINTF_LIKE(2, 3) static void write_packet(struct sim_device *d, const char *fmt, ...)
{
    char text[2048];
    va_list ap;

    va_start(ap, fmt);
    const int n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    assert(n > 0 && (size_t)n < sizeof(text));
    write_text(d, (str){text, (size_t)n});
}

// Its connection.

static void act_later(struct sim_device *d, int64_t ms)
{
    timer_set(&d->sim->timers, &d->act, d->sim->timers.now_ms + ms);
}

/** What had no answer on this connection is sent again on another. */
static void forget_connection(struct sim_device *d)
{
    for (size_t i = 0; i < d->n_asked; i++) {
        if (d->asked[i] < 0)
            continue;
        d->sim->truth.sends[d->asked[i]].n_unknown++;
        d->sim->counters.unknown++;
    }
    timer_cancel(&d->sim->timers, &d->watchdog);
    buf_clear(&d->in);
    d->state = SIM_DEVICE_OFF;
    d->link = NULL;
    d->is_upgraded = false;
    d->n_asked = d->n_to_ack = 0;
    memset(d->last_seq, 0, sizeof(d->last_seq));
    memset(d->heard, 0, sizeof(d->heard));
}

void sim_device_on_end(struct sim_device *d)
{
    sim_note(d->sim, "device %u: its connection is over", d->number);
    forget_connection(d);
    act_later(d, sim_between(d->sim, 1, 500));
}

static void leave(struct sim_device *d)
{
    struct sim_link *l = d->link;

    sim_note(d->sim, "device %u leaves", d->number);
    forget_connection(d);
    sim_link_close(l);
}

static void on_silence(struct timer *t)
{
    struct sim_device *d = container_of(t, struct sim_device, watchdog);

    leave(d);
    act_later(d, 1);
}

static void hear(struct sim_device *d)
{
    timer_set(&d->sim->timers, &d->watchdog, d->sim->timers.now_ms + SILENCE_MS);
}

static void connect(struct sim_device *d)
{
    struct sim *sim = d->sim;
    const unsigned node = (unsigned)sim_below(sim, sim->config.n_nodes);

    d->link = sim_link_new(d, node);
    if (!d->link) {
        act_later(d, sim_between(sim, 10, 300));
        return;
    }
    sim_note(sim, "device %u connects to node %u with %s", d->number, node, d->cursor);
    d->state = SIM_DEVICE_OPENING;
    hear(d);
    sim_link_write(d->link,
                   STR("GET /engine.io/?EIO=4&transport=websocket HTTP/1.1\r\n"
                       "Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                       "Sec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"));
}

static void join(struct sim_device *d)
{
    struct sim *sim = d->sim;
    const struct auth_mint m = {
        .now_ms = clock_unix_ms(&sim->clock),
        .ttl_ms = 3600000,
        .session = STR("tab-1"),
        .account = sim_account(d->wallet),
    };

    buf_clear(&sim->text);
    auth_mint(&sim->text, &sim->keyring.signer, &m);
    d->state = SIM_DEVICE_JOINING;
    d->joined_ms = sim->timers.now_ms;
    write_packet(d, "40{\"token\":\"" STR_FMT "\"%s%s%s}", STR_ARG(buf_str(&sim->text)),
                 d->cursor[0] ? ",\"cursor\":\"" : "", d->cursor, d->cursor[0] ? "\"" : "");
}

// What it asks for.

static unsigned ask(struct sim_device *d, int64_t send)
{
    assert(d->n_asked < COUNT_OF(d->asked));
    d->asked[d->n_asked] = send;
    return (unsigned)d->n_asked++;
}

static void send_again(struct sim_device *d, unsigned number)
{
    struct sim_send *s = &d->sim->truth.sends[number];
    char key[SIM_KEY_SIZE];

    truth_key(number, key);
    s->n_attempts++;
    write_packet(d,
                 "42%u[\"message.send\",{\"to\":\"%s\",\"type\":\"text\",\"content\":\"%s\","
                 "\"client_msg_id\":\"%s\"}]",
                 ask(d, number), sim_address(s->to), key, key);
}

static unsigned some_peer(struct sim_device *d)
{
    const unsigned n = SIM_WALLETS;
    return (d->wallet + 1 + (unsigned)sim_below(d->sim, n - 1)) % n;
}

static void send_new(struct sim_device *d)
{
    if (d->n_outbox >= SIM_TOGETHER)
        return;
    const unsigned number = truth_new_send(d->sim, d, some_peer(d));
    d->outbox[d->n_outbox++] = number;
    d->sim->counters.sent++;
    send_again(d, number);
}

static uint64_t last_kept(const struct sim_device *d, unsigned peer)
{
    uint64_t seq = SIM_SEQS - 1;

    while (seq > 0 && !d->kept[peer][seq])
        seq--;
    return seq;
}

/** It says of itself that it keeps, or has read, all up to a message. */
static void mark(struct sim_device *d)
{
    const unsigned peer = some_peer(d);
    const uint64_t seq = last_kept(d, peer);
    uint64_t *said = &d->sim->truth.said[d->wallet][peer];

    if (seq == 0)
        return;
    if (seq > *said)
        *said = seq;
    write_packet(d, "42%u[\"message.%s\",{\"peer\":\"%s\",\"seq\":%llu}]", ask(d, -1),
                 sim_one_in(d->sim, 2) ? "read" : "delivered", sim_address(peer),
                 (unsigned long long)seq);
}

/** What it wants of a peer. Mostly a block is over soon. */
static void want(struct sim_device *d)
{
    static const char *const wishes[] = {"accept", "block", "unblock", "unblock"};

    write_packet(d, "42%u[\"conversation.%s\",{\"peer\":\"%s\"}]", ask(d, -1),
                 wishes[sim_below(d->sim, COUNT_OF(wishes))], sim_address(some_peer(d)));
}

static void acknowledge(struct sim_device *d, size_t i)
{
    const struct sim_to_ack a = d->to_ack[i];

    d->n_to_ack--;
    memmove(&d->to_ack[i], &d->to_ack[i + 1], (d->n_to_ack - i) * sizeof(a));
    if (a.from_peer)
        d->sim->truth.acked[d->wallet][a.peer][a.seq] = true;
    write_packet(d, "43%lld[]", (long long)a.id);
}

static void acknowledge_some(struct sim_device *d)
{
    struct sim *sim = d->sim;

    for (uint64_t n = 1 + sim_below(sim, 16); n > 0 && d->n_to_ack > 0; n--)
        acknowledge(d, sim_one_in(sim, 4) ? (size_t)sim_below(sim, d->n_to_ack) : 0);
}

// What it does by itself.

static void forget_to_acknowledge(struct sim_device *d)
{
    if (d->n_to_ack > 0)
        d->n_to_ack--; // the last one, for good
}

/** Its network is another one: the node has the old connection until no pong comes. */
static void move(struct sim_device *d)
{
    d->link->is_black = true;
    leave(d);
    act_later(d, sim_between(d->sim, 1, 200));
}

static void act_busily(struct sim_device *d)
{
    if (d->sim->limits && sim_one_in(d->sim, 60)) {
        move(d);
        return;
    }
    switch (sim_below(d->sim, 60)) {
    case 0: leave(d); break;
    case 1: mark(d); break;
    case 2: forget_to_acknowledge(d); break;
    case 3: want(d); break;
    case 4: d->laziness = (unsigned)sim_below(d->sim, LAZIEST); break;
    default:
        if (sim_below(d->sim, LAZIEST) < d->laziness) {
            send_new(d);
        } else {
            acknowledge_some(d);
        }
        break;
    }
}

static void on_act(struct timer *t)
{
    struct sim_device *d = container_of(t, struct sim_device, act);
    struct sim *sim = d->sim;

    if (d->state == SIM_DEVICE_OFF) {
        connect(d);
    } else if (d->state == SIM_DEVICE_ON && sim->is_calm) {
        while (d->n_to_ack > 0)
            acknowledge(d, 0);
    } else if (d->state == SIM_DEVICE_ON) {
        act_busily(d);
    }
    if (!timer_is_set(&d->act))
        act_later(d, sim_between(sim, 1, sim->is_calm ? 100 : sim->config.act_ms));
}

// What it is told.

static uint64_t number_at(const struct json *j, const char *name)
{
    int64_t n = 0;

    return json_integer_of(json_member(j, name), &n) && n > 0 ? (uint64_t)n : 0;
}

static str text_at(const struct json *j, const char *name)
{
    return json_text(json_member(j, name));
}

/** A message, from an event or an answer: it is kept. */
static unsigned keep(struct sim_device *d, const struct json *m)
{
    const unsigned peer = sim_wallet(d->sim, text_at(m, "peer"));
    const uint64_t seq = number_at(m, "seq");

    if (seq == 0 || seq >= SIM_SEQS)
        sim_fail(d->sim, "device %u: a message has no seq", d->number);
    truth_on_message(d->sim, d, peer, seq, text_at(m, "content"));
    d->kept[peer][seq] = true;
    return peer;
}

static void on_message(struct sim_device *d, const struct json *m, int64_t id)
{
    struct sim *sim = d->sim;
    const uint64_t seq = number_at(m, "seq");
    const unsigned peer = keep(d, m);

    sim_note(sim, "device %u gets %u:%u", d->number, peer, (unsigned)seq);
    if (seq <= d->last_seq[peer]) {
        sim_fail(sim, "device %u: seq %u of %u after %u, on one connection", d->number,
                 (unsigned)seq, peer, (unsigned)d->last_seq[peer]);
    }
    d->last_seq[peer] = seq;
    truth_on_cursor(sim, d, text_at(m, "cursor"), false);
    if (id < 0 || d->n_to_ack == COUNT_OF(d->to_ack))
        sim_fail(sim, "device %u: there is nothing to acknowledge", d->number);
    d->to_ack[d->n_to_ack++] =
        (struct sim_to_ack){id, peer, seq, sim_wallet(sim, text_at(m, "from")) == peer};
}

static void on_mark(struct sim_device *d, const struct json *r, enum chat_mark mark)
{
    const unsigned peer = sim_wallet(d->sim, text_at(r, "peer"));
    const bool by_peer = sim_wallet(d->sim, text_at(r, "by")) == peer;

    sim_note(d->sim, "device %u hears of %s mark %d, %u of %u, cursor " STR_FMT, d->number,
             by_peer ? "its" : "a", (int)mark, (unsigned)number_at(r, "seq"), peer,
             STR_ARG(text_at(r, "cursor")));
    truth_on_mark(d->sim, d, peer, by_peer, mark, number_at(r, "seq"));
    truth_on_cursor(d->sim, d, text_at(r, "cursor"), false);
}

static void on_change(struct sim_device *d, const struct json *data)
{
    const struct json *conversation = json_member(data, "conversation");
    const unsigned peer = sim_wallet(d->sim, text_at(conversation, "peer"));

    d->blocks[peer] = json_is_true(json_member(conversation, "blocked"));
    sim_note(d->sim, "device %u hears that it %s %u", d->number,
             d->blocks[peer] ? "blocks" : "does not block", peer);
    truth_on_cursor(d->sim, d, text_at(data, "cursor"), false);
}

/** Where it was one too many, it comes back for its user, who wants it again. */
static void on_error(struct sim_device *d, str code)
{
    sim_note(d->sim, "device %u: error " STR_FMT, d->number, STR_ARG(code));
    if (!str_eq(code, STR("too_many_sockets")))
        return;
    truth_on_too_many(d->sim, d);
    leave(d);
    act_later(d, sim_between(d->sim, 1, 500));
}

static void on_event(struct sim_device *d, const struct json *all, int64_t id)
{
    const str name = json_text(json_item(all, 0));
    const struct json *data = json_item(all, 1);

    if (str_eq(name, STR("message.new"))) {
        on_message(d, data, id);
    } else if (str_eq(name, STR("message.delivered"))) {
        on_mark(d, data, CHAT_MARK_DELIVERED);
    } else if (str_eq(name, STR("message.read"))) {
        on_mark(d, data, CHAT_MARK_READ);
    } else if (str_eq(name, STR("conversation.changed"))) {
        on_change(d, data);
    } else if (str_eq(name, STR("synced"))) {
        truth_on_cursor(d->sim, d, text_at(data, "cursor"), true);
    } else if (str_eq(name, STR("ready"))) {
        d->state = SIM_DEVICE_ON;
        for (size_t i = 0; i < d->n_outbox; i++)
            send_again(d, d->outbox[i]);
    } else if (str_eq(name, STR("error"))) {
        on_error(d, text_at(json_member(data, "error"), "code"));
    } else if (!str_eq(name, STR("warning"))) {
        sim_fail(d->sim, "device %u: an event that it does not know: " STR_FMT, d->number,
                 STR_ARG(name));
    }
}

static void take_out(struct sim_device *d, unsigned number)
{
    for (size_t i = 0; i < d->n_outbox; i++) {
        if (d->outbox[i] != number)
            continue;
        d->n_outbox--;
        memmove(&d->outbox[i], &d->outbox[i + 1], (d->n_outbox - i) * sizeof(d->outbox[0]));
        return;
    }
}

static void on_refused(struct sim_device *d, unsigned number, str code)
{
    struct sim *sim = d->sim;

    const bool is_final = str_eq(code, STR("forbidden")); // it has blocked the recipient

    if (!is_final && !str_eq(code, STR("storage_unavailable")) && !str_eq(code, STR("busy")))
        sim_fail(sim, "device %u: refused with " STR_FMT, d->number, STR_ARG(code));
    sim->counters.refused++;
    if (is_final || (!sim->is_calm && sim_one_in(sim, 2))) {
        take_out(d, number);
        truth_on_refused(sim, number);
    } else {
        send_again(d, number);
    }
}

static void on_answer(struct sim_device *d, const struct json *all, int64_t id)
{
    const struct json *body = json_item(all, 0);
    const struct json *m = json_member(body, "message");

    if (id < 0 || (size_t)id >= d->n_asked)
        sim_fail(d->sim, "device %u: an answer to nothing", d->number);
    const int64_t number = d->asked[id];
    d->asked[id] = -1;
    if (number < 0)
        return;
    if (!str_eq(text_at(body, "status"), STR("ok"))) {
        on_refused(d, (unsigned)number, text_at(json_member(body, "error"), "code"));
        return;
    }
    take_out(d, (unsigned)number);
    truth_on_ok(d->sim, d, (unsigned)number, number_at(m, "seq"), text_at(m, "content"));
    keep(d, m);
}

/** It may not join. A clock that was set may have made its token one of the future. */
static void on_refusal(struct sim_device *d, const struct json *refusal)
{
    const str code = text_at(json_member(refusal, "data"), "code");

    if (!str_eq(code, STR("token_invalid")) || d->sim->counters.clocks == 0)
        sim_fail(d->sim, "device %u may not join: " STR_FMT, d->number, STR_ARG(code));
    leave(d);
}

/** A Socket.IO packet. */
static void on_packet(struct sim_device *d, str packet)
{
    CLEANUP(json_freep) struct json *json = NULL;
    int64_t id = -1;

    if (packet.len == 0)
        sim_fail(d->sim, "device %u: an empty packet", d->number);
    const char type = *str_take(&packet, 1).ptr;
    while (packet.len > 0 && packet.ptr[0] >= '0' && packet.ptr[0] <= '9')
        id = (id < 0 ? 0 : id) * 10 + (*str_take(&packet, 1).ptr - '0');
    if (packet.len > 0) {
        CLEANUP(exact_freep) char *copy = exact_copy(packet);
        if (json_parse(&json, copy, packet.len) != 0)
            sim_fail(d->sim, "device %u: no JSON", d->number);
    }
    switch (type) {
    case '0': // joined
    case '1': // the connection ends next
        break;
    case '4': on_refusal(d, json); break;
    case '2': on_event(d, json, id); break;
    case '3': on_answer(d, json, id); break;
    default:
        sim_fail(d->sim, "device %u: a packet of type %c: " STR_FMT, d->number, type,
                 STR_ARG(packet));
    }
}

/** A WebSocket's frame. */
static void on_frame(struct sim_device *d, unsigned opcode, str payload)
{
    if (opcode == WS_CLOSE)
        return; // the end comes next
    if (opcode != WS_TEXT || payload.len == 0)
        sim_fail(d->sim, "device %u: a frame of type %u", d->number, opcode);
    hear(d);
    const char type = *str_take(&payload, 1).ptr;
    switch (type) {
    case '0': join(d); break;
    case '1': break;
    case '2': write_text(d, STR("3")); break;
    case '4': on_packet(d, payload); break;
    default: sim_fail(d->sim, "device %u: an Engine.IO packet of type %c", d->number, type);
    }
}

/** @return whether there was a whole one */
static bool take_frame(struct sim_device *d)
{
    const str all = buf_str(&d->in);
    const uint8_t *p = (const uint8_t *)all.ptr;
    size_t n = 2;

    if (all.len < n)
        return false;
    uint64_t len = p[1];
    if (len >= 126) {
        const size_t more = len == 126 ? 2 : 8;
        if (all.len < n + more)
            return false;
        len = 0;
        for (size_t i = 0; i < more; i++)
            len = len << 8 | p[n + i];
        n += more;
    }
    if (all.len < n + len)
        return false;
    const unsigned opcode = p[0] & 0xf;
    buf_clear(&d->frame); // of what comes next, some may end the connection
    const int r = buf_add(&d->frame, (str){all.ptr + n, (size_t)len});
    assert(r == 0);
    (void)r;
    buf_consume(&d->in, n + (size_t)len);
    on_frame(d, opcode, buf_str(&d->frame));
    return true;
}

/** @return whether the answer to the upgrade has come */
static bool is_upgraded(struct sim_device *d)
{
    const str all = buf_str(&d->in);

    if (d->is_upgraded || all.len == 0)
        return d->is_upgraded;
    const char *end = memmem(all.ptr, all.len, "\r\n\r\n", 4);
    if (!end)
        return false;
    if (!str_starts(all, STR("HTTP/1.1 101 ")))
        return false; // it stops; the end comes next
    buf_consume(&d->in, (size_t)(end - all.ptr) + 4);
    d->is_upgraded = true;
    return true;
}

void sim_device_on_bytes(struct sim_device *d, str bytes)
{
    const struct sim_link *l = d->link;

    if (buf_add(&d->in, bytes) != 0)
        sim_fail(d->sim, "device %u: too much", d->number);
    while (d->link == l && is_upgraded(d) && take_frame(d))
        ;
}

void sim_device_come_again(struct sim_device *d)
{
    if (d->link)
        leave(d);
    act_later(d, 1);
}

bool sim_device_is_done(const struct sim_device *d)
{
    return d->state == SIM_DEVICE_ON && d->n_outbox == 0 && d->n_to_ack == 0;
}

void sim_device_init(struct sim *sim, unsigned i)
{
    struct sim_device *d = &sim->devices[i];

    *d = (struct sim_device){
        .sim = sim, .number = i, .wallet = i % SIM_WALLETS, .laziness = LAZIEST / 2};
    buf_init(&d->in, FRAME_MAX);
    buf_init(&d->frame, FRAME_MAX);
    timer_init(&d->act, on_act);
    timer_init(&d->watchdog, on_silence);
    act_later(d, sim_between(sim, 1, 1000));
}

void sim_device_fini(struct sim_device *d)
{
    if (d->link)
        sim_link_close(d->link);
    timer_cancel(&d->sim->timers, &d->act);
    timer_cancel(&d->sim->timers, &d->watchdog);
    buf_fini(&d->in);
    buf_fini(&d->frame);
}
