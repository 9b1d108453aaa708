/**
 * The bus of several nodes: each event goes to each node by itself, so that it may overtake
 * another, be late, or be lost. What a node has subscribed to, the bus of one worker knows.
 */
#include "bus/local.h"

#include "sim.h"

struct sim_bus {
    struct bus bus;
    struct sim *sim;
    unsigned node;
    struct bus *inner; // what has arrived at this node
    const struct bus_handler *handler;
    void *handler_arg;
    struct list hints; // on their way to it
    bool is_over;
};

struct hint {
    struct list node;
    struct timer timer;
    struct sim_bus *to;
    struct bus_event event; // its strings live as long as the disk
};

static struct sim_bus *of(struct bus *b)
{
    return container_of(b, struct sim_bus, bus);
}

static void hint_free(struct hint *h)
{
    timer_cancel(&h->to->sim->timers, &h->timer);
    list_remove(&h->node);
    free(h);
}

static void note_lost(struct sim *sim, const struct bus_event *e)
{
    if (e->kind == BUS_CROWDED)
        truth_on_crowded(sim, &e->to, INT64_MAX);
}

static void on_time(struct timer *t)
{
    struct hint *h = container_of(t, struct hint, timer);

    if (h->to->sim->is_cut_off[h->to->node]) {
        note_lost(h->to->sim, &h->event);
    } else {
        bus_publish(h->to->inner, &h->event);
    }
    hint_free(h);
}

static bool is_lost(struct sim *sim, unsigned from, unsigned to)
{
    if (from == to || sim->is_calm)
        return false;
    if (sim->is_cut_off[from] || sim->is_cut_off[to])
        return true;
    return sim->config.bus_loses > 0 && sim_one_in(sim, sim->config.bus_loses);
}

static void send_to(struct sim_bus *from, struct sim_bus *to, const struct bus_event *e)
{
    struct sim *sim = from->sim;

    sim->counters.hints++;
    if (is_lost(sim, from->node, to->node)) {
        sim->counters.hints_lost++;
        note_lost(sim, e);
        return;
    }
    struct hint *h = NEW(struct hint);
    h->to = to;
    h->event = *e;
    list_push(&to->hints, &h->node);
    timer_init(&h->timer, on_time);
    timer_set(&sim->timers, &h->timer,
              sim->timers.now_ms + sim_between(sim, 0, sim->config.bus_ms));
}

static void sim_publish(struct bus *b, const struct bus_event *e)
{
    struct sim_bus *from = of(b);
    struct sim *sim = from->sim;

    if (from->is_over)
        return;
    if (e->kind == BUS_CROWDED)
        truth_on_crowded(sim, &e->to, sim->timers.now_ms + sim->config.bus_ms);
    for (unsigned i = 0; i < sim->config.n_nodes; i++) {
        if (sim->nodes[i])
            send_to(from, of(sim_node_bus(sim->nodes[i])), e);
    }
}

static void sim_attach(struct bus *b, const struct bus_handler *handler, void *arg)
{
    of(b)->handler = handler;
    of(b)->handler_arg = arg;
    bus_attach(of(b)->inner, handler, arg);
}

static void sim_subscribe(struct bus *b, const account *a)
{
    bus_subscribe(of(b)->inner, a);
}

static void sim_unsubscribe(struct bus *b, const account *a)
{
    bus_unsubscribe(of(b)->inner, a);
}

static void sim_watch(struct bus *b, const account *a)
{
    bus_watch(of(b)->inner, a);
}

static void sim_unwatch(struct bus *b, const account *a)
{
    bus_unwatch(of(b)->inner, a);
}

static void sim_free(struct bus *b)
{
    list_each (node, &of(b)->hints)
        hint_free(container_of(node, struct hint, node));
    bus_free(of(b)->inner);
    free(of(b));
}

static const struct bus_ops ops = {
    .name = "sim",
    .attach = sim_attach,
    .subscribe = sim_subscribe,
    .unsubscribe = sim_unsubscribe,
    .watch = sim_watch,
    .unwatch = sim_unwatch,
    .publish = sim_publish,
    .free = sim_free,
};

struct bus *sim_bus_new(struct sim *sim, unsigned node)
{
    struct sim_bus *b = NEW(struct sim_bus);

    b->bus.ops = &ops;
    b->sim = sim;
    b->node = node;
    b->inner = bus_local_new(&sim->later, &sim->chance.rand);
    list_init(&b->hints);
    return &b->bus;
}

void sim_bus_end(struct bus *b)
{
    of(b)->is_over = true;
}

void sim_bus_gap(struct bus *b)
{
    of(b)->handler->on_gap(of(b)->handler_arg);
}
