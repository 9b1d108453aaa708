/**
 * A bus that is not ordered and loses what the test says: what several nodes will have. Two of
 * them that are linked are what two nodes have; of one process, where the test says that they
 * lose nothing.
 */
#pragma once

#include "base/mem.h"
#include "chat/bus.h"

struct lossy_bus {
    struct bus bus;
    struct bus *inner;       // an ordered one, which does the work
    struct lossy_bus *other; // gets all that is published here, and the other way round
    bool (*loses)(void *arg, const struct bus_event *e);
    void *arg;
    const struct bus_handler *handler;
    void *handler_arg;
    int64_t reached;
};

static inline struct lossy_bus *lossy_of(struct bus *b)
{
    return container_of(b, struct lossy_bus, bus);
}

static inline void lossy_attach(struct bus *b, const struct bus_handler *handler, void *arg)
{
    lossy_of(b)->handler = handler;
    lossy_of(b)->handler_arg = arg;
    bus_attach(lossy_of(b)->inner, handler, arg);
}

static inline void lossy_subscribe(struct bus *b, const account *a)
{
    bus_subscribe(lossy_of(b)->inner, a);
}

static inline void lossy_unsubscribe(struct bus *b, const account *a)
{
    bus_unsubscribe(lossy_of(b)->inner, a);
}

static inline void lossy_watch(struct bus *b, const account *a)
{
    bus_watch(lossy_of(b)->inner, a);
}

static inline void lossy_unwatch(struct bus *b, const account *a)
{
    bus_unwatch(lossy_of(b)->inner, a);
}

static inline void lossy_publish(struct bus *b, const struct bus_event *e)
{
    struct lossy_bus *l = lossy_of(b);

    if (l->loses && l->loses(l->arg, e))
        return;
    bus_publish(l->inner, e);
    if (l->other)
        bus_publish(l->other->inner, e);
}

static inline void lossy_reach(struct bus *b, int64_t position)
{
    struct lossy_bus *l = lossy_of(b);
    const struct lossy_bus *other = l->other;

    l->reached = position;
    if (other && other->reached < position)
        position = other->reached;
    if (position == 0)
        return;
    bus_reach(l->inner, position);
    if (other)
        bus_reach(other->inner, position);
}

static inline void lossy_free(struct bus *b)
{
    if (lossy_of(b)->other)
        lossy_of(b)->other->other = NULL;
    bus_free(lossy_of(b)->inner);
    free(lossy_of(b));
}

static inline void lossy_gap(struct bus *b)
{
    lossy_of(b)->handler->on_gap(lossy_of(b)->handler_arg);
}

static const struct bus_ops lossy_ops = {
    .name = "lossy",
    .attach = lossy_attach,
    .subscribe = lossy_subscribe,
    .unsubscribe = lossy_unsubscribe,
    .watch = lossy_watch,
    .unwatch = lossy_unwatch,
    .publish = lossy_publish,
    .reach = lossy_reach,
    .free = lossy_free,
};

/** @param inner  moved */
static inline struct lossy_bus *lossy_new(struct bus *inner)
{
    struct lossy_bus *l = NEW(struct lossy_bus);

    l->bus.ops = &lossy_ops;
    l->inner = inner;
    return l;
}

static inline void lossy_link(struct lossy_bus *a, struct lossy_bus *b)
{
    a->other = b;
    b->other = a;
}
