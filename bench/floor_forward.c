#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "bench/floor.h"
#include "bench/floor_server.h"
#include "bench/frame.h"
#include "bench/net.h"
#include "bench/prng.h"

#define PATIENCE_US 10000000 // until the first frame has come

/** A client as simple as the server. */
struct end {
    struct forwarding *all;
    struct link *link;
};

struct forwarding {
    const struct floor_config *config;
    struct floor *result;
    struct floor_server server;
    struct net *net;
    struct prng prng;
    struct end *ends;
    uint32_t n_ends;
    char *content;
    size_t size;
    int64_t from_us; // when measuring begins; at first, when to give up
    uint64_t n_came;
    uint64_t n_before; // of these, those that came before it
    struct process_use server_from;
    struct process_use own_from;
    bool has_warmed_up;
    bool has_begun; // to measure
    bool has_failed;
};

static void fail(struct forwarding *f, const char *why)
{
    if (!f->has_failed)
        fprintf(stderr, "parley-bench: floor: %s\n", why);
    f->has_failed = true;
    net_stop(f->net);
}

static void send_one(struct end *e)
{
    struct forwarding *f = e->all;
    const uint64_t chance = prng_next(&f->prng);
    const uint32_t number = (uint32_t)(chance >> 32);

    memcpy(f->content, &number, FLOOR_NUMBER_SIZE);
    frame_write(link_out(e->link), FRAME_BINARY, (uint32_t)chance, (str){f->content, f->size});
}

static size_t on_bytes(void *owner, char *bytes, size_t n)
{
    struct end *e = owner;
    size_t used = 0;
    size_t one = 0;
    struct frame frame;

    for (; used < n; used += one) {
        const int r = frame_read(&frame, &one, bytes + used, n - used);
        if (r == FRAME_MORE)
            return used;
        if (r != 0) {
            fail(e->all, "what came is no frame");
            return n;
        }
        if (frame.len == FLOOR_ANSWER_SIZE) {
            send_one(e);
        } else {
            e->all->n_came++;
        }
    }
    return used;
}

static void on_end(void *owner, const char *why)
{
    struct end *e = owner;

    fail(e->all, why);
}

static const struct link_events link_events = {.on_bytes = on_bytes, .on_end = on_end};

static void use_now(struct forwarding *f, struct process_use *server, struct process_use *own)
{
    if (process_use((uint64_t)f->server.pid, server) != 0 || process_use(0, own) != 0)
        fail(f, "its server has ended");
}

static void finish(struct forwarding *f, int64_t now_us)
{
    struct process_use server = {0};
    struct process_use own = {0};

    use_now(f, &server, &own);
    f->result->n_forwarded = f->n_came - f->n_before;
    f->result->forward_us = now_us - f->from_us;
    f->result->server_cpu_us = server.cpu_us - f->server_from.cpu_us;
    f->result->own_cpu_us = own.cpu_us - f->own_from.cpu_us;
    net_stop(f->net);
}

static int64_t on_turn(void *arg, int64_t now_us)
{
    struct forwarding *f = arg;

    if (!f->has_warmed_up && f->n_came > 0) {
        f->has_warmed_up = true;
        f->from_us = now_us + FLOOR_WARM_UP_US;
    } else if (!f->has_warmed_up && now_us >= f->from_us) {
        fail(f, "no frame comes");
    } else if (f->has_warmed_up && !f->has_begun && now_us >= f->from_us) {
        f->has_begun = true;
        f->from_us = now_us;
        f->n_before = f->n_came;
        use_now(f, &f->server_from, &f->own_from);
    } else if (f->has_begun && now_us >= f->from_us + FLOOR_FORWARD_US) {
        finish(f, now_us);
    }
    return f->has_begun ? f->from_us + FLOOR_FORWARD_US : f->from_us;
}

static void drive(struct forwarding *f)
{
    f->from_us = net_now_us() + PATIENCE_US;
    for (uint32_t i = 0; i < f->n_ends; i++) {
        struct end *e = &f->ends[i];
        e->all = f;
        e->link = link_open(f->net, &f->server.address, &link_events, e);
        for (uint32_t k = 0; k < f->config->window; k++)
            send_one(e);
    }
    net_run(f->net);
}

int floor_forward(struct floor *out, const struct floor_config *config)
{
    struct forwarding f = {
        .config = config,
        .result = out,
        .prng = {config->seed},
        .n_ends =
            config->n_sessions < FLOOR_SESSIONS_MAX ? config->n_sessions : FLOOR_SESSIONS_MAX,
        .size = config->size < FLOOR_CONTENT_MAX ? config->size : FLOOR_CONTENT_MAX,
    };

    if (floor_server_start(&f.server) != 0)
        return FLOOR_FAILED;
    if (net_new(&f.net, on_turn, &f) == 0) {
        f.ends = mem_alloc(f.n_ends * sizeof(*f.ends));
        f.content = mem_alloc(f.size);
        drive(&f);
        net_free(f.net);
        free(f.ends);
        free(f.content);
    } else {
        f.has_failed = true;
    }
    floor_server_stop(&f.server);
    return f.has_failed ? FLOOR_FAILED : 0;
}
