/**
 * The bus of several nodes: each event goes to each node by itself, so that it may overtake
 * another, be late, or be lost. What a node has subscribed to, the bus of one worker knows.
 * Between those of one process nothing is lost, and how far all has come is told behind it.
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
    int64_t at_ms;
    int64_t reached;        // not 0: no event, but how far all has come
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

    if (h->reached > 0) {
        bus_reach(h->to->inner, h->reached);
    } else if (h->to->sim->is_cut_off[h->to->node]) {
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

static struct hint *hint_new(struct sim_bus *to, int64_t at_ms)
{
    struct hint *h = NEW(struct hint);

    h->to = to;
    h->at_ms = at_ms;
    list_push(&to->hints, &h->node);
    timer_init(&h->timer, on_time);
    timer_set(&to->sim->timers, &h->timer, at_ms);
    return h;
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
    struct hint *h = hint_new(to, sim->timers.now_ms + sim_between(sim, 0, sim->config.bus_ms));
    h->event = *e;
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

/** By all that there are. */
static int64_t least_reached(const struct sim *sim)
{
    int64_t least = INT64_MAX;

    for (unsigned i = 0; i < sim->config.n_nodes; i++) {
        if (sim->nodes[i] && sim->reached[i] < least)
            least = sim->reached[i];
    }
    return least;
}

/** Right behind the last one that is on its way there. */
static void tell_reached(struct sim_bus *to, int64_t reached)
{
    int64_t at_ms = to->sim->timers.now_ms;

    list_each (node, &to->hints) {
        const struct hint *h = container_of(node, struct hint, node);
        if (h->at_ms >= at_ms)
            at_ms = h->at_ms + 1;
    }
    hint_new(to, at_ms)->reached = reached;
}

static void sim_reach(struct bus *b, int64_t position)
{
    struct sim_bus *from = of(b);
    struct sim *sim = from->sim;

    if (from->is_over)
        return;
    sim->reached[from->node] = position;
    const int64_t least = least_reached(sim);
    for (unsigned i = 0; least > 0 && i < sim->config.n_nodes; i++) {
        if (sim->nodes[i])
            tell_reached(of(sim_node_bus(sim->nodes[i])), least);
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
    .reach = sim_reach,
    .free = sim_free,
};

struct bus *sim_bus_new(struct sim *sim, unsigned node)
{
    struct sim_bus *b = NEW(struct sim_bus);

    b->bus = (struct bus){.ops = &ops, .loses_nothing = sim->config.is_one};
    sim->reached[node] = 0;
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
