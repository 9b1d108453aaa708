/**
 * The bus between the loops of one process. Each has a front of its own; what is published at
 * one of them reaches all that have subscribed to the account, or watch it.
 *
 * It loses nothing, but promises no order: what two loops publish to a third may arrive there
 * the other way round.
 */
#pragma once

#include "base/rand.h"
#include "chat/bus.h"
#include "io/loop.h"

#define BUS_HUB_MAX 64 // fronts

struct bus_hub;

/** @return owned; bus_hub_free() */
struct bus_hub *bus_hub_new(struct rand *rand);

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
