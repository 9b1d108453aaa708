/**
 * What a message costs: a whole node on a store in memory, and wallets that write to each
 * other, for callgrind to count what the node does. Nothing is by chance, so the count is the
 * same each time.
 *
 * A turn is what a turn of the loop is under load: some connections have a few frames each,
 * which come in one piece; what the node does about them, it does before it writes; and each
 * connection is written to once. tools/check-cost runs it, and reads the count.
 */
#include <stdio.h>

#include "auth/account.h"
#include "bench/frame.h"
#include "bench/prng.h"
#include "bench/put.h"
#include "bench/wire.h"
#include "bus/local.h"
#include "store/mem.h"
#include "support/mem_stream.h"
#include "support/seeded.h"
#include "support/whole_node.h"

#define N_WALLETS    40
#define N_PEERS      10 // that each writes to: a conversation per ten messages
#define N_AT_ONCE    8  // connections that have something to say in the same turn
#define N_SENDS      2  // of one of these
#define N_MESSAGES   2000
#define CONTENT      200 // bytes
#define QUEUED_MAX   (1 << 20)
#define UNIX_MS      INT64_C(1700000000000)
#define TURN_MS      1
#define HEARTBEAT_MS 3600000

struct wallet {
    struct world *world;
    uint32_t i;
    struct mem_stream stream;
    struct buf in;  // from the node
    struct buf out; // frames to it
    bool is_upgraded;
    bool is_synced;
    uint32_t n_asked;
    uint32_t read_peer;
    int64_t read_seq; // 0: nothing came
};

struct world {
    struct timers timers;
    struct job_queue later;
    struct clock clock;
    struct seeded chance;
    struct prng prng;
    struct auth_keyring keyring;
    struct store *store;
    struct bus *bus;
    struct whole_node node;
    struct wire wire;
    struct buf packet; // that is being written
    struct wallet wallets[N_WALLETS];
    uint32_t n_sent;
    uint32_t n_acked;
    uint32_t n_arrived;
    uint32_t n_writes;
    bool is_counting; // they are all connected
};

static int64_t unix_ms(struct clock *c)
{
    return UNIX_MS + container_of(c, struct world, clock)->timers.now_ms;
}

/** What the run is about has not come to be: there is nothing to count. */
_Noreturn static void give_up(const struct wallet *w, const char *why)
{
    fprintf(stderr, "cost: wallet %u: %s\n", w->i, why);
    abort();
}

/** Bytes that have come, from each of some wallets in a row, and all that follows from them. */
static void hear(struct world *w, uint32_t first, uint32_t n)
{
    timers_run(&w->timers, w->timers.now_ms + TURN_MS);
    for (uint32_t i = first; i < first + n; i++) {
        struct wallet *one = &w->wallets[i % N_WALLETS];
        struct stream *s = &one->stream.stream;
        if (one->out.len > 0)
            s->events->on_bytes(s->owner, buf_ptr(&one->out), one->out.len);
    }
    while (w->later.head)
        job_run_all(&w->later);
}

/** The kernel has taken what was written. */
static void flush(struct stream *s)
{
    buf_release(&s->out);
    if (s->events->on_drained)
        s->events->on_drained(s->owner);
}

// Callgrind counts what happens below these two, and nothing else.

#define COUNTED __attribute__((noinline))

COUNTED static void counted_hear(struct world *w, uint32_t first, uint32_t n)
{
    hear(w, first, n);
}

COUNTED static void counted_flush(struct stream *s)
{
    flush(s);
}

// A wallet.

/** It starts with the type of an Engine.IO packet. */
static struct buf *begin_packet(struct world *world)
{
    buf_clear(&world->packet);
    return &world->packet;
}

static void put_packet(struct wallet *w)
{
    const uint32_t key = (uint32_t)prng_next(&w->world->prng);

    frame_write(&w->out, FRAME_TEXT, key, buf_str(&w->world->packet));
}

static void put_join(struct wallet *w)
{
    struct world *world = w->world;
    struct auth_mint m = {
        .now_ms = clock_unix_ms(&world->clock), .ttl_ms = HEARTBEAT_MS, .session = STR("one")};
    struct buf *packet = begin_packet(world);
    char address[WIRE_ADDRESS_SIZE];

    wire_address(&world->wire, w->i, address);
    const int r = auth_account_parse(&m.account, (str){address, sizeof(address)}, 1);
    assert(r == 0);
    (void)r;
    put(packet, STR("40{\"token\":\""));
    auth_mint(packet, &world->keyring.signer, &m);
    put(packet, STR("\"}"));
    put_packet(w);
}

static void put_send(struct wallet *w)
{
    struct world *world = w->world;
    const uint64_t chance[2] = {prng_next(&world->prng), prng_next(&world->prng)};
    const uint32_t away = 1 + prng_below(&world->prng, N_PEERS / 2);
    const uint32_t to = w->i + (prng_below(&world->prng, 2) ? away : N_WALLETS - away);
    const struct wire_send send = {
        .mark = {.from = w->i, .to = to % N_WALLETS, .n = world->n_sent++},
        .ack_id = w->n_asked++,
        .chance = (const uint8_t *)chance,
    };

    wire_put_send(&world->wire, begin_packet(world), &send);
    put_packet(w);
}

/** Of all that came from one peer at once. */
static void put_read(struct wallet *w)
{
    if (w->read_seq == 0)
        return;
    wire_put_read(&w->world->wire, begin_packet(w->world), w->read_peer, w->read_seq);
    put_packet(w);
    w->read_seq = 0;
}

static void on_message(struct wallet *w, const struct wire_packet *p)
{
    struct wire_mark mark;

    if (wire_read_content(&w->world->wire, &mark, p->content) != 0 || mark.to != w->i)
        give_up(w, "a message that is not for it");
    wire_put_ack(begin_packet(w->world), p->ack_id);
    put_packet(w);
    if (w->read_peer != mark.from)
        put_read(w);
    w->read_peer = mark.from;
    w->read_seq = p->seq;
    w->world->n_arrived++;
}

/** A Socket.IO packet. */
static void on_packet(struct wallet *w, str text)
{
    struct wire_packet p;

    if (str_starts(text, STR("0")))
        return; // joined
    if (wire_read(&p, text) != 0)
        give_up(w, "what the protocol does not have");
    switch (p.kind) {
    case WIRE_ANSWER:
        if (!p.is_ok)
            give_up(w, "its message was refused");
        w->world->n_acked++;
        break;
    case WIRE_MESSAGE: on_message(w, &p); break;
    case WIRE_SYNCED: w->is_synced = true; break;
    case WIRE_ERROR: give_up(w, "an error");
    case WIRE_PAGE:
    case WIRE_OTHER: break;
    }
}

static void on_frame(struct wallet *w, const struct frame *f)
{
    str text = {f->payload, f->len};

    if (f->opcode != FRAME_TEXT || text.len == 0)
        give_up(w, "a frame of another kind");
    switch (*str_take(&text, 1).ptr) {
    case '0': put_join(w); break;
    case '4': on_packet(w, text); break;
    default: give_up(w, "a packet of another kind");
    }
}

static void take_upgrade(struct wallet *w)
{
    const str all = buf_str(&w->in);
    const char *end = all.len > 0 ? memmem(all.ptr, all.len, "\r\n\r\n", 4) : NULL;

    if (!end || !str_starts(all, STR("HTTP/1.1 101 ")))
        give_up(w, "no WebSocket");
    buf_consume(&w->in, (size_t)(end - all.ptr) + 4);
    w->is_upgraded = true;
}

/** What the node has written. */
static void read_all(struct wallet *w)
{
    struct stream *s = &w->stream.stream;
    struct frame f;
    size_t used;

    if (s->out.len == 0)
        return;
    put(&w->in, buf_str(&s->out));
    if (w->world->is_counting) {
        w->world->n_writes++;
        counted_flush(s);
    } else {
        flush(s);
    }
    if (!w->is_upgraded)
        take_upgrade(w);
    while (w->in.len > 0) {
        if (frame_read(&f, &used, buf_ptr(&w->in), w->in.len) != 0)
            give_up(w, "half a frame");
        on_frame(w, &f);
        buf_consume(&w->in, used);
    }
    put_read(w);
}

// The world.

/** Some of them are heard, one after the other, and then all have read what came of it. */
static void turn(struct world *w, uint32_t first, uint32_t n)
{
    if (w->is_counting) {
        counted_hear(w, first, n);
    } else {
        hear(w, first, n);
    }
    for (uint32_t i = first; i < first + n; i++)
        buf_clear(&w->wallets[i % N_WALLETS].out);
    for (uint32_t i = 0; i < N_WALLETS; i++)
        read_all(&w->wallets[i]);
}

static void connect(struct world *w, struct wallet *one, uint32_t i)
{
    one->world = w;
    one->i = i;
    buf_init(&one->in, QUEUED_MAX);
    buf_init(&one->out, QUEUED_MAX);
    mem_stream_init(&one->stream, QUEUED_MAX);
    http_server_accept(w->node.http, &one->stream.stream);
    put(&one->out, STR("GET /engine.io/?EIO=4&transport=websocket HTTP/1.1\r\n"
                       "Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                       "Sec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"));
}

static void start(struct world *w)
{
    static const struct store_limits limits = {
        .accepted = {.messages = UINT64_MAX, .bytes = UINT64_MAX},
        .stranger = {.messages = UINT64_MAX, .bytes = UINT64_MAX},
        .mailbox = UINT64_MAX,
    };

    w->later = JOB_QUEUE_INIT(w->later);
    w->clock.unix_ms = unix_ms;
    seeded_init(&w->chance, 1);
    buf_init(&w->packet, QUEUED_MAX);
    wire_init(&w->wire, &w->chance.rand, CONTENT);
    whole_node_keyring(&w->keyring, &w->chance.rand);
    w->store = store_mem_new(&w->later, &w->chance.rand, &limits);
    w->bus = bus_local_new(&w->later, &w->chance.rand);
    whole_node_start(&w->node, &(struct whole_node_ports){
                                   .store = w->store,
                                   .auth_store = store_mem_auth(w->store),
                                   .bus = w->bus,
                                   .keyring = &w->keyring,
                                   .timers = &w->timers,
                                   .later = &w->later,
                                   .clock = &w->clock,
                                   .rand = &w->chance.rand,
                                   .ping_ms = HEARTBEAT_MS,
                                   .pong_ms = HEARTBEAT_MS,
                               });
    for (uint32_t i = 0; i < N_WALLETS; i++)
        connect(w, &w->wallets[i], i);
}

/** They send what they have to, and acknowledge what has come. */
static void exchange(struct world *w)
{
    uint32_t first = 0;

    while (w->n_sent < N_MESSAGES) {
        for (uint32_t i = first; i < first + N_AT_ONCE; i++) {
            for (uint32_t n = 0; n < N_SENDS; n++)
                put_send(&w->wallets[i % N_WALLETS]);
        }
        turn(w, first, N_AT_ONCE);
        first = (first + N_AT_ONCE) % N_WALLETS;
    }
}

/** Until nobody has anything left to say. */
static void settle(struct world *w)
{
    bool is_quiet = false;

    while (!is_quiet) {
        turn(w, 0, N_WALLETS);
        is_quiet = true;
        for (uint32_t i = 0; i < N_WALLETS; i++)
            is_quiet &= w->wallets[i].out.len == 0;
    }
}

static void check(const struct world *w)
{
    const uint64_t n = chat_counters(w->node.chat)->receipts;

    if (w->n_acked != w->n_sent || w->n_arrived != w->n_sent)
        give_up(&w->wallets[0], "not all is acknowledged and delivered");
    printf("messages=%u writes=%u receipts=%llu\n", w->n_sent, w->n_writes,
           (unsigned long long)n);
}

static void stop(struct world *w)
{
    chat_shut_down(w->node.chat);
    eio_server_shut_down(w->node.eio);
    while (w->later.head)
        job_run_all(&w->later);
    for (uint32_t i = 0; i < N_WALLETS; i++) {
        mem_stream_end(&w->wallets[i].stream, STREAM_LOST);
        mem_stream_fini(&w->wallets[i].stream);
        buf_fini(&w->wallets[i].in);
        buf_fini(&w->wallets[i].out);
    }
    chat_stop(w->node.chat);
    while (w->later.head)
        job_run_all(&w->later);
    whole_node_fini(&w->node);
    while (w->later.head)
        job_run_all(&w->later);
    bus_free(w->bus);
    while (w->later.head)
        job_run_all(&w->later);
    store_free(w->store);
    auth_keyring_fini(&w->keyring);
    wire_fini(&w->wire);
    buf_fini(&w->packet);
}

int main(void)
{
    static struct world world;

    start(&world);
    settle(&world);
    world.is_counting = true;
    exchange(&world);
    settle(&world);
    check(&world);
    stop(&world);
    return 0;
}
