/** Worlds as nodes have them: a bus that loses, a store that answers late. Fixtures. */
#pragma once

#include "support/chat_world.h"
#include "support/lossy_bus.h"

static inline int start_lossy(void **state)
{
    struct chat_world *w = NEW(struct chat_world);

    w->later = JOB_QUEUE_INIT(w->later);
    w->rand.bytes = world_rand;
    world_start(w, &lossy_new(bus_local_new(&w->later, &w->rand))->bus);
    *state = w;
    return 0;
}

static inline int start_late(void **state)
{
    struct chat_world *w = NEW(struct chat_world);

    w->reads_late = true;
    world_start(w, NULL);
    *state = w;
    return 0;
}
