/**
 * How far everything has come, where a bus loses nothing and keeps no order: what each node
 * has announced, up to which position. A session that is live was sent whatever has come, so
 * its numbers move there (pump.c), and the store need not be asked.
 *
 * Every CHAT_REACH_MS the horizon is noted, and a new turn begins. What goes to the store from
 * then on comes above the horizon; so when the changes of the turn before have been announced,
 * all of this node's are, up to there.
 */
#include "base/mem.h"
#include "chat/core.h"

struct reach {
    struct chat *chat;
    struct timer timer;
    int64_t horizon;   // when this turn began
    unsigned turn;     // 0 or 1
    size_t n_going[2]; // changes under way, by the turn that they began in
};

static void tell(const struct reach *r)
{
    bus_reach(r->chat->ports.bus, r->horizon);
}

static void begin_turn(struct reach *r, int64_t horizon)
{
    r->horizon = horizon;
    r->turn = 1 - r->turn;
    if (r->n_going[1 - r->turn] == 0)
        tell(r);
}

static void rest(struct reach *r);

static void on_time(struct timer *t)
{
    struct reach *r = container_of(t, struct reach, timer);
    const int64_t horizon = store_horizon(r->chat->ports.store);

    if (horizon > r->horizon && r->n_going[1 - r->turn] == 0)
        begin_turn(r, horizon);
    rest(r);
}

static void rest(struct reach *r)
{
    struct timers *timers = r->chat->ports.timers;

    timer_init(&r->timer, on_time);
    timer_set(timers, &r->timer, timers->now_ms + CHAT_REACH_MS);
}

uint8_t reach_begin(struct chat *c)
{
    struct reach *r = c->reach;

    if (!r)
        return 0;
    r->n_going[r->turn]++;
    return (uint8_t)(1 + r->turn);
}

void reach_end(struct chat *c, uint8_t change)
{
    struct reach *r = c->reach;

    if (change == 0)
        return;
    const unsigned turn = change - 1U;
    assert(r->n_going[turn] > 0);
    if (--r->n_going[turn] == 0 && turn != r->turn)
        tell(r);
}

// Its life.

void reach_init(struct chat *c)
{
    if (c->ports.bus->is_ordered || !c->ports.bus->loses_nothing)
        return;
    c->reach = NEW(struct reach);
    c->reach->chat = c;
    rest(c->reach);
}

void reach_fini(struct chat *c)
{
    if (!c->reach)
        return;
    timer_cancel(c->ports.timers, &c->reach->timer);
    free(c->reach);
}
