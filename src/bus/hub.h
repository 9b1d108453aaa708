/**
 * The bus between the loops of one process. Each has a front of its own; what is published at
 * one of them reaches all that have subscribed to the account, or watch it.
 *
 * Alone it loses nothing, but promises no order: what two loops publish to a third may arrive
 * there the other way round. With an uplink (bus/uplink.h) it joins them to those of other
 * processes as well, and may lose: then nobody calls bus_reach().
 */
#pragma once

#include "base/rand.h"
#include "bus/uplink.h"
#include "io/loop.h"

#define BUS_HUB_MAX 64 // fronts

// Bytes of events from other processes that wait for one loop. Over it they are dropped, and
// the loop is told of a gap.
#define BUS_HUB_WAITING_MAX 16777216

struct bus_hub;

/** @param uplink  NULL: this process is alone. Borrowed for its life
 * @return owned; bus_hub_free() */
struct bus_hub *bus_hub_new(struct rand *rand, struct bus_uplink *uplink);

/** After its last front. NULL is fine. */
void bus_hub_free(struct bus_hub *hub);

/**
 * A front, for one loop.
 *
 * Thread: that of l, or l does not run yet. There are BUS_HUB_MAX of them at most.
 *
 * @param rand  used while it is made only
 * @param out   owned; bus_free(), on the loop @return 0 or a fault
 */
MUST_CHECK int bus_hub_join(struct bus **out, struct bus_hub *hub, struct loop *l,
                            struct rand *rand);

// For the uplink. Thread: any.

/** Put it to the fronts that want it. @return for how many of them it was dropped */
unsigned bus_hub_bring(struct bus_hub *hub, const struct bus_event *e);

/** What the front has wished for comes from now on. It may have been taken back meanwhile, and
 * the front may be gone. */
void bus_hub_confirm(struct bus_hub *hub, const struct bus_wish *wish);

#define BUS_HUB_ALL (~0U)

/** Something may have been lost. @param front  as in a wish, or BUS_HUB_ALL */
void bus_hub_tell_gap(struct bus_hub *hub, unsigned front);
