/**
 * What joins the hub of a process (bus/hub.h) to the hubs of others: the hub knows no more of
 * it than this. It may lose what it is given, and keeps no order but that of each front.
 *
 * No call waits for the network. What a front does in a turn is gathered in a batch, which is a
 * list of the uplink's own, in the order of the calls; at the end of the turn it is handed over
 * in one piece. Thread: any, but a batch is one front's.
 */
#pragma once

#include "base/list.h"
#include "chat/bus.h"

struct bus_hub;
struct bus_uplink;

enum bus_want {
    BUS_SUBSCRIBED,
    BUS_WATCHED,
};

#define BUS_WANTS 2

/** A front wants to hear of an account. */
struct bus_wish {
    enum bus_want how;
    account account;
    unsigned front;  // its number
    uint64_t ticket; // of one that waits for bus_hub_confirm(); 0: nobody waits
};

struct bus_uplink_ops {
    /** Before anything else; with NULL at the end: once that has returned, the hub hears
     * nothing any more. */
    void (*attach)(struct bus_uplink *u, struct bus_hub *hub);

    /** Whether it makes sense to wait for a confirmation. When it is up again, all fronts are
     * told of a gap. */
    bool (*is_up)(struct bus_uplink *u);

    /** Each wish is taken back once, by the same front. A subscription without a ticket was
     * confirmed already, because the uplink was not up: if it is by now, its front is told of a
     * gap once the wish is fulfilled. */
    void (*want)(struct bus_uplink *u, struct list *batch, const struct bus_wish *wish);
    void (*want_no_more)(struct bus_uplink *u, struct list *batch, const struct bus_wish *wish);

    /** May drop it. */
    void (*publish)(struct bus_uplink *u, struct list *batch, const struct bus_event *e);

    /** @param batch  moved; may be empty */
    void (*hand_over)(struct bus_uplink *u, struct list *batch);
};

/** One embeds this as its first member. */
struct bus_uplink {
    const struct bus_uplink_ops *ops;
};
